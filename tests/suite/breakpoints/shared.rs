//! Software breakpoints in memory that two harts share, and Thumb addresses.

use std::thread;
use std::time::Duration;

use openocd::{BreakpointError, BreakpointKind, OpenOcdProcess, RunUntil, Session, Target, TargetState, Verdict};
use virtual_chip::firmware::WORK;
use virtual_chip::{Model, VirtualBoard};

use super::breakpoint_error;
use crate::board::{Board, INSTALL, PATIENCE};

/// `addi x0, x0, 0`, and `ebreak`.
pub(super) const NOP: u32 = 0x0000_0013;
const EBREAK: u32 = 0x0010_0073;
/// `jal x0, 0`
const ENDLESS: u32 = 0x0000_006f;
/// Where no program is.
pub(super) const PLACE: u64 = 0x8000_0100;

/// Two halted harts that share their memory.
pub(super) fn pair(smp: bool) -> (VirtualBoard, Session) {
    let board = VirtualBoard::start(&[Model::RiscvPair]).unwrap();
    let config = if smp { board.openocd_config_smp() } else { board.openocd_config() };
    let openocd = OpenOcdProcess::builder().config(config).ready_timeout(PATIENCE);
    let session =
        Session::builder().timeout(PATIENCE).start(openocd).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    for name in ["pair0.cpu0", "pair0.cpu1"] {
        session.target_named(name).unwrap().halt().unwrap();
    }
    session.memory().write_u32_slice(PLACE, &[NOP, NOP]).unwrap();
    (board, session)
}

pub(super) fn word(target: Target<'_>) -> u32 {
    target.memory().read_u32(PLACE).unwrap()
}

#[test]
fn a_second_hart_is_refused_a_software_breakpoint_in_shared_memory() {
    for smp in [false, true] {
        let (_board, session) = pair(smp);
        let [one, other] = ["pair0.cpu0", "pair0.cpu1"].map(|name| session.target_named(name).unwrap());
        one.breakpoints().add(PLACE, BreakpointKind::Software).unwrap();
        assert_eq!(word(one), EBREAK);
        let error = breakpoint_error(other.breakpoints().add(PLACE, BreakpointKind::Software));
        assert!(matches!(error, BreakpointError::Duplicate { address: PLACE, .. }), "smp {smp}: {error}");
        // It stops the other hart, too, which lists it.
        assert_eq!(other.breakpoints().list().unwrap().len(), 1, "smp {smp}");
        one.breakpoints().remove(PLACE).unwrap();
        assert_eq!(word(other), NOP, "smp {smp}");
        for hart in [one, other] {
            assert_eq!(hart.breakpoints().list().unwrap(), [], "smp {smp}");
        }
    }
}

#[test]
fn either_hart_removes_a_software_breakpoint_from_shared_memory() {
    for smp in [false, true] {
        let (_board, session) = pair(smp);
        let [one, other] = ["pair0.cpu0", "pair0.cpu1"].map(|name| session.target_named(name).unwrap());
        for (setter, remover) in [(one, other), (other, one)] {
            setter.breakpoints().add(PLACE, BreakpointKind::Software).unwrap();
            let current = session.command("target current").unwrap();
            remover.breakpoints().remove(PLACE).unwrap();
            assert_eq!(session.command("target current").unwrap(), current);
            assert_eq!(word(one), NOP, "smp {smp}");
            let error = breakpoint_error(setter.breakpoints().remove(PLACE));
            assert!(matches!(error, BreakpointError::NoneAt { .. }), "smp {smp}: {error}");
        }
        other.breakpoints().add(PLACE, BreakpointKind::Software).unwrap();
        one.breakpoints().remove_all().unwrap();
        assert_eq!(word(one), NOP, "smp {smp}");
    }
}

