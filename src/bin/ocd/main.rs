//! `ocd`: flash, run, inspect and test microcontrollers through OpenOCD.
//!
//! Built on the public interface of the library alone. One file a command in `commands/`; what they
//! share is beside this file.

#![allow(clippy::match_bool, clippy::match_same_arms, reason = "a table has a line for each case")]
#![allow(clippy::result_large_err, reason = "a failure ends the command: its size costs nothing")]

mod address;
mod arguments;
mod board;
mod commands;
mod context;
mod exit_status;
mod failure;
mod firmware;
mod flashing;
mod hints;
mod identity;
mod input;
mod logging;
mod number;
mod output;
mod panics;
mod platform;
mod settings;
mod signals;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use arguments::Cli;
use context::Context;
use failure::{Failure, Outcome};
use output::Output;
use signals::Signals;

fn main() -> ExitCode {
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return exit_status::code(usage(&error)),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return exit_status::code(usage(&error)),
    };
    let output = Output::new(cli.command.name(), &cli.output);
    if let Err(failure) = logging::install(&cli.output) {
        return exit_status::code(output.failure(None, &failure));
    }
    let status = run(cli, &matches, output.clone()).unwrap_or_else(|failure| output.failure(None, &failure));
    exit_status::code(status)
}

fn run(cli: Cli, matches: &clap::ArgMatches, output: Output) -> Outcome<u8> {
    if let Some(done) = commands::without_board(&cli.command, &output) {
        return done;
    }
    let signals = Signals::install().map_err(|error| {
        Failure::new(exit_status::FAILED, "ocd.signals", "cannot catch signals").cause(error.to_string())
    })?;
    let context = Context::new(&cli, matches, output, signals)?;
    commands::run(cli.command, &context)
}

/// Help and version are answers; everything else is wrong usage.
pub(crate) fn usage(error: &clap::Error) -> u8 {
    let printed = error.print();
    if error.use_stderr() {
        // Nobody to tell is no reason for another status.
        return exit_status::USAGE;
    }
    printed.map_or_else(|error| output::unwritable(&error.into()), |()| exit_status::DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
