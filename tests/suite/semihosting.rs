//! OpenOCD's own semihosting, with firmware that prints and exits.

use std::io::{self, Read, Write};
use std::time::Duration;

use openocd::{ConnectionError, Error, Redirected, Refused, ResetMode, SemihostingError, TimeoutError};
use virtual_chip::firmware::semihosting as firmware;

use crate::board::{Board, PATIENCE, interpreter};
use crate::directory::Directory;

fn loaded(mode: u32, status: u32) -> Board {
    let board = Board::start();
    board.chip.load_firmware(firmware::IMAGE);
    board.session.target().reset(ResetMode::Halt).unwrap();
    board.chip.write_u32(firmware::MODE, mode).unwrap();
    board.chip.write_u32(firmware::STATUS, status).unwrap();
    board
}

#[test]
fn what_is_set_is_so() {
    let board = Board::start();
    let semihosting = board.session.semihosting();
    assert!(!semihosting.is_enabled().unwrap());
    for result in [semihosting.set_base_dir("/x"), semihosting.set_resumable_exit(true)] {
        assert!(matches!(result, Err(Error::Semihosting(SemihostingError::Refused { .. }))), "{result:?}");
    }
    semihosting.enable().unwrap();
    semihosting.enable().unwrap();
    assert!(semihosting.is_enabled().unwrap());
    for line in ["", "firmware --all", "} [exec x] $y \\ \"quoted\"", "two\nlines"] {
        semihosting.set_command_line(line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    }
    semihosting.set_base_dir("/a b/{c").unwrap();
    semihosting.set_resumable_exit(true).unwrap();
    semihosting.set_resumable_exit(false).unwrap();
    semihosting.disable().unwrap();
    assert!(!semihosting.is_enabled().unwrap());
}

#[test]
fn a_target_without_semihosting_says_so() {
    let session = interpreter();
    let result = session.semihosting().enable();
    let Err(Error::Semihosting(SemihostingError::Refused(Refused { failure, .. }))) = result else {
        panic!("{result:?}")
    };
    assert_eq!(failure.command(), "arm semihosting enable");
}

#[test]
fn the_output_comes_whole_and_then_the_end_with_the_exit_status() {
    let board = loaded(0, 42);
    board.session.semihosting().enable().unwrap();
    let mut console = board.session.semihosting().redirect(Redirected::All).unwrap();
    console.set_read_timeout(Some(PATIENCE));
    board.session.target().resume().unwrap();
    let mut output = vec![0; firmware::OUTPUT.len()];
    console.read_exact(&mut output).unwrap();
    assert_eq!(output, firmware::OUTPUT.as_bytes());
    let error = console.receive(&mut [0; 8]).unwrap_err();
    let Error::Connection(ConnectionError::ServerDied { report, .. }) = error else { panic!("{error:?}") };
    assert_eq!(report.exit_status.unwrap().code(), Some(42));
}

#[test]
fn nothing_printed_is_a_timeout() {
    let board = loaded(0, 0);
    board.session.semihosting().enable().unwrap();
    let mut console = board.session.semihosting().redirect(Redirected::All).unwrap();
    console.set_read_timeout(Some(Duration::from_millis(20)));
    assert!(matches!(console.receive(&mut [0; 8]), Err(Error::Timeout(TimeoutError::Semihosting { .. }))));
    assert_eq!(console.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_stream_that_is_dropped_takes_neither_openocd_nor_the_firmware_along() {
    let board = loaded(3, 0);
    board.session.semihosting().enable().unwrap();
    drop(board.session.semihosting().redirect(Redirected::All).unwrap());
    board.session.command("expr 1").unwrap();
    match board.session.semihosting().redirect(Redirected::Debug) {
        Ok(console) => drop(console),
        Err(error) => {
            assert!(matches!(error, Error::Semihosting(SemihostingError::AlreadyRedirected { .. })), "{error:?}");
        }
    }
    board.session.command("expr 1").unwrap();
    board.session.semihosting().disable().unwrap();
    board.session.memory().read_u32(0x2000_0000).unwrap();
}

#[test]
fn input_reaches_firmware_that_waits_for_it() {
    let board = loaded(3, 0);
    board.session.semihosting().enable().unwrap();
    let mut console = board.session.semihosting().redirect(Redirected::All).unwrap();
    console.set_read_timeout(Some(PATIENCE));
    board.session.target().resume().unwrap();
    let mut output = vec![0; firmware::OUTPUT.len()];
    console.read_exact(&mut output).unwrap();
    // OpenOCD drops what comes before the firmware waits, and then waits itself: what is sent again and again gets there.
    while board.chip.read_u32(firmware::CHARACTER) == Ok(0) {
        if console.write_all(b"k").is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(board.chip.read_u32(firmware::CHARACTER), Ok(u32::from(b'k')));
}

#[test]
fn a_redirection_needs_semihosting() {
    let board = Board::halted();
    let error = board.session.semihosting().redirect(Redirected::Stdio).unwrap_err();
    assert!(matches!(error, Error::Semihosting(SemihostingError::Refused { .. })), "{error:?}");
}

/// Where a call is made from, its parameters, what it hands over, and what it returned.
const CODE: u32 = 0x2000_1000;
const BLOCK: u32 = 0x2000_1100;
const BUFFER: u32 = 0x2000_1200;
const RETURNED: u32 = 0x2000_1300;
const NOT_YET: u32 = 0xdead_beef;

/// Has the core make a call, with these parameters, that OpenOCD serves, and gives what it returned.
fn call(board: &Board, operation: u32, parameter: u32) -> u32 {
    // BKPT 0xAB; STR r0, [r2]; B .
    board.session.memory().write_u16_slice(CODE.into(), &[0xbeab, 0x6010, 0xe7fe]).unwrap();
    board.chip.write_u32(RETURNED, NOT_YET).unwrap();
    let registers = board.session.registers();
    for (name, value) in [("r0", operation), ("r1", parameter), ("r2", RETURNED), ("pc", CODE)] {
        registers.write(name, value).unwrap();
    }
    board.session.target().resume().unwrap();
    let begin = std::time::Instant::now();
    while board.chip.read_u32(RETURNED) == Ok(NOT_YET) {
        assert!(begin.elapsed() < PATIENCE, "OpenOCD did not serve the call {operation:#x}");
        std::thread::sleep(Duration::from_millis(1));
    }
    board.session.target().halt().unwrap();
    board.chip.read_u32(RETURNED).unwrap()
}

/// The numbers are those of the semihosting specification of Arm.
#[test]
fn firmware_gets_the_command_line_and_files_of_the_base_directory() {
    let board = Board::halted();
    let semihosting = board.session.semihosting();
    semihosting.enable().unwrap();

    let line = "firmware --all \"two words\"";
    semihosting.set_command_line(line).unwrap();
    board.session.memory().write_u32_slice(BLOCK.into(), &[BUFFER, 64]).unwrap();
    assert_eq!(call(&board, 0x15, BLOCK), 0, "SYS_GET_CMDLINE");
    let got = board.session.memory().read_bytes(BUFFER.into(), line.len() as u64 + 1).unwrap();
    assert_eq!(got, [line.as_bytes(), b"\0"].concat());

    let directory = Directory::new();
    std::fs::write(directory.path().join("greeting.txt"), "hello, file").unwrap();
    let name = b"greeting.txt\0";
    board.session.memory().write_bytes(BUFFER.into(), name).unwrap();
    let open = [BUFFER, 0, name.len() as u32 - 1];
    board.session.memory().write_u32_slice(BLOCK.into(), &open).unwrap();
    assert_eq!(call(&board, 0x01, BLOCK), u32::MAX, "SYS_OPEN of a file that is elsewhere");
    semihosting.set_base_dir(directory.path().to_str().unwrap()).unwrap();
    let file = call(&board, 0x01, BLOCK);
    assert_ne!(file, u32::MAX, "SYS_OPEN");
    board.session.memory().write_u32(BLOCK.into(), file).unwrap();
    assert_eq!(call(&board, 0x0c, BLOCK), 11, "SYS_FLEN");
}
