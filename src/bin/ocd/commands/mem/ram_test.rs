//! `ocd mem test`: whether RAM holds what is written to it.

use clap::Args;

use super::{memory, watched};
use crate::address::Names;
use crate::context::Context;
use crate::exit_status;
use crate::failure::Outcome;
use crate::output::Done;

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Which RAM: START..END without the end, START..+LENGTH; whole words.
    range: String,
    /// The addresses are physical, past the MMU.
    #[arg(long)]
    phys: bool,
}

pub(crate) fn run(context: &Context, arguments: &TestArgs) -> Outcome<u8> {
    context.each_board_planned(
        |settings| Names::new(settings).range(&arguments.range),
        |board, range| {
            let memory = memory(board, arguments.phys)?;
            let test = watched(context, board, &memory, 0).test_ram(range.clone())?;
            let status = if test.passed { exit_status::DONE } else { exit_status::MISMATCH };
            Ok(Done::with(test, status))
        },
    )
}
