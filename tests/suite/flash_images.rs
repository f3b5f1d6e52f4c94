//! Images of every format, compared byte by byte with what the chip holds.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Mutex;

use openocd::{Error, FlashError, Image, ImageError, ImageFormat, Phase, Progress, ResetMode, Segment, WriteOptions};
use virtual_chip::{CoreState, firmware};

use crate::board::Board;
use crate::directory::Directory;
use crate::random::Random;

mod started;

const BASE: u64 = 0x0800_0000;
const ERASE: WriteOptions = WriteOptions::new();

/// The firmware in `examples/firmware`: the counter, followed by initialised data.
fn elf() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/firmware/counter.elf")
}

fn fill(board: &Board, byte: u8) {
    board.chip.write_memory(0x0800_0000, &vec![byte; 0x2_0000]).unwrap();
}

/// Segments in Intel HEX, with records of various lengths.
fn intel_hex(segments: &[Segment], random: &mut Random) -> String {
    let mut text = String::new();
    let mut record = |kind: u8, offset: u16, data: &[u8]| {
        let mut bytes = vec![u8::try_from(data.len()).unwrap()];
        bytes.extend(offset.to_be_bytes());
        bytes.push(kind);
        bytes.extend(data);
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        bytes.push(sum.wrapping_neg());
        text.push(':');
        for byte in bytes {
            let _ = write!(text, "{byte:02X}");
        }
        text.push_str("\r\n");
    };
    for segment in segments {
        let mut address = u32::try_from(segment.address).unwrap();
        let mut rest = &*segment.data;
        while !rest.is_empty() {
            let room = usize::try_from(0x1_0000 - (address & 0xffff)).unwrap();
            let (data, after) = rest.split_at(rest.len().min(1 + random.below(32)).min(room));
            record(4, 0, &(address >> 16).to_be_bytes()[2..]);
            record(0, u16::try_from(address & 0xffff).unwrap(), data);
            address += u32::try_from(data.len()).unwrap();
            rest = after;
        }
    }
    record(1, 0, &[]);
    text
}

/// Segments in S-records with 32-bit addresses.
fn s_record(segments: &[Segment], random: &mut Random) -> String {
    let mut text = String::from("S00600004844521B\n");
    let mut record = |kind: u8, address: u32, data: &[u8]| {
        let mut bytes = vec![u8::try_from(data.len() + 5).unwrap()];
        bytes.extend(address.to_be_bytes());
        bytes.extend(data);
        bytes.push(!bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)));
        let _ = write!(text, "S{kind}");
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    };
    for segment in segments {
        let mut address = u32::try_from(segment.address).unwrap();
        let mut rest = &*segment.data;
        while !rest.is_empty() {
            let (data, after) = rest.split_at(rest.len().min(1 + random.below(200)));
            record(3, address, data);
            address += u32::try_from(data.len()).unwrap();
            rest = after;
        }
    }
    record(7, 0x0800_0041, &[]);
    text
}

#[test]
fn a_linked_elf_is_written_at_its_physical_addresses() {
    let board = Board::halted();
    fill(&board, 0);
    let image = Image::open(elf()).unwrap();
    assert_eq!((image.format(), image.entry()), (ImageFormat::Elf, Some(0x0800_0041)));
    board.session.flash().write_image_with(&image, ERASE).unwrap();
    let mut expected = firmware::IMAGE.to_vec();
    expected.extend(b"initialised data");
    assert_eq!(board.held(BASE, expected.len()), expected);
    assert_eq!(board.held(BASE + expected.len() as u64, 1024 - expected.len()), vec![0xff; 1024 - expected.len()]);
    assert_eq!(board.held(BASE + 1024, 1), [0], "only the touched sector is erased");
}

