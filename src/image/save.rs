//! Writing image files.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use super::edit::filler;
use super::{Image, Segment, uf2};
use crate::error::{ImageError, Result};
use crate::new_file::NewFile;
use crate::types::ImageFormat;

/// Bytes a line of Intel HEX and S-record.
const LINE_BYTES: usize = 16;
/// What gaps are filled with where a format has none.
const GAP: u8 = 0xff;

impl Image {
    /// Writes the image to a file of a format, which is created or replaced.
    ///
    /// The formats are those of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// The errors of [`to_bytes`](Self::to_bytes), and [`ImageError::Write`] if the file cannot be
    /// written, or is a FIFO. After an error there is no new file, and a file that was there is as
    /// it was.
    ///
    /// ```
    /// # let directory = std::env::temp_dir().join(format!("openocd-save-{}", std::process::id()));
    /// # std::fs::create_dir_all(&directory)?;
    /// use openocd::{Image, ImageFormat};
    ///
    /// let path = directory.join("firmware.hex");
    /// let image = Image::open("examples/firmware/counter.elf")?;
    /// image.save(&path, ImageFormat::IntelHex)?;
    /// assert_eq!(Image::open(&path)?.segments(), image.segments());
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>, format: ImageFormat) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_bytes(format)?;
        let failed = |source| ImageError::Write { path: path.to_owned(), source };
        let mut file = NewFile::beside_or_into(path).map_err(failed)?;
        file.writer().write_all(&bytes).map_err(failed)?;
        Ok(file.complete().map_err(failed)?)
    }

    /// Returns the contents of a file of a format.
    ///
    /// - [`ImageFormat::IntelHex`]: records 00 and 01, 04 for the upper half of addresses, 05 for
    ///   the entry point.
    /// - [`ImageFormat::SRecord`]: `S3` and `S7`, with addresses of 32 bits.
    /// - [`ImageFormat::Uf2`]: blocks of 256 bytes without a family; gaps within a block are 0xff.
    ///   [`to_uf2`](Self::to_uf2) names a family.
    /// - [`ImageFormat::Bin`]: all bytes from the first address to the last; gaps are 0xff.
    ///
    /// # Errors
    /// [`ImageError::CannotSave`] for ELF, and for an address beyond 4 GiB where the format has no
    /// room for it. [`ImageError::TooSparse`] if a raw binary would exceed 256 MiB.
    ///
    /// ```
    /// use openocd::{Image, ImageFormat, Segment};
    ///
    /// let piece = |address, byte| Segment { address, data: vec![byte] };
    /// let image = Image::from_segments([piece(0x100, 1), piece(0x103, 2)])?;
    /// assert_eq!(image.to_bytes(ImageFormat::Bin)?, [1, 0xff, 0xff, 2]);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn to_bytes(&self, format: ImageFormat) -> Result<Vec<u8>> {
        match format {
            ImageFormat::IntelHex => Ok(self.to_ihex()?.into_bytes()),
            ImageFormat::SRecord => Ok(self.to_srec()?.into_bytes()),
            ImageFormat::Uf2 => Ok(uf2::write(&self.narrow(format)?, None)),
            ImageFormat::Bin => Ok(self.to_bin()?),
            ImageFormat::Elf => Err(ImageError::CannotSave { format, address: None }.into()),
        }
    }

    /// Returns the contents of a UF2 file for a family of chips, such as `0xe48b_ff56` for the
    /// RP2040; otherwise like [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// The same as [`to_bytes`](Self::to_bytes).
    ///
    /// ```
    /// use openocd::{Image, ImageOptions};
    ///
    /// let image = Image::bin(0x1000_0000, vec![7; 256])?;
    /// let file = image.to_uf2(0xe48b_ff56)?;
    /// assert_eq!(Image::parse_with(&file, ImageOptions::new().uf2_family(0xe48b_ff56))?.segments(), image.segments());
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn to_uf2(&self, family: u32) -> Result<Vec<u8>> {
        Ok(uf2::write(&self.narrow(ImageFormat::Uf2)?, Some(family)))
    }

    fn to_bin(&self) -> Result<Vec<u8>, ImageError> {
        let (Some(first), Some(last)) = (self.segments.first(), self.segments.last()) else {
            return Err(ImageError::Empty);
        };
        // The last address is in the address space, so the length may only be 2^64.
        let length = (last.address - first.address).saturating_add(last.data.len() as u64);
        let mut bytes = filler(length, GAP)?;
        for segment in &self.segments {
            let at = usize::try_from(segment.address - first.address).unwrap_or(0);
            bytes[at..at + segment.data.len()].copy_from_slice(&segment.data);
        }
        Ok(bytes)
    }

    /// The segments, with addresses of 32 bits.
    fn narrow(&self, format: ImageFormat) -> Result<Vec<(u32, &[u8])>, ImageError> {
        let narrow = |segment: &'_ Segment| {
            let last = segment.address.saturating_add(segment.data.len() as u64 - 1);
            match (u32::try_from(segment.address), u32::try_from(last)) {
                (Ok(address), Ok(_)) => Ok(address),
                _ => Err(ImageError::CannotSave { format, address: Some(last) }),
            }
        };
        self.segments.iter().map(|segment| Ok((narrow(segment)?, &*segment.data))).collect()
    }

    fn to_ihex(&self) -> Result<String, ImageError> {
        let mut text = String::new();
        let mut upper = 0;
        for (address, data) in self.narrow(ImageFormat::IntelHex)? {
            for (address, line) in lines(address, data) {
                if address >> 16 != upper {
                    upper = address >> 16;
                    ihex_record(&mut text, 0, 4, &upper.to_be_bytes()[2..]);
                }
                ihex_record(&mut text, address & 0xffff, 0, line);
            }
        }
        if let Some(entry) = self.narrow_entry() {
            ihex_record(&mut text, 0, 5, &entry.to_be_bytes());
        }
        ihex_record(&mut text, 0, 1, &[]);
        Ok(text)
    }

    fn to_srec(&self) -> Result<String, ImageError> {
        let mut text = String::new();
        srec_record(&mut text, '0', &[0, 0]);
        for (address, data) in self.narrow(ImageFormat::SRecord)? {
            for (address, line) in lines(address, data) {
                srec_record(&mut text, '3', &[&address.to_be_bytes(), line].concat());
            }
        }
        srec_record(&mut text, '7', &self.narrow_entry().unwrap_or(0).to_be_bytes());
        Ok(text)
    }

    fn narrow_entry(&self) -> Option<u32> {
        self.entry.and_then(|entry| u32::try_from(entry).ok())
    }
}

