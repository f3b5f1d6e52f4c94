//! OpenOCD's own semihosting, with firmware that prints and exits.

mod console;
mod ends;
mod groups;
mod other_threads;

use std::io::{self, Read, Write};
use std::time::Duration;

use openocd::{
    ConnectionError, Error, Redirected, Refused, ResetMode, SemihostingError, SemihostingStream, Session, TimeoutError,
};
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
fn settings_are_in_effect_afterwards() {
    let board = Board::start();
    let semihosting = board.session.semihosting();
    assert!(!semihosting.is_enabled().unwrap());
    for result in [semihosting.set_base_dir("/x"), semihosting.enable_resumable_exit()] {
        assert!(matches!(result, Err(Error::Semihosting(SemihostingError::Refused { .. }))), "{result:?}");
    }
    semihosting.enable().unwrap();
    semihosting.enable().unwrap();
    assert!(semihosting.is_enabled().unwrap());
    for line in ["", "firmware --all", "} [exec x] $y \\ \"quoted\"", "two\nlines"] {
        semihosting.set_command_line(line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    }
    semihosting.set_base_dir("/a b/{c").unwrap();
    semihosting.enable_resumable_exit().unwrap();
    semihosting.disable_resumable_exit().unwrap();
    semihosting.disable().unwrap();
    assert!(!semihosting.is_enabled().unwrap());
}

#[test]
fn a_target_without_semihosting_is_refused() {
    let session = interpreter();
    let result = session.semihosting().enable();
    let Err(Error::Semihosting(SemihostingError::Refused(Refused { failure, .. }))) = result else {
        panic!("{result:?}")
    };
    assert_eq!(failure.command(), "arm semihosting enable");
}

#[test]
fn the_output_comes_whole_and_then_openocd_ends_with_the_exit_status() {
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
fn openocd_and_the_firmware_survive_a_stream_that_is_dropped() {
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
    console.write_all(b"k").unwrap();
    wait_for_character(&board);
    assert_eq!(board.chip.read_u32(firmware::CHARACTER), Ok(u32::from(b'k')));
}

fn wait_for_character(board: &Board) {
    let begin = std::time::Instant::now();
    while board.chip.read_u32(firmware::CHARACTER) == Ok(0) {
        assert!(begin.elapsed() < PATIENCE, "the firmware got no input");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn input_that_is_written_early_is_held_until_the_firmware_asks() {
    let board = loaded(3, 0);
    board.session.semihosting().enable().unwrap();
    let mut console = board.session.semihosting().redirect(Redirected::All).unwrap();
    console.write_all(b"key").unwrap();
    // OpenOCD answers meanwhile, and drops what comes.
    std::thread::sleep(Duration::from_millis(500));
    board.session.command("expr 1").unwrap();
    board.session.target().resume().unwrap();
    wait_for_character(&board);
    assert_eq!(board.chip.read_u32(firmware::CHARACTER), Ok(u32::from(b'k')));
}

/// What a user's program may keep: nothing in it has a lifetime.
struct Bench {
    console: SemihostingStream,
    session: Session,
}

#[test]
fn a_stream_can_be_kept_with_its_session_and_moved_into_a_thread() {
    let board = loaded(0, 0);
    let session = board.session.clone();
    session.semihosting().enable().unwrap();
    let mut bench = Bench { console: session.semihosting().redirect(Redirected::All).unwrap(), session };
    let output = std::thread::spawn(move || {
        bench.session.target().resume().unwrap();
        let mut output = vec![0; firmware::OUTPUT.len()];
        bench.console.read_exact(&mut output).unwrap();
        output
    });
    assert_eq!(output.join().unwrap(), firmware::OUTPUT.as_bytes());
}

#[test]
fn a_redirection_needs_semihosting() {
    let board = Board::halted();
    let error = board.session.semihosting().redirect(Redirected::Stdio).unwrap_err();
    assert!(matches!(error, Error::Semihosting(SemihostingError::Refused { .. })), "{error:?}");
}

/// The addresses of a call, its parameters, its data, and its result.
const CODE: u32 = 0x2000_1000;
const BLOCK: u32 = 0x2000_1100;
const BUFFER: u32 = 0x2000_1200;
const RETURNED: u32 = 0x2000_1300;
const NOT_YET: u32 = 0xdead_beef;

/// Has the core make a call with these parameters, which OpenOCD serves, and returns its result.
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
