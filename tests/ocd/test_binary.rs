//! `ocd run` with a test binary: its time, and what its last line says.

use std::time::{Duration, Instant};

use crate::bench::{Bench, Ran};
use crate::run::firmware;
use crate::running::Running;

/// The last line of standard error.
fn last(ran: &Ran) -> &str {
    ran.stderr.lines().last().unwrap_or_default()
}

/// The prebuilt test binary, in which the test that never ends has 9 s of its own in place of 1 s.
fn patient_tests(bench: &Bench) {
    let mut bytes = std::fs::read(firmware("tests")).unwrap();
    // Both tables of strings have it: that of the debugger, and that of the symbols.
    let name = b"\"this_one_never_ends\",\"ignored\":false,\"should_panic\":false,\"timeout\":";
    let places: Vec<usize> =
        (0..bytes.len()).filter(|&at| bytes[at..].starts_with(name)).map(|at| at + name.len()).collect();
    assert_eq!(places.len(), 2);
    for at in places {
        bytes[at] = b'9';
    }
    bench.file("patient.elf", bytes);
}

#[test]
fn timeout_ends_a_test_that_has_more_time_of_its_own() {
    let bench = Bench::new();
    patient_tests(&bench);
    let begin = Instant::now();
    let ran = bench.ocd(&["run", "patient.elf", "--timeout", "2s", "--", "never_ends"]).expect(124);
    assert!(begin.elapsed() < Duration::from_secs(7), "{:?}: {ran:#?}", begin.elapsed());
    let told =
        "the time of 2s is over while the test tests::this_one_never_ends ran: 0 passed, 0 failed, 0 did not run";
    assert_eq!(last(&ran), format!("{told} (exit status 124, of ocd)"));
    assert!(!ran.stdout.contains("test result:"), "{ran:#?}");

    let ran = bench.ocd(&["run", "patient.elf", "--timeout", "2s", "--json", "--", "never_ends"]).expect(124);
    let result = ran.result();
    assert_eq!(result["unfinished"], "tests::this_one_never_ends", "{result}");
    assert_eq!((&result["passed"], &result["failed"], &result["not_run"]), (&0.into(), &0.into(), &0.into()));
    assert_eq!(result["reason"], told);
}

#[test]
fn timeout_limits_all_tests_together() {
    let bench = Bench::new();
    patient_tests(&bench);
    let ran = bench.ocd(&["run", "patient.elf", "--timeout", "5s", "--json"]).expect(124);
    let result = ran.result();
    let count = |key: &str| result[key].as_u64().unwrap();
    assert_eq!(count("ignored"), 1, "{result}");
    let unfinished = u64::from(result["unfinished"].is_string());
    assert_eq!(count("passed") + count("failed") + count("not_run") + unfinished, 6, "{result}");
    assert!(count("passed") > 0, "{result}");
    let told = ran.lines().iter().filter(|line| line["type"] == "test").count() as u64;
    assert_eq!(told, count("passed") + count("failed"), "{ran:#?}");
}

#[test]
fn time_that_is_over_before_a_test_starts_no_test() {
    let bench = Bench::new();
    let ran = bench.ocd(&["run", &firmware("tests"), "--timeout", "1ms", "--json", "--", "offset"]).expect(124);
    let result = ran.result();
    assert_eq!(result["passed"], 0, "{result}");
    assert!(result["reason"].as_str().unwrap().starts_with("the time of 1ms is over "), "{result}");
}

#[test]
fn own_limit_of_a_test_fails_that_test_alone() {
    let bench = Bench::new();
    let ran = bench.ocd(&["run", &firmware("tests"), "--timeout", "60s", "--", "this_one_never_ends"]).expect(101);
    assert!(ran.stdout.contains("0 passed; 1 failed"), "{ran:#?}");
}

#[test]
fn last_line_of_a_test_binary_says_whose_status_it_is() {
    let bench = Bench::new();
    let ran = bench.ocd(&["run", &firmware("tests"), "--", "offset"]).expect(0);
    assert_eq!(last(&ran), "the tests passed: 1 passed, 0 failed, 0 ignored (exit status 0, of ocd)");
    let ran = bench.ocd(&["run", &firmware("tests"), "--", "this_one_fails"]).expect(101);
    assert_eq!(last(&ran), "tests failed: 0 passed, 1 failed, 0 ignored (exit status 101, of ocd)");
    // A list is no run.
    let ran = bench.ocd_alone(&["run", &firmware("tests"), "--list"]).expect(0);
    assert_eq!(ran.stderr, "");
}

