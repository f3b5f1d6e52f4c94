//! Events, of a real OpenOCD; a server of our own only for trace data, which needs an
//! adapter that captures trace.

mod callbacks;

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use openocd::{
    CommandError, ConnectionError, Error, Event, OpenOcdProcess, ResetMode, Session, TargetEvent, TargetState,
    TimeoutError,
};

use crate::board::{Board, PATIENCE, dummy};
use crate::server::{Client, serve};

fn target(event: TargetEvent) -> Event {
    Event::Target(event)
}

/// Everything until the target is told to run.
fn until_resume_end(events: &openocd::Events) -> Vec<Event> {
    let mut seen = Vec::new();
    for event in events.timeout_iter(PATIENCE) {
        seen.push(event.unwrap());
        if seen.last() == Some(&target(TargetEvent::ResumeEnd)) {
            return seen;
        }
    }
    panic!("no resume-end in {seen:?}");
}

#[test]
fn every_event_of_a_command_comes_in_order() {
    use TargetEvent::{GdbHalt, Halted, ResumeEnd, ResumeStart, Resumed, StepEnd, StepStart};
    let board = Board::start();
    let events = board.session.events().unwrap();
    board.session.target().halt().unwrap();
    board.session.target().step().unwrap();
    board.session.target().resume().unwrap();
    let expected = [
        target(GdbHalt),
        Event::State(TargetState::Halted),
        target(Halted),
        target(StepStart),
        target(Resumed),
        target(GdbHalt),
        target(Halted),
        target(StepEnd),
        target(ResumeStart),
        target(Resumed),
        Event::State(TargetState::Running),
        target(ResumeEnd),
    ];
    assert_eq!(until_resume_end(&events), expected);
}

#[test]
fn a_reset_says_its_mode() {
    let board = Board::start();
    let events = board.session.events().unwrap();
    for mode in [ResetMode::Halt, ResetMode::Init, ResetMode::Run] {
        board.session.target().reset(mode).unwrap();
        let reset = events.wait_for(|event| matches!(event, Event::Reset(_)), PATIENCE).unwrap();
        assert_eq!(reset, Event::Reset(mode));
    }
}

#[test]
fn an_event_of_another_client_comes_too() {
    let board = Board::start();
    let events = board.session.events().unwrap();
    let other = Session::connect(board.session.process().unwrap().tcl_address()).unwrap();
    other.target().halt().unwrap();
    events.wait_for(Event::is_halt, PATIENCE).unwrap();
}

#[test]
fn no_event_is_lost_between_opening_and_the_next_command() {
    let board = Board::halted();
    for _ in 0..50 {
        let events = board.session.events().unwrap();
        board.session.target().step().unwrap();
        let first = events.wait_for(|_| true, PATIENCE).unwrap();
        assert_eq!(first, target(TargetEvent::StepStart));
    }
}

#[test]
fn waiting_has_a_limit_and_taking_does_not_wait() {
    let board = Board::halted();
    let events = board.session.events().unwrap();
    assert_eq!(events.try_next().unwrap(), None);
    let error = events.wait_for(Event::is_halt, Duration::from_millis(20)).unwrap_err();
    assert!(matches!(error, Error::Timeout(TimeoutError::Event { .. })), "{error:?}");
    assert_eq!(events.timeout_iter(Duration::from_millis(20)).count(), 0);
    board.session.target().step().unwrap();
    events.wait_for(|event| *event == target(TargetEvent::StepEnd), PATIENCE).unwrap();
    assert_eq!(events.try_next().unwrap(), None);
}

/// What [`a_flood`] sends: 33 MB. Once all is sent, more has been read than there is room for,
/// however much the sockets still hold.
const FLOOD: usize = 1_000_000;

