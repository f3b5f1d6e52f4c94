//! Banks, sectors, erasing, writing, reading, comparing and protecting, compared with what the chip
//! holds.

mod faults_before;
mod half_done;
mod keep;
mod no_trace;
mod progress;
mod protection;
mod registers;
mod server_files;
mod unchanged;
mod unreadable;

use std::ops::RangeInclusive;

use openocd::{Error, FlashError, ResetMode, SectorKind, TargetError};
use virtual_chip::firmware;

use crate::board::Board;
use crate::directory::Directory;
use crate::random::Random;

const BASE: u64 = 0x0800_0000;
const SIZE: u64 = 0x2_0000;
const PAGE: u64 = 0x400;

fn put(board: &Board, address: u64, bytes: &[u8]) {
    board.chip.write_memory(u32::try_from(address).unwrap(), bytes).unwrap();
}

#[test]
fn a_bank_is_probed_when_it_is_listed() {
    let board = Board::start();
    let banks = board.session.flash().banks().unwrap();
    let [bank] = &banks[..] else { panic!("one bank: {banks:?}") };
    assert_eq!((bank.number, &*bank.name, &*bank.driver), (0, "stm32f1x.flash", "stm32f1x"));
    assert_eq!((bank.base, bank.size, &*bank.target), (BASE, SIZE, "stm32f1x.cpu"));
    assert_eq!(board.session.flash().probe("stm32f1x.flash").unwrap(), *bank);
    assert_eq!(board.session.flash().layout(bank).unwrap().bank, *bank);
}

#[test]
fn the_error_for_an_unknown_bank_lists_all_banks() {
    let board = Board::start();
    let error = board.session.flash().info(7).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::UnknownBank { .. })));
    assert_eq!(
        error.to_string(),
        "there is no flash bank 7; there is only bank 0 \"stm32f1x.flash\" (0x08000000 to 0x0801ffff)"
    );
    assert!(board.session.flash().erase_all("flash [exit]").unwrap_err().to_string().contains("\"flash [exit]\""));
}

#[test]
fn a_chip_without_power_cannot_be_probed() {
    let board = Board::start();
    board.chip.faults().power_off();
    let error = board.session.flash().probe(0).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::Probe { .. })), "{error}");
    assert!(error.failure().is_some() && error.to_string().starts_with("cannot probe flash bank \"stm32f1x.flash\": "));
    let error = board.session.flash().layout(0).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::Info { .. })), "{error}");
}

#[test]
fn info_says_which_sectors_are_erased_and_protected() {
    let board = Board::halted();
    put(&board, BASE + 5 * PAGE + 1023, &[0xfe]);
    let info = board.session.flash().info(0).unwrap();
    assert_eq!(info.sectors.len(), 128);
    let not_erased: Vec<_> = info.sectors.iter().filter(|s| s.erased == Some(false)).map(|s| s.index).collect();
    assert_eq!(not_erased, [0, 5], "the firmware and one byte");
    assert!(info.sectors.iter().all(|sector| sector.erased.is_some() && sector.protected == Some(false)));
    assert_eq!((info.sectors[5].offset, info.sectors[5].size), (5 * PAGE, PAGE));
    assert_eq!(info.protection_blocks.len(), 32);
    assert_eq!((info.protection_blocks[3].offset, info.protection_blocks[3].size), (12 * PAGE, 4 * PAGE));
}

#[test]
fn info_of_a_running_chip_leaves_erased_unknown() {
    let board = Board::start();
    let info = board.session.flash().info(0).unwrap();
    assert_eq!(info.sectors.len(), 128);
    assert!(info.sectors.iter().all(|sector| sector.erased.is_none() && sector.protected == Some(false)));
}

#[test]
fn a_listing_that_cannot_be_parsed_is_an_unexpected_reply() {
    let board = Board::halted();
    // A real OpenOCD whose `flash` command is replaced.
    board.session.command("rename flash flash_of_openocd").unwrap();
    let answer = |list: &str, info: &str| {
        board
            .session
            .command(&format!(
                "proc flash {{what args}} {{ if {{$what eq {{list}}}} {{return {{{list}}}}}; return {{{info}}} }}"
            ))
            .unwrap();
    };
    let good = "{name f driver d base 0 size 1024 bus_width 0 chip_width 0 target stm32f1x.cpu}";
    answer("{name f0}", "");
    let error = board.session.flash().banks().unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::UnexpectedReply { .. })), "{error}");
    assert!(
        error.to_string().starts_with("unexpected reply to `flash list`: expected a list of flash banks, got "),
        "{error}"
    );
    answer(good, "nonsense");
    assert_eq!(board.session.flash().banks().unwrap().len(), 1);
    let error = board.session.flash().info(0).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::UnexpectedReply { .. })), "{error}");
}

