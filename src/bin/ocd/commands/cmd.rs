//! `ocd cmd`: any OpenOCD command, with its exact status.

use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Outcome;

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
        let executed = board.session.execute(&command)?;
        let log = executed.log().trim_end().to_owned();
        let result = executed.into_result()?;
        // What OpenOCD shows at its own prompt, such as the text of `echo`.
        log.lines().for_each(|line| context.output.note(board.name(), line));
        Ok(Report { result, log })
    })
}
