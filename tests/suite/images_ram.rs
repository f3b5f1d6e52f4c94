//! Images in RAM.

use std::ops::ControlFlow;

use std::time::Duration;

use openocd::{Error, Image, Phase, Progress, Result, Segment, Session, TargetError, TimeoutError};

use crate::board::Board;
use crate::directory::Directory;
use crate::random::Random;

fn two_segments() -> Image {
    let mut random = Random::new(21);
    let segments = [(0x2000_0001, 5001), (0x2000_3000, 4098)]
        .map(|(address, length)| Segment { address, data: random.bytes(length) });
    Image::from_segments(segments).unwrap()
}

#[test]
fn an_image_is_loaded_and_verified() {
    let board = Board::halted();
    let image = two_segments();
    board.session.memory().load_image(&image).unwrap();
    for segment in image.segments() {
        assert_eq!(board.held(segment.address, segment.data.len()), segment.data);
    }
    assert!(board.session.memory().verify_image(&image).unwrap());
    board.chip.write_memory(0x2000_3100, &[!image.segments()[1].data[0x100]]).unwrap();
    assert!(!board.session.memory().verify_image(&image).unwrap());
    let mismatch = board.session.memory().verify_image_at(&image).unwrap().unwrap();
    assert_eq!((mismatch.address, mismatch.expected), (0x2000_3100, image.segments()[1].data[0x100]));
}

#[test]
fn verifying_leaves_the_working_area_alone() {
    let board = Board::halted();
    let all = Random::new(22).bytes(0x5000);
    board.chip.write_memory(0x2000_0000, &all).unwrap();
    assert!(board.session.memory().verify_image(&Image::bin(0x2000_0000, all.clone()).unwrap()).unwrap());
    assert_eq!(board.held(0x2000_0000, 0x5000), all);
}

#[test]
fn a_dumped_file_holds_what_the_chip_holds() {
    let board = Board::halted();
    let directory = Directory::new();
    let path = directory.path().join("ram [0].bin");
    let all = Random::new(23).bytes(0x5000);
    board.chip.write_memory(0x2000_0000, &all).unwrap();
    board.session.memory().dump(0x2000_0003, 0x4ffd, &path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), all[3..]);
}

#[test]
fn an_image_outside_of_memory_is_an_error_with_its_address() {
    let board = Board::halted();
    let image = Image::bin(0x2000_4ffc, vec![1; 8]).unwrap();
    let error = board.session.memory().load_image(&image).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::MemoryWrite { .. })), "{error}");
    let error = board.session.memory().verify_image(&image).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::MemoryRead { .. })), "{error}");
    let far = Image::from_segments([
        Segment { address: 0x2000_0000, data: vec![9; 4] },
        Segment { address: 0x1_0000_0000, data: vec![9; 4] },
    ]);
    board.chip.write_u32(0x2000_0000, 0).unwrap();
    let error = board.session.memory().load_image(&far.unwrap()).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::OutOfAddressSpace { .. })), "{error}");
    assert_eq!(board.chip.read_u32(0x2000_0000).unwrap(), 0, "nothing was written");
}

#[test]
fn a_callback_cancels_a_load() {
    let board = Board::halted();
    let report = |progress: Progress| {
        if progress.done >= 6000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let image = two_segments();
    let error = board.session.memory().with_progress(report).load_image(&image).unwrap_err();
    let Error::Cancelled { phase: Phase::Write, done, total: 9099, address } = error else { panic!("{error}") };
    assert_eq!(address, 0x2000_3000 + (done - 5001));
    let written = usize::try_from(done - 5001).unwrap();
    assert_eq!(board.held(0x2000_3000, written), image.segments()[1].data[..written]);
    assert_eq!(board.held(address, 4), [0; 4]);
}

#[test]
fn images_and_files_have_the_time_that_flash_has() {
    let given = Duration::from_millis(700);
    let limits = Session::builder().timeout(Duration::from_secs(120)).flash_timeout(given);
    let board = Board::start_with(limits, |openocd| openocd);
    let (session, image) = (&board.session, two_segments());
    session.target().halt().unwrap();
    let directory = Directory::new();
    let path = directory.path().join("ram.bin");
    let calls: [&dyn Fn() -> Result<()>; 3] =
        [&|| session.memory().load_image(&image), &|| session.memory().verify_image(&image).map(drop), &|| {
            session.memory().dump(0x2000_0000, 100, &path)
        }];
    for call in calls {
        board.chip.faults().stop_answering(true);
        let error = call().unwrap_err();
        assert!(matches!(error, Error::Timeout(TimeoutError::Reply { after, .. }) if after == given), "{error}");
        // Once the chip answers again, so does the session.
        board.chip.faults().stop_answering(false);
        session.memory().read_u32(0x2000_0000).unwrap();
    }
}

#[test]
fn an_image_with_a_part_in_flash_is_refused_before_anything_is_written() {
    // Before OpenOCD has probed the bank, and while the target runs.
    let board = Board::start();
    let memory = board.session.memory();
    let in_ram = Segment { address: 0x2000_0000, data: vec![0xa5; 8] };
    // Across the beginning of the bank, and of its last byte.
    for (address, first) in [(0x07ff_fffe, 0x0800_0000), (0x0801_ffff, 0x0801_ffff)] {
        let in_flash = Segment { address, data: vec![0x5a; 4] };
        let image = Image::from_segments([in_ram.clone(), in_flash]).unwrap();
        board.chip.watch_accesses(0..u32::MAX);
        let error = memory.load_image(&image).unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::InvalidArgument(_))), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&format!("{first:#010x} in flash bank \"stm32f1x.flash\"")), "{text}");
        assert!(text.contains("`Session::program`") && text.contains("`Flash::write_image`"), "{text}");
        let written = board
            .chip
            .take_accesses()
            .into_iter()
            .any(|access| access.is_write && !(0xe000_0000..=0xffff_ffff).contains(&access.address));
        assert!(!written && board.held(0x2000_0000, 8) != in_ram.data, "something was written");
    }
    // Right behind the bank there is no memory, and the bank is not the cause.
    let error = memory.load_image(&Image::bin(0x0802_0000, [1; 4]).unwrap()).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::MemoryWrite { .. })), "{error:?}");
}

#[test]
fn an_image_is_loaded_where_flash_banks_are_unknown() {
    let board = Board::halted();
    let (session, image) = (&board.session, two_segments());
    session.command("rename flash hidden_flash; proc flash args { error {no flash here} }").unwrap();
    assert!(session.flash().banks().is_err());
    session.memory().load_image(&image).unwrap();
    assert!(session.memory().verify_image(&image).unwrap());

    // No banks at all.
    let hart = virtual_chip::VirtualHart::start().unwrap();
    let session = Session::start(hart.openocd_config()).unwrap();
    session.target().halt().unwrap();
    let image = Image::bin(0x8000_0100, [1, 2, 3, 4]).unwrap();
    session.memory().load_image(&image).unwrap();
    assert!(session.memory().verify_image(&image).unwrap());
}
