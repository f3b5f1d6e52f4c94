//! Events of what a target does by itself: as OpenOCD's own polls find them, and with polls of ours
//! between these.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use openocd::{BreakpointKind, ConnectionError, Error, Event, Events, ResetMode, Session, TargetEvent};
use virtual_chip::{CoreState, Model, VirtualBoard, VirtualChip, firmware};

use crate::board::{Board, PATIENCE};
use crate::server::serve;

const OFTEN: Duration = Duration::from_millis(2);

/// Long enough for what would be wrong to show nearly always; what is right passes however slow the
/// machine is.
const A_WHILE: Duration = Duration::from_millis(250);

/// Halted before a breakpoint, and OpenOCD does not poll by itself.
fn without_polls() -> Board {
    let board = Board::halted();
    board.session.breakpoints().add(firmware::WORK.into(), BreakpointKind::Hardware).unwrap();
    board.session.command("poll off").unwrap();
    board
}

/// Runs into the breakpoint, without a poll by OpenOCD: `Target::resume` would poll.
fn run_into_breakpoint(session: &Session, chip: &VirtualChip) {
    session.command("resume").unwrap();
    until_halted(chip);
}

fn until_halted(chip: &VirtualChip) {
    let begin = Instant::now();
    while chip.state() != CoreState::Halted {
        assert!(begin.elapsed() < PATIENCE);
        thread::yield_now();
    }
}

fn comes(events: &Events) {
    events.wait_for(Event::is_halt, PATIENCE).unwrap();
}

fn does_not_come(events: &Events) {
    assert_eq!(events.timeout_iter(A_WHILE).filter(|event| event.as_ref().unwrap().is_halt()).count(), 0);
}

#[test]
fn a_target_that_halts_by_itself_is_told_by_openocds_own_polls() {
    let board = Board::halted();
    board.session.breakpoints().add(firmware::WORK.into(), BreakpointKind::Hardware).unwrap();
    let events = board.session.events().unwrap();
    for _ in 0..3 {
        run_into_breakpoint(&board.session, &board.chip);
        comes(&events);
    }
}

#[test]
fn polls_find_a_halt_that_openocd_does_not_poll_for() {
    let board = without_polls();
    let events = board.session.events().unwrap();
    run_into_breakpoint(&board.session, &board.chip);
    does_not_come(&events);
    let events = events.poll_every(OFTEN).unwrap();
    for _ in 0..3 {
        comes(&events);
        run_into_breakpoint(&board.session, &board.chip);
    }
    // Another period takes the place of the first.
    comes(&events);
    let events = events.poll_every(PATIENCE * 100).unwrap();
    run_into_breakpoint(&board.session, &board.chip);
    does_not_come(&events);
    let events = events.poll_every(Duration::ZERO).unwrap();
    comes(&events);
    drop(events);
    let events = board.session.events().unwrap();
    run_into_breakpoint(&board.session, &board.chip);
    does_not_come(&events);
}

#[test]
fn callbacks_get_what_polls_find() {
    let board = without_polls();
    let (halts, halted) = channel();
    let events = board.session.events().unwrap().poll_every(OFTEN).unwrap();
    let listener = events.on_halt(move || halts.send(()).unwrap()).unwrap();
    for _ in 0..3 {
        run_into_breakpoint(&board.session, &board.chip);
        halted.recv_timeout(PATIENCE).unwrap();
    }
    assert!(listener.is_running());
    listener.stop().unwrap();
    let events = board.session.events().unwrap();
    run_into_breakpoint(&board.session, &board.chip);
    does_not_come(&events);
}

#[test]
fn polls_reach_every_target() {
    let chips = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103]).unwrap();
    let session = Session::builder()
        .timeout(PATIENCE)
        .start(openocd::OpenOcdProcess::builder().config(chips.openocd_config()).ready_timeout(PATIENCE));
    let session = session.unwrap();
    let events = session.events().unwrap().poll_every(OFTEN).unwrap();
    for (name, chip) in ["chip0.cpu", "chip1.cpu"].into_iter().zip(chips.chips()) {
        let target = session.target_named(name).unwrap();
        target.halt().unwrap();
        target.breakpoints().add(firmware::WORK.into(), BreakpointKind::Hardware).unwrap();
        session.command(&format!("poll off; targets {name}; resume")).unwrap();
        events.wait_for(|event| *event == Event::Target(TargetEvent::ResumeEnd), PATIENCE).unwrap();
        until_halted(chip);
        comes(&events);
    }
}

#[test]
fn polls_wait_while_polling_is_paused() {
    let board = without_polls();
    let events = board.session.events().unwrap().poll_every(OFTEN).unwrap();
    let pause = board.session.pause_polling().unwrap();
    run_into_breakpoint(&board.session, &board.chip);
    does_not_come(&events);
    pause.resume().unwrap();
    comes(&events);
}

