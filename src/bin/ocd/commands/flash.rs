//! `ocd flash`: firmware into flash, on one board or on many side by side.

use std::fmt;

use clap::{Args, ValueEnum};
use openocd::ResetMode;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Outcome;
use crate::flashing::{self, ProgramArgs, Programmed};
use crate::image_files::{Firmware, FirmwareArgs, FirmwareFile};
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
    context.each_board(|board| {
        let mut watch = Watch::new(&context.output, board.name(), &context.signals);
        firmware.warn(&context.output, board)?;
        let image = firmware.image(board)?;
        let programmed = flashing::program(board, &image, &arguments.program, arguments.reset.into(), &mut watch)?;
        Ok(Report { files: firmware.files(), programmed })
    })
}
