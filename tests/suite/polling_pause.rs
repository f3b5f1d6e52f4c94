//! Pauses of OpenOCD's background polling, and clients that die during one.

use std::thread;
use std::time::{Duration, Instant};

use openocd::Session;

use crate::board::{Board, PATIENCE};

fn is_polling(session: &Session) -> bool {
    session.command("poll").unwrap().contains("background polling: on")
}

#[test]
fn pauses_overlap_and_polling_goes_on_after_the_last() {
    let board = Board::halted();
    let other = Session::connect(board.session.process().unwrap().tcl_address()).unwrap();
    let (first, second) = (board.session.pause_polling().unwrap(), other.pause_polling().unwrap());
    assert!(!is_polling(&other));
    first.resume().unwrap();
    assert!(!is_polling(&other));
    // A pause owns its session, and can be moved anywhere.
    thread::spawn(move || drop(second)).join().unwrap();
    assert!(is_polling(&other));

    board.session.command("poll off").unwrap();
    drop(board.session.pause_polling().unwrap());
    assert!(!is_polling(&other), "polling was off before");
}

#[test]
fn a_pause_outlasts_its_lease_while_its_client_lives_and_ends_when_the_client_died() {
    let board = Board::halted();
    let address = board.session.process().unwrap().tcl_address();
    let (dead, other) = (Session::connect(address).unwrap(), Session::connect(address).unwrap());
    let lost = dead.pause_polling().unwrap();
    let kept = board.session.pause_polling().unwrap();
    // OpenOCD hears of it no more, as after a SIGKILL.
    dead.close().unwrap();
    thread::sleep(Duration::from_secs(14));
    assert!(!is_polling(&other), "one client lives");
    kept.resume().unwrap();
    assert!(is_polling(&other), "the other's pause has ended");

    let dead = Session::connect(address).unwrap();
    let also_lost = dead.pause_polling().unwrap();
    assert!(!is_polling(&other));
    dead.close().unwrap();
    let begin = Instant::now();
    while !is_polling(&other) {
        assert!(begin.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(100));
    }
    assert!(lost.resume().is_err() && also_lost.resume().is_err(), "their session is closed");
}

#[test]
fn time_in_which_openocd_is_busy_does_not_end_a_pause() {
    let board = Board::halted();
    let _pause = board.session.pause_polling().unwrap();
    board.session.command_within("sleep 12000", PATIENCE).unwrap();
    assert!(!is_polling(&board.session));
}