#[test]
fn a_hart_runs_past_the_software_breakpoint_of_another_hart() {
    for smp in [false, true] {
        let (_board, session) = pair(smp);
        let [one, other] = ["pair0.cpu0", "pair0.cpu1"].map(|name| session.target_named(name).unwrap());
        session.memory().write_u32_slice(PLACE, &[NOP, NOP, ENDLESS]).unwrap();
        for (setter, runner) in [(one, other), (other, one)] {
            let case = format!("smp {smp}, {} runs", runner.name().unwrap());
            setter.breakpoints().add(PLACE, BreakpointKind::Software).unwrap();
            let current = session.command("target current").unwrap();
            runner.registers().write("pc", PLACE).unwrap();
            assert_eq!(runner.step().unwrap().pc, Some(PLACE + 4), "{case}");
            assert_eq!(word(runner), EBREAK, "{case}");

            runner.registers().write("pc", PLACE).unwrap();
            runner.resume().unwrap();
            thread::sleep(Duration::from_millis(20));
            assert_eq!(runner.halt().unwrap().pc, Some(PLACE + 8), "{case}");

            // Nothing is executed twice, and nothing that was not executed is a verdict.
            for breakpoint in [PLACE, PLACE + 4] {
                setter.halt().unwrap();
                runner.registers().write("pc", PLACE).unwrap();
                let until = RunUntil::new().breakpoint(breakpoint);
                let outcome = runner.run_until(until, Duration::from_millis(300)).unwrap();
                let expected = match breakpoint {
                    PLACE => Verdict::Deadline,
                    address => Verdict::Breakpoint { address },
                };
                assert_eq!(outcome.verdict, expected, "{case}");
            }
            assert_eq!(session.command("target current").unwrap(), current);
            assert_eq!(word(runner), EBREAK, "{case}");
            setter.halt().unwrap();
            setter.breakpoints().remove(PLACE).unwrap();
            assert_eq!(word(runner), NOP, "{case}");
        }
    }
}

#[test]
fn a_hart_does_not_run_past_the_software_breakpoint_of_a_running_hart() {
    let (_board, session) = pair(false);
    let [one, other] = ["pair0.cpu0", "pair0.cpu1"].map(|name| session.target_named(name).unwrap());
    session.memory().write_u32_slice(PLACE, &[NOP, NOP, ENDLESS]).unwrap();
    one.breakpoints().add(PLACE, BreakpointKind::Software).unwrap();
    one.resume_at(PLACE + 8).unwrap();
    other.registers().write("pc", PLACE).unwrap();
    let run_until = || other.run_until(RunUntil::new().breakpoint(PLACE), PATIENCE).map(drop);
    for result in [other.step().map(drop), other.resume(), run_until()] {
        let text = result.unwrap_err().to_string();
        assert!(text.contains("pair0.cpu0 has a breakpoint") && text.contains("and is running"), "{text}");
        let status = other.status().unwrap();
        assert_eq!((status.state, status.pc), (TargetState::Halted, Some(PLACE)));
        assert_eq!(word(other), EBREAK);
    }
    one.halt().unwrap();
    assert_eq!(other.step().unwrap().pc, Some(PLACE + 4));
    assert_eq!(word(other), EBREAK);
}

#[test]
fn harts_have_hardware_breakpoints_of_their_own() {
    let (_board, session) = pair(false);
    let [one, other] = ["pair0.cpu0", "pair0.cpu1"].map(|name| session.target_named(name).unwrap());
    let set = one.breakpoints().add(PLACE, BreakpointKind::Hardware).unwrap();
    // 0.12.0 never sets the number.
    let is_old = session.version().as_str() == "Open On-Chip Debugger 0.12.0";
    assert_eq!(set.comparator.is_none(), is_old, "{set:?}");
    other.breakpoints().add(PLACE, BreakpointKind::Hardware).unwrap();
    for hart in [one, other] {
        assert_eq!(hart.breakpoints().list().unwrap(), [set]);
        hart.breakpoints().remove(PLACE).unwrap();
        assert_eq!(hart.breakpoints().list().unwrap(), []);
    }
}

#[test]
fn bit_0_of_an_address_marks_thumb_code_and_is_ignored() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    let place = u64::from(WORK);
    let set = breakpoints.add(place | 1, BreakpointKind::Hardware).unwrap();
    assert_eq!(set.address, place);
    let error = breakpoint_error(breakpoints.add(place, BreakpointKind::Hardware));
    assert!(matches!(error, BreakpointError::Duplicate { .. }), "{error}");
    assert_eq!(board.run_until_halted().pc, Some(place));
    breakpoints.remove(place | 1).unwrap();
    assert_eq!(breakpoints.list().unwrap(), []);
}
