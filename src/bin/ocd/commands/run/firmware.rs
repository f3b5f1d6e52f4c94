//! What an ELF file says about how its firmware talks.

use std::ops::Range;
use std::path::{Path, PathBuf};

use defmt_decoder::{Locations, Table};
use object::{Object as _, ObjectSection as _};
use openocd::{Error, Image, Target, TargetError, VectorCatch};

use crate::address::number_with_offset;
use crate::board::Board;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// The section in which `embedded-test` lists its tests.
pub(super) const TEST_SECTION: &str = ".embedded_test";

/// The smallest control block: id, two counts, no channel.
const SMALLEST_BLOCK: u64 = 24;

/// The firmware to run.
pub(crate) struct Firmware {
    pub(crate) path: PathBuf,
    pub(crate) image: Image,
    pub(super) bytes: Vec<u8>,
    /// Where the RTT control block is.
    pub(super) rtt: Option<Range<u64>>,
    /// The strings of defmt.
    pub(super) defmt: Option<Table>,
    /// Where in the sources the log statements of defmt are; empty if the file does not say.
    pub(super) locations: Locations,
    /// Whether it is a test binary of `embedded-test`.
    pub(crate) is_test: bool,
}

impl Firmware {
    pub(crate) fn read(path: &Path) -> Outcome<Firmware> {
        let image = Image::open(path)?;
        let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
        let rtt = image.symbol("_SEGGER_RTT").ok().map(|symbol| {
            let end = symbol.address.saturating_add(symbol.size.max(SMALLEST_BLOCK));
            symbol.address..end
        });
        let is_elf = image.format() == openocd::ImageFormat::Elf;
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::configuration(format!("cannot read the strings of defmt in {}", path.display()))
                .cause(format!("{error:#}"))
        };
        let defmt = if is_elf { Table::parse(&bytes).map_err(|error| wrong(&error))? } else { None };
        // Without debug information the log goes on without locations.
        let locations = defmt.as_ref().and_then(|table| table.get_locations(&bytes).ok()).unwrap_or_default();
        let is_test = is_elf
            && object::File::parse(&*bytes)
                .is_ok_and(|file| file.section_by_name(TEST_SECTION).is_some_and(|section| section.size() > 0));
        Ok(Firmware { path: path.to_path_buf(), image, bytes, rtt, defmt, locations, is_test })
    }

    /// Tells whether flash holds another firmware than this one.
    pub(crate) fn compare(&self, output: &Output, board: &Board) -> Outcome<()> {
        board.target()?.reset(openocd::ResetMode::Halt)?;
        if let Some(mismatch) = board.target()?.flash().verify_image_at(&self.image)? {
            output.warning(board.name(), &format!("the chip holds other firmware: {mismatch}"))?;
        }
        Ok(())
    }

    /// The address of a symbol of this firmware, of a register of the SVD file, or a number.
    pub(super) fn address(&self, board: &Board, text: &str) -> Outcome<u64> {
        if let Some(address) = number_with_offset(text) {
            return address;
        }
        match self.image.symbol(text) {
            Ok(symbol) => Ok(symbol.address),
            Err(error) => board.address(text).map_err(|_| Failure::from(error)),
        }
    }

    /// Sets which exceptions halt the target. Returns those that did so before, or `None` for a
    /// target that cannot.
    pub(super) fn catch(target: &Target<'_>, events: &[VectorCatch]) -> Outcome<Option<Vec<VectorCatch>>> {
        match target.vector_catch() {
            Ok(before) => {
                let mut wanted = before.clone();
                wanted.extend(events.iter().filter(|event| !before.contains(event)));
                target.set_vector_catch(&wanted)?;
                Ok(Some(before))
            }
            Err(Error::Target(TargetError::NoVectorCatch { .. } | TargetError::Unsupported { .. })) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A problem with what the file holds.
    pub(super) fn wrong(&self, problem: &str) -> Failure {
        Failure::new(exit_status::CONFIGURATION, "ocd.firmware", format!("{}: {problem}", self.path.display()))
    }
}
