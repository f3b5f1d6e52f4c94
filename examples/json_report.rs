//! Writes a report of a board as JSON, a line for each step, also where a step fails.
//!
//! ```text
//! cargo run --features serde --example json_report                      a virtual STM32F103
//! cargo run --features serde --example json_report -- --board CONFIG    an STM32F1
//! ```
//!
//! A field keeps its name and its meaning from version to version, so `jq` or a data base can read
//! the report.

mod board;
mod ending;

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;

use board::Board;
use openocd::Session;
use serde::Serialize;
use serde_json::json;

const USAGE: &str = "usage: json_report [--board CONFIG]";
const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf");

fn main() -> ExitCode {
    env_logger::init();
    ending::report(report())
}

fn report() -> Result<(), Box<dyn Error>> {
    let (board, arguments) = Board::from_arguments(USAGE)?;
    if !arguments.is_empty() {
        return Err(USAGE.into());
    }
    let session = Session::start(&board.config)?;
    step("version", Ok(session.version()))?;
    step("chain", session.jtag().scan_chain())?;
    step("program", session.program(FIRMWARE))?;
    // A running target gives no registers: an error, with its id.
    step("registers", session.registers().read_many(&["pc", "sp"]))?;
    step("halt", session.target().halt())?;
    step("registers", session.registers().read_many(&["pc", "sp"]))?;
    session.close()?;
    Ok(())
}

/// Prints a line: what a step returned, or its error.
fn step<T: Serialize>(name: &str, result: openocd::Result<T>) -> Result<(), Box<dyn Error>> {
    let line = match result {
        Ok(value) => json!({ "step": name, "result": value }),
        Err(error) => json!({ "step": name, "error": error }),
    };
    Ok(writeln!(stdout(), "{line}")?)
}
