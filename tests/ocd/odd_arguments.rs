//! Options that nobody should give, and standard outputs that nobody reads.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use virtual_chip::{CoreState, firmware};

use crate::bench::{Bench, Ran};
use crate::run::firmware as prebuilt;

/// More seconds than a clock of the system holds, and fewer than a [`std::time::Duration`] does.
const ENDLESS: &str = "9999999999999999999";

#[test]
fn time_beyond_all_clocks_is_a_long_time() {
    let bench = Bench::new();
    bench.chip.load_firmware(firmware::rtt::IMAGE);
    bench.ocd(&["rtt", "--ram", "0x2000_0000+20K", "--list", "--timeout", ENDLESS]).expect(0);
    bench.ocd(&["watch", "0x2000_0000:u32", "-n", "1", "--period", ENDLESS, "--timeout", ENDLESS]).expect(0);
    bench.ocd(&["halt", "--wait", ENDLESS, "--timeout", ENDLESS]).expect(0);
    bench.ocd(&["wait-halt", "--timeout", ENDLESS]).expect(0);
}

#[test]
fn wrong_time_is_found_before_flash_is_changed() {
    let bench = Bench::new();
    let flash = || {
        let mut bytes = [0; 1024];
        bench.chip.read_memory(0x0800_0000, &mut bytes).expect("flash is mapped");
        bytes
    };
    let before = flash();
    let ran = bench.ocd(&["run", &prebuilt("hello"), "--timeout", "soon"]).expect(64);
    assert!(ran.stderr.contains("--timeout: "), "{ran:?}");
    assert!(flash() == before);
}

#[test]
fn a_length_of_nothing_is_wrong_usage() {
    let bench = Bench::new();
    bench.file("old.bin", "12345");
    for arguments in [&["mem", "read", "0x20000000", "0"][..], &["mem", "dump", "0x20000000", "0", "old.bin"]] {
        let ran = bench.ocd_alone(&[arguments, &["--config", "-f absent.cfg"]].concat()).expect(64);
        assert!(ran.stderr.contains("the length is 0"), "{ran:?}");
    }
    assert_eq!(std::fs::read(bench.folder().join("old.bin")).unwrap(), b"12345");
}

#[test]
fn options_of_writing_do_not_go_with_no_flash() {
    let bench = Bench::new();
    for option in ["--verify", "--no-verify", "--no-skip", "--keep-unwritten", "--chip-erase", "--unlock"] {
        let ran = bench.ocd_alone(&["run", "absent.elf", "--no-flash", option, "--config", "-f absent.cfg"]);
        ran.expect(64);
    }
}

#[test]
fn wrong_log_format_is_wrong_usage() {
    let bench = Bench::new();
    for format in ["", "{", "{L}", "{s} {", "{s} {nonsense} {L}", "{s:>99999999999}", "{s:>70000}"] {
        for command in ["run", "attach"] {
            let ran = bench.ocd_alone(&[command, &prebuilt("hello"), "--log-format", format]).expect(64);
            assert!(ran.stderr.contains("--log-format") && !ran.stderr.contains("panicked"), "{format:?}: {ran:?}");
        }
    }
    let format = "{[{L:<5:bold}]%underline} {t} {s} {f:>10} {m} {c} {F} {l}";
    bench.ocd(&["run", &prebuilt("hello"), "--log-format", format]).expect(0);
}

#[test]
fn no_samples_are_taken_if_none_are_wanted() {
    let bench = Bench::new();
    let ran = bench.ocd(&["watch", "0x2000_0000:u32", "-n", "0", "--timeout", "20", "--json"]).expect(0);
    assert_eq!(ran.result()["samples"], 0);
}

