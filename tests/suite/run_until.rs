//! Verdicts, each with firmware that brings it about.

pub(crate) mod before_calls;
mod calls;
mod channels;
mod group;
mod last_lines;
mod limits;
mod lost_reply;
mod newlib;
mod panics;
mod refused;
mod riscv;
mod rtt;
mod semihosting;
mod sleep;
pub mod stops;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use openocd::{BreakpointKind, Error, HaltReason, ResetMode, RunOutcome, RunUntil, TargetError, TargetState, Verdict};
use virtual_chip::{CoreState, firmware};

use crate::board::{Board, PATIENCE};

/// A chip that is halted at the start of a program.
fn loaded(image: &[u8]) -> Board {
    let board = Board::start();
    board.chip.load_firmware(image);
    board.session.target().reset(ResetMode::Halt).unwrap();
    board
}

fn run(board: &Board, until: RunUntil<'_>) -> RunOutcome {
    board.session.target().run_until(until, PATIENCE).unwrap()
}

#[test]
fn a_breakpoint_exists_for_the_run_only() {
    let board = Board::halted();
    let outcome = run(&board, RunUntil::new().breakpoint(firmware::STOP.into()).breakpoint(firmware::WORK.into()));
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: firmware::WORK.into() });
    assert_eq!(outcome.pc(), Some(firmware::WORK.into()));
    assert!(board.session.breakpoints().list().unwrap().is_empty());
    // Once more from there: it comes round.
    let outcome = run(&board, RunUntil::new().breakpoint(firmware::WORK.into()));
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: firmware::WORK.into() });
}

#[test]
fn a_breakpoint_that_was_there_stays() {
    let board = Board::halted();
    board.session.breakpoints().add(firmware::WORK.into(), BreakpointKind::Hardware).unwrap();
    let outcome = run(&board, RunUntil::new().breakpoint(firmware::WORK.into()));
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: firmware::WORK.into() });
    assert_eq!(board.session.breakpoints().list().unwrap().len(), 1);
    // Of another's breakpoint it is a halt.
    let outcome = run(&board, RunUntil::new().breakpoint(firmware::STOP.into()));
    assert_eq!(outcome.verdict, Verdict::Halt(HaltReason::Breakpoint));
}

#[test]
fn a_breakpoint_at_the_address_of_a_function_pointer_is_recognised() {
    let board = Board::halted();
    let outcome = run(&board, RunUntil::new().breakpoint(u64::from(firmware::WORK) | 1));
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: firmware::WORK.into() });
    assert!(board.session.breakpoints().list().unwrap().is_empty());
}

#[test]
fn a_breakpoint_that_only_openocd_still_has_is_set_anew() {
    let board = Board::halted();
    let session = &board.session;
    // nop; nop; b .
    let program = [0xbf00, 0xbf00, 0xe7fe];
    session.memory().write_u16_slice(0x2000_0000, &program).unwrap();
    session.breakpoints().add(0x2000_0002, BreakpointKind::Software).unwrap();
    session.breakpoints().add(firmware::WORK.into(), BreakpointKind::Hardware).unwrap();
    // The program is loaded again, and the comparator is cleared.
    session.memory().write_u16_slice(0x2000_0000, &program).unwrap();
    session.memory().write_u32(0xe000_2008, 0).unwrap();
    for (start, address) in [(0x2000_0000, 0x2000_0002), (firmware::WORK | 1, firmware::WORK)] {
        session.registers().write("pc", start & !1).unwrap();
        let outcome = run(&board, RunUntil::new().breakpoint(address.into()));
        assert_eq!(outcome.verdict, Verdict::Breakpoint { address: address.into() });
    }
    assert_eq!(session.breakpoints().list().unwrap().len(), 2);
}

#[test]
fn a_breakpoint_in_ram_is_a_software_breakpoint() {
    let board = Board::halted();
    // nop; nop; b .
    board.session.memory().write_u16_slice(0x2000_0000, &[0xbf00, 0xbf00, 0xe7fe]).unwrap();
    board.session.registers().write("pc", 0x2000_0000_u32).unwrap();
    let outcome = run(&board, RunUntil::new().breakpoint(0x2000_0002));
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: 0x2000_0002 });
    assert_eq!(board.session.memory().read_u16(0x2000_0002).unwrap(), 0xbf00);
}

#[test]
fn one_breakpoint_too_many_leaves_none_behind() {
    let board = Board::halted();
    let until = (0..7).fold(RunUntil::new(), |until, n| until.breakpoint(0x0800_0100 + 2 * n));
    let error = board.session.target().run_until(until, PATIENCE).unwrap_err();
    assert!(matches!(error, Error::Breakpoint(openocd::BreakpointError::NoComparator { .. })), "{error:?}");
    assert!(board.session.breakpoints().list().unwrap().is_empty());
    assert_eq!(board.chip.state(), CoreState::Halted);
}

