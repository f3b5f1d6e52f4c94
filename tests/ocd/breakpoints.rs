//! Breakpoints and watchpoints.

use std::time::Duration;

use openocd::HaltReason;
use virtual_chip::firmware::{COUNTER_ADDRESS, WORK};

use crate::bench::Bench;

#[test]
fn a_breakpoint_halts_the_target_until_it_is_removed() {
    let bench = Bench::new();
    let session = bench.session();
    session.target().halt().unwrap();
    let work = format!("{WORK:#010x}");
    let ran = bench.ocd_on(&session, &["bp", "add", &work]).expect(0);
    assert_eq!(ran.stdout, format!("{work}  2 bytes  hardware breakpoint  comparator 0\n"));
    assert_eq!(ran.stderr, "");
    session.target().resume().unwrap();
    let status = session.target().wait_halt(Duration::from_secs(20)).unwrap();
    assert_eq!(status.halt_reason, Some(HaltReason::Breakpoint));
    let result = bench.ocd_on(&session, &["bp", "--json"]).expect(0).result();
    assert_eq!(result["breakpoints"][0]["address"], WORK);
    assert_eq!(result["breakpoints"][0]["kind"], "hardware");
    let ran = bench.ocd_on(&session, &["bp", "remove", &work]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "1 breakpoint removed\n"));
    assert!(session.breakpoints().list().unwrap().is_empty());
    let error = bench.ocd_on(&session, &["bp", "remove", &work, "--json"]).expect(73).error();
    assert_eq!(error["id"], "breakpoint.none_at");
}

#[test]
fn software_breakpoints_are_for_ram() {
    let bench = Bench::new();
    let session = bench.session();
    session.target().halt().unwrap();
    let ran = bench.ocd_on(&session, &["bp", "add", "0x2000_0100", "--software"]).expect(0);
    assert!(ran.stdout.contains("software breakpoint"), "{ran:?}");
    session.memory().write_u16(0x2000_0100, 0xbf00).unwrap();
    let ran = bench.ocd_on(&session, &["bp", "list"]).expect(0);
    assert!(ran.stdout.ends_with("not in effect\n"), "{ran:?}");
    let result = bench.ocd_on(&session, &["bp", "list", "--json"]).expect(0).result();
    assert_eq!(result["breakpoints"][0]["in_effect"], false);
    let error = bench.ocd_on(&session, &["bp", "add", "0x0800_0044", "--software", "--json"]).expect(73).error();
    assert_eq!(error["id"], "breakpoint.not_in_effect");
    bench.ocd_on(&session, &["bp", "remove", "--all"]).expect(0);
    assert!(session.breakpoints().list().unwrap().is_empty());
}

#[test]
fn all_without_dashes_removes_all_unless_it_is_a_symbol() {
    let bench = Bench::new();
    let session = bench.session();
    session.target().halt().unwrap();
    for address in ["0x0800_0044", "0x0800_0048"] {
        bench.ocd_on(&session, &["bp", "add", address]).expect(0);
    }
    bench.ocd_on(&session, &["wp", "add", "0x2000_0100"]).expect(0);
    let ran = bench.ocd_on(&session, &["bp", "remove", "all"]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "2 breakpoints removed\n"));
    assert!(session.breakpoints().list().unwrap().is_empty());
    let ran = bench.ocd_on(&session, &["bp", "remove", "all"]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "no breakpoints are set\n"));
    let result = bench.ocd_on(&session, &["wp", "remove", "all", "--json"]).expect(0).result();
    assert_eq!(result, serde_json::json!({"watchpoints": [], "removed": 1}));
    assert!(session.breakpoints().list_watchpoints().unwrap().is_empty());
    // A file that may have the symbol must be readable.
    bench.ocd_on(&session, &["bp", "remove", "all", "--elf", "missing.elf"]).expect(71);
    bench.ocd_on(&session, &["bp", "remove", "al"]).expect(64);
    let help = bench.ocd_alone(&["bp", "--help"]).expect(0).stdout;
    assert!(help.contains("Remove the breakpoint at an address, or with --all all"), "{help}");
}

#[test]
fn a_breakpoint_that_ends_with_openocd_is_said_to() {
    let bench = Bench::new();
    let ran = bench.ocd(&["bp", "add", "0x0800_0044"]).expect(0);
    assert!(ran.stderr.starts_with("note: it lasts no longer than"), "{ran:?}");
}

#[test]
fn a_watchpoint_halts_the_target() {
    let bench = Bench::new();
    let session = bench.session();
    session.target().halt().unwrap();
    let counter = format!("{COUNTER_ADDRESS:#010x}");
    let ran = bench.ocd_on(&session, &["wp", "add", &counter]).expect(0);
    assert_eq!(ran.stdout, format!("{counter}  4 bytes  write\n"));
    session.target().resume().unwrap();
    let status = session.target().wait_halt(Duration::from_secs(20)).unwrap();
    assert_eq!(status.halt_reason, Some(HaltReason::Watchpoint));
    bench.ocd_on(&session, &["wp", "add", "0x2000_0000", "8", "--access", "read"]).expect(0);
    let result = bench.ocd_on(&session, &["wp", "--json"]).expect(0).result();
    assert_eq!(result["watchpoints"].as_array().unwrap().len(), 2, "{result}");
    let ran = bench.ocd_on(&session, &["wp", "remove", &counter]).expect(0);
    assert_eq!(ran.stdout, "0x20000000  8 bytes  read\n");
    assert_eq!(ran.stderr, "1 watchpoint removed\n");
    let ran = bench.ocd_on(&session, &["wp", "remove", "--all"]).expect(0);
    assert_eq!(ran.stderr, "1 watchpoint removed\n");
}
