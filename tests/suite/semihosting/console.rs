//! The console that this crate serves.

use std::io::{self, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use openocd::{
    BreakpointKind, ConsoleOptions, Error, HaltReason, ResetMode, RunUntil, SemihostingConsole, SemihostingError,
    TargetState, TimeoutError, Verdict, WatchpointAccess,
};
use virtual_chip::firmware::{newlib, semihosting as firmware};

use super::loaded;
use crate::board::{Board, PATIENCE, interpreter};
use crate::directory::Directory;
use crate::run_until::before_calls;

fn serve(board: &Board) -> SemihostingConsole {
    let mut console = board.session.semihosting().serve().unwrap();
    console.set_read_timeout(Some(PATIENCE));
    console
}

/// A chip that is halted at the start of a C program.
fn program(elf: &[u8]) -> Board {
    let board = Board::start();
    board.chip.load_elf(elf);
    board.session.target().reset(ResetMode::Halt).unwrap();
    board
}

#[test]
fn a_console_reports_output_and_exit_and_openocd_lives_on() {
    let board = program(newlib::EXIT7);
    board.session.semihosting().enable().unwrap();
    let mut console = serve(&board);
    assert!(!board.session.semihosting().is_enabled().unwrap());
    board.session.target().resume().unwrap();
    let mut output = String::new();
    console.read_to_string(&mut output).unwrap();
    assert_eq!(output, newlib::EXIT7_OUTPUT);
    assert_eq!(console.wait_exit(PATIENCE).unwrap().status, 7);
    assert_eq!(board.session.target().status().unwrap().state, TargetState::Halted);
    assert!(board.session.semihosting().is_enabled().unwrap(), "as it was");
    assert_eq!(console.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn input_is_held_until_the_firmware_asks_and_the_firmware_waits_for_it() {
    let board = program(newlib::ECHO);
    let mut console = serve(&board);
    console.write_all(b"Ada\n").unwrap();
    thread::sleep(Duration::from_millis(50));
    board.session.target().resume().unwrap();
    let mut output = [0; 32];
    let mut length = 0;
    while !output[..length].ends_with(b"numbers? \n") {
        length += console.read(&mut output[length..]).unwrap();
    }
    // It waits, and the session is free meanwhile.
    console.set_read_timeout(Some(Duration::from_millis(50)));
    assert!(matches!(console.receive(&mut [0]), Err(Error::Timeout(TimeoutError::Semihosting { .. }))));
    board.session.memory().read_u32(0x2000_0000).unwrap();
    console.set_read_timeout(Some(PATIENCE));
    console.write_all(b"3 4\n").unwrap();
    let mut rest = String::new();
    console.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "3 + 4 = 7\n");
    assert_eq!(console.wait_exit(PATIENCE).unwrap().status, 7);
}

#[test]
fn input_that_is_closed_ends() {
    let board = program(newlib::ECHO);
    let mut console = serve(&board);
    console.close_input();
    board.session.target().resume().unwrap();
    assert_eq!(console.wait_exit(PATIENCE).unwrap().status, 101);
}

#[test]
fn a_breakpoint_behind_a_call_is_not_passed() {
    let board = loaded(0, 0);
    let call = board.session.target().run_until(RunUntil::new(), PATIENCE).unwrap().pc().unwrap();
    board.session.target().reset(ResetMode::Halt).unwrap();
    board.session.breakpoints().add(call + 2, BreakpointKind::Hardware).unwrap();
    let _console = serve(&board);
    board.session.target().resume().unwrap();
    let begin = Instant::now();
    while board.session.target().status().unwrap().pc != Some(call + 2) {
        assert!(begin.elapsed() < PATIENCE);
    }
}

#[test]
fn a_halt_before_a_call_remains_until_the_target_is_resumed() {
    for reason in [HaltReason::Watchpoint, HaltReason::Breakpoint] {
        let board = before_calls::storing_and_calling(3);
        let breakpoints = board.session.breakpoints();
        if reason == HaltReason::Watchpoint {
            breakpoints.add_watchpoint(before_calls::WATCHED.into(), 4, WatchpointAccess::Write).unwrap();
        } else {
            breakpoints.add(before_calls::CALL, BreakpointKind::Hardware).unwrap();
        }
        let mut console = serve(&board);
        board.session.target().resume().unwrap();
        thread::sleep(Duration::from_millis(100));
        let status = board.session.target().status().unwrap();
        assert_eq!((status.pc, status.halt_reason), (Some(before_calls::CALL), Some(reason)));
        board.session.target().resume().unwrap();
        let mut output = [0];
        console.read_exact(&mut output).unwrap_or_else(|error| panic!("{reason}: {error}"));
        assert_eq!(&output, b"x");
    }
}

#[test]
fn a_console_that_is_dropped_leaves_the_calls_alone() {
    let board = loaded(0, 0);
    drop(serve(&board));
    board.session.target().resume().unwrap();
    let status = board.session.target().wait_halt(PATIENCE).unwrap();
    thread::sleep(Duration::from_millis(50));
    assert_eq!(board.session.target().status().unwrap(), status);
}

#[test]
fn a_console_of_a_session_that_ends_returns_the_error() {
    let board = loaded(3, 0);
    let mut console = serve(&board);
    board.kill_openocd();
    assert!(matches!(console.receive(&mut [0]), Err(Error::Connection(_))));
    let error = console.receive(&mut [0]).unwrap_err();
    assert!(matches!(error, Error::Semihosting(SemihostingError::ConsoleEnded { .. })), "{error:?}");
}

#[test]
fn a_target_of_another_kind_is_unsupported() {
    let error = interpreter().semihosting().serve().unwrap_err();
    assert!(matches!(error, Error::Semihosting(SemihostingError::Unsupported { .. })), "{error:?}");
}

const CODE: u32 = 0x2000_1000;
const BLOCK: u32 = 0x2000_1100;
const BUFFER: u32 = 0x2000_1200;

/// The call of a program, served by this crate: its result, and whether it was refused.
fn call(board: &Board, options: Option<&Directory>, number: u32, block: &[u32], buffer: &[u8]) -> (u32, bool) {
    let memory = board.session.memory();
    memory.write_u16_slice(CODE.into(), &[0xbeab, 0xbe00]).unwrap();
    memory.write_u32_slice(BLOCK.into(), block).unwrap();
    memory.write_bytes(BUFFER.into(), buffer).unwrap();
    for (name, value) in [("r0", number), ("r1", BLOCK), ("pc", CODE)] {
        board.session.registers().write(name, value).unwrap();
    }
    let until = match options {
        Some(directory) => RunUntil::new().files(directory.path()).command_line("test --all"),
        None => RunUntil::new().semihosting(),
    };
    let outcome = board.session.target().run_until(until, PATIENCE).unwrap();
    assert!(matches!(outcome.verdict, Verdict::Halt(_)), "{outcome:?}");
    // OpenOCD may still hold it back from the core.
    let result = board.session.registers().read("r0").unwrap().value.to_u64().unwrap();
    (u32::try_from(result).unwrap(), !outcome.refused_calls.is_empty())
}

#[test]
fn files_and_shell_of_the_host_are_refused() {
    let directory = Directory::new();
    let canary = directory.path().join("canary");
    let board = Board::halted();
    let name = canary.to_str().unwrap();
    let length = name.len() as u32;
    let shell = format!("touch '{name}'");
    // OpenOCD serves the call if it is asked to. That is why there is another way.
    for (number, block, text) in [
        (0x12, vec![BUFFER, shell.len() as u32], &*shell),
        (0x01, vec![BUFFER, 4, length], name),
        (0x01, vec![BUFFER, 8, length], name),
        (0x0f, vec![BUFFER, length, BUFFER, length], name),
    ] {
        assert_eq!(call(&board, None, number, &block, text.as_bytes()), (u32::MAX, true), "{number:#x}");
        assert!(!canary.exists());
    }
    std::fs::write(&canary, "").unwrap();
    assert_eq!(call(&board, None, 0x0e, &[BUFFER, length], name.as_bytes()), (u32::MAX, true));
    assert!(canary.exists());
}

#[cfg(unix)]
#[test]
fn nothing_outside_the_directory_of_the_files_is_reached() {
    let outside = Directory::new();
    let directory = Directory::new();
    let canary = outside.path().join("canary");
    std::os::unix::fs::symlink(outside.path(), directory.path().join("link")).unwrap();
    std::os::unix::fs::symlink(&canary, directory.path().join("file_link")).unwrap();
    let board = Board::halted();
    let up = format!("../{}/canary", outside.path().file_name().unwrap().to_str().unwrap());
    for name in [canary.to_str().unwrap(), &*up, "link/canary", "file_link", "", ".", "..", "a\0b"] {
        for mode in [4, 8] {
            let block = [BUFFER, mode, name.len() as u32];
            assert_eq!(call(&board, Some(&directory), 0x01, &block, name.as_bytes()).0, u32::MAX, "{name:?}");
        }
        let inside = b"inside";
        std::fs::write(directory.path().join("inside"), "kept").unwrap();
        let texts = [name.as_bytes(), inside].concat();
        let target = BUFFER + name.len() as u32;
        let block = [target, 6, BUFFER, name.len() as u32];
        assert_eq!(call(&board, Some(&directory), 0x0f, &block, &texts).0, u32::MAX, "rename to {name:?}");
    }
    let shell = format!("touch '{}'", canary.display());
    assert_eq!(call(&board, Some(&directory), 0x12, &[BUFFER, shell.len() as u32], shell.as_bytes()), (u32::MAX, true));
    assert!(!canary.exists());
}

#[test]
fn files_below_the_directory_are_served() {
    let directory = Directory::new();
    std::fs::write(directory.path().join("in.txt"), "hello, file").unwrap();
    let board = Board::halted();
    // A program that opens, asks for the length, seeks and reads: each call in its turn, with the
    // handle of the first.
    let memory = board.session.memory();
    let handle = 0x7f01_0000_u32;
    memory.write_bytes(BUFFER.into(), b"in.txt\0").unwrap();
    let blocks = [(0x01, [BUFFER, 0, 6]), (0x0c, [handle, 0, 0]), (0x0a, [handle, 7, 0]), (0x06, [handle, BUFFER, 16])];
    let mut code = Vec::new();
    for (index, (number, block)) in (0..).zip(blocks) {
        memory.write_u32_slice(u64::from(BLOCK + 16 * index), &block).unwrap();
        // movs r0, #number; bkpt 0xab; str r0, [r2]; adds r2, #4; adds r1, #16
        code.extend([0x2000 | number, 0xbeab, 0x6010, 0x3204, 0x3110]);
    }
    code.push(0xbe00);
    memory.write_u16_slice(CODE.into(), &code).unwrap();
    let results = 0x2000_1300_u32;
    for (name, value) in [("r1", BLOCK), ("r2", results), ("pc", CODE)] {
        board.session.registers().write(name, value).unwrap();
    }
    let until = RunUntil::new().files(directory.path());
    let outcome = board.session.target().run_until(until, PATIENCE).unwrap();
    assert!(matches!(outcome.verdict, Verdict::Halt(_)) && outcome.refused_calls.is_empty(), "{outcome:?}");
    assert_eq!(memory.read_u32_vec(results.into(), 4).unwrap(), [handle, 11, 0, 16 - 4]);
    assert_eq!(memory.read_bytes(BUFFER.into(), 4).unwrap(), b"file");

    let name = b"in.txt";
    assert_eq!(call(&board, Some(&directory), 0x0e, &[BUFFER, 6], name), (0, false), "SYS_REMOVE");
    assert!(!directory.path().join("in.txt").exists());
    assert_ne!(call(&board, Some(&directory), 0x01, &[BUFFER, 4, 7], b"out.txt").0, u32::MAX);
    assert!(directory.path().join("out.txt").exists());
    assert_eq!(call(&board, Some(&directory), 0x15, &[BUFFER, 64], b""), (0, false), "SYS_GET_CMDLINE");
    assert_eq!(board.session.memory().read_bytes(BUFFER.into(), 11).unwrap(), b"test --all\0");
    assert_eq!(call(&board, Some(&directory), 0x15, &[BUFFER, 10], b""), (u32::MAX, false), "no room");
}

#[test]
fn a_length_that_a_register_has_no_room_for_is_an_error() {
    const OVERFLOW: u32 = 75;
    for (length, expected, errno) in [
        (u64::from(u32::MAX) - 1, u32::MAX - 1, 0),
        (u64::from(u32::MAX), u32::MAX, OVERFLOW),
        ((1 << 32) + 5, u32::MAX, OVERFLOW),
    ] {
        let directory = Directory::new();
        std::fs::File::create(directory.path().join("big")).unwrap().set_len(length).unwrap();
        let board = Board::halted();
        let memory = board.session.memory();
        // bkpt 0xab; str r0, [r1]; movs r0, #0xc; bkpt 0xab; mov r5, r0; movs r0, #0x13; bkpt 0xab; nop; bkpt 0
        let code = [0xbeab, 0x6008, 0x200c, 0xbeab, 0x4605, 0x2013, 0xbeab, 0xbf00, 0xbe00];
        memory.write_u16_slice(CODE.into(), &code).unwrap();
        memory.write_u32_slice(BLOCK.into(), &[BUFFER, 0, 3]).unwrap();
        memory.write_bytes(BUFFER.into(), b"big\0").unwrap();
        for (name, value) in [("r0", 1), ("r1", BLOCK), ("pc", CODE)] {
            board.session.registers().write(name, value).unwrap();
        }
        board.session.target().run_until(RunUntil::new().files(directory.path()), PATIENCE).unwrap();
        let answers = [5, 0].map(|number| board.chip.register(virtual_chip::Register::R(number)));
        assert_eq!(answers, [expected, errno], "{length:#x}");
    }
}

#[test]
fn a_directory_that_is_none_is_an_error() {
    let board = loaded(0, 0);
    let error = board.session.semihosting().serve_with(ConsoleOptions::new().files("/no/such/directory")).unwrap_err();
    assert!(matches!(error, Error::Semihosting(SemihostingError::Directory { .. })), "{error:?}");
    assert_eq!(board.chip.read_u32(firmware::CHARACTER), Ok(0));
}

#[test]
fn a_step_or_a_halt_before_a_call_remains_until_the_target_is_resumed() {
    for sleeps in [false, true] {
        let board = Board::halted();
        let code: u64 = 0x2000_1000;
        // nop or wfi; bkpt 0xab with SYS_WRITEC of `x`; b .
        let first = if sleeps { 0xbf30 } else { 0xbf00 };
        board.session.memory().write_u16_slice(code, &[first, 0xbeab, 0xe7fe]).unwrap();
        board.chip.write_u32(0x2000_1100, u32::from(b'x')).unwrap();
        for (register, value) in [("r0", 3), ("r1", 0x2000_1100), ("pc", code)] {
            board.session.registers().write(register, value).unwrap();
        }
        let mut console = serve(&board);
        let target = board.session.target();
        if sleeps {
            target.resume().unwrap();
            thread::sleep(Duration::from_millis(50));
            target.halt().unwrap();
        } else {
            target.step().unwrap();
        }
        thread::sleep(Duration::from_millis(100));
        let status = target.status().unwrap();
        assert_eq!((status.state, status.pc), (TargetState::Halted, Some(code + 2)), "sleeps: {sleeps}");
        console.set_read_timeout(Some(Duration::ZERO));
        let mut output = [0];
        assert!(console.read(&mut output).is_err(), "sleeps: {sleeps}: nothing was printed");
        console.set_read_timeout(Some(PATIENCE));
        target.resume().unwrap();
        console.read_exact(&mut output).unwrap_or_else(|error| panic!("sleeps: {sleeps}: {error}"));
        assert_eq!(&output, b"x");
    }
}
