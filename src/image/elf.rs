//! ELF: the loadable segments. System V ABI, chapters "ELF Header" and "Program Header".

use super::{Contents, Segment};
use crate::error::ImageError;

pub(super) const MAGIC: &[u8] = b"\x7fELF";

const CLASS_32: u8 = 1;
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const BIG_ENDIAN: u8 = 2;
const PT_LOAD: u64 = 1;
/// `e_phnum` of a file with more program headers than fit into it.
const PN_XNUM: u64 = 0xffff;

/// How many times as many bytes as the file its segments may hold.
const SHARED_AT_MOST: u64 = 16;

/// The bytes of a file and how its numbers are written.
#[derive(Clone, Copy)]
struct File<'a> {
    bytes: &'a [u8],
    wide: bool,
    big_endian: bool,
}

#[derive(Clone, Copy)]
struct ProgramHeader {
    offset: u64,
    virtual_address: u64,
    physical_address: u64,
    file_size: u64,
}

pub(super) fn read(bytes: &[u8]) -> Result<Contents, ImageError> {
    let wrong = |problem| ImageError::Elf { problem };
    let wide = match bytes.get(4) {
        Some(&CLASS_32) => false,
        Some(&CLASS_64) => true,
        _ => return Err(wrong("is neither of class 32 nor of class 64")),
    };
    let big_endian = match bytes.get(5) {
        Some(&LITTLE_ENDIAN) => false,
        Some(&BIG_ENDIAN) => true,
        _ => return Err(wrong("has an unknown byte order")),
    };
    let file = File { bytes, wide, big_endian };
    let headers = file.load_headers().map_err(wrong)?;
    if headers.is_empty() {
        return Err(wrong("has no loadable segment: is it an object file and not a linked program?"));
    }
    // Segments may share bytes of the file, but so many that do are an attack on this program's memory.
    let total = headers.iter().fold(0_u64, |total, header| total.saturating_add(header.file_size));
    if total > SHARED_AT_MOST * bytes.len() as u64 {
        return Err(wrong("has segments that hold many times as many bytes as the file"));
    }
    // Some linkers fill in no physical address at all; OpenOCD reads such a file in the same way (`src/target/image.c`).
    let physical = headers.iter().any(|header| header.physical_address != 0);
    let mut image = Contents { segments: Vec::new(), entry: file.entry() };
    for header in headers {
        let data = file.slice(header.offset, header.file_size);
        let data = data.ok_or_else(|| wrong("ends before its segments do: the file was cut short"))?.to_vec();
        let address = if physical { header.physical_address } else { header.virtual_address };
        image.segments.push(Segment { address, data });
    }
    Ok(image)
}

impl<'a> File<'a> {
    fn entry(self) -> Option<u64> {
        if self.wide { self.number(24, 8) } else { self.number(24, 4) }
    }

    /// Those of type `PT_LOAD` that have bytes in the file.
    fn load_headers(self) -> Result<Vec<ProgramHeader>, &'static str> {
        const CUT_SHORT: &str = "ends before its headers do: the file was cut short";
        let fields = if self.wide { (self.number(32, 8), 54, 56) } else { (self.number(28, 4), 42, 44) };
        let (Some(table), Some(entry_size), Some(count)) =
            (fields.0, self.number(fields.1, 2), self.number(fields.2, 2))
        else {
            return Err(CUT_SHORT);
        };
        if count == PN_XNUM {
            return Err("has more than 65534 program headers");
        }
        let minimum = if self.wide { 56 } else { 32 };
        if count > 0 && entry_size < minimum {
            return Err("has program headers that are too short");
        }
        let mut headers = Vec::new();
        for index in 0..count {
            let at = index.checked_mul(entry_size).and_then(|offset| table.checked_add(offset)).ok_or(CUT_SHORT)?;
            let header = self.slice(at, minimum).ok_or(CUT_SHORT)?;
            let header = File { bytes: header, ..self };
            // Within the slice every field is there.
            let field = |offset, length| header.number(offset, length).unwrap_or_default();
            let (kind, found) = if self.wide {
                let found = ProgramHeader {
                    offset: field(8, 8),
                    virtual_address: field(16, 8),
                    physical_address: field(24, 8),
                    file_size: field(32, 8),
                };
                (field(0, 4), found)
            } else {
                let found = ProgramHeader {
                    offset: field(4, 4),
                    virtual_address: field(8, 4),
                    physical_address: field(12, 4),
                    file_size: field(16, 4),
                };
                (field(0, 4), found)
            };
            if kind == PT_LOAD && found.file_size > 0 {
                headers.push(found);
            }
        }
        Ok(headers)
    }

    fn slice(self, offset: u64, length: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        self.bytes.get(start..end)
    }

    fn number(self, offset: u64, length: u64) -> Option<u64> {
        let bytes = self.slice(offset, length)?;
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if self.big_endian { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) })
    }
}
