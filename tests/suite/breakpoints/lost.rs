//! Breakpoints and watchpoints that the core lost with its power, beside new ones. After an
//! examination OpenOCD takes the comparators of the lost ones for free.

use std::thread;
use std::time::{Duration, Instant};

use openocd::{BreakpointKind, HaltReason, ResetMode, WatchpointAccess};
use virtual_chip::firmware::{STORE, WORK};

use super::{COUNTER, HALTS};
use crate::board::Board;

/// A board that was off, and is halted and examined again.
fn after_a_power_cycle(set: impl FnOnce(&Board)) -> Board {
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
    board.session.target().halt().unwrap();
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