#[test]
fn erasing_sectors_leaves_the_others_alone() {
    let board = Board::halted();
    put(&board, BASE, &vec![0; usize::try_from(SIZE).unwrap()]);
    board.session.flash().erase_sector(0, 3, 5).unwrap();
    assert_eq!(board.held(BASE + 3 * PAGE, 3 * 1024), vec![0xff; 3 * 1024]);
    assert_eq!(board.held(BASE + 3 * PAGE - 1, 1), [0]);
    assert_eq!(board.held(BASE + 6 * PAGE, 1), [0]);
    board.session.flash().erase_address(BASE + 10 * PAGE, 20 * PAGE).unwrap();
    assert_eq!(board.held(BASE + 10 * PAGE, 20 * 1024), vec![0xff; 20 * 1024]);
    assert_eq!((board.held(BASE + 10 * PAGE - 1, 1), board.held(BASE + 30 * PAGE, 1)), (vec![0], vec![0]));
}

#[test]
fn erase_all_erases_the_last_byte_too() {
    let board = Board::halted();
    put(&board, BASE + SIZE - 1, &[0]);
    board.session.flash().erase_all(0).unwrap();
    assert_eq!(board.held(BASE, 0x2_0000), vec![0xff; 0x2_0000]);
}

#[test]
fn invalid_ranges_send_nothing() {
    let board = Board::halted();
    // Only the listing of the sectors may reach OpenOCD.
    let flash = board.session.flash();
    flash.banks().unwrap();
    board
        .session
        .command(
            "set ::list [flash list]; set ::blocks [flash info 0]; set ::sectors [flash info 0 sectors]
            rename flash flash_of_openocd
            proc flash {what args} {
                switch -- $what {
                    list { return $::list }
                    info { return [expr {[llength $args] > 1 ? $::sectors : $::blocks}] }
                    default { set ::sent 1 }
                }
            }",
        )
        .unwrap();
    for (first, last) in [(5, 4), (0, 128), (128, 128), (u32::MAX, u32::MAX)] {
        let error = flash.erase_sector(0, first, last).unwrap_err();
        let Error::Flash(FlashError::InvalidSectors { kind: SectorKind::Sector, count: 128, .. }) = error else {
            panic!("{error}")
        };
    }
    let error = flash.erase_sector(0, 5, 4).unwrap_err().to_string();
    assert_eq!(
        error,
        "invalid range of sectors: flash bank \"stm32f1x.flash\" has 0 to 127, got 5 to 4, which is reversed"
    );
    let error = flash.protect(0, RangeInclusive::new(2, 1)).unwrap_err().to_string();
    assert_eq!(
        error,
        "invalid range of protection blocks: flash bank \"stm32f1x.flash\" has 0 to 31, got 2 to 1, which is reversed"
    );
    for (address, length) in [(BASE + 1, PAGE), (BASE, PAGE - 1), (BASE + 2 * PAGE, PAGE + 1)] {
        let error = flash.erase_address(address, length).unwrap_err();
        assert!(matches!(error, Error::Flash(FlashError::Misaligned { .. })), "{error}");
    }
    assert!(
        flash
            .erase_address(BASE + PAGE + 1, PAGE)
            .unwrap_err()
            .to_string()
            .contains("the 2048 bytes (0x800) from 0x08000400")
    );
    for address in [BASE - 1, BASE + SIZE, 0x2000_0000, 0, u64::MAX] {
        for error in [
            flash.write(address, &[0, 0]).unwrap_err(),
            flash.read(address, 2).unwrap_err(),
            flash.verify(address, &[0, 0]).unwrap_err(),
            flash.erase_address(address, 2).unwrap_err(),
        ] {
            assert!(
                matches!(error, Error::Flash(FlashError::NoBank { address: first, .. }) if first == address),
                "{error}"
            );
        }
    }
    let error = flash.write(BASE + SIZE - 2, &[1, 2, 3]).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::NoBank { address: 0x0802_0000, .. })), "{error}");
    assert_eq!(board.session.command("info exists ::sent").unwrap(), "0");
}

#[test]
fn a_running_target_refuses_every_change() {
    let board = Board::start();
    let flash = board.session.flash();
    for (what, result) in [
        ("erase_sector", flash.erase_sector(0, 100, 101)),
        ("erase_address", flash.erase_address(BASE + 100 * PAGE, PAGE)),
        ("erase_all", flash.erase_all(0)),
        ("write", flash.write(BASE + 100 * PAGE, &[1, 2])),
        ("protect", flash.protect(0, 30..=31)),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{what}: {error}");
    }
    assert_eq!(board.held(BASE, firmware::IMAGE.len()), firmware::IMAGE);
}