#[test]
fn random_images_of_every_format_reach_the_chip() {
    let board = Board::halted();
    let directory = Directory::new();
    let mut random = Random::new(11);
    for round in 0..3 {
        let background = u8::try_from(round).unwrap();
        fill(&board, background);
        // Ascending segments with gaps of all sizes, odd addresses and lengths included.
        let mut segments = Vec::new();
        let mut offset = random.below(3000);
        for _ in 0..=random.below(5) {
            let length = 1 + random.below(6000);
            segments.push(Segment { address: BASE + offset as u64, data: random.bytes(length) });
            let gap = [1, 2, 7, 100, 5000][random.below(5)];
            offset += length + gap;
        }
        let (name, contents) = match round % 3 {
            0 => ("image.hex", intel_hex(&segments, &mut random).into_bytes()),
            1 => ("image.s37", s_record(&segments, &mut random).into_bytes()),
            _ => {
                segments.truncate(1);
                ("image.bin", segments[0].data.clone())
            }
        };
        let path = directory.path().join(name);
        std::fs::write(&path, contents).unwrap();
        let image = if round % 3 == 2 { Image::open_bin(&path, segments[0].address) } else { Image::open(&path) };
        let image = image.unwrap();
        assert_eq!(image.segments(), Image::from_segments(segments.clone()).unwrap().segments());
        board.session.flash().write_image_with(&image, ERASE).unwrap();

        // Expected: the segments, erased bytes in the rest of their sectors, and the background
        // elsewhere.
        let mut expected = vec![background; 0x2_0000];
        for segment in &segments {
            let start = usize::try_from(segment.address - BASE).unwrap();
            let end = start + segment.data.len();
            expected[start / 1024 * 1024..end.div_ceil(1024) * 1024].fill(0xff);
        }
        for segment in &segments {
            let start = usize::try_from(segment.address - BASE).unwrap();
            expected[start..start + segment.data.len()].copy_from_slice(&segment.data);
        }
        assert!(board.held(BASE, 0x2_0000) == expected, "round {round} {segments:?}");
        assert!(board.session.flash().verify_image(&image).unwrap());
        let last = segments.last().unwrap();
        let end = last.address + last.data.len() as u64 - 1;
        board.chip.write_memory(u32::try_from(end).unwrap(), &[!last.data[last.data.len() - 1]]).unwrap();
        assert_eq!(board.session.flash().verify_image_at(&image).unwrap().unwrap().address, end);
        assert!(!board.session.flash().verify_image(&image).unwrap());
    }
}

#[test]
fn paths_may_hold_any_characters() {
    let board = Board::halted();
    let directory = Directory::new();
    let awkward = directory.path().join("my {project} [exec false] $HOME \"q\" 'q' ; \\ \u{fc}\u{4e2d} %");
    std::fs::create_dir(&awkward).unwrap();
    let path = awkward.join("firm ware.elf");
    std::fs::copy(elf(), &path).unwrap();
    fill(&board, 0xff);
    let image = Image::open(&path).unwrap();
    // OpenOCD never reads the file.
    std::fs::remove_dir_all(&awkward).unwrap();
    board.session.flash().write_image_with(&image, WriteOptions::new().erase(false)).unwrap();
    assert_eq!(board.held(BASE, firmware::IMAGE.len()), firmware::IMAGE);
}

#[test]
fn a_file_without_an_image_is_refused_with_its_path() {
    let directory = Directory::new();
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "not an image").unwrap();
    let error = Image::open(&path).unwrap_err();
    assert!(matches!(&error, Error::Image(ImageError::File { .. })), "{error}");
    assert!(error.to_string().contains("notes.txt is not usable: the image is neither ELF nor"), "{error}");
    let error = Image::open(directory.path().join("missing.elf")).unwrap_err();
    assert!(matches!(&error, Error::Image(ImageError::Read { .. })), "{error}");
    std::fs::write(&path, "").unwrap();
    assert!(Image::open_bin(&path, 0).unwrap_err().to_string().ends_with("holds no bytes to load"));
}

