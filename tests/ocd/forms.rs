//! The forms in which addresses, ranges and values are typed: one form works wherever it makes
//! sense, and a form of another command is answered with the right one.

use virtual_chip::firmware::COUNTER_ADDRESS;

use crate::bench::{Bench, Ran};

const CRASH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/crash/crash.elf");
const SVD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");

/// The same sixteen bytes, in each form of a range.
const FORMS: [&str; 3] = ["0x2000_0000..0x2000_0010", "0x2000_0000..+16", "0x2000_0000+16"];

#[test]
fn each_form_of_a_range_is_taken_where_a_range_is_taken() {
    let bench = Bench::new();
    let session = bench.session();
    session.target().halt().unwrap();
    bench.chip.write_memory(0x2000_0000, b"SEGGER RTT\0\0\0\0\0\0").unwrap();
    for range in FORMS {
        assert_eq!(bench.ocd_on(&session, &["mem", "search", range, "SEGG", "-t"]).expect(0).stdout, "0x20000000\n");
        bench.ocd_on(&session, &["mem", "test", range]).expect(0);
        bench.ocd_on(&session, &["core", "x.core", range]).expect(0);
        bench.ocd_on(&session, &["mem", "dump", range, "x.bin"]).expect(0);
        assert_eq!(std::fs::read(bench.folder().join("x.bin")).unwrap(), b"SEGGER RTT\0\0\0\0\0\0");
        // It is read, and is too small.
        let error = bench.ocd_on(&session, &["rtt", "--ram", range, "--list", "--timeout", "1", "--json"]).error();
        assert!(error["message"].as_str().unwrap().contains("has 16 bytes; expected at least"), "{range}: {error}");
    }
}

#[test]
fn ranges_of_symbols_are_taken_where_firmware_is_named() {
    let bench = Bench::new();
    bench.ocd(&["mem", "test", "where+4", "--elf", CRASH, "--openocd", "/nonexistent"]).expect(71);
    for arguments in [&["run", CRASH, "--ram", "where..+1K"][..], &["attach", CRASH, "--ram", "where+1K"]] {
        // It cannot start: there is no such program.
        Ran::of(bench.board_command(arguments).args(["--openocd", "/nonexistent"])).expect(71);
    }
    for arguments in [&["run", CRASH, "--ram", "nowhere..+1K"][..], &["attach", CRASH, "--ram", "0x2000_0000..+0"]] {
        Ran::of(bench.board_command(arguments).args(["--openocd", "/nonexistent"])).expect(64);
    }
}

#[test]
fn ranges_take_the_place_of_an_address_and_a_length() {
    let bench = Bench::new();
    bench.chip.write_memory(0x2000_0000, b"0123456789abcdef").unwrap();
    let table = bench.ocd(&["mem", "read", "0x2000_0000", "16"]).expect(0).stdout;
    for range in &FORMS[..2] {
        assert_eq!(bench.ocd(&["mem", "read", range]).expect(0).stdout, table);
    }
    bench.ocd(&["mem", "read", "0x2000_0000..+16", "4"]).expect(64);
    bench.ocd(&["mem", "read", "0x2000_0000..+16", "-n", "4"]).expect(64);
    let session = bench.session();
    session.target().halt().unwrap();
    let watched = bench.ocd_on(&session, &["wp", "add", "0x2000_0000..+4", "--json"]).expect(0).result();
    session.close().unwrap();
    assert_eq!(watched["watchpoints"][0]["length"], 4);
    bench.ocd(&["read", "0x0800_0000..+8", "x.bin"]).expect(0);
    assert_eq!(std::fs::read(bench.folder().join("x.bin")).unwrap().len(), 8);
    bench.ocd(&["read", "0x0800_0000+16", "x.bin"]).expect(0);
    assert_eq!(std::fs::read(bench.folder().join("x.bin")).unwrap().len(), 16);
    let erased = bench.ocd(&["erase", "0x0800_4000+1K", "--json"]).expect(0).result();
    assert_eq!(erased["erased"], 1024);
    for arguments in [
        &["erase", "0x0800_4000"][..],
        &["erase", "0x0800_4000..+1K", "1K"],
        &["erase", "0x0800_4000", "0"],
        &["read", "0x0800_4000", "x.bin"],
        &["read", "0x0800_4000", "0", "x.bin"],
        &["mem", "dump", "0x2000_0000", "x.bin"],
    ] {
        Ran::of(bench.board_command(arguments).args(["--openocd", "/nonexistent"])).expect(64);
    }
}

