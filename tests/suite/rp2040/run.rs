//! Runs with a verdict, semihosting, RTT and events of the cores.

use std::time::Duration;

use openocd::{Event, RunGroup, RunUntil, TargetEvent, TargetState, Verdict};
use virtual_chip::CoreState;
use virtual_chip::firmware::rp2040 as program;

use super::{STORE, WORK, pair};
use crate::board::PATIENCE;

#[test]
fn a_core_runs_until_its_breakpoint_while_the_other_one_goes_on() {
    let Some(pair) = pair() else { return };
    let target = pair.core(1);
    target.halt().unwrap();
    let outcome = target.run_until(RunUntil::new().breakpoint(WORK), PATIENCE).unwrap();
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: WORK });
    assert_eq!((&*outcome.status.name, outcome.pc()), ("rp2040.core1", Some(WORK)));
    assert_eq!(pair.states(), [CoreState::Running, CoreState::Halted]);
}

#[test]
fn a_group_runs_each_core_until_its_own_end() {
    let Some(pair) = pair() else { return };
    pair.halted();
    let group = RunGroup::new()
        .add(pair.core(0), || RunUntil::new().breakpoint(WORK))
        .add(pair.core(1), || RunUntil::new().breakpoint(STORE));
    let verdicts: Vec<_> = group.run_all(PATIENCE).into_iter().map(|outcome| outcome.unwrap().verdict).collect();
    assert_eq!(verdicts, [Verdict::Breakpoint { address: WORK }, Verdict::Breakpoint { address: STORE }]);
    assert_eq!(pair.states(), [CoreState::Halted; 2]);
    for number in 0..2 {
        assert_eq!(pair.core(number).breakpoints().list().unwrap(), []);
    }
}

#[test]
fn the_first_core_of_a_group_that_ends_stops_the_other_one() {
    let Some(pair) = pair() else { return };
    pair.halted();
    let stop = u64::from(program::HARD_FAULT);
    let group = RunGroup::new()
        .add(pair.core(0), || RunUntil::new().breakpoint(stop))
        .add(pair.core(1), || RunUntil::new().breakpoint(WORK));
    let outcome = group.run_first(PATIENCE);
    assert_eq!(outcome.first, Some(1));
    let verdicts: Vec<_> = outcome.outcomes.into_iter().map(|outcome| outcome.unwrap().verdict).collect();
    assert_eq!(verdicts, [Verdict::Stopped, Verdict::Breakpoint { address: WORK }]);
    assert_eq!(pair.states(), [CoreState::Halted; 2]);
}

#[test]
fn each_core_prints_and_exits_by_semihosting() {
    let Some(pair) = pair() else { return };
    for (core, status) in [(1, 41_u16), (0, 40)] {
        let target = pair.core(core);
        target.halt().unwrap();
        let words = &pair.board.cores()[core];
        words.write_u32(program::REQUEST_ADDRESSES[core], 5).unwrap();
        words.write_u32(program::STATUS_ADDRESSES[core], status.into()).unwrap();
        let mut output = Vec::new();
        let until = RunUntil::new().semihosting().on_output(|seen| {
            output.extend_from_slice(seen.bytes);
            words.write_u32(program::REQUEST_ADDRESSES[core], 6).unwrap();
        });
        let outcome = target.run_until(until, PATIENCE).unwrap();
        assert_eq!(outcome.verdict, Verdict::Exit { status: status.into(), reason: 0x20026 });
        assert_eq!(String::from_utf8_lossy(&output), program::OUTPUT);
        assert_eq!(pair.board.cores()[1 - core].state(), CoreState::Running);
        target.resume().unwrap();
    }
}

#[test]
fn rtt_carries_what_both_cores_send() {
    let Some(pair) = pair() else { return };
    let rtt = pair.session.rtt();
    rtt.setup(0x2000_0000, 0x8000, "SEGGER RTT").unwrap();
    assert_eq!(rtt.start_wait(PATIENCE).unwrap(), u64::from(program::CONTROL_BLOCK));
    for (number, greeting) in program::GREETINGS.into_iter().enumerate() {
        let mut channel = rtt.channel(number as u32).unwrap();
        channel.set_read_timeout(Some(PATIENCE));
        assert_eq!(channel.lines().next().unwrap().unwrap(), greeting.trim());
    }
}

#[test]
fn events_come_from_either_core() {
    let Some(pair) = pair() else { return };
    for number in 0..2 {
        pair.core(number).status().unwrap();
        let events = pair.session.events().unwrap();
        pair.core(number).halt().unwrap();
        let halted = |event: &Event| matches!(event, Event::Target(TargetEvent::Halted));
        events.wait_for(halted, PATIENCE).unwrap();
        pair.core(number).resume().unwrap();
        let running = |event: &Event| matches!(event, Event::State(TargetState::Running));
        events.wait_for(running, PATIENCE).unwrap();
    }
}

#[test]
fn cores_of_a_group_share_a_software_breakpoint_until_the_last_one_ends() {
    const CODE: u64 = 0x2000_1000;

    let Some(pair) = pair() else { return };
    for counts in [[5, 200_000], [200_000, 5]] {
        pair.halted();
        // subs r0, #1; bne .-2; nop; b .
        for (word, halves) in [0xd1fd_3801_u32, 0xe7fe_bf00].into_iter().enumerate() {
            pair.core(0).memory().write_u32(CODE + 4 * word as u64, halves).unwrap();
        }
        for (number, count) in counts.into_iter().enumerate() {
            pair.core(number).registers().write("pc", CODE).unwrap();
            pair.core(number).registers().write("r0", count).unwrap();
        }
        // In RAM, where this core has no hardware breakpoints.
        let group = RunGroup::new()
            .add(pair.core(0), || RunUntil::new().breakpoint(CODE + 4))
            .add(pair.core(1), || RunUntil::new().breakpoint(CODE + 4));
        let verdicts: Vec<_> =
            group.run_all(Duration::from_secs(20)).into_iter().map(|outcome| outcome.unwrap().verdict).collect();
        assert_eq!(verdicts, [const { Verdict::Breakpoint { address: CODE + 4 } }; 2]);
        for number in 0..2 {
            assert_eq!(pair.core(number).breakpoints().list().unwrap(), []);
        }
        assert_eq!(pair.core(0).memory().read_u32(CODE + 4).unwrap(), 0xe7fe_bf00);
    }
}
