//! The connection: deadlines, limits and losses; no call reads the reply to another one.

use std::thread;
use std::time::{Duration, Instant};

use openocd::{CommandError, ConnectionError, Error, ProcessError, Session, TimeoutError};

use crate::board::{dummy, interpreter};
use crate::server::serve;

/// Long enough for a busy machine, and far below what a hang would take.
const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_server_that_never_reads_times_out_while_a_command_is_sent() {
    let address = serve(|mut client| {
        let _ = client.greet();
        thread::sleep(SOON);
    });
    let session = Session::builder().timeout(Duration::from_millis(300)).connect(address).unwrap();
    let long = format!("string length {}", "x".repeat(4_000_000));
    let begin = Instant::now();
    let error = session.command(&long).unwrap_err();
    assert!(matches!(error, Error::Timeout(TimeoutError::Reply { .. })), "{error:?}");
    assert!(begin.elapsed() < SOON / 2, "took {:?}", begin.elapsed());
}

#[test]
fn a_call_has_one_deadline_however_many_reads_it_takes() {
    let address = serve(|mut client| {
        let _ = client.greet();
        let Some(sequence) = client.sequence() else { return };
        client.send(sequence.as_bytes());
        // Each byte comes within the timeout, the reply does not.
        for _ in 0..600 {
            client.send(b" ");
            thread::sleep(Duration::from_millis(50));
        }
    });
    let session = Session::builder().timeout(Duration::from_millis(500)).connect(address).unwrap();
    let begin = Instant::now();
    let error = session.command("slow").unwrap_err();
    assert!(matches!(error, Error::Timeout(TimeoutError::Reply { .. })), "{error:?}");
    assert!(begin.elapsed() < SOON, "took {:?}", begin.elapsed());
}

#[test]
fn a_reply_in_pieces_is_one_reply() {
    let address = serve(|mut client| {
        let _ = client.greet();
        while let Some(sequence) = client.sequence() {
            for piece in [&*sequence, " 0 {in ", "pieces} ", "{}", "\x1a"] {
                client.send(piece.as_bytes());
                thread::sleep(Duration::from_millis(5));
            }
        }
    });
    let session = Session::connect(address).unwrap();
    assert_eq!(session.command("x").unwrap(), "in pieces");
    assert_eq!(session.command("x").unwrap(), "in pieces");
}

#[test]
fn frames_that_answer_nothing_are_skipped() {
    let address = serve(|mut client| {
        let _ = client.greet();
        while let Some(sequence) = client.sequence() {
            let reply = format!(
                "type target_state state running\r\n\x1a0 0 {{not yours}} {{}}\x1a{sequence} 0 yours {{}}\x1aleft over"
            );
            client.send(reply.as_bytes());
        }
    });
    let session = Session::connect(address).unwrap();
    for _ in 0..3 {
        assert_eq!(session.command("x").unwrap(), "yours");
    }
}

#[test]
fn a_reply_past_the_limit_asks_whether_this_is_openocd() {
    let address = serve(|mut client| {
        let _ = client.greet();
        let _ = client.command();
        let megabyte = vec![b'x'; 1 << 20];
        for _ in 0..11 {
            client.send(&megabyte);
        }
        while client.command().is_some() {}
    });
    let session = Session::connect(address).unwrap();
    let error = session.command("x").unwrap_err();
    let Error::Connection(ConnectionError::ReplyTooLong { limit, .. }) = error else { panic!("{error:?}") };
    assert_eq!(limit, 10 << 20);
    assert!(error.to_string().contains("is this an OpenOCD TCL port?"), "{error}");
}

#[test]
fn the_limit_of_a_reply_can_be_set() {
    let openocd = dummy().command("noinit").spawn().unwrap();
    let session = Session::builder().reply_limit(1000).connect(openocd.tcl_address()).unwrap();
    assert_eq!(session.command("string repeat x 900").unwrap().len(), 900);
    let error = session.command("string repeat x 1001").unwrap_err();
    assert!(matches!(error, Error::Connection(ConnectionError::ReplyTooLong { limit: 1000, .. })), "{error:?}");
    assert!(error.to_string().contains("sent 1000 bytes, the limit of a reply (`reply_limit`)"), "{error}");
    // The connection was replaced: the rest of that reply is nobody's.
    assert_eq!(session.command("expr {1 + 1}").unwrap(), "2");
}

