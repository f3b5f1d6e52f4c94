//! Scoped breakpoints, and targets by name.

use openocd::{BreakpointError, BreakpointKind, HaltReason, Session, TargetState, WatchpointAccess};
use virtual_chip::firmware::WORK;

use super::{BKPT, COUNTER, PROGRAM, SECOND, addresses, assert_not_halted, breakpoint_error, half_word, write_program};
use crate::board::Board;

#[test]
fn a_scoped_breakpoint_goes_with_its_scope() {
    let board = Board::halted();
    {
        let scoped = board.session.breakpoints().scoped(WORK.into(), BreakpointKind::Hardware).unwrap();
        assert_eq!(scoped.breakpoint().address, u64::from(WORK));
        assert_eq!(board.run_until_halted().pc, Some(WORK.into()));
        assert_eq!(addresses(&board.session), [u64::from(WORK)]);
    }
    assert_eq!(addresses(&board.session), []);
    board.session.target().resume().unwrap();
    board.assert_runs_on();
}

#[test]
fn a_scoped_breakpoint_that_is_removed_by_hand_or_by_someone_else() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    let scoped = breakpoints.scoped(WORK.into(), BreakpointKind::Hardware).unwrap();
    scoped.remove().unwrap();
    assert_eq!(addresses(&board.session), []);

    let scoped = breakpoints.scoped(WORK.into(), BreakpointKind::Hardware).unwrap();
    breakpoints.remove_all().unwrap();
    assert!(matches!(breakpoint_error(scoped.remove()), BreakpointError::NoneAt { .. }));

    // Dropped after someone else has removed it: a warning in the log and no panic.
    let scoped = breakpoints.scoped(WORK.into(), BreakpointKind::Hardware).unwrap();
    breakpoints.remove_all().unwrap();
    drop(scoped);
}

#[test]
fn a_scoped_watchpoint_goes_with_its_scope() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    {
        let scoped = breakpoints.scoped_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
        assert_eq!((scoped.watchpoint().address, scoped.watchpoint().length), (COUNTER, 4));
        assert_eq!(board.run_until_halted().halt_reason, Some(HaltReason::Watchpoint));
        assert_eq!(breakpoints.list_watchpoints().unwrap(), [*scoped.watchpoint()]);
    }
    assert_eq!(breakpoints.list_watchpoints().unwrap(), []);
    board.session.target().resume().unwrap();
    board.assert_runs_on();

    board.session.target().halt().unwrap();
    let scoped = breakpoints.scoped_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
    scoped.remove().unwrap();
    assert_eq!(breakpoints.list_watchpoints().unwrap(), []);

    // On a running target it stays, and `remove` says so.
    let scoped = breakpoints.scoped_watchpoint(COUNTER + 0x100, 4, WatchpointAccess::Write).unwrap();
    board.session.target().resume().unwrap();
    assert_not_halted(scoped.remove(), TargetState::Running);
    assert_eq!(breakpoints.list_watchpoints().unwrap().len(), 1);
}

/// A board whose chip has, as OpenOCD is told, two cores; they are one.
fn two_targets(smp: bool) -> Board {
    Board::start_with(Session::builder(), |openocd| {
        let openocd = openocd.command("target create twin cortex_m -dap stm32f1x.dap; targets stm32f1x.cpu");
        if smp { openocd.command("target smp stm32f1x.cpu twin") } else { openocd }
    })
}

#[test]
fn a_named_target_has_its_own() {
    let board = two_targets(false);
    let twin = board.session.target_named("twin").unwrap();
    twin.halt().unwrap();
    twin.breakpoints().add(WORK.into(), BreakpointKind::Hardware).unwrap();
    twin.breakpoints().add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
    assert_eq!(twin.breakpoints().list().unwrap().len(), 1);
    assert_eq!(addresses(&board.session), []);
    assert_eq!(board.command("target current").trim(), "stm32f1x.cpu");
    let error = breakpoint_error(board.session.breakpoints().remove(WORK.into()));
    assert_eq!(error.to_string(), "stm32f1x.cpu has no breakpoint at 0x0800004e");
    twin.breakpoints().remove_watchpoint(COUNTER).unwrap();
    twin.breakpoints().remove(WORK.into()).unwrap();
    assert_eq!(twin.breakpoints().list().unwrap(), []);
}

#[test]
fn a_software_breakpoint_in_an_smp_group() {
    let board = two_targets(true);
    let twin = board.session.target_named("twin").unwrap();
    board.session.target().halt().unwrap();
    twin.halt().unwrap();
    write_program(&board.chip);
    twin.breakpoints().add(SECOND, BreakpointKind::Software).unwrap();
    assert_eq!(half_word(&board.chip, SECOND), BKPT);
    twin.breakpoints().remove(SECOND).unwrap();
    assert_eq!(half_word(&board.chip, SECOND), PROGRAM[1]);
}
