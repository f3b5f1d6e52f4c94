//! What is left of a console's claim on the calls when the console, its session or its program ends.

use std::io::Read as _;
use std::time::{Duration, Instant};

use openocd::{Error, OnClose, SemihostingError, Session};

use super::other_threads::{calls, looping, wait_for_a_call};
use crate::board::Board;
use crate::run_until::stops::signal_openocd;

/// Longer than OpenOCD waits for a sign of life of whoever serves calls.
const LAPSE: Duration = Duration::from_secs(6);

fn connected(board: &Board) -> Session {
    Session::connect(board.session.process().unwrap().tcl_address()).unwrap()
}

/// Waits until OpenOCD itself serves the firmware's calls, as it did before.
fn wait_for_openocd(board: &Board, round: u32) {
    let begin = Instant::now();
    while !board.session.semihosting().is_enabled().unwrap() {
        assert!(begin.elapsed() < LAPSE, "the setting is not restored, {round}");
        std::thread::sleep(Duration::from_millis(20));
    }
    wait_for_a_call(board);
    wait_for_a_call(board);
}

#[test]
fn openocd_goes_on_with_the_calls_when_a_console_is_dropped() {
    let board = looping(3);
    board.session.semihosting().enable().unwrap();
    board.session.target().resume().unwrap();
    for round in 0..8 {
        let mut console = board.session.semihosting().serve().unwrap();
        console.read_exact(&mut [0; 2]).unwrap();
        std::thread::sleep(Duration::from_millis((round % 5).into()));
        drop(console);
        assert!(board.session.semihosting().is_enabled().unwrap());
        wait_for_openocd(&board, round);
    }
}

#[test]
fn openocd_goes_on_with_the_calls_when_the_session_of_a_console_is_closed() {
    let board = looping(3);
    board.session.semihosting().enable().unwrap();
    board.session.target().resume().unwrap();
    for round in 0..2 {
        let session = connected(&board);
        let mut console = session.semihosting().serve().unwrap();
        console.read_exact(&mut [0; 2]).unwrap();
        if round % 2 == 0 {
            session.close().unwrap();
        } else {
            // As a program that is killed: nothing can be sent any more.
            session.interrupt();
        }
        drop(console);
        wait_for_openocd(&board, round);
    }
}

#[test]
fn halt_of_another_session_outlasts_the_claim_of_a_session_that_was_closed() {
    let board = looping(3);
    let target = board.session.target();
    board.session.semihosting().enable().unwrap();
    let session = connected(&board);
    let console = session.semihosting().serve().unwrap();
    target.resume().unwrap();
    wait_for_a_call(&board);
    session.close().unwrap();
    drop(console);
    let status = target.halt().unwrap();
    let made = calls(&board);
    let begin = Instant::now();
    while !board.session.semihosting().is_enabled().unwrap() {
        assert!(begin.elapsed() < LAPSE, "the setting is not restored");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((target.status().unwrap(), calls(&board)), (status, made));
    target.resume().unwrap();
    wait_for_openocd(&board, 0);
}

#[test]
fn target_held_at_a_call_is_resumed_by_a_session_that_closes_with_its_console() {
    for is_enabled in [false, true] {
        let board = looping(3);
        if is_enabled {
            board.session.semihosting().enable().unwrap();
        }
        let session = connected(&board);
        let _console = session.semihosting().serve().unwrap();
        session.target().resume().unwrap();
        wait_for_a_call(&board);
        session.target().halt().unwrap();
        let made = calls(&board);
        session.close_with(OnClose::Resume).unwrap();
        let begin = Instant::now();
        while calls(&board) == made {
            assert!(begin.elapsed() < Duration::from_secs(2), "not resumed, {is_enabled}");
            std::thread::sleep(Duration::from_millis(5));
        }
        if is_enabled {
            wait_for_openocd(&board, 0);
        }
    }
}

#[test]
fn openocd_serves_no_calls_beside_a_console() {
    let board = looping(3);
    let other = connected(&board);
    board.session.semihosting().enable().unwrap();
    for is_wanted in [true, false] {
        let mut console = board.session.semihosting().serve().unwrap();
        let refused = other.semihosting().enable();
        assert!(matches!(refused, Err(Error::Semihosting(SemihostingError::InUse { .. }))), "{refused:?}");
        if !is_wanted {
            other.semihosting().disable().unwrap();
        }
        board.session.target().resume().unwrap();
        console.read_exact(&mut [0; 2]).unwrap();
        board.session.target().halt().unwrap();
        drop(console);
        assert_eq!(board.session.semihosting().is_enabled().unwrap(), is_wanted);
    }
    // A command does not ask.
    let console = board.session.semihosting().serve().unwrap();
    other.command("arm semihosting enable").unwrap();
    board.session.target().resume().unwrap();
    let ended = console.wait_exit(Duration::from_secs(5)).unwrap_err();
    assert!(matches!(ended, Error::Semihosting(SemihostingError::InUse { .. })), "{ended:?}");
}

#[test]
fn console_and_pause_at_a_silent_openocd_end_after_one_timeout() {
    const TIMEOUT: Duration = Duration::from_secs(2);
    for serves in [true, false] {
        let board = looping(3);
        let address = board.session.process().unwrap().tcl_address();
        let session = Session::builder().timeout(TIMEOUT).connect(address).unwrap();
        let console = serves.then(|| session.semihosting().serve().unwrap());
        let pause = (!serves).then(|| session.pause_polling().unwrap());
        signal_openocd(&board, "-STOP");
        // A renewal is under way.
        std::thread::sleep(Duration::from_millis(1200));
        let begin = Instant::now();
        drop((console, pause));
        let elapsed = begin.elapsed();
        signal_openocd(&board, "-CONT");
        assert!(elapsed < TIMEOUT + TIMEOUT / 2, "{elapsed:?}");
    }
}
