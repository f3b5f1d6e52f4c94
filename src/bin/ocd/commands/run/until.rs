//! The places of `--until`, and the file that names them.

use std::path::PathBuf;

use openocd::{Image, ImageFormat};

use super::firmware::{Firmware, mismatch};
use crate::address::{Names, number_with_offset};
use crate::board::Board;
use crate::context::Context;
use crate::failure::Outcome;
use crate::output::Output;
use crate::settings::Key;

/// Where a run ends with success.
pub(super) struct Until {
    addresses: Vec<u64>,
    names: NamedBy,
}

/// Which file names places.
enum NamedBy {
    /// All places are numbers.
    Nothing,
    /// The firmware to run.
    File,
    /// The file of `--elf`, as the firmware to run has a format without symbols.
    Elf(PathBuf, Box<Image>),
}

impl Until {
    /// What `--until` names: a symbol of this firmware, a register of the SVD file, or a number. It
    /// needs no board.
    pub(super) fn read(context: &Context, firmware: &Firmware, places: &[String]) -> Outcome<Until> {
        if places.is_empty() {
            return Ok(Until { addresses: Vec::new(), names: NamedBy::Nothing });
        }
        let settings = context.one_settings()?;
        // Other formats have no symbols; then those of --elf may be meant.
        let is_elf = firmware.image.format() == ImageFormat::Elf;
        let names = if is_elf { Names::with_image(&settings, &firmware.image) } else { Names::new(&settings) };
        let addresses = places.iter().map(|place| names.address(place)).collect::<Outcome<_>>()?;
        let has_names = places.iter().any(|place| number_with_offset(place).is_none());
        let names = match names.image()? {
            _ if !has_names => NamedBy::Nothing,
            _ if is_elf => NamedBy::File,
            // Registers of the SVD file are the chip's.
            None => NamedBy::Nothing,
            Some(image) => {
                let path = settings.value(Key::Elf).unwrap_or_default();
                NamedBy::Elf(path.into(), Box::new(image.clone()))
            }
        };
        Ok(Until { addresses, names })
    }

    pub(super) fn addresses(&self) -> &[u64] {
        &self.addresses
    }

    /// Whether the firmware's own file names a place.
    pub(super) fn needs_file(&self) -> bool {
        matches!(self.names, NamedBy::File)
    }

    /// Fails if the target, which is halted, has other firmware than the file of `--elf` that names
    /// a place. Of a file that is trusted a difference is only told.
    pub(super) fn compare(&self, output: &Output, board: &Board, is_trusted: bool) -> Outcome<()> {
        let NamedBy::Elf(path, image) = &self.names else { return Ok(()) };
        let Some(difference) = board.target()?.flash().verify_image_at(&**image)? else { return Ok(()) };
        if !is_trusted {
            return Err(mismatch(path, &difference, "name the file of the firmware that runs with --elf"));
        }
        let message = format!("the chip holds other firmware than {}: {difference}", path.display());
        output.warning(board.name(), &message)
    }
}
