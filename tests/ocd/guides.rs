//! The commands that a guide names exist and work.

use crate::bench::{Bench, Ran};
use crate::run::firmware;

const GUIDE: &str = include_str!("../../src/guide/coming_from_telnet.md");
const CARGO_RUN: &str = include_str!("../../src/guide/cargo_run.md");
const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/rust/prebuilt/rtt_plain.elf");

#[test]
fn commands_in_place_of_telnet_work() {
    let bench = Bench::new();
    let session = bench.session();
    let address = session.process().expect("a process of its own").tcl_address().to_string();
    let (_, table) = GUIDE.split_once("| telnet | shell |\n").expect("the table");
    let rows = table.lines().take_while(|line| line.starts_with('|')).skip(1);
    let commands = rows.flat_map(|row| row.split('`').filter_map(|span| span.strip_prefix("ocd ")));
    let mut ran = 0;
    for command in commands {
        session.target().halt().unwrap();
        let words = command.replace("app.elf", FIRMWARE).replace('\'', "");
        // In the environment: `ocd cmd` takes all words that follow.
        let words: Vec<_> = words.split(' ').collect();
        Ran::of(bench.command(&words).env("OCD_CONNECT", &address)).expect(0);
        ran += 1;
    }
    assert_eq!(ran, 12, "{table}");
}

/// A line without what differs from run to run: the time that it begins or ends with, and spaces at
/// the end.
fn timeless(line: &str) -> &str {
    let line = line.split_once("; finished in ").map_or(line, |(line, _)| line).trim_end();
    match line.split_once(' ') {
        Some((time, rest)) if time.parse::<f64>().is_ok() => rest,
        _ => line,
    }
}

#[test]
fn output_that_the_guide_of_cargo_run_shows_is_that_of_ocd() {
    let bench = Bench::new();
    for (command, file, status) in [("$ cargo run --bin panics\n", "panics", 134), ("$ cargo test\n", "tests", 101)] {
        let (_, sample) = CARGO_RUN.split_once(command).expect("a sample of this command");
        let (sample, _) = sample.split_once("```").expect("the end of the sample");
        let ran = bench.ocd(&["run", &firmware(file)]).expect(status);
        let printed: Vec<&str> = ran.stdout.lines().chain(ran.stderr.lines()).map(timeless).collect();
        for line in sample.lines().filter(|line| *line != "...").map(timeless) {
            assert!(printed.contains(&line), "{line}\n{ran:#?}");
        }
    }
}
