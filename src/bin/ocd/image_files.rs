//! Firmware files as people name them: ELF, Intel HEX, S-record, UF2, and raw bytes with an
//! address.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;
use openocd::{Error, FlashError, Image, ImageError, ImageFormat, Segment};
use serde::Serialize;

use crate::address::{self, Names};
use crate::board::Board;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::number::counted;
use crate::output::Output;
use crate::platform;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct FirmwareArgs {
    /// The firmware: ELF, Intel HEX, S-record or UF2 files, or raw bytes as FILE@ADDRESS. Several
    /// files are one image.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// FILE holds raw bytes that belong at this address.
    #[arg(long, value_name = "ADDRESS")]
    base: Option<String>,
    /// Leave out what the firmware has in this range, such as option bytes or what belongs into
    /// RAM: START..END, START..+LENGTH or START+LENGTH. May be given several times.
    #[arg(long, value_name = "RANGE")]
    leave_out: Vec<String>,
}

impl FirmwareArgs {
    /// The ranges that are left out. This needs no board.
    pub(crate) fn left_out(&self, settings: &Settings) -> Outcome<Vec<Range<u64>>> {
        let names = Names::new(settings);
        self.leave_out.iter().map(|range| names.range(range)).collect()
    }
}

/// An image for a board.
pub(crate) struct Parts<'f> {
    pub(crate) image: Cow<'f, Image>,
    /// Number of bytes of the files that are left out.
    pub(crate) left_out: u64,
}

impl Parts<'_> {
    /// Tells what is left out.
    pub(crate) fn note(&self, output: &Output, board: &Board) {
        if self.left_out > 0 {
            let bytes = counted(self.left_out, "byte");
            output.note(board.name(), format_args!("note: {bytes} of the firmware are left out"));
        }
    }
}

/// How the part is left out that is in no flash bank.
pub(crate) fn leaving_out(image: &Image, error: &Error) -> Option<String> {
    let Error::Flash(FlashError::NoBank { address, is_image_outside: false, .. }) = *error else { return None };
    let rest = |segment: &Segment| {
        let offset = address.checked_sub(segment.address)?;
        (segment.data.len() as u64).checked_sub(offset).filter(|&rest| rest > 0)
    };
    let length = image.segments().iter().find_map(rest)?;
    Some(format!(
        "`ocd flash` and `ocd verify` leave that part of the firmware out with --leave-out {address:#010x}+{length}"
    ))
}

/// The firmware that the command line names. All files are read.
pub(crate) struct Firmware {
    files: Vec<(FirmwareFile, Content)>,
}

/// A file of the firmware.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FirmwareFile {
    #[serde(serialize_with = "crate::output::path::lossy")]
    pub(crate) path: PathBuf,
    pub(crate) format: ImageFormat,
    /// Number of bytes to load.
    pub(crate) bytes: u64,
}

enum Content {
    Image(Image),
    /// An address may be a symbol: it is looked up when the board is open.
    Raw {
        bytes: Vec<u8>,
        base: String,
    },
}

impl Firmware {
    /// Reads all files.
    pub(crate) fn read(arguments: &FirmwareArgs) -> Outcome<Firmware> {
        if let (Some(_), [_, _, ..]) = (&arguments.base, &arguments.files[..]) {
            return Err(Failure::usage("--base is for one file; with several, write FILE@ADDRESS for each raw binary"));
        }
        let read = |path: &PathBuf| match &arguments.base {
            Some(base) => raw(path, base),
            None => match with_address(path) {
                Some((file, base)) => raw(&file, &base),
                None => one(path),
            },
        };
        Ok(Firmware { files: arguments.files.iter().map(read).collect::<Outcome<_>>()? })
    }

    /// What was read.
    pub(crate) fn files(&self) -> Vec<FirmwareFile> {
        self.files.iter().map(|(file, _)| file.clone()).collect()
    }

    /// Warns of raw bytes at an address where no program can begin, and of a program for another
    /// kind of core. They may be data, and a program for another core of the chip.
    pub(crate) fn warn(&self, output: &Output, board: &Board) -> Outcome<()> {
        for (file, content) in &self.files {
            let Content::Raw { base, .. } = content else {
                if file.format == ImageFormat::Elf {
                    if let Some(text) = other_machine(&file.path, board)? {
                        output.warning(board.name(), &text)?;
                    }
                }
                continue;
            };
            let address = board.address(base)?;
            if address % 4 != 0 {
                let path = file.path.display();
                let text = format!("{path} goes to {address:#010x}, where no program can begin: not a multiple of 4");
                output.warning(board.name(), &text)?;
            }
        }
        Ok(())
    }

