//! The formats of image files.

use std::fmt;
use std::str::FromStr;

use super::{elf, text, uf2};
use crate::error::ImageError;

/// The format of an image file.
///
/// ```
/// use openocd::ImageFormat;
///
/// let format: ImageFormat = "hex".parse()?;
/// assert_eq!(format, ImageFormat::IntelHex);
/// assert_eq!(format.to_string(), "Intel HEX");
/// # Ok::<(), openocd::ImageError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageFormat {
    /// Executable and Linkable Format.
    Elf,
    /// Intel HEX.
    IntelHex,
    /// Motorola S-record.
    SRecord,
    /// USB Flashing Format, as drag-and-drop bootloaders take it.
    Uf2,
    /// Raw bytes.
    Bin,
}

impl ImageFormat {
    /// Recognises the format of a file's contents.
    pub(super) fn of(contents: &[u8]) -> Result<ImageFormat, ImageError> {
        if contents.starts_with(elf::MAGIC) {
            return Ok(ImageFormat::Elf);
        }
        if contents.starts_with(uf2::MAGIC) {
            return Ok(ImageFormat::Uf2);
        }
        match text::lines(contents).next() {
            Some((_, [b':', ..])) => Ok(ImageFormat::IntelHex),
            Some((_, [b'S', b'0'..=b'9', ..])) => Ok(ImageFormat::SRecord),
            None => Err(ImageError::Empty),
            Some(_) => Err(ImageError::UnknownFormat),
        }
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ImageFormat::Elf => "ELF",
            ImageFormat::IntelHex => "Intel HEX",
            ImageFormat::SRecord => "S-record",
            ImageFormat::Uf2 => "UF2",
            ImageFormat::Bin => "BIN",
        })
    }
}

/// Reads a format's name or a usual file extension, in any case: `elf`, `hex`, `ihex`, `srec`, `s19`, `mot`, `uf2`,
/// `bin`, and what [`Display`](fmt::Display) writes.
impl FromStr for ImageFormat {
    type Err = ImageError;

    fn from_str(name: &str) -> Result<Self, ImageError> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "elf" | "axf" => ImageFormat::Elf,
            "hex" | "ihex" | "ihx" | "intel hex" => ImageFormat::IntelHex,
            "srec" | "s-record" | "s19" | "s28" | "s37" | "mot" => ImageFormat::SRecord,
            "uf2" => ImageFormat::Uf2,
            "bin" => ImageFormat::Bin,
            _ => return Err(ImageError::UnknownFormatName { name: name.to_owned() }),
        })
    }
}
