//! `ocd mem test`: whether RAM holds what is written to it.

use std::fmt;
use std::ops::Range;

use clap::Args;
use openocd::{Memory, ProgressReport, TargetState};
use serde::Serialize;

use super::{memory, watched};
use crate::address::Names;
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::output::Done;

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Which RAM: START..END without the end, START..+LENGTH; whole words.
    range: String,
    /// The addresses are physical, past the MMU.
    #[arg(long)]
    phys: bool,
}

/// How many faults of a step are listed.
const LISTED: usize = 8;

/// A word that does not hold what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Fault {
    address: u64,
    written: u32,
    read: u32,
}

/// One step of the test.
#[derive(Debug, Serialize)]
struct Step {
    name: &'static str,
    /// How many words were wrong.
    wrong: u64,
    /// The first of them.
    faults: Vec<Fault>,
}

#[derive(Serialize)]
struct Report {
    start: u64,
    end: u64,
    passed: bool,
    steps: Vec<Step>,
    /// Words that do not hold their former contents again.
    not_restored: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            let verdict = if step.wrong == 0 { "ok".to_owned() } else { format!("{} words wrong", step.wrong) };
            writeln!(f, "{:14}  {verdict}", step.name)?;
            for Fault { address, written, read } in &step.faults {
                let bits = written ^ read;
                writeln!(f, "  {address:#010x}: wrote {written:#010x}, read {read:#010x}, bits {bits:#010x}")?;
            }
        }
        let verdict = if self.passed { "passed" } else { "failed" };
        write!(f, "{:#010x}..{:#010x}: {verdict}", self.start, self.end)?;
        match self.not_restored {
            0 => write!(f, ", contents restored"),
            count => write!(f, ", {count} words could not be restored"),
        }
    }
}

pub(crate) fn run(context: &Context, arguments: &TestArgs) -> Outcome<u8> {
    context.each_board_planned(
        |settings| words(Names::new(settings).range(&arguments.range)?),
        |board, range| {
            let status = board.target()?.status()?;
            if status.state != TargetState::Halted {
                let message = format!("{} is {}: its firmware may use the RAM under test", status.name, status.state);
                return Err(Failure::new(exit_status::TARGET, "target.not_halted", message)
                    .help("halt the target first: ocd halt"));
            }
            let memory = memory(board, arguments.phys)?;
            let contents = memory.read_bytes(range.start, range.end - range.start)?;
            let steps = Test { memory: watched(context, board, &memory, 0), range: range.clone() }.run();
            // Also after a failure and a signal.
            let restored = restore(&memory, range.start, &contents);
            let (steps, not_restored) = match (steps, restored) {
                (Ok(steps), Ok(wrong)) => (steps, wrong),
                (Ok(_), Err(failure)) => return Err(failure.help("the RAM has lost its contents: reset the target")),
                (Err(failure), Ok(0)) => return Err(failure),
                (Err(failure), _) => return Err(failure.help("the RAM has lost its contents: reset the target")),
            };
            let passed = not_restored == 0 && steps.iter().all(|step| step.wrong == 0);
            let report = Report { start: range.start, end: range.end, passed, steps, not_restored };
            Ok(Done::with(report, if passed { exit_status::DONE } else { exit_status::MISMATCH }))
        },
    )
}

/// Refuses what is not made of whole words.
fn words(range: Range<u64>) -> Outcome<Range<u64>> {
    if range.start % 4 != 0 || range.end % 4 != 0 {
        let message = format!("{:#010x}..{:#010x} does not begin and end at a multiple of 4", range.start, range.end);
        return Err(Failure::usage(message));
    }
    if u32::try_from(range.end - range.start).is_err() {
        return Err(Failure::usage("at most 4 GiB can be tested"));
    }
    Ok(range)
}

/// Writes the contents back. Returns how many words differ then.
fn restore(memory: &Memory<'_>, start: u64, contents: &[u8]) -> Outcome<u64> {
    memory.write_bytes(start, contents)?;
    let held = memory.read_bytes(start, contents.len() as u64)?;
    Ok(held.chunks(4).zip(contents.chunks(4)).filter(|(held, wanted)| held != wanted).count() as u64)
}

struct Test<'a, R> {
    memory: Memory<'a, R>,
    range: Range<u64>,
}

impl<R: ProgressReport> Test<'_, R> {
    fn run(&self) -> Outcome<Vec<Step>> {
        let mut steps = vec![self.data_lines()?, self.address_lines()?];
        let patterns: [(&'static str, fn(u32) -> u32); 4] = [
            ("0x55555555", |_| 0x5555_5555),
            ("0xaaaaaaaa", |_| 0xaaaa_aaaa),
            ("addresses", |address| address),
            ("inverse", |address| !address),
        ];
        for (name, pattern) in patterns {
            steps.push(self.pattern(name, pattern)?);
        }
        Ok(steps)
    }

    /// A single 1 in each bit of the first word: stuck and shorted data lines.
    fn data_lines(&self) -> Outcome<Step> {
        let mut step = Step::new("data lines");
        for bit in 0..32 {
            let written = 1 << bit;
            self.memory.write_u32(self.range.start, written)?;
            step.compare(self.range.start, written, self.memory.read_u32(self.range.start)?);
        }
        Ok(step)
    }

    /// Words at all distances that are a power of two: of two that are the same memory, the first
    /// one reads as the second one. The lowest address lines are left to the patterns.
    fn address_lines(&self) -> Outcome<Step> {
        let length = self.range.end - self.range.start;
        let distances = (2..64).map(|bit| 1_u64 << bit).take_while(|&distance| distance < length);
        let marks: Vec<(u64, u32)> =
            [0].into_iter().chain(distances).map(|distance| self.range.start + distance).zip(0x5a5a_0001..).collect();
        for &(address, mark) in &marks {
            self.memory.write_u32(address, mark)?;
        }
        let mut step = Step::new("address lines");
        for &(address, mark) in &marks {
            step.compare(address, mark, self.memory.read_u32(address)?);
        }
        Ok(step)
    }

    /// A value in every word, written in full before any of it is read.
    #[allow(clippy::cast_possible_truncation, reason = "the pattern is made of the low bits of the address")]
    fn pattern(&self, name: &'static str, pattern: fn(u32) -> u32) -> Outcome<Step> {
        let addresses = || self.range.clone().step_by(4);
        let written: Vec<u32> = addresses().map(|address| pattern(address as u32)).collect();
        self.memory.write_u32_slice(self.range.start, &written)?;
        let read = self.memory.read_u32_vec(self.range.start, written.len())?;
        let mut step = Step::new(name);
        for ((address, written), read) in addresses().zip(written).zip(read) {
            step.compare(address, written, read);
        }
        Ok(step)
    }
}

impl Step {
    fn new(name: &'static str) -> Step {
        Step { name, wrong: 0, faults: Vec::new() }
    }

    fn compare(&mut self, address: u64, written: u32, read: u32) {
        if written != read {
            self.wrong += 1;
            if self.faults.len() < LISTED {
                self.faults.push(Fault { address, written, read });
            }
        }
    }
}
