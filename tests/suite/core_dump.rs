//! Core files that GDB opens.

#![allow(clippy::single_range_in_vec_init, reason = "a range is what a core file holds")]

use std::fs;
use std::path::Path;
use std::process::Command;

use openocd::{Error, TargetError, VectorCatch};
use virtual_chip::VirtualHart;

use crate::board::{Board, PATIENCE};
use crate::directory::Directory;

/// Three nested calls, of which the last reads from an address where nothing is.
pub const CRASH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/crash/crash.elf");
pub const RAM: std::ops::Range<u64> = 0x2000_0000..0x2000_5000;

/// What GDB prints for these commands, with a program beside the core file or without one.
pub fn gdb(program: Option<&str>, core: &Path, commands: &[&str]) -> String {
    let mut gdb = Command::new("gdb-multiarch");
    gdb.args(["-nx", "-batch", "-iex", "set debuginfod enabled off"]);
    gdb.args(program.map(|program| ["-ex".to_owned(), format!("file {program}")]).into_iter().flatten());
    gdb.arg("-ex").arg(format!("core-file {}", core.display()));
    gdb.args(commands.iter().flat_map(|command| ["-ex", command]));
    let output = gdb.output().expect("gdb-multiarch; on Debian: apt-get install gdb-multiarch");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// A chip that has crashed in `inner`, halted at the start of the handler.
pub fn crashed() -> Board {
    let board = Board::start();
    board.session.target().set_vector_catch(&VectorCatch::FAULTS).unwrap();
    board.chip.load_elf(&fs::read(CRASH).unwrap());
    board.session.target().wait_halt(PATIENCE).unwrap();
    board
}

fn has(text: &str, words: &[&str]) -> bool {
    text.lines().any(|line| line.split_whitespace().take(words.len()).eq(words.iter().copied()))
}

#[test]
fn gdb_shows_registers_memory_and_calls_of_a_crash() {
    let board = crashed();
    let directory = Directory::new();
    let core = directory.path().join("core");
    board.session.target().core_dump(&core, &[RAM]).unwrap();
    let commands = ["info registers", "x/4wx &values", "print where", "print/x values", "bt"];
    let text = gdb(Some(CRASH), &core, &commands);
    for name in ["r2", "r3", "r12", "sp", "pc"] {
        let value = board.session.registers().read(name).unwrap().value.to_u64().unwrap();
        assert!(has(&text, &[name, &format!("{value:#x}")]), "{name} {value:#x}\n{text}");
    }
    assert!(has(&text, &["lr", "0xfffffff9"]) && has(&text, &["xpsr", "0x1000003"]), "{text}");
    assert!(text.contains("0x11111111\t0x22222222\t0x33333333\t0x44444444"), "{text}");
    assert!(
        text.contains("$1 = 3") && text.contains("$2 = {0x11111111, 0x22222222, 0x33333333, 0x44444444}"),
        "{text}"
    );
    let (_, calls) = text.rsplit_once("#0 ").unwrap_or_else(|| panic!("{text}"));
    for (number, name) in [
        (1, "<signal handler called>"),
        (2, "touch ("),
        (3, "inner (depth="),
        (4, "middle (depth="),
        (5, "outer (depth="),
        (6, "reset ()"),
    ] {
        assert!(
            calls.lines().any(|line| line.starts_with(&format!("#{number} ")) && line.contains(name)),
            "{name}\n{text}"
        );
    }
}

#[test]
fn gdb_knows_the_core_without_the_firmware() {
    let board = Board::halted();
    board.session.memory().write_bytes(0x2000_0001, b"core dump").unwrap();
    board.session.registers().write("r7", 0x7777_0007_u32).unwrap();
    let directory = Directory::new();
    let core = directory.path().join("core");
    // Out of order, odd, and one right behind another.
    let ranges = [0x2000_4000..0x2000_4003, 0x2000_0001..0x2000_0005, 0x2000_0005..0x2000_000a];
    board.session.target().core_dump(&core, &ranges).unwrap();
    let text = gdb(None, &core, &["info registers", "x/9cb 0x20000001", "x/xb 0x20000000", "show architecture"]);
    assert!(has(&text, &["r7", "0x77770007"]) && has(&text, &["xpsr", "0x1000000"]), "{text}");
    assert!(text.contains("99 'c'") && text.contains("112 'p'"), "{text}");
    assert!(text.contains("Cannot access memory at address 0x20000000"), "{text}");
    assert!(text.contains("arm"), "{text}");
}

#[test]
fn gdb_opens_the_core_of_a_riscv_hart() {
    let hart = VirtualHart::start().unwrap();
    let session = openocd::Session::start(hart.openocd_config()).unwrap();
    session.target().halt().unwrap();
    session.registers().write("s11", 0x1b1b_1b1b_u32).unwrap();
    session.registers().write("fp", 0x8000_1000_u32).unwrap();
    session.memory().write_u32(0x8000_1000, 0x1234_5678).unwrap();
    let pc = session.registers().pc().unwrap();
    let directory = Directory::new();
    let core = directory.path().join("core");
    session.target().core_dump(&core, &[0x8000_0f00..0x8000_1100]).unwrap();
    let text = gdb(None, &core, &["info registers", "x/wx 0x80001000"]);
    assert!(has(&text, &["s11", "0x1b1b1b1b"]) && has(&text, &["fp", "0x80001000"]), "{text}");
    assert!(has(&text, &["pc", &format!("{pc:#x}")]), "{text}");
    assert!(text.contains("0x80001000:\t0x12345678"), "{text}");
}

#[test]
fn memory_that_cannot_be_read_leaves_no_file() {
    let board = Board::halted();
    let directory = Directory::new();
    let core = directory.path().join("core");
    fs::write(&core, "an older one").unwrap();
    let error = board.session.target().core_dump(&core, &[RAM, 0x6000_0000..0x6000_0004]).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::MemoryRead { address: 0x6000_0000, .. })), "{error:?}");
    assert_eq!(fs::read_to_string(&core).unwrap(), "an older one");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn running_target_is_refused_and_no_file_appears() {
    let board = Board::start();
    let directory = Directory::new();
    let error = board.session.target().core_dump(directory.path().join("core"), &[RAM]).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{error:?}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn file_that_cannot_be_created_is_an_error_that_names_it() {
    let board = Board::halted();
    let directory = Directory::new();
    for path in [directory.path().join("absent/core"), directory.path().join("..")] {
        let error = board.session.target().core_dump(&path, &[RAM]).unwrap_err();
        assert!(matches!(&error, Error::Target(TargetError::File { path: named, .. }) if *named == path), "{error:?}");
        assert!(error.to_string().starts_with(&format!("cannot write {}: ", path.display())), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_stays_what_it_is() {
    use std::os::unix::fs::FileTypeExt;
    let board = Board::halted();
    let directory = Directory::new();
    let [socket, link, file] = ["socket", "link", "file"].map(|name| directory.path().join(name));
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for path in [socket.as_path(), directory.path()] {
        let error = board.session.target().core_dump(path, &[RAM]).unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::File { .. })), "{error:?}");
    }
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
    // A link leads to the core.
    fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    board.session.target().core_dump(&link, &[RAM]).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read(&file).unwrap().starts_with(b"\x7fELF"));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "nothing else is left");
}

#[test]
fn core_replaces_an_older_file() {
    let board = Board::halted();
    let directory = Directory::new();
    let core = directory.path().join("core");
    fs::write(&core, "an older one").unwrap();
    board.session.target().core_dump(&core, &[]).unwrap();
    assert_eq!(fs::read(&core).unwrap()[..4], *b"\x7fELF");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn core_does_not_take_the_place_of_a_fifo_or_a_device() {
    let board = crashed();
    let directory = Directory::new();
    let path = directory.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let error = board.session.target().core_dump(&path, &[0x2000_0000..0x2000_0100]).unwrap_err();
    let Error::Target(TargetError::File { source, .. }) = error else { panic!("{error:?}") };
    assert_eq!(source.to_string(), "it is a FIFO; expected a regular file");
    let kind = fs::symlink_metadata(&path).unwrap().file_type();
    assert!(std::os::unix::fs::FileTypeExt::is_fifo(&kind));
}