/// A session on a server that sends each listener of events [`FLOOD`] halts, and then says so. A
/// real OpenOCD stands still, for all its clients, after some 3000 steps whose notifications nobody
/// reads; that many take it too long here.
fn a_flood() -> (Session, Receiver<()>) {
    let (sent, all_sent) = channel();
    let address = serve(move |mut client| {
        let sent = sent.clone();
        let notify = move || -> Option<()> {
            client.greet()?;
            let sequence = client.sequence()?;
            client.send(format!("{sequence} 0 1 {{}}\x1a").as_bytes());
            client.send(&b"type target_event event halted\r\n\x1a".repeat(FLOOD));
            sent.send(()).ok()?;
            client.command().map(drop)
        };
        drop(thread::spawn(notify));
    });
    (Session::builder().timeout(PATIENCE).connect(address).unwrap(), all_sent)
}

#[test]
fn events_that_nobody_takes_hold_nothing_up() {
    let (session, all_sent) = a_flood();
    let events = session.events().unwrap();
    all_sent.recv_timeout(PATIENCE).unwrap();
    // What had no room is counted, in its place.
    let (mut halts, mut lost) = (0, 0);
    while halts + lost < FLOOD {
        match events.wait_for(|_| true, PATIENCE).unwrap() {
            Event::Lost { count } => lost += usize::try_from(count).unwrap(),
            event => halts += usize::from(event.is_halt()),
        }
    }
    assert_eq!(halts + lost, FLOOD);
    assert!(lost > 0, "and there is a limit");
}

#[test]
fn who_waits_for_an_event_hears_of_lost_ones() {
    let (session, all_sent) = a_flood();
    let events = session.events().unwrap();
    all_sent.recv_timeout(PATIENCE).unwrap();
    // Going through those that had room may take longer than one wait.
    let errors = (0..100).map(|_| events.wait_for(Event::is_resume, Duration::from_millis(500)).unwrap_err());
    let mut lost = errors.filter(|error| !matches!(error, Error::Timeout(TimeoutError::Event { lost: 0, .. })));
    let error = lost.next().unwrap();
    assert!(matches!(error, Error::Timeout(TimeoutError::Event { .. })), "{error:?}");
    assert!(error.to_string().contains("dropped because nobody took them"), "{error}");
}

#[test]
fn a_callback_that_is_too_slow_is_counted() {
    let (session, all_sent) = a_flood();
    let (go_on, wait) = channel::<()>();
    let listener = session.events().unwrap().on_halt(move || wait.recv().unwrap_or_default()).unwrap();
    all_sent.recv_timeout(PATIENCE).unwrap();
    assert_eq!(listener.lost(), 0, "it has not come so far");
    drop(go_on);
    let begin = std::time::Instant::now();
    while listener.lost() == 0 {
        assert!(begin.elapsed() < PATIENCE);
        thread::yield_now();
    }
    listener.stop().unwrap();
}

#[test]
fn the_end_of_openocd_is_a_connection_error_and_then_the_end() {
    let board = Board::halted();
    let events = board.session.events().unwrap();
    board.session.target().step().unwrap();
    board.kill_openocd();
    let mut seen: Vec<_> = events.iter().collect();
    let end = seen.pop().unwrap();
    assert!(matches!(end, Err(Error::Connection(ConnectionError::Closed { .. }))), "{end:?}");
    assert_eq!(seen.len(), 5, "what came before is not lost: {seen:?}");
    assert!(matches!(events.try_next(), Err(Error::Connection(_))));
    assert!(matches!(events.wait_for(|_| true, PATIENCE), Err(Error::Connection(_))));
    assert_eq!(events.iter().filter_map(Result::ok).count(), 0);
    let error = board.session.events().unwrap_err();
    assert!(matches!(error, Error::Connection(_)), "{error:?}");
}

#[test]
fn a_dropped_listener_of_events_leaves_openocd_well() {
    let board = Board::halted();
    for _ in 0..20 {
        drop(board.session.events().unwrap());
        board.session.target().step().unwrap();
    }
}

/// A channel that closes when the callback's thread has ended, for then its sender is dropped.
/// Answers the prelude and one command, and then notifies.
fn talk(mut client: Client) -> Option<()> {
    client.greet()?;
    let sequence = client.sequence()?;
    client.send(format!("{sequence} 0 1 {{}}\x1a").as_bytes());
    client.send(b"type target_trace data 001aff\r\n\x1atype target_weather state sunny\r\n\x1anonsense\x1a");
    client.send(b"type target_event event halted\r\n\x1a");
    client.command().map(drop)
}

