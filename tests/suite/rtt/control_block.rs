//! The control block: how it is found, what is taken for one, and what happens to it in a reset.

use std::thread;
use std::time::Duration;

use openocd::{Error, RejectedBlock, ResetMode, RttChannel, RttError, RttMode, TimeoutError};
use virtual_chip::firmware::rtt as firmware;

use super::{ID, open, rtt_error, started, terminal};
use crate::board::{Board, PATIENCE};

/// Below the firmware's own block, in RAM that the firmware does not use.
const LOWER: u32 = 0x2000_0200;

#[test]
fn a_start_waits_for_a_target_that_comes_up_later() {
    let board = Board::start();
    let rtt = board.session.rtt();
    rtt.setup(0x2000_0000, 0x5000, ID).unwrap();
    let error = rtt_error(rtt.start());
    assert!(matches!(error, RttError::NoControlBlock { address: 0x2000_0000, size: 0x5000, .. }), "{error:?}");
    assert_eq!(error.to_string(), "there is no RTT control block \"SEGGER RTT\" in the 0x5000 bytes from 0x20000000");
    let waited = rtt.start_wait(Duration::from_millis(50));
    assert!(matches!(waited, Err(Error::Timeout(TimeoutError::Rtt { .. }))), "{waited:?}");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| rtt.start_wait(PATIENCE));
        thread::sleep(Duration::from_millis(100));
        assert!(!waiting.is_finished());
        board.chip.load_firmware(firmware::IMAGE);
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(rtt.read(0, PATIENCE).unwrap(), firmware::GREETING);
}

#[test]
fn a_stream_goes_on_after_a_reset() {
    let board = started();
    let mut channel = terminal(&board);
    for mode in [ResetMode::Run, ResetMode::Halt] {
        board.session.target().reset(mode).unwrap();
        if mode == ResetMode::Halt {
            board.session.target().resume().unwrap();
        }
        assert_eq!(channel.lines().next().unwrap().unwrap(), firmware::GREETING.trim());
        channel.write_text("again\n").unwrap();
        assert_eq!(channel.lines().next().unwrap().unwrap(), "again");
    }
    assert_eq!(channel.restarts(), 0);
}

/// OpenOCD ends the transfer for good when it can't read the memory once, and says nothing.
#[test]
fn a_stream_goes_on_after_the_power_was_off() {
    let board = started();
    let mut channel = terminal(&board);
    board.chip.faults().power_off();
    // Long enough for OpenOCD to have noticed.
    while board.session.memory().read_u32(0x2000_0000).is_ok() {}
    thread::sleep(Duration::from_millis(50));
    board.chip.faults().power_on();
    board.session.target().reset(ResetMode::Run).unwrap();
    assert_eq!(channel.lines().next().unwrap().unwrap(), firmware::GREETING.trim());
    assert_eq!(channel.restarts(), 1);
}

#[test]
fn write_to_a_chip_without_power_names_the_read_that_failed() {
    let board = started();
    let mut channel = terminal(&board);
    board.chip.faults().power_off();
    let error = channel.write_text("hello").unwrap_err();
    assert!(
        error.to_string().starts_with("cannot write to the RTT ring: OpenOCD refused `read_memory` (code "),
        "{error}"
    );
}

/// Halts the target and puts its control block elsewhere, with nothing where it was for a time;
/// what it holds, and where it is.
fn move_block(board: &Board) -> ([u8; 144], u32) {
    board.session.target().halt().unwrap();
    let mut block = [0; 144];
    board.chip.read_memory(firmware::CONTROL_BLOCK, &mut block).unwrap();
    board.chip.write_memory(firmware::CONTROL_BLOCK, &[0; 144]).unwrap();
    thread::sleep(Duration::from_millis(600));
    let moved = firmware::CONTROL_BLOCK + 0x1000;
    board.chip.write_memory(moved, &block).unwrap();
    (block, moved)
}

