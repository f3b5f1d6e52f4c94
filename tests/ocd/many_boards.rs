//! A production line: many boards side by side.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::bench::{Bench, Ran};
use crate::flash::{held, noise};
use crate::run::firmware;

const APP: u32 = 0x0800_4000;
const BOARDS: usize = 8;
/// Its flash has a cell that stays as it is.
const WORN: usize = 2;
/// Nobody listens at its port.
const DEAD: usize = 5;

/// Eight boards that `ocd.toml` of the first one's folder names.
fn line() -> Vec<Bench> {
    let benches: Vec<Bench> = (0..BOARDS).map(|_| Bench::new()).collect();
    let mut settings = String::new();
    for (index, bench) in benches.iter().enumerate() {
        let (key, value) = match index {
            DEAD => ("connect", "localhost:1".to_owned()),
            _ => ("config", bench.config()),
        };
        writeln!(settings, "[boards.slot{index}]\n{key} = {value:?}").unwrap();
    }
    benches[0].file("ocd.toml", settings);
    benches[0].file("app.bin", noise(30, 8000));
    // The bits that the image clears.
    let cleared = !noise(30, 8000)[5000];
    assert_ne!(cleared, 0);
    benches[WORN].chip.faults().stuck_bits(0x4000 + 5000, cleared.into());
    benches
}

#[test]
fn each_board_has_its_line_and_its_status_and_the_worst_one_counts() {
    let benches = line();
    let ran = benches[0].ocd_alone(&["flash", "app.bin@0x08004000", "--all-boards", "--json"]);
    // A connection that failed is worse than a mismatch.
    let ran = ran.expect(76);
    let results = ran.lines().into_iter().filter(|line| line["type"] != "progress");
    let ends: BTreeMap<String, Value> =
        results.map(|line| (line["board"].as_str().unwrap().to_owned(), line)).collect();
    assert_eq!(ends.len(), BOARDS);
    for (index, bench) in benches.iter().enumerate() {
        let end = &ends[&format!("slot{index}")];
        match index {
            WORN => {
                assert_eq!((&end["status"], &end["error"]["id"]), (&75.into(), &"flash.mismatch".into()), "{end}");
            }
            DEAD => {
                assert_eq!(end["status"], 76, "{end}");
                assert_eq!(end["error"]["id"], "connection.unreachable", "{end}");
            }
            _ => {
                assert_eq!((&end["status"], &end["type"]), (&0.into(), &"result".into()), "{end}");
                assert_eq!(end["result"]["flash"]["written"], 8000);
                assert!(held(bench, APP, 8000) == noise(30, 8000));
            }
        }
    }
}

#[test]
fn people_see_a_line_a_board_and_which_ones_failed() {
    let benches = line();
    let ran = benches[0].ocd_alone(&["flash", "app.bin@0x08004000", "--all-boards"]).expect(76);
    let mut lines: Vec<&str> = ran.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), BOARDS - 2, "{ran:#?}");
    assert!(lines[0].starts_with("slot0: 8192 bytes erased, 8000 written, 0 skipped, verified; "), "{ran:#?}");
    assert!(ran.stderr.contains("slot2: error: flash was written, but 0x08005388 holds "), "{ran:#?}");
    assert!(ran.stderr.contains("slot5: error: cannot reach OpenOCD at localhost:1"), "{ran:#?}");
    assert!(ran.stderr.contains("slot7: writing 8000 bytes\n"), "{ran:#?}");
    let last = ran.stderr.lines().last().unwrap();
    assert_eq!(last, "2 of 8 boards failed, with exit status: slot2 (75), slot5 (76)");
}

#[test]
fn boards_are_chosen_by_name() {
    let benches = line();
    let ran = benches[0].ocd_alone(&["flash", "app.bin@0x08004000", "--board", "slot6,slot1"]).expect(0);
    assert_eq!(ran.stdout.lines().count(), 2, "{ran:#?}");
    assert!(held(&benches[6], APP, 8000) == noise(30, 8000));
    assert!(held(&benches[0], APP, 8000).iter().all(|byte| *byte == 0xff));
}

#[test]
fn a_file_that_is_missing_is_one_error_and_no_board_is_touched() {
    let benches = line();
    let ran = benches[0].ocd_alone(&["flash", "missing.elf", "--all-boards", "--json"]).expect(71);
    assert_eq!(ran.lines().len(), 1, "{ran:#?}");
}

