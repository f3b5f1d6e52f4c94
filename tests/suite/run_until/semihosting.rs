//! Firmware that exits by semihosting.

use std::time::Duration;

use openocd::{BreakpointKind, Error, HaltReason, ResetMode, RunUntil, TargetState, Verdict};
use virtual_chip::firmware;

use super::{loaded, run};
use crate::board::{Board, PATIENCE};

/// The semihosting firmware, told how to exit.
pub(super) fn exiting(mode: u32, status: u32) -> Board {
    let board = loaded(firmware::semihosting::IMAGE);
    board.chip.write_u32(firmware::semihosting::MODE, mode).unwrap();
    board.chip.write_u32(firmware::semihosting::STATUS, status).unwrap();
    board
}

#[test]
fn an_exit_is_reported_with_its_status_and_the_output() {
    for (mode, given, status, reason) in [
        (0, 0, 0, 0x20026),
        (0, 7, 7, 0x20026),
        (0, u32::MAX, -1, 0x20026),
        (1, 0, 0, 0x20026),
        (2, 0x20023, 1, 0x20023),
    ] {
        let board = exiting(mode, given);
        board.chip.write_u32(firmware::semihosting::CLOCK, u32::MAX).unwrap();
        let outcome = run(&board, RunUntil::new().semihosting());
        assert_eq!(outcome.verdict, Verdict::Exit { status, reason });
        assert_eq!(outcome.output_text(), firmware::semihosting::OUTPUT);
        assert_eq!(outcome.status.state, TargetState::Halted);
        let pc = u32::try_from(outcome.pc().unwrap()).unwrap();
        assert_eq!(board.chip.read_u32(pc & !3).unwrap() >> (8 * (pc & 2)) & 0xffff, 0xbeab, "it stands at the call");
        assert_eq!(board.chip.read_u32(firmware::semihosting::NOT_WRITTEN), Ok(0));
        assert!(board.chip.read_u32(firmware::semihosting::CLOCK).unwrap() < 100_000, "centiseconds");
        assert!(outcome.refused_calls.is_empty());
        assert!(!board.session.semihosting().is_enabled().unwrap());
    }
}

#[test]
fn an_outcome_is_a_message_for_an_assertion() {
    let board = exiting(0, 3);
    let outcome = run(&board, RunUntil::new().semihosting());
    let text = outcome.to_string();
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(
        first.starts_with("exit with status 3 after ") && first.contains(" s; stm32f1x.cpu is halted at 0x"),
        "{text}"
    );
    assert_eq!(rest.lines().count(), outcome.lines.len(), "{text}");
    for (shown, line) in rest.lines().zip(&outcome.lines) {
        assert_eq!(shown, format!("  {}: {}", line.source, line.text.trim_end()));
    }
}

#[test]
fn openocd_survives_an_exit_and_serves_semihosting_afterwards() {
    let board = exiting(0, 3);
    board.session.semihosting().enable().unwrap();
    let outcome = run(&board, RunUntil::new().semihosting());
    assert_eq!(outcome.verdict, Verdict::Exit { status: 3, reason: 0x20026 });
    assert!(board.session.semihosting().is_enabled().unwrap());
}

/// Runs again and again, as long as `limit`, until the firmware exits; what it printed in all.
fn run_to_the_exit(board: &Board, limit: Duration) -> String {
    let mut output = String::new();
    for _ in 0..1000 {
        let outcome = board.session.target().run_until(RunUntil::new().semihosting(), limit).unwrap();
        output += &outcome.output_text();
        assert_eq!((outcome.refused_calls, outcome.status.state), (vec![], TargetState::Halted), "after {output:?}");
        match outcome.verdict {
            Verdict::Deadline => {}
            verdict => {
                assert_eq!(verdict, Verdict::Exit { status: 3, reason: 0x20026 }, "after {output:?}");
                return output;
            }
        }
    }
    panic!("no exit, after {output:?}");
}

/// Where the first call stands.
fn first_call(board: &Board) -> u64 {
    let outcome = run(board, RunUntil::new());
    assert_eq!(outcome.verdict, Verdict::Halt(HaltReason::Semihosting));
    outcome.pc().unwrap()
}

#[test]
fn a_deadline_loses_no_call() {
    let board = exiting(0, 3);
    for limit in (0..24).step_by(2) {
        assert_eq!(run_to_the_exit(&board, Duration::from_millis(limit)), firmware::semihosting::OUTPUT, "{limit} ms");
        // It stands at that call.
        assert_eq!(run_to_the_exit(&board, Duration::ZERO), "");
        board.session.target().reset(ResetMode::Halt).unwrap();
    }
}

