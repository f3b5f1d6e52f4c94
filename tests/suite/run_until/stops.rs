//! Runs that a handler or a token stops.

use std::ops::ControlFlow;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use openocd::{
    BreakpointError, Error, ResetMode, RttMode, RunChannel, RunLine, RunUntil, Session, StopToken, TargetState, Verdict,
};
use virtual_chip::{CoreState, firmware};

use super::rtt::BLOCK;
use super::{loaded, run, texts};
use crate::board::{Board, PATIENCE};

/// From the stop to the end of the run: 100 ms on a quiet machine, and the rest for a busy one.
const PROMPT: Duration = Duration::from_millis(600);

fn stop_at(text: &'static str) -> impl FnMut(&RunLine) -> ControlFlow<()> {
    move |line| if line.text == text { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

#[test]
fn a_handler_stops_the_run_at_a_line_of_rtt() {
    let board = loaded(firmware::rtt::IMAGE);
    let terminal = RunChannel::new(0).input("one\ntwo\nthree\n");
    let until = RunUntil::new().rtt(BLOCK, terminal).breakpoint(0x0800_0100).on_line(stop_at("two"));
    let outcome = run(&board, until);
    assert_eq!((&outcome.verdict, outcome.verdict.to_string().as_str()), (&Verdict::Stopped, "stopped"));
    assert_eq!((outcome.status.state, board.chip.state()), (TargetState::Halted, CoreState::Halted));
    assert!(texts(&outcome).starts_with(&[firmware::rtt::GREETING.trim(), "one", "two"]), "{outcome:?}");
    assert!(board.session.breakpoints().list().unwrap().is_empty());
}

#[test]
fn a_handler_stops_the_run_at_a_line_of_semihosting_and_no_call_is_lost() {
    let board = super::semihosting::exiting(0, 3);
    let first = firmware::semihosting::OUTPUT.lines().next().unwrap();
    let mut lines = 0;
    let outcome = run(
        &board,
        RunUntil::new().semihosting().on_line(|line| {
            lines += 1;
            if line.text == first { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }),
    );
    assert_eq!((&outcome.verdict, outcome.status.state, lines), (&Verdict::Stopped, TargetState::Halted, 1));
    let rest = run(&board, RunUntil::new().semihosting());
    assert_eq!(rest.verdict, Verdict::Exit { status: 3, reason: 0x20026 });
    assert_eq!(outcome.output_text() + &rest.output_text(), firmware::semihosting::OUTPUT);
}

#[test]
fn a_line_that_stops_the_run_comes_before_what_followed_it() {
    // The firmware greets and is at the breakpoint before anybody can look.
    let board = loaded(firmware::rtt::IMAGE);
    let greeting = firmware::rtt::GREETING.trim();
    let until = RunUntil::new().rtt(BLOCK, 0).breakpoint(firmware::rtt::LOOP.into()).on_line(stop_at(greeting));
    let outcome = run(&board, until);
    assert_eq!((outcome.verdict, outcome.status.pc), (Verdict::Stopped, Some(firmware::rtt::LOOP.into())));
}

/// Stops a run from another thread, some time after the run began. Returns the outcome and how
/// long the end of the run took.
fn stopped<'c>(board: &Board, until: impl FnOnce(RunUntil<'c>) -> RunUntil<'c>) -> (openocd::RunOutcome, Duration) {
    stopped_after(Duration::from_millis(700), board, until)
}

fn stopped_after<'c>(
    delay: Duration,
    board: &Board,
    until: impl FnOnce(RunUntil<'c>) -> RunUntil<'c>,
) -> (openocd::RunOutcome, Duration) {
    let token = StopToken::new();
    let until = until(RunUntil::new().stop_token(&token));
    let stopped = thread::scope(|scope| {
        let stopper = scope.spawn(|| {
            thread::sleep(delay);
            token.stop();
            Instant::now()
        });
        let outcome = run(board, until);
        let end = Instant::now();
        (outcome, end.duration_since(stopper.join().unwrap()))
    });
    assert!(token.is_stopped());
    stopped
}

#[test]
fn a_token_stops_the_run_promptly() {
    let board = Board::halted();
    let (outcome, took) = stopped(&board, |until| until.breakpoint(firmware::STOP.into()));
    assert_eq!((outcome.verdict, outcome.status.state), (Verdict::Stopped, TargetState::Halted));
    assert!(took < PROMPT, "{took:?}");
    assert!(board.session.breakpoints().list().unwrap().is_empty());
}

#[test]
fn a_token_stops_the_search_for_a_control_block_that_never_comes() {
    // A search of all flash takes more than a second.
    let board = loaded(firmware::IMAGE);
    let early = Duration::from_millis(100);
    let (outcome, took) = stopped_after(early, &board, |until| until.rtt(0x0800_0000..0x0801_0000, 0));
    assert_eq!((&outcome.verdict, &*outcome.missing_channels), (&Verdict::Stopped, &[0][..]));
    assert!(took < PROMPT, "{took:?}");
}

#[test]
fn a_token_stops_a_run_whose_channel_is_in_another_mode_and_the_mode_is_put_back() {
    const FLAGS: u32 = firmware::rtt::CONTROL_BLOCK + 24 + 20;
    let board = loaded(firmware::rtt::IMAGE);
    let mut flags = None;
    let (outcome, took) = stopped(&board, |until| {
        until.rtt(BLOCK, RunChannel::new(0).mode(RttMode::Trim)).on_line(|_| {
            flags = Some(board.chip.read_u32(FLAGS).unwrap());
        })
    });
    assert_eq!((outcome.verdict, outcome.lines.len()), (Verdict::Stopped, 1));
    assert_eq!((flags, board.chip.read_u32(FLAGS)), (Some(1), Ok(2)));
    assert!(took < PROMPT, "{took:?}");
}

#[test]
fn a_run_whose_token_is_stopped_already_does_not_begin() {
    let board = Board::halted();
    let token = StopToken::new();
    token.stop();
    let counter = board.chip.read_u32(firmware::COUNTER_ADDRESS).unwrap();
    let outcome = run(&board, RunUntil::new().stop_token(&StopToken::new()).stop_token(&token).rtt(BLOCK, 0));
    assert_eq!((outcome.verdict, outcome.status.state), (Verdict::Stopped, TargetState::Halted));
    assert_eq!(board.chip.read_u32(firmware::COUNTER_ADDRESS), Ok(counter));
}

#[test]
fn a_token_stops_firmware_that_waits_for_input_and_the_call_is_served_later() {
    let board = super::semihosting::exiting(3, 0);
    let (sender, receiver) = std::sync::mpsc::channel();
    let (outcome, took) = stopped(&board, |until| until.input(receiver));
    assert_eq!((outcome.verdict, outcome.status.state), (Verdict::Stopped, TargetState::Halted));
    assert!(took < PROMPT, "{took:?}");
    drop(sender);
    let outcome = board.session.target().run_until(RunUntil::new().input("x"), PATIENCE).unwrap();
    assert!(matches!(outcome.verdict, Verdict::Exit { status: 0, .. }));
    assert_eq!(board.chip.read_u32(firmware::semihosting::CHARACTER), Ok(u32::from(b'x')));
}

#[test]
fn a_reset_follows_a_stopped_run() {
    let board = Board::halted();
    stopped(&board, |until| until);
    board.session.target().reset(ResetMode::Halt).unwrap();
    assert_eq!(run(&board, RunUntil::new().breakpoint(firmware::WORK.into())).pc(), Some(firmware::WORK.into()));
}

/// Sends a signal to a board's OpenOCD.
pub(crate) fn signal_openocd(board: &Board, signal: &str) {
    let pid = board.session.process().unwrap().pid().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

#[test]
fn stop_of_a_run_whose_openocd_fell_silent_waits_once() {
    // The run has much to put back: OpenOCD's semihosting, two channels with modes, breakpoints.
    const ANSWER: Duration = Duration::from_secs(6);
    let board = Board::start_with(Session::builder().timeout(ANSWER), |openocd| openocd);
    board.chip.load_firmware(firmware::rtt::IMAGE);
    board.session.target().reset(ResetMode::Halt).unwrap();
    board.session.target().semihosting().enable().unwrap();
    let token = StopToken::new();
    let channel = |number| RunChannel::new(number).mode(RttMode::Block);
    let until = RunUntil::new().semihosting().stop_token(&token).rtt(BLOCK, channel(0)).rtt(BLOCK, channel(2));
    let until = until.breakpoint(0x0800_0100).breakpoint(0x0800_0104);
    let begin = Instant::now();
    let ended = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_secs(1));
            signal_openocd(&board, "-STOP");
            token.stop();
        });
        board.session.target().run_until(until, Duration::from_secs(300))
    });
    let took = begin.elapsed();
    signal_openocd(&board, "-CONT");
    let Err(error @ Error::Breakpoint(BreakpointError::Left { addresses, .. })) = &ended else { panic!("{ended:?}") };
    assert!(error.is_timeout() && addresses[..] == [0x0800_0100, 0x0800_0104], "{error:?}");
    // The request that is under way takes the time of an answer, and all that follows takes 5 s.
    assert!(took < ANSWER + Duration::from_secs(1 + 5 + 8), "{took:?}");
}
