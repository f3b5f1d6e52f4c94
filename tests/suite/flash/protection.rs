//! Write protection that the chip obeys after a reset only.

use openocd::{Error, FlashError, Image, ResetMode, WriteOptions};

use super::BASE;
use crate::board::Board;

/// The size of a block, which is protected as a whole.
const BLOCK: u64 = 0x1000;

fn protected(board: &Board) -> Vec<u32> {
    let blocks = board.session.flash().layout(0).unwrap().protection_blocks;
    blocks.iter().filter(|block| block.protected == Some(true)).map(|block| block.index).collect()
}

fn reset(board: &Board) {
    board.session.target().reset(ResetMode::Halt).unwrap();
}

#[test]
fn change_that_would_undo_one_before_it_is_refused() {
    let board = Board::halted();
    let flash = board.session.flash();
    flash.protect(0, 1..=2).unwrap();
    for refused in [flash.protect(0, 8..=9), flash.unprotect(0, 2..=31), flash.protect(0, 0..=1)] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Flash(FlashError::ProtectionPending { .. })), "{error:?}");
        assert!(error.to_string().contains("protection blocks 1 to 2 "), "{error}");
    }
    // Nothing of the change before is lost by these.
    flash.unprotect(0, 1..=2).unwrap();
    flash.protect(0, 8..=9).unwrap();
    flash.protect(0, 8..=9).unwrap();
    flash.protect(0, 7..=20).unwrap();
    flash.protect(0, 8..=9).unwrap_err();
    reset(&board);
    assert_eq!(protected(&board), (7..=20).collect::<Vec<_>>());
    flash.unprotect(0, 10..=20).unwrap();
    reset(&board);
    flash.protect(0, 0..=0).unwrap();
    reset(&board);
    assert_eq!(protected(&board), [0, 7, 8, 9]);
}

#[test]
fn image_in_several_protected_blocks_is_unlocked_by_one_reset() {
    let board = Board::halted();
    let flash = board.session.flash();
    for block in [1, 8, 15] {
        flash.protect(0, block..=block).unwrap();
        reset(&board);
    }
    let parts = [1, 8, 15].map(|block| Image::bin(BASE + block * BLOCK, [0x42; 64]).unwrap());
    let (image, unlocking) = (Image::merge(&parts).unwrap(), WriteOptions::new().unlock(true));
    let error = flash.write_image_with(&image, unlocking).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::StillProtected { address: 0x0800_1000 })), "{error:?}");
    reset(&board);
    flash.write_image_with(&image, unlocking).unwrap();
    assert_eq!(protected(&board), [0_u32; 0]);
}

#[test]
fn protected_blocks_around_one_that_stays_take_a_reset_each() {
    let board = Board::halted();
    let flash = board.session.flash();
    flash.protect(0, 1..=3).unwrap();
    reset(&board);
    let parts = [1, 3].map(|block| Image::bin(BASE + block * BLOCK, [0x42; 64]).unwrap());
    let (image, unlocking) = (Image::merge(&parts).unwrap(), WriteOptions::new().unlock(true));
    for address in [0x0800_1000, 0x0800_3000] {
        let error = flash.write_image_with(&image, unlocking).unwrap_err();
        assert!(
            matches!(error, Error::Flash(FlashError::StillProtected { address: at }) if at == address),
            "{address:#x}: {error:?}"
        );
        reset(&board);
    }
    flash.write_image_with(&image, unlocking).unwrap();
    assert_eq!(protected(&board), [2]);
}

#[test]
fn unlocking_an_image_keeps_a_protection_between_its_parts_that_is_not_obeyed_yet() {
    let board = Board::halted();
    let flash = board.session.flash();
    for block in [1, 3] {
        flash.protect(0, block..=block).unwrap();
        reset(&board);
    }
    flash.protect(0, 2..=2).unwrap();
    let parts = [1, 3].map(|block| Image::bin(BASE + block * BLOCK, [0x42; 64]).unwrap());
    let (image, unlocking) = (Image::merge(&parts).unwrap(), WriteOptions::new().unlock(true));
    let error = flash.write_image_with(&image, unlocking).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::ProtectionPending { .. })), "{error:?}");
    reset(&board);
    assert_eq!(protected(&board), [1, 2, 3]);
}

#[test]
fn change_that_would_end_read_protection_is_refused() {
    let board = Board::halted();
    let flash = board.session.flash();
    let calibration = Image::bin(BASE + 0x1_fc00, b"calibration data").unwrap();
    flash.write_image(&calibration).unwrap();
    flash.protect(0, 0..=0).unwrap();
    reset(&board);
    board.chip.faults().read_protect(true);
    board.session.target().halt().unwrap();
    let image = Image::bin(BASE, [0x42; 64]).unwrap();
    let unlocking = WriteOptions::new().unlock(true).verify(false);
    for refused in [
        flash.protect(0, 4..=5),
        flash.unprotect(0, 0..=0),
        flash.unprotect(0, 4..=5),
        flash.write_image_with(&image, unlocking).map(drop),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Flash(FlashError::ReadProtected { .. })), "{error:?}");
    }
    reset(&board);
    board.chip.faults().read_protect(false);
    assert_eq!(board.session.memory().read_bytes(BASE + 0x1_fc00, 16).unwrap(), b"calibration data");
    assert_eq!(protected(&board), [0]);
}
