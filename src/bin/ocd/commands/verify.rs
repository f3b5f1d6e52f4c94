//! `ocd verify`: does flash hold these files?

use std::fmt;

use clap::Args;
use openocd::Mismatch;
use serde::Serialize;

use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::image_files::{Firmware, FirmwareArgs, FirmwareFile, Parts, leaving_out};
use crate::number::counted;
use crate::output::Done;
use crate::output::progress::Watch;

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    firmware: FirmwareArgs,
}

#[derive(Serialize)]
struct Report {
    files: Vec<FirmwareFile>,
    /// Number of bytes to compare.
    bytes: u64,
    /// Number of bytes of the files that --leave-out names.
    left_out: u64,
    /// The first byte, by address, that differs.
    mismatch: Option<Mismatch>,
    elapsed_seconds: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mismatch {
            Some(mismatch) => write!(f, "flash differs: {mismatch}"),
            None => write!(f, "{} verified ({:.1} s)", counted(self.bytes, "byte"), self.elapsed_seconds),
        }
    }
}

pub(crate) fn run(context: &Context, arguments: &VerifyArgs) -> Outcome<u8> {
    let firmware = Firmware::read(&arguments.firmware)?;
    context.each_board_planned(
        |settings| arguments.firmware.left_out(settings),
        |board, ranges| {
            let mut watch = Watch::new(&context.output, board.name(), &context.signals);
            let parts = firmware.parts(board, ranges)?;
            parts.note(&context.output, board);
            let Parts { image, left_out } = parts;
            watch.interrupted("nothing was compared")?;
            let mismatch = watch.flash(board.target()?.flash()).verify_image_at(&*image);
            let mismatch = mismatch.map_err(|error| {
                let help = leaving_out(&image, &error);
                help.into_iter().fold(watch.failure(error), Failure::help)
            })?;
            let status = if mismatch.is_some() { exit_status::MISMATCH } else { exit_status::DONE };
            let elapsed_seconds = board.opened.elapsed().as_secs_f64();
            let (files, bytes) = (firmware.files(), image.len());
            Ok(Done::with(Report { files, bytes, left_out, mismatch, elapsed_seconds }, status))
        },
    )
}