#[test]
fn serial_numbers_come_from_the_users_file() {
    let bench = Bench::new();
    bench.file("app.bin", noise(31, 100));
    let logged = format!("{} -c \"echo {{Info : CMSIS-DAP: Serial# = 0001}}\"", bench.config());
    bench.file("ocd.toml", format!("[boards.slot1]\nconfig = {logged:?}\n"));
    bench.file("user/ocd/ocd.toml", "[boards.slot1]\nserial = \"0002\"\n");
    let ran = bench.ocd_alone(&["flash", "app.bin@0x08004000", "--all-boards"]).expect(72);
    assert!(ran.stderr.contains("the probe is 0001, not 0002"), "{ran:?}");
    assert!(ran.stderr.contains("user/ocd/ocd.toml, line 2"), "{ran:?}");
    bench.file("user/ocd/ocd.toml", "[boards.slot1]\nserial = \"0001\"\n");
    Ran::of(&mut bench.command(&["flash", "app.bin@0x08004000", "--board", "slot1"])).expect(0);
}

#[test]
fn boards_that_are_one_and_the_same_are_refused() {
    let bench = Bench::new();
    bench.file("app.bin", noise(32, 100));
    bench.file("ocd.toml", "[boards.left]\nspeed = 1000\n[boards.right]\nspeed = 1000\n");
    let arguments = ["flash", "app.bin@0x08004000", "--all-boards"];
    // Both have the configuration of the environment.
    let ran = bench.ocd(&arguments).expect(71);
    assert!(ran.stderr.contains("boards left and right are the same"), "{ran:?}");
    bench.ocd(&["config", "--all-boards"]).expect(0);
    // What is typed comes before the environment.
    Ran::of(bench.command(&["config", "--all-boards"]).env("OCD_BOARD", "x")).expect(0);
    bench.ocd(&["config", "--all-boards", "--board", "x"]).expect(64);
    bench.file("user/ocd/ocd.toml", "[boards.left]\nserial = \"1\"\n[boards.right]\nserial = \"2\"\n");
    let ran = bench.ocd(&arguments);
    assert!(!ran.stderr.contains("are the same"), "{ran:?}");
}

#[test]
fn boards_whose_addresses_lead_to_one_openocd_are_refused() {
    let bench = Bench::new();
    bench.file("app.bin", noise(33, 100));
    let session = bench.session();
    let port = session.process().unwrap().tcl_port();
    for other in ["127.0.0.1", "LOCALHOST", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let (one, other) = (format!("localhost:{port}"), format!("{other}:{port}"));
        bench.file("ocd.toml", format!("[boards.a]\nconnect = {one:?}\n[boards.b]\nconnect = {other:?}\n"));
        let ran = bench.ocd_alone(&["flash", "app.bin@0x08004000", "--all-boards"]).expect(71);
        assert!(ran.stderr.contains("are the same: their addresses lead to one OpenOCD"), "{ran:#?}");
        assert_eq!(ran.stdout.lines().count(), 1, "one of them is used: {ran:#?}");
    }
    let second = Bench::new();
    let other = second.session();
    let other = other.process().unwrap().tcl_address();
    bench.file("ocd.toml", format!("[boards.a]\nconnect = \"localhost:{port}\"\n[boards.b]\nconnect = \"{other}\"\n"));
    bench.ocd_alone(&["flash", "app.bin@0x08004000", "--all-boards"]).expect(0);
    assert!(held(&bench, APP, 100) == noise(33, 100) && held(&second, APP, 100) == noise(33, 100));
}

#[test]
fn json_names_the_board_that_was_chosen_in_every_line() {
    let bench = Bench::new();
    bench.file("ocd.toml", format!("[boards.a]\nconfig = {:?}\n[boards.b]\nconnect = \"b:1\"\n", bench.config()));
    let check = |words: &[&str]| {
        let lines = bench.ocd_alone(&[&["--json"], words].concat()).lines();
        assert!(!lines.is_empty() && lines.iter().all(|line| line["board"] == "a"), "{words:?}: {lines:#?}");
        assert!(lines.last().is_some_and(|line| line["type"] == "result" || line["type"] == "error"), "{lines:#?}");
    };
    let [hello, tests] = ["hello", "tests"].map(firmware);
    let chosen: [&[&str]; 13] = [
        &["run", &hello],
        &["run", &tests, "known"],
        &["run", &tests, "--list"],
        &["attach", "--timeout", "100ms", &hello],
        &["gdb", "--", "-batch", "-nx"],
        &["semihosting", "--timeout", "100ms"],
        // Before a board is opened, and while it is.
        &["run", "missing.elf"],
        &["run", &hello, "--until", "nope"],
        &["flash", "missing.elf"],
        &["repl", "-c", "nonsense", "-c", "ocd step"],
        &["status", "--target", "nope"],
        &["halt", "--speed", "fast"],
        &["nonsense"],
    ];
    for words in chosen {
        check(&[&["--board", "a"], words].concat());
    }
    // The only one is the one that is meant.
    bench.file("ocd.toml", format!("[boards.a]\nconfig = {:?}\n", bench.config()));
    for words in [&["status"][..], &["run", &hello], &["run", "missing.elf"], &["repl", "-c", "nonsense"]] {
        check(words);
    }
    bench.file("ocd.toml", "nonsense");
    check(&["--board", "a", "status"]);
}
