//! The last line of the firmware, which may lack its end, and handlers that stop the run at it.

use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use openocd::{HaltReason, RunChannel, RunLine, RunOutcome, RunUntil, TargetState, Verdict};
use virtual_chip::{CoreState, firmware};

use super::rtt::{BLOCK, leave_block};
use super::{loaded, run, texts};
use crate::board::Board;

const CODE: u32 = 0x2000_0010;
const TEXT: u32 = 0x2000_0100;
const FLAG: u32 = 0x2000_0200;
const LIMIT: Duration = Duration::from_millis(1500);

/// A board that is halted at this code. `SYS_EXIT` of success is in r2 and r3, [`FLAG`] in r4.
fn at(code: &[u16]) -> Board {
    let board = Board::halted();
    board.session.memory().write_u16_slice(CODE.into(), code).unwrap();
    for (register, value) in [("r0", 4), ("r1", TEXT), ("r2", 0x18), ("r3", 0x2_0026), ("r4", FLAG), ("pc", CODE)] {
        board.session.registers().write(register, value).unwrap();
    }
    board
}

fn stop(_: &RunLine) -> ControlFlow<()> {
    ControlFlow::Break(())
}

fn run_a_while(board: &Board, until: RunUntil<'_>) -> RunOutcome {
    board.session.target().run_until(until, LIMIT).unwrap()
}

#[test]
fn handler_stops_the_run_at_a_last_line_of_semihosting_without_its_end() {
    // It prints by SYS_WRITE0, and then: mov r0, r2; mov r1, r3; bkpt 0xab, or b .
    let exits: &[u16] = &[0xbeab, 0x4610, 0x4619, 0xbeab, 0xe7fe];
    let stays: &[u16] = &[0xbeab, 0xe7fe];
    for (code, otherwise) in [(exits, Verdict::Exit { status: 0, reason: 0x2_0026 }), (stays, Verdict::Deadline)] {
        for (text, stops) in [("FAIL\n\0", true), ("FAIL\0", true), ("FAIL\0", false)] {
            let board = at(code);
            board.chip.write_memory(TEXT, text.as_bytes()).unwrap();
            let until = RunUntil::new().semihosting();
            let outcome = run_a_while(&board, if stops { until.on_line(stop) } else { until });
            let expected = if stops { &Verdict::Stopped } else { &otherwise };
            assert_eq!((&outcome.verdict, texts(&outcome)), (expected, vec!["FAIL"]), "{text:?}");
            assert_eq!(outcome.status.state, TargetState::Halted);
        }
    }
}

/// Runs firmware that prints "PASS" by RTT, and then ends with this instruction, or never.
fn run_with_rtt(end: Option<u16>, until: impl FnOnce(RunChannel<'_>) -> RunUntil<'_>) -> RunOutcome {
    // ldr r0, [r4]; cmp r0, #0; beq to the beginning; mov r0, r2; mov r1, r3; END; b .
    let board = at(&[0x6820, 0x2800, 0xd0fc, 0x4610, 0x4619, end.unwrap_or(0xbf00), 0xe7fe]);
    board.chip.write_u32(FLAG, 0).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            while board.chip.state() != CoreState::Running {
                thread::yield_now();
            }
            leave_block(&board, BLOCK.start as u32, "PASS");
            board.chip.write_u32(FLAG, end.is_some().into()).unwrap();
        });
        run_a_while(&board, until(RunChannel::new(0)))
    })
}

#[test]
fn a_wanted_last_line_without_its_end_counts_where_the_firmware_exits() {
    for (end, expected) in [
        (Some(0xbeab), Verdict::Line("PASS".to_owned())),
        // More of the line could have come.
        (Some(0xbe00), Verdict::Halt(HaltReason::Breakpoint)),
        (None, Verdict::Deadline),
    ] {
        let outcome = run_with_rtt(end, |channel| {
            RunUntil::new().semihosting().rtt(BLOCK, channel.until_line(|line| line == "PASS"))
        });
        assert_eq!((&outcome.verdict, texts(&outcome)), (&expected, vec!["PASS"]), "{end:x?}");
    }
}

#[test]
fn handler_stops_the_run_at_a_last_line_of_rtt_without_its_end() {
    for end in [Some(0xbeab), Some(0xbe00), None] {
        let outcome = run_with_rtt(end, |channel| RunUntil::new().semihosting().rtt(BLOCK, channel).on_line(stop));
        assert_eq!((&outcome.verdict, texts(&outcome)), (&Verdict::Stopped, vec!["PASS"]), "{end:x?}");
        assert_eq!(outcome.status.state, TargetState::Halted);
    }
}

#[test]
fn handler_that_stops_the_run_at_a_wanted_line_halts_the_target() {
    let board = loaded(firmware::rtt::IMAGE);
    let outcome = run(&board, RunUntil::new().rtt_line(BLOCK, 0, |_| true).on_line(stop));
    assert_eq!((outcome.verdict, outcome.status.state), (Verdict::Stopped, TargetState::Halted));
    assert_eq!(board.chip.state(), CoreState::Halted);
}
