//! Breakpoints and watchpoints that the core lost with its power, beside new ones. After an
//! examination OpenOCD takes the comparators of the lost ones for free.

use std::thread;
use std::time::{Duration, Instant};

use openocd::{BreakpointError, BreakpointKind, Error, HaltReason, ResetMode, WatchpointAccess};
use virtual_chip::firmware::{STORE, WORK};

use super::{COUNTER, HALTS};
use crate::board::Board;

/// A board that was off, and is examined again and halted.
fn after_a_power_cycle(set: impl FnOnce(&Board)) -> Board {
    let board = after_a_power_cycle_that_runs(set);
    board.session.target().halt().unwrap();
    board
}

/// A board that was off, and is examined again. Its core runs.
fn after_a_power_cycle_that_runs(set: impl FnOnce(&Board)) -> Board {
    let board = Board::halted();
    board.session.target().reset(ResetMode::Halt).unwrap();
    set(&board);
    board.chip.faults().power_off();
    thread::sleep(Duration::from_millis(300));
    board.chip.faults().power_on();
    let begin = Instant::now();
    while let Err(error) = board.session.target().reexamine() {
        assert!(begin.elapsed() < HALTS, "{error}");
    }
    board
}

#[test]
fn a_new_breakpoint_outlasts_a_lost_one() {
    let hardware = BreakpointKind::Hardware;
    let board = after_a_power_cycle(|board| {
        board.session.breakpoints().add(STORE.into(), hardware).unwrap();
    });
    let breakpoints = board.session.breakpoints();
    let listed =
        || breakpoints.list().unwrap().iter().map(|found| (found.address, found.in_effect)).collect::<Vec<_>>();
    assert_eq!(listed(), [(STORE.into(), Some(false))]);
    breakpoints.add(WORK.into(), hardware).unwrap();
    // The lost one is set again, so that the two do not share a comparator.
    assert_eq!(listed(), [(STORE.into(), Some(true)), (WORK.into(), Some(true))]);
    breakpoints.remove(STORE.into()).unwrap();
    assert_eq!(listed(), [(WORK.into(), Some(true))]);
    board.session.target().resume().unwrap();
    assert_eq!(board.session.target().wait_halt(HALTS).unwrap().pc, Some(WORK.into()));
}

#[test]
fn a_new_watchpoint_outlasts_a_lost_one() {
    let write = WatchpointAccess::Write;
    let board = after_a_power_cycle(|board| {
        board.session.breakpoints().add_watchpoint(0x2000_0100, 4, write).unwrap();
        // It is in the core from a resumption on.
        board.session.target().resume().unwrap();
        board.session.target().halt().unwrap();
    });
    let breakpoints = board.session.breakpoints();
    breakpoints.add_watchpoint(COUNTER, 4, write).unwrap();
    board.session.target().resume().unwrap();
    board.session.target().wait_halt(HALTS).unwrap();
    breakpoints.remove_watchpoint(0x2000_0100).unwrap();
    board.session.target().resume().unwrap();
    let status = board.session.target().wait_halt(HALTS).unwrap();
    assert_eq!(status.halt_reason, Some(HaltReason::Watchpoint));
}

#[test]
fn lost_watchpoints_take_comparators_too() {
    let board = after_a_power_cycle(|board| {
        for number in 0..4 {
            board.session.breakpoints().add_watchpoint(0x2000_0100 + 4 * number, 4, WatchpointAccess::Write).unwrap();
        }
    });
    let error =
        board.session.breakpoints().add_watchpoint(COUNTER, 4, WatchpointAccess::Write).expect_err("there are four");
    assert!(matches!(error, Error::Breakpoint(BreakpointError::NoComparator { .. })), "{error:?}");
}

#[test]
fn a_new_breakpoint_of_a_running_core_outlasts_a_lost_one() {
    let hardware = BreakpointKind::Hardware;
    let board = after_a_power_cycle(|board| {
        board.session.breakpoints().add(0x0800_0100, hardware).unwrap();
    });
    board.session.target().resume().unwrap();
    let breakpoints = board.session.breakpoints();
    breakpoints.add(0x0800_0200, hardware).unwrap();
    breakpoints.remove(0x0800_0100).unwrap();
    assert_eq!(breakpoints.list().unwrap()[0].in_effect, Some(true));
}

#[test]
fn a_halt_at_a_breakpoint_after_a_loss_of_power_has_its_reason() {
    let board = after_a_power_cycle_that_runs(|_| {});
    board.session.breakpoints().add(WORK.into(), BreakpointKind::Hardware).unwrap();
    let status = board.session.target().wait_halt(HALTS).unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(WORK.into()), Some(HaltReason::Breakpoint)));
    board.session.breakpoints().remove_all().unwrap();
    board.session.target().resume().unwrap();
    assert_eq!(board.session.target().halt().unwrap().halt_reason, Some(HaltReason::DebugRequest));
}