#[test]
fn a_session_that_is_busy_does_not_delay_a_call_past_its_deadline() {
    let session = interpreter();
    thread::scope(|scope| {
        let busy = scope.spawn(|| session.command("sleep 6000; expr 1"));
        thread::sleep(Duration::from_millis(200));
        let begin = Instant::now();
        let error = session.command_within("set sent 1", Duration::from_millis(300)).unwrap_err();
        assert!(matches!(error, Error::Timeout(TimeoutError::Turn { .. })), "{error:?}");
        assert!(begin.elapsed() < Duration::from_secs(4), "took {:?}", begin.elapsed());
        assert_eq!(busy.join().unwrap().unwrap(), "1");
    });
    assert_eq!(session.command("info exists sent").unwrap(), "0");
}

#[test]
fn a_replaced_connection_takes_its_time_from_the_deadline_of_the_call() {
    let session = interpreter();
    let error = session.command_within("sleep 6000", Duration::from_millis(100)).unwrap_err();
    assert!(matches!(error, Error::Timeout(TimeoutError::Reply { .. })), "{error:?}");
    // OpenOCD is still busy: connecting, greeting and the command share one deadline.
    let begin = Instant::now();
    let error = session.command_within("expr 1", Duration::from_millis(500)).unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(begin.elapsed() < Duration::from_secs(4), "took {:?}", begin.elapsed());
    assert_eq!(session.command("expr 2").unwrap(), "2");
}

#[test]
fn the_frames_of_a_raw_reply_are_limited_together() {
    let address = serve(|mut client| {
        let _ = client.greet();
        let _ = client.command();
        for _ in 0..100_000 {
            client.send(&[b"x".repeat(1000), b"\x1a".to_vec()].concat());
        }
    });
    let session = Session::builder().reply_limit(100_000).connect(address).unwrap();
    let begin = Instant::now();
    let error = session.raw("x").unwrap_err();
    assert!(matches!(error, Error::Connection(ConnectionError::ReplyTooLong { limit: 100_000, .. })), "{error:?}");
    assert!(begin.elapsed() < SOON / 2);
}

#[test]
fn a_reply_without_its_number_is_an_error_at_once() {
    for reply in ["can't read \"x\": no such variable", "", "7", "999999999 0 x {}", "x 0 {} {}"] {
        let address = serve(move |mut client| {
            let _ = client.greet();
            while client.command().is_some() {
                client.send(format!("{reply}\x1a").as_bytes());
            }
        });
        let session = Session::connect(address).unwrap();
        let begin = Instant::now();
        let error = session.command("x").unwrap_err();
        assert!(matches!(error, Error::Command(CommandError::UnexpectedReply(_))), "{reply:?}: {error:?}");
        assert!(begin.elapsed() < Duration::from_secs(5), "took {:?}", begin.elapsed());
    }
}

#[test]
fn what_a_hostile_server_says_is_shown_on_one_line() {
    let address = serve(|mut client| {
        while client.command().is_some() {
            client.send(b"openocd-rs {0.12.0 \x1b[2J\x07\n} {} 0 1\x1a");
            client.command();
            client.send(b"openocd-rs {0.12.0 \x1b[2J\x07\n} {} 0 1\x1a");
            while let Some(sequence) = client.sequence() {
                client.send(format!("{sequence} -4 {{\x1b[2Jno\nluck\x07}} {{\x1b]0;title\x07}}\x1a").as_bytes());
            }
        }
    });
    let session = Session::connect(address).unwrap();
    let error = session.command("x\x1b[2J").unwrap_err();
    let execution = session.execute("x\x1b[2J").unwrap();
    let texts = [
        session.version().to_string(),
        format!("{:?}", session.version()),
        error.to_string(),
        format!("{error:?}"),
        format!("{execution:?}"),
    ];
    for text in texts {
        assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
    }
}

