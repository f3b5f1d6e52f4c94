//! Faults of the chip, the wire and OpenOCD in the middle of a flash call.

use std::ops::ControlFlow;
use std::time::Duration;

use openocd::{ConnectionError, Error, FlashError, Image, ResetMode, Session, TargetError, TimeoutError, WriteOptions};
use virtual_chip::firmware;

use crate::board::Board;
use crate::random::Random;

const BASE: u64 = 0x0800_0000;

fn go_on(_: openocd::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn a_page_that_keeps_its_contents_is_not_reported_as_erased() {
    let board = Board::halted();
    let flash = board.session.flash();
    board.chip.write_memory(0x0800_1401, &[0x5a]).unwrap();
    board.chip.faults().unerasable_page(5);
    let expected = "OpenOCD reported flash as erased, but 0x08001401 holds 0x5a in place of 0xff";
    assert_eq!(flash.erase_sector(0, 4, 6).unwrap_err().to_string(), expected);
    assert_eq!(flash.erase_address(BASE + 5 * 1024, 1024).unwrap_err().to_string(), expected);
    assert_eq!(flash.erase_all(0).unwrap_err().to_string(), expected);
    board.chip.write_memory(0x0800_1401, &[0]).unwrap();
    let error = flash.erase_sector(0, 5, 5).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::NotErased { found: 0, .. })), "{error}");
    board.chip.write_memory(0x0800_1400, &[0; 1024]).unwrap();
    let error = flash.erase_sector(0, 5, 5).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::NotErased { found: 0, address: 0x0800_1400, .. })), "{error}");
    board.chip.faults().clear();
    flash.erase_sector(0, 4, 6).unwrap();
}

#[test]
fn write_image_and_program_check_the_rest_of_erased_sectors() {
    let board = Board::halted();
    let flash = board.session.flash();
    board.chip.write_memory(0x0800_1401, &[0x5a]).unwrap();
    board.chip.faults().unerasable_page(5);
    let image = Image::bin(BASE + 0x1410, vec![0xff; 8]).unwrap();
    for result in [flash.write_image(&image).map(drop), flash.program(&image).map(drop)] {
        let error = result.unwrap_err();
        let Error::Flash(FlashError::NotErased { address: 0x0800_1401, found: 0x5a, .. }) = error else {
            panic!("{error:?}")
        };
    }
    flash.write_image_with(&image, WriteOptions::new().verify(false)).unwrap();
    flash.write_image_with(&image, WriteOptions::new().erase(false)).unwrap();
}

#[test]
fn stuck_bits_are_a_mismatch_with_an_address() {
    let board = Board::halted();
    let data = vec![0; 20_000];
    board.chip.faults().stuck_bits(0x4000 + 12_344, 0x0100);
    let error = board.session.flash().write(BASE + 0x4000, &data).unwrap_err();
    let Error::Flash(FlashError::Mismatch(mismatch)) = error else { panic!("{error}") };
    assert_eq!((mismatch.address, mismatch.expected, mismatch.found), (BASE + 0x4000 + 12_345, 0, 1));
    let image = Image::bin(BASE + 0x4000, data).unwrap();
    let error = board.session.flash().write_image_with(&image, WriteOptions::new()).unwrap_err();
    assert_eq!(error.to_string(), "flash was written, but 0x08007039 holds 0x01 and not 0x00");
    board.session.flash().write_image_with(&image, WriteOptions::new().verify(false)).unwrap();
}

