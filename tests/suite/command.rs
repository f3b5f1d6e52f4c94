//! The contract of a command: code, result and log come back exactly.

use std::time::Duration;

use openocd::{CommandError, Error, TargetError, quote};

use crate::board::{Board, interpreter};

#[test]
fn a_result_with_the_word_error_is_a_success() {
    let session = interpreter();
    assert_eq!(session.command("set x {Error: not an error}").unwrap(), "Error: not an error");
    assert_eq!(session.command("return early").unwrap(), "early");
    let error = session.command("return -code error {no luck}").unwrap_err();
    assert_eq!((error.code(), error.message()), (Some(1), Some("no luck")));
}

#[test]
fn code_result_and_log_stay_apart() {
    let session = interpreter();
    let execution = session.execute("echo one; echo two; set x { three }").unwrap();
    assert_eq!((execution.code(), execution.result(), &*execution.log()), (0, &b" three "[..], "one\ntwo\n"));
    assert!(execution.is_success());
}

#[test]
fn a_failure_carries_command_code_message_and_log() {
    let session = interpreter();
    let error = session.command("echo before; error {out of luck}").unwrap_err();
    assert!(matches!(error, Error::Command(CommandError::Failed(_))), "{error:?}");
    assert_eq!(error.command(), Some("echo before; error {out of luck}"));
    assert_eq!(error.code(), Some(1));
    assert_eq!(error.message(), Some("out of luck"));
    assert_eq!(error.log(), Some("before\n"));
    let text = error.to_string();
    assert_eq!(text, "OpenOCD refused `echo before; error {out of luck}` (code 1): out of luck [log: before]");

    let execution = session.execute("error {out of luck}").unwrap();
    assert_eq!((execution.code(), &*execution.text()), (1, "out of luck"));
}

#[test]
fn openocds_own_number_comes_through_on_both_generations() {
    let board = Board::halted();
    assert_eq!(board.session.execute("flash probe 9").unwrap().code(), -4);
    // ERROR_COMMAND_SYNTAX_ERROR
    assert_eq!(board.session.execute("reset nonsense").unwrap().code(), -601);
    board.session.target().resume().unwrap();
    // ERROR_TARGET_NOT_HALTED
    assert_eq!(board.session.execute("step").unwrap().code(), -304);
}

#[test]
fn any_command_refused_with_target_not_halted_is_that_error() {
    let board = Board::halted();
    board.session.target().resume().unwrap();
    for command in ["step", "reg pc", "bp 0x20000000 2"] {
        let error = board.session.command(command).unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{command}: {error:?}");
        assert!(error.is_not_halted() && !error.is_transient() && !error.is_disconnected());
        assert_eq!((error.command(), error.code()), (Some(command), Some(-304)));
        assert!(error.to_string().contains(command), "{error}");
    }
}

#[test]
fn unbalanced_commands_fail_and_leave_the_session_usable() {
    let session = interpreter();
    for command in ["expr {[", "set x \"", "}", "set x {", "[", "\\", "set x {a}b"] {
        let error = session.command(command).unwrap_err();
        assert!(matches!(error, Error::Command(CommandError::Failed(_))), "{command}: {error:?}");
        assert_eq!(session.command("expr {1 + 1}").unwrap(), "2", "after {command}");
    }
}

#[test]
fn quoted_words_arrive_as_they_are() {
    let session = interpreter();
    for word in [
        "",
        "plain",
        "two words",
        "[exec false]",
        "$nothing",
        "a;b",
        "{",
        "}",
        "\"",
        "\\",
        "tail\\",
        "\n\t\r",
        "#",
        "é",
        "~",
        "-x",
    ] {
        assert_eq!(session.command(&format!("set x {}", quote(word))).unwrap(), word, "{word:?}");
        assert_eq!(session.command(&format!("llength [list {0} {0}]", quote(word))).unwrap(), "2", "{word:?}");
    }
}

#[test]
fn nested_capture_and_multi_line_scripts_work() {
    let session = interpreter();
    assert_eq!(session.command("capture {echo inner}").unwrap().trim_end(), "inner");
    assert_eq!(session.command("set sum 0\nforeach n {1 2 3} {\n  incr sum $n\n}\nset sum").unwrap(), "6");
}

#[test]
fn a_timeout_of_one_command_does_not_change_the_timeout_of_the_session() {
    let session = interpreter();
    let error = session.command_within("sleep 400", Duration::from_millis(20)).unwrap_err();
    assert!(matches!(error, Error::Timeout(_)) && error.is_timeout() && error.is_transient(), "{error:?}");
    assert_eq!(session.command("sleep 100; expr 5").unwrap(), "5");
    assert_eq!(session.command_within("expr 6", Duration::from_secs(20)).unwrap(), "6");
}

#[test]
fn raw_returns_the_bare_reply() {
    let session = interpreter();
    assert_eq!(session.raw("expr {1 + 1}").unwrap(), b"2");
    let reply = String::from_utf8(session.raw("no_such_command").unwrap()).unwrap();
    // A reply that holds 0x1a does not put the next ones out of step.
    assert_eq!(session.raw("format {a%cb%c} 26 26").unwrap(), b"a\x1ab\x1a");
    assert_eq!(session.raw("expr 11").unwrap(), b"11");
    assert_eq!(session.command("expr 22").unwrap(), "22");
    assert!(reply.contains("invalid command name \"no_such_command\""), "{reply}");
}

#[test]
fn notifications_that_a_command_asks_for_leave_the_session_in_step() {
    let board = Board::halted();
    board.session.command("tcl_notifications on").unwrap();
    for _ in 0..20 {
        board.session.target().resume().unwrap();
        board.session.target().halt().unwrap();
        assert_eq!(board.session.command("expr {1 + 1}").unwrap(), "2");
    }
}

#[test]
fn the_session_knows_the_version_of_the_server() {
    let session = interpreter();
    let version = session.version();
    assert!(version.at_least(0, 12), "{version}");
    assert_eq!(version.as_str(), session.command("version").unwrap());
}