#[test]
fn a_halt_is_reported_with_its_reason() {
    let board = Board::halted();
    // bkpt 0x01, which is no semihosting.
    board.session.memory().write_u16_slice(0x2000_0000, &[0xbf00, 0xbe01]).unwrap();
    board.session.registers().write("pc", 0x2000_0000_u32).unwrap();
    let outcome = run(&board, RunUntil::new().semihosting());
    assert_eq!((outcome.verdict, outcome.status.pc), (Verdict::Halt(HaltReason::Breakpoint), Some(0x2000_0002)));

    // Without `semihosting`, a semihosting call is a halt as any other.
    let board = semihosting::exiting(0, 0);
    let outcome = run(&board, RunUntil::new());
    assert_eq!(outcome.verdict, Verdict::Halt(HaltReason::Semihosting));
    assert!(outcome.output.is_empty());
}

#[test]
fn a_caught_hard_fault_is_a_crash() {
    let board = Board::halted();
    board.session.command("cortex_m vector_catch hard_err").unwrap();
    // udf #0
    board.session.memory().write_u16(0x2000_0000, 0xde00).unwrap();
    board.session.registers().write("pc", 0x2000_0000_u32).unwrap();
    let outcome = run(&board, RunUntil::new().semihosting().breakpoint(firmware::WORK.into()));
    assert_eq!(
        outcome.verdict,
        Verdict::Crash { exception: openocd::crash::ExceptionNumber(3), fault_pc: Some(0x2000_0000) }
    );
    assert_eq!(outcome.pc(), Some(firmware::STOP.into()));
}

#[test]
fn a_lockup_is_a_verdict() {
    let board = Board::halted();
    // A fault, in whose handler is another one: `udf #0`.
    board.chip.write_memory(firmware::STOP, &[0x00, 0xde]).unwrap();
    for until in [RunUntil::new(), RunUntil::new().semihosting()] {
        board.session.target().reset(ResetMode::Halt).unwrap();
        board.session.registers().write("pc", 0x6000_0000_u32).unwrap();
        let outcome = run(&board, until);
        assert_eq!((outcome.verdict, outcome.status.state), (Verdict::Lockup, TargetState::Halted));
    }
    // At the deadline, too.
    board.session.target().reset(ResetMode::Halt).unwrap();
    board.session.registers().write("pc", 0x6000_0000_u32).unwrap();
    let outcome = board.session.target().run_until(RunUntil::new(), Duration::ZERO).unwrap();
    assert_eq!(outcome.verdict, Verdict::Lockup);
}

#[test]
fn a_halt_by_another_client_ends_the_run() {
    let board = Board::halted();
    let halted = AtomicBool::new(false);
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            while board.chip.state() != CoreState::Running {
                thread::yield_now();
            }
            halted.store(true, Ordering::Release);
            board.session.command("halt").unwrap();
        });
        run(&board, RunUntil::new())
    });
    assert!(halted.load(Ordering::Acquire));
    assert_eq!(outcome.verdict, Verdict::Halt(HaltReason::DebugRequest));
}

#[test]
fn a_deadline_halts_the_target() {
    let board = Board::halted();
    let begin = std::time::Instant::now();
    let outcome = board
        .session
        .target()
        .run_until(RunUntil::new().breakpoint(firmware::STOP.into()), Duration::from_millis(80))
        .unwrap();
    assert_eq!(outcome.verdict, Verdict::Deadline);
    assert!(begin.elapsed() >= Duration::from_millis(80) && outcome.elapsed >= Duration::from_millis(80));
    assert_eq!((outcome.status.state, board.chip.state()), (TargetState::Halted, CoreState::Halted));
    assert!(outcome.pc().is_some());
    assert!(board.session.breakpoints().list().unwrap().is_empty());
}

#[test]
fn a_running_target_is_refused() {
    let board = Board::start();
    let error = board.session.target().run_until(RunUntil::new(), PATIENCE).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{error:?}");
}

#[test]
fn the_end_of_openocd_is_a_connection_error() {
    let board = Board::halted();
    let error = thread::scope(|scope| {
        let running = scope.spawn(|| board.session.target().run_until(RunUntil::new(), PATIENCE));
        while board.chip.state() != CoreState::Running {
            thread::yield_now();
        }
        board.kill_openocd();
        running.join().unwrap().unwrap_err()
    });
    assert!(matches!(error, Error::Connection(_)), "{error:?}");
}

#[test]
fn verdicts_are_printed_as_text() {
    for (verdict, text) in [
        (Verdict::Halt(HaltReason::Watchpoint), "halted (watchpoint)"),
        (Verdict::Breakpoint { address: 0x0800_0040 }, "breakpoint at 0x08000040"),
        (Verdict::Exit { status: -1, reason: 0x20026 }, "exit with status -1"),
        (Verdict::Line("a\"b".into()), "line \"a\\\"b\""),
        (Verdict::Line("a\x1b[2J".into()), "line \"a\\u{1b}[2J\""),
        (Verdict::Lockup, "locked up"),
        (Verdict::Deadline, "deadline passed"),
    ] {
        assert_eq!(verdict.to_string(), text);
    }
}

/// The text of all lines of an outcome.
fn texts(outcome: &RunOutcome) -> Vec<&str> {
    outcome.texts().collect()
}