#[test]
fn an_image_beside_the_flash_is_refused_before_anything_is_written() {
    let board = Board::halted();
    let outside = |address| {
        let inside = Segment { address: BASE, data: vec![0; 16] };
        let image = Image::from_segments([inside, Segment { address, data: vec![1, 2, 3] }]).unwrap();
        board.session.flash().write_image_with(&image, ERASE).unwrap_err()
    };
    for address in [0x2000_0000, 0x0802_0000, 0x0801_fffe] {
        let error = outside(address);
        assert!(matches!(error, Error::Flash(FlashError::NoBank { .. })), "{error}");
    }
    assert!(outside(0x0801_fffe).to_string().starts_with(
        "no flash bank of target stm32f1x.cpu holds the address 0x08020000; the target has bank 0 \"stm32f1x.flash\" (0x08000000 to 0x0801ffff)"
    ));
    assert_eq!(board.held(BASE, firmware::IMAGE.len()), firmware::IMAGE);
}

#[test]
fn an_image_without_an_erase_needs_erased_flash() {
    let board = Board::halted();
    let image = Image::bin(BASE, vec![0x5a; 100]).unwrap();
    let error = board.session.flash().write_image_with(&image, WriteOptions::new().erase(false)).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::Write { .. } | FlashError::Mismatch(_))), "{error}");
    // Segments in one sector leave the bytes between them alone.
    let piece = |address, data: &[u8]| Segment { address, data: data.to_vec() };
    let image = Image::from_segments([piece(BASE + 0x4000, &[1, 2]), piece(BASE + 0x4004, &[5, 6])]).unwrap();
    board.chip.write_memory(0x0800_4002, &[3, 4]).unwrap();
    board.session.flash().write_image_with(&image, WriteOptions::new().erase(false)).unwrap();
    assert_eq!(board.held(BASE + 0x4000, 7), [1, 2, 3, 4, 5, 6, 0xff]);
}

#[test]
fn unlocking_fails_until_the_chip_is_reset() {
    let board = Board::halted();
    let flash = board.session.flash();
    flash.protect(0, 4..=5).unwrap();
    board.session.target().reset(ResetMode::Halt).unwrap();
    let image = Image::bin(BASE + 17 * 1024, vec![0x5a; 100]).unwrap();
    let unlocking = ERASE.unlock(true);
    let error = flash.write_image_with(&image, unlocking).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::StillProtected { address: 0x0800_4400 })), "{error}");
    board.session.target().reset(ResetMode::Halt).unwrap();
    flash.write_image_with(&image, unlocking).unwrap();
    assert_eq!(board.held(BASE + 17 * 1024, 100), vec![0x5a; 100]);
    let blocks = flash.layout(0).unwrap().protection_blocks;
    let protected: Vec<_> = blocks.iter().filter(|block| block.protected == Some(true)).map(|b| b.index).collect();
    assert_eq!(protected, [5], "only what the image touches is unlocked");
}

#[test]
fn program_resets_writes_and_starts_the_chip() {
    let board = Board::start();
    fill(&board, 0);
    let resets = board.chip.reset_count();
    board.session.command("stm32f1x.cpu configure -event reset-init {set ::set_up [incr ::set_up]}").unwrap();
    board.session.program(elf()).unwrap();
    assert_eq!(board.session.command("set ::set_up").unwrap(), "1", "what the configuration does to set up a board");
    assert!(board.chip.reset_count() >= resets + 2);
    assert_eq!(board.held(BASE, firmware::IMAGE.len()), firmware::IMAGE);
    assert_eq!(board.chip.state(), CoreState::Running);
    board.session.target().halt().unwrap();
    board.session.target().step().unwrap();
    let pc = board.session.registers().pc().unwrap();
    assert!((u64::from(firmware::LOOP)..u64::from(firmware::STOP)).contains(&pc), "the program runs: {pc:#x}");
}

