//! Firmware images: what a file puts at which address. Pure: parsing sends nothing.

mod elf;
mod ihex;
mod srec;

use std::fmt;
use std::path::Path;

use crate::error::{ImageError, Result};

/// A firmware image: bytes and the addresses that they belong at.
///
/// [`open`](Self::open) reads ELF, Intel HEX and S-record files, [`open_bin`](Self::open_bin) raw binaries. The file is read and
/// understood here, not by OpenOCD, so OpenOCD need not see it, its path may hold any characters, and a damaged image is refused before a chip is touched.
///
/// - **ELF** (System V ABI, "Program Header"), 32 and 64 bits, either byte order: the segments of type `PT_LOAD` with bytes in the file, at their physical address
///   (at the virtual one if every physical address is 0).
/// - **Intel HEX** (Intel's "Hexadecimal Object File Format Specification", 1988), record types 00 to 05. **S-record** (Motorola), `S0` to `S9`. Each checksum counts, and so does the end record: a file without it was cut short.
/// - **BIN**: all bytes, at the address given.
///
/// ```
/// use openocd::Image;
///
/// let image = Image::parse(b":04000800DEADBEEFBC\n:00000001FF\n")?;
/// assert_eq!(image.segments()[0].address, 8);
/// assert_eq!(image.segments()[0].data, [0xde, 0xad, 0xbe, 0xef]);
///
/// let raw = Image::bin(0x0800_0000, vec![1, 2, 3])?;
/// assert_eq!(raw.len(), 3);
/// # Ok::<(), openocd::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    format: ImageFormat,
    segments: Vec<Segment>,
    entry: Option<u64>,
}

/// Consecutive bytes of an [`Image`].
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// Where the first byte belongs.
    pub address: u64,
    /// The bytes.
    pub data: Vec<u8>,
}

