//! Progress of transfers, and callbacks that stop them.

use std::ops::ControlFlow;

use openocd::{Error, Image, Phase, Progress};

use super::RAM;
use crate::board::Board;

#[test]
fn a_callback_may_change_what_it_captures_and_return_nothing() {
    let board = Board::halted();
    let mut seen = Vec::new();
    let data = [0x5a; 5_001];
    let memory = board.session.memory().with_progress(|progress| seen.push(progress));
    memory.write_bytes(RAM + 1, &data).unwrap();
    memory.read_u16_vec(RAM, 2_000).unwrap();
    memory.dump_to(RAM, 3_000, std::io::sink()).unwrap();
    assert!(memory.verify_image(&Image::bin(RAM + 1, data).unwrap()).unwrap());
    drop(memory);
    let mut steps = seen.into_iter().peekable();
    for (phase, total) in [(Phase::Write, 5_001), (Phase::Read, 4_000), (Phase::Read, 3_000), (Phase::Verify, 5_001)] {
        let mut done = 0;
        while done < total {
            let step = steps.next().unwrap();
            assert_eq!((step.phase, step.total), (phase, total));
            assert!(step.done == 0 || (step.done > done && step.done - done <= 2048), "{step:?} after {done}");
            done = step.done;
        }
    }
    assert_eq!(steps.next(), None);
}

#[test]
fn a_callback_may_use_the_session() {
    let board = Board::halted();
    let mut read = 0;
    let use_session = |_| read += board.session.memory().read_u8_vec(RAM, 1).unwrap().len();
    board.session.memory().with_progress(use_session).read_bytes(RAM, 5_000).unwrap();
    assert!(read > 2);
}

/// Stops a call once it has moved `enough` bytes.
fn stop_after(enough: u64) -> impl FnMut(Progress) -> ControlFlow<()> + Send {
    move |progress| if progress.done >= enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// How many bytes a read that was cancelled has read.
fn cancelled_after(error: &Error, total_expected: u64) -> usize {
    let Error::Cancelled { phase: Phase::Read, done, total, address, .. } = *error else { panic!("{error:?}") };
    assert_eq!((total, address), (total_expected, RAM + 1 + done));
    usize::try_from(done).unwrap()
}

#[test]
fn a_read_that_is_cancelled_keeps_what_was_read_and_the_session_goes_on() {
    const LENGTH: u64 = 12_000;
    let board = Board::halted();
    let held = board.fill_ram(7);
    for enough in [0, 1, 5000] {
        let memory = board.session.memory().with_progress(stop_after(enough));
        let mut bytes = vec![0; LENGTH as usize];
        let done = cancelled_after(&memory.read_bytes_into(RAM + 1, &mut bytes).unwrap_err(), LENGTH);
        assert!((enough..enough + 4096).contains(&(done as u64)), "{done} for {enough}");
        assert_eq!(bytes[..done], held[1..=done]);
        assert!(bytes[done..].iter().all(|byte| *byte == 0), "nothing is read after that");
        cancelled_after(&memory.read_bytes(RAM + 1, LENGTH).unwrap_err(), LENGTH);
        assert_eq!(
            board.session.memory().read_bytes(RAM + 1, LENGTH).unwrap(),
            held[1..=LENGTH as usize],
            "no late reply"
        );
    }
    // There is nothing left to stop.
    let whole = board.session.memory().with_progress(stop_after(LENGTH)).read_bytes(RAM + 1, LENGTH).unwrap();
    assert_eq!(whole, held[1..=LENGTH as usize]);
}

#[test]
fn a_dump_that_is_cancelled_has_written_what_was_read() {
    const LENGTH: u64 = 12_000;
    let board = Board::halted();
    let held = board.fill_ram(8);
    for enough in [0, 1, 5000] {
        let mut image = Vec::new();
        let error =
            board.session.memory().with_progress(stop_after(enough)).dump_to(RAM + 1, LENGTH, &mut image).unwrap_err();
        let done = cancelled_after(&error, LENGTH);
        assert!((enough..enough + 4096).contains(&(done as u64)), "{done} for {enough}");
        assert_eq!(image, held[1..=done]);
        assert_eq!(board.session.memory().read_u8(RAM + 1).unwrap(), held[1]);
    }
}

#[test]
fn a_view_may_be_copied_and_outlives_its_last_use_no_longer() {
    let board = Board::halted();
    let memory = board.session.memory();
    let copy = memory;
    memory.physical().read_u32(RAM).unwrap();
    copy.with_progress(|_| {}).read_bytes(RAM, 4).unwrap();
    // While `memory` is in scope.
    board.session.close().unwrap();
}