#[test]
fn a_control_block_that_moves_is_found_again() {
    let board = started();
    let mut channel = terminal(&board);
    let (block, moved) = move_block(&board);
    let before = channel.restarts();
    // One more byte in the ring of up-channel 0.
    let written = u32::from_le_bytes(block[36..40].try_into().unwrap());
    board.chip.write_memory(0x2000_2600 + written, b"\n").unwrap();
    board.chip.write_u32(moved + 36, written + 1).unwrap();
    assert_eq!(channel.lines().next().unwrap().unwrap(), "");
    assert!(channel.restarts() > before);
    assert_eq!(channel.restarts(), channel.try_clone().unwrap().restarts());
    assert_eq!(open(&board, 0).restarts(), 0, "before it was opened");
}

#[test]
fn a_writer_finds_a_control_block_that_moves() {
    // A limit that is over before anything is looked for ends one write, not all of them.
    for (limit, failures) in [(PATIENCE, 0), (Duration::ZERO, 1)] {
        let board = started();
        let mut channel = terminal(&board);
        channel.set_write_timeout(Some(limit));
        let (block, moved) = move_block(&board);
        let before = channel.restarts();
        for _ in 0..failures {
            let error = rtt_error(channel.write_text("xyz"));
            assert!(matches!(error, RttError::NotTaken { taken: 0, .. }), "{error:?}");
        }
        channel.write_text("xyz").unwrap();
        assert_eq!(channel.restarts() - before, 1);
        // Down-channel 0 is behind three up-channels.
        let ring = |word: usize| u32::from_le_bytes(block[96 + 4 * word..][..4].try_into().unwrap());
        assert_eq!(board.chip.read_u32(moved + 96 + 12), Ok(ring(3) + 3));
        let mut bytes = [0; 3];
        board.chip.read_memory(ring(1) + ring(3), &mut bytes).unwrap();
        assert_eq!(&bytes, b"xyz");
    }
}

/// A chip whose firmware has initialized its block, halted, and RTT set up but not started.
fn set_up() -> Board {
    let board = started();
    board.session.target().halt().unwrap();
    board.session.rtt().setup(0x2000_0000, 0x5000, ID).unwrap();
    board
}

/// The target writes what it wants into its names: OpenOCD's own listing would be read as another
/// one.
#[test]
fn names_of_channels_say_nothing_of_other_channels() {
    let board = set_up();
    let rtt = board.session.rtt();
    let valid = block_of(&board);
    for (name, shown) in [
        (&b"A 64 2\n1: B\0"[..], "A 64 2\n1: B"),
        (b"nl\n\0", "nl\n"),
        (b"Name\x1b[2J\n\xff\0", "Name\u{1b}[2J\n\u{fffd}"),
        (b"a 1 0\nDown-channels:\n0: b 1 0\nx\0", "a 1 0\nDown-channels:\n0: b 1 0\nx"),
        (b"\0", ""),
        // Longer than any listing of OpenOCD has it.
        (&[b"0123456789".repeat(5), vec![0]].concat(), &"0123456789".repeat(5)),
        (&[b'x'; 300], &"x".repeat(128)),
    ] {
        board.chip.write_memory(LOWER + 0x203, name).unwrap();
        let mut block = valid.clone();
        set(&mut block, 24, LOWER + 0x203);
        // Without a name at all.
        set(&mut block, 96, 0);
        board.chip.write_memory(LOWER, &block).unwrap();
        rtt.setup(LOWER.into(), 0x100, ID).unwrap();
        rtt.start().unwrap();
        let channels = rtt.channels().unwrap();
        let numbers = |list: &[openocd::RttChannelInfo]| list.iter().map(|c| (c.number, c.size)).collect::<Vec<_>>();
        assert_eq!(numbers(&channels.up), [(0, 512), (2, 2048)], "{name:?}");
        assert_eq!(numbers(&channels.down), [(0, 64), (1, 16)], "{name:?}");
        assert_eq!((&*channels.up[0].name, &*channels.down[0].name), (shown, ""));
    }
}

#[test]
fn channels_are_not_listed_from_what_is_no_control_block_any_more() {
    let board = started();
    let rtt = board.session.rtt();
    let (block, moved) = move_block(&board);
    // As after a reset, it is found where it is now.
    assert_eq!(rtt.channels().unwrap().up.len(), 2);
    board.chip.write_memory(moved, &vec![0; block.len()]).unwrap();
    assert!(matches!(rtt_error(rtt.channels()), RttError::NoControlBlock { .. }));
}

