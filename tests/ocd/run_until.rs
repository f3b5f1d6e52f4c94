//! `ocd run` that waits for something: a line, a place.

use openocd::{Image, ImageFormat, ResetMode};

use crate::bench::Bench;
use crate::run::firmware;

#[test]
fn wanted_line_may_be_any_line_of_a_log_entry() {
    let bench = Bench::new();
    let ran = bench.ocd(&["run", &firmware("panics"), "--until-line", "^index"]).expect(0);
    let reason = "the line came: index out of bounds: the len is 4 but the index is 4 (exit status 0, of ocd)";
    assert_eq!(ran.stderr.lines().last().unwrap(), reason, "{ran:#?}");
    let ran = bench.ocd(&["run", &firmware("panics"), "--until-line", "is 4$", "--json"]).expect(0);
    let line = "index out of bounds: the len is 4 but the index is 4";
    assert_eq!(ran.result()["verdict"], serde_json::json!({ "kind": "line", "text": line }), "{ran:#?}");
}

#[test]
fn place_where_the_run_begins_counts_when_it_is_reached_again() {
    let bench = Bench::new();
    let help = "the run begins at the place of --until, which counts only when it is reached again";
    let ran = bench.ocd(&["run", &firmware("hello"), "--until", "Reset"]).expect(77);
    assert!(ran.stderr.contains(&format!("help: {help}\n")), "{ran:#?}");
    let ran = bench.ocd(&["run", &firmware("hangs"), "--until", "Reset", "--timeout", "1s", "--json"]).expect(124);
    assert_eq!(ran.result()["help"], help);
    // Another place needs no such help.
    let ran = bench.ocd(&["run", &firmware("hello"), "--until", "0x0800_0000"]).expect(77);
    assert!(!ran.stderr.contains("help:"), "{ran:#?}");
}

#[test]
fn run_without_rtt_says_so_if_a_line_does_not_come() {
    let bench = Bench::new();
    Image::open(firmware("rtt_plain")).unwrap().save(bench.folder().join("plain.hex"), ImageFormat::IntelHex).unwrap();
    let waits = ["plain.hex", "--until-line", "hello", "--timeout", "2s"];
    let help = "help: RTT was not read, as plain.hex has no symbol _SEGGER_RTT: name the RAM to search with --ram";
    let ran = bench.ocd(&[&["run"], &waits[..]].concat()).expect(124);
    assert!(ran.stderr.contains(help), "{ran:#?}");
    // Nothing at all was printed.
    let ran = bench.ocd(&["run", "plain.hex", "--timeout", "1s"]).expect(124);
    assert!(ran.stderr.contains(help), "{ran:#?}");
    bench.ocd(&[&["run", "--ram", "0x2000_0000+20K"], &waits[..]].concat()).expect(0);

    let running = bench.session();
    running.target().reset(ResetMode::Run).unwrap();
    let ran = bench.ocd_on(&running, &[&["attach"], &waits[..]].concat()).expect(124);
    assert!(ran.stderr.contains(help), "{ran:#?}");
    drop(running);

    // What RTT brings is no such case.
    let ran = bench.ocd(&["run", &firmware("hangs"), "--until-line", "nothere", "--timeout", "1s"]).expect(124);
    assert!(!ran.stderr.contains("help:"), "{ran:#?}");
}

#[test]
fn firmware_gets_input_by_rtt() {
    let bench = Bench::new();
    bench.file("in.txt", "some input of forty bytes, or even more");
    let run = ["run", &firmware("rtt_plain"), "--channel", "0", "--channel", "1", "--timeout", "20s", "--rtt-input"];
    let ran = bench.ocd(&[&run[..], &["in.txt", "--until-line", "^39 bytes so far"]].concat()).expect(0);
    assert!(ran.stdout.contains("hello over RTT"), "{ran:?}");
    for (file, elf, status) in [("absent", "rtt_plain", 71), ("in.txt", "faults", 71), ("in.txt", "tests", 64)] {
        let counter = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf");
        let elf = if elf == "faults" { counter.to_owned() } else { firmware(elf) };
        bench.ocd_alone(&["run", &elf, "--rtt-input", file, "--config", "-f absent.cfg"]).expect(status);
    }
    bench.ocd_alone(&["run", "a.elf", "--rtt-input", "-", "--input", "-"]).expect(64);
}
