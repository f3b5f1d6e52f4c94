//! OpenOCD's log.

use std::sync::mpsc;

use openocd::{ConnectionError, Error, OpenOcdBuilder, Session};

use super::{PATIENCE, eventually, startup_failure};
use crate::board::{Board, dummy};
use crate::directory::Directory;

#[test]
fn log_that_is_sent_elsewhere_is_an_error_at_once() {
    let directory = Directory::new();
    let file = directory.path().join("openocd.log");
    let command = format!("log_output {}", openocd::quote(file.to_str().unwrap()));
    let (text, _) = startup_failure(dummy().command(&command).command("noinit").spawn().unwrap_err());
    assert!(text.contains("log_output") && text.contains("reads its log"), "{text}");
    assert!(!file.exists());

    let process = dummy().command("log_output default").command("noinit").spawn().unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    session.command(&command).unwrap();
    assert!(file.exists(), "once OpenOCD is up, its log may go wherever the user likes");
}

#[test]
fn scripts_of_this_crate_leave_nothing_in_the_log() {
    let process = dummy().adapter_serial("A1").adapter_usb_location("1-2").command("noinit").spawn().unwrap();
    let log = process.log_tail();
    let stray =
        |line: &&String| ["_openocd_rs", "log_output", "adapter ", "init"].iter().any(|word| line.starts_with(word));
    assert_eq!(log.iter().find(stray), None, "{log:#?}");
}

#[test]
fn full_pipe_cannot_stall_openocd() {
    let process = dummy().command("noinit").spawn().unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    // OpenOCD writes each result to its log as well; a pipe holds 64 KiB.
    for _ in 0..20 {
        assert_eq!(session.command("string repeat x 200000").unwrap().len(), 200_000);
    }
    // Not more: master's `capture` copies the whole log for each line that it adds (4 s for 10000
    // lines, measured).
    session.command("for {set n 0} {$n < 3000} {incr n} {echo \"line $n of a long log\"}").unwrap();
    eventually("the last line", || process.log_tail().iter().any(|line| line.contains("line 2999 of")));
    assert!(process.log_tail().len() <= openocd::LOG_TAIL_LINES);
}

#[test]
fn log_reaches_a_callback() {
    let (send, lines) = mpsc::channel();
    let session = Session::builder()
        .start(dummy().command("noinit").on_log(move |line| drop(send.send(line.to_owned()))))
        .unwrap();
    session.command("echo {for the callback}").unwrap();
    assert!(lines.iter().any(|line| line == "for the callback"));
}

#[test]
fn slow_callback_delays_nobody() {
    let (open, gate) = mpsc::channel::<()>();
    let (send, lines) = mpsc::channel();
    let process = dummy()
        .command("noinit")
        .ready_timeout(PATIENCE)
        .on_log(move |line| {
            let _ = gate.recv();
            let _ = send.send(line.to_owned());
        })
        .spawn()
        .unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    // A pipe holds 64 KiB.
    for _ in 0..20 {
        assert_eq!(session.command("string repeat x 200000").unwrap().len(), 200_000);
    }
    session.command("echo {the last line}").unwrap();
    assert!(lines.try_recv().is_err());
    drop(open);
    process.stop().unwrap();
    // All of it has been heard when OpenOCD has ended, unless that takes seconds.
    let lines: Vec<_> = lines.try_iter().collect();
    assert!(lines[0].starts_with("Open On-Chip Debugger"), "{}", lines[0]);
    assert!(lines.iter().any(|line| line == "the last line"));
}

#[test]
fn callback_that_panics_stops_nothing() {
    let process = dummy().command("noinit").on_log(|_| panic!("on purpose")).spawn().unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    session.command("echo {the last line}").unwrap();
    eventually("the last line", || process.log_tail().iter().any(|line| line == "the last line"));
    process.stop().unwrap();
}