#[test]
fn a_call_at_which_the_target_is_halted_already_is_served() {
    let board = exiting(0, 3);
    let call = first_call(&board);
    assert_eq!(run_to_the_exit(&board, PATIENCE), firmware::semihosting::OUTPUT);

    // A breakpoint at the call comes first, and is not in its way then.
    board.session.target().reset(ResetMode::Halt).unwrap();
    for (nth, text) in [(0, ""), (1, firmware::semihosting::OUTPUT)] {
        let outcome = run(&board, RunUntil::new().semihosting().breakpoint(call));
        assert_eq!((outcome.output_text().as_str(), outcome.refused_calls), (text, vec![]));
        if nth == 0 {
            assert_eq!(outcome.verdict, Verdict::Breakpoint { address: call });
        } else {
            assert_eq!(outcome.verdict, Verdict::Exit { status: 3, reason: 0x20026 });
        }
    }

    // Nor is one of another's.
    board.session.target().reset(ResetMode::Halt).unwrap();
    board.session.breakpoints().add(call, BreakpointKind::Hardware).unwrap();
    let outcome = run(&board, RunUntil::new().semihosting());
    assert_eq!((outcome.verdict, outcome.status.pc), (Verdict::Halt(HaltReason::Breakpoint), Some(call)));
    assert_eq!(run_to_the_exit(&board, PATIENCE), firmware::semihosting::OUTPUT);
}

#[test]
fn a_breakpoint_behind_a_call_is_not_passed() {
    let board = exiting(0, 3);
    let behind = first_call(&board) + 2;
    board.session.target().reset(ResetMode::Halt).unwrap();
    let outcome = run(&board, RunUntil::new().semihosting().breakpoint(behind));
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: behind });
    let printed = outcome.output_text();
    let outcome = run(&board, RunUntil::new().semihosting().breakpoint(behind));
    assert_eq!(printed + &outcome.output_text(), firmware::semihosting::OUTPUT);
    assert_eq!(outcome.verdict, Verdict::Exit { status: 3, reason: 0x20026 });

    // Two calls, and a BKPT that is none.
    board.session.memory().write_u16_slice(0x2000_0000, &[0xbeab, 0xbeab, 0xbe00]).unwrap();
    board.session.memory().write_u8(0x2000_0100, b'x').unwrap();
    for (register, value) in [("r0", 3_u32), ("r1", 0x2000_0100), ("pc", 0x2000_0000)] {
        board.session.registers().write(register, value).unwrap();
    }
    let outcome = run(&board, RunUntil::new().semihosting());
    // The answer to the first is the number of the second.
    assert_eq!((outcome.output_text().as_str(), outcome.refused_calls), ("x", vec![0]));
    assert_eq!((outcome.verdict, outcome.status.pc), (Verdict::Halt(HaltReason::Breakpoint), Some(0x2000_0004)));
}

#[test]
fn a_crash_that_is_reported_as_an_exit_is_no_success() {
    for (block, status) in [([0x20026, 0], 0), ([0x20023, 0], 1), ([0x20023, 5], 5), ([0x20000, 0], 1)] {
        let board = Board::halted();
        board.session.memory().write_u16(0x2000_0000, 0xbeab).unwrap();
        board.session.memory().write_u32_slice(0x2000_0100, &block).unwrap();
        // SYS_EXIT_EXTENDED
        for (register, value) in [("r0", 0x20_u32), ("r1", 0x2000_0100), ("pc", 0x2000_0000)] {
            board.session.registers().write(register, value).unwrap();
        }
        assert_eq!(run(&board, RunUntil::new().semihosting()).verdict, Verdict::Exit { status, reason: block[0] });
    }
}

#[test]
fn input_reaches_the_firmware_and_ends() {
    for (input, expected) in [(&b"x"[..], u32::from(b'x')), (b"", u32::MAX), (b"\xff", 0xff)] {
        let board = exiting(3, 0);
        let outcome = run(&board, RunUntil::new().input(input));
        assert!(matches!(outcome.verdict, Verdict::Exit { status: 0, .. }));
        assert_eq!(board.chip.read_u32(firmware::semihosting::CHARACTER), Ok(expected));
    }
}

#[test]
fn a_call_that_points_nowhere_is_an_error() {
    let board = Board::halted();
    // `bkpt 0xab` with SYS_WRITE0 of what is beyond the RAM.
    board.session.memory().write_u16(0x2000_0000, 0xbeab).unwrap();
    board.session.registers().write("r0", 4_u32).unwrap();
    board.session.registers().write("r1", 0x3000_0000_u32).unwrap();
    board.session.registers().write("pc", 0x2000_0000_u32).unwrap();
    let error = board.session.target().run_until(RunUntil::new().semihosting(), PATIENCE).unwrap_err();
    assert!(matches!(error, Error::Target(_)), "{error:?}");
}