/// The format that an [`Image`] came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageFormat {
    /// Executable and Linkable Format.
    Elf,
    /// Intel HEX.
    IntelHex,
    /// Motorola S-record.
    SRecord,
    /// Raw bytes.
    Bin,
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ImageFormat::Elf => "ELF",
            ImageFormat::IntelHex => "Intel HEX",
            ImageFormat::SRecord => "S-record",
            ImageFormat::Bin => "BIN",
        })
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment {{ {} bytes at {:#010x} }}", self.data.len(), self.address)
    }
}

/// What a format's reader gives: segments in any order, and the entry point.
#[derive(Debug, Default, PartialEq, Eq)]
struct Contents {
    segments: Vec<Segment>,
    entry: Option<u64>,
}

impl Image {
    /// Reads an ELF, Intel HEX or S-record file; the contents say which, not the name.
    ///
    /// # Errors
    /// [`ImageError::Read`] if the file can't be read, [`ImageError::File`] if it is none of these, damaged, or empty.
    pub fn open(path: impl AsRef<Path>) -> Result<Image> {
        let path = path.as_ref();
        Ok(Self::understand(&read(path)?).map_err(|problem| in_file(path, problem))?)
    }

    /// Reads a file as raw bytes that belong at `base`.
    ///
    /// # Errors
    /// [`ImageError::Read`] if the file can't be read, [`ImageError::File`] if it is empty or ends beyond the address space.
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("openocd-image-{}.bin", std::process::id()));
    /// std::fs::write(&path, [1, 2, 3])?;
    /// let image = openocd::Image::open_bin(&path, 0x0800_4000)?;
    /// assert_eq!((image.segments()[0].address, image.len()), (0x0800_4000, 3));
    ///
    /// let refused = openocd::Image::open(&path).unwrap_err();
    /// assert!(refused.to_string().contains("a raw binary needs an address"));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_bin(path: impl AsRef<Path>, base: u64) -> Result<Image> {
        let path = path.as_ref();
        let segments = vec![Segment { address: base, data: read(path)? }];
        Ok(Self::of(ImageFormat::Bin, Contents { segments, entry: None }).map_err(|problem| in_file(path, problem))?)
    }

    /// Reads the contents of an ELF, Intel HEX or S-record file.
    ///
    /// # Errors
    /// Every [`ImageError`] but those of files.
    pub fn parse(contents: &[u8]) -> Result<Image> {
        Ok(Self::understand(contents)?)
    }

    /// Raw bytes that belong at `base`.
    ///
    /// # Errors
    /// [`ImageError::Empty`], [`ImageError::OutOfAddressSpace`].
    pub fn bin(base: u64, data: impl Into<Vec<u8>>) -> Result<Image> {
        Self::from_segments([Segment { address: base, data: data.into() }])
    }

    /// Several pieces of raw bytes, in any order. Empty ones are dropped, adjacent ones joined.
    ///
    /// # Errors
    /// [`ImageError::Empty`], [`ImageError::OutOfAddressSpace`], [`ImageError::Overlap`].
    ///
    /// ```
    /// use openocd::{Image, Segment};
    ///
    /// let (low, high) = (Segment { address: 0x100, data: vec![1, 2] }, Segment { address: 0x102, data: vec![3] });
    /// let image = Image::from_segments([high, low])?;
    /// assert_eq!((image.segments().len(), image.len()), (1, 3));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn from_segments(segments: impl IntoIterator<Item = Segment>) -> Result<Image> {
        let segments = segments.into_iter().collect();
        Ok(Self::of(ImageFormat::Bin, Contents { segments, entry: None })?)
    }

    /// The format that it came in.
    pub fn format(&self) -> ImageFormat {
        self.format
    }

    /// The bytes and their addresses: in ascending order, without overlaps, none empty, none adjacent to the next.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Where the program begins, if the image says so (ELF: `e_entry`, Intel HEX: record 03 or 05, S-record: `S7` to `S9`) and it is not 0. On a Cortex-M
    /// bit 0 is set, for Thumb code.
    pub fn entry(&self) -> Option<u64> {
        self.entry
    }

    /// How many bytes it holds.
    pub fn len(&self) -> u64 {
        self.segments.iter().map(|segment| segment.data.len() as u64).sum()
    }

    /// Always false: an image without bytes is refused.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    fn understand(contents: &[u8]) -> Result<Image, ImageError> {
        if contents.starts_with(elf::MAGIC) {
            return Self::of(ImageFormat::Elf, elf::read(contents)?);
        }
        match contents.trim_ascii_start() {
            [b':', ..] => Self::of(ImageFormat::IntelHex, ihex::read(contents)?),
            [b'S', b'0'..=b'9', ..] => Self::of(ImageFormat::SRecord, srec::read(contents)?),
            [] => Err(ImageError::Empty),
            _ => Err(ImageError::UnknownFormat),
        }
    }

    fn of(format: ImageFormat, contents: Contents) -> Result<Image, ImageError> {
        let Contents { mut segments, entry } = contents;
        segments.retain(|segment| !segment.data.is_empty());
        segments.sort_by_key(|segment| segment.address);
        let mut joined: Vec<Segment> = Vec::new();
        for segment in segments {
            let length = segment.data.len() as u64;
            if segment.address.checked_add(length - 1).is_none() {
                return Err(ImageError::OutOfAddressSpace { address: segment.address, length });
            }
            match joined.last_mut() {
                Some(last) => match (segment.address - last.address).cmp(&(last.data.len() as u64)) {
                    std::cmp::Ordering::Less => return Err(ImageError::Overlap { address: segment.address }),
                    std::cmp::Ordering::Equal => last.data.extend(segment.data),
                    std::cmp::Ordering::Greater => joined.push(segment),
                },
                None => joined.push(segment),
            }
        }
        if joined.is_empty() {
            return Err(ImageError::Empty);
        }
        Ok(Image { format, segments: joined, entry: entry.filter(|&entry| entry != 0) })
    }
}

impl Contents {
    /// Adds bytes; those that follow on from the last segment become part of it, so that thousands of records are few segments.
    fn push(&mut self, address: u64, data: &[u8]) {
        match self.segments.last_mut() {
            Some(last) if last.address.checked_add(last.data.len() as u64) == Some(address) => {
                last.data.extend_from_slice(data);
            }
            _ => self.segments.push(Segment { address, data: data.to_vec() }),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ImageError> {
    std::fs::read(path).map_err(|source| ImageError::Read { path: path.to_owned(), source })
}

fn in_file(path: &Path, problem: ImageError) -> ImageError {
    ImageError::File { path: path.to_owned(), problem: Box::new(problem) }
}

/// Reads pairs of hexadecimal digits into `bytes`; the problem otherwise.
fn unhex(digits: &[u8], bytes: &mut Vec<u8>) -> Result<(), &'static str> {
    bytes.clear();
    for pair in digits.chunks(2) {
        let digit = |index: usize| pair.get(index).and_then(|&b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err("is not made of pairs of hexadecimal digits");
        };
        #[allow(clippy::cast_possible_truncation, reason = "two hexadecimal digits are one byte")]
        bytes.push((high << 4 | low) as u8);
    }
    Ok(())
}

/// The lines of a text image that are not empty, with their numbers from 1.
fn lines(contents: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = contents.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
    lines.enumerate().filter(|(_, line)| !line.is_empty()).map(|(index, line)| (index + 1, line))
}

/// A number in big-endian bytes.
fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests;
