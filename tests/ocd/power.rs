//! Chips and probes that go away.

use std::time::Duration;

use crate::bench::{Bench, Ran};
use crate::run::firmware;
use crate::running::{Running, eventually, exists};

/// Starts the commands, each on a board of its own, lets something go wrong, and checks that each
/// tells it.
fn fails(fault: impl Fn(&Bench)) {
    let hangs = firmware("hangs");
    let commands: [&[&str]; 6] = [
        &["run", &hangs],
        &["attach", &hangs],
        &["watch", "0x2000_0000:u32"],
        &["wait-halt"],
        &["semihosting"],
        &["rtt", "--elf", &hangs],
    ];
    let started = commands.map(|command| {
        let bench = Bench::new();
        bench.chip.load_elf(&std::fs::read(&hangs).expect("it is prebuilt"));
        let arguments = [command, &["--json", "--timeout", "20"]].concat();
        let running = Running::start(&mut bench.board_command(&arguments));
        let openocd = running.openocd();
        (command, bench, running, openocd)
    });
    std::thread::sleep(Duration::from_secs(4));
    for (_, bench, ..) in &started {
        fault(bench);
    }
    for (command, _bench, mut running, openocd) in started {
        let ran = running.end();
        // The target does not answer, or OpenOCD has ended.
        assert!(ran.status == 73 || ran.status == 76, "{command:?}: {ran:#?}");
        ran.error();
        eventually("OpenOCD ends", || !exists(openocd));
    }
}

#[test]
fn chip_that_loses_power_ends_each_command_with_an_error() {
    fails(|bench| bench.chip.faults().power_off());
}

#[test]
fn probe_that_goes_away_ends_each_command_with_an_error() {
    fails(|bench| bench.chip.faults().disconnect());
}

/// What each command says when the chip is lost, on an OpenOCD that had it before.
fn says(fault: impl Fn(&Bench)) -> Vec<(String, Ran)> {
    let hangs = firmware("hangs");
    let commands: [&[&str]; 12] = [
        &["status"],
        &["bp", "list"],
        &["wp", "list"],
        &["halt"],
        &["reset"],
        &["step"],
        &["flash", &hangs],
        &["run", &hangs],
        &["watch", "0x2000_0000:u32"],
        &["mem", "read", "0x2000_0000", "4"],
        &["regs"],
        &["erase", "0x0800_4000+1K"],
    ];
    let one = |command: &[&str]| {
        let bench = Bench::new();
        let session = bench.session();
        session.target().halt().expect("it is there");
        fault(&bench);
        // OpenOCD polls the chip, and notices.
        std::thread::sleep(Duration::from_secs(1));
        let ran = bench.ocd_on(&session, &[command, &["--progress", "none", "--timeout", "20"]].concat());
        (command.join(" "), ran)
    };
    commands.into_iter().map(one).collect()
}

/// Whether a part of a line of the log is there twice, one after the other.
fn repeats(text: &str) -> bool {
    let parts: Vec<&str> = text.split("; ").collect();
    (1..3).any(|period| parts.windows(2 * period).any(|pair| pair[..period] == pair[period..]))
}

#[test]
fn each_command_explains_a_chip_without_power_and_says_each_thing_once() {
    let says = says(|bench| bench.chip.faults().power_off());
    let is_wrong = |ran: &Ran| ran.status != 73 || !ran.stderr.contains("check its power") || repeats(&ran.stderr);
    let wrong: Vec<_> = says.iter().filter(|(_, ran)| is_wrong(ran)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_command_says_once_that_the_probe_is_gone() {
    let says = says(|bench| bench.chip.faults().disconnect());
    let is_wrong = |ran: &Ran| {
        // OpenOCD may have ended.
        let is_told = ran.stderr.contains("cable") || ran.status == 76;
        ran.status == 0 || !is_told || repeats(&ran.stderr)
    };
    let wrong: Vec<_> = says.iter().filter(|(_, ran)| is_wrong(ran)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn chain_that_openocd_remembers_is_no_sign_of_life() {
    let bench = Bench::new();
    let session = bench.session();
    let ran = bench.ocd_on(&session, &["scan"]).expect(0);
    assert_eq!(ran.stderr, "");
    bench.chip.faults().power_off();
    std::thread::sleep(Duration::from_secs(1));
    let ran = bench.ocd_on(&session, &["scan", "--json"]).expect(0);
    let warning = ran.lines()[0]["event"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(warning.starts_with("OpenOCD read this chain before; now the target does not answer: "), "{ran:#?}");
}
