//! Options that say which board is meant: what is typed is checked before anything is done.

use openocd::Session;

use crate::bench::{Bench, Ran};

const IDCODE: &str = "0x3ba00477";
const OTHER: &str = "0x12345678";

/// Runs `ocd` on an OpenOCD that stays. All that follows `cmd` is a command of OpenOCD.
fn on(bench: &Bench, session: &Session, options: &[&str], command: &[&str]) -> Ran {
    let address = format!("localhost:{}", session.process().unwrap().tcl_port());
    bench.ocd_alone(&[&["--connect", &address][..], options, command].concat())
}

#[test]
fn typed_serial_is_checked_by_every_command() {
    let bench = Bench::new();
    let session = bench.session();
    for command in [&["mem", "write", "0x20000000", "5"][..], &["status"], &["reset"], &["cmd", "halt"], &["info"]] {
        let ran = on(&bench, &session, &["--serial", "WRONG", "--json"], command).expect(72);
        assert_eq!(ran.error()["id"], "ocd.probe.unknown", "{command:?}");
        let ran = on(&bench, &session, &["--usb-location", "9-9"], command).expect(72);
        assert!(ran.stderr.contains("cannot tell whether the probe is at 9-9"), "{command:?}: {ran:?}");
    }
    assert_eq!(bench.chip.read_u32(0x2000_0000).unwrap(), 0);
    assert_eq!(bench.chip.reset_count(), 0);
    for command in [&["repl", "-c", "halt"][..], &["events", "--timeout", "1ms"], &["read", "0x08000000", "4", "-"]] {
        let ran = on(&bench, &session, &["--serial", "WRONG"], command).expect(72);
        assert!(ran.stderr.contains("cannot tell whether the probe is WRONG (--serial)"), "{command:?}: {ran:?}");
    }
}

#[test]
fn serial_of_the_environment_does_not_stop_a_command_that_changes_no_flash() {
    let bench = Bench::new();
    let session = bench.session();
    let address = format!("localhost:{}", session.process().unwrap().tcl_port());
    let mut command = bench.command(&["mem", "write", "0x20000000", "5", "--connect", &address]);
    Ran::of(command.env("OCD_SERIAL", "OTHER")).expect(0);
    assert_eq!(bench.chip.read_u32(0x2000_0000).unwrap(), 5);
}

#[test]
fn other_chip_than_expected_is_not_changed() {
    let bench = Bench::new();
    bench.file("bytes.bin", [1, 2, 3, 4]);
    bench.file("ocd.toml", format!("expect = \"{OTHER}\"\n"));
    let session = bench.session();
    session.target().halt().unwrap();
    let pc = session.registers().pc().unwrap();
    for command in [
        &["mem", "write", "0x20000000", "5"][..],
        &["mem", "load", "bytes.bin@0x20000000"],
        &["mem", "test", "0x20000000", "1K"],
        &["regs", "--write", "r7=5"],
        &["svd", "write", "GPIOA.ODR=1", "--svd", SVD],
        &["reset"],
        &["step"],
        &["resume"],
        &["halt"],
        &["bp", "add", "0x08000100"],
        &["wp", "add", "0x20000000"],
        &["dap", "write", "ap", "0", "4", "0x20000000"],
        &["cmd", "mww 0x20000000 5"],
        // These write the firmware's rings, and answer its calls.
        &["rtt", "--ram", "0x20000000+1K", "--timeout", "1s"],
        &["attach", &crate::run::firmware("rtt_plain"), "--timeout", "1s"],
        &["semihosting", "--timeout", "1s"],
        // A program in the chip's RAM looks, or a read changes what is read.
        &["banks", "--erased"],
        &["verify", "bytes.bin@0x08000000"],
        &["svd", "read", "GPIOA", "--force", "--svd", SVD],
        // At the end.
        &["status", "--on-exit", "resume"],
        &["info", "--on-exit", "leave"],
    ] {
        let ran = on(&bench, &session, &["--json"], command).expect(73);
        assert_eq!(ran.error()["id"], "ocd.target.other", "{command:?}");
    }
    assert_eq!(bench.chip.read_u32(0x2000_0000).unwrap(), 0);
    assert_eq!(session.registers().pc().unwrap(), pc);
    assert_eq!(bench.chip.reset_count(), 0);
    assert_eq!(bench.chip.state(), virtual_chip::CoreState::Halted);
    bench.ocd_on(&session, &["status", "--on-exit", "keep"]).expect(0);
    // What only looks shows which chip it is.
    for command in
        [&["status"][..], &["info"], &["regs", "r7"], &["mem", "read", "0x20000000", "4"], &["bp", "list"], &["banks"]]
    {
        bench.ocd_on(&session, command).expect(0);
    }
    // What is typed is a wish of its own.
    let ran = bench.ocd_on(&session, &["status", "--expect", OTHER]).expect(73);
    assert!(ran.stderr.contains("this is another chip: expected 0x12345678 (--expect)"), "{ran:?}");
    bench.ocd_on(&session, &["mem", "write", "0x20000000", "5", "--expect", IDCODE]).expect(0);
}

#[test]
fn commands_of_a_repl_keep_its_board() {
    let bench = Bench::new();
    let ran = bench.ocd(&["repl", "--expect", IDCODE, "-c", "ocd mem write 0x20000000 5", "-c", "ocd status"]);
    assert!(ran.stdout.contains("verified"), "{ran:?}");
    assert_eq!(ran.status, 0, "{ran:?}");
}

const SVD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
