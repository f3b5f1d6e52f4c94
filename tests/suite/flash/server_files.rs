//! Temporary files of OpenOCD that carry the bytes.

use openocd::{Error, FlashError};

use super::BASE;
use crate::board::Board;
#[cfg(unix)]
use crate::directory::Directory;

#[cfg(unix)]
#[test]
fn temporary_files_are_private_and_removed() {
    let board = Board::halted();
    let flash = board.session.flash();
    let directory = Directory::new();
    // OpenOCD makes its temporary files in this directory, and otherwise as before.
    let template = openocd::quote(directory.path().join("my [files] XXXXXX").to_str().unwrap()).into_owned();
    board
        .session
        .command(&format!(
            "rename file file_of_jim; set ::modes {{}}; set ::template {template}
            proc file {{what args}} {{
                if {{$what ne {{tempfile}}}} {{ tailcall file_of_jim $what {{*}}$args }}
                set path [file_of_jim tempfile $::template]
                lappend ::modes [exec stat -c %a $path]
                return $path
            }}"
        ))
        .unwrap();
    flash.write(BASE + 0x4000, &[1, 2, 3, 4]).unwrap();
    assert_eq!(flash.read(BASE + 0x4000, 4).unwrap(), [1, 2, 3, 4]);
    flash.read(BASE, 100).unwrap();
    board.session.target().resume().unwrap();
    flash.write(BASE + 0x5000, &[1, 2, 3, 4]).unwrap_err();
    board.session.target().halt().unwrap();
    board.chip.faults().bus_fault_at(0x0800_9000..0x0800_9004);
    flash.read(0x0800_9000, 4).unwrap_err();
    let modes = board.session.command("set ::modes").unwrap();
    let modes: Vec<_> = modes.split_whitespace().collect();
    assert!(modes.len() >= 6, "{modes:?}");
    assert!(modes.iter().all(|mode| *mode == "600"), "{modes:?}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_temporary_file_that_is_damaged_is_not_used() {
    let board = Board::halted();
    // A disk that loses what is written to it.
    board.session.command("rename puts puts_of_jim; proc puts {args} {}").unwrap();
    let error = board.session.flash().write(BASE + 0x4000, &[1, 2, 3, 4]).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::Write { written: 0, .. })), "{error}");
    assert!(error.to_string().contains("does not hold what was written to it"), "{error}");
    assert_eq!(board.held(BASE + 0x4000, 4), [0xff; 4]);
}