#[test]
fn progress_of_an_image_has_three_phases_with_true_totals() {
    let board = Board::start();
    let seen = Mutex::new(Vec::new());
    let report = |progress: Progress| {
        seen.lock().unwrap().push(progress);
        ControlFlow::Continue(())
    };
    let image = Image::from_segments([
        Segment { address: BASE + 0x464, data: vec![1; 3000] },
        Segment { address: BASE + 0x8000, data: vec![2; 1025] },
    ])
    .unwrap();
    board.session.flash().with_progress(report).program(&image).unwrap();
    let seen = seen.into_inner().unwrap();
    let mut phases: Vec<_> = seen.iter().map(|progress| (progress.phase, progress.total)).collect();
    phases.dedup();
    // The first segment touches 4 sectors, the second 2.
    assert_eq!(phases, [(Phase::Erase, 6 * 1024), (Phase::Write, 4025), (Phase::Verify, 4025)]);
    for (phase, total) in phases {
        let last = seen.iter().rfind(|progress| progress.phase == phase).unwrap();
        assert_eq!(last.done, total, "{phase}");
    }
}

#[test]
fn a_call_cancelled_after_the_erase_writes_nothing() {
    let board = Board::halted();
    let report = |progress: Progress| {
        if progress.phase == Phase::Erase && progress.done == progress.total {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let image = Image::bin(BASE, vec![0; 3000]).unwrap();
    let error = board.session.flash().with_progress(report).write_image_with(&image, ERASE).unwrap_err();
    assert!(matches!(error, Error::Cancelled { phase: Phase::Write, done: 0, total: 3000, address: BASE }), "{error}");
    assert_eq!(board.held(BASE, 3072), vec![0xff; 3072]);
}

#[test]
fn an_image_for_ram_is_told_how_it_is_run() {
    let board = Board::halted();
    let flash = board.session.flash();
    let hint = "; the target has bank 0 \"stm32f1x.flash\" (0x08000000 to 0x0801ffff); no byte of the image is in flash: `Target::run_in_ram` runs an image in RAM, and `ProgramOptions::load_ram` loads the parts for RAM of one for flash";
    let image = Image::bin(0x2000_0000, vec![1; 100]).unwrap();
    for error in [flash.program(&image).map(drop), flash.write_image(&image).map(drop)] {
        let error = error.unwrap_err().to_string();
        assert!(error.ends_with(hint), "{error}");
    }
    // Here it is no image, or a part of it is in flash.
    let error = flash.read(0x2000_0000, 4).unwrap_err().to_string();
    assert!(error.ends_with("(0x08000000 to 0x0801ffff)"), "{error}");
    let parts = [(BASE, vec![1]), (0x1fff_f800, vec![0xa5])];
    let image = Image::from_segments(parts.map(|(address, data)| Segment { address, data })).unwrap();
    let error = flash.program(&image).unwrap_err().to_string();
    assert!(error.ends_with("(0x08000000 to 0x0801ffff)"), "{error}");
}

#[test]
fn a_failed_event_handler_fails_program_and_says_whether_flash_is_written() {
    let board = Board::start();
    let image = Image::bin(BASE + 0x4000, vec![1; 100]).unwrap();
    let handler = |event: &str, body: &str| {
        board.session.command(&format!("stm32f1x.cpu configure -event {event} {{{body}}}")).unwrap();
    };
    handler("reset-init", "error {no clock}");
    let error = board.session.program(&image).unwrap_err();
    assert!(matches!(error, Error::Target(_)), "{error:?}");
    assert_eq!(board.held(BASE + 0x4000, 4), [0xff; 4], "nothing was written");
    handler("reset-init", "");
    handler("reset-end", "if {[stm32f1x.cpu curstate] ne {halted}} { error {no start} }");
    let error = board.session.program(&image).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::NotStarted { .. })), "{error:?}");
    assert!(error.to_string().starts_with("flash is written and verified, but the reset after it failed: "));
    assert_eq!(board.held(BASE + 0x4000, 100), vec![1; 100]);
}
