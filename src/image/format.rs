//! Recognises the formats of image files.

use std::str::FromStr;

use super::{elf, text, uf2};
use crate::error::{Error, ImageError};
use crate::types::ImageFormat;

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

/// Reads a format's name or a usual file extension, in any case: `elf`, `hex`, `ihex`, `srec`,
/// `s19`, `mot`, `uf2`, `bin`, and what [`Display`](std::fmt::Display) writes.
impl FromStr for ImageFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "elf" | "axf" => ImageFormat::Elf,
            "hex" | "ihex" | "ihx" | "intel hex" => ImageFormat::IntelHex,
            "srec" | "s-record" | "s19" | "s28" | "s37" | "mot" => ImageFormat::SRecord,
            "uf2" => ImageFormat::Uf2,
            "bin" => ImageFormat::Bin,
            _ => return Err(ImageError::UnknownFormatName { name: name.to_owned() }.into()),
        })
    }
}
