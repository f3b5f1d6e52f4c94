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
