//! Handlers that panic: the run leaves no more behind than one that ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use openocd::{BreakpointKind, RttMode, RunChannel, RunGroup, RunOutput, RunUntil};
use virtual_chip::firmware::{self, rtt};

use super::loaded;
use super::rtt::BLOCK;
use crate::board::{Board, PATIENCE};

fn fails(_: &RunOutput<'_>) {
    fails_at_all();
}

fn fails_at_all() {
    panic!("this handler fails")
}

fn panics(board: &Board, until: RunUntil<'_>) {
    let session = &board.session;
    let ended = catch_unwind(AssertUnwindSafe(|| session.target().run_until(until, PATIENCE)));
    let payload = ended.map(|outcome| outcome.unwrap().verdict).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"this handler fails"));
    assert!(session.breakpoints().list().unwrap().is_empty());
}

#[test]
fn openocds_semihosting_is_enabled_again() {
    for is_enabled in [true, false] {
        let board = super::semihosting::exiting(0, 3);
        if is_enabled {
            board.session.semihosting().enable().unwrap();
        }
        panics(&board, RunUntil::new().semihosting().breakpoint(0x0800_0100).on_output(fails));
        assert_eq!(board.session.semihosting().is_enabled().unwrap(), is_enabled);
        board.session.target().halt().unwrap();
        panics(&board, RunUntil::new().semihosting().on_line(|_| fails_at_all()));
        assert_eq!(board.session.semihosting().is_enabled().unwrap(), is_enabled);
    }
}

#[test]
fn rtt_is_as_it_was() {
    let board = loaded(rtt::IMAGE);
    let terminal = RunChannel::new(0).mode(RttMode::Skip);
    let mut calls = 0;
    let until = RunUntil::new().rtt(BLOCK, terminal).rtt_from(u64::from(rtt::LOOP)).on_line(|_| {
        calls += 1;
        fails_at_all();
    });
    panics(&board, until);
    assert_eq!(calls, 1);
    // The flags of channel 0.
    assert_eq!(board.chip.read_u32(rtt::CONTROL_BLOCK + 24 + 20), Ok(2));
    assert_eq!(board.session.rtt().polling_interval().unwrap(), Duration::from_millis(100));
    assert!(board.session.rtt().channels().is_err(), "RTT is stopped");
    // And free for the next run.
    board.session.target().reset(openocd::ResetMode::Halt).unwrap();
    super::run(&board, RunUntil::new().rtt(BLOCK, RunChannel::new(0).until_line(|line| line == rtt::GREETING.trim())));
}

#[test]
fn a_breakpoint_that_was_there_stays() {
    let board = super::semihosting::exiting(0, 3);
    board.session.breakpoints().add(0x0800_0100, BreakpointKind::Hardware).unwrap();
    let until = RunUntil::new().semihosting().breakpoint(0x0800_0100).on_output(fails);
    let target = board.session.target();
    catch_unwind(AssertUnwindSafe(|| target.run_until(until, PATIENCE))).unwrap_err();
    assert_eq!(board.session.breakpoints().list().unwrap().len(), 1);
}

#[test]
fn a_run_of_a_group_that_panics_stops_the_others_where_the_first_end_does() {
    let (talking, counting) = (super::semihosting::exiting(0, 3), loaded(firmware::IMAGE));
    let group = RunGroup::new()
        .add(talking.session.target(), || RunUntil::new().semihosting().on_output(fails))
        .add(counting.session.target(), || RunUntil::new().breakpoint(firmware::STOP.into()));
    let begin = Instant::now();
    catch_unwind(AssertUnwindSafe(|| group.run_first(Duration::from_secs(20)))).unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert!(counting.session.breakpoints().list().unwrap().is_empty());
}
