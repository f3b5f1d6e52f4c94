//! Keeping what an image does not hold.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use openocd::{Error, FlashError, Image, Phase, Progress, Segment, WriteOptions};

use super::{BASE, PAGE};
use crate::board::Board;
use crate::random::Random;

const KEEP: WriteOptions = WriteOptions::new().keep_unwritten(true);
const AT: u64 = BASE + 0x8000;

/// A halted board, and what the pages from `AT` hold: random bytes, of which some are erased.
fn board() -> (Board, Vec<u8>) {
    let board = Board::halted();
    let mut held = Random::new(91).bytes(4096);
    held[..16].fill(0xff);
    held[1500..1700].fill(0xff);
    held[3000..].fill(0xff);
    board.chip.write_memory(u32::try_from(AT).unwrap(), &held).unwrap();
    (board, held)
}

fn pieces(pieces: &[(usize, &[u8])]) -> Image {
    let segment = |(offset, data): &(usize, &[u8])| Segment { address: AT + *offset as u64, data: data.to_vec() };
    Image::from_segments(pieces.iter().map(segment)).unwrap()
}

#[test]
fn rest_of_a_sector_survives() {
    let (board, mut expected) = board();
    let new = Random::new(92).bytes(1100);
    let image = pieces(&[(100, &new[..37]), (300, &new[40..42]), (1000, &new), (3500, &[7])]);
    for (offset, bytes) in [(100, &new[..37]), (300, &new[40..42]), (1000, &new[..]), (3500, &[7])] {
        expected[offset..offset + bytes.len()].copy_from_slice(bytes);
    }
    let report = board.session.flash().write_image_with(&image, KEEP).unwrap();
    assert_eq!((report.erased, report.written, report.kept), (4 * PAGE, image.len(), 4 * PAGE - image.len()));
    assert_eq!(report.to_string(), "4096 bytes erased, 1140 written, 0 skipped, 2956 kept");
    assert!(board.held(AT, expected.len()) == expected);
    // Without the option it is lost.
    board.session.flash().write_image(&pieces(&[(0, &[1, 2])])).unwrap();
    assert_eq!(board.held(AT + 2, 1022), [0xff; 1022]);
}

#[test]
fn sector_with_the_same_image_is_skipped_whatever_its_rest_is() {
    let (board, held) = board();
    let options = KEEP.skip_unchanged(true);
    let flash = board.session.flash();
    let report = flash.write_image_with(&pieces(&[(200, &held[200..2900])]), options).unwrap();
    assert_eq!((report.skipped, report.erased, report.kept), (2700, 0, 0));
    let mut changed = held.clone();
    changed[1200] ^= 1;
    let report = flash.write_image_with(&pieces(&[(200, &changed[200..2900])]), options).unwrap();
    assert_eq!((report.skipped, report.erased, report.written, report.kept), (1676, PAGE, PAGE, 0));
    assert!(board.held(AT, changed.len()) == changed);
}

#[test]
fn rest_is_put_back_after_a_write_that_failed() {
    let (board, held) = board();
    board.chip.faults().stuck_bits(0x8000 + 500, 0x0001);
    let flash = board.session.flash();
    let error = flash.write_image_with(&pieces(&[(400, &[0; 300])]), KEEP).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::Mismatch(_))), "{error}");
    assert!(board.held(AT, 400) == held[..400]);
    assert!(board.held(AT + 700, 3396) == held[700..]);
}

