//! OpenOCD says yes, the target says no.

use openocd::{BreakpointError, BreakpointKind, Evidence, HaltReason, ResetMode, StopPoint, WatchpointAccess};
use virtual_chip::Transport;
use virtual_chip::firmware::{LOOP, WORK};

use super::{BKPT, COUNTER, HALTS, PROGRAM_ADDRESS, SECOND, addresses, breakpoint_error};
use crate::board::{Board, transport};
#[test]
fn a_software_breakpoint_in_flash_is_none() {
    let board = Board::halted();
    let error = breakpoint_error(board.session.breakpoints().add(WORK.into(), BreakpointKind::Software));
    assert!(matches!(error, BreakpointError::NotInEffect { what: StopPoint::Software, .. }), "{error}");
    assert!(error.to_string().contains("use a hardware breakpoint"), "{error}");
    assert_eq!(addresses(&board.session), []);
    board.session.target().resume().unwrap();
    board.assert_runs_on();
}

#[test]
fn a_software_breakpoint_where_no_memory_is() {
    let board = Board::halted();
    let error = breakpoint_error(board.session.breakpoints().add(0x6000_0000, BreakpointKind::Software));
    assert!(matches!(error, BreakpointError::Refused { .. }), "{error}");
    assert_eq!(addresses(&board.session), []);
}

#[test]
fn a_breakpoint_instruction_that_is_there_already_stops_the_core() {
    let board = Board::with_program();
    board.chip.write_memory(PROGRAM_ADDRESS + 2, &BKPT.to_le_bytes()).unwrap();
    board.session.breakpoints().add(SECOND, BreakpointKind::Software).unwrap();
    assert_eq!(board.run_until_halted().pc, Some(SECOND));
}

#[test]
fn a_comparator_that_cannot_be_written_is_no_breakpoint() {
    let board = Board::halted();
    board.chip.faults().bus_fault_at(0xe000_2008..0xe000_2028);
    let error = breakpoint_error(board.session.breakpoints().add(WORK.into(), BreakpointKind::Hardware));
    if transport() == Transport::Swd {
        // The failure shows with the next transfer, by which OpenOCD enables the unit; and that it
        // does check.
        assert!(matches!(error, BreakpointError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("Failed to enable the FPB"), "{error}");
    } else {
        assert!(matches!(error, BreakpointError::NotInEffect { what: StopPoint::Hardware, .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "OpenOCD reports a hardware breakpoint at 0x0800004e as set, but the breakpoint unit of the core does not have its \
             comparator enabled"
        );
    }
    assert_eq!(addresses(&board.session), []);
    board.chip.faults().clear();
}

#[test]
fn a_breakpoint_instruction_that_stays_in_memory_is_not_removed() {
    let board = Board::halted();
    // In flash, which takes neither the breakpoint instruction from OpenOCD nor the original one.
    board.command(&format!("bp {WORK:#x} 2"));
    board.chip.write_memory(WORK, &BKPT.to_le_bytes()).unwrap();
    let error = breakpoint_error(board.session.breakpoints().remove(WORK.into()));
    assert!(matches!(error, BreakpointError::NotRemoved { what: StopPoint::Software, .. }), "{error}");
    assert!(error.to_string().ends_with("but the memory still holds the breakpoint instruction"), "{error}");
    assert_eq!(board.run_until_halted().pc, Some(WORK.into()), "the error tells the truth");
}

#[test]
fn a_comparator_that_stays_enabled_is_not_removed() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    // As if the core had not taken what OpenOCD wrote.
    board.command("rename rbp real_rbp; proc rbp {address} {real_rbp $address; mww 0xe0002008 0x8800004d}");
    board.command("rename rwp real_rwp; proc rwp {address} {real_rwp $address; mww 0xe0001028 6}");

    breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
    board.run_until_halted();
    let error = breakpoint_error(breakpoints.remove_watchpoint(COUNTER));
    assert!(matches!(error, BreakpointError::NotRemoved { what: StopPoint::Watchpoint, .. }), "{error}");
    assert!(error.to_string().ends_with("but the watchpoint unit of the core still watches that address"), "{error}");
    assert_eq!(board.run_until_halted().halt_reason, Some(HaltReason::Watchpoint), "the error tells the truth");

    breakpoints.add(WORK.into(), BreakpointKind::Hardware).unwrap();
    let error = breakpoint_error(breakpoints.remove(WORK.into()));
    assert!(matches!(error, BreakpointError::NotRemoved { what: StopPoint::Hardware, .. }), "{error}");
    assert!(error.to_string().ends_with("the breakpoint unit of the core still has its comparator enabled"), "{error}");
    assert_eq!(board.run_until_halted().pc, Some(WORK.into()), "the error tells the truth");
}

#[test]
fn what_openocd_still_lists_is_not_removed() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    breakpoints.add(WORK.into(), BreakpointKind::Hardware).unwrap();
    breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
    board.command("rename rbp real_rbp; proc rbp {address} {}; rename rwp real_rwp; proc rwp {address} {}");
    for error in
        [breakpoint_error(breakpoints.remove(WORK.into())), breakpoint_error(breakpoints.remove_watchpoint(COUNTER))]
    {
        assert!(matches!(error, BreakpointError::NotRemoved { evidence: Evidence::List, .. }), "{error}");
    }
}

#[test]
fn a_listed_breakpoint_without_its_comparator_is_not_in_effect() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    for address in [LOOP, WORK] {
        breakpoints.add(address.into(), BreakpointKind::Hardware).unwrap();
    }
    let in_effect = || breakpoints.list().unwrap().iter().map(|listed| listed.in_effect).collect::<Vec<_>>();
    assert_eq!(in_effect(), [Some(true), Some(true)]);
    // The other half of the same word, and not enabled.
    for changed in [0x4800_004d_u32, 0x8800_004c] {
        board.session.memory().write_u32(0xe000_200c, changed).unwrap();
        assert_eq!(in_effect(), [Some(true), Some(false)], "{changed:#x}");
    }
    board.session.memory().write_u32(0xe000_200c, 0x8800_004d).unwrap();
    board.run_until_halted();
    board.session.target().resume().unwrap();
    assert_eq!(in_effect(), [Some(true), Some(true)]);
}

#[test]
fn resume_does_not_set_a_lost_breakpoint_again_but_add_does() {
    let board = Board::halted();
    // Not at the breakpoint, which OpenOCD sets again once it has made a step from there.
    board.session.target().reset(ResetMode::Halt).unwrap();
    let breakpoints = board.session.breakpoints();
    breakpoints.add(WORK.into(), BreakpointKind::Hardware).unwrap();
    // As a loss of power leaves the unit.
    board.session.memory().write_u32_slice(0xe000_2008, &[0; 6]).unwrap();
    board.session.target().resume().unwrap();
    board.assert_runs_on();
    assert_eq!(breakpoints.list().unwrap()[0].in_effect, Some(false));

    breakpoints.remove(WORK.into()).unwrap();
    breakpoints.add(WORK.into(), BreakpointKind::Hardware).unwrap();
    assert_eq!(board.session.target().wait_halt(HALTS).unwrap().pc, Some(WORK.into()));
}

#[test]
fn a_new_watchpoint_misses_reset_run_but_not_reset_halt_and_resume() {
    let board = Board::halted();
    let target = board.session.target();
    board.session.breakpoints().add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
    target.reset(ResetMode::Run).unwrap();
    board.assert_runs_on();
    target.reset(ResetMode::Halt).unwrap();
    assert_eq!(board.run_until_halted().halt_reason, Some(HaltReason::Watchpoint));
}
