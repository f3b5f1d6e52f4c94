//! Command lines that cannot be read, and what a person typed in place of what was meant.

use crate::bench::{Bench, Ran};

#[test]
fn unreadable_command_line_is_an_error_in_json_too() {
    let bench = Bench::new();
    for (arguments, command, says) in [
        (&["--json", "frobnicate"][..], "ocd", "frobnicate"),
        (&["halt", "--json", "--nonsense"], "halt", "--nonsense"),
        (&["step", "many", "--json"], "step", "is not a number, such as"),
        (&["mem", "read", "--json"], "mem read", "<ADDRESS>"),
        (&["protect", "--json"], "protect", "<FIRST>"),
        (&["--json", "mem"], "mem", "a command is missing"),
        (&["--json"], "ocd", "a command is missing"),
        (&["halt", "--color", "blue", "--json"], "halt", "blue"),
    ] {
        let ran = bench.ocd_alone(arguments).expect(64);
        assert_eq!((ran.lines().len(), ran.stderr.as_str()), (1, ""), "{ran:#?}");
        assert_eq!(ran.lines()[0]["command"], command, "{ran:#?}");
        let error = ran.error();
        assert_eq!(error["id"], "ocd.usage", "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(says) && !message.contains("error:") && !message.contains('\n'), "{message:?}");
    }
    // That of the firmware is none of ours.
    assert_eq!(bench.ocd_alone(&["run", "--nonsense", "--", "--json"]).expect(64).stdout, "");
}

#[test]
fn lines_of_the_repl_that_cannot_be_read_are_errors_in_json() {
    let bench = Bench::new();
    let ran = bench.ocd(&["repl", "--json", "-c", "ocd frobnicate"]).expect(64);
    assert_eq!(ran.error()["id"], "ocd.usage", "{ran:#?}");
}

#[test]
fn command_that_is_missing_is_answered_with_short_help() {
    let bench = Bench::new();
    let bare = bench.ocd_alone(&[]).expect(64).stderr;
    assert!(bare.contains("Usage: ocd [OPTIONS] <COMMAND>") && !bare.contains("error"), "{bare}");
    let with_settings = Ran::of(bench.command(&[]).env("OCD_SPEED", "1")).expect(64).stderr;
    assert_eq!(with_settings.replace("OCD_SPEED=1", "OCD_SPEED="), bare);
    let mem = Ran::of(bench.command(&["mem"]).env("OCD_SPEED", "1")).expect(64).stderr;
    assert!(mem.contains("Usage: ocd mem") && mem.contains("dump") && !mem.contains("error"), "{mem}");
}

#[test]
fn what_is_to_be_erased_is_asked_with_the_answer() {
    let bench = Bench::new();
    for (arguments, help) in
        [(&["erase", "all"][..], "say --all"), (&["erase", "0x08000000"], "an address and a length")]
    {
        let ran = bench.ocd_alone(arguments).expect(64);
        assert!(ran.stderr.contains(help), "{ran:#?}");
    }
    for command in [&["erase", "0x08000000", "0"][..], &["read", "0x08000000", "0", "x"]] {
        let ran = bench.ocd(command).expect(64);
        assert!(ran.stderr.starts_with("error: the length is 0"), "{ran:#?}");
    }
}

#[test]
fn type_that_does_not_exist_is_named() {
    let bench = Bench::new();
    for variable in ["0x2000_0000:u7", "counter:word"] {
        let ran = bench.ocd_alone(&["watch", variable]).expect(64);
        assert!(ran.stderr.contains("is none of the types: u8, u16"), "{ran:#?}");
    }
}

#[test]
fn mistyped_places_are_wrong_usage_and_not_failures_of_flash() {
    let bench = Bench::new();
    for arguments in [
        &["erase", "--bank", "9", "0", "1"][..],
        &["erase", "--bank", "nosuch", "--all"],
        &["erase", "--bank", "0", "0", "999"],
        &["erase", "0x10", "16"],
        &["erase", "0x0800_0010", "16"],
        &["read", "0x10", "16", "x"],
        &["read", "0x0801_fff0", "64", "x"],
        &["protect", "0", "999"],
        &["unprotect", "5", "1"],
        &["protect", "--bank", "7", "0", "1"],
    ] {
        let ran = bench.ocd(arguments);
        assert_eq!(ran.status, 64, "{arguments:?}: {ran:#?}");
    }
}

#[test]
fn target_runs_on_when_a_bank_is_mistyped() {
    let bench = Bench::new();
    let before = bench.chip.reset_count();
    for arguments in [&["erase", "--bank", "9", "0", "1"][..], &["erase", "--bank", "nosuch", "--all"]] {
        let ran = bench.ocd(arguments).expect(64);
        assert!(ran.stderr.contains("there is no flash bank"), "{ran:#?}");
    }
    assert_eq!((bench.chip.reset_count(), bench.chip.state()), (before, virtual_chip::CoreState::Running));
}

#[test]
fn hints_name_nothing_that_cannot_be_typed() {
    // `Ran` checks it of every command; these are the ones whose library errors name items.
    let bench = Bench::new();
    bench.file("raw.bin", "raw");
    for arguments in [
        &["crash"][..],
        &["core", "x.core"],
        &["regs"],
        &["regs", "--all"],
        &["run", "raw.bin"],
        &["attach", "raw.bin"],
        &["symbols", "raw.bin"],
        &["backtrace", "--elf", "raw.bin"],
        &["cmd", "exit"],
        &["rtt", "--elf", "raw.bin"],
        &["mem", "load", "raw.bin"],
        &["gdb", "raw.bin", "--", "-batch"],
    ] {
        let ran = bench.ocd(arguments);
        for item in ["crash_report", "core_dump", "`reg r0", "Session::", "Image::", "Target::"] {
            assert!(!ran.stderr.contains(item), "{arguments:?}: {ran:#?}");
        }
    }
}

#[test]
fn command_on_a_running_target_says_what_it_needs() {
    let bench = Bench::new();
    for arguments in [&["regs"][..], &["crash"], &["core", "x.core"], &["step"], &["regs", "r0"]] {
        let ran = bench.ocd(arguments).expect(73);
        let first = ran.stderr.lines().next();
        assert_eq!(first, Some("error: this needs a halted target, but stm32f1x.cpu is running"), "{arguments:?}");
    }
}

#[test]
fn names_that_other_tools_give_a_command_are_understood() {
    let bench = Bench::new();
    for (other, own) in [
        ("reg", "regs"),
        ("memory", "mem"),
        ("bt", "backtrace"),
        ("download", "flash"),
        ("go", "resume"),
        ("stop", "halt"),
    ] {
        let help = |name: &str| bench.ocd_alone(&[name, "--help"]).expect(0).stdout;
        assert_eq!(help(other), help(own));
    }
    let ran = bench.ocd(&["stop", "--json"]).expect(0);
    assert_eq!(ran.lines()[0]["command"], "halt");
}

#[test]
fn usage_is_the_same_with_settings_of_the_environment() {
    let bench = Bench::new();
    for arguments in [
        &["run"][..],
        &["mem", "read"],
        &["mem", "read", "0", "--bogus"],
        &["mem", "dump", "0"],
        &["status", "--speed"],
        &["frobnicate"],
        &["protect", "all", "1"],
    ] {
        let bare = bench.ocd_alone(arguments).expect(64).stderr;
        let mut command = bench.command(arguments);
        command.env("OCD_CONNECT", "localhost:1").env("OCD_PROGRESS", "plain").env("OCD_TIMEOUT", "5");
        let with_settings = Ran::of(&mut command).expect(64).stderr;
        assert_eq!(with_settings, bare, "{arguments:?}");
        let usage = bare.lines().find(|line| line.starts_with("Usage:"));
        assert!(usage.is_none_or(|usage| usage.contains("[OPTIONS]") && !usage.contains("--")), "{bare}");
        assert!(usage.is_some() || arguments[0] == "status" || arguments[0] == "protect", "{bare}");
    }
    let mut command = bench.command(&["run"]);
    let ran = Ran::of(command.env("OCD_CONNECT", "localhost:1").env("OCD_PROGRESS", "plain")).expect(64);
    assert!(ran.stderr.contains("Usage: ocd run [OPTIONS] <FILE>"), "{ran:#?}");
}

#[test]
fn only_similar_commands_are_suggested() {
    let bench = Bench::new();
    let says = |word: &str| bench.ocd_alone(&[word]).expect(64).stderr;
    let nope = says("nope");
    assert!(!nope.contains("similar") && !nope.contains("\n\n\n"), "{nope}");
    assert!(says("flsh").contains("a similar subcommand exists: 'flash'"), "{}", says("flsh"));
    let option = |word: &str| bench.ocd_alone(&["status", word]).expect(64).stderr;
    assert!(
        option("--conect").contains("'--connect'") && !option("--nope").contains("similar"),
        "{}",
        option("--nope")
    );
}

#[test]
fn ranges_of_sectors_that_are_reversed_are_told() {
    let bench = Bench::new();
    for arguments in [&["erase", "--bank", "0", "7", "4"][..], &["protect", "7", "4"], &["unprotect", "7", "4"]] {
        let ran = Ran::of(bench.board_command(arguments).args(["--openocd", "/nonexistent"])).expect(64);
        assert!(ran.stderr.contains("reversed") && ran.stderr.contains("4 7"), "{ran:#?}");
    }
}

#[test]
fn numbers_are_told_in_words() {
    let bench = Bench::new();
    for arguments in [
        &["protect", "all", "1"][..],
        &["unprotect", "0", "all"],
        &["step", "x"],
        &["events", "-n", "x"],
        &["watch", "0", "-n", "x"],
        &["rtt", "--channel", "x"],
        &["attach", "x", "--channel", "x"],
        &["server", "--tcl-port", "x"],
    ] {
        let ran = bench.ocd_alone(arguments).expect(64);
        assert!(ran.stderr.contains("is not a number, such as"), "{ran:#?}");
    }
    let ran = bench.ocd(&["erase", "0x08004000", "1000"]).expect(64);
    assert!(ran.stderr.contains("1000 bytes (0x3e8)"), "{ran:#?}");
}

#[test]
fn one_is_no_plural() {
    let bench = Bench::new();
    let ran = bench.ocd(&["watch", "0x2000_0000", "-n", "1"]).expect(0);
    assert!(ran.stderr.contains("1 sample, 0 missed"), "{ran:#?}");
    let ran = bench.ocd(&["mem", "dump", "0x2000_0000", "1", "x.bin"]).expect(0);
    assert_eq!(ran.stdout, "wrote 1 byte from 0x20000000 to x.bin\n");
    let ran = bench.ocd(&["read", "0x0800_0000", "1", "x.bin"]).expect(0);
    assert!(ran.stdout.starts_with("1 byte from 0x08000000 is in x.bin"), "{ran:#?}");
}

#[test]
fn subcommands_are_named_in_json() {
    let bench = Bench::new();
    for (arguments, command) in [
        (&["mem", "read", "0x2000_0000", "4"][..], "mem read"),
        (&["mem", "write", "0x2000_0000=1"], "mem write"),
        (&["bp", "list"], "bp list"),
        (&["adapter"], "adapter"),
        (&["status"], "status"),
    ] {
        let ran = bench.ocd(&[arguments, &["--json"]].concat()).expect(0);
        assert_eq!(ran.lines()[0]["command"], command, "{ran:#?}");
    }
}

#[test]
fn unknown_option_that_names_a_value_or_a_command_is_told_so() {
    let bench = Bench::new();
    for (arguments, tip) in [
        (&["reset", "--halt"][..], Some("say it without dashes: ocd reset halt")),
        (&["reset", "--init", "--json"], Some("say it without dashes: ocd reset init")),
        (&["--halt"], Some("say it without dashes: ocd halt")),
        (&["mem", "--read", "0x20000000"], Some("say it without dashes: ocd mem read")),
        (&["erase", "--al"], Some("a similar argument exists: '--all'")),
        (&["reset", "--hlt"], Some("a similar value exists: ocd reset halt")),
        (&["status", "--foo"], None),
        (&["reset", "--foo"], None),
        (&["flash", "--xyz", "x.bin"], None),
        (&["banks", "--foo"], None),
        (&["reset", "run", "halt"], None),
        (&["reset", "-x"], None),
        (&["reset", "--=halt"], None),
    ] {
        let ran = bench.ocd_alone(arguments).expect(64);
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!told.contains("as a value") && !told.contains("-- --"), "{ran:#?}");
        match tip {
            Some(tip) => assert!(told.contains(tip), "{ran:#?}"),
            None => assert!(!told.contains("tip:") && told.contains("found\n\nUsage"), "{ran:#?}"),
        }
    }
}

#[test]
fn last_sector_that_is_missing_is_asked_for() {
    let bench = Bench::new();
    let ran = bench.ocd_alone(&["erase", "--bank", "0", "5"]).expect(64);
    assert!(ran.stderr.starts_with("error: the last sector is missing\n"), "{ran:#?}");
    assert!(ran.stderr.contains("help: for sector 5 alone: --bank 0 5 5\n"), "{ran:#?}");
}

#[test]
fn options_of_ocd_among_the_words_of_a_command_of_openocds_are_told() {
    let bench = Bench::new();
    let ran = bench.ocd(&["cmd", "targets", "--json"]).expect(70);
    assert!(ran.stderr.contains("help: options of ocd go before the command: ocd cmd --json targets\n"), "{ran:#?}");
    let ran = bench.ocd(&["cmd", "targets", "--nonsense"]).expect(70);
    assert!(!ran.stderr.contains("help: "), "{ran:#?}");
    assert_eq!(bench.ocd(&["cmd", "set", "x", "--json"]).expect(0).stdout, "--json\n");
}
