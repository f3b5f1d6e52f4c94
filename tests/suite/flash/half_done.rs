//! Calls that fail in the middle: what they say is done is done, and protected sectors are found
//! before anything is.

use openocd::{Error, FlashError, Image, Phase, ProgramOptions, ResetMode, SectorKind, Session, WriteOptions};

use super::{BASE, PAGE};
use crate::board::Board;
use crate::directory::Directory;
use crate::random::Random;

fn board_with_protected_sectors(blocks: std::ops::RangeInclusive<u32>) -> Board {
    let board = Board::halted();
    board.session.flash().protect(0, blocks).unwrap();
    board.session.target().reset(ResetMode::Halt).unwrap();
    board
}

#[test]
fn protected_sectors_are_refused_before_anything_is_erased() {
    let board = board_with_protected_sectors(1..=2);
    let flash = board.session.flash();
    let before = board.held(BASE, 0x2_0000);
    let image = Image::bin(BASE, vec![0x5a; 26 * 1024]).unwrap();
    let written = flash.write_image(&image).map(drop);
    let programmed = flash.program(&image).map(drop);
    let in_place = flash.write_image_with(&image, WriteOptions::new().erase(false)).map(drop);
    let banks = flash.write_image_with(&image, WriteOptions::new().erase_banks(true)).map(drop);
    let kept = flash.write_image_with(&image, WriteOptions::new().keep_unwritten(true)).map(drop);
    let others = [flash.erase_all(0), flash.erase_address(BASE, 26 * 1024), flash.erase_sector(0, 0, 25)];
    for result in [written, programmed, in_place, banks, kept].into_iter().chain(others) {
        let error = result.unwrap_err();
        let Error::Flash(FlashError::Protected { bank, address, kind, protected, .. }) = &error else {
            panic!("{error:?}")
        };
        assert_eq!((&**bank, *address, *kind), ("stm32f1x.flash", BASE + 0x1000, SectorKind::ProtectionBlock));
        assert_eq!(*protected, [1..=2]);
        assert_eq!(
            error.to_string(),
            "flash at 0x08001000 is protected, so no flash was changed: `Flash::unprotect` unprotects protection blocks 1 to 2 of flash bank \"stm32f1x.flash\", on many chips from the next reset on"
        );
    }
    assert!(board.held(BASE, 0x2_0000) == before);
    // What is beside them can be changed, and what is not to be changed may be protected.
    flash.erase_sector(0, 12, 13).unwrap();
    let unchanged = Image::bin(BASE + 0x1000, before[0x1000..0x1800].to_vec()).unwrap();
    flash.program_with(&unchanged, &ProgramOptions::new()).unwrap();
}

#[test]
fn a_protection_that_openocd_cannot_read_is_unknown_and_refuses_nothing() {
    for level in ["2", "0"] {
        let board = Board::start_with(Session::builder(), |openocd| {
            openocd.command("flash bank faux0 faux 0x01000000 0x10000 0 0 stm32f1x.cpu")
        });
        board.session.target().halt().unwrap();
        board.session.command(&format!("debug_level {level}")).unwrap();
        let layout = board.session.flash().layout("faux0").unwrap();
        assert_eq!(layout.sectors.iter().map(|sector| sector.protected).collect::<Vec<_>>(), [None]);
        let known = board.session.flash().layout(0).unwrap();
        assert!(known.sectors.iter().all(|sector| sector.protected == Some(false)));
        let image = Image::bin(0x0100_0000, vec![1; 100]).unwrap();
        board.session.flash().write_image_with(&image, WriteOptions::new().verify(false)).unwrap();
    }
}

#[test]
fn an_erase_that_is_refused_in_the_middle_says_what_is_erased() {
    let board = Board::halted();
    board.chip.write_memory(0x0800_0000, &vec![0; 0x2_0000]).unwrap();
    let session = &board.session;
    // The protection begins after the call has looked at it.
    let flash = session.flash().with_progress(|progress| {
        if (progress.phase, progress.done) == (Phase::Erase, 0) {
            session.flash().protect(0, 1..=1).unwrap();
            session.target().reset(ResetMode::Halt).unwrap();
        }
    });
    let image = Image::bin(BASE, vec![0x5a; 26 * 1024]).unwrap();
    let error = flash.write_image(&image).unwrap_err();
    let Error::Flash(FlashError::Erase { address, erased, total, unknown_to, .. }) = &error else { panic!("{error}") };
    assert_eq!((*address, *erased, *total), (BASE + 4 * PAGE, 4 * PAGE, 26 * PAGE));
    assert_eq!(*unknown_to, BASE + 26 * PAGE);
    assert_eq!(board.held(BASE, 0x1000), [0xff; 0x1000]);
    assert_eq!(board.held(BASE + 4 * PAGE, 4), [0; 4]);
    assert!(
        error.to_string().starts_with(
            "cannot erase flash at 0x08001000 (at least 4096 of 26624 bytes are erased, those before it; 0x08001000..0x08006800 may be erased in part): "
        ),
        "{error}"
    );
}