#[test]
fn trace_data_and_what_is_unknown_come_as_they_are() {
    // The session's own connection and that of the events.
    let address = serve(|client| drop(thread::spawn(move || talk(client))));
    let session = Session::builder().timeout(PATIENCE).connect(address);
    let events = session.unwrap().events_with_trace().unwrap();
    let seen: Vec<_> = events.iter().take(3).map(Result::unwrap).collect();
    let expected = [
        Event::Trace(vec![0, 0x1a, 0xff]),
        Event::Other("type target_weather state sunny".to_owned()),
        Event::Target(TargetEvent::Halted),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_real_openocd_lets_trace_data_be_turned_on() {
    let board = Board::start();
    let events = board.session.events_with_trace().unwrap();
    board.session.target().halt().unwrap();
    events.wait_for(Event::is_halt, PATIENCE).unwrap();
}

#[test]
fn events_before_init_are_refused_with_openocds_reason() {
    for start in [OpenOcdProcess::builder().command("adapter driver dummy"), dummy()] {
        let session = Session::builder().start(start.command("noinit")).unwrap();
        let error = session.events().map(drop).unwrap_err();
        assert!(matches!(&error, Error::Command(CommandError::Failed(_))), "{error:?}");
        assert!(error.to_string().contains("after 'init'"), "{error}");
    }
}

#[test]
fn names_of_any_length_wait_in_bounds() {
    const NAME: usize = 1024 * 1024;
    let (sent, all_sent) = channel();
    let address = serve(move |mut client| {
        let sent = sent.clone();
        thread::spawn(move || -> Option<()> {
            client.greet()?;
            let sequence = client.sequence()?;
            client.send(format!("{sequence} 0 1 {{}}\x1a").as_bytes());
            for _ in 0..100 {
                client.send(format!("type target_event event {}\r\n\x1a", "x".repeat(NAME)).as_bytes());
            }
            sent.send(()).ok()?;
            client.command().map(drop)
        });
    });
    let session = Session::builder().timeout(PATIENCE).connect(address).unwrap();
    let events = session.events().unwrap();
    all_sent.recv_timeout(PATIENCE).unwrap();
    let (mut kept, mut lost) = (0, 0);
    while kept + lost < 100 {
        match events.wait_for(|_| true, PATIENCE).unwrap() {
            Event::Lost { count } => lost += count,
            Event::Target(TargetEvent::Other(name)) if name.len() == NAME => kept += 1,
            other => panic!("{other}"),
        }
    }
    // What was taken here made room for more.
    assert!(lost >= 50, "{kept} kept, {lost} lost");
}

fn assert_closed<T: std::fmt::Debug>(result: openocd::Result<T>) {
    match result {
        Err(Error::Connection(ConnectionError::SessionClosed)) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_of_a_closed_session_end_with_an_error_also_for_who_waits() {
    // With an OpenOCD of its own, and with one that stays.
    for shared in [false, true] {
        let board = Board::halted();
        let address = board.session.process().unwrap().tcl_address();
        let session = if shared { Session::connect(address).unwrap() } else { board.session.clone() };
        let events = session.events().unwrap().poll_every(Duration::from_millis(5)).unwrap();
        let mut waiting = session.events().unwrap().into_iter();
        let listener = session.events().unwrap().on_halt(|| {}).unwrap();
        let late = session.events().unwrap();
        session.target().step().unwrap();
        let waiting = thread::spawn(move || waiting.by_ref().last().unwrap());
        events.wait_for(|event| *event == target(TargetEvent::StepEnd), PATIENCE).unwrap();
        let other = session.clone();
        session.close().unwrap();
        assert_closed(waiting.join().unwrap());
        assert_closed(events.try_next());
        assert_closed(events.wait_for(|_| true, PATIENCE));
        assert_closed(events.poll_every(Duration::from_millis(5)));
        assert_closed(late.on(|_| {}));
        assert_closed(other.events());
        while listener.is_running() {
            thread::yield_now();
        }
        assert_closed(listener.stop());
    }
}
