//! `ocd run` with the Rust firmware of `examples/firmware/rust`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use virtual_chip::CoreState;

use crate::bench::{Bench, Ran};

/// The path of a prebuilt firmware.
pub fn firmware(name: &str) -> String {
    format!("{}/examples/firmware/rust/prebuilt/{name}.elf", env!("CARGO_MANIFEST_DIR"))
}

/// The last line of standard error.
fn last(ran: &Ran) -> &str {
    ran.stderr.lines().last().unwrap_or_default()
}

/// The events of one type.
fn events(ran: &Ran, kind: &str) -> Vec<Value> {
    ran.lines().into_iter().filter(|line| line["type"] == kind).map(|line| line["event"].clone()).collect()
}

#[test]
fn firmware_that_exits_with_success_is_a_success() {
    let bench = Bench::new();
    let ran = bench.ocd(&["run", &firmware("hello")]).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{ran:?}");
    // Timestamp, level, message, place in the sources.
    assert!(lines[0].contains("[INFO ] hello from the board ("), "{ran:?}");
    assert!(lines[0].contains("hello.rs:"), "{ran:?}");
    assert!(lines[1].contains("Reading { channel: 3, millivolts: 1207 }"), "{ran:?}");
    assert!(lines[4].contains("[ERROR] no answer from the sensor"), "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}'), "escape codes in a pipe: {ran:?}");
    assert_eq!(last(&ran), "the firmware exited with status 0 (exit status 0, of the firmware)");
    assert_eq!(bench.chip.state(), CoreState::Halted);
}

#[test]
fn the_firmwares_exit_status_is_ours() {
    for (name, status) in [("exits", 7), ("fails", 1)] {
        let ran = Bench::new().ocd(&["run", &firmware(name)]).expect(status);
        assert!(last(&ran).ends_with(&format!("(exit status {status}, of the firmware)")), "{ran:?}");
    }
}

#[test]
fn a_panic_is_told_with_its_message_and_its_calls() {
    let ran = Bench::new().ocd(&["run", &firmware("panics")]).expect(134);
    assert!(ran.stdout.contains("panicked at"), "{ran:?}");
    assert!(ran.stdout.contains("index out of bounds"), "{ran:?}");
    for function in ["sum_up_to", "sum_down_from", "main"] {
        assert!(ran.stderr.contains(function), "{function} is missing: {ran:?}");
    }
    assert!(ran.stderr.contains("panics.rs:"), "{ran:?}");
    assert!(last(&ran).starts_with("the firmware crashed: HardFault"), "{ran:?}");
    assert!(last(&ran).ends_with("(exit status 134, of ocd)"), "{ran:?}");
}

#[test]
fn faults_lockups_and_stack_overflows_are_crashes() {
    for (name, catch, reason) in [
        ("faults", "hard-fault", "the firmware crashed: HardFault"),
        ("faults", "bus-fault", "the firmware crashed"),
        ("locks_up", "none", "the firmware locked up"),
        ("overflows", "hard-fault", "the firmware crashed: HardFault: stack overflow: "),
    ] {
        let ran = Bench::new().ocd(&["run", &firmware(name), "--catch", catch, "--timeout", "60"]).expect(134);
        assert!(last(&ran).starts_with(reason), "{ran:?}");
    }
}

#[test]
fn a_crash_is_data_in_json() {
    let ran = Bench::new().ocd(&["run", "--json", &firmware("panics")]).expect(134);
    let result = ran.result();
    assert_eq!(result["crash"]["core"]["kind"], "cortex_m", "{result}");
    let frames = result["backtrace"]["frames"].as_array().unwrap();
    assert!(frames.len() >= 4, "{result}");
    assert_eq!(ran.lines().last().unwrap()["whose"], "ocd");
    let messages: Vec<Value> = events(&ran, "log").into_iter().map(|event| event["message"].clone()).collect();
    assert_eq!(messages[0], "about to panic");
}

#[test]
fn firmware_that_hangs_ends_at_the_time_limit() {
    let bench = Bench::new();
    let began = Instant::now();
    let ran = bench.ocd(&["run", &firmware("hangs"), "--timeout", "3"]).expect(124);
    assert!(began.elapsed() >= Duration::from_secs(3));
    assert_eq!(last(&ran), "the time is over (exit status 124, of ocd)");
    assert!(!ran.stdout.is_empty(), "{ran:?}");
}

#[test]
fn a_wanted_line_or_symbol_ends_a_run_with_success() {
    let bench = Bench::new();
    let ran = bench.ocd(&["run", &firmware("hangs"), "--timeout", "60", "--until-line", "(?i)COUNT.* 2$"]).expect(0);
    assert!(last(&ran).starts_with("the line came: "), "{ran:?}");
    let ran = bench.ocd(&["run", &firmware("hangs"), "--timeout", "60", "--until", "main"]).expect(0);
    let main = openocd::Image::open(firmware("hangs")).unwrap().symbol("main").unwrap().address;
    assert_eq!(last(&ran), format!("the firmware reached {main:#010x} in main (exit status 0, of ocd)"));
}

#[test]
fn wrong_argument_is_found_before_the_board_is_opened() {
    let bench = Bench::new();
    for (arguments, status, problem) in [
        (["--until", "nowhere"], 64, "no symbol \"nowhere\""),
        (["--until", "mian+4"], 64, "near: main"),
        (["--until", "12x"], 64, "12x"),
        (["--files", "absent"], 71, "absent"),
        (["--input", "absent"], 71, "absent"),
    ] {
        let mut line = vec!["run", "HANGS", "--openocd", "/nonexistent"];
        let hangs = firmware("hangs");
        line[1] = &hangs;
        line.extend(arguments);
        let ran = bench.ocd(&line).expect(status);
        assert!(ran.stderr.contains(problem) && !ran.stderr.contains("/nonexistent"), "{ran:?}");
    }
}

#[test]
fn what_was_waited_for_and_did_not_come_is_no_success() {
    let bench = Bench::new();
    let ran = bench.ocd(&["run", &firmware("prints"), "--until-line", "nothere"]).expect(77);
    let reason = "the firmware exited with status 0, but the line of --until-line did not come";
    assert_eq!(last(&ran), format!("{reason} (exit status 77, of ocd)"));
    let ran = bench.ocd(&["run", &firmware("prints"), "--until", "0x0800_0000", "--json"]).expect(77);
    let reason = "the firmware exited with status 0, but the place of --until was not reached";
    assert_eq!(ran.result()["reason"], reason, "{ran:?}");
    assert_eq!(ran.lines().last().unwrap()["whose"], "ocd");
    // Another status says more.
    bench.ocd(&["run", &firmware("exits"), "--until-line", "nothere"]).expect(7);
}

#[test]
fn arguments_and_input_reach_the_firmware_by_semihosting() {
    let bench = Bench::new();
    bench.file("input.txt", "some input\n");
    let ran = bench.ocd(&["run", &firmware("prints"), "--input", "input.txt", "--", "one", "--two"]).expect(0);
    let expected =
        "hello over semihosting\nargument prints.elf\nargument one\nargument --two\nsome input\nend of input\n";
    assert_eq!(ran.stdout, expected, "{ran:?}");

    // A file without an end is read as the target reads it.
    bench.ocd(&["run", &firmware("prints"), "--input", "/dev/zero", "--timeout", "2s"]).expect(124);
    // One that nobody opens for writing does not keep the run from its deadline.
    let fifo = bench.folder().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    bench.ocd(&["run", &firmware("prints"), "--input", fifo.to_str().unwrap(), "--timeout", "2s"]).expect(124);
    let mut command = bench.board_command(&["run", &firmware("prints"), "--input", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap()).expect(0);
    assert!(ran.stdout.contains("typed\n"), "{ran:?}");
}

#[test]
fn a_mistyped_option_is_no_argument_of_the_firmware() {
    let ran = Bench::new().ocd(&["run", &firmware("prints"), "--no-flsh"]).expect(64);
    assert!(ran.stderr.contains("unknown option --no-flsh"), "{ran:?}");
}

#[test]
fn several_rtt_channels_are_told_apart() {
    let bench = Bench::new();
    let arguments = ["run", &firmware("rtt_plain"), "--channel", "0", "--channel", "1", "--until-line", "hello"];
    let ran = bench.ocd(&arguments).expect(0);
    assert_eq!(ran.stdout, "rtt 0: hello over RTT\n");
    let one = bench.ocd(&["run", &firmware("rtt_plain"), "--until-line", "hello"]).expect(0);
    assert_eq!(one.stdout, "hello over RTT\n");
}

#[test]
fn missing_rtt_channel_is_told() {
    let bench = Bench::new();
    let ran = bench.ocd(&["run", &firmware("rtt_plain"), "--channel", "9", "--timeout", "2", "--json"]).expect(124);
    let warnings = events(&ran, "warning");
    assert_eq!(warnings[0]["message"], "the firmware did not set up RTT channel 9", "{ran:?}");
    let ran = bench.ocd(&["run", &firmware("prints"), "--ram", "0x2000_0000+4K"]).expect(0);
    assert!(ran.stderr.contains("warning: the firmware did not set up RTT channel 0"), "{ran:?}");
    // Nobody asked for one.
    let ran = bench.ocd(&["run", &firmware("prints")]).expect(0);
    assert!(!ran.stderr.contains("warning"), "{ran:?}");
}

#[test]
fn levels_are_filtered_and_formats_are_chosen() {
    let bench = Bench::new();
    let ran = bench.ocd(&["run", &firmware("hello"), "--log-filter", "warn", "--log-format", "{L}|{s}"]).expect(0);
    assert_eq!(ran.stdout, "WARN |97 % of the flash is used\nERROR|no answer from the sensor\n");
    let ran = bench.ocd(&["run", &firmware("hello"), "--log-format", "full", "--timestamps", "both"]).expect(0);
    assert!(ran.stdout.lines().nth(1).unwrap().starts_with("└─ hello::"), "{ran:?}");
    bench.ocd(&["run", &firmware("hello"), "--log-filter", "loud"]).expect(64);
}

#[test]
fn a_second_run_writes_nothing_and_other_firmware_is_noticed() {
    let bench = Bench::new();
    bench.ocd(&["run", &firmware("exits")]).expect(7);
    let again = bench.ocd(&["run", &firmware("exits")]).expect(7);
    assert!(again.stderr.contains("0 bytes erased, 0 written"), "{again:?}");
    let other = bench.ocd(&["run", "--no-flash", &firmware("fails")]).expect(7);
    assert!(other.stderr.contains("warning: the chip holds other firmware"), "{other:?}");
    // Decoded by the strings of another program, its log would be an invention.
    assert_eq!(other.stdout, "", "{other:?}");
    assert!(other.stderr.contains("the log of defmt is not decoded"), "{other:?}");
    let trusted = bench.ocd(&["run", "--no-flash", "--trust-file", &firmware("fails")]).expect(7);
    assert!(trusted.stderr.contains("warning: the chip holds other firmware"), "{trusted:?}");
    assert!(!trusted.stderr.contains("is not decoded"), "{trusted:?}");
    let json = bench.ocd(&["run", "--no-flash", "--json", &firmware("fails")]).expect(7);
    let warnings = events(&json, "warning");
    // The log is that of other firmware, too.
    assert!(warnings[0]["message"].as_str().unwrap().starts_with("the chip holds other firmware"), "{json:?}");
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_a_run_in_order() {
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        let bench = Bench::new();
        let mut command = bench.board_command(&["run", &firmware("hangs"), "--on-exit", "resume"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let began = Instant::now();
        std::io::Read::read_to_end(&mut output, &mut Vec::new()).unwrap();
        Ran::from(child.wait_with_output().unwrap()).expect(status);
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(bench.chip.state(), CoreState::Running);
    }
}

#[test]
fn a_test_binary_is_listed_without_a_board() {
    let bench = Bench::new();
    let ran = bench.ocd_alone(&["run", &firmware("tests"), "--list", "--format", "terse"]).expect(0);
    assert!(ran.stdout.contains("tests::offset_is_known: test\n"), "{ran:?}");
    let ignored = bench.ocd_alone(&["run", &firmware("tests"), "--list", "--format", "terse", "--ignored"]).expect(0);
    assert_eq!(ignored.stdout, "tests::needs_a_sensor: test\n");
}

#[test]
fn tests_run_on_the_board_as_cargo_test_runs_them() {
    let bench = Bench::new();
    let ran = bench.ocd(&["run", &firmware("tests")]).expect(101);
    for (name, result) in [
        ("negative_index_panics", "ok"),
        ("needs_a_sensor", "ignored"),
        ("offset_is_known", "ok"),
        ("sum_is_right", "ok"),
        ("this_one_fails", "FAILED"),
        ("this_one_never_ends", "FAILED"),
        ("this_one_returns_an_error", "FAILED"),
    ] {
        let begin = format!("test tests::{name:<25} ... ");
        let lines: Vec<_> = ran.stdout.lines().filter_map(|line| line.strip_prefix(&begin)).collect();
        assert_eq!(lines.last(), Some(&result), "{name}: {ran:?}");
        // Before the log of the firmware there is the name of the test alone.
        assert!(lines[..lines.len() - 1].iter().all(|line| line.is_empty()), "{name}: {ran:?}");
        // The list of failures at the end names each that failed, and no other.
        let is_listed = ran.stdout.lines().any(|line| line == format!("    tests::{name}"));
        assert_eq!(is_listed, result == "FAILED", "{name}: {ran:?}");
    }
    assert!(ran.stdout.contains("3 passed; 3 failed; 1 ignored"), "{ran:?}");
    let mut logged = ran.stdout.lines().filter(|line| line.contains("the offset is -3"));
    assert!(logged.next().is_some_and(|line| !line.starts_with("test ")), "{ran:?}");

    let ran = bench.ocd(&["run", "--until-line", "ok", &firmware("tests"), "--openocd", "/nonexistent"]).expect(64);
    assert!(ran.stderr.contains("a test ends by itself"), "{ran:?}");

    let terse = bench.ocd(&["run", &firmware("tests"), "--", "--format", "terse", "offset"]).expect(0);
    assert!(terse.stdout.lines().any(|line| line == "."), "{terse:?}");

    let one = bench.ocd(&["run", &firmware("tests"), "--exact", "tests::sum_is_right", "--nocapture"]).expect(0);
    assert!(one.stdout.contains("1 passed; 0 failed"), "{one:?}");
}

#[test]
fn option_of_ocd_behind_the_filter_is_told() {
    let ran = Bench::new().ocd_alone(&["run", &firmware("tests"), "offset", "--json"]).expect(64);
    let help = "options of ocd go before the filter: ocd run FILE --timeout 5 FILTER";
    assert_eq!(ran.stderr, format!("error: unexpected argument '--json' found\n  help: {help}\n"));
    let ran = Bench::new().ocd_alone(&["run", &firmware("tests"), "offset", "--timeout", "5"]).expect(64);
    assert!(ran.stderr.starts_with("error: unexpected argument '--timeout' found\n"), "{ran:?}");
    assert!(!ran.stderr.contains("-- --timeout"), "{ran:?}");
}

#[test]
fn crash_of_other_firmware_has_no_names() {
    let bench = Bench::new();
    bench.ocd(&["flash", &firmware("faults"), "--reset", "halt"]).expect(0);
    let ran = bench.ocd(&["run", "--no-flash", &firmware("panics"), "--timeout", "60"]).expect(134);
    assert!(ran.stderr.contains("warning: the chip holds other firmware"), "{ran:?}");
    assert!(!ran.stderr.contains(".rs:"), "{ran:?}");
    let ran = bench.ocd(&["run", "--no-flash", &firmware("faults"), "--timeout", "60"]).expect(134);
    assert!(ran.stderr.contains(".rs:"), "{ran:?}");
}

/// A program at the beginning of flash, as a file.
fn program(bench: &Bench, name: &str, code: &[u16], text: &[u8]) {
    let mut bytes = [0x2000_5000_u32.to_le_bytes(), 0x0800_0041_u32.to_le_bytes()].concat();
    bytes.resize(0x40, 0);
    bytes.extend(code.iter().flat_map(|half| half.to_le_bytes()));
    bytes.extend(text);
    let image = openocd::Image::bin(0x0800_0000, bytes).unwrap();
    image.save(bench.folder().join(name), openocd::ImageFormat::IntelHex).unwrap();
}

#[test]
fn line_that_is_not_complete_is_not_the_wanted_one() {
    let bench = Bench::new();
    // SYS_WRITE0, and an endless loop.
    program(&bench, "hangs.hex", &[0x2004, 0xa101, 0xbeab, 0xe7fe], b"count 1\0");
    let ran = bench.ocd(&["run", "hangs.hex", "--until-line", "^count 1$", "--timeout", "2"]).expect(124);
    assert_eq!(ran.stdout, "count 1\n");
    // SYS_WRITE0, and SYS_EXIT with success: no more can come.
    let exits = [0x2004, 0xa103, 0xbeab, 0x2018, 0x4900, 0xbeab, 0x0026, 0x0002];
    program(&bench, "exits.hex", &exits, b"count 1\0");
    let ran = bench.ocd(&["run", "exits.hex", "--until-line", "^count 1$", "--timeout", "20"]).expect(0);
    assert_eq!(last(&ran), "the line came: count 1 (exit status 0, of ocd)");
}

/// A run with --json of firmware that never ends, and the rest of its output once the firmware logs.
fn hanging_run(bench: &Bench, address: &str, timeout: &str) -> (Child, BufReader<ChildStdout>) {
    let mut run = bench.command(&["run", &firmware("hangs"), "--connect", address, "--json", "--timeout", timeout]);
    let mut run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(run.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"log\"") {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "the firmware logs");
    }
    (run, output)
}

#[test]
fn firmware_that_another_program_wrote_during_the_run_gives_no_verdict() {
    let bench = Bench::new();
    let server = openocd::Session::start(bench.config()).unwrap();
    let address = server.process().unwrap().tcl_address().to_string();
    let (mut first, mut output) = hanging_run(&bench, &address, "60");
    // The halts and the exit of this one end the first run.
    Ran::of(&mut bench.command(&["run", &firmware("exits"), "--connect", &address, "--timeout", "30"]));
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(73), "{rest}");
    assert!(rest.lines().last().unwrap().contains("\"ocd.run.other_firmware\""), "{rest}");
    server.close().unwrap();
}

#[test]
fn reset_by_another_program_during_the_run_gives_no_verdict() {
    let bench = Bench::new();
    let server = openocd::Session::start(bench.config()).unwrap();
    let address = server.process().unwrap().tcl_address().to_string();
    let (mut first, mut output) = hanging_run(&bench, &address, "8");
    Ran::of(&mut bench.command(&["reset", "--connect", &address])).expect(0);
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(73), "{rest}");
    assert!(rest.lines().last().unwrap().contains("\"ocd.run.reset\""), "{rest}");
    server.close().unwrap();
}
