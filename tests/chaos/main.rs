//! Attempts to make the crate lie, hang, grow or execute: a bad connection, hostile servers,
//! damaged replies, evil strings, and an OpenOCD that is killed.
//!
//! Everything is seeded: a run repeats with `OPENOCD_CHAOS_SEED=…`. `OPENOCD_CHAOS=100000` sets the
//! number of commands through the bad connection and scales the other attempts.

#![allow(unreachable_pub, reason = "helpers are shared by the modules of this one test binary")]

mod bad_connection;
mod calls;
mod damaged_replies;
mod evil_strings;
mod hostile_servers;
mod kills;
mod proxy;
#[path = "../suite/random.rs"]
mod random;

use std::time::Duration;

use openocd::{OpenOcdProcess, Session, SessionBuilder};
use virtual_chip::VirtualChip;

/// What a busy machine may take to start an OpenOCD.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a call may take beyond its deadline on a busy machine.
const SLACK: Duration = Duration::from_secs(3);

/// How many attempts to make: `usual`, or in proportion to `OPENOCD_CHAOS`, of which 2,000 is
/// usual.
fn attempts(usual: usize) -> usize {
    match std::env::var("OPENOCD_CHAOS") {
        Ok(commands) => commands.parse::<usize>().expect("OPENOCD_CHAOS is a number").saturating_mul(usual) / 2000,
        Err(_) => usual,
    }
}

/// The seed of this run.
fn seed() -> u64 {
    match std::env::var("OPENOCD_CHAOS_SEED") {
        Ok(seed) => seed.parse().expect("OPENOCD_CHAOS_SEED is a number"),
        Err(_) => 1,
    }
}

/// An OpenOCD with a halted chip, to which tests connect. It ends before the chip.
struct Bench {
    openocd: OpenOcdProcess,
    chip: VirtualChip,
}

impl Bench {
    fn start() -> Bench {
        let chip = VirtualChip::start().expect("a free port");
        let openocd = OpenOcdProcess::builder().config(chip.openocd_config()).ready_timeout(PATIENCE);
        let openocd = openocd.spawn().expect("these tests drive a real OpenOCD; on Debian: apt-get install openocd");
        let bench = Bench { openocd, chip };
        bench.connect(Session::builder().timeout(PATIENCE)).target().halt().expect("the target halts");
        bench
    }

    fn connect(&self, limits: SessionBuilder) -> Session {
        limits.connect_timeout(PATIENCE).connect(self.openocd.tcl_address()).expect("OpenOCD answers")
    }
}
