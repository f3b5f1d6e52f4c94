//! `ocd semihosting`: serves the calls of a target that runs.

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use openocd::{ConsoleOptions, Error, OnClose, SemihostingConsole, SemihostingExit, TimeoutError};
use serde::Serialize;

use super::run::{as_exit_status, check_folder};
use crate::board::Board;
use crate::context::Context;
use crate::failure::Outcome;
use crate::input::{Input, Typed};
use crate::output::stream::Stream;
use crate::output::{Done, Whose};
use crate::silence::{Silence, is_call};
use crate::time_limit::TimeLimit;

/// How long a read waits before the input is looked at.
const READ: Duration = Duration::from_millis(20);

#[derive(Debug, Args)]
pub(crate) struct SemihostingArgs {
    /// Allow the firmware to read and write files below this folder.
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// The firmware's command line, program name first.
    #[arg(last = true, value_name = "WORDS")]
    command_line: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    exit: SemihostingExit,
}

impl fmt::Display for Report {
    /// People are told on standard error: standard output is the firmware's.
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

pub(crate) fn run(context: &Context, arguments: &SemihostingArgs) -> Outcome<u8> {
    if let Some(folder) = &arguments.files {
        check_folder(folder)?;
    }
    context.signals.attend();
    let board = context.one_board()?;
    let result = board.in_time(|| console(context, &board, arguments));
    let closed = board.close(OnClose::AsIs);
    let done = result?;
    closed?;
    let (exit, status, whose) = (done.report.exit.status, done.status, done.whose);
    context.output.note(None, format_args!("the firmware exited with status {exit} (exit status {status}, {whose})"));
    context.output.done(None, &done)?;
    Ok(done.status)
}

fn console(context: &Context, board: &Board, arguments: &SemihostingArgs) -> Outcome<Done<Report>> {
    let limit = TimeLimit::begin(board)?;
    let mut options = ConsoleOptions::new().command_line(arguments.command_line.join(" "));
    if let Some(folder) = &arguments.files {
        options = options.files(folder);
    }
    let mut console = board.target()?.semihosting().serve_with(options)?;
    console.set_read_timeout(Some(READ));
    let mut stream = Stream::new(&context.output, board.name());
    let done = pass_on(context, board, &mut console, &limit, &mut stream);
    // The beginning of a line is all that may have come before a failure.
    let finished = stream.finish();
    done.and_then(|done| finished.map(|()| done))
}

/// Passes on what the firmware prints, and what is typed, until the firmware exits or crashes.
fn pass_on(
    context: &Context,
    board: &Board,
    console: &mut SemihostingConsole,
    limit: &TimeLimit,
    stream: &mut Stream,
) -> Outcome<Done<Report>> {
    let mut input = Input::new(context);
    let mut silence = Silence::begin(board)?;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match console.receive(&mut buffer) {
            Ok(0) => {
                let exit = console.wait_exit(READ)?;
                return Ok(Done {
                    report: Report { exit },
                    status: as_exit_status(exit.status),
                    whose: Whose::Firmware,
                });
            }
            Ok(count) => stream.print(&buffer[..count])?,
            // All that came is shown before it is said why no more comes.
            Err(Error::Timeout(TimeoutError::Semihosting { .. })) => {
                silence.look(&context.output, board, is_call)?.map_or(Ok(()), Err)?;
            }
            Err(error) => return Err(error.into()),
        }
        match input.take() {
            // A firmware that has ended wants no input: the next read tells.
            Typed::Bytes(bytes) => drop(console.write_all(&bytes)),
            Typed::End => console.close_input(),
            Typed::Nothing => {}
        }
        limit.check(&context.signals)?;
    }
}
