//! Event handlers of the configuration that fail, which OpenOCD only logs.

use openocd::{Error, ResetMode, Target, TargetError};

use virtual_chip::Transport;

use crate::board::{Board, transport};

type Call = fn(Target<'_>) -> Result<(), Error>;

const RESETS: &[&str] = &[
    "reset-start",
    "reset-assert-pre",
    "reset-assert-post",
    "reset-deassert-pre",
    "reset-deassert-post",
    "reset-init",
    "reset-end",
    "examine-start",
    "examine-end",
];

const CALLS: &[(&str, &[&str], Call)] = &[
    ("reset init", RESETS, |target| target.reset(ResetMode::Init).map(drop)),
    ("resume", &["resumed", "resume-start", "resume-end"], |target| target.resume()),
    ("halt", &["halted"], |target| target.halt().map(drop)),
    ("step", &["resumed", "step-start", "step-end", "halted"], |target| target.step().map(drop)),
    ("arp_examine", &["examine-start", "examine-end"], |target| target.reexamine().map(drop)),
];

/// Halts the target or lets it run, as the call requires.
fn prepare(board: &Board, call: &str) {
    let target = board.session.target();
    target.halt().unwrap();
    if call == "halt" {
        target.resume().unwrap();
    }
}

#[track_caller]
fn assert_handler_failed(error: &Error, expected: &str, command: &str, text: &str) {
    let Error::Target(TargetError::EventHandler { event, failure }) = error else { panic!("{expected}: {error:?}") };
    assert_eq!((&**event, failure.command()), (expected, command));
    assert!(failure.log().contains(text), "{expected}: {failure:?}");
    assert!(error.to_string().starts_with(&format!("the handler of event {expected} failed: ")), "{error}");
}

#[test]
fn a_handler_that_fails_is_an_error_of_the_call_with_the_log() {
    let board = Board::halted();
    // So that no poll of OpenOCD's own sees a halt before the call does.
    let _pause = board.session.pause_polling().unwrap();
    for &(command, events, call) in CALLS {
        for &event in events {
            prepare(&board, command);
            let configure = |body: &str| {
                board.session.command(&format!("stm32f1x.cpu configure -event {event} {{{body}}}")).unwrap();
            };
            configure("error {out of luck}");
            let error = call(board.session.target()).expect_err(event);
            assert_handler_failed(&error, event, command, "out of luck");
            configure("set done 1");
            prepare(&board, command);
            call(board.session.target()).unwrap();
        }
    }
}

#[test]
fn a_handler_that_fails_is_an_error_of_a_reset_of_all() {
    let board = Board::halted();
    for event in ["reset-init", "reset-end"] {
        board.session.command(&format!("stm32f1x.cpu configure -event {event} {{error {{out of luck}}}}")).unwrap();
        let error = board.session.reset_all(ResetMode::Init).unwrap_err();
        assert_handler_failed(&error, event, "reset init", "out of luck");
        board.session.command(&format!("stm32f1x.cpu configure -event {event} {{set done 1}}")).unwrap();
        board.session.reset_all(ResetMode::Init).unwrap();
    }
}

#[test]
fn a_bus_error_in_a_handler_counts() {
    let board = Board::halted();
    board.session.command("stm32f1x.cpu configure -event reset-init {mww 0x60000000 1}").unwrap();
    let error = board.session.target().reset(ResetMode::Init).unwrap_err();
    // Over SWD the access after a write tells that the write failed, which OpenOCD then makes
    // outside of the handler.
    if !matches!(error, Error::Target(TargetError::Reset(_))) || transport() == Transport::Jtag {
        assert_handler_failed(&error, "reset-init", "reset init", "reset-init");
    }
    board.session.target().reset(ResetMode::Halt).unwrap();
}

#[test]
fn a_quiet_log_hides_no_failed_handler() {
    let board = Board::halted();
    board.session.command("stm32f1x.cpu configure -event reset-init {error {out of luck}}").unwrap();
    for level in ["1", "0", "-1", "-2", "-3"] {
        if board.session.command(&format!("debug_level {level}")).is_err() {
            continue; // OpenOCD 0.12.0 has fewer levels.
        }
        let error = board.session.target().reset(ResetMode::Init).unwrap_err();
        assert_handler_failed(&error, "reset-init", "reset init", "out of luck");
        assert!(board.session.command("debug_level").unwrap().trim().ends_with(level), "the level is as it was");
    }
}
