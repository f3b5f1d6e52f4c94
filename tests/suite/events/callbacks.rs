//! Callbacks of events.

use std::sync::mpsc::{Receiver, channel};
use std::thread;

use openocd::{Error, ResetMode, TargetEvent};

use super::target;
use crate::board::{Board, PATIENCE};

fn ended<T>(receiver: &Receiver<T>) {
    while receiver.recv_timeout(PATIENCE).is_ok() {}
    assert!(matches!(receiver.recv_timeout(PATIENCE), Err(std::sync::mpsc::RecvTimeoutError::Disconnected)));
}

#[test]
fn callbacks_are_called_and_end_with_their_guard() {
    let board = Board::start();
    let (halts, halted) = channel();
    let (resumptions, resumed) = channel();
    let (resets, reset) = channel();
    let on_halt = board.session.events().unwrap().on_halt(move || halts.send(()).unwrap()).unwrap();
    let on_resume = board.session.events().unwrap().on_resume(move || resumptions.send(()).unwrap()).unwrap();
    let on_reset = board.session.events().unwrap().on_reset(move |mode| resets.send(mode).unwrap()).unwrap();
    board.session.target().halt().unwrap();
    halted.recv_timeout(PATIENCE).unwrap();
    board.session.target().resume().unwrap();
    resumed.recv_timeout(PATIENCE).unwrap();
    board.session.target().reset(ResetMode::Init).unwrap();
    assert_eq!(reset.recv_timeout(PATIENCE).unwrap(), ResetMode::Init);
    assert!(on_halt.is_running());
    on_halt.stop().unwrap();
    ended(&halted);
    drop((on_resume, on_reset));
    ended(&resumed);
    ended(&reset);
}

#[test]
fn a_callback_that_panics_is_called_again() {
    let board = Board::halted();
    let (sender, receiver) = channel();
    let mut calls = 0;
    let listener = board.session.events().unwrap().on_halt(move || {
        calls += 1;
        sender.send(calls).unwrap();
        assert!(calls != 1, "this panic belongs to the test");
    });
    let listener = listener.unwrap();
    for call in 1..=3 {
        board.session.target().step().unwrap();
        assert_eq!(receiver.recv_timeout(PATIENCE).unwrap(), call);
    }
    listener.stop().unwrap();
}

#[test]
fn a_slow_callback_delays_nobody_and_misses_nothing() {
    let board = Board::halted();
    let (sender, receiver) = channel();
    let (release, gate) = channel::<()>();
    let listener = board.session.events().unwrap().on(move |event| {
        if sender.send(event.clone()).is_ok() {
            // Until the test lets it go on.
            let _ = gate.recv();
        }
    });
    let listener = listener.unwrap();
    let events = board.session.events().unwrap();
    for _ in 0..20 {
        board.session.target().step().unwrap();
        events.wait_for(|event| *event == target(TargetEvent::StepEnd), PATIENCE).unwrap();
    }
    drop(release);
    let ends = (0..20 * 5).filter(|_| receiver.recv_timeout(PATIENCE).unwrap() == target(TargetEvent::StepEnd)).count();
    assert_eq!(ends, 20);
    listener.stop().unwrap();
}

#[test]
fn a_callback_may_drop_its_own_guard() {
    let board = Board::halted();
    let (give, take) = channel::<openocd::Listener>();
    let (sender, receiver) = channel();
    let listener = board.session.events().unwrap().on_halt(move || {
        if let Ok(own) = take.recv() {
            drop(own);
        }
        sender.send(()).unwrap();
    });
    give.send(listener.unwrap()).unwrap();
    board.session.target().step().unwrap();
    receiver.recv_timeout(PATIENCE).unwrap();
    ended(&receiver);
}

#[test]
fn a_callback_learns_of_the_end_by_its_guard() {
    let board = Board::halted();
    let (sender, receiver) = channel::<()>();
    let listener = board.session.events().unwrap().on_halt(move || sender.send(()).unwrap()).unwrap();
    board.kill_openocd();
    ended(&receiver);
    while listener.is_running() {
        thread::yield_now();
    }
    assert!(matches!(listener.stop(), Err(Error::Connection(_))));
}
