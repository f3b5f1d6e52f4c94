//! Errors of calls that the chip refuses: the variant, OpenOCD's number, and how far the call came.

use std::ops::ControlFlow;

use openocd::{Error, FlashError, Image, Phase, Progress, ResetMode, Session, WriteOptions};
use virtual_chip::{Transport, VirtualChip, firmware};

use crate::board::{Board, INSTALL, config, transport};
use crate::random::Random;

const BASE: u64 = 0x0800_0000;
const ERASE: WriteOptions = WriteOptions::new();

/// OpenOCD's number for protected flash.
const PROTECTED: i32 = -909;

/// OpenOCD's number for a fault on the debug port's bus: `ERROR_JTAG_DEVICE_ERROR` or
/// `ERROR_SWD_FAULT`.
fn bus_fault() -> i32 {
    match transport() {
        Transport::Jtag => -107,
        Transport::Swd => -401,
    }
}

#[track_caller]
fn flash_error<T: std::fmt::Debug>(result: openocd::Result<T>) -> FlashError {
    match result {
        Err(Error::Flash(error)) => error,
        other => panic!("no flash error: {other:?}"),
    }
}

#[track_caller]
fn assert_erase<T: std::fmt::Debug>(result: openocd::Result<T>, expected: (u64, u64), code: i32) {
    let error = flash_error(result);
    let FlashError::Erase { address, erased: 0, total, .. } = error else { panic!("{error}") };
    assert_eq!((address, total), expected);
    assert_eq!(error.failure().expect("OpenOCD refused").code(), code);
}

#[track_caller]
fn assert_write<T: std::fmt::Debug>(result: openocd::Result<T>, expected: (u64, u64), code: i32) {
    let error = flash_error(result);
    let FlashError::Write { address, written: 0, total, .. } = error else { panic!("{error}") };
    assert_eq!((address, total), expected);
    assert_eq!(error.failure().expect("OpenOCD refused").code(), code);
}

#[test]
fn a_flash_controller_that_does_not_answer_fails_every_change() {
    let board = Board::halted();
    let flash = board.session.flash();
    flash.banks().unwrap();
    // The registers that hold the protection still answer, so the sectors can be listed.
    board.chip.faults().bus_fault_at(0x4002_2000..0x4002_2014);
    let at = BASE + 0x4000;
    let image = Image::bin(at, vec![1; 3000]).unwrap();
    assert_erase(flash.erase_sector(0, 4, 6), (BASE + 0x1000, 3072), bus_fault());
    assert_erase(flash.erase_address(at, 1024), (at, 1024), bus_fault());
    assert_erase(flash.erase_all(0), (BASE, 0x2_0000), bus_fault());
    assert_write(flash.write(at, &[1; 100]), (at, 100), bus_fault());
    assert_write(flash.write_image_with(&image, WriteOptions::new().erase(false)), (at, 3000), bus_fault());
    assert_erase(flash.write_image_with(&image, ERASE), (at, 3072), bus_fault());
    for protect in [true, false] {
        let error = flash_error(if protect { flash.protect(0, 4..=5) } else { flash.unprotect(0, 4..=5) });
        let FlashError::Protect { first: 4, last: 5, protect: asked, .. } = error else { panic!("{error}") };
        assert_eq!((asked, error.failure().unwrap().code()), (protect, bus_fault()));
        let verb = if protect { "protect" } else { "unprotect" };
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("cannot {verb} protection blocks 4 to 5 of flash bank \"stm32f1x.flash\": ")),
            "{text}"
        );
    }
    assert_erase(flash.program(&image), (at, 3072), bus_fault());
    assert_eq!(board.held(BASE, firmware::IMAGE.len()), firmware::IMAGE);

    // The same session works when the chip answers again.
    board.chip.faults().clear();
    flash.program(&image).unwrap();
    assert_eq!(board.held(at, 3000), vec![1; 3000]);
}