#[test]
fn rest_is_put_back_after_a_cancelled_write() {
    let (board, held) = board();
    let stop_after_the_erase = |progress: Progress| {
        let is_erased = progress.phase == Phase::Erase && progress.done == progress.total;
        if is_erased { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let flash = board.session.flash().with_progress(stop_after_the_erase);
    let error = flash.write_image_with(&pieces(&[(400, &[0; 300]), (2047, &[0; 2])]), KEEP).unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error}");
    let mut expected = held;
    expected[400..700].fill(0xff);
    expected[2047..2049].fill(0xff);
    assert!(board.held(AT, expected.len()) == expected);
}

#[test]
fn error_holds_the_rest_that_the_chip_lost() {
    let (board, held) = board();
    board.chip.faults().power_fails_after(200);
    let error = board.session.flash().write_image_with(&pieces(&[(400, &[0; 800])]), KEEP).unwrap_err();
    let text = error.to_string();
    let Error::Flash(FlashError::NotKept { lost, cause }) = error else { panic!("{text}") };
    assert!(text.contains("1232 bytes from 0x08008010 that were to be kept may be lost from flash"), "{text}");
    assert!(matches!(*cause, Error::Flash(FlashError::Write { .. })), "{cause}");
    // What erased flash holds anyway is left out at the ends.
    assert_eq!(lost, [(AT + 16, held[16..400].to_vec()), (AT + 1200, held[1200..2048].to_vec())]);
}

#[test]
fn blank_rest_is_not_lost() {
    let (board, held) = board();
    for at in [0xc00, 0x1000] {
        board.chip.faults().power_fails_after(100);
        let error = board.session.flash().write_image_with(&pieces(&[(at, &[0; 700])]), KEEP).unwrap_err();
        assert!(matches!(error, Error::Flash(FlashError::Write { .. })), "{error}");
        assert_eq!(error.id(), "flash.write");
        board.chip.faults().clear();
        board.session.target().reexamine().unwrap();
        board.session.target().reset(openocd::ResetMode::Halt).unwrap();
    }
    // A page that is blank beside one that is not.
    board.chip.faults().power_fails_after(100);
    let error = board.session.flash().write_image_with(&pieces(&[(500, &[0; 3000])]), KEEP).unwrap_err();
    let Error::Flash(FlashError::NotKept { lost, .. }) = error else { panic!("{error}") };
    assert_eq!(lost, [(AT + 16, held[16..500].to_vec())]);
}

#[test]
fn flash_that_cannot_be_read_to_keep_it_is_an_error_of_reading() {
    let (board, held) = board();
    board.chip.faults().bus_fault_at(0x0800_8500..0x0800_8504);
    let error = board.session.flash().write_image_with(&pieces(&[(100, &[0; 1024])]), KEEP).unwrap_err();
    let Error::Flash(FlashError::Read { address, read, total: 1024, .. }) = &error else { panic!("{error:?}") };
    // 100 bytes before the image, and those behind it up to the fault.
    assert_eq!((*address, *read), (AT + 0x500, 100 + 0x500 - 1124));
    board.chip.faults().clear();
    assert!(board.held(AT, held.len()) == held);
    board.chip.faults().read_protect(true);
    board.session.target().reset(openocd::ResetMode::Halt).unwrap();
    let error = board.session.flash().write_image_with(&pieces(&[(100, &[0; 4])]), KEEP).unwrap_err();
    assert_eq!((error.id(), error.failure().is_some()), ("flash.read", true), "{error}");
}

#[test]
fn keeping_contradicts_erasing_whole_banks() {
    let (board, _) = board();
    let options = WriteOptions::new().keep_unwritten(true).erase_banks(true);
    let error = board.session.flash().write_image_with(&pieces(&[(0, b"new")]), options).unwrap_err();
    assert_eq!(error.id(), "flash.invalid_argument");
}

#[test]
fn rest_of_a_sector_survives_a_callback_that_panics() {
    let (board, held) = board();
    let image = pieces(&[(100, &[1; 37])]);
    let flash = board.session.flash().with_progress(|progress: Progress| {
        assert!(progress.phase != Phase::Write, "this callback fails");
    });
    let panicked = catch_unwind(AssertUnwindSafe(|| flash.write_image_with(&image, KEEP)));
    assert!(panicked.is_err());
    let after = board.held(AT, held.len());
    assert!(after[..100] == held[..100] && after[137..] == held[137..]);
}