#[test]
fn replies_of_this_crate_never_reach_the_log() {
    for verbosity in [None, Some("-d3")] {
        let (send, lines) = mpsc::channel();
        let openocd = dummy().command("noinit").on_log(move |line| drop(send.send(line.to_owned())));
        let openocd = verbosity.into_iter().fold(openocd, OpenOcdBuilder::arg);
        let session = Session::builder().timeout(PATIENCE).start(openocd).unwrap();
        // Another session with the same OpenOCD.
        let other = Session::connect(session.process().unwrap().tcl_address()).unwrap();
        for (n, session) in [&session, &other, &session].into_iter().enumerate() {
            session.command("expr {40 + 2}").unwrap();
            session.command("list a\\nb {c\nd} \\{ \"}\\n\" \\x1a; # {").unwrap();
            session.command(&format!("echo [list two\\nlines{n}]")).unwrap();
            assert_eq!(session.command("set x \"a{b\\x00\\nc}\"").unwrap(), "a{b\0\nc}");
            session.command(&format!("echo -n {{partial {n} }}; string repeat \"x\\n\" 50000")).unwrap();
            session.command("error {a\nb {}}").unwrap_err();
            session.raw("list raw result").unwrap();
            session.reconnect().unwrap();
            session.command(&format!("echo {{42 0 like {n}}}")).unwrap();
        }
        session.close().unwrap();
        let lines: Vec<_> = lines.iter().collect();
        let text = |line: &String| match verbosity {
            // `User : 12 34 command.c:602 output(): text`
            Some(_) => line.split_once("(): ").map_or(line.clone(), |(_, text)| text.to_owned()),
            None => line.clone(),
        };
        let texts: Vec<_> = lines.iter().map(text).collect();
        for n in 0..3 {
            for line in ["two".to_owned(), format!("lines{n}"), format!("partial {n} "), format!("42 0 like {n}")] {
                let is_there = texts.iter().any(|text| text.contains(&line));
                assert!(is_there, "{verbosity:?}: {line:?} is missing in {texts:#?}");
            }
        }
        let stray = texts.iter().find(|text| {
            text.contains("openocd-rs ") || text.contains("marker") || text.as_str() == "x" || text.as_str() == "b}"
        });
        assert_eq!(stray, None, "{verbosity:?}: {texts:#?}");
        // Nothing but OpenOCD's own lines and those of the commands.
        if verbosity.is_none() {
            let numbered =
                texts.iter().find(|text| text.len() > 19 && text.as_bytes()[..19].iter().all(u8::is_ascii_digit));
            assert_eq!(numbered, None, "{texts:#?}");
            assert!(texts.len() < 60, "{texts:#?}");
        }
    }
}

#[test]
fn death_report_ends_with_openocds_own_lines() {
    let board = Board::halted();
    drop(board.session.events().unwrap());
    board.session.memory().write_u32(0x2000_0000, 1).unwrap();
    board.session.command("echo {the last words}").unwrap();
    for _ in 0..300 {
        board.session.memory().read_u32(0x2000_0000).unwrap();
    }
    board.kill_openocd();
    let error = board.session.memory().read_u32(0x2000_0000).unwrap_err();
    let Error::Connection(ConnectionError::ServerDied { report, .. }) = &error else { panic!("{error:?}") };
    assert!(report.log_tail.iter().any(|line| line == "the last words"), "{report}");
    assert!(!report.log_tail.iter().any(|line| line.starts_with(|c: char| c.is_ascii_digit())), "{report}");
}

#[test]
fn replies_are_no_log_lines_after_reconnecting_to_a_new_openocd() {
    // Whether the number that tells its replies is greater than the one before is chance.
    for _ in 0..8 {
        let (send, lines) = mpsc::channel();
        let start = |port| {
            let send = send.clone();
            let openocd = dummy().command("noinit").tcl_port(port);
            openocd.on_log(move |line| drop(send.send(line.to_owned()))).spawn().unwrap()
        };
        let first = start(0);
        let session = Session::connect(first.tcl_address()).unwrap();
        first.kill().unwrap();
        let second = start(first.tcl_port());
        session.reconnect().unwrap();
        session.command("set x 1").unwrap();
        session.command("echo {the log ends here}").unwrap();
        let mut log = Vec::new();
        while log.last().is_none_or(|line| line != "the log ends here") {
            log.push(lines.recv_timeout(PATIENCE).unwrap());
        }
        let is_reply =
            |line: &&String| line.trim_end().len() == 19 && line.trim_end().bytes().all(|byte| byte.is_ascii_digit());
        assert_eq!(log.iter().find(is_reply), None, "{log:#?}");
        drop(second);
    }
}
