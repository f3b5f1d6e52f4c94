//! `ocd mem test`: whether RAM holds what is written to it.

use std::ops::Range;

use clap::Args;
use openocd::{Error, TargetError};

use super::{memory, watched};
use crate::address::Names;
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::output::Done;

#[derive(Debug, Args)]
#[command(override_usage = "ocd mem test [OPTIONS] <ADDRESS> <LENGTH>\n       ocd mem test [OPTIONS] <RANGE>")]
pub(crate) struct TestArgs {
    /// Which RAM, in whole words: an address and a length in bytes, or a range in place of the two:
    /// START..END without the end, START..+LENGTH, START+LENGTH, or the name of a symbol.
    #[arg(required = true, num_args = 1..=2, value_names = ["ADDRESS", "LENGTH"])]
    place: Vec<String>,
    /// The addresses are physical, past the MMU.
    #[arg(long)]
    phys: bool,
}

pub(crate) fn run(context: &Context, arguments: &TestArgs) -> Outcome<u8> {
    context.each_board_planned(
        |settings| words(Names::new(settings).extent(&arguments.place)?),
        |board, range| {
            let memory = memory(board, arguments.phys)?;
            let test = watched(context, board, &memory, 0).test_ram(range.clone());
            let test = test.map_err(|error| failed(error, range))?;
            let status = if test.passed { exit_status::DONE } else { exit_status::MISMATCH };
            Ok(Done::with(test, status))
        },
    )
}

/// An access failed, or a signal ended the test. The contents are back then: otherwise the error
/// would say that they are not, and what the test had written by then no longer matters.
fn failed(error: Error, range: &Range<u64>) -> Failure {
    let message = match &error {
        Error::Target(TargetError::MemoryWrite { address, failure, .. }) => {
            format!("cannot write memory at {address:#010x}: {failure}")
        }
        Error::Target(TargetError::MemoryRead { .. }) => error.to_string(),
        Error::Cancelled { .. } => "the test of RAM was interrupted".to_owned(),
        _ => return error.into(),
    };
    let told = Failure { message, ..Failure::from(error) };
    told.note(format!("{:#010x}..{:#010x} holds its former contents", range.start, range.end))
}

/// Refuses what the library would refuse, but before OpenOCD starts.
fn words(range: Range<u64>) -> Outcome<Range<u64>> {
    if range.start % 4 != 0 || range.end % 4 != 0 {
        let message = format!("{:#010x}..{:#010x} does not begin and end at a multiple of 4", range.start, range.end);
        return Err(Failure::usage(message));
    }
    Ok(range)
}