#[test]
fn help_shows_the_forms_of_a_range() {
    let bench = Bench::new();
    for command in [
        &["run"][..],
        &["attach"],
        &["rtt"],
        &["core"],
        &["mem", "test"],
        &["mem", "search"],
        &["mem", "dump"],
        &["mem", "read"],
        &["erase"],
        &["read"],
    ] {
        let help = bench.ocd_alone(&[command, &["--help"]].concat()).expect(0).stdout;
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains("START..END") && help.contains("START..+LENGTH"), "{command:?}: {help}");
        assert_eq!(help.contains("START+LENGTH"), command != ["mem", "read"], "{command:?}: {help}");
    }
    let error = bench.ocd(&["mem", "test", "0x2000_0000", "--json"]).expect(64).error();
    let forms = "give the range as 0x2000_0000..+LENGTH, 0x2000_0000+LENGTH or 0x2000_0000..END";
    assert_eq!(error["help"][0], forms);
}

#[test]
fn values_are_written_with_a_sign_or_a_blank() {
    let bench = Bench::new();
    let at = |address: u32| bench.chip.read_u32(address).unwrap();
    bench.ocd(&["mem", "write", "0x2000_0100=0x11", "-2"]).expect(0);
    assert_eq!([at(0x2000_0100), at(0x2000_0104)], [0x11, u32::MAX - 1]);
    bench.ocd(&["mem", "write", "0x2000_0100+8=7"]).expect(0);
    assert_eq!(at(0x2000_0108), 7);
    bench.ocd(&["svd", "write", "GPIOA.ODR", "0x5a", "--svd", SVD]).expect(0);
    assert_eq!(at(0x4001_080c), 0x5a);
    bench.ocd(&["svd", "write", "GPIOA.ODR", "1", "GPIOA.CRL=0x44444443", "--svd", SVD]).expect(0);
    assert_eq!([at(0x4001_080c), at(0x4001_0800)], [1, 0x4444_4443]);
}

#[test]
fn forms_of_another_command_are_answered_with_the_right_one() {
    let bench = Bench::new();
    for (arguments, help) in [
        (&["regs", "pc=0x08000040"][..], "ocd regs --write pc=0x08000040"),
        (&["regs", "pc", "0x08000040"], "ocd regs --write NAME=VALUE"),
        (&["regs", "--write", "pc", "5"], "ocd regs --write pc=0x08000040"),
        (&["mem", "read", "0x2000_0000=5"], "ocd mem write 0x2000_0000=5"),
        (&["mem", "write", "0x2000_0000"], "ocd mem write 0x2000_0000 VALUE, or 0x2000_0000=VALUE"),
        (&["mem", "write", "0x2000_0000=1", "0x2000_0010=2"], "ocd mem write 0x2000_0010=2"),
        (&["mem", "write", "sp=5"], "ocd regs --write sp=5"),
        (&["mem", "read", "sp"], "ocd regs sp"),
        (&["svd", "read", "RCC.CR=1", "--svd", SVD], "ocd svd write RCC.CR=1"),
        (&["svd", "write", "RCC.CR", "--svd", SVD], "ocd svd write RCC.CR=VALUE"),
    ] {
        let mut command = bench.board_command(arguments);
        let ran = Ran::of(command.args(["--json", "--openocd", "/nonexistent"])).expect(64);
        let error = ran.error();
        let found = error["help"].as_array().unwrap().iter().any(|text| text.as_str().unwrap().contains(help));
        assert!(found, "{arguments:?}: {error}");
    }
}

#[test]
fn help_says_which_registers_are_addresses() {
    let bench = Bench::new();
    for command in [&["mem", "read"][..], &["mem", "write"], &["mem", "dump"], &["mem", "load"], &["wp", "add"]] {
        let help = bench.ocd_alone(&[command, &["--help"]].concat()).expect(0).stdout;
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains("SVD register") && !help.contains("or a register"), "{command:?}: {help}");
    }
}

#[test]
fn bare_addresses_are_watched_as_u32() {
    let bench = Bench::new();
    let address = format!("{COUNTER_ADDRESS:#x}");
    let ran = bench.ocd(&["watch", &address, "-n", "2", "--period", "1ms"]).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!((lines[0], lines.len()), (format!("time_s,missed,{address}").as_str(), 3), "{ran:?}");
    assert_eq!(lines[1].split(',').count(), 3);
}
