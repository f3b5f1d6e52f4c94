//! Writing an image again: what flash holds already is skipped.

use std::time::Duration;

use openocd::{Image, Segment, WriteOptions, WriteReport};
use virtual_chip::Register;

use super::{BASE, PAGE, SIZE};
use crate::board::Board;
use crate::directory::Directory;
use crate::random::Random;

const SKIP: WriteOptions = WriteOptions::new().skip_unchanged(true);

fn numbers(report: WriteReport) -> (u64, u64, u64) {
    (report.skipped, report.erased, report.written)
}

#[test]
fn the_same_image_is_skipped() {
    let board = Board::halted();
    let flash = board.session.flash();
    let image = Image::bin(BASE + 0x4100, Random::new(81).bytes(9_999)).unwrap();
    assert_eq!(numbers(flash.write_image_with(&image, SKIP).unwrap()), (0, 10 * PAGE + PAGE, 9_999));
    board.chip.faults().bus_fault_at(0x4002_2000..0x4002_2014);
    let mut seen = Vec::new();
    let watched = |progress: openocd::Progress| seen.push((progress.done, progress.total));
    let report = flash.with_progress(watched).write_image_with(&image, SKIP).unwrap();
    assert_eq!(numbers(report), (9_999, 0, 0), "the flash controller, which does not answer, is not needed");
    assert_eq!(report.to_string(), "0 bytes erased, 0 written, 9999 skipped");
    assert_eq!(seen, [(0, 9_999), (9_999, 9_999)]);
}

#[test]
fn whole_banks_are_erased_and_nothing_is_skipped() {
    let board = Board::halted();
    let flash = board.session.flash();
    let image = Image::bin(BASE + 0x4100, Random::new(83).bytes(1_000)).unwrap();
    flash.write_image(&image).unwrap();
    board.chip.write_memory(0x0801_fffe, &[0]).unwrap();
    let options = SKIP.erase(false).erase_banks(true);
    assert_eq!(numbers(flash.write_image_with(&image, options).unwrap()), (0, SIZE, 1_000));
    let mut expected = vec![0xff; usize::try_from(SIZE).unwrap()];
    expected[0x4100..0x4100 + 1_000].copy_from_slice(&image.segments()[0].data);
    assert!(board.held(BASE, expected.len()) == expected);
}

#[test]
fn one_changed_sector_of_64_is_written_alone() {
    let board = Board::halted();
    let flash = board.session.flash();
    let mut data = Random::new(82).bytes(64 * 1024);
    flash.write_image(&Image::bin(BASE, data.clone()).unwrap()).unwrap();
    for offset in [0, 12_345, 40_000, 65_535] {
        data[offset] ^= 0x10;
        let report = flash.write_image_with(&Image::bin(BASE, data.clone()).unwrap(), SKIP).unwrap();
        assert_eq!(numbers(report), (63 * PAGE, PAGE, PAGE), "{offset}");
    }
    for offset in [0, 12_345, 20_000, 65_535] {
        data[offset] ^= 0x10;
    }
    let report = flash.write_image_with(&Image::bin(BASE, data.clone()).unwrap(), SKIP).unwrap();
    assert_eq!(numbers(report), (60 * PAGE, 4 * PAGE, 4 * PAGE));
    assert!(board.held(BASE, data.len()) == data);
}

#[test]
fn checksums_of_openocd_find_groups_where_the_chip_lacks_room_for_more() {
    let board = Board::halted();
    let flash = board.session.flash();
    let mut data = Random::new(84).bytes(40 * 1024);
    flash.write_image(&Image::bin(BASE, data.clone()).unwrap()).unwrap();
    // Enough for OpenOCD's own algorithm.
    board.session.command("stm32f1x.cpu configure -work-area-size 128").unwrap();
    // One sector each of the first two groups of 16, and two of the last.
    for offset in [0, 20_000, 33_000, 40_959] {
        data[offset] ^= 0x10;
    }
    let image = Image::bin(BASE, data.clone()).unwrap();
    assert_eq!(numbers(flash.write_image_with(&image, SKIP).unwrap()), (30 * PAGE, 10 * PAGE, 10 * PAGE));
    assert!(board.held(BASE, data.len()) == data);
    assert_eq!(numbers(flash.write_image_with(&image, SKIP).unwrap()), (40 * PAGE, 0, 0));
}

