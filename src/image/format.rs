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
            Some(_) => of_later_record(contents).ok_or(ImageError::UnknownFormat),
        }
    }
}

/// The format of a text that does not begin with a record, but has one: its reader names the line
/// that is none, such as a comment.
fn of_later_record(contents: &[u8]) -> Option<ImageFormat> {
    let is_text = |line: &[u8]| line.iter().all(|&byte| byte >= b' ' || byte == b'\t');
    let lines = text::lines(contents).map(|(_, line)| line);
    lines.take_while(|line| is_text(line)).find_map(|line| {
        let (format, digits) = match line {
            [b':', digits @ ..] => (ImageFormat::IntelHex, digits),
            [b'S', b'0'..=b'9', digits @ ..] => (ImageFormat::SRecord, digits),
            _ => return None,
        };
        let mut bytes = Vec::new();
        // A record of either is a length, an address and a checksum at least.
        (digits.len() >= 8 && text::unhex(digits, &mut bytes).is_ok()).then_some(format)
    })
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
