//! Writing flash (a stand-in until `ocd flash` is merged).

use openocd::{Image, ResetMode, WriteOptions, WriteReport};

use crate::board::Board;
use crate::context::Context;
use crate::failure::Outcome;
use crate::output::progress::Watch;

#[derive(Debug, Default)]
pub(crate) struct FlashOptions {
    pub(crate) chip_erase: bool,
}

pub(crate) fn write(context: &Context, board: &Board, image: &Image, _: &FlashOptions) -> Outcome<WriteReport> {
    let target = board.target()?;
    target.reset(ResetMode::Init)?;
    let mut watch = Watch::new(&context.output, board.name(), &context.signals);
    let flash = target.flash();
    let flash = flash.with_progress(|progress| watch.tell(progress));
    Ok(flash.write_image_with(image, WriteOptions::new().skip_unchanged(true))?)
}
