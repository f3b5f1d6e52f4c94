//! Events of the targets.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::bench::{Bench, Ran};

/// Starts `ocd events`, and calls `then` when it listens.
fn listening(bench: &Bench, arguments: &[&str], then: impl FnOnce()) -> Ran {
    let mut command = bench.board_command(&[&["events", "--timeout", "20s"], arguments].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("ocd is built");
    let mut errors = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    errors.read_line(&mut line).expect("text");
    assert_eq!(line, "listening\n");
    then();
    Ran::from(child.wait_with_output().expect("it ends"))
}

#[test]
fn a_halt_is_printed_as_it_happens() {
    let bench = Bench::new();
    let ran = listening(&bench, &["--count", "2"], || bench.chip.halt()).expect(0);
    let events: Vec<&str> = ran.stdout.lines().map(|line| line.trim_start().split_once("  ").unwrap().1).collect();
    // OpenOCD tells GDB first.
    assert_eq!(events, ["gdb-halt", "state halted"], "{ran:?}");
}

#[test]
fn events_are_data_too_and_too_few_are_a_timeout() {
    let bench = Bench::new();
    let session = bench.session();
    let port = session.process().expect("a process of its own").tcl_port();
    let address = format!("localhost:{port}");
    let mut command = bench.command(&["events", "--json", "--timeout", "2s", "-n", "1000", "--connect", &address]);
    let child = command.stdout(Stdio::piped()).spawn().expect("ocd is built");
    std::thread::sleep(std::time::Duration::from_millis(700));
    session.target().halt().unwrap();
    let ran = Ran::from(child.wait_with_output().expect("it ends")).expect(124);
    let lines = ran.lines();
    let is_halt = |line: &serde_json::Value| {
        line["type"] == "event" && line["event"]["kind"] == "target" && line["event"]["event"] == "halted"
    };
    assert!(lines.iter().any(is_halt), "{ran:?}");
    assert_eq!(ran.result()["events"].as_u64().unwrap() as usize, lines.len() - 1);
}

#[test]
fn a_time_without_events_is_no_failure() {
    let ran = Bench::new().ocd(&["events", "--timeout", "300ms"]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "listening\n"));
}