#[test]
fn list_of_tests_has_a_form_in_json() {
    let bench = Bench::new();
    let result = bench.ocd_alone(&["run", &prebuilt("tests"), "--json", "--", "--list"]).expect(0).result();
    let names: Vec<&str> =
        result["tests"].as_array().unwrap().iter().map(|test| test["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"tests::sum_is_right"), "{result}");
    let ignored = result["tests"].as_array().unwrap().iter().filter(|test| test["ignored"] == true).count();
    assert_eq!(ignored, 1, "{result}");
}

#[test]
fn help_of_a_test_binary_is_an_answer() {
    let ran = Bench::new().ocd_alone(&["run", &prebuilt("tests"), "--", "--help"]).expect(0);
    assert!(ran.stdout.contains("--include-ignored"), "{ran:?}");
}

#[test]
fn tests_end_in_order_when_nobody_reads_their_results() {
    let bench = Bench::new();
    let mut command = bench.board_command(&["run", &prebuilt("tests"), "--on-exit", "leave"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    drop(output);
    let ran = Ran::from(child.wait_with_output().unwrap()).expect(141);
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    assert!(!bench.chip.is_debug_powered());
}

#[test]
#[cfg(target_os = "linux")]
fn full_standard_output_is_told() {
    let bench = Bench::new();
    for arguments in [&["config"][..], &["config", "--json"], &["run", &prebuilt("tests"), "--list"], &["--help"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let ran = Ran::of(bench.command(arguments).stdout(full)).expect(70);
        assert!(ran.stderr.contains("cannot write to standard output"), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn on_exit_is_honoured_when_the_flash_of_a_test_binary_fails() {
    let bench = Bench::new();
    bench.chip.faults().unerasable_page(0);
    bench.chip.halt();
    bench.ocd(&["run", &prebuilt("tests"), "--on-exit", "resume"]).expect(74);
    assert_eq!(bench.chip.state(), CoreState::Running);
}

#[test]
fn tests_without_their_symbols_are_not_left_out() {
    let bench = Bench::new();
    let whole = std::fs::read(prebuilt("tests")).unwrap();
    let without = |name: &str| {
        let mut file = whole.clone();
        let mut places = 0;
        while let Some(at) = file.windows(name.len()).position(|bytes| bytes == name.as_bytes()) {
            file[at] = b'x';
            places += 1;
        }
        assert!(places > 0, "{name}");
        bench.file("tests.elf", file);
        bench.ocd_alone(&["run", "tests.elf", "--list"]).expect(71)
    };
    for name in ["{\"disambiguator\":16354681428038689103,\"name\":\"this_one_fails\"", "EMBEDDED_TEST_VERSION"] {
        let ran = without(name);
        assert!(ran.stderr.contains("cannot read the list of its tests"), "{ran:?}");
    }
    let ran = without("{\"disambiguator\":");
    assert!(ran.stderr.contains("symbols"), "{ran:?}");
}

#[test]
fn range_that_cannot_hold_a_control_block_is_wrong_usage() {
    Bench::new().ocd(&["rtt", "--ram", "0x2000_0000..0x2000_0001", "--timeout", "5"]).expect(64);
}

#[test]
fn option_of_ocd_among_the_firmwares_arguments_is_told_with_the_right_order() {
    let bench = Bench::new();
    let file = prebuilt("prints");
    for (typed, option, right) in [
        ("fast --timeout 5s", "--timeout", "--timeout 5s fast"),
        ("fast --timeout=5s", "--timeout", "--timeout=5s fast"),
        ("fast -v slow", "-v", "-v fast slow"),
        ("fast -vv", "-vv", "-vv fast"),
        ("fast --no-flash --probe 1 slow --json", "--no-flash", "--no-flash --probe 1 --json fast slow"),
        // The rest is for the firmware.
        ("fast --timeout 5s -- slow", "--timeout", "--timeout 5s fast -- slow"),
    ] {
        let arguments: Vec<&str> = ["run", &file].into_iter().chain(typed.split(' ')).collect();
        let ran = bench.ocd_alone(&arguments).expect(64);
        let message = format!("error: {option} is an option of ocd, but stands among the firmware's arguments\n");
        let help = format!("  help: options of ocd go before the firmware's arguments: ocd run FILE {right}\n");
        assert!(ran.stderr.starts_with(&(message + &help)), "{typed}: {ran:#?}");
    }
    for typed in ["fast --timeoutt=5s", "fast -x", "fast -vx", "fast -5"] {
        let arguments: Vec<&str> = ["run", &file].into_iter().chain(typed.split(' ')).collect();
        let ran = bench.ocd_alone(&arguments).expect(64);
        assert!(ran.stderr.starts_with("error: unknown option -"), "{typed}: {ran:#?}");
    }
    let json = bench.ocd_alone(&["run", "--json", &file, "a b", "--timeout", "5s"]).expect(64).error();
    assert_eq!(json["help"][1], "all that follows -- is the firmware's: ocd run FILE -- 'a b' --timeout 5s");
}

#[test]
fn arguments_that_follow_two_dashes_are_the_firmwares_in_the_repl_too() {
    let line = format!("ocd run '{}' -- --fast", prebuilt("prints"));
    let ran = Bench::new().ocd(&["repl", "-c", &line]).expect(0);
    assert!(ran.stdout.contains("argument --fast\n"), "{ran:#?}");
}
