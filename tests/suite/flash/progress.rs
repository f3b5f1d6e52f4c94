//! Progress of long calls, and how a callback stops them.

use std::ops::ControlFlow;
use std::sync::Mutex;

use openocd::{Error, Phase, Progress};
use virtual_chip::firmware;

use super::{BASE, PAGE, SIZE};
use crate::board::Board;
use crate::random::Random;

#[test]
fn progress_comes_in_small_steps_with_the_true_total() {
    let board = Board::halted();
    let seen = Mutex::new(Vec::new());
    let report = |progress: Progress| {
        seen.lock().unwrap().push(progress);
        ControlFlow::Continue(())
    };
    let flash = board.session.flash().with_progress(report);
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
    let memory = board.session.memory().with_progress(report);
    memory.write_bytes(0x2000_0001, &data[..9_000]).unwrap();
    told(&[(Phase::Write, 9_000)]);
    memory.read_bytes(0x2000_0001, 9_000).unwrap();
    told(&[(Phase::Read, 9_000)]);
    memory.dump_to(0x2000_0000, 5_000, &mut Vec::new()).unwrap();
    told(&[(Phase::Read, 5_000)]);
}

#[test]
fn a_cancelled_write_stops_between_two_sectors_and_says_how_far_it_came() {
    let board = Board::halted();
    let mut steps = 0;
    let report = |progress: Progress| {
        steps += u32::from(progress.phase == Phase::Write && progress.done > 0);
        if steps == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let data = Random::new(4).bytes(100_000);
    let error = board.session.flash().with_progress(report).write(BASE + 0x1200, &data).unwrap_err();
    let Error::Cancelled { phase: Phase::Write, done, total: 100_000, address } = error else { panic!("{error}") };
    assert_eq!(address, BASE + 0x1200 + done);
    assert!(address % PAGE == 0 && done > 0 && done < 100_000, "{address:#x}");
    let done = usize::try_from(done).unwrap();
    assert_eq!(board.held(BASE + 0x1200, done), data[..done]);
    assert_eq!(board.held(address, 1024), vec![0xff; 1024]);
    assert!(board.session.flash().verify(BASE + 0x1200, &data[..done]).unwrap(), "the session can be used again");

    let report = |_: Progress| ControlFlow::Break(());
    let error = board.session.flash().with_progress(report).erase_all(0).unwrap_err();
    assert!(matches!(error, Error::Cancelled { phase: Phase::Erase, done: 0, .. }), "{error}");
    assert_eq!(board.held(BASE, firmware::IMAGE.len()), firmware::IMAGE, "cancelled before it began");
}