#[test]
fn finding_out_what_is_unchanged_is_no_event_of_the_target() {
    let board = Board::halted();
    let flash = board.session.flash();
    let image = Image::bin(BASE, Random::new(85).bytes(60_000)).unwrap();
    flash.write_image(&image).unwrap();
    let events = board.session.events().unwrap();
    // Long enough for OpenOCD to poll in the middle.
    for _ in 0..12 {
        assert_eq!(flash.write_image_with(&image, SKIP).unwrap().written, 0);
    }
    // Time for OpenOCD's polls.
    let seen: Vec<_> = events.timeout_iter(Duration::from_millis(500)).map(Result::unwrap).collect();
    assert_eq!(seen, []);
    assert!(board.session.command("poll").unwrap().contains("background polling: on"));
}

#[test]
fn state_of_the_core_does_not_disturb_the_checksums() {
    let board = Board::halted();
    let (flash, memory, registers) = (board.session.flash(), board.session.memory(), board.session.registers());
    let image = Image::bin(BASE + 0x4000, Random::new(86).bytes(20_000)).unwrap();
    flash.write_image(&image).unwrap();
    // An interrupt of SysTick that is due after every 16 cycles (DDI 0403, B3.3).
    memory.write_u32(0xe000_e014, 16).unwrap();
    memory.write_u32(0xe000_e010, 7).unwrap();
    // In an IT block of four instructions for EQ, while Z is clear (A7.3.2).
    board.chip.set_register(Register::Xpsr, 0x0300_0000);
    // OpenOCD's own algorithm has left it set until the next resume.
    board.chip.set_register(Register::Primask, 0);
    let values = || registers.read_all().unwrap().registers.into_iter().map(|one| one.value).collect::<Vec<_>>();
    let before = values();
    assert_eq!(numbers(flash.write_image_with(&image, SKIP).unwrap()), (20_000, 0, 0));
    assert_eq!(values(), before);
    assert_eq!(memory.read_u32(0xe000_ed04).unwrap() & 0x1ff, 0, "no exception is active");
}

#[test]
fn a_sector_with_foreign_bytes_is_not_skipped() {
    let board = Board::halted();
    let flash = board.session.flash();
    let piece = |offset, data: &[u8]| Segment { address: BASE + offset, data: data.to_vec() };
    let image = Image::from_segments([piece(0x4004, &[1, 2]), piece(0x4200, &[3]), piece(0x4801, &[4])]).unwrap();
    flash.write_image(&image).unwrap();
    board.chip.write_memory(0x0800_4300, &[0]).unwrap();
    assert_eq!(numbers(flash.write_image_with(&image, SKIP).unwrap()), (1, PAGE, 3));
    assert_eq!(board.held(BASE + 0x4300, 1), [0xff], "erased, as without the option");
    // Without an erase the bytes around the image do not matter.
    board.chip.write_memory(0x0800_4300, &[0]).unwrap();
    assert_eq!(numbers(flash.write_image_with(&image, SKIP.erase(false)).unwrap()), (4, 0, 0));
}

#[test]
fn random_changes_end_in_the_same_flash() {
    let board = Board::halted();
    let flash = board.session.flash();
    let mut random = Random::new(83);
    let mut data = random.bytes(40_000);
    for _ in 0..6 {
        for _ in 0..random.below(4) {
            let offset = random.below(data.len());
            let end = (offset + random.below(3000)).min(data.len());
            let changed = random.bytes(end - offset);
            data[offset..end].copy_from_slice(&changed);
        }
        let image = Image::bin(BASE + 0x2c06, data.clone()).unwrap();
        let report = flash.write_image_with(&image, SKIP).unwrap();
        assert_eq!(report.skipped + report.written, 40_000);
        assert!(board.held(BASE + 0x2c06, data.len()) == data);
    }
}

#[test]
fn program_skips_and_says_what_it_did() {
    let board = Board::start();
    let image = Image::bin(BASE, virtual_chip::firmware::IMAGE).unwrap();
    let report = board.session.program(&image).unwrap();
    assert_eq!(numbers(report.flash), (image.len(), 0, 0));
    let text = report.to_string();
    assert!(text.contains("skipped; stm32f1x.cpu is "), "{text}");
}

#[test]
fn an_image_may_be_given_by_its_path() {
    let board = Board::halted();
    let flash = board.session.flash();
    let elf = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf");
    flash.write_image(elf).unwrap();
    assert!(flash.verify_image(std::path::Path::new(elf)).unwrap());
    assert_eq!(flash.verify_image_at(&Image::open(elf).unwrap()).unwrap(), None);
    let directory = Directory::new();
    let raw = directory.path().join("firmware.bin");
    std::fs::write(&raw, "raw").unwrap();
    let error = flash.write_image(&raw).unwrap_err();
    assert!(error.to_string().contains("a raw binary needs an address"), "{error}");
}
