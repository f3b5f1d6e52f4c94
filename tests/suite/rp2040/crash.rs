//! Faults of a Cortex-M0+: each is a `HardFault`, without a fault status.

use openocd::crash::{Fault, FrameSource, StackedState};
use openocd::{CrashReport, VectorCatch};
use virtual_chip::firmware::rp2040 as program;
use virtual_chip::{CoreState, HaltReason};

use super::{Pair, pair, wait_until};
use crate::board::PATIENCE;
use crate::core_dump::gdb;
use crate::directory::Directory;

/// The file that is [`program::CORES`].
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/firmware/rp2040/cores.elf");

/// Makes a core fault, with vector catch, and reports it.
fn crash(pair: &Pair, core: usize, request: u32) -> CrashReport {
    let target = pair.core(core);
    target.halt().unwrap();
    target.set_vector_catch(&[VectorCatch::HardFault]).unwrap();
    pair.board.cores()[core].write_u32(program::REQUEST_ADDRESSES[core], request).unwrap();
    target.resume().unwrap();
    target.wait_halt(PATIENCE).unwrap();
    assert_eq!(pair.board.cores()[core].halt_reason(), Some(HaltReason::VectorCatch));
    target.crash_report().unwrap()
}

#[test]
fn every_fault_is_a_hard_fault_with_the_place_where_it_happened() {
    let Some(pair) = pair() else { return };
    let faults = [(1, program::UNALIGNED), (2, program::UNDEFINED), (3, program::NOTHING_THERE), (4, 0x3000_0000)];
    for (core, (request, place)) in [0, 1, 0, 1].into_iter().zip(faults) {
        let report = crash(&pair, core, request);
        assert_eq!(report.fault_pc(), Some(place.into()), "{report}");
        let state = report.cortex_m().unwrap();
        assert_eq!((state.exception.to_string(), state.is_locked_up), ("HardFault".to_owned(), false));
        assert!(state.is_fault());
        let StackedState::Found(frame) = &state.stacked else { panic!("{report}") };
        assert_eq!(frame.source, FrameSource::StackPointer);
        assert!(report.unreadable.is_empty(), "{report}");
        assert_eq!(pair.board.cores()[1 - core].state(), CoreState::Running);
        pair.session.reset_all(openocd::ResetMode::Run).unwrap();
        pair.wait_until_both_count();
    }
}

#[test]
fn the_report_says_only_what_an_m0_plus_knows() {
    let Some(pair) = pair() else { return };
    let report = crash(&pair, 1, 3);
    let state = report.cortex_m().unwrap();
    assert_eq!((state.cpuid, state.control, state.primask), (Some(0x410c_c601), Some(0), Some(0)));
    assert_eq!((state.basepri, state.faultmask), (None, None));
    let status = &state.fault_status;
    assert_eq!([status.cfsr, status.hfsr, status.mmfar, status.bfar, status.afsr, status.sfsr], [None; 6]);
    assert_eq!(state.faults(), Vec::<Fault>::new());
    assert_eq!(report.summary(), "HardFault, at 0x100001b4");
    let text = report.to_string();
    for lacking in ["CFSR", "HFSR", "BFAR", "basepri", "faultmask"] {
        assert!(!text.contains(lacking), "{text}");
    }
    assert!(text.contains("rp2040.core1"), "{text}");
}

#[test]
fn gdb_opens_the_core_file_of_a_core() {
    let Some(pair) = pair() else { return };
    crash(&pair, 1, 2);
    let directory = Directory::new();
    let core = directory.path().join("core");
    pair.core(1).core_dump(&core, &[0x2000_2000..0x2000_2100, 0x2004_0f00..0x2004_1000]).unwrap();
    let text = gdb(Some(PROGRAM), &core, &["p/x $pc", "bt", "x/wx 0x20002010"]);
    assert!(text.contains(&format!("= {:#x}\n", program::HARD_FAULT)), "{text}");
    assert!(text.contains("hard_fault ()") && text.contains("<signal handler called>"), "{text}");
    assert!(text.contains("0x20002010:"), "{text}");
}

#[test]
fn a_fault_in_the_handler_locks_the_core_up() {
    let Some(pair) = pair() else { return };
    crash(&pair, 0, 2);
    let target = pair.core(0);
    // An undefined instruction in RAM, while the HardFault is active.
    target.memory().write_u16(0x2000_1000, 0xde00).unwrap();
    target.set_vector_catch(&[]).unwrap();
    // OpenOCD may report the resume as failed: the core locks up at once.
    let _ = target.resume_at(0x2000_1000);
    wait_until(|| pair.board.cores()[0].state() != CoreState::Running);
    target.halt().unwrap();
    let report = target.crash_report().unwrap();
    assert!(report.cortex_m().unwrap().is_locked_up, "{report}");
    assert_eq!(pair.board.cores()[1].state(), CoreState::Running);
}
