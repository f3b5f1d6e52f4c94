//! `ocd cmd`: any OpenOCD command, with its exact status.

use std::fmt;
use std::time::{Duration, Instant};

use clap::Args;
use openocd::{ConnectionError, Error, Execution};
use serde::Serialize;

use crate::board::Board;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::signals::POLL;

/// How long OpenOCD may take to end.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(crate) struct CmdArgs {
    /// The command, as typed at OpenOCD's prompt. Several words are joined with spaces.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    tcl: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    result: String,
    /// What OpenOCD logged meanwhile.
    log: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.result)
    }
}

pub(crate) fn run(context: &Context, arguments: &CmdArgs) -> Outcome<u8> {
    let command = arguments.tcl.join(" ");
    context.each_board(|board| {
        let executed = board.session.execute(&command);
        let has_failed = !executed.as_ref().is_ok_and(Execution::is_success);
        if has_failed && ends_openocd(&command) && has_ended(board) {
            // OpenOCD reports that as a failure.
            context.output.note(board.name(), "OpenOCD has ended");
            return Ok(Report { result: String::new(), log: String::new() });
        }
        let executed = executed?;
        let log = executed.log().trim_end().to_owned();
        let result = executed.into_result().map_err(|error| with_options(error.into(), &arguments.tcl))?;
        // What OpenOCD shows at its own prompt, such as the text of `echo`.
        log.lines().for_each(|line| context.output.note(board.name(), line));
        Ok(Report { result, log })
    })
}

/// Tells of options of ocd that stand among the words of the command: they are OpenOCD's there.
fn with_options(failure: Failure, words: &[String]) -> Failure {
    match super::run::options_among("cmd", words) {
        Some((options, others)) => {
            let line = [options, others].concat().join(" ");
            failure.help(format!("options of ocd go before the command: ocd cmd {line}"))
        }
        None => failure,
    }
}

/// Whether the command asks OpenOCD to end.
fn ends_openocd(command: &str) -> bool {
    command.split_whitespace().next() == Some("shutdown")
}

/// Whether OpenOCD ends now. It first finishes what it does.
fn has_ended(board: &Board) -> bool {
    let end = Instant::now() + PATIENCE;
    loop {
        let is_gone = match board.session.process() {
            Some(process) => !process.is_running(),
            None => matches!(
                board.session.reconnect(),
                Err(Error::Connection(ConnectionError::Unreachable { .. } | ConnectionError::Closed { .. }))
            ),
        };
        if is_gone || Instant::now() >= end {
            return is_gone;
        }
        std::thread::sleep(POLL);
    }
}