    /// All files as one image, without what is in the ranges.
    pub(crate) fn parts(&self, board: &Board, left_out: &[Range<u64>]) -> Outcome<Parts<'_>> {
        let whole = self.image(board)?;
        let mut image = whole.clone();
        for range in left_out {
            let rest = image.without(range.clone());
            image = Cow::Owned(rest.map_err(|error| match error {
                Error::Image(ImageError::Empty) => {
                    Failure::usage("--leave-out leaves nothing of the firmware: all of it is in these ranges")
                }
                error => error.into(),
            })?);
        }
        let left_out = whole.len() - image.len();
        Ok(Parts { image, left_out })
    }

    /// All files as one image.
    fn image(&self, board: &Board) -> Outcome<Cow<'_, Image>> {
        if let [(_, Content::Image(image))] = &self.files[..] {
            return Ok(Cow::Borrowed(image));
        }
        let images = self.files.iter().map(|(_, content)| match content {
            Content::Image(image) => Ok(Cow::Borrowed(image)),
            Content::Raw { bytes, base } => Ok(Cow::Owned(Image::bin(board.address(base)?, bytes.clone())?)),
        });
        let images: Vec<Cow<'_, Image>> = images.collect::<Outcome<_>>()?;
        let merged = Image::merge(images.iter().map(|image| &**image));
        Ok(Cow::Owned(merged.map_err(|error| self.named(error))?))
    }

    /// Names the files that do not fit together.
    fn named(&self, error: Error) -> Failure {
        let Error::Image(ImageError::Conflict { address, images: (one, other), .. }) = error else {
            return error.into();
        };
        let name =
            |index: usize| self.files.get(index).map_or(String::new(), |(file, _)| file.path.display().to_string());
        let message = format!("{} and {} hold different bytes for {address:#010x}", name(one), name(other));
        Failure::new(exit_status::CONFIGURATION, error.id(), message)
    }
}

fn one(path: &Path) -> Outcome<(FirmwareFile, Content)> {
    let image = Image::open(path).map_err(|error| {
        if !is_unknown_format(&error) {
            return Failure::from(error);
        }
        let id = error.id();
        let message = format!("{} is neither ELF nor Intel HEX nor S-record nor UF2", path.display());
        Failure::new(exit_status::CONFIGURATION, id, message)
            .help(format!("for raw bytes say where they belong: {}@0x08000000, or --base 0x08000000", path.display()))
    })?;
    let file = FirmwareFile { path: path.to_owned(), format: image.format(), bytes: image.len() };
    Ok((file, Content::Image(image)))
}

/// Reads raw bytes. A file that has addresses of its own is refused: to write an ELF file as raw
/// bytes is nearly always a mistake.
fn raw(path: &Path, base: &str) -> Outcome<(FirmwareFile, Content)> {
    address::check(base)?;
    if let Ok(image) = Image::open(path) {
        let message =
            format!("{} is a file in {} format, which has addresses of its own", path.display(), image.format());
        return Err(Failure::usage(message).help("leave the address out"));
    }
    let image = Image::open_bin(path, 0)?;
    let bytes = image.segments().first().map_or_else(Vec::new, |segment| segment.data.clone());
    let file = FirmwareFile { path: path.to_owned(), format: ImageFormat::Bin, bytes: bytes.len() as u64 };
    Ok((file, Content::Raw { bytes, base: base.to_owned() }))
}

/// Compares the machine in an ELF file's header with the target, as far as both are known. Returns
/// what is wrong.
pub(crate) fn other_machine(path: &Path, board: &Board) -> Outcome<Option<String>> {
    let mut header = [0; 20];
    if File::open(path).and_then(|mut file| file.read_exact(&mut header)).is_err() {
        // It has been read before.
        return Ok(None);
    }
    let is_big_endian = header[5] == 2;
    let [.., one, other] = header;
    let machine = if is_big_endian { u16::from_be_bytes([one, other]) } else { u16::from_le_bytes([one, other]) };
    let status = board.target()?.status()?;
    let kind = board.session.targets()?.into_iter().find(|target| target.name == status.name).map(|target| target.kind);
    // The numbers are of the ELF specifications for the two architectures.
    let (wanted, core) = match kind.as_deref() {
        Some("cortex_m" | "hla_target") => (40, "a Cortex-M"),
        Some("riscv") => (243, "a RISC-V hart"),
        _ => return Ok(None),
    };
    let (path, name) = (path.display(), &status.name);
    if machine != wanted {
        return Ok(Some(format!("{path} is for another machine (ELF machine {machine}), and {name} is {core}")));
    }
    // As its configuration says; OpenOCD does not ask the core.
    let order = if is_big_endian { "big" } else { "little" };
    let configured = board.session.command(&format!("{} cget -endian", openocd::quote(name)))?;
    let differs = configured.trim() != order;
    Ok(differs.then(|| format!("{path} is {order}-endian, and {name} is {}-endian", configured.trim())))
}

fn is_unknown_format(error: &Error) -> bool {
    match error {
        Error::Image(ImageError::File { problem, .. }) => matches!(**problem, ImageError::UnknownFormat),
        _ => false,
    }
}

/// Splits `FILE@ADDRESS`, unless there is a file of that very name.
pub(crate) fn with_address(path: &Path) -> Option<(PathBuf, String)> {
    let (file, base) = platform::rsplit_once(path.as_os_str(), '@')?;
    (!file.is_empty() && !base.is_empty() && !path.exists()).then(|| (PathBuf::from(file), base.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_follows_the_last_at_sign() {
        let split = |text: &str| with_address(Path::new(text));
        assert_eq!(
            split("no such@dir/boot.bin@0x100"),
            Some((PathBuf::from("no such@dir/boot.bin"), "0x100".to_owned()))
        );
        for text in ["boot.bin", "@0x100", "boot.bin@"] {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
