//! What stops the core, and what no longer does.

use openocd::{BreakpointKind, HaltReason, WatchpointAccess};
use virtual_chip::CoreState;
use virtual_chip::firmware::{CALL, COUNTER_ADDRESS, LOOP, MAIN, STORE, WORK};

use super::{BKPT, COUNTER, PROGRAM, SECOND, half_word};
use crate::board::Board;

#[test]
fn a_hardware_breakpoint_stops_the_core_each_time_it_comes_by() {
    let board = Board::halted();
    board.session.breakpoints().add(WORK.into(), BreakpointKind::Hardware).unwrap();
    let mut counts = Vec::new();
    for _ in 0..3 {
        let status = board.run_until_halted();
        assert_eq!((status.pc, status.halt_reason), (Some(WORK.into()), Some(HaltReason::Breakpoint)));
        counts.push(board.chip.read_u32(COUNTER_ADDRESS).unwrap());
    }
    assert_eq!(counts[1..], [counts[0] + 1, counts[0] + 2], "once around for each stop");
}

#[test]
fn a_breakpoint_in_the_upper_half_of_a_word_and_one_on_a_32_bit_instruction() {
    let board = Board::halted();
    for address in [STORE, CALL] {
        let breakpoint =
            board.session.breakpoints().add_with_length(address.into(), 3, BreakpointKind::Hardware).unwrap();
        assert_eq!(breakpoint.length, 2);
        assert_eq!(board.run_until_halted().pc, Some(address.into()));
        board.session.breakpoints().remove(address.into()).unwrap();
    }
}

#[test]
fn a_software_breakpoint_stops_the_core_and_gives_the_instruction_back() {
    let board = Board::with_program();
    let set = board.session.breakpoints().add(SECOND, BreakpointKind::Software).unwrap();
    assert_eq!((set.address, set.length, set.comparator), (SECOND, 2, None));
    assert_eq!(half_word(&board.chip, SECOND), BKPT);
    for _ in 0..2 {
        let status = board.run_until_halted();
        assert_eq!((status.pc, status.halt_reason), (Some(SECOND), Some(HaltReason::Breakpoint)));
    }
    board.session.breakpoints().remove(SECOND).unwrap();
    assert_eq!(half_word(&board.chip, SECOND), PROGRAM[1]);
    board.session.target().resume().unwrap();
    board.assert_runs_on();
}

#[test]
fn watchpoints_stop_at_the_accesses_they_watch_and_at_no_others() {
    use WatchpointAccess::{Access, Read, Write};
    // The firmware writes the counter and never reads it.
    for (access, stops) in [(Write, true), (Access, true), (Read, false)] {
        let board = Board::halted();
        board.session.breakpoints().add_watchpoint(COUNTER, 4, access).unwrap();
        if stops {
            let status = board.run_until_halted();
            assert_eq!(status.halt_reason, Some(HaltReason::Watchpoint), "{access}");
            assert_eq!(board.chip.register(virtual_chip::Register::Pc), CALL, "after the store");
        } else {
            board.session.target().resume().unwrap();
            board.assert_runs_on();
        }
    }
}

#[test]
fn a_read_watchpoint_stops_at_reads() {
    let board = Board::with_program();
    board.session.registers().write("r2", COUNTER_ADDRESS).unwrap();
    board.session.breakpoints().add_watchpoint(COUNTER, 4, WatchpointAccess::Read).unwrap();
    let status = board.run_until_halted();
    assert_eq!((status.pc, status.halt_reason), (Some(SECOND + 4), Some(HaltReason::Watchpoint)));
}

#[test]
fn a_watchpoint_covers_its_whole_length() {
    let board = Board::halted();
    board.session.breakpoints().add_watchpoint(COUNTER - 32, 64, WatchpointAccess::Write).unwrap_err();
    board.session.breakpoints().add_watchpoint(COUNTER, 64, WatchpointAccess::Write).unwrap();
    assert_eq!(board.run_until_halted().halt_reason, Some(HaltReason::Watchpoint));
}

#[test]
fn a_watchpoint_works_from_the_next_resume_on() {
    let board = Board::halted();
    board.session.target().resume_at(u64::from(MAIN)).unwrap();
    board.session.target().halt().unwrap();
    board.session.registers().write("pc", STORE).unwrap();
    board.session.breakpoints().add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
    let status = board.session.target().step().unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(CALL.into()), Some(HaltReason::SingleStep)), "as documented");
    assert_eq!(board.run_until_halted().halt_reason, Some(HaltReason::Watchpoint));
}

#[test]
fn removed_breakpoints_and_watchpoints_do_not_stop_the_core() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    breakpoints.add(LOOP.into(), BreakpointKind::Hardware).unwrap();
    breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
    board.run_until_halted();
    breakpoints.remove(LOOP.into()).unwrap();
    breakpoints.remove_watchpoint(COUNTER).unwrap();
    assert_eq!(breakpoints.list().unwrap(), []);
    assert_eq!(breakpoints.list_watchpoints().unwrap(), []);
    board.session.target().resume().unwrap();
    board.assert_runs_on();
    assert_eq!(board.chip.state(), CoreState::Running);
}

#[test]
fn remove_all_removes_every_kind() {
    let board = Board::with_program();
    let breakpoints = board.session.breakpoints();
    for address in [LOOP, STORE, WORK] {
        breakpoints.add(address.into(), BreakpointKind::Hardware).unwrap();
    }
    breakpoints.add(SECOND, BreakpointKind::Software).unwrap();
    for offset in 0..3 {
        breakpoints.add_watchpoint(COUNTER + 4 * offset, 4, WatchpointAccess::Access).unwrap();
    }
    breakpoints.remove_all().unwrap();
    assert_eq!(breakpoints.list().unwrap(), []);
    assert_eq!(half_word(&board.chip, SECOND), PROGRAM[1]);
    assert_eq!(breakpoints.list_watchpoints().unwrap().len(), 3, "watchpoints are no breakpoints");
    breakpoints.remove_all_watchpoints().unwrap();
    assert_eq!(breakpoints.list_watchpoints().unwrap(), []);
    board.session.target().resume_at(u64::from(MAIN)).unwrap();
    board.assert_runs_on();
    // Nothing to remove is no failure.
    board.session.target().halt().unwrap();
    breakpoints.remove_all().unwrap();
    breakpoints.remove_all_watchpoints().unwrap();
}

#[test]
fn a_comparator_that_was_given_back_is_free_again() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    for round in 0..8_u64 {
        breakpoints.add(0x0800_0100 + 2 * round, BreakpointKind::Hardware).unwrap();
        breakpoints.remove(0x0800_0100 + 2 * round).unwrap();
        breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
        board.run_until_halted();
        breakpoints.remove_watchpoint(COUNTER).unwrap();
    }
}
