//! The format of a file that takes bytes of the target: that of its name, as other tools have it,
//! or the one that is asked for.

use std::path::Path;

use clap::{Args, ValueEnum};
use openocd::{Image, ImageFormat};

use crate::failure::{Failure, Outcome};
use crate::output::room;

#[derive(Debug, Args)]
pub(crate) struct FormatArgs {
    /// The format of the file [default: that of its name, as in app.hex, .srec or .uf2, otherwise
    /// bin, raw bytes; bin for -]. UF2 has blocks of 256 bytes, filled up with 0xff, and here no
    /// family.
    #[arg(long, value_enum, value_name = "bin|hex|srec|uf2", hide_possible_values = true)]
    format: Option<Format>,
}

/// The formats that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Bin,
    #[value(alias = "ihex")]
    Hex,
    Srec,
    Uf2,
}

impl From<Format> for ImageFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Bin => ImageFormat::Bin,
            Format::Hex => ImageFormat::IntelHex,
            Format::Srec => ImageFormat::SRecord,
            Format::Uf2 => ImageFormat::Uf2,
        }
    }
}

impl FormatArgs {
    /// The format for a file. One that cannot be written is refused: raw bytes under its name would
    /// be taken for it.
    pub(crate) fn of(&self, file: &Path) -> Outcome<ImageFormat> {
        if let Some(format) = self.format {
            return Ok(format.into());
        }
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.parse() {
            Ok(ImageFormat::Elf) => {
                let message = format!("{} is the name of an ELF file, which cannot be written", file.display());
                Err(Failure::usage(message)
                    .help("name it .bin, .hex, .srec or .uf2, or choose one of these with --format"))
            }
            Ok(format) => Ok(format),
            Err(_) => Ok(ImageFormat::Bin),
        }
    }
}

/// Fails if a format has no room for the addresses of these bytes, before they are read.
pub(crate) fn check(format: ImageFormat, address: u64, length: u64) -> Outcome<()> {
    if format != ImageFormat::Bin {
        Image::bin(address.saturating_add(length.saturating_sub(1)), [0])?.to_bytes(format)?;
    }
    Ok(())
}

pub(crate) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Writes bytes of the target in a format that has addresses, into a file or to standard output.
pub(crate) fn write(format: ImageFormat, address: u64, bytes: Vec<u8>, file: &Path) -> Outcome<()> {
    let image = Image::bin(address, bytes)?;
    if is_stdout(file) { room::print(&image.to_bytes(format)?) } else { Ok(image.save(file, format)?) }
}

/// `, as Intel HEX`, or nothing for raw bytes.
pub(crate) fn told(format: ImageFormat) -> String {
    if format == ImageFormat::Bin { String::new() } else { format!(", as {format}") }
}
