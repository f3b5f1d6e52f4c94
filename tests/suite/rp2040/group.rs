//! The cores as a group, which the stock configuration makes of them.

use std::thread;
use std::time::Duration;

use openocd::{BreakpointKind, OnClose, RunUntil, Session, TargetState, Verdict, WatchpointAccess};
use virtual_chip::{CoreState, Register};

use super::{STORE, WORK, start, wait_until};
use crate::board::PATIENCE;

#[test]
fn a_halt_and_a_resume_reach_both_cores() {
    let Some(pair) = start(true) else { return };
    let statuses = pair.session.halt_all().unwrap();
    assert!(statuses.iter().all(|status| status.state == TargetState::Halted), "{statuses:?}");
    assert_eq!(pair.states(), [CoreState::Halted; 2]);
    let statuses = pair.session.resume_all().unwrap();
    assert!(statuses.iter().all(|status| status.state == TargetState::Running), "{statuses:?}");
    assert_eq!(pair.states(), [CoreState::Running; 2]);
}

#[test]
fn a_breakpoint_of_the_group_halts_both_cores() {
    let Some(pair) = start(true) else { return };
    pair.session.halt_all().unwrap();
    pair.core(0).breakpoints().add(STORE, BreakpointKind::Hardware).unwrap();
    pair.core(0).resume().unwrap();
    let halted = pair.core(0).wait_halt(PATIENCE).unwrap();
    assert_eq!(halted.state, TargetState::Halted);
    pair.core(1).wait_halt(PATIENCE).unwrap();
    assert_eq!(pair.states(), [CoreState::Halted; 2]);
    pair.core(0).breakpoints().remove(STORE).unwrap();
    assert_eq!(pair.core(0).breakpoints().list().unwrap(), []);
}

#[test]
fn a_breakpoint_that_a_resumed_group_reaches_at_once_is_not_passed() {
    let places = [0x2000_3000_u64, 0x2000_3100];
    for owner in [0, 1] {
        for closes in [false, true] {
            let Some(pair) = start(true) else { return };
            pair.session.halt_all().unwrap();
            for (number, place) in places.into_iter().enumerate() {
                // adds r0, #1; nop; and back.
                pair.session.memory().write_u16_slice(place, &[0x3001, 0xbf00, 0xe7fc]).unwrap();
                for (register, value) in [("pc", place as u32), ("r0", 0)] {
                    pair.core(number).registers().write(register, value).unwrap();
                }
            }
            pair.core(owner).breakpoints().add(places[owner], BreakpointKind::Software).unwrap();
            if closes {
                let address = pair.session.process().unwrap().tcl_address();
                Session::connect(address).unwrap().close_with(OnClose::Resume).unwrap();
            } else {
                pair.session.resume_all().unwrap();
            }
            thread::sleep(Duration::from_millis(20));
            pair.core(0).wait_halt(PATIENCE).unwrap();
            wait_until(|| pair.states() == [CoreState::Halted; 2]);
            let rounds = pair.board.cores()[owner].register(Register::R(0));
            assert_eq!(rounds, 1, "core {owner}, closes {closes}");
        }
    }
}

#[test]
fn an_answer_to_one_core_does_not_pass_what_the_other_has_reached() {
    let Some(pair) = start(true) else { return };
    pair.session.halt_all().unwrap();
    let [calls, counts] = [0x2000_3000_u32, 0x2000_3100];
    // movs r0, #3 (`SYS_WRITEC`); bkpt 0xab; and back.
    pair.session.memory().write_u16_slice(calls.into(), &[0x2003, 0xbeab, 0xe7fc]).unwrap();
    // subs r0, #1; bne .-2; bkpt 1; b .
    pair.session.memory().write_u16_slice(counts.into(), &[0x3801, 0xd1fd, 0xbe01, 0xe7fe]).unwrap();
    for (register, value) in [("pc", calls), ("r1", calls)] {
        pair.core(0).registers().write(register, value).unwrap();
    }
    let console = pair.core(0).semihosting().serve().unwrap();
    for round in 0..20 {
        pair.core(1).halt().unwrap();
        for (register, value) in [("pc", counts), ("r0", 500 + 79 * round)] {
            pair.core(1).registers().write(register, value).unwrap();
        }
        pair.core(1).resume().unwrap();
        wait_until(|| pair.board.cores()[1].register(Register::R(0)) == 0);
        // Each call halts the group, too.
        pair.core(1).wait_halt(PATIENCE).unwrap();
        thread::sleep(Duration::from_millis(20));
        let status = pair.core(1).status().unwrap();
        assert_eq!((status.state, status.pc), (TargetState::Halted, Some(u64::from(counts) + 4)), "{round}");
    }
    drop(console);
}

#[test]
fn a_run_of_the_group_ends_with_both_cores_halted() {
    let Some(pair) = start(true) else { return };
    pair.session.halt_all().unwrap();
    let outcome = pair.core(0).run_until(RunUntil::new().breakpoint(WORK), PATIENCE).unwrap();
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: WORK });
    assert_eq!(pair.states(), [CoreState::Halted; 2]);
    assert_eq!(pair.core(0).breakpoints().list().unwrap(), []);
}

#[test]
fn group_is_resumed_and_watched_right_after_one_core_has_halted_the_other() {
    let Some(pair) = start(true) else { return };
    let target = pair.core(0);
    for _ in 0..4 {
        target.halt().unwrap();
        let breakpoint = target.breakpoints().scoped(WORK, BreakpointKind::Hardware).unwrap();
        target.resume().unwrap();
        target.wait_halt(PATIENCE).unwrap();
        wait_until(|| pair.states() == [CoreState::Halted; 2]);
        breakpoint.remove().unwrap();
        let watchpoint = target.breakpoints().scoped_watchpoint(0x2002_0000, 4, WatchpointAccess::Write).unwrap();
        watchpoint.remove().unwrap();
        pair.session.resume_all().unwrap();
    }
}
