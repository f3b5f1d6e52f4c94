//! `irscan`, `drscan`, `scan`: any number of fields of any width, and OpenOCD's polling in between.

use openocd::{Bits, EndState, JtagError};
use virtual_chip::BOUNDARY_LENGTH;

use super::{BS, BYPASS, CPU, EXTEST, IDCODE, SAMPLE, bits, jtag_board, jtag_error, until_driven};

#[test]
fn a_scan_gives_what_the_pins_are_and_takes_what_they_become() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    let high = [0, 7, 31, 32, 63, 64, 127, 128, 200, BOUNDARY_LENGTH - 1];
    for cell in high {
        board.chip.boundary().set_level(cell, true);
    }
    let pause = board.session.pause_polling().unwrap();
    let mut driven = Bits::zeros(BOUNDARY_LENGTH).unwrap();
    for cell in (0..BOUNDARY_LENGTH).step_by(3) {
        assert!(driven.set(cell, true));
    }
    let captured = jtag.scan(BS, SAMPLE, &[driven]).unwrap();
    let captured: Vec<_> = (0..BOUNDARY_LENGTH).filter(|cell| captured[0].bit(*cell) == Some(true)).collect();
    assert_eq!(captured, high);
    until_driven(&board, 0, None);
    jtag.irscan(BS, EXTEST).unwrap();
    for cell in 0..BOUNDARY_LENGTH {
        until_driven(&board, cell, Some(cell % 3 == 0));
    }
    pause.resume().unwrap();
}

#[test]
fn fields_of_any_width_come_back_exactly() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    // Cell n is high where the n-th bit of these bytes is.
    let levels: Vec<u8> = (0..29_u8).map(|n| n.wrapping_mul(37) ^ 0xa5).collect();
    let level = |cell: usize| levels[cell / 8] >> (cell % 8) & 1 != 0;
    for cell in 0..BOUNDARY_LENGTH {
        board.chip.boundary().set_level(cell, level(cell));
    }
    for widths in [&[232][..], &[1, 231], &[64, 64, 64, 40], &[65, 167], &[7, 9, 33, 128, 55], &[1; 232]] {
        let fields: Vec<_> = widths.iter().map(|width| Bits::zeros(*width).unwrap()).collect();
        let captured = jtag.scan(BS, SAMPLE, &fields).unwrap();
        let read: Vec<bool> = captured.iter().flat_map(|f| (0..f.len()).map(|bit| f.bit(bit).unwrap())).collect();
        assert_eq!(read, (0..BOUNDARY_LENGTH).map(level).collect::<Vec<_>>(), "{widths:?}");
        assert!(captured.iter().map(Bits::len).eq(widths.iter().copied()));
    }
}

#[test]
fn a_register_that_is_shorter_gives_back_what_went_in() {
    let board = jtag_board();
    // BYPASS is one bit, 0 when captured, and the other TAP is in BYPASS, too: everything comes out
    // two bits later.
    let sent: Vec<u8> = (0..=255).collect();
    let sent = Bits::from_le_bytes(&sent, 2048).unwrap();
    let back = board.session.jtag().scan(BS, BYPASS, &[sent.clone(), bits(0, 2)]).unwrap();
    assert_eq!(back[0].bit(0), Some(false));
    assert!((2..2048).all(|bit| back[0].bit(bit) == sent.bit(bit - 2)));
    assert_eq!((back[1].bit(0), back[1].bit(1)), (sent.bit(2046), sent.bit(2047)));
}

