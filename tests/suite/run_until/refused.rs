//! A run that is refused changes nothing on its target.

use openocd::{BreakpointError, Error, Result, RunGroup, RunOutcome, RunUntil, TargetError, TargetState};
use virtual_chip::firmware;

use super::rtt::{BLOCK, talking};
use crate::board::{Board, PATIENCE};

/// A run that clears the control block when it begins.
fn with_rtt<'c>() -> RunUntil<'c> {
    RunUntil::new().rtt_line(BLOCK, 0, |_| true)
}

/// Makes a run that is refused. Afterwards the control block is there, and the RTT that was started
/// before goes on.
fn refused(board: &Board, run: impl FnOnce() -> Result<RunOutcome>) -> Error {
    let target = board.session.target();
    let mut terminal = board.session.rtt().channel(0).unwrap();
    let state = target.status().unwrap().state;
    let error = run().unwrap_err();
    assert_eq!(target.status().unwrap().state, state);
    let held = board.held(BLOCK.start, 256);
    assert!(held.windows(10).any(|bytes| bytes == b"SEGGER RTT"), "the control block is overwritten after {error}");
    if state == TargetState::Halted {
        target.resume().unwrap();
    }
    terminal.write_text("echo\n").unwrap();
    let lines: Vec<_> = terminal.lines().take(2).map(Result::unwrap).collect();
    assert_eq!(lines, [firmware::rtt::GREETING.trim(), "echo"]);
    board.session.rtt().start_wait(PATIENCE).unwrap();
    error
}

#[test]
fn a_run_of_a_running_target_leaves_its_rtt() {
    let board = talking();
    let target = board.session.target();
    target.resume().unwrap();
    let error = refused(&board, || target.run_until(with_rtt(), PATIENCE));
    assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{error:?}");
}

#[test]
fn a_breakpoint_on_a_running_target_is_not_set_for_a_refused_run() {
    let board = talking();
    let target = board.session.target();
    target.resume().unwrap();
    board.chip.watch_accesses(0xe000_2000..0xe000_2100);
    // The firmware passes it all the time.
    let until = || with_rtt().breakpoint(firmware::rtt::LOOP.into());
    let error = refused(&board, || target.run_until(until(), PATIENCE));
    assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{error:?}");
    let writes = board.chip.take_accesses();
    assert!(writes.iter().all(|access| !access.is_write), "{writes:?}");
}

#[test]
fn a_run_with_a_breakpoint_too_many_leaves_the_rtt_of_its_target() {
    let board = talking();
    let until = || (0..7).fold(with_rtt(), |until, n| until.breakpoint(0x0800_0100 + 2 * n));
    let error = refused(&board, || board.session.target().run_until(until(), PATIENCE));
    assert!(matches!(error, Error::Breakpoint(BreakpointError::NoComparator { .. })), "{error:?}");
}

#[test]
fn a_refused_run_of_a_group_leaves_the_rtt_of_its_target() {
    for is_running in [true, false] {
        let (board, other) = (talking(), Board::halted());
        if is_running {
            board.session.target().resume().unwrap();
        }
        let error = refused(&board, || {
            let group = RunGroup::new().add(board.session.target(), || {
                let count = if is_running { 0 } else { 7 };
                (0..count).fold(with_rtt(), |until, n| until.breakpoint(0x0800_0100 + 2 * n))
            });
            let group = group.add(other.session.target(), || RunUntil::new().breakpoint(firmware::WORK.into()));
            let mut outcomes = group.run_all(PATIENCE).into_iter();
            let first = outcomes.next().unwrap();
            outcomes.next().unwrap().unwrap();
            first
        });
        assert_eq!(matches!(error, Error::Target(TargetError::NotHalted { .. })), is_running, "{error:?}");
    }
}