#[test]
fn a_power_loss_in_mid_write_says_how_far_it_came() {
    let board = Board::halted();
    let data = Random::new(31).bytes(80_000);
    board.chip.faults().power_fails_after(25_000);
    // The callback makes the pieces small.
    let error = board.session.flash().with_progress(go_on).write(BASE + 0x4000, &data).unwrap_err();
    let Error::Flash(FlashError::Write { address, written, total: 80_000, .. }) = &error else { panic!("{error}") };
    assert_eq!(*address, BASE + 0x4000 + written);
    assert!(*written > 0 && *written <= 60_000, "{error}");
    let written = usize::try_from(*written).unwrap();
    board.chip.faults().clear();
    assert_eq!(board.held(BASE + 0x4000, written), data[..written], "what is said to be written is");

    // The same session works once the power is back.
    board.session.target().reset(ResetMode::Halt).unwrap();
    let image = Image::bin(BASE + 0x4000, data.clone()).unwrap();
    board.session.flash().write_image_with(&image, WriteOptions::new()).unwrap();
    assert_eq!(board.held(BASE + 0x4000, data.len()), data);
}

#[test]
fn a_chip_without_power_fails_every_call() {
    let board = Board::halted();
    let flash = board.session.flash();
    flash.banks().unwrap();
    board.chip.faults().power_off();
    let error = flash.read(BASE, 100).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::Read { .. } | FlashError::Info { .. })), "{error}");
    assert!(error.failure().is_some(), "{error:?}");
    for error in [
        flash.write(BASE + 0x4000, &[1, 2]).unwrap_err(),
        flash.erase_sector(0, 1, 2).unwrap_err(),
        flash.erase_all(0).unwrap_err(),
        flash.protect(0, 1..=2).unwrap_err(),
        flash.verify(BASE, &[1, 2]).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Flash(_) | Error::Target(TargetError::NotHalted { .. })), "{error}");
    }
    board.chip.faults().clear();
    board.session.target().reset(ResetMode::Halt).unwrap();
    assert_eq!(flash.read(BASE, 8).unwrap(), firmware::IMAGE[..8]);
}

#[test]
fn reading_protected_flash_is_an_error() {
    let board = Board::halted();
    board.chip.faults().read_protect(true);
    let error = board.session.flash().read(BASE, 16).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::Read { address: BASE, .. } | FlashError::Info { .. })), "{error}");
    let error = board.session.flash().verify(BASE, &[1; 16]).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::Verify { .. } | FlashError::Info { .. })), "{error}");
}

#[test]
fn a_chip_that_was_reset_behind_openocds_back_is_seen_as_running() {
    // The newer OpenOCD would start its checksum algorithm on a core that it takes for halted, and
    // wait 20 s for the end.
    let limits = Session::builder().timeout(Duration::from_secs(120)).flash_timeout(Duration::from_secs(15));
    let board = Board::start_with(limits, |openocd| openocd);
    board.session.target().halt().unwrap();
    board.session.flash().banks().unwrap();
    board.chip.reset();
    assert!(board.session.flash().verify(BASE, firmware::IMAGE).unwrap());
    board.session.target().halt().unwrap();
    board.chip.reset();
    let error = board.session.flash().write(BASE + 0x4000, &[1, 2]).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{error}");
}

#[test]
fn a_bus_fault_in_mid_read_has_an_address() {
    let board = Board::halted();
    board.chip.faults().bus_fault_at(0x0800_9000..0x0800_9004);
    let error = board.session.flash().with_progress(go_on).read(BASE, 0x1_0000).unwrap_err();
    let Error::Flash(FlashError::Read { address, .. }) = error else { panic!("{error}") };
    assert!(address > BASE && address <= 0x0800_9000, "{address:#x}");
}

