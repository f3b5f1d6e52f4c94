//! Software breakpoints in memory that two harts share, and Thumb addresses.

use openocd::{BreakpointError, BreakpointKind, OpenOcdProcess, Session, Target};
use virtual_chip::firmware::WORK;
use virtual_chip::{Model, VirtualBoard};

use super::breakpoint_error;
use crate::board::{Board, INSTALL, PATIENCE};

/// `addi x0, x0, 0`, and `ebreak`.
const NOP: u32 = 0x0000_0013;
const EBREAK: u32 = 0x0010_0073;
/// Where no program is.
const PLACE: u64 = 0x8000_0100;

/// Two halted harts that share their memory.
fn pair(smp: bool) -> (VirtualBoard, Session) {
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

fn word(target: Target<'_>) -> u32 {
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
