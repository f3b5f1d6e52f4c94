//! What an ELF file says about how its firmware talks.

use std::ops::Range;
use std::path::{Path, PathBuf};

use defmt_decoder::{Locations, Table};
use object::{Object as _, ObjectSection as _};
use openocd::{Image, ImageFormat, Target};

use crate::board::Board;
use crate::context::Context;
use crate::control_block;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::others::Others;
use crate::output::Output;
use crate::output::progress::Watch;

/// The section in which `embedded-test` lists its tests.
pub(super) const TEST_SECTION: &str = ".embedded_test";

/// Bytes of flash that are read before they are compared.
const PIECE: usize = 64 * 1024;

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
            let end = symbol.address.saturating_add(symbol.size.max(control_block::SMALLEST));
            symbol.address..end
        });
        let is_elf = image.format() == ImageFormat::Elf;
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

    /// Tells people if the log cannot name places in the sources.
    pub(crate) fn note_missing_places(&self, output: &Output) {
        if self.defmt.is_some() && self.locations.is_empty() {
            if let Err(error) = self.image.location(0) {
                output.note(None, format_args!("the log has no places in the sources: {error}"));
                return;
            }
            output.note(None, "the log has no places in the sources: the ELF file names none");
            output.note(None, "  help: set `debug = 2` in the profile of Cargo.toml");
        }
    }

    /// Resets and halts the target, and warns if flash holds another firmware than this one, or
    /// fails if the file is needed. Returns whether this file says what the firmware's log and
    /// addresses mean.
    pub(super) fn compare(&self, output: &Output, board: &Board, is_trusted: bool, is_needed: bool) -> Outcome<bool> {
        let others = Others::of(board, &board.target()?)?;
        board.target()?.reset(openocd::ResetMode::Halt)?;
        others.tell(output, board)?;
        let Some(mismatch) = board.target()?.flash().verify_image_at(&self.image)? else { return Ok(true) };
        if is_needed && !is_trusted {
            let help = "name the file of the firmware in flash, or leave out --no-flash, and ocd writes this one";
            return Err(self::mismatch(&self.path, &mismatch, help));
        }
        let log = match self.defmt.is_some() {
            _ if is_trusted => "",
            true => "; the log of defmt is not decoded, and addresses have no names",
            false => "; addresses have no names",
        };
        output.warning(board.name(), &format!("the chip holds other firmware: {mismatch}{log}"))?;
        Ok(is_trusted)
    }

    /// Fails if flash holds another firmware than this one: this file does not say what that one
    /// prints. See [`other_firmware`].
    pub(crate) fn compare_running(&self, context: &Context, board: &Board, is_trusted: bool) -> Outcome<()> {
        other_firmware(context, board, &self.image, &self.path, is_trusted)?.map_or(Ok(()), Err)
    }

    /// Whether it logs with defmt.
    pub(crate) fn uses_defmt(&self) -> bool {
        self.defmt.is_some()
    }

    /// What to do about RTT that was not read, as nothing says where it is.
    pub(crate) fn without_rtt(&self) -> String {
        let file = self.path.display();
        format!("RTT was not read, as {file} has no symbol _SEGGER_RTT: name the RAM to search with --ram START+LENGTH")
    }

    /// An address with the function it is in.
    pub(crate) fn place(&self, address: u64) -> String {
        match self.image.symbol_at(address) {
            Some(symbol) => format!("{address:#010x} in {}", symbol.demangled().escape_debug()),
            None => format!("{address:#010x}"),
        }
    }

    /// A problem with what the file holds.
    pub(super) fn wrong(&self, problem: &str) -> Failure {
        Failure::new(exit_status::CONFIGURATION, "ocd.firmware", format!("{}: {problem}", self.path.display()))
    }
}

/// Compares flash with the image of `file`, and returns the failure if it holds other firmware.
/// Flash is only read: the target may run, and goes on as it was. Of a file that is trusted a
/// difference is only told.
pub(crate) fn other_firmware(
    context: &Context,
    board: &Board,
    image: &Image,
    file: &Path,
    is_trusted: bool,
) -> Outcome<Option<Failure>> {
    let output = &context.output;
    let mut watch = Watch::new(output, board.name(), &context.signals);
    let difference = match difference(image, &board.target()?, &mut watch) {
        Ok(None) => return Ok(None),
        Ok(Some(difference)) => difference,
        Err(error) if error.is_disconnected() || error.is_timeout() || watch.caught().is_some() => {
            return Err(watch.failure(error));
        }
        // Not every chip can be read while it runs.
        Err(error) => {
            let message = format!("nothing confirms that the chip holds this firmware: {error}");
            output.warning(board.name(), &message)?;
            return Ok(None);
        }
    };
    drop(watch);
    if is_trusted {
        output.warning(board.name(), &format!("the chip holds other firmware: {difference}"))?;
        return Ok(None);
    }
    let help = format!("name the file of the firmware that runs, or write this one: ocd flash {}", file.display());
    Ok(Some(mismatch(file, &difference, &help)))
}

/// The failure of a command that needs the file of the firmware in flash, and has another one.
pub(super) fn mismatch(file: &Path, difference: &dyn std::fmt::Display, help: &str) -> Failure {
    let message = format!("the chip holds other firmware than {}: {difference}", file.display());
    Failure::new(exit_status::MISMATCH, "flash.mismatch", message)
        .help(help)
        .help("if the firmware writes to its own flash, --trust-file accepts the difference")
}

/// Where flash differs from an image. What is loaded into RAM is not compared.
fn difference(image: &Image, target: &Target<'_>, watch: &mut Watch) -> openocd::Result<Option<String>> {
    let flash = target.flash();
    let banks = flash.banks()?;
    for segment in image.segments() {
        // A bank that cannot be probed now, as some while the target runs, has the size 0: reading
        // it says why.
        let is_in = |bank: &openocd::FlashBank| {
            let offset = segment.address.checked_sub(bank.base);
            offset.is_some_and(|offset| offset < bank.size || bank.size == 0)
        };
        if !banks.iter().any(is_in) {
            continue;
        }
        let mut address = segment.address;
        for wanted in segment.data.chunks(PIECE) {
            let held = watch.flash(flash).read(address, wanted.len() as u64)?;
            if let Some(at) = held.iter().zip(wanted).position(|(held, wanted)| held != wanted) {
                let (address, held, wanted) = (address + at as u64, held[at], wanted[at]);
                return Ok(Some(format!("{address:#010x} holds {held:#04x} and not {wanted:#04x}")));
            }
            address += wanted.len() as u64;
        }
    }
    Ok(None)
}
