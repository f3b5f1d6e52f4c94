//! `ocd`: flash, run, inspect and test microcontrollers through OpenOCD.
//!
//! Built on the public interface of the library alone. One file a command in `commands/`; what they
//! share is beside this file.

#![allow(clippy::match_bool, clippy::match_same_arms, reason = "a table has a line for each case")]
#![allow(clippy::result_large_err, reason = "a failure ends the command: its size costs nothing")]

mod address;
mod arguments;
mod board;
mod command_line;
mod commands;
mod context;
mod control_block;
mod core_registers;
mod crash;
mod distinct;
mod exit_status;
mod failure;
mod file_format;
mod flashing;
mod hints;
mod identity;
mod image_files;
mod input;
mod logging;
mod lost;
mod number;
mod others;
mod output;
mod panics;
mod platform;
mod received;
mod same_name;
mod settings;
mod signals;
mod silence;
mod time_limit;

use std::ffi::OsString;
use std::process::ExitCode;

use command_line::Line;
use context::Context;
use failure::{Failure, Outcome};
use output::{Output, last_line};
use signals::Signals;

fn main() -> ExitCode {
    // Before anything else: a signal that comes early must not end a command without a word.
    let signals = Signals::install(last_line::end);
    let words: Vec<OsString> = std::env::args_os().collect();
    let line = match Line::read(&words) {
        Ok(line) => line,
        Err(error) => return exit_status::code(command_line::answer(&error, &words, command_line::wants_json(&words))),
    };
    let output = line.output();
    let run = || -> Outcome<u8> {
        logging::install(&line.cli.output)?;
        let signals = signals.map_err(|error| {
            Failure::new(exit_status::FAILED, "ocd.signals", "cannot catch signals").cause(error.to_string())
        })?;
        if let Some(done) = commands::without_board(&line.cli.command, &output) {
            return done;
        }
        let context = Context::new(&line.cli.board, &line.matches, line.cli.command.does(), output.clone(), signals)?;
        // It knows the board.
        let failed = |failure| fail(&context.output, failure);
        Ok(commands::run(line.cli.command, &context).unwrap_or_else(failed))
    };
    let status = run().unwrap_or_else(|failure| fail(&output, failure));
    exit_status::code(status)
}

fn fail(output: &Output, failure: Failure) -> u8 {
    output.failure(None, &failure.after_signal(Signals::current().caught()))
}
