//! Intel HEX.
//!
//! ```text
//!   :LLAAAATTDD…CC    length, address, type, data, checksum: the sum of all bytes is 0 modulo 256
//! ```

use super::segment::Contents;
use super::text::{big_endian, lines, unhex, warn_of_ignored};
use crate::error::ImageError;
use crate::image::ImageFormat;

const DATA: u8 = 0;
const END: u8 = 1;
const EXTENDED_SEGMENT: u8 = 2;
const START_SEGMENT: u8 = 3;
const EXTENDED_LINEAR: u8 = 4;
const START_LINEAR: u8 = 5;

/// How the 16-bit address of a data record becomes an address of the target.
#[derive(Clone, Copy)]
enum Base {
    /// The upper half of a 32-bit address.
    Linear(u64),
    /// A real-mode segment times 16. The 16-bit offset of each byte wraps within the segment.
    Segment(u64),
}

pub(super) fn read(contents: &[u8]) -> Result<Contents, ImageError> {
    let mut image = Contents::default();
    let mut base = Base::Linear(0);
    let mut record = Vec::new();
    let mut last_line = 0;
    let mut lines = lines(contents);
    while let Some((line, text)) = lines.next() {
        last_line = line;
        let wrong = |problem| ImageError::Record { format: ImageFormat::IntelHex, line, problem };
        let digits =
            text.strip_prefix(b":").ok_or_else(|| wrong("does not begin with a colon; a comment begins with #"))?;
        unhex(end_record(digits).unwrap_or(digits), &mut record).map_err(wrong)?;
        let [length, high, low, kind, data @ .., _checksum] = record.as_slice() else {
            return Err(wrong("is too short for a record"));
        };
        if usize::from(*length) != data.len() {
            return Err(wrong("does not hold as many bytes as it says"));
        }
        if record.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) != 0 {
            return Err(wrong("has a wrong checksum"));
        }
        let offset = big_endian(&[*high, *low]);
        match (*kind, data) {
            (DATA, data) => place(&mut image, base, offset, data).map_err(wrong)?,
            (END, []) => {
                warn_of_ignored(ImageFormat::IntelHex, lines);
                return Ok(image);
            }
            (EXTENDED_SEGMENT, [_, _]) => base = Base::Segment(big_endian(data) << 4),
            (EXTENDED_LINEAR, [_, _]) => base = Base::Linear(big_endian(data) << 16),
            (START_SEGMENT, [_, _, _, _]) => image.entry = Some((big_endian(&data[..2]) << 4) + big_endian(&data[2..])),
            (START_LINEAR, [_, _, _, _]) => image.entry = Some(big_endian(data)),
            (END | EXTENDED_SEGMENT | EXTENDED_LINEAR | START_SEGMENT | START_LINEAR, _) => {
                return Err(wrong("has a length that its type does not allow"));
            }
            _ => return Err(wrong("is of an unknown type")),
        }
    }
    let problem = "is the last, but no end record: the file was cut short";
    Err(ImageError::Record { format: ImageFormat::IntelHex, line: last_line, problem })
}

/// Cuts off what follows an end record on its line, such as the 0x1a of DOS: the file ends there.
fn end_record(digits: &[u8]) -> Option<&[u8]> {
    const LENGTH_TO_CHECKSUM: usize = 10;
    let record = digits.get(..LENGTH_TO_CHECKSUM)?;
    (record.starts_with(b"00") && &record[6..8] == b"01").then_some(record)
}

fn place(image: &mut Contents, base: Base, offset: u64, data: &[u8]) -> Result<(), &'static str> {
    match base {
        Base::Linear(base) => {
            if base + offset + data.len() as u64 > 1 << 32 {
                return Err("ends beyond the 32-bit address space");
            }
            image.push(base + offset, data);
        }
        Base::Segment(base) => {
            // A record holds at most 255 bytes, so it wraps at most once.
            let before_wrap = data.len().min(usize::try_from(0x1_0000 - offset).unwrap_or(usize::MAX));
            let (first, wrapped) = data.split_at(before_wrap);
            image.push(base + offset, first);
            if !wrapped.is_empty() {
                image.push(base, wrapped);
            }
        }
    }
    Ok(())
}
