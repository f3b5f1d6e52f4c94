//! Motorola S-record.
//!
//! ```text
//!   STLLAA…DD…CC    type, count of the bytes that follow, address of 2 to 4 bytes, data, checksum: the sum of all bytes
//!                   from the count on is 0xff modulo 256
//! ```

use super::segment::Contents;
use super::text::{big_endian, lines, unhex, warn_of_ignored};
use crate::error::ImageError;
use crate::image::ImageFormat;

pub(super) fn read(contents: &[u8]) -> Result<Contents, ImageError> {
    let mut image = Contents::default();
    let mut record = Vec::new();
    let mut data_records = 0_u64;
    let mut last_line = 0;
    let mut lines = lines(contents);
    while let Some((line, text)) = lines.next() {
        last_line = line;
        let wrong = |problem| ImageError::Record { format: ImageFormat::SRecord, line, problem };
        let [b'S', kind @ b'0'..=b'9', digits @ ..] = text else {
            return Err(wrong("does not begin with S and a digit; a comment begins with #"));
        };
        let digits = if matches!(kind, b'7'..=b'9') { end_record(digits) } else { digits };
        unhex(digits, &mut record).map_err(wrong)?;
        let [count, body @ .., _checksum] = record.as_slice() else {
            return Err(wrong("is too short for a record"));
        };
        if usize::from(*count) != body.len() + 1 {
            return Err(wrong("does not hold as many bytes as it says"));
        }
        if record.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) != 0xff {
            return Err(wrong("has a wrong checksum"));
        }
        let address_length = match kind {
            b'0' | b'1' | b'5' | b'9' => 2,
            b'2' | b'6' | b'8' => 3,
            b'3' | b'7' => 4,
            _ => return Err(wrong("is of an unknown type")),
        };
        let Some((address, data)) = body.split_at_checked(address_length) else {
            return Err(wrong("is too short for its address"));
        };
        let address = big_endian(address);
        match kind {
            b'1'..=b'3' => {
                if address + data.len() as u64 > 1 << (8 * address_length) {
                    return Err(wrong("ends beyond the addresses of its type"));
                }
                data_records += 1;
                image.push(address, data);
            }
            // The record counts the data records before it, modulo what its address field holds.
            b'5' | b'6' if address != data_records % (1 << (8 * address_length)) => {
                return Err(wrong("counts another number of data records than there are: some are missing"));
            }
            b'0' | b'5' | b'6' => {}
            _ => {
                image.entry = Some(address);
                warn_of_ignored(ImageFormat::SRecord, lines);
                return Ok(image);
            }
        }
    }
    let problem = "is the last, but no end record: the file was cut short";
    Err(ImageError::Record { format: ImageFormat::SRecord, line: last_line, problem })
}

/// Cuts off what follows an end record on its line, such as the 0x1a of DOS: the file ends there.
fn end_record(digits: &[u8]) -> &[u8] {
    let mut count = Vec::new();
    match digits.get(..2).map(|digits| unhex(digits, &mut count)) {
        Some(Ok(())) => digits.get(..2 + 2 * usize::from(count[0])).unwrap_or(digits),
        _ => digits,
    }
}
