//! Sections of debug information that a linker has compressed: `--compress-debug-sections` of GNU
//! ld and LLD, in the forms of the ELF specification and in GNU's older one.

use std::borrow::Cow;
use std::io::Read;

use object::Endianness;
use object::elf::{ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD, SHF_COMPRESSED};
use object::read::elf::{CompressionHeader as _, FileHeader, SectionHeader as _};

use super::debug_limits::{INVALID, TOO_MUCH};
use super::elf::File;

const UNREADABLE: &str = "has compressed debug information that cannot be decompressed";
const UNKNOWN: &str =
    "has debug information in a compression that is not read: link it with --compress-debug-sections=none";

/// How many times as many bytes as the file its sections may hold. Debug information shrinks to a
/// third, its best part to a tenth.
const TIMES_AT_MOST: u64 = 32;

/// What GNU's form has before the compressed bytes: this, and their length decompressed.
const GNU_MAGIC: &[u8] = b"ZLIB";

#[derive(Clone, Copy)]
enum Format {
    Zlib,
    Zstandard,
}

/// Decompresses the sections of one file, within what is sane for it.
pub(super) struct Sections {
    left: u64,
}

impl Sections {
    pub(super) fn of(file_length: usize) -> Self {
        Sections { left: TIMES_AT_MOST.saturating_mul(file_length as u64).saturating_add(1 << 20) }
    }

    /// The contents of a section. GNU's form has `is_gnu`: it is told by the section's name alone.
    pub(super) fn contents<'a, Elf: FileHeader<Endian = Endianness>>(
        &mut self,
        file: &File<'a, Elf>,
        section: &Elf::SectionHeader,
        is_gnu: bool,
    ) -> Result<Cow<'a, [u8]>, &'static str> {
        let data = section.data(file.endian, file.bytes).map_err(|_| INVALID)?;
        if is_gnu {
            let (size, compressed) = gnu(data).ok_or(UNREADABLE)?;
            return self.decompressed(Format::Zlib, compressed, size).map(Cow::Owned);
        }
        if !section.sh_flags(file.endian).contains(SHF_COMPRESSED) {
            return Ok(Cow::Borrowed(data));
        }
        let header = section.compression(file.endian, file.bytes).ok().flatten();
        let (header, offset, length) = header.ok_or(UNREADABLE)?;
        let begin = usize::try_from(offset).map_err(|_| UNREADABLE)?;
        let length = usize::try_from(length).map_err(|_| UNREADABLE)?;
        let compressed = file.bytes.get(begin..).and_then(|rest| rest.get(..length)).ok_or(UNREADABLE)?;
        let format = match header.ch_type(file.endian) {
            ELFCOMPRESS_ZLIB => Format::Zlib,
            ELFCOMPRESS_ZSTD => Format::Zstandard,
            _ => return Err(UNKNOWN),
        };
        self.decompressed(format, compressed, header.ch_size(file.endian).into()).map(Cow::Owned)
    }

    fn decompressed(&mut self, format: Format, compressed: &[u8], size: u64) -> Result<Vec<u8>, &'static str> {
        self.left = self.left.checked_sub(size).ok_or(TOO_MUCH)?;
        let mut bytes = Vec::new();
        // A byte more than there should be tells a wrong size.
        let read = match format {
            Format::Zlib => flate2::read::ZlibDecoder::new(compressed).take(size + 1).read_to_end(&mut bytes),
            Format::Zstandard => ruzstd::StreamingDecoder::new(compressed)
                .map_err(|_| UNREADABLE)?
                .take(size + 1)
                .read_to_end(&mut bytes),
        };
        match read {
            Ok(length) if length as u64 == size => Ok(bytes),
            _ => Err(UNREADABLE),
        }
    }
}

/// The decompressed length and the compressed bytes of a section in GNU's form.
fn gnu(data: &[u8]) -> Option<(u64, &[u8])> {
    let (length, compressed) = data.strip_prefix(GNU_MAGIC)?.split_first_chunk()?;
    Some((u64::from_be_bytes(*length), compressed))
}