#[test]
fn a_poll_that_fails_does_not_end_the_polls() {
    let board = without_polls();
    let events = board.session.events().unwrap().poll_every(OFTEN).unwrap();
    // The debug register that says whether the core is halted.
    board.chip.faults().bus_fault_at(0xe000_edf0..0xe000_edf4);
    thread::sleep(A_WHILE);
    board.chip.faults().clear();
    board.session.target().halt().unwrap();
    // This halt may be an event or not, as OpenOCD did not know how the target was.
    board.session.command("resume").unwrap();
    events.wait_for(|event| *event == Event::Target(TargetEvent::ResumeEnd), PATIENCE).unwrap();
    comes(&events);
}

#[test]
fn after_a_poll_that_failed_the_next_takes_its_time() {
    let (polled, polls) = channel();
    let address = serve(move |mut client| {
        let polled = polled.clone();
        thread::spawn(move || {
            client.greet()?;
            while let Some(command) = client.command() {
                if command.contains("poll_all") {
                    polled.send(Instant::now()).ok()?;
                }
                // 1 is that notifications are on, and that a poll failed.
                let sequence = command.split(' ').nth(1)?;
                client.send(format!("{sequence} 0 1 {{}}\x1a").as_bytes());
            }
            Some(())
        });
    });
    let session = Session::builder().timeout(PATIENCE).connect(address).unwrap();
    let events = session.events().unwrap().poll_every(OFTEN).unwrap();
    let [first, second] = [(); 2].map(|()| polls.recv_timeout(PATIENCE).unwrap());
    assert!(second - first >= Duration::from_millis(90), "{:?}", second - first);
    drop(events);
}

#[test]
fn the_end_of_openocd_ends_events_with_polls_as_it_does_without() {
    let board = Board::halted();
    let events = board.session.events().unwrap().poll_every(OFTEN).unwrap();
    board.kill_openocd();
    let end = events.iter().last().unwrap();
    assert!(matches!(end, Err(Error::Connection(ConnectionError::Closed { .. }))), "{end:?}");
    // Whether or not its port is closed yet.
    let error = events.poll_every(OFTEN).unwrap_err();
    assert!(matches!(error, Error::Connection(_)), "{error:?}");
}

#[test]
fn a_poll_that_is_never_answered_holds_nothing_up() {
    let (polled, poll) = channel();
    let (ended, end) = channel();
    let address = serve(move |mut client| {
        let (polled, ended) = (polled.clone(), ended.clone());
        thread::spawn(move || {
            client.greet()?;
            while let Some(command) = client.command() {
                if command.contains("poll_all") {
                    polled.send(()).ok()?;
                    let more = client.command();
                    return ended.send(more).ok();
                }
                let sequence = command.split(' ').nth(1)?;
                client.send(format!("{sequence} 0 1 {{}}\x1atype target_event event halted\r\n\x1a").as_bytes());
            }
            Some(())
        });
    });
    let session = Session::builder().timeout(PATIENCE).connect(address).unwrap();
    let events = session.events().unwrap().poll_every(OFTEN).unwrap();
    poll.recv_timeout(PATIENCE).unwrap();
    comes(&events);
    drop(events);
    assert_eq!(end.recv_timeout(PATIENCE).unwrap(), None, "nor is there another one before the answer");
    // Nor does one that is far away.
    let begin = Instant::now();
    drop(session.events().unwrap().poll_every(PATIENCE * 100).unwrap());
    assert!(begin.elapsed() < PATIENCE);
}

#[test]
fn events_come_whatever_the_level_of_the_log_is() {
    let board = Board::halted();
    for level in ["-1", "0", "3"] {
        // OpenOCD 0.12.0 has none below 0.
        if board.session.command(&format!("debug_level {level}")).is_err() {
            continue;
        }
        let events = board.session.events().unwrap();
        board.session.target().resume().unwrap();
        events.wait_for(|event| *event == Event::Target(TargetEvent::ResumeEnd), PATIENCE).unwrap();
        board.session.target().halt().unwrap();
        assert!(board.session.command("debug_level").unwrap().trim().ends_with(level), "the level is as it was");
    }
}

#[test]
fn press_of_the_reset_button_is_no_event_of_a_reset() {
    let board = Board::start();
    let press = |events: &Events| -> Vec<Event> {
        let resets = board.chip.reset_count();
        board.chip.reset();
        assert_eq!(board.chip.reset_count(), resets + 1);
        events.timeout_iter(A_WHILE * 2).map(Result::unwrap).collect()
    };
    let is_reset = |event: &Event| matches!(event, Event::Reset(_));
    let events = board.session.events().unwrap();
    board.chip.run();
    events.timeout_iter(A_WHILE).for_each(drop);
    let seen = press(&events);
    assert!(!seen.iter().any(is_reset), "{seen:?}");
    // One of OpenOCD's own is.
    board.session.target().reset(ResetMode::Run).unwrap();
    events.wait_for(is_reset, PATIENCE).unwrap();
}