#[test]
fn write_protected_sectors_refuse_every_change() {
    let board = Board::halted();
    let flash = board.session.flash();
    flash.protect(0, 4..=5).unwrap();
    board.session.target().reset(ResetMode::Halt).unwrap();
    let at = BASE + 0x4000;
    let image = Image::bin(at, vec![1; 9000]).unwrap();
    for (result, expected) in [
        (flash.erase_sector(0, 16, 17), 4..=4),
        (flash.erase_all(0), 4..=5),
        (flash.write(at + 0x1000, &[1; 100]), 5..=5),
        (flash.write_image_with(&image, WriteOptions::new().erase(false)).map(drop), 4..=5),
        (flash.write_image_with(&image, ERASE).map(drop), 4..=5),
        (flash.program(&image).map(drop), 4..=5),
    ] {
        let error = flash_error(result);
        assert!(
            matches!(&error, FlashError::Protected { protected, .. } if *protected == [expected.clone()]),
            "{expected:?}: {error}"
        );
    }
    assert_eq!(board.held(at, 0x2000), vec![0xff; 0x2000]);
    assert_eq!(board.held(BASE, firmware::IMAGE.len()), firmware::IMAGE);
    // Sectors beside them accept changes.
    flash.write(at - 4, &[1, 2, 3, 4]).unwrap();
    flash.write(at + 0x2000, &[1, 2, 3, 4]).unwrap();
}

#[test]
fn a_locked_chip_fails_every_call() {
    let board = Board::halted();
    board.chip.faults().read_protect(true);
    board.session.target().reset(ResetMode::Halt).unwrap();
    let flash = board.session.flash();
    for error in [flash.read(BASE, 16).map(drop).unwrap_err(), flash.verify(BASE, &[1; 16]).map(drop).unwrap_err()] {
        let (Error::Flash(FlashError::Read { address: BASE, .. } | FlashError::Verify { address: BASE, .. }), true) =
            (&error, error.code() == Some(bus_fault()))
        else {
            panic!("{error:?}")
        };
    }
    // The first pages of a locked STM32F1 are write-protected (PM0075, 2.4.1).
    let image = Image::bin(BASE, vec![1; 100]).unwrap();
    assert_erase(flash.erase_sector(0, 0, 3), (BASE, 4096), PROTECTED);
    assert_erase(flash.erase_all(0), (BASE, 0x2_0000), PROTECTED);
    assert_write(flash.write(BASE + 0x800, &[1, 2]), (BASE + 0x800, 2), PROTECTED);
    let without_verify = WriteOptions::new().verify(false);
    assert_erase(flash.write_image_with(&image, without_verify), (BASE, 1024), PROTECTED);
    assert_eq!(board.held(BASE, firmware::IMAGE.len()), firmware::IMAGE);
}

#[test]
fn flash_that_cannot_be_read_to_verify_it_is_not_erased() {
    let board = Board::halted();
    let flash = board.session.flash();
    let at = BASE + 0x8000;
    board.chip.write_memory(0x0800_8000, &[0x5a; 0x1000]).unwrap();
    let image = Image::bin(at + 100, vec![1; 1000]).unwrap();
    board.chip.faults().read_protect(true);
    board.session.target().reset(ResetMode::Halt).unwrap();
    for result in [
        flash.write_image(&image).map(drop),
        flash.program(&image).map(drop),
        flash.write_image_with(&image, ERASE.erase_banks(true)).map(drop),
    ] {
        let error = flash_error(result);
        let FlashError::Unreadable { address, .. } = &error else { panic!("{error}") };
        assert_eq!((*address, error.failure().expect("OpenOCD refused").code()), (at + 100, bus_fault()));
        assert_eq!(error.cause().map(Error::id), Some("command.failed"));
        assert_eq!(board.held(at, 0x1000), [0x5a; 0x1000]);
    }
    let report = flash.write_image_with(&image, ERASE.verify(false)).unwrap();
    assert_eq!((report.erased, report.written), (0x800, 1000));
    assert_eq!(board.held(at + 100, 1000), [1; 1000]);
}

#[test]
fn a_place_that_alone_cannot_be_read_is_erased_and_written() {
    let board = Board::halted();
    let at = BASE + 0x8000;
    // As what a write without power has left, where flash has error correction.
    board.chip.faults().bus_fault_at(0x0800_8000..0x0800_8004);
    let flash = board.session.flash().with_progress(|progress| {
        if progress.phase == Phase::Erase && progress.done > 0 {
            board.chip.faults().clear();
        }
    });
    let image = Image::bin(at, vec![1; 1000]).unwrap();
    assert_eq!(flash.write_image(&image).unwrap().written, 1000);
}

