//! Temporary files on OpenOCD's machine: none stays behind, however the call that needs one ends.

use std::fmt::Write as _;
use std::time::Duration;

use openocd::{Error, quote};

use crate::board::Board;
use crate::directory::Directory;

/// More than one command to OpenOCD carries.
const COMMANDS: usize = 100_000;

/// A chip whose OpenOCD makes its temporary files in a directory of the test.
fn board() -> (Board, Directory) {
    let (board, directory) = (Board::jtag(), Directory::new());
    let template = quote(directory.path().join("file XXXXXX").to_str().unwrap()).into_owned();
    board
        .session
        .command(&format!(
            "rename file file_of_jim; set ::made 0
            proc file {{what args}} {{
                if {{$what ne {{tempfile}}}} {{ tailcall file_of_jim $what {{*}}$args }}
                incr ::made
                file_of_jim tempfile {template}
            }}"
        ))
        .unwrap();
    (board, directory)
}

/// How many files and how much data are left, and how many files were made.
fn left(board: &Board, directory: &Directory) -> (usize, String, String) {
    let files = std::fs::read_dir(directory.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("file ")
    });
    let session = &board.session;
    let data = session
        .command("set n 0; foreach name [info globals _openocd_rs_*_data] { incr n [array size ::$name] }; set n");
    (files.count(), data.unwrap(), session.command("set ::made").unwrap())
}

/// An SVF file of this many commands that do nothing, and then a scan.
fn svf(directory: &Directory, commands: usize, scan: &str) -> std::path::PathBuf {
    let path = directory.path().join("vectors.svf");
    let mut text = "HDR 0;\n".repeat(commands);
    let _ = writeln!(text, "{scan}");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn data_of_any_length_reaches_its_file_and_none_is_left() {
    let (board, directory) = board();
    for commands in [1, COMMANDS] {
        let file = svf(&directory, commands, "SIR 9 TDI (01F);");
        let report = board.session.jtag().svf(&file).timeout(Duration::from_secs(120)).run().unwrap();
        assert_eq!(report.commands as usize, commands + 1);
        let file = svf(&directory, commands, "SIR 9 TDI (01F) TDO (1ff) MASK (1ff);");
        board.session.jtag().svf(&file).timeout(Duration::from_secs(120)).run().unwrap_err();
    }
    assert_eq!(left(&board, &directory), (0, "0".to_owned(), "4".to_owned()));
}

#[test]
fn nothing_is_left_of_a_call_that_is_refused_or_late() {
    let (board, directory) = board();
    for commands in [1, COMMANDS] {
        let file = svf(&directory, commands, "SIR 9 TDI (01F);");
        for tap in ["a\0b", "a\u{1a}b", "no such tap"] {
            board.session.jtag().svf(&file).tap(tap).run().unwrap_err();
        }
        let error = board.session.jtag().svf(&file).timeout(Duration::ZERO).run().unwrap_err();
        assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    }
    // Only those with a wrong name reached OpenOCD.
    assert_eq!(left(&board, &directory), (0, "0".to_owned(), "2".to_owned()));
}