#[test]
fn what_a_test_binary_cannot_use_is_refused_before_flash_is_written() {
    let bench = Bench::new();
    bench.file("input.txt", "some input\n");
    let tests = firmware("tests");
    for (words, status, problem) in [
        (
            &["--input", "input.txt", &tests][..],
            64,
            "error: --input and --rtt-input are for firmware that is no test binary",
        ),
        (&["--input", "absent", &tests], 64, "error: --input and --rtt-input are for firmware that is no test binary"),
        (&[&tests, "--logfile", "absent/log"], 71, "error: cannot write absent/log"),
        (&[&tests, "--list", "--logfile", "absent/log"], 71, "error: cannot write absent/log"),
    ] {
        let ran = bench.ocd(&[&["run", "--openocd", "/nonexistent"], words].concat()).expect(status);
        assert!(ran.stderr.starts_with(problem), "{words:?}: {ran:#?}");
    }
}

#[test]
fn logfile_has_the_verdicts_also_with_json() {
    let bench = Bench::new();
    for (words, log) in [(&["run"][..], "text"), (&["--json", "run"], "json")] {
        let ran = bench.ocd(&[words, &[&firmware("tests"), "offset", "--logfile", log]].concat()).expect(0);
        assert!(!ran.stdout.contains("test result"), "{ran:#?}");
        let log = std::fs::read_to_string(bench.folder().join(log)).unwrap();
        assert!(log.contains("test result: ok. 1 passed"), "{log}");
    }
}

/// Starts the tests, has something happen while the test that never ends runs, and returns what was
/// told. It is the first of the two tests that are chosen; the other one must not get a verdict.
fn disturbed(words: &[&str], disturb: impl Fn(&Bench, &Running)) -> Ran {
    let bench = Bench::new();
    patient_tests(&bench);
    let chosen = ["run", "patient.elf", "--", "this_one", "--skip", "fails"];
    let mut running = Running::start(&mut bench.board_command(&[words, &chosen].concat()));
    std::thread::sleep(Duration::from_secs(4));
    disturb(&bench, &running);
    running.end()
}

#[test]
fn signal_gives_no_test_a_verdict() {
    let told = "interrupted while the test tests::this_one_never_ends ran: 0 passed, 0 failed, 1 did not run";
    let ran = disturbed(&[], |_, running| running.signal("INT")).expect(130);
    assert!(!ran.stdout.contains("FAILED") && !ran.stdout.contains("test result"), "{ran:#?}");
    assert_eq!(last(&ran), format!("error: {told}"));
    let ran = disturbed(&["--json"], |_, running| running.signal("TERM")).expect(143);
    assert_eq!(ran.lines().iter().filter(|line| line["type"] == "test").count(), 0, "{ran:#?}");
    let error = ran.error();
    assert_eq!((&error["id"], &error["message"]), (&"ocd.interrupted".into(), &told.into()));
}

#[test]
fn target_that_is_gone_gives_no_test_a_verdict() {
    let told = "while the test tests::this_one_never_ends ran: 0 passed, 0 failed, 1 did not run";
    let ran = disturbed(&[], |bench, _| bench.chip.faults().power_off()).expect(73);
    assert!(!ran.stdout.contains("FAILED") && !ran.stdout.contains("test result"), "{ran:#?}");
    assert!(ran.stderr.contains(&format!("note: {told}")), "{ran:#?}");
    let ran = disturbed(&["--json"], |bench, _| bench.chip.faults().power_off()).expect(73);
    assert_eq!(ran.lines().iter().filter(|line| line["type"] == "test").count(), 0, "{ran:#?}");
    assert_eq!(ran.error()["notes"][0], told);
}

#[test]
fn call_that_cannot_be_served_fails_its_test_alone() {
    let bench = Bench::new();
    let mut bytes = std::fs::read(firmware("tests")).unwrap();
    // The test's first instructions: SYS_WRITE0 of memory that is not there.
    let image = openocd::Image::open(firmware("tests")).unwrap();
    let address = image.symbols().find(|symbol| symbol.demangled().contains("offset_is_known")).unwrap().address;
    let segment = image.segments().iter().find(|segment| segment.address <= address).unwrap();
    let at = usize::try_from(address - segment.address).unwrap();
    let held = &segment.data[at..at + 16];
    let place = bytes.windows(16).position(|window| window == held).unwrap();
    // movs r0, #4; movs r1, #0xf0; lsls r1, r1, #24; bkpt 0xab; b .
    let code = [0x2004_u16, 0x21f0, 0x0609, 0xbeab, 0xe7fe].map(u16::to_le_bytes).concat();
    bytes[place..place + code.len()].copy_from_slice(&code);
    bench.file("bad.elf", bytes);
    let ran = bench.ocd(&["run", "bad.elf", "--json"]).expect(101);
    let verdicts: Vec<_> = ran.lines().into_iter().filter(|line| line["type"] == "test").collect();
    assert_eq!(verdicts.len(), 6, "{ran:#?}");
    let bad = verdicts.iter().find(|line| line["event"]["name"] == "tests::offset_is_known").unwrap();
    assert_eq!(bad["event"]["passed"], false);
    assert!(bad["event"]["reason"].as_str().unwrap().contains("0xf0000000"), "{bad}");
}
