//! Variables of a running target.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use virtual_chip::CoreState;

use crate::bench::{Bench, Ran};
use crate::running::Running;

const SVD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
/// The word that the chip's first program counts in.
const COUNTER: &str = "0x2000_2000:u32";

#[test]
fn a_pipe_gets_csv_and_nothing_else() {
    let bench = Bench::new();
    bench.chip.write_memory(0x2000_0000, &(-2.5_f32).to_le_bytes()).unwrap();
    bench.chip.write_memory(0x2000_0004, &[0xfe, 0xff, 3]).unwrap();
    let variables = [COUNTER, "0x2000_0000:f32", "0x2000_0004:i16", "0x2000_0006:u8", "rcc.cr.hsirdy"];
    let arguments = ["watch", "--svd", SVD, "--period", "20ms", "--count", "3"];
    let ran = bench.ocd(&[&arguments[..], &variables].concat()).expect(0);
    let lines: Vec<Vec<&str>> = ran.stdout.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 4, "{ran:?}");
    assert_eq!(lines[0], [&["time_s", "missed"], &variables[..]].concat());
    for line in &lines[1..] {
        assert_eq!(line[3..], ["-2.5", "-2", "3", "1"]);
    }
    let number = |text: &str| text.parse::<f64>().unwrap();
    assert!(number(lines[1][0]) < number(lines[2][0]) && number(lines[1][2]) < number(lines[3][2]), "{ran:?}");
    assert_eq!(bench.chip.state(), CoreState::Running);
}

#[test]
fn json_has_an_object_for_each_sample() {
    let bench = Bench::new();
    let ran = bench.ocd(&["watch", COUNTER, "-n", "2", "--json"]).expect(0);
    let lines = ran.lines();
    assert_eq!(lines.len(), 3, "{ran:?}");
    assert_eq!(lines[0]["type"], "sample");
    let value = |line: &Value| line["event"]["values"][COUNTER].as_u64().unwrap();
    assert!(value(&lines[0]) < value(&lines[1]), "{ran:?}");
    assert_eq!(ran.result()["samples"], 2);
}

#[test]
fn the_time_limit_is_the_end_or_comes_too_early() {
    let bench = Bench::new();
    let ran = bench.ocd(&["watch", COUNTER, "--period", "50ms", "--timeout", "200ms"]).expect(0);
    assert!((2..=6).contains(&ran.stdout.lines().count()), "{ran:?}");
    bench.ocd(&["watch", COUNTER, "--timeout", "200ms", "--count", "1000"]).expect(124);
}

#[test]
fn time_limit_ends_the_wait_after_a_failed_sample() {
    let bench = Bench::new();
    let watch = ["watch", COUNTER, "--period", "6s", "--timeout", "6500ms"];
    let begin = Instant::now();
    let mut running = Running::start(&mut bench.board_command(&watch));
    running.line_with("0.0");
    bench.chip.faults().power_off();
    running.end().expect(73);
    assert!(begin.elapsed() < Duration::from_millis(11_500), "{:?}", begin.elapsed());
}

#[test]
fn samples_that_failed_before_the_end_are_counted() {
    let bench = Bench::new();
    let mut running = Running::start(&mut bench.board_command(&["watch", COUNTER, "--period", "1s", "--json"]));
    running.line_with("sample");
    bench.chip.faults().power_off();
    running.line_with("warning");
    running.signal("INT");
    let ran = running.end().expect(130);
    assert!(ran.result()["missed"].as_u64() >= Some(1), "{ran:?}");
}

#[test]
fn what_cannot_be_watched_is_found_before_openocd_starts() {
    let bench = Bench::new();
    for (variable, problem) in [
        ("0x2000_0001", "not a multiple of 4"),
        ("0x2000_0001:u32", "not a multiple of 4"),
        ("USART1.DR", "reading it changes the chip's state"),
        ("GPIOA.BSRR", "is write-only"),
        ("absent:u8", "is no address"),
    ] {
        let ran = bench.ocd(&["watch", variable, "--svd", SVD, "--openocd", "/nonexistent"]).expect(64);
        assert!(ran.stderr.contains(problem), "{ran:?}");
    }
    bench.ocd(&["watch", "0x6000_0000:u32", "--count", "3"]).expect(73);
    // A value is found by its name.
    let ran = bench.ocd(&["watch", "0x2000_0000", "0x2000_0000", "--openocd", "/nonexistent"]).expect(64);
    assert!(ran.stderr.contains("\"0x2000_0000\" is named twice"), "{ran:?}");
}

/// Waits for a child that should end.
fn wait(mut child: Child) -> Ran {
    let end = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ran::from(child.wait_with_output().unwrap())
}

#[test]
fn ctrl_c_ends_it_in_order() {
    let bench = Bench::new();
    let mut command = bench.board_command(&["watch", COUNTER, "--json", "--on-exit", "halt"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ran = wait(child).expect(130);
    assert!(ran.result()["samples"].as_u64().unwrap() > 2, "{ran:?}");
    assert_eq!(bench.chip.state(), CoreState::Halted);
}

#[test]
fn nobody_reading_any_more_ends_it() {
    let bench = Bench::new();
    let mut command = bench.board_command(&["watch", COUNTER, "--period", "10ms"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(wait(child).expect(141).stderr, "");
}

#[test]
fn a_terminal_gets_a_table_that_is_drawn_anew() {
    let bench = Bench::new();
    let ocd = env!("CARGO_BIN_EXE_ocd");
    // `script` (util-linux) gives it a terminal.
    let line = format!("stty cols 80 rows 24; {ocd} watch {COUNTER} RCC.CFGR.SW --svd {SVD} --count 3");
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env("OCD_CONFIG", bench.config()).stdin(Stdio::null());
    let ran = Ran::of(command.current_dir(bench.folder())).expect(0);
    // Two lines for the variables, the heading, and the time: it moves up by four twice.
    assert_eq!(ran.stdout.matches("\x1b[4A").count(), 2, "{ran:?}");
    assert!(ran.stdout.contains("RCC.CFGR.SW") && ran.stdout.contains("HSI"), "{ran:?}");
    assert!(!ran.stdout.contains("time_s,"), "{ran:?}");
    let longest = ran.stdout.lines().map(|line| line.trim_start_matches("\x1b[4A").trim_end().len()).max();
    assert!(longest < Some(80 + "\x1b[K".len()), "{ran:?}");
}

#[test]
fn read_that_failed_is_the_one_that_is_quoted() {
    let ran = Bench::new().ocd(&["watch", "0x2000_0000", "0x2000_0004:u16", "0x6000_0000:u16"]).expect(73);
    let first = ran.stderr.lines().next().unwrap_or_default();
    assert!(first.contains("cannot read memory at 0x60000000"), "{ran:#?}");
    assert!(first.contains("`read_memory 0x60000000 16 1`"), "{ran:#?}");
}
