//! Ending a call of another thread.

use std::thread;
use std::time::{Duration, Instant};

use openocd::{ConnectionError, Error, ResetMode, RunUntil};
use virtual_chip::{CoreState, firmware};

use crate::board::{Board, PATIENCE};
use crate::process::exists;

fn is_interrupted<T>(result: &openocd::Result<T>) -> bool {
    matches!(result, Err(error @ Error::Connection(ConnectionError::Interrupted)) if error.is_disconnected())
}

#[test]
fn call_of_another_thread_is_interrupted_and_the_session_reconnects() {
    let board = Board::start();
    let session = board.session.clone();
    let sleeper = thread::spawn(move || session.command("sleep 1500; set slept 1"));
    thread::sleep(Duration::from_millis(500));
    let begin = Instant::now();
    board.session.interrupt();
    assert!(is_interrupted(&sleeper.join().unwrap()));
    assert!(begin.elapsed() < Duration::from_millis(500), "{:?}", begin.elapsed());
    // No call slips through.
    assert!(is_interrupted(&board.session.command("expr 1")));
    assert!(is_interrupted(&board.session.target().halt()));
    board.session.reconnect().unwrap();
    assert_eq!(board.session.command("set slept").unwrap(), "1");
    board.session.target().halt().unwrap();
}

#[test]
fn interrupt_between_calls_holds_until_the_session_reconnects() {
    let board = Board::start();
    board.session.interrupt();
    board.session.interrupt();
    assert!(is_interrupted(&board.session.command("expr 1")));
    assert!(is_interrupted(&board.session.command("expr 1")));
    board.session.reconnect().unwrap();
    assert_eq!(board.session.command("expr 1").unwrap(), "1");
}

#[test]
fn busy_openocd_ends_with_an_interrupted_session() {
    let board = Board::start();
    let pid = board.session.process().unwrap().pid();
    let session = board.session.clone();
    let sleeper = thread::spawn(move || session.command("sleep 100000"));
    thread::sleep(Duration::from_millis(300));
    board.session.interrupt();
    assert!(is_interrupted(&sleeper.join().unwrap()));
    board.session.close().unwrap();
    assert!(!exists(pid));
}

#[test]
fn openocd_is_killed_at_once() {
    let board = Board::start();
    let process = board.session.process().unwrap();
    let session = board.session.clone();
    let sleeper = thread::spawn(move || session.command("sleep 100000"));
    thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    assert!(!process.kill().unwrap().success());
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert!(!exists(process.pid()));
    assert!(matches!(sleeper.join().unwrap(), Err(Error::Connection(ConnectionError::ServerDied { .. }))));
    // It may be killed twice.
    process.kill().unwrap();
}

/// The claims of `Session::interrupt`. What OpenOCD puts back by itself is tested elsewhere.
#[test]
fn interrupted_run_leaves_its_breakpoints_and_rtt_until_they_are_removed() {
    const NEVER: u64 = 0x0800_0100;
    let board = Board::start();
    board.chip.load_firmware(firmware::rtt::IMAGE);
    board.session.target().reset(ResetMode::Halt).unwrap();
    let until = RunUntil::new().breakpoint(NEVER).rtt(0x2000_2400..0x2000_2500, 0);
    let until = until.on_line(|_| board.session.interrupt());
    assert!(is_interrupted(&board.session.target().run_until(until, PATIENCE)));
    board.session.reconnect().unwrap();
    let session = &board.session;
    assert_eq!(board.chip.state(), CoreState::Running);
    assert_eq!(session.breakpoints().list().unwrap().first().map(|left| left.address), Some(NEVER));
    assert!(session.rtt().channels().is_ok());
    assert_eq!(session.rtt().polling_interval().unwrap(), Duration::from_millis(10));
    session.breakpoints().remove_all().unwrap();
    session.rtt().stop().unwrap();
    assert_eq!(session.breakpoints().list().unwrap(), []);
    assert!(session.rtt().channels().is_err());
}
