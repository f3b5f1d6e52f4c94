//! Banks, sectors, erasing, writing, reading, comparing, protecting, progress: against what the chip holds.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use openocd::{Error, FlashError, Phase, Progress, ResetMode, SectorKind, TargetError};
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
fn banks_are_probed_and_described() {
    let board = Board::start();
    let banks = board.session.flash().banks().unwrap();
    let [bank] = &banks[..] else { panic!("one bank: {banks:?}") };
    assert_eq!((bank.number, &*bank.name, &*bank.driver), (0, "stm32f1x.flash", "stm32f1x"));
    assert_eq!((bank.base, bank.size, &*bank.target), (BASE, SIZE, "stm32f1x.cpu"));
    assert_eq!(board.session.flash().probe("stm32f1x.flash").unwrap(), *bank);
    assert_eq!(board.session.flash().layout(bank).unwrap().bank, *bank);
}

#[test]
fn unknown_banks_are_named_with_those_there_are() {
    let board = Board::start();
    let error = board.session.flash().info(7).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::UnknownBank { .. })));
    assert_eq!(
        error.to_string(),
        "there is no flash bank 7; there are 0 \"stm32f1x.flash\" (0x08000000 to 0x0801ffff)"
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
fn info_tells_erased_sectors_and_protected_ones() {
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
fn info_of_a_running_chip_does_not_know_what_is_erased() {
    let board = Board::start();
    let info = board.session.flash().info(0).unwrap();
    assert_eq!(info.sectors.len(), 128);
    assert!(info.sectors.iter().all(|sector| sector.erased.is_none() && sector.protected == Some(false)));
}

#[test]
fn answers_that_cannot_be_parsed_are_errors() {
    let board = Board::halted();
    // A real OpenOCD whose `flash` command somebody has replaced.
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
        error.to_string().starts_with("the answer to `flash list` should be a list of flash banks, but is "),
        "{error}"
    );
    answer(good, "nonsense");
    assert_eq!(board.session.flash().banks().unwrap().len(), 1);
    let error = board.session.flash().info(0).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::UnexpectedReply { .. })), "{error}");
}