#[test]
fn random_pieces_are_read_back_as_written() {
    let board = Board::halted();
    let mut random = Random::new(1);
    let mut model = vec![0xff; 0x2_0000];
    board.session.flash().erase_all(0).unwrap();
    for _ in 0..12 {
        // This flash is written in half-words, and each of them once.
        let most = if random.below(4) == 0 { 12_000 } else { 300 };
        let length = 2 + 2 * random.below(most);
        let offset = 2 * random.below((model.len() - length) / 2);
        if model[offset..offset + length].iter().any(|&byte| byte != 0xff) {
            continue;
        }
        let data = random.bytes(length);
        model[offset..offset + length].copy_from_slice(&data);
        board.session.flash().write(BASE + offset as u64, &data).unwrap();
    }
    assert_eq!(board.held(BASE, model.len()), model);
    for _ in 0..8 {
        let length = random.below(9_000);
        let offset = random.below(model.len() - length);
        assert_eq!(
            board.session.flash().read(BASE + offset as u64, length as u64).unwrap(),
            model[offset..offset + length]
        );
        assert!(board.session.flash().verify(BASE + offset as u64, &model[offset..offset + length]).unwrap());
    }
    assert_eq!(board.session.flash().read(BASE, SIZE).unwrap(), model, "to the very end of the bank");
}

#[test]
fn odd_pieces_leave_their_neighbours_erased() {
    let board = Board::halted();
    let flash = board.session.flash();
    flash.write(BASE + 0x4001, &[1, 2, 3]).unwrap();
    assert_eq!(board.held(BASE + 0x4000, 6), [0xff, 1, 2, 3, 0xff, 0xff]);
    flash.write(BASE + SIZE - 1, &[7]).unwrap();
    assert_eq!(board.held(BASE + SIZE - 2, 2), [0xff, 7]);
    flash.write(BASE + 0x4000, &[]).unwrap();
    assert_eq!(flash.read(BASE, 0).unwrap(), []);
    assert!(flash.verify(BASE, &[]).unwrap());
}

#[test]
fn every_byte_value_travels_unchanged() {
    let board = Board::halted();
    let all: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
    board.session.flash().write(BASE + 0x8000, &all).unwrap();
    assert_eq!(board.held(BASE + 0x8000, 512), all);
    assert_eq!(board.session.flash().read(BASE + 0x8000, 512).unwrap(), all);
}

#[test]
fn read_to_file_writes_what_flash_holds() {
    let board = Board::halted();
    let directory = Directory::new();
    let path = directory.path().join("dump [1] $x {\u{e9}}.bin");
    board.session.flash().read_to_file(BASE, 1024, &path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), board.held(BASE, 1024));
    let error = board.session.flash().read_to_file(BASE, 8, directory.path().join("no/such")).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::File { written: 0, .. })), "{error}");
    board.session.flash().read_to_file(BASE + SIZE, 1, &path).unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap().len(), 1024, "the file is not touched for a range that cannot be");
}

#[test]
fn verify_at_finds_the_first_difference() {
    let board = Board::halted();
    let data = Random::new(2).bytes(20_000);
    put(&board, BASE + 0x2000, &data);
    for at in [0, 1, 9_999, 19_999] {
        let mut other = data.clone();
        other[at] ^= 0x40;
        let mismatch = board.session.flash().verify_at(BASE + 0x2000, &other).unwrap().unwrap();
        assert_eq!(
            (mismatch.address, mismatch.expected, mismatch.found),
            (BASE + 0x2000 + at as u64, other[at], data[at])
        );
        assert!(!board.session.flash().verify(BASE + 0x2000, &other).unwrap());
    }
    assert_eq!(board.session.flash().verify_at(BASE + 0x2000, &data).unwrap(), None);
    assert!(board.session.flash().verify(BASE + 0x2001, &data[1..10]).unwrap(), "odd pieces, which OpenOCD pads");
}

#[test]
fn verify_of_a_running_chip_reads_it() {
    let board = Board::start();
    assert!(board.session.flash().verify(BASE, firmware::IMAGE).unwrap());
    let mut other = firmware::IMAGE.to_vec();
    other[70] ^= 1;
    assert_eq!(board.session.flash().verify_at(BASE, &other).unwrap().unwrap().address, BASE + 70);
}

#[test]
fn only_protected_sectors_refuse_to_be_erased() {
    let board = Board::halted();
    let flash = board.session.flash();
    put(&board, BASE + 8 * PAGE, &[1, 2, 3, 4]);
    flash.protect("stm32f1x.flash", 2..=3).unwrap();
    board.session.target().reset(ResetMode::Halt).unwrap();
    let protected: Vec<_> =
        flash.layout(0).unwrap().sectors.iter().filter(|s| s.protected == Some(true)).map(|s| s.index).collect();
    assert_eq!(protected, (8..16).collect::<Vec<_>>());
    let error = flash.erase_sector(0, 8, 8).unwrap_err();
    assert!(
        matches!(&error, Error::Flash(FlashError::Protected { protected, .. }) if *protected == [2..=2]),
        "{error}"
    );
    assert_eq!(board.held(BASE + 8 * PAGE, 4), [1, 2, 3, 4]);
    flash.unprotect(0, 0..=31).unwrap();
    board.session.target().reset(ResetMode::Halt).unwrap();
    flash.erase_sector(0, 8, 8).unwrap();
    assert_eq!(board.held(BASE + 8 * PAGE, 4), [0xff; 4]);
}
