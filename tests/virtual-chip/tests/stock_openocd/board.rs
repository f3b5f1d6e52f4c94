//! Several chips on one chain, and their pins.

use virtual_chip::{BOUNDARY_LENGTH, CoreState, Model, VirtualBoard, VirtualChip};

use crate::openocd::{run, run_with};

#[test]
fn two_chips_and_a_hart_share_a_chain() {
    let board = VirtualBoard::start(&[Model::Stm32f103, Model::RiscvHart, Model::Stm32f103]).unwrap();
    let [first, second] = board.chips() else { panic!("there are two") };
    let [hart] = board.harts() else { panic!("there is one") };
    assert_eq!(
        [first.target_name(), second.target_name(), hart.target_name()],
        ["chip0.cpu", "chip1.cpu", "hart0.cpu"]
    );
    let run = run_with(
        board.openocd_args(),
        &[
            "echo [scan_chain]",
            "targets chip1.cpu",
            "halt",
            "mww 0x20001000 0x11",
            "targets hart0.cpu",
            "halt",
            "mww 0x80001000 0x22",
            "targets chip0.cpu",
            "mww 0x20001000 0x33",
        ],
    );
    assert!(run.success, "{run}");
    assert_eq!(
        [first.state(), second.state(), hart.state()],
        [CoreState::Running, CoreState::Halted, CoreState::Halted]
    );
    assert_eq!(first.read_u32(0x2000_1000), Ok(0x33));
    assert_eq!(second.read_u32(0x2000_1000), Ok(0x11));
    assert_eq!(hart.read_u32(0x8000_1000), Ok(0x22));
}

#[test]
fn pins_are_sampled_and_driven() {
    let chip = VirtualChip::start().unwrap();
    for cell in [0, 7, 100, BOUNDARY_LENGTH - 1] {
        chip.boundary().set_level(cell, true);
    }
    let zeros = "0".repeat(BOUNDARY_LENGTH / 4 - 2);
    let shift = format!("drscan stm32f1x.bs {BOUNDARY_LENGTH} 0x{zeros}82");
    // Polling would select other registers between the scans.
    let sampled = run(&chip, &["poll off", "irscan stm32f1x.bs 2", &format!("echo pins=[{shift}]")]);
    sampled.assert_clean();
    let pins = sampled.value("pins").to_lowercase();
    let expected = format!("80{}1{}81", "0".repeat(30), "0".repeat(23));
    assert_eq!(pins, expected);
    assert_eq!(chip.boundary().driven(1), None, "SAMPLE leaves the pins alone");
    let driven = run(&chip, &["poll off", "irscan stm32f1x.bs 2", &shift, "irscan stm32f1x.bs 0"]);
    driven.assert_clean();
    assert_eq!([0, 1, 7].map(|cell| chip.boundary().driven(cell)), [Some(false), Some(true), Some(true)]);
    chip.reset();
    run(&chip, &["jtag arp_init"]).assert_clean();
    assert_eq!(chip.boundary().driven(1), None, "Test-Logic-Reset gives the pins back");
}
