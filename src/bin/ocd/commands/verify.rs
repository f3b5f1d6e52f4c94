//! `ocd verify`: does flash hold these files?

use std::fmt;

use clap::Args;
use openocd::Mismatch;
use serde::Serialize;

use crate::context::Context;
use crate::exit_status;
use crate::failure::Outcome;
use crate::image_files::{Firmware, FirmwareArgs, FirmwareFile};
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
    context.each_board_done(|board| {
        let mut watch = Watch::new(&context.output, board.name(), &context.signals);
        let image = firmware.image(board)?;
        watch.interrupted("nothing was compared")?;
        let mismatch = watch.flash(board.target()?.flash()).verify_image_at(&*image);
        let mismatch = mismatch.map_err(|error| watch.failure(error))?;
        let status = if mismatch.is_some() { exit_status::MISMATCH } else { exit_status::DONE };
        let elapsed_seconds = board.opened.elapsed().as_secs_f64();
        Ok(Done::with(Report { files: firmware.files(), bytes: image.len(), mismatch, elapsed_seconds }, status))
    })
}
