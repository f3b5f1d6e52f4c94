//! What halts a target right before a semihosting call.

use std::time::Duration;

use openocd::{BreakpointKind, HaltReason, RunUntil, Verdict, WatchpointAccess};

use super::run;
use crate::board::Board;

pub(crate) const CODE: u32 = 0x0800_1000;
pub(crate) const WATCHED: u32 = 0x2000_1000;
const TEXT: u32 = 0x2000_1100;
pub(crate) const CALL: u64 = CODE as u64 + 2;

/// A chip that is about to store a word and to make this call, and then halts.
pub(crate) fn storing_and_calling(number: u32) -> Board {
    let board = Board::halted();
    // str r3, [r2]; bkpt 0xab; bkpt 0
    board.chip.write_memory(CODE, &[0x13, 0x60, 0xab, 0xbe, 0x00, 0xbe]).unwrap();
    board.chip.write_u32(TEXT, u32::from(b'x')).unwrap();
    for (register, value) in [("r0", number), ("r1", TEXT), ("r2", WATCHED), ("r3", 5), ("pc", CODE)] {
        board.session.registers().write(register, value).unwrap();
    }
    board
}

/// Runs to a halt for this reason before the call, and then over the call.
fn is_halted_and_calls_then(board: &Board, reason: HaltReason) {
    let outcome = run(board, RunUntil::new().semihosting());
    assert_eq!((&outcome.verdict, outcome.pc(), &*outcome.output), (&Verdict::Halt(reason), Some(CALL), &b""[..]));
    let outcome = run(board, RunUntil::new().semihosting());
    assert_eq!((outcome.output_text().as_str(), outcome.pc()), ("x", Some(CALL + 2)));
    assert_eq!(outcome.verdict, Verdict::Halt(HaltReason::Breakpoint));
}

#[test]
fn a_watchpoint_before_a_call_is_a_halt() {
    let board = storing_and_calling(3);
    board.session.breakpoints().add_watchpoint(WATCHED.into(), 4, WatchpointAccess::Write).unwrap();
    is_halted_and_calls_then(&board, HaltReason::Watchpoint);
}

#[test]
fn a_breakpoint_of_the_caller_at_a_call_is_a_halt() {
    let board = storing_and_calling(3);
    board.session.breakpoints().add(CALL, BreakpointKind::Hardware).unwrap();
    is_halted_and_calls_then(&board, HaltReason::Breakpoint);
}

#[test]
fn a_halt_before_a_call_at_the_deadline_is_the_verdict() {
    let board = storing_and_calling(3);
    board.session.breakpoints().add(CALL, BreakpointKind::Hardware).unwrap();
    let outcome = board.session.target().run_until(RunUntil::new().semihosting(), Duration::ZERO).unwrap();
    assert_eq!((outcome.verdict, outcome.output), (Verdict::Halt(HaltReason::Breakpoint), vec![]));
}

#[test]
fn a_run_that_begins_at_a_call_with_a_breakpoint_waits_for_input() {
    // SYS_READC
    let board = storing_and_calling(7);
    board.session.breakpoints().add(CALL, BreakpointKind::Hardware).unwrap();
    board.session.registers().write("pc", CALL).unwrap();
    for until in [RunUntil::new(), RunUntil::new().breakpoint(CALL)] {
        let (sender, receiver) = std::sync::mpsc::channel();
        let limit = Duration::from_millis(100);
        let outcome = board.session.target().run_until(until.input(receiver), limit).unwrap();
        assert_eq!((outcome.verdict, outcome.status.pc), (Verdict::Deadline, Some(CALL)));
        drop(sender);
    }
    let outcome = run(&board, RunUntil::new().input("y").breakpoint(CALL));
    assert_eq!((outcome.verdict, outcome.status.pc), (Verdict::Halt(HaltReason::Breakpoint), Some(CALL + 2)));
    assert_eq!(board.chip.register(virtual_chip::Register::R(0)), u32::from(b'y'));
}