/// Switches the power off as soon as `phase` has made progress.
fn power_off_in(board: &Board, phase: Phase) -> impl Fn(Progress) -> ControlFlow<()> + Sync {
    move |progress| {
        if progress.phase == phase && progress.done > 0 {
            board.chip.faults().power_off();
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn a_power_loss_in_mid_erase_says_how_far_it_came() {
    let board = Board::halted();
    board.chip.write_memory(0x0800_0000, &vec![0; 0x2_0000]).unwrap();
    let report = power_off_in(&board, Phase::Erase);
    let error = flash_error(board.session.flash().with_progress(&report).erase_sector(0, 1, 127));
    let FlashError::Erase { address, erased, total: 0x1_fc00, .. } = error else { panic!("{error}") };
    assert_eq!(address, BASE + 0x400 + erased);
    assert!(erased > 0 && erased < 0x1_fc00, "{error}");
    board.chip.faults().clear();
    assert_eq!(board.held(BASE + 0x400, erased as usize), vec![0xff; erased as usize]);
    assert_eq!(board.held(BASE + 0x1_fc00, 4), [0; 4]);
    board.session.target().reset(ResetMode::Halt).unwrap();
    board.session.flash().erase_sector(0, 1, 127).unwrap();
}

#[test]
fn a_power_loss_in_mid_verify_is_not_reported_as_a_mismatch() {
    let board = Board::halted();
    let data = Random::new(41).bytes(40_000);
    board.chip.write_memory(0x0800_4000, &data).unwrap();
    let report = power_off_in(&board, Phase::Verify);
    let error = board.session.flash().with_progress(&report).verify(BASE + 0x4000, &data).unwrap_err();
    let Error::Flash(FlashError::Verify { address, .. }) = error else { panic!("{error}") };
    assert!(address > BASE + 0x4000 && address < BASE + 0x4000 + 40_000, "{address:#x}");
    assert!(error.failure().is_some(), "{error:?}");
}

#[test]
fn a_session_can_program_again_after_a_power_loss() {
    let board = Board::start();
    let data = Random::new(42).bytes(39_001);
    let image = Image::bin(BASE + 0x3000, data.clone()).unwrap();
    let report = power_off_in(&board, Phase::Write);
    let flash = board.session.flash();
    let error = flash_error(flash.with_progress(&report).program(&image));
    let FlashError::Write { written, total: 39_001, .. } = error else { panic!("{error}") };
    assert_eq!(board.held(BASE + 0x3000, written as usize), data[..written as usize]);
    // While the power is off, the call fails before it changes anything.
    let error = flash.program(&image).unwrap_err();
    assert!(matches!(error, Error::Target(_) | Error::Flash(_)) && error.failure().is_some(), "{error:?}");
    board.chip.faults().clear();
    flash.program(&image).unwrap();
    assert_eq!(board.held(BASE + 0x3000, data.len()), data);
}

#[test]
fn a_chip_that_openocd_could_not_examine_can_be_programmed_after_a_reset() {
    let chip = VirtualChip::start().expect("a free port");
    // OpenOCD reads CPUID first. Its `init` survives that there is no answer.
    chip.faults().bus_fault_at(0xe000_ed00..0xe000_ed04);
    let session = Session::start(config(&chip)).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    let flash = session.flash();
    // The error says why there is no flash.
    for result in [flash.write(BASE, &[1, 2]), flash.read(BASE, 2).map(drop), flash.erase_address(BASE, 1024)] {
        let error = flash_error(result);
        assert!(matches!(error, FlashError::Probe { .. }), "{error}");
        let text = error.to_string();
        assert!(text.starts_with("cannot probe flash bank \"stm32f1x.flash\": OpenOCD refused"), "{text}");
    }
    let image = Image::bin(BASE + 0x4000, vec![0x5a; 3000]).unwrap();
    let error = flash.program(&image).unwrap_err();
    assert!(matches!(error, Error::Target(_)), "{error}");
    chip.faults().clear();
    flash.program(&image).unwrap();
    let mut held = vec![0; 3000];
    chip.read_memory(0x0800_4000, &mut held).unwrap();
    assert_eq!(held, vec![0x5a; 3000]);
}

#[test]
fn a_cancelled_erase_stops_between_two_sectors() {
    let board = Board::halted();
    board.chip.write_memory(0x0800_0000, &vec![0; 0x2_0000]).unwrap();
    let report = |progress: Progress| {
        if progress.phase == Phase::Erase && progress.done > 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let error = board.session.flash().with_progress(report).erase_sector(0, 1, 127).unwrap_err();
    let Error::Cancelled { phase: Phase::Erase, done, total: 0x1_fc00, address } = error else { panic!("{error}") };
    assert_eq!((address, done % 1024), (BASE + 0x400 + done, 0));
    assert!(done > 0 && done < 0x1_fc00, "{error}");
    let mut expected = vec![0; 0x2_0000];
    expected[0x400..0x400 + done as usize].fill(0xff);
    assert!(board.held(BASE, 0x2_0000) == expected, "just what it says is erased");
}
