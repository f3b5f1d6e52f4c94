//! Searches, dumps and loads.

use std::io::{self, Write};
use std::ops::Range;

use openocd::{Error, TargetError};

use super::{RAM, RAM_SIZE, noise};
use crate::board::Board;
use crate::directory::Directory;

#[test]
fn search_finds_every_match_also_across_pieces() {
    let board = Board::halted();
    board.chip.write_memory(RAM as u32, &vec![0; RAM_SIZE]).unwrap();
    // Pieces are 16 KiB: one match lies across their border, two overlap.
    for offset in [0, 16 * 1024 - 3, RAM_SIZE - 6] {
        board.chip.write_memory(RAM as u32 + offset as u32, b"needle").unwrap();
    }
    board.chip.write_memory(0x2000_0100, b"aaa").unwrap();
    let memory = board.session.memory();
    assert_eq!(
        memory.search(RAM..RAM + RAM_SIZE as u64, b"needle").unwrap(),
        [RAM, RAM + 16381, RAM + RAM_SIZE as u64 - 6]
    );
    assert_eq!(memory.search(RAM..RAM + RAM_SIZE as u64, b"aa").unwrap(), [0x2000_0100, 0x2000_0101]);
    assert_eq!(memory.search(RAM..RAM + 5, b"needle").unwrap(), []);
    assert_eq!(memory.search(RAM..RAM, b"needle").unwrap(), []);
    let turned = Range { start: RAM + 5, end: RAM };
    for refused in [memory.search(turned, b"needle"), memory.search(RAM..RAM + 5, b"")] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::InvalidArgument { .. })), "{error:?}");
    }
}

#[test]
fn dump_and_load_move_streams() {
    let board = Board::halted();
    let held = board.fill_ram(11);
    let memory = board.session.memory();
    let mut dumped = Vec::new();
    memory.dump_to(RAM + 1, RAM_SIZE as u64 - 1, &mut dumped).unwrap();
    assert_eq!(dumped, held[1..]);

    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("dump {}.bin", std::process::id()));
    memory.dump(RAM, RAM_SIZE as u64, &path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), held);
    board.fill_ram(12);
    assert_eq!(memory.load(RAM, &path).unwrap(), RAM_SIZE as u64);
    assert_eq!(board.ram(0, RAM_SIZE), held);
    std::fs::remove_file(&path).unwrap();

    let new = noise(13, RAM_SIZE - 7);
    assert_eq!(memory.load_from(RAM + 7, &new[..]).unwrap(), new.len() as u64);
    assert_eq!(board.ram(7, new.len()), new);
}

#[test]
fn failed_streams_report_path_address_and_progress() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or_else(|| io::Error::other("disk full"))?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let board = Board::halted();
    let error = board.session.memory().dump_to(RAM, RAM_SIZE as u64, Full(17_000)).unwrap_err();
    let Error::Target(TargetError::Stream { transferred, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(*transferred, 16 * 1024);
    let error = board.session.memory().load_from(RAM + RAM_SIZE as u64 - 4, &[0; 8][..]).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::MemoryWrite { .. })), "{error:?}");
    let error = board.session.memory().dump(RAM, 4, "/nonexistent/dump.bin").unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::Stream { transferred: 0, .. })), "{error:?}");
    let reason = "No such file or directory (os error 2)";
    let told = format!("cannot dump memory at 0x20000000, file /nonexistent/dump.bin, after 0 bytes: {reason}");
    assert_eq!(error.to_string(), told);
    let error = board.session.memory().load(RAM, "/nonexistent/load.bin").unwrap_err();
    let told = format!("cannot load memory at 0x20000000, file /nonexistent/load.bin, after 0 bytes: {reason}");
    assert_eq!(error.to_string(), told);
}

#[test]
fn failed_dump_leaves_the_file_as_it_was() {
    let board = Board::halted();
    let directory = Directory::new();
    let path = directory.path().join("dump.bin");
    let beyond = || board.session.memory().dump(RAM, RAM_SIZE as u64 + 0x1_0000, &path).unwrap_err();
    assert!(matches!(beyond(), Error::Target(TargetError::MemoryRead { .. })));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    std::fs::write(&path, "earlier").unwrap();
    beyond();
    assert_eq!(std::fs::read(&path).unwrap(), b"earlier");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn dump_to_a_device_writes_to_it() {
    let board = Board::halted();
    for length in [100, RAM_SIZE as u64] {
        let error = board.session.memory().dump(RAM, length, "/dev/full").unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::Stream { transferred: 0, .. })), "{error:?}");
    }
    board.session.memory().dump(RAM, 100, "/dev/null").unwrap();
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn fifo_that_nobody_reads_is_refused() {
    let board = Board::halted();
    let directory = Directory::new();
    let fifo = directory.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let dumped = board.session.memory().dump(RAM, 100, &fifo);
    let read = board.session.flash().read_to_file(0x0800_0000, 100, &fifo);
    for error in [dumped, read].map(Result::unwrap_err) {
        assert!(error.to_string().ends_with("it is a FIFO; expected a regular file"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn dump_keeps_the_mode_of_a_file_and_writes_where_a_link_leads() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let board = Board::halted();
    let directory = Directory::new();
    let [secret, link, new] = ["secret.bin", "link", "new.bin"].map(|name| directory.path().join(name));
    std::fs::write(&secret, "s").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    board.session.memory().dump(RAM, 100, &secret).unwrap();
    let metadata = std::fs::metadata(&secret).unwrap();
    assert_eq!((metadata.permissions().mode() & 0o777, metadata.len()), (0o600, 100));
    symlink("chain", &link).unwrap();
    symlink("new.bin", directory.path().join("chain")).unwrap();
    board.session.memory().dump(RAM, 64, &link).unwrap();
    assert_eq!(std::fs::metadata(&new).unwrap().len(), 64);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    let ring = directory.path().join("ring");
    symlink("ring", &ring).unwrap();
    assert!(board.session.memory().dump(RAM, 64, &ring).is_err());
    assert!(std::fs::symlink_metadata(&ring).unwrap().is_symlink());
    let long = directory.path().join("x".repeat(255));
    board.session.memory().dump(RAM, 10, &long).unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 6);
}
