//! Motorola S-record.
//!
//! ```text
//!   STLLAA…DD…CC    type, count of the bytes that follow, address of 2 to 4 bytes, data, checksum: the sum of all bytes
//!                   from the count on is 0xff modulo 256
//! ```

use super::{Contents, big_endian, lines, unhex};
use crate::error::ImageError;
use crate::image::ImageFormat;

pub(super) fn read(contents: &[u8]) -> Result<Contents, ImageError> {
    let mut image = Contents::default();
    let mut ended = false;
    let mut record = Vec::new();
    let mut data_records = 0_u64;
    let mut last_line = 0;
    for (line, text) in lines(contents) {
        last_line = line;
        let wrong = |problem| ImageError::Record { format: ImageFormat::SRecord, line, problem };
        if ended {
            return Err(wrong("comes after the end record"));
        }
        let [b'S', kind @ b'0'..=b'9', digits @ ..] = text else {
            return Err(wrong("does not begin with S and a digit"));
        };
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
            // The number of data records so far, as far as it fits.
            b'5' | b'6' if address != data_records % (1 << (8 * address_length)) => {
                return Err(wrong("counts another number of data records than there are: some are missing"));
            }
            b'0' | b'5' | b'6' => {}
            _ => {
                image.entry = Some(address);
                ended = true;
            }
        }
    }
    if ended {
        return Ok(image);
    }
    let problem = "is the last, but no end record: the file was cut short";
    Err(ImageError::Record { format: ImageFormat::SRecord, line: last_line, problem })
}