#[test]
fn a_killed_openocd_in_mid_write_says_how_far_it_came() {
    let board = Board::halted();
    let data = Random::new(32).bytes(60_000);
    let flash = board.session.flash();
    let killed = std::sync::atomic::AtomicBool::new(false);
    let report = |progress: openocd::Progress| {
        if progress.phase == openocd::Phase::Write
            && progress.done > 10_000
            && !killed.swap(true, std::sync::atomic::Ordering::Relaxed)
        {
            let pid = board.session.process().unwrap().pid();
            assert!(std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        }
        std::ops::ControlFlow::Continue(())
    };
    let error = flash.with_progress(report).write(BASE + 0x4000, &data).unwrap_err();
    let Error::Flash(FlashError::Write { written, cause, .. }) = &error else { panic!("{error}") };
    assert!(matches!(**cause, Error::Connection(ConnectionError::ServerDied { .. })), "{cause}");
    let written = usize::try_from(*written).unwrap();
    assert!(written > 10_000);
    assert_eq!(board.held(BASE + 0x4000, written), data[..written]);
    let after = board.session.flash().banks().unwrap_err();
    assert!(matches!(after, Error::Connection(_)), "and says so plainly: {after}");
}

/// The temporary files in which OpenOCD got the bytes to write.
fn temporary_files(template: &str) -> Vec<std::path::PathBuf> {
    let name = &template[template.find("openocd-rs-").unwrap()..template.find("XXXXXX").unwrap()];
    let entries = std::fs::read_dir(std::env::temp_dir()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(name)).collect()
}

#[test]
fn an_openocd_that_is_killed_in_mid_write_leaves_no_file_behind() {
    for killed_by_us in [true, false] {
        let board = Board::start_with(Session::builder().flash_timeout(Duration::from_secs(1)), |openocd| openocd);
        board.session.target().halt().unwrap();
        let template = board.session.command("set _openocd_rs_temporary").unwrap();
        let error = std::thread::scope(|scope| {
            scope.spawn(|| {
                // The first file is one of 0xff, which only shows that there can be files.
                let holds_data = |path| std::fs::read(path).is_ok_and(|held| held.iter().any(|byte| *byte != 0xff));
                while !temporary_files(&template).into_iter().any(holds_data) {
                    std::thread::yield_now();
                }
                // OpenOCD waits for the chip without a limit of its own.
                board.chip.faults().stop_answering(true);
            });
            board.session.flash().write(BASE, &Random::new(34).bytes(60_000)).unwrap_err()
        });
        assert!(matches!(error, Error::Flash(FlashError::Write { .. })), "{error}");
        let files = temporary_files(&template);
        assert_eq!(files.len(), 1, "{files:?}");
        if !killed_by_us {
            board.kill_openocd();
        }
        let Board { session, chip: _chip, .. } = board;
        drop(session);
        assert!(!files[0].exists(), "{files:?}");
    }
}

#[test]
fn a_chip_that_stops_answering_ends_a_write_by_the_flash_timeout() {
    // The adapter waits for the chip without a limit of its own.
    let limits = Session::builder().timeout(Duration::from_secs(20)).flash_timeout(Duration::from_secs(8));
    let board = Board::start_with(limits, |openocd| openocd);
    board.session.target().halt().unwrap();
    let flash = board.session.flash();
    let data = Random::new(33).bytes(60_000);
    let silent = std::sync::atomic::AtomicBool::new(false);
    let report = |progress: openocd::Progress| {
        if progress.phase == openocd::Phase::Write
            && progress.done > 10_000
            && !silent.swap(true, std::sync::atomic::Ordering::Relaxed)
        {
            board.chip.faults().stop_answering(true);
        }
        std::ops::ControlFlow::Continue(())
    };
    let error = flash.with_progress(report).write(BASE + 0x4000, &data).unwrap_err();
    let Error::Flash(FlashError::Write { written, cause, .. }) = &error else { panic!("{error}") };
    let Error::Timeout(TimeoutError::Reply { after, .. }) = **cause else { panic!("{cause}") };
    assert_eq!(after, Duration::from_secs(8), "the flash timeout, not the session's");
    assert!(*written > 10_000);
    // Once the chip answers again, so does the session.
    board.chip.faults().stop_answering(false);
    board.session.target().reset(ResetMode::Halt).unwrap();
    flash.erase_sector(0, 16, 19).unwrap();
    flash.write(BASE + 0x4000, &data[..4000]).unwrap();
}
