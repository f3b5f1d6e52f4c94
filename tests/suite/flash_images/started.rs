//! What becomes of a program that was started.

use super::*;

#[test]
fn a_firmware_that_locks_up_at_once_is_programmed_and_reported() {
    let board = Board::start();
    // A vector table whose reset and fault handlers are undefined instructions.
    let mut firmware = vec![0; 64];
    for (word, value) in [0x2000_5000_u32, 0x0800_0041, 0x0800_0041, 0x0800_0041].into_iter().enumerate() {
        firmware[4 * word..4 * word + 4].copy_from_slice(&value.to_le_bytes());
    }
    firmware.extend([0x00, 0xde].repeat(8));
    let report = board.session.program(&Image::bin(BASE, firmware.clone()).unwrap()).unwrap();
    assert_eq!(report.flash.written, 80);
    assert_eq!(report.status.halt_reason, Some(openocd::HaltReason::Lockup), "{report}");
    assert_eq!(board.held(BASE, 80), firmware);
}

#[test]
fn firmware_that_begins_with_a_semihosting_call_is_started() {
    let board = Board::start();
    let report = board.session.program("examples/firmware/rust/prebuilt/exits.elf").unwrap();
    assert_eq!(report.status.halt_reason, Some(openocd::HaltReason::Semihosting), "{report}");
    assert!(report.is_started(), "{report}");
    // The reason stays the same, and a run answers the call.
    let target = board.session.target();
    assert_eq!(target.status().unwrap(), report.status);
    assert_eq!(target.halt().unwrap(), report.status);
    let outcome = target.run_until(openocd::RunUntil::new().semihosting(), crate::board::PATIENCE).unwrap();
    assert!(matches!(outcome.verdict, openocd::Verdict::Exit { status: 7, .. }), "{}", outcome.verdict);
    // Another BKPT is a breakpoint as before.
    let mut firmware = [0x2000_1000_u32, 0x0800_0041].map(u32::to_le_bytes).concat();
    firmware.resize(0x40, 0);
    firmware.extend([0x01, 0xbe].repeat(8));
    let report = board.session.program(&Image::bin(BASE, firmware).unwrap()).unwrap();
    assert_eq!(report.status.halt_reason, Some(openocd::HaltReason::Breakpoint), "{report}");
    assert!(!report.is_started(), "{report}");
}

#[test]
fn firmware_that_crashes_into_a_breakpoint_of_its_handler_is_not_started() {
    let board = Board::start();
    for breakpoint in [0xab, 0x00] {
        let vectors = [0x2000_1000_u32, 0x0800_0041, 0, 0x0800_0045];
        let mut firmware = vectors.map(u32::to_le_bytes).concat();
        firmware.resize(0x40, 0);
        // udf #0; udf #0; bkpt
        firmware.extend([0x00, 0xde, 0x00, 0xde, breakpoint, 0xbe, 0xfe, 0xe7]);
        let report = board.session.program(&Image::bin(BASE, firmware).unwrap()).unwrap();
        assert!(report.is_crashed, "{report}");
        assert!(!report.is_started(), "{report}");
    }
}

#[test]
fn firmware_that_loops_in_the_handler_of_a_fault_is_crashed() {
    let board = Board::start();
    let target = board.session.target();
    // A handler that loops; one that returns behind the faulting instruction, 0x0800_0048.
    for (handler, is_crashed) in [([0xfe, 0xe7, 0xfe, 0xe7], true), ([0x02, 0xe0, 0xfe, 0xe7], false)] {
        let vectors = [0x2000_1000_u32, 0x0800_0041, 0, 0x0800_0045];
        let mut firmware = vectors.map(u32::to_le_bytes).concat();
        firmware.resize(0x40, 0);
        // udf #0; udf #0; the handler; b .; b .; ldr r0, [sp, #24]; adds r0, #8; str r0, [sp, #24]; bx lr
        firmware.extend([0x00, 0xde, 0x00, 0xde]);
        firmware.extend(handler);
        firmware.extend([0xfe, 0xe7, 0xfe, 0xe7, 0x06, 0x98, 0x08, 0x30, 0x06, 0x90, 0x70, 0x47]);
        let report = board.session.program(&Image::bin(BASE, firmware).unwrap()).unwrap();
        assert_eq!((report.status.state, report.is_crashed), (openocd::TargetState::Running, is_crashed), "{report}");
        assert_eq!(report.is_started(), !is_crashed, "{report}");
        assert_eq!(target.is_crashed().unwrap(), is_crashed);
        assert_eq!(target.status().unwrap().state, openocd::TargetState::Running);
        target.halt().unwrap();
        assert_eq!(target.is_crashed().unwrap(), is_crashed, "also if it is halted");
    }
    let hart = virtual_chip::VirtualHart::start().unwrap();
    let session = openocd::Session::start(hart.openocd_config()).unwrap();
    assert!(!session.target().is_crashed().unwrap());
}

#[test]
fn program_leaves_the_target_as_asked() {
    let board = Board::start();
    let image = Image::bin(BASE, firmware::IMAGE).unwrap();
    for mode in [openocd::ResetMode::Halt, openocd::ResetMode::Init] {
        let options = openocd::ProgramOptions::new().reset(mode);
        let report = board.session.flash().program_with(&image, &options).unwrap();
        assert_eq!(report.status.pc, Some(u64::from(firmware::MAIN)), "{report}");
        assert_eq!(board.chip.state(), virtual_chip::CoreState::Halted);
        assert!(!report.is_started());
    }
    let report = board.session.program(&image).unwrap();
    assert_eq!(report.status.state, openocd::TargetState::Running);
    assert!(report.is_started());
}
