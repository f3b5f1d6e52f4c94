//! Chips and probes that go away.

use std::time::Duration;

use crate::bench::Bench;
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