#[test]
fn erasing_sectors_erases_those_and_no_others() {
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
fn erasing_all_erases_all() {
    let board = Board::halted();
    put(&board, BASE + SIZE - 1, &[0]);
    board.session.flash().erase_all(0).unwrap();
    assert_eq!(board.held(BASE, 0x2_0000), vec![0xff; 0x2_0000]);
}

#[test]
fn sectors_are_checked_before_anything_is_sent() {
    let board = Board::halted();
    // Nothing after the look at the sectors may reach OpenOCD.
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
    assert_eq!(error, "sectors 5 to 4 were asked for, but flash bank \"stm32f1x.flash\" has sectors 0 to 127");
    let error = flash.protect(0, 2, 1, true).unwrap_err().to_string();
    assert_eq!(
        error,
        "protection blocks 2 to 1 were asked for, but flash bank \"stm32f1x.flash\" has protection blocks 0 to 31"
    );
    for (address, length) in [(BASE + 1, PAGE), (BASE, PAGE - 1), (BASE + 2 * PAGE, PAGE + 1)] {
        let error = flash.erase_address(address, length).unwrap_err();
        assert!(matches!(error, Error::Flash(FlashError::Misaligned { .. })), "{error}");
    }
    assert!(
        flash.erase_address(BASE + PAGE + 1, PAGE).unwrap_err().to_string().contains("the 0x800 bytes from 0x08000400")
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
fn a_running_target_refuses() {
    let board = Board::start();
    let flash = board.session.flash();
    for (what, result) in [
        ("erase_sector", flash.erase_sector(0, 100, 101)),
        ("erase_address", flash.erase_address(BASE + 100 * PAGE, PAGE)),
        ("erase_all", flash.erase_all(0)),
        ("write", flash.write(BASE + 100 * PAGE, &[1, 2])),
        ("protect", flash.protect(0, 30, 31, true)),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{what}: {error}");
    }
    assert_eq!(board.held(BASE, firmware::IMAGE.len()), firmware::IMAGE);
}

#[test]
fn random_pieces_are_written_and_read_back() {
    let board = Board::halted();
    let mut random = Random::new(1);
    let mut model = vec![0xff; 0x2_0000];
    board.session.flash().erase_all(0).unwrap();
    for _ in 0..12 {
        // In units of half-words, which this flash is written in, and never twice at one place.
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
fn a_file_takes_what_is_read() {
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
fn differences_are_located() {
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
fn a_running_chip_is_compared_by_reading() {
    let board = Board::start();
    assert!(board.session.flash().verify(BASE, firmware::IMAGE).unwrap());
    let mut other = firmware::IMAGE.to_vec();
    other[70] ^= 1;
    assert_eq!(board.session.flash().verify_at(BASE, &other).unwrap().unwrap().address, BASE + 70);
}

#[test]
fn protected_sectors_refuse_and_unprotected_ones_do_not() {
    let board = Board::halted();
    let flash = board.session.flash();
    put(&board, BASE + 8 * PAGE, &[1, 2, 3, 4]);
    flash.protect("stm32f1x.flash", 2, 3, true).unwrap();
    board.session.target().reset(ResetMode::Halt).unwrap();
    let protected: Vec<_> =
        flash.layout(0).unwrap().sectors.iter().filter(|s| s.protected == Some(true)).map(|s| s.index).collect();
    assert_eq!(protected, (8..16).collect::<Vec<_>>());
    let error = flash.erase_sector(0, 8, 8).unwrap_err();
    assert!(
        matches!(error, Error::Flash(FlashError::Erase { erased: 0, .. } | FlashError::NotErased { .. })),
        "{error}"
    );
    assert_eq!(board.held(BASE + 8 * PAGE, 4), [1, 2, 3, 4]);
    flash.protect(0, 0, 31, false).unwrap();
    board.session.target().reset(ResetMode::Halt).unwrap();
    flash.erase_sector(0, 8, 8).unwrap();
    assert_eq!(board.held(BASE + 8 * PAGE, 4), [0xff; 4]);
}

#[test]
fn progress_is_told_in_small_steps_with_the_true_total() {
    let board = Board::halted();
    let seen = Mutex::new(Vec::new());
    let report = |progress: Progress| {
        seen.lock().unwrap().push(progress);
        ControlFlow::Continue(())
    };
    let flash = board.session.flash().with_progress(&report);
    let told = |phases: &[(Phase, u64)]| {
        let mut steps = std::mem::take(&mut *seen.lock().unwrap()).into_iter().peekable();
        for &(phase, total) in phases {
            let mut last = None;
            while let Some(step) = steps.next_if(|step| step.phase == phase) {
                assert_eq!(step.total, total, "{step:?}");
                assert_eq!(last.is_none(), step.done == 0, "each phase begins with nothing, once: {step:?}");
                assert!(
                    last.is_none_or(|last| last < step.done) && step.done - last.unwrap_or(0) <= 64 * 1024,
                    "{step:?}"
                );
                last = Some(step.done);
            }
            assert_eq!(last, Some(total), "{phase}");
        }
        assert_eq!(steps.next(), None);
    };
    flash.erase_sector(0, 1, 127).unwrap();
    told(&[(Phase::Erase, SIZE - PAGE), (Phase::Verify, SIZE - PAGE)]);
    let data = Random::new(3).bytes(40_000);
    flash.write(BASE + 0x1234, &data).unwrap();
    told(&[(Phase::Write, 40_000), (Phase::Verify, 40_000)]);
    flash.read(BASE + 1, 30_001).unwrap();
    told(&[(Phase::Read, 30_001)]);
    assert!(flash.verify(BASE + 0x1234, &data).unwrap());
    told(&[(Phase::Verify, 40_000)]);
    let memory = board.session.memory().with_progress(&report);
    memory.write_bytes(0x2000_0001, &data[..9_000]).unwrap();
    told(&[(Phase::Write, 9_000)]);
    memory.read_bytes(0x2000_0001, 9_000).unwrap();
    told(&[(Phase::Read, 9_000)]);
    memory.dump_to(0x2000_0000, 5_000, &mut Vec::new()).unwrap();
    told(&[(Phase::Read, 5_000)]);
}

#[test]
fn cancelling_stops_between_two_sectors_and_says_what_is_done() {
    let board = Board::halted();
    let steps = AtomicUsize::new(0);
    let report = |progress: Progress| {
        if progress.phase == Phase::Write && progress.done > 0 && steps.fetch_add(1, Ordering::Relaxed) == 1 {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let data = Random::new(4).bytes(60_000);
    let error = board.session.flash().with_progress(&report).write(BASE + 0x1200, &data).unwrap_err();
    let Error::Cancelled { phase: Phase::Write, done, total: 60_000, address } = error else { panic!("{error}") };
    assert_eq!(address, BASE + 0x1200 + done);
    assert!(address % PAGE == 0 && done > 0 && done < 60_000, "{address:#x}");
    let done = usize::try_from(done).unwrap();
    assert_eq!(board.held(BASE + 0x1200, done), data[..done]);
    assert_eq!(board.held(address, 1024), vec![0xff; 1024]);
    assert!(board.session.flash().verify(BASE + 0x1200, &data[..done]).unwrap(), "the session can be used again");

    let report = |_: Progress| ControlFlow::Break(());
    let error = board.session.flash().with_progress(&report).erase_all(0).unwrap_err();
    assert!(matches!(error, Error::Cancelled { phase: Phase::Erase, done: 0, .. }), "{error}");
    assert_eq!(board.held(BASE, firmware::IMAGE.len()), firmware::IMAGE, "cancelled before it began");
}

#[cfg(unix)]
#[test]
fn the_servers_files_are_private_and_none_is_left() {
    let board = Board::halted();
    let flash = board.session.flash();
    let directory = Directory::new();
    // Where this OpenOCD makes its temporary files, which it does as always otherwise.
    let template = openocd::quote(directory.path().join("my [files] XXXXXX").to_str().unwrap()).into_owned();
    board
        .session
        .command(&format!(
            "rename file file_of_jim; set ::modes {{}}; set ::template {template}
            proc file {{what args}} {{
                if {{$what ne {{tempfile}}}} {{ tailcall file_of_jim $what {{*}}$args }}
                set path [file_of_jim tempfile $::template]
                lappend ::modes [exec stat -c %a $path]
                return $path
            }}"
        ))
        .unwrap();
    flash.write(BASE + 0x4000, &[1, 2, 3, 4]).unwrap();
    assert_eq!(flash.read(BASE + 0x4000, 4).unwrap(), [1, 2, 3, 4]);
    flash.read(BASE, 100).unwrap();
    board.session.target().resume(None).unwrap();
    flash.write(BASE + 0x5000, &[1, 2, 3, 4]).unwrap_err();
    board.session.target().halt().unwrap();
    board.chip.faults().bus_fault_at(0x0800_9000..0x0800_9004);
    flash.read(0x0800_9000, 4).unwrap_err();
    let modes = board.session.command("set ::modes").unwrap();
    let modes: Vec<_> = modes.split_whitespace().collect();
    assert!(modes.len() >= 6, "{modes:?}");
    assert!(modes.iter().all(|mode| *mode == "600"), "{modes:?}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_arrives_damaged_is_not_used() {
    let board = Board::halted();
    // A disk that loses what is written to it.
    board.session.command("rename puts puts_of_jim; proc puts {args} {}").unwrap();
    let error = board.session.flash().write(BASE + 0x4000, &[1, 2, 3, 4]).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::Write { written: 0, .. })), "{error}");
    assert!(error.to_string().contains("does not hold what was written to it"), "{error}");
    assert_eq!(board.held(BASE + 0x4000, 4), [0xff; 4]);
}
