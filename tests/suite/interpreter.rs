//! What a command may do to OpenOCD's interpreter: the reply still belongs to its command, or the
//! call fails at once.

use std::time::{Duration, Instant};

use openocd::{CommandError, ConnectionError, Error, Session};

use crate::board::{Board, PATIENCE, interpreter};

/// Far less than the timeout of the session, which a lost reply takes.
const AT_ONCE: Duration = Duration::from_secs(20);

#[test]
fn a_command_that_begins_with_a_dash_is_not_an_option() {
    let session = interpreter();
    let begin = Instant::now();
    for command in ["-return", "-exit", "-break", "--help", "--", "-5", "-noerror x", "-signal set leaked 1"] {
        assert_eq!(session.command("list SECRET").unwrap(), "SECRET");
        let error = session.command(command).unwrap_err();
        assert!(matches!(error, Error::Command(CommandError::Failed(_))), "{command}: {error:?}");
        assert!(error.to_string().contains("invalid command name"), "{command}: {error}");
        let mut batch = session.batch();
        let (before, dashed, after) = (batch.command("incr n"), batch.command(command), batch.command("incr n"));
        batch.run().unwrap();
        let first: u32 = before.result().unwrap().parse().unwrap();
        assert!(matches!(dashed.result(), Err(Error::Command(CommandError::Failed(_)))), "{command}");
        assert_eq!(after.result().unwrap(), (first + 1).to_string(), "{command}");
    }
    assert!(begin.elapsed() < AT_ONCE);
}

#[test]
fn a_command_that_leaves_its_script_gives_its_own_code() {
    let session = interpreter();
    for (command, code) in [
        ("break", 3),
        ("continue", 4),
        ("return -code break x", 3),
        ("return -code 5 x", 5),
        ("return -code error x", 1),
        ("return -level 7 -code error x", 1),
        ("signal throw SIGINT", 5),
        ("return x", 0),
        ("return -level 7 x", 0),
    ] {
        assert_eq!(session.execute(command).unwrap().code(), code, "{command}");
        let mut batch = session.batch();
        let handle = batch.command(&format!("catch {{expr 1}}; {command}"));
        let after = batch.command("expr 5");
        batch.run().unwrap();
        assert_eq!(handle.result().map_err(|error| error.code()).err().flatten().unwrap_or(0), code, "{command}");
        assert_eq!(after.result().unwrap(), "5");
    }
}

#[test]
fn exit_and_shutdown_answer_at_once_with_the_same_code_everywhere() {
    // 0.12.0 refuses `exit` before `init`.
    let board = Board::start();
    let session = &board.session;
    let begin = Instant::now();
    let error = session.command("exit").unwrap_err();
    assert_eq!(error.code(), Some(-600), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("`exit` asks OpenOCD to close the connection (code -600), which stays open"), "{text}");
    assert!(text.contains("`Session::raw`"), "{text}");
    assert_eq!(session.command("set before 1; expr 3").unwrap(), "3");
    assert_eq!(session.command("catch -exit exit; set before").unwrap(), "1");

    let error = session.command("shutdown").unwrap_err();
    assert_eq!((error.code(), error.message()), (Some(-600), Some("shutdown command invoked")), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("OpenOCD ends and closes the connection, as `shutdown` asks (code -600)"), "{text}");
    let error = session.command("expr 1").unwrap_err();
    assert!(
        matches!(error, Error::Connection(ConnectionError::ServerDied { .. })) && error.is_disconnected(),
        "{error:?}"
    );
    assert!(begin.elapsed() < AT_ONCE, "took {:?}", begin.elapsed());
}

#[test]
fn exit_and_shutdown_in_a_batch_leave_the_results_of_the_other_calls() {
    for command in ["exit", "shutdown"] {
        let board = Board::start();
        let session = &board.session;
        let begin = Instant::now();
        let mut batch = session.batch();
        let handles = [batch.command("set a 1"), batch.command(command), batch.command("set b 2")];
        batch.run().unwrap();
        let [before, end, after] = handles.map(openocd::Handle::result);
        assert_eq!((before.unwrap(), after.unwrap()), ("1".to_owned(), "2".to_owned()), "{command}");
        assert_eq!(end.unwrap_err().code(), Some(-600), "{command}");
        assert!(begin.elapsed() < AT_ONCE);
    }
}

const REDEFINITIONS: [&str; 14] = [
    "proc set args {return 0}",
    "proc catch args {return 0}",
    "proc list args {return 7}",
    "proc capture args {return 0}",
    "proc uplevel args {return 0}",
    "proc unset args {}",
    "proc string args {return -1}; proc catch args {return 0}",
    "rename string {}",
    "proc lappend args {}",
    "rename set {}",
    "rename list {}",
    "rename catch {}",
    "rename capture {}",
    "array set n {a 1}",
];

#[test]
fn a_redefined_command_of_tcl_never_gives_the_result_of_another_command() {
    for redefinition in REDEFINITIONS {
        let session = interpreter();
        assert_eq!(session.command("list SECRET").unwrap(), "SECRET");
        let begin = Instant::now();
        let _ = session.command(redefinition);
        for _ in 0..3 {
            match session.command("expr {6 * 7}") {
                Ok(result) => assert_eq!(result, "42", "{redefinition}"),
                Err(error) => assert!(!error.is_timeout(), "{redefinition}: {error}"),
            }
            if let Ok(result) = session.command("error {no luck}") {
                panic!("{redefinition}: a failing command returned {result}");
            }
        }
        assert!(begin.elapsed() < AT_ONCE, "{redefinition} took {:?}", begin.elapsed());
    }
}

#[test]
fn a_call_that_ran_in_a_batch_is_never_told_as_not_run() {
    for redefinition in REDEFINITIONS {
        let session = interpreter();
        let begin = Instant::now();
        session.command("set n 0").unwrap();
        let mut batch = session.batch();
        let handles = [batch.command("incr n"), batch.command(redefinition), batch.command("expr {6 * 7}")];
        let _ = batch.run();
        let [before, _, after] = handles.map(openocd::Handle::result);
        let may_have_run = |error: &Error| matches!(error, Error::Command(CommandError::OutcomeUnknown { .. }));
        let is_right = |result: &openocd::Result<String>, right: &str| match result {
            Ok(result) => result == right,
            Err(error) => may_have_run(error) || matches!(error, Error::Command(CommandError::Failed(_))),
        };
        assert!(is_right(&before, "1"), "{redefinition}: {before:?}");
        assert!(is_right(&after, "42"), "{redefinition}: {after:?}");
        assert!(begin.elapsed() < AT_ONCE, "{redefinition} took {:?}", begin.elapsed());
    }
}

#[test]
fn the_reasons_of_refusals_say_something() {
    let session = Session::builder()
        .timeout(PATIENCE)
        .start(openocd::OpenOcdProcess::builder().command("adapter driver dummy").command("noinit"))
        .unwrap();
    for (command, reason) in [
        ("adapter nonsense", "unknown or incomplete command"),
        ("flash", "unknown or incomplete command"),
        ("adapter speed 1 2 3", "adapter speed [khz]"),
    ] {
        let error = session.command(command).unwrap_err();
        assert_eq!(error.message(), Some(reason), "{command}");
    }
    session.command("proc outer {} {inner}; proc inner {} {error {out of luck}}").unwrap();
    let error = session.command("outer").unwrap_err();
    assert_eq!(error.message(), Some("out of luck"));
}
