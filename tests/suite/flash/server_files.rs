//! Temporary files of OpenOCD that carry the bytes.

#[cfg(unix)]
use openocd::Session;
use openocd::{Error, FlashError, Image, WriteOptions};

use super::{BASE, SIZE};
use crate::board::Board;
#[cfg(unix)]
use crate::board::PATIENCE;
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

/// Every flash call that needs a temporary file, and the id of its error.
fn errors_without_files(board: &Board) -> [(&'static str, String); 6] {
    let flash = board.session.flash();
    let image = Image::bin(BASE + 0x4000, vec![0x5a; 2000]).unwrap();
    let calls = [
        ("flash.write", flash.write_image(&image).map(drop)),
        ("flash.write", flash.write_image_with(&image, WriteOptions::new().keep_unwritten(true)).map(drop)),
        ("flash.write", flash.write(BASE + 0x4000, &[1; 2000])),
        ("flash.read", flash.read(BASE, 0x1_0000).map(drop)),
        ("flash.verify", flash.verify(BASE, &[1; 2000]).map(drop)),
        ("flash.erase", flash.erase_address(BASE + 0x4000, 2048)),
    ];
    calls.map(|(id, result)| {
        let error = result.unwrap_err();
        assert_eq!(error.id(), id, "{error}");
        (id, error.to_string())
    })
}

#[test]
fn directory_that_takes_no_temporary_file_is_named_before_flash_is_changed() {
    let board = Board::halted();
    let before = board.held(BASE, SIZE as usize);
    board.session.command("set ::_openocd_rs_temporary {/nonexistent/a b/XXXXXX}").unwrap();
    let reason = "cannot write a temporary file in /nonexistent/a b on OpenOCD's machine: No such file or directory";
    for (id, text) in errors_without_files(&board) {
        assert!(text.contains(reason), "{id}: {text}");
    }
    assert!(board.held(BASE, SIZE as usize) == before);
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_of_openocds_machine_is_told_before_flash_is_changed() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = Directory::new();
    // Files of at most 1 KiB stand for a disk that is full.
    let limited = directory.path().join("openocd");
    let openocd = std::env::var("OPENOCD").unwrap_or_else(|_| "openocd".to_owned());
    std::fs::write(&limited, format!("#!/bin/sh\ntrap '' XFSZ\nulimit -f 1\nexec {openocd} \"$@\"\n")).unwrap();
    std::fs::set_permissions(&limited, std::fs::Permissions::from_mode(0o755)).unwrap();
    let board = Board::start_with(Session::builder().timeout(PATIENCE), |openocd| openocd.binary(&limited));
    board.session.target().halt().unwrap();
    let before = board.held(BASE, SIZE as usize);
    for (id, text) in errors_without_files(&board) {
        let (_, reason) =
            text.split_once("cannot write a temporary file in /").unwrap_or_else(|| panic!("{id}: {text}"));
        assert!(reason.contains(" on OpenOCD's machine: File too large"), "{id}: {text}");
    }
    assert!(board.held(BASE, SIZE as usize) == before);
}