/// Splits bytes into lines that end at multiples of the length of a line, so that no line crosses
/// the bounds of 64 KiB.
fn lines(address: u32, data: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = data;
    let mut at = address;
    std::iter::from_fn(move || {
        let length = rest.len().min(LINE_BYTES - at as usize % LINE_BYTES);
        let (line, after) = rest.split_at(length);
        let here = at;
        rest = after;
        // Only the end of the last line may be at 4 GiB.
        at = at.wrapping_add(u32::try_from(length).unwrap_or(0));
        (!line.is_empty()).then_some((here, line))
    })
}

fn ihex_record(text: &mut String, offset: u32, kind: u8, data: &[u8]) {
    let [_, _, high, low] = offset.to_be_bytes();
    // A line has at most `LINE_BYTES`.
    let record = [&[u8::try_from(data.len()).unwrap_or(0), high, low, kind], data].concat();
    let sum = record.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    text.push(':');
    push_hex(text, &record);
    push_hex(text, &[sum.wrapping_neg()]);
    text.push('\n');
}

fn srec_record(text: &mut String, kind: char, data: &[u8]) {
    let record = [&[u8::try_from(data.len() + 1).unwrap_or(0)], data].concat();
    let sum = record.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    text.push('S');
    text.push(kind);
    push_hex(text, &record);
    push_hex(text, &[!sum]);
    text.push('\n');
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "{byte:02X}");
    }
}
