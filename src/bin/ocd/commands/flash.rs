//! `ocd flash`: firmware into flash, on one board or on many side by side.

use std::fmt;

use clap::{Args, ValueEnum};
use openocd::ResetMode;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Outcome;
use crate::flashing::{self, ProgramArgs, Programmed};
use crate::image_files::{Firmware, FirmwareArgs, FirmwareFile};
use crate::output::Done;
use crate::output::progress::Watch;

#[derive(Debug, Args)]
pub(crate) struct FlashArgs {
    #[command(flatten)]
    firmware: FirmwareArgs,
    #[command(flatten)]
    program: ProgramArgs,
    /// What the target does afterwards.
    #[arg(long, value_enum, default_value = "run", value_name = "run|halt|none")]
    reset: After,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "lower")]
enum After {
    /// It is reset and runs.
    Run,
    /// It is reset and halted at its first instruction.
    Halt,
    /// It is not reset and stays halted.
    None,
}

impl From<After> for Option<ResetMode> {
    fn from(after: After) -> Self {
        match after {
            After::Run => Some(ResetMode::Run),
            After::Halt => Some(ResetMode::Halt),
            After::None => None,
        }
    }
}

#[derive(Serialize)]
struct Report {
    files: Vec<FirmwareFile>,
    /// Number of bytes of the files that --leave-out names.
    left_out: u64,
    #[serde(flatten)]
    programmed: Programmed,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.programmed.fmt(f)
    }
}

pub(crate) fn run(context: &Context, arguments: &FlashArgs) -> Outcome<u8> {
    let firmware = Firmware::read(&arguments.firmware)?;
    context.each_board_planned(
        |settings| arguments.firmware.left_out(settings),
        |board, left_out| {
            let mut watch = Watch::new(&context.output, board.name(), &context.signals);
            firmware.warn(&context.output, board)?;
            let parts = firmware.parts(board, left_out)?;
            parts.note(&context.output, board);
            let after = arguments.reset.into();
            let programmed = flashing::program(board, &parts.image, &arguments.program, after, &mut watch)?;
            Ok(Done::from(Report { files: firmware.files(), left_out: parts.left_out, programmed }))
        },
    )
}