#[test]
fn a_drscan_after_an_irscan_is_not_broken_up_by_polling() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    for _ in 0..20 {
        jtag.irscan(BS, IDCODE).unwrap();
        // Each of these calls has OpenOCD poll the core, which puts the boundary scan TAP into
        // BYPASS.
        board.session.memory().read_u32(0x2000_0000).unwrap();
        assert_eq!(jtag.drscan(BS, &[bits(0, 32)]).unwrap()[0].to_u64(), Some(0x1641_0041));
        assert_eq!(jtag.drscan(BS, &[bits(0, 32)]).unwrap()[0].to_u64(), Some(0x1641_0041));
    }
    // The core is as good as before.
    board.session.target().halt().unwrap();
    assert_eq!(jtag.scan(CPU, 0xe, &[bits(0, 32)]).unwrap()[0].to_u64(), Some(0x3ba0_0477));
    board.session.target().resume().unwrap();
}

#[test]
fn within_a_pause_of_polling_an_instruction_stays() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    let pause = board.session.pause_polling().unwrap();
    let inner = board.session.pause_polling().unwrap();
    jtag.irscan(BS, EXTEST).unwrap();
    until_driven(&board, 0, Some(false));
    let flushes = || board.session.command("flush_count").unwrap().trim().parse::<u32>().unwrap();
    let before = flushes();
    jtag.drscan(BS, &[Bits::zeros(BOUNDARY_LENGTH).unwrap()]).unwrap();
    assert_eq!(flushes(), before + 1, "one scan and nothing more");
    drop(inner);
    std::thread::sleep(std::time::Duration::from_millis(250));
    board.session.command("expr 1").unwrap();
    // Polling would have taken the TAP out of EXTEST.
    until_driven(&board, 0, Some(false));
    pause.resume().unwrap();
    // Now it does.
    let begin = std::time::Instant::now();
    while board.chip.boundary().driven(0).is_some() {
        board.session.command("target current").unwrap();
        assert!(begin.elapsed().as_secs() < 60, "polling goes on after the pause");
    }
}

#[test]
fn polling_that_was_off_stays_off() {
    let board = jtag_board();
    let polls = || board.session.command("poll").unwrap().contains("background polling: on");
    assert!(polls());
    board.session.jtag().scan(BS, IDCODE, &[bits(0, 32)]).unwrap();
    assert!(polls());
    board.session.command("poll off").unwrap();
    board.session.jtag().scan(BS, IDCODE, &[bits(0, 32)]).unwrap();
    board.session.pause_polling().unwrap().resume().unwrap();
    assert!(!polls());
}

#[test]
fn polling_that_somebody_switches_on_during_a_pause_does_no_harm() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    let _pause = board.session.pause_polling().unwrap();
    board.session.command("poll on").unwrap();
    for _ in 0..10 {
        assert_eq!(jtag.scan(BS, IDCODE, &[bits(0, 32)]).unwrap()[0].to_u64(), Some(0x1641_0041));
        assert_eq!(jtag.drscan(BS, &[bits(0, 32)]).unwrap()[0].to_u64(), Some(0x1641_0041));
    }
}

#[test]
fn the_end_state_is_the_one_asked_for() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    let pause = board.session.pause_polling().unwrap();
    jtag.scan(BS, SAMPLE, &[Bits::zeros(BOUNDARY_LENGTH).unwrap()]).unwrap();
    // After the IR scan nothing is updated in Pause-IR: the TAP is still in SAMPLE.
    jtag.end_state(EndState::PauseIr).irscan(BS, EXTEST).unwrap();
    until_driven(&board, 0, None);
    jtag.runtest(1).unwrap();
    until_driven(&board, 0, Some(false));
    // The same for data in Pause-DR.
    let mut pins = Bits::zeros(BOUNDARY_LENGTH).unwrap();
    assert!(pins.set(0, true));
    jtag.end_state(EndState::PauseDr).drscan(BS, &[pins]).unwrap();
    until_driven(&board, 0, Some(false));
    jtag.runtest(1).unwrap();
    until_driven(&board, 0, Some(true));
    pause.resume().unwrap();
}

