//! The commands that a guide names exist and work.

use crate::bench::{Bench, Ran};

const GUIDE: &str = include_str!("../../src/guide/coming_from_telnet.md");
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
