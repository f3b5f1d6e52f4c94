//! What the crate reports through the `log` crate. A logger belongs to the whole process, so this
//! is a test program of its own.

use std::sync::Mutex;
use std::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record};
use openocd::{Error, OpenOcdProcess, Session};

/// Keeps every record of the crate.
struct Keep;

static RECORDS: Mutex<Vec<(String, Level, String)>> = Mutex::new(Vec::new());

impl Log for Keep {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        if record.target().starts_with("openocd") {
            let text = record.args().to_string();
            RECORDS.lock().unwrap().push((record.target().to_owned(), record.level(), text));
        }
    }

    fn flush(&self) {}
}

fn said(target: &str, level: Level, is_it: impl Fn(&str) -> bool) -> bool {
    RECORDS.lock().unwrap().iter().any(|(t, l, text)| t == target && *l == level && is_it(text))
}

#[test]
fn commands_connections_process_and_server_are_logged_as_documented() {
    log::set_logger(&Keep).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let openocd = OpenOcdProcess::builder()
        .ready_timeout(Duration::from_secs(120))
        .command("adapter driver dummy")
        .command("noinit")
        .command("echo {plain words}");
    let session = Session::builder().timeout(Duration::from_secs(120)).start(openocd).unwrap();
    let pid = session.process().unwrap().pid();
    let port = session.process().unwrap().tcl_port();

    assert_eq!(session.command("expr {40 + 2}").unwrap(), "42");
    assert!(said("openocd::command", Level::Trace, |text| text == "> expr {40 + 2}"));
    assert!(said("openocd::command", Level::Trace, |text| text == "< 0 42"));

    // Long commands and replies are cut.
    let long = session.command(&format!("string repeat x [string length {}]", "y".repeat(100_000))).unwrap();
    assert_eq!(long.len(), 100_000);
    assert!(said("openocd::command", Level::Trace, |text| text.starts_with("> string repeat x")));
    assert!(said("openocd::command", Level::Trace, |text| text.starts_with("< 0 xxxx")));
    assert!(RECORDS.lock().unwrap().iter().all(|(target, _, text)| target != "openocd::command" || text.len() < 300));

    let refused = session.command("error {no such luck}").unwrap_err();
    assert!(matches!(refused, Error::Command(_)), "{refused:?}");
    assert!(said("openocd::command", Level::Trace, |text| text == "< 1 no such luck"));

    assert!(said("openocd::connection", Level::Debug, |text| text == format!("connected to 127.0.0.1:{port}")));
    let slow = session.command_within("sleep 300", Duration::from_millis(20)).unwrap_err();
    assert!(matches!(slow, Error::Timeout(_)), "{slow:?}");
    session.command("expr 1").unwrap();
    assert!(said("openocd::connection", Level::Debug, |text| text.starts_with("gave up the connection to 127.0.0.1:")));

    // OpenOCD's own log, at its levels. A thread reads it: all lines are there once OpenOCD has
    // ended.
    session.command("irscan chip.cpu 1").unwrap_err();
    session.close().unwrap();
    assert!(said("openocd::server", Level::Error, |text| text.contains("must be used after 'init'")));
    let listening = format!("Info : Listening on port {port} for tcl connections");
    assert!(said("openocd::server", Level::Info, |text| text == listening));
    assert!(said("openocd::server", Level::Debug, |text| text == "plain words"));

    assert!(said("openocd::process", Level::Debug, |text| text.starts_with("starting ") && text.contains("noinit")));
    let answers = format!("OpenOCD (process {pid}) answers on port {port}");
    assert!(said("openocd::process", Level::Debug, |text| text == answers));
    assert!(said("openocd::process", Level::Debug, |text| text.starts_with(&format!("OpenOCD (process {pid}) ended"))));

    // No reply, no script and no token of this crate.
    let records = RECORDS.lock().unwrap();
    let server = records.iter().filter(|(target, ..)| target == "openocd::server" || target == "openocd::process");
    for (_, _, text) in server {
        assert!(!text.contains("openocd-rs ") && !text.contains("_openocd_rs"), "{text}");
        assert!(!text.ends_with(" 0 42 {}") && !text.contains("yyyy"), "{text}");
    }
}