#[test]
fn a_connection_closed_in_mid_reply_is_an_error_at_once() {
    let address = serve(|mut client| {
        let _ = client.greet();
        let _ = client.command();
        client.send(b"1 0 {half a rep");
    });
    let session = Session::connect(address).unwrap();
    let begin = Instant::now();
    let error = session.command("x").unwrap_err();
    assert!(matches!(error, Error::Connection(ConnectionError::Closed { .. })), "{error:?}");
    // Closed for good until `reconnect`: what answers there now may be another OpenOCD.
    let error = session.command("x").unwrap_err();
    assert!(error.to_string().contains("reconnect"), "{error}");
    assert!(begin.elapsed() < SOON);
    session.reconnect().unwrap();
}

#[test]
fn a_late_reply_is_read_by_nobody_after_a_timeout() {
    let session = interpreter();
    let error = session.command_within("sleep 2000; set late 4711", Duration::from_millis(300)).unwrap_err();
    let Error::Timeout(TimeoutError::Reply { after, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(*after, Duration::from_millis(300));
    assert!(error.to_string().contains("sleep 2000"), "{error}");
    for n in 0..10_000 {
        assert_eq!(session.command(&format!("expr {{{n} + 1}}")).unwrap(), (n + 1).to_string());
    }
}

#[test]
fn a_late_raw_reply_is_read_by_nobody_after_a_timeout() {
    let openocd = dummy().command("noinit").spawn().unwrap();
    let session = Session::builder().timeout(Duration::from_millis(300)).connect(openocd.tcl_address()).unwrap();
    assert!(matches!(session.raw("sleep 900; set late 4711"), Err(Error::Timeout(_))));
    // OpenOCD is busy for a while: the next calls may time out too, but never answer wrongly.
    let answers: Vec<_> = (0..8).map(|_| session.raw("expr {2 + 2}")).collect();
    assert!(answers.iter().flatten().all(|answer| answer == b"4"), "{answers:?}");
    assert!(matches!(answers.last(), Some(Ok(_))), "{answers:?}");
}

#[test]
fn commands_that_the_wire_cannot_carry_are_not_sent() {
    let session = interpreter();
    for (command, at) in [("set bad 1; echo \x1a", 16), ("set bad 1\0", 9)] {
        for error in [session.command(command).unwrap_err(), session.raw(command).unwrap_err()] {
            let Error::Command(CommandError::ForbiddenByte { offset, .. }) = error else { panic!("{error:?}") };
            assert_eq!(offset, at);
        }
    }
    let long = format!("set bad {}", "x".repeat(4 << 20));
    assert!(matches!(session.command(&long), Err(Error::Command(CommandError::TooLong { .. }))));
    assert!(matches!(session.raw(&long), Err(Error::Command(CommandError::TooLong { .. }))));
    assert_eq!(session.command("info exists bad").unwrap(), "0");
}

#[test]
fn a_command_as_long_as_openocd_takes_arrives_whole() {
    let session = interpreter();
    // 4,194,303 bytes with the separator; what precedes the text takes some 60 of them.
    let text = "x".repeat(4_194_303 - 70);
    assert_eq!(session.command(&format!("string length {text}")).unwrap(), text.len().to_string());
    let raw = format!("string length {}", "x".repeat(4_194_303 - 1 - "string length ".len()));
    assert_eq!(session.raw(&raw).unwrap(), (4_194_303 - 1 - "string length ".len()).to_string().as_bytes());
}

#[test]
fn results_are_byte_exact() {
    let session = interpreter();
    for text in [
        "",
        " ",
        "  both ends \n",
        "a\x1ab\x1b\x1bAc",
        "{",
        "}",
        "\\",
        "a\\",
        "\"q\" [x] $y ;#",
        "é\u{1f600}",
        "\r\n\t\x0b\x0c\x01",
        "#x",
    ] {
        let script = text.replace('\\', "\\\\").replace('\x1a', "\\x1a").replace(['\x0b'], "\\v");
        let script: String =
            script.chars().flat_map(|c| if "\"[]${}".contains(c) { vec!['\\', c] } else { vec![c] }).collect();
        assert_eq!(session.command(&format!("set x \"{script}\"")).unwrap(), text, "{text:?}");
        assert_eq!(
            session.command(&format!("set x {}", openocd::quote(text).replace('\x1a', "\\x1a"))).unwrap(),
            text,
            "{text:?}"
        );
    }
    let all: Vec<u8> = (0..=255).collect();
    let script = all.iter().fold(String::new(), |script, byte| script + &format!("\\x{byte:02x}"));
    assert_eq!(session.execute(&format!("set x \"{script}\"")).unwrap().result(), all);
    assert!(matches!(session.command("set x \"\\xff\""), Err(Error::Command(CommandError::NotText { .. }))));
}

#[test]
fn eight_threads_get_their_own_replies() {
    let session = interpreter();
    thread::scope(|scope| {
        for thread in 0..8 {
            let session = &session;
            scope.spawn(move || {
                for n in 0..500 {
                    assert_eq!(session.command(&format!("list {thread} {n}")).unwrap(), format!("{thread} {n}"));
                }
            });
        }
    });
}

#[test]
fn an_openocd_that_ended_is_reported_with_its_status_and_log() {
    let session = interpreter();
    session.raw("shutdown").unwrap();
    let error = session.command("expr 1").unwrap_err();
    let Error::Connection(ConnectionError::ServerDied { report, .. }) = &error else { panic!("{error:?}") };
    assert!(report.exit_status.is_some_and(|status| status.success()), "{report:?}");
    let text = error.to_string();
    assert!(text.contains("exit status: 0") && text.contains("command line: "), "{text}");
    assert!(text.contains("shutdown command invoked"), "{text}");
    assert!(matches!(session.reconnect(), Err(Error::Connection(ConnectionError::ServerDied { .. }))));
}

#[test]
fn every_call_fails_at_once_after_the_end_of_a_connection() {
    let session = interpreter();
    // The newer OpenOCD closes the connection and goes on. 0.12.0 does neither, and never closes
    // one while it runs.
    session.raw("exit").unwrap();
    if session.version().as_str() == "Open On-Chip Debugger 0.12.0" {
        session.raw("shutdown").unwrap();
    }
    let begin = Instant::now();
    for _ in 0..40 {
        let error = session.command("expr 1").unwrap_err();
        assert!(matches!(error, Error::Connection(_)), "{error:?}");
    }
    assert!(begin.elapsed() < SOON);
}

#[test]
fn an_openocd_killed_during_a_command_is_reported_at_once() {
    let session = interpreter();
    let pid = session.process().unwrap().pid().to_string();
    let begin = Instant::now();
    let error = thread::scope(|scope| {
        let command = scope.spawn(|| session.command("sleep 60000").unwrap_err());
        thread::sleep(Duration::from_millis(200));
        assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        command.join().unwrap()
    });
    assert!(matches!(error, Error::Connection(ConnectionError::ServerDied { .. })), "{error:?}");
    assert!(error.to_string().contains("signal: 9"), "{error}");
    assert!(begin.elapsed() < SOON);
}

/// People print `{error}`, and few print the chain behind it.
#[test]
fn the_text_of_an_error_names_its_causes() {
    let errors = [
        Session::connect("nowhere.invalid:6666").unwrap_err(),
        openocd::Image::open("/nonexistent/firmware.elf").unwrap_err(),
        Error::from(ProcessError::Stop { pid: 7, source: std::io::Error::other("no such process") }),
    ];
    for error in errors {
        let text = error.to_string();
        let mut source = std::error::Error::source(&error);
        assert!(source.is_some(), "{error:?}");
        while let Some(cause) = source {
            assert!(text.contains(&cause.to_string()), "{text}: {cause}");
            source = cause.source();
        }
    }
}
