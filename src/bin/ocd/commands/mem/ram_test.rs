//! `ocd mem test`: whether RAM holds what is written to it.

use std::ops::Range;

use clap::Args;

use super::{memory, watched};
use crate::address::Names;
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::output::Done;

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Which RAM: START..END without the end, START..+LENGTH, START+LENGTH, or the name of a
    /// symbol; whole words.
    range: String,
    /// The addresses are physical, past the MMU.
    #[arg(long)]
    phys: bool,
}

pub(crate) fn run(context: &Context, arguments: &TestArgs) -> Outcome<u8> {
    context.each_board_planned(
        |settings| words(Names::new(settings).range(&arguments.range)?),
        |board, range| {
            let memory = memory(board, arguments.phys)?;
            let test = watched(context, board, &memory, 0).test_ram(range.clone())?;
            let status = if test.passed { exit_status::DONE } else { exit_status::MISMATCH };
            Ok(Done::with(test, status))
        },
    )
}

/// Refuses what the library would refuse, but before OpenOCD starts.
fn words(range: Range<u64>) -> Outcome<Range<u64>> {
    if range.start % 4 != 0 || range.end % 4 != 0 {
        let message = format!("{:#010x}..{:#010x} does not begin and end at a multiple of 4", range.start, range.end);
        return Err(Failure::usage(message));
    }
    Ok(range)
}