/// What the firmware's control block holds.
fn block_of(board: &Board) -> Vec<u8> {
    board.held(firmware::CONTROL_BLOCK.into(), 144)
}

fn set(block: &mut [u8], offset: usize, value: u32) {
    block[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn a_text_with_the_id_is_no_control_block() {
    let board = set_up();
    let text = b"uses SEGGER RTT for its log, and SEGGER RTT too";
    for address in [LOWER, LOWER + 1, 0x2000_0fee, 0x2000_0ffc, 0x2000_1800] {
        board.chip.write_memory(address, text).unwrap();
        board.chip.write_memory(address + 0x80, &text[5..]).unwrap();
        assert_eq!(board.session.rtt().start().unwrap(), u64::from(firmware::CONTROL_BLOCK), "{address:#x}");
    }
    // Nor does one end the wait for the block.
    board.chip.write_memory(firmware::CONTROL_BLOCK, &[0; 144]).unwrap();
    let error = rtt_error(board.session.rtt().start());
    let RttError::NoControlBlock { rejected, .. } = &error else { panic!("{error:?}") };
    assert_eq!(rejected.len(), 8, "{rejected:?}");
    assert!(error.to_string().contains("; none is at 0x20000206 (it is not aligned to 4 bytes), 0x"), "{error}");
    let waited = board.session.rtt().start_wait(Duration::from_millis(50));
    assert!(matches!(waited, Err(Error::Timeout(TimeoutError::Rtt { .. }))), "{waited:?}");
}

#[test]
fn an_absurd_block_is_skipped_and_the_error_says_why() {
    let board = set_up();
    let rtt = board.session.rtt();
    let valid = block_of(&board);
    // Up-channel 0 begins at 24: name, ring, size, written, read, flags.
    for (offset, value, reason) in [
        (16, 65, "it would have 65 up-channels and 2 down-channels"),
        (20, u32::MAX, "it would have 3 up-channels and 4294967295 down-channels"),
        (12, 1, "more than zeros follows the id"),
        (28, 0, "the ring of up-channel 0 is invalid"),
        (28, 0xffff_fff0, "the ring of up-channel 0 is invalid"),
        (28, LOWER + 100, "the ring of up-channel 0 is invalid"),
        (28, 0x3000_0000, "the ring of up-channel 0 is not readable"),
        (32, 0x0040_0000, "the ring of up-channel 0 is not readable"),
        (36, 512, "the ring of up-channel 0 is invalid"),
        (40, u32::MAX, "the ring of up-channel 0 is invalid"),
        (96 + 12, 64, "the ring of down-channel 0 is invalid"),
    ] {
        let mut block = valid.clone();
        set(&mut block, offset, value);
        board.chip.write_memory(LOWER, &block).unwrap();
        rtt.setup(0x2000_0000, 0x5000, ID).unwrap();
        assert_eq!(rtt.start().unwrap(), u64::from(firmware::CONTROL_BLOCK), "{reason}");
        rtt.setup(LOWER.into(), 0x1000, ID).unwrap();
        match rtt_error(rtt.start()) {
            RttError::NoControlBlock { rejected, .. } => {
                let [RejectedBlock { address, reason: why, .. }] = &rejected[..] else { panic!("{rejected:?}") };
                assert_eq!((*address, why.as_str()), (LOWER.into(), reason));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(rtt_error(rtt.channels()), RttError::NotStarted));
    }
    // A block without channels, and one that is valid but for its alignment.
    rtt.setup(0x2000_0000, 0x5000, ID).unwrap();
    board.chip.write_memory(LOWER, &valid[..16]).unwrap();
    board.chip.write_memory(LOWER + 16, &[0; 128]).unwrap();
    board.chip.write_memory(LOWER + 0x102, &valid).unwrap();
    assert_eq!(rtt.start().unwrap(), u64::from(firmware::CONTROL_BLOCK));
}

#[test]
fn a_block_is_found_at_the_ends_of_the_range() {
    let board = set_up();
    let rtt = board.session.rtt();
    let block = u64::from(firmware::CONTROL_BLOCK);
    for (address, size) in [(block, 24), (block - 3, 27), (block - 4096, 4096 + 24), (block - 5, 4096)] {
        rtt.setup(address, size, ID).unwrap();
        assert_eq!(rtt.start().unwrap(), block, "{address:#x} {size:#x}");
    }
    for (address, size) in [(block + 1, 0x100), (block - 0x100, 0x100)] {
        rtt.setup(address, size, ID).unwrap();
        assert!(matches!(rtt_error(rtt.start()), RttError::NoControlBlock { .. }));
    }
}

#[test]
fn what_an_earlier_firmware_has_left_is_gone_once_it_is_cleared() {
    let board = started();
    let rtt = board.session.rtt();
    let mut channel = terminal(&board);
    // Long enough that OpenOCD has not taken the verdict of the firmware before.
    rtt.set_polling_interval(Duration::from_millis(700)).unwrap();
    board.session.target().reset(ResetMode::Halt).unwrap();
    board.chip.write_memory(LOWER, &block_of(&board)).unwrap();
    board.chip.write_memory(0x2000_2600, b"PASS\n").unwrap();
    board.chip.write_memory(firmware::CONTROL_BLOCK + 36, &[5, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    assert_eq!(rtt.clear(0x2000_0000, 0x5000, ID).unwrap(), 2);
    assert_eq!(board.held(firmware::CONTROL_BLOCK.into(), 144), [0; 144]);
    channel.discard().unwrap();
    assert_eq!(rtt.clear(0x2000_0000, 0x5000, ID).unwrap(), 0);
    channel.set_read_timeout(Some(Duration::from_millis(1500)));
    let read = channel.read_text();
    assert!(matches!(read, Err(Error::Timeout(_))), "{read:?}");
    // The lines of the next firmware come, and nothing else.
    board.session.target().resume().unwrap();
    channel.set_read_timeout(Some(PATIENCE));
    assert_eq!(channel.lines().next().unwrap().unwrap(), firmware::GREETING.trim());
}

#[test]
fn clearing_spares_texts_and_what_is_outside_the_range() {
    let board = set_up();
    let text = b"\0\0\0\0SEGGER RTT is the id\0";
    board.chip.write_memory(LOWER, text).unwrap();
    let block = block_of(&board);
    let rtt = board.session.rtt();
    assert_eq!(rtt.clear(0x2000_0000, 0x2400, ID).unwrap(), 0);
    assert_eq!(rtt.clear(0x2000_0000, 0x5000, "SEGGER").unwrap(), 0, "that is another id");
    assert_eq!((board.held(LOWER.into(), text.len()), block_of(&board)), (text.to_vec(), block));
    // A target that runs loses its block.
    board.session.target().resume().unwrap();
    assert_eq!(rtt.clear(0x2000_0000, 0x5000, ID).unwrap(), 1);
    assert!(matches!(rtt_error(rtt.start()), RttError::NoControlBlock { .. }));
    let refused = rtt.clear(0x2000_0000, 23, ID);
    assert!(matches!(refused, Err(Error::Rtt(RttError::InvalidArgument(_)))), "{refused:?}");
    let refused = rtt.clear(0x3000_0000, 0x100, ID);
    assert!(matches!(refused, Err(Error::Rtt(RttError::Refused(_)))), "{refused:?}");
}

#[test]
fn a_block_that_flash_keeps_is_not_cleared() {
    let board = set_up();
    board.chip.write_memory(0x0800_4000, &block_of(&board)).unwrap();
    let refused = board.session.rtt().clear(0x0800_4000, 0x1000, ID).unwrap_err();
    assert!(refused.to_string().contains("the control block at 0x08004000 is still there"), "{refused}");
}

/// The flags of up-channel 0.
const FLAGS: u32 = firmware::CONTROL_BLOCK + 24 + 20;

#[test]
fn the_mode_of_a_channel_is_put_back_when_it_closes() {
    let board = started();
    board.chip.write_u32(FLAGS, 0x8000_0000).unwrap();
    let ends: [fn(RttChannel); 2] = [|channel| channel.close().unwrap(), drop];
    for end in ends {
        let mut channel = open(&board, 0);
        channel.set_mode(RttMode::Block).unwrap();
        assert_eq!(board.chip.read_u32(FLAGS), Ok(0x8000_0002));
        channel.set_mode(RttMode::Trim).unwrap();
        assert_eq!(board.chip.read_u32(FLAGS), Ok(0x8000_0001));
        let other = channel.try_clone().unwrap();
        end(channel);
        drop(other);
        assert_eq!(board.chip.read_u32(FLAGS), Ok(0x8000_0000));
    }
    // What the firmware has set meanwhile is its own.
    let mut channel = open(&board, 0);
    channel.set_mode(RttMode::Block).unwrap();
    board.chip.write_u32(FLAGS, 1).unwrap();
    channel.close().unwrap();
    assert_eq!(board.chip.read_u32(FLAGS), Ok(1));
    assert_eq!(board.session.rtt().channels().unwrap().up[0].mode(), RttMode::Trim);
    let refused = rtt_error(open(&board, 1).set_mode(RttMode::Block));
    assert!(matches!(refused, RttError::NoChannel { number: 1, .. }), "{refused:?}");
}

#[test]
fn a_quiet_log_level_hides_nothing() {
    let board = Board::start();
    board.chip.load_firmware(firmware::IMAGE);
    board.session.command("debug_level 0").unwrap();
    board.session.rtt().setup(0x2000_0000, 0x5000, ID).unwrap();
    board.session.rtt().start_wait(PATIENCE).unwrap();
    terminal(&board).close().unwrap();
    assert!(board.session.command("debug_level").unwrap().contains('0'));
}

#[test]
fn a_write_that_the_memory_refuses_is_an_error() {
    let board = started();
    let mut channel = terminal(&board);
    board.chip.faults().bus_fault_on_write_at(0x2000_0000..0x2000_5000);
    for result in [channel.write_text("lost"), channel.set_mode(RttMode::Skip)] {
        let error = rtt_error(result);
        assert!(matches!(error, RttError::Refused(_)), "{error:?}");
    }
}

#[test]
fn copy_of_a_block_that_programming_leaves_in_ram_is_not_taken_for_the_firmwares() {
    let board = Board::start();
    // Its block is initialised data in flash.
    let image = openocd::Image::bin(0x0800_0000, firmware::IMAGE).unwrap();
    let other = openocd::Image::bin(0x0800_0000, [0x11; 64]).unwrap();
    for options in [openocd::ProgramOptions::new(), openocd::ProgramOptions::new().reset(ResetMode::Halt)] {
        board.session.target().reset(ResetMode::Halt).unwrap();
        board.session.flash().write_image(&other).unwrap();
        board.session.flash().program_with(&image, &options).unwrap();
        let rtt = board.session.rtt();
        assert_eq!(rtt.clear(0x2000_0000, 0x1000, "SEGGER RTT").unwrap(), 0, "the working area has no copy");
        if board.session.target().status().unwrap().state == openocd::TargetState::Running {
            rtt.setup(0x2000_0000, 0x5000, "SEGGER RTT").unwrap();
            assert_eq!(rtt.start_wait(PATIENCE).unwrap(), u64::from(firmware::CONTROL_BLOCK));
        }
    }
}

#[test]
fn copy_of_a_block_in_bytes_that_are_kept_is_cleared_too() {
    let board = Board::start();
    board.session.flash().program(&openocd::Image::bin(0x0800_0000, firmware::IMAGE).unwrap()).unwrap();
    board.session.target().reset(ResetMode::Halt).unwrap();
    let patch = openocd::Image::bin(0x0800_03f0, *b"serial number 17").unwrap();
    let options = openocd::WriteOptions::new().keep_unwritten(true).restore_ram(false);
    assert_eq!(board.session.flash().write_image_with(&patch, options).unwrap().kept, 1008);
    assert_eq!(board.session.rtt().clear(0x2000_0000, 0x1000, "SEGGER RTT").unwrap(), 0);
}