#[test]
fn a_write_that_is_refused_in_the_middle_says_what_is_written() {
    let board = Board::halted();
    let flash = board.session.flash();
    let data = Random::new(55).bytes(9608);
    board.chip.write_memory(0x0800_4000 + 4000, &[0, 0]).unwrap();
    let error = flash.write(BASE + 0x4000, &data).unwrap_err();
    let Error::Flash(FlashError::Write { address, written, total, unknown_to, .. }) = &error else { panic!("{error}") };
    assert_eq!((*address, *written, *total), (BASE + 0x4000 + 4000, 4000, 9608));
    assert_eq!(*unknown_to, BASE + 0x4000 + 9608);
    assert_eq!(board.held(BASE + 0x4000, 4000), data[..4000]);
}

#[test]
fn without_power_a_write_says_what_is_not_known() {
    let board = Board::halted();
    let data = Random::new(56).bytes(9608);
    board.chip.faults().power_fails_after(2000);
    let error = board.session.flash().write(BASE + 0x4000, &data).unwrap_err();
    let Error::Flash(FlashError::Write { written: 0, unknown_to, .. }) = &error else { panic!("{error}") };
    assert_eq!(*unknown_to, BASE + 0x4000 + 9608);
    assert!(
        error.to_string().starts_with(
            "cannot write flash at 0x08004000 (none of 9608 bytes is known to be written; 0x08004000..0x08006588 may be written in part): "
        ),
        "{error}"
    );
}

#[test]
fn check_of_erased_flash_that_fails_says_that_it_is_erased() {
    let board = Board::halted();
    let flash = board.session.flash();
    let data = Random::new(57).bytes(9608);
    flash.write_image(&Image::bin(BASE + 0x4000, data).unwrap()).unwrap();
    // The rest of the last sector.
    board.chip.faults().bus_fault_at(0x0800_6600..0x0800_6604);
    let error = flash.write_image(&Image::bin(BASE + 0x4000, Random::new(58).bytes(9608)).unwrap()).unwrap_err();
    let Error::Flash(FlashError::Write { address, written: 0, total: 9608, unknown_to, cause }) = &error else {
        panic!("{error}")
    };
    assert_eq!((*address, *unknown_to), (BASE + 0x4000, BASE + 0x4000));
    assert!(matches!(&**cause, Error::Flash(FlashError::Verify { .. })), "{error}");
    assert!(
        error.to_string().starts_with(
            "cannot write flash at 0x08004000 (none of 9608 bytes is known to be written): cannot verify flash at 0x08006600 "
        ),
        "{error}"
    );
    let error = flash.erase_address(BASE + 0x6000, 0x1000).unwrap_err();
    let Error::Flash(FlashError::Erase { address, erased, total: 0x1000, .. }) = &error else { panic!("{error}") };
    assert_eq!((*address, *erased), (0x0800_6600, 0x600));
    board.chip.faults().clear();
    assert_eq!(board.held(BASE + 0x4000, 0x3000), [0xff; 0x3000]);
}

#[test]
fn a_difference_before_an_unreadable_word_is_found() {
    let board = Board::halted();
    let flash = board.session.flash();
    board.chip.faults().bus_fault_at(0x0800_9000..0x0800_9004);
    let mut expected = vec![0xff; 0x3000];
    expected[0x123] = 7;
    let mismatch = flash.verify_at(BASE + 0x8000, &expected).unwrap().expect("they differ");
    assert_eq!((mismatch.address, mismatch.expected, mismatch.found), (BASE + 0x8123, 7, 0xff));
}

#[test]
fn an_interrupted_read_to_file_leaves_the_file_as_it_was() {
    let board = Board::halted();
    board.chip.faults().bus_fault_at(0x0800_9000..0x0800_9004);
    let directory = Directory::new();
    let path = directory.path().join("flash.bin");
    for (files, held) in [(0, None), (1, Some(b"earlier".to_vec()))] {
        if let Some(earlier) = &held {
            std::fs::write(&path, earlier).unwrap();
        }
        let error = board.session.flash().read_to_file(BASE, 0x1_0000, &path).unwrap_err();
        let Error::Flash(FlashError::Read { address, read, .. }) = error else { panic!("{error}") };
        assert_eq!((address, read), (0x0800_9000, 0x9000));
        assert_eq!(std::fs::read(&path).ok(), held);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), files);
    }
}