#[test]
fn a_drscan_without_an_instruction_is_refused_and_openocd_lives_on() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    let data = [bits(0, 32)];
    let bypassed = |result| {
        let error = jtag_error(result);
        assert!(matches!(&error, JtagError::Bypass { tap } if tap == BS), "{error:?}");
    };
    bypassed(jtag.drscan(BS, &data));
    jtag.irscan(CPU, 0xe).unwrap();
    bypassed(jtag.drscan(BS, &data));
    jtag.irscan(BS, IDCODE).unwrap();
    jtag.arp_init().unwrap();
    bypassed(jtag.drscan(BS, &data));
    jtag.irscan(BS, IDCODE).unwrap();
    assert_eq!(jtag.drscan(BS, &data).unwrap()[0].to_u64(), Some(0x1641_0041));
}

#[test]
fn what_cannot_be_scanned_is_refused_before_anything_is() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    for name in ["stm32f1x.xx", "", "0", "[exit]", "a b"] {
        for error in [
            jtag_error(jtag.irscan(name, 1)),
            jtag_error(jtag.drscan(name, &[bits(0, 1)])),
            jtag_error(jtag.scan(name, 1, &[bits(0, 1)])),
        ] {
            assert!(matches!(&error, JtagError::UnknownTap { known, .. } if known == &[CPU, BS]), "{name}: {error:?}");
        }
    }
    // OpenOCD would drop the bits that the register has no room for.
    for (tap, instruction, length) in [(BS, 0x20, 5), (CPU, 0x10, 4), (BS, u64::MAX, 5)] {
        let error = jtag_error(jtag.irscan(tap, instruction));
        assert!(matches!(error, JtagError::ValueTooWide { bits, .. } if bits == length), "{error:?}");
        assert!(error.to_string().contains(&format!("{instruction:#x} exceeds the {length} bits")), "{error}");
    }
    assert!(matches!(jtag_error(jtag.drscan(BS, &[])), JtagError::InvalidArgument { .. }));
    assert!(matches!(jtag_error(jtag.scan(BS, 1, &[])), JtagError::InvalidArgument { .. }));
}

#[test]
fn a_chip_without_power_gives_ones_and_the_check_of_the_chain_says_why() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    jtag.irscan(BS, IDCODE).unwrap();
    board.chip.faults().power_off();
    assert_eq!(jtag.drscan(BS, &[bits(0, 32)]).unwrap()[0].to_u64(), Some(0xffff_ffff));
    assert!(matches!(jtag_error(jtag.arp_init()), JtagError::ChainMismatch { .. }));
    board.chip.faults().power_on();
    assert_eq!(jtag.scan(BS, IDCODE, &[bits(0, 32)]).unwrap()[0].to_u64(), Some(0x1641_0041));
}

#[test]
fn an_adapter_that_is_gone_fails_every_scan() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    jtag.irscan(BS, IDCODE).unwrap();
    board.chip.faults().disconnect();
    for error in [jtag_error(jtag.irscan(BS, IDCODE)), jtag_error(jtag.scan(BS, IDCODE, &[bits(0, 32)]))] {
        assert!(matches!(error, JtagError::Refused { .. }), "{error:?}");
    }
    // The instruction before the failed one does not count any more.
    let error = jtag_error(jtag.drscan(BS, &[bits(0, 32)]));
    assert!(matches!(error, JtagError::Bypass { .. }), "{error:?}");
}

#[test]
fn eight_threads_scan_and_each_gets_its_own() {
    let board = jtag_board();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let session = &board.session;
            scope.spawn(move || {
                let (tap, instruction, idcode) =
                    if thread % 2 == 0 { (BS, IDCODE, 0x1641_0041) } else { (CPU, 0xe, 0x3ba0_0477) };
                for _ in 0..10 {
                    let captured = session.jtag().scan(tap, instruction, &[bits(0, 32)]).unwrap();
                    assert_eq!(captured[0].to_u64(), Some(idcode), "{tap}");
                }
            });
        }
        for _ in 0..10 {
            board.session.memory().write_u32(0x2000_0000, 1).unwrap();
        }
    });
}
