//! Firmware images: which bytes a file puts at which addresses, and which symbols it defines.
//! Nothing here talks to OpenOCD.

#[cfg(feature = "debuginfo")]
mod compressed;
#[cfg(feature = "debuginfo")]
mod debug_info;
#[cfg(feature = "debuginfo")]
mod debug_limits;
mod edit;
mod elf;
mod file;
mod format;
mod ihex;
mod options;
mod save;
mod segment;
mod srec;
mod symbols;
mod text;
mod uf2;

#[cfg(feature = "debuginfo")]
pub use debug_info::CodeLocation;
#[cfg(feature = "debuginfo")]
pub(crate) use debug_info::DebugInfo;
use elf::Extra;
pub use options::{ElfParts, ImageOptions};
pub use segment::Segment;
use symbols::SymbolTable;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use segment::Contents;

use crate::error::{ImageError, Result};
use crate::types::ImageFormat;

/// A firmware image: bytes and the addresses where they belong.
///
/// [`open`](Self::open) reads ELF, Intel HEX, S-record and UF2 files, and
/// [`open_bin`](Self::open_bin) reads raw binaries. This crate reads the file, not OpenOCD. So
/// OpenOCD may run on another machine, the path may hold any characters, and a damaged image is
/// refused before a chip is touched.
///
/// - **ELF**, 32 and 64 bits, either byte order: executables. Allocated sections are loaded where
///   the file has section headers, and segments where it has none ([`ImageOptions::elf_parts`]).
///   The address is the load address (LMA), as for GDB's `load` and `objcopy -O binary`.
///   [`symbol`](Self::symbol) finds functions and variables.
/// - **Intel HEX** (Intel's "Hexadecimal Object File Format Specification", 1988), record types 00
///   to 05, and **S-record** (Motorola), `S0` to `S9`. Checksums are checked. The file ends at its
///   end record; a file without an end record counts as cut short. Lines that begin with `#` are
///   comments.
/// - **UF2** (Microsoft): each block must be there. Blocks that are marked as not for the main
///   flash are skipped.
/// - **BIN**: all bytes, at the address given.
///
/// [`merge`](Self::merge), [`moved_by`](Self::moved_by), [`within`](Self::within),
/// [`without`](Self::without) and [`filled`](Self::filled) make images of images, and
/// [`save`](Self::save) writes them.
///
/// A byte that a file gives twice is accepted; two different bytes for one address are an error.
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
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    format: ImageFormat,
    segments: Vec<Segment>,
    entry: Option<u64>,
    symbols: Arc<SymbolTable>,
    #[cfg(feature = "debuginfo")]
    debug_info: Arc<DebugInfo>,
}

impl Image {
    /// Reads an ELF, Intel HEX, S-record or UF2 file. The contents decide which format it is, not
    /// the name.
    ///
    /// Only regular files of at most 256 MiB are read.
    ///
    /// # Errors
    /// [`ImageError::Read`] if the file cannot be read, [`ImageError::TooLarge`] or
    /// [`ImageError::NotAFile`] before it is read, [`ImageError::File`] if it is damaged, empty, or
    /// of no known format.
    ///
    /// ```
    /// use openocd::{Image, ImageFormat};
    ///
    /// let image = Image::open("examples/firmware/counter.elf")?;
    /// assert_eq!(image.format(), ImageFormat::Elf);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Image> {
        Self::open_with(path, ImageOptions::new())
    }

    /// Reads a file like [`open`](Self::open), with options for ELF and UF2.
    ///
    /// # Errors
    /// The errors of [`open`](Self::open), and [`ImageError::NoUf2Family`] within
    /// [`ImageError::File`].
    ///
    /// ```
    /// use openocd::{ElfParts, Image, ImageOptions};
    ///
    /// let options = ImageOptions::new().elf_parts(ElfParts::Segments);
    /// let image = Image::open_with("examples/firmware/counter.elf", options)?;
    /// # assert_eq!(image, Image::open("examples/firmware/counter.elf")?);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn open_with(path: impl AsRef<Path>, options: ImageOptions) -> Result<Image> {
        let path = path.as_ref();
        Ok(Self::read(&file::read(path)?, options).map_err(|problem| in_file(path, problem))?)
    }

    /// Reads a file as raw bytes that belong at `base`.
    ///
    /// # Errors
    /// [`ImageError::Read`] if the file cannot be read, [`ImageError::TooLarge`] if it exceeds 256
    /// MiB, [`ImageError::File`] if it is empty or ends beyond the address space.
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
        let segments = vec![Segment { address: base, data: file::read(path)? }];
        Ok(Self::of_bytes(segments).map_err(|problem| in_file(path, problem))?)
    }

    /// Reads the contents of an ELF, Intel HEX, S-record or UF2 file.
    ///
    /// # Errors
    /// [`ImageError::UnknownFormat`], [`ImageError::Record`] for a damaged line of text,
    /// [`ImageError::Elf`] or [`ImageError::Uf2`] for a damaged file of that format.
    pub fn parse(contents: &[u8]) -> Result<Image> {
        Self::parse_with(contents, ImageOptions::new())
    }

    /// Reads the contents of a file like [`parse`](Self::parse), with options for ELF and UF2.
    ///
    /// # Errors
    /// The errors of [`parse`](Self::parse), and [`ImageError::NoUf2Family`].
    pub fn parse_with(contents: &[u8], options: ImageOptions) -> Result<Image> {
        Ok(Self::read(contents, options)?)
    }

    /// Makes an image of raw bytes that belong at `base`.
    ///
    /// # Errors
    /// [`ImageError::Empty`], [`ImageError::OutOfAddressSpace`].
    ///
    /// ```
    /// let image = openocd::Image::bin(0x2000_0000, [1, 2, 3, 4])?;
    /// assert_eq!(image.segments()[0].address, 0x2000_0000);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn bin(base: u64, data: impl Into<Vec<u8>>) -> Result<Image> {
        Self::from_segments([Segment { address: base, data: data.into() }])
    }

    /// Makes an image of several pieces of raw bytes, in any order. Empty ones are dropped,
    /// adjacent ones joined.
    ///
    /// # Errors
    /// [`ImageError::Empty`], [`ImageError::OutOfAddressSpace`], [`ImageError::Overlap`] if two
    /// pieces differ at an address.
    ///
    /// ```
    /// use openocd::{Image, Segment};
    ///
    /// let low = Segment { address: 0x100, data: vec![1, 2] };
    /// let high = Segment { address: 0x102, data: vec![3] };
    /// let image = Image::from_segments([high, low])?;
    /// assert_eq!((image.segments().len(), image.len()), (1, 3));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn from_segments(segments: impl IntoIterator<Item = Segment>) -> Result<Image> {
        Ok(Self::of_bytes(segments.into_iter().collect())?)
    }

    /// Returns the format of the file. Images of raw bytes are [`ImageFormat::Bin`].
    pub fn format(&self) -> ImageFormat {
        self.format
    }

    /// Returns the bytes and their addresses: in ascending order, without overlaps, none empty,
    /// none adjacent to the next.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns the address where the program begins, if the file names one other than 0 (ELF:
    /// `e_entry`, Intel HEX: record 03 or 05, S-record: `S7` to `S9`). Bit 0 is set for Thumb code,
    /// which is all code of a Cortex-M.
    pub fn entry(&self) -> Option<u64> {
        self.entry
    }

    /// Returns the number of bytes to load.
    pub fn len(&self) -> u64 {
        self.segments.iter().map(|segment| segment.data.len() as u64).sum()
    }

    /// Returns false: an image without bytes is refused.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    fn read(contents: &[u8], options: ImageOptions) -> Result<Image, ImageError> {
        let format = ImageFormat::of(contents)?;
        let mut extra = Extra::default();
        let read = match format {
            ImageFormat::Elf => {
                let (read, found) = elf::read(contents, options.elf_parts)?;
                extra = found;
                read
            }
            ImageFormat::IntelHex => ihex::read(contents)?,
            ImageFormat::SRecord => srec::read(contents)?,
            ImageFormat::Uf2 => uf2::read(contents, options.uf2_family)?,
            ImageFormat::Bin => return Err(ImageError::UnknownFormat),
        };
        Self::of(format, read, extra)
    }

    fn of_bytes(segments: Vec<Segment>) -> Result<Image, ImageError> {
        Self::of(ImageFormat::Bin, Contents { segments, entry: None }, Extra::default())
    }

    fn of(format: ImageFormat, contents: Contents, extra: Extra) -> Result<Image, ImageError> {
        let segments = segment::join(contents.segments)?;
        let entry = contents.entry.filter(|&entry| entry != 0);
        Ok(Image {
            format,
            segments,
            entry,
            symbols: Arc::new(extra.symbols),
            #[cfg(feature = "debuginfo")]
            debug_info: Arc::new(extra.debug_info),
        })
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image {{ {self} }}")
    }
}

/// Writes one line, such as `ELF, 1040 bytes in 2 segments, 0x08000000 to 0x0800141f`.
impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, segments) = (self.len(), self.segments.len());
        let plural = |count| if count == 1 { "" } else { "s" };
        let (s, t) = (plural(bytes), plural(segments as u64));
        write!(f, "{}, {bytes} byte{s} in {segments} segment{t}", self.format)?;
        if let (Some(first), Some(last)) = (self.segments.first(), self.segments.last()) {
            let end = last.address + (last.data.len() as u64).saturating_sub(1);
            write!(f, ", {:#010x} to {end:#010x}", first.address)?;
        }
        Ok(())
    }
}

fn in_file(path: &Path, problem: ImageError) -> ImageError {
    ImageError::File { path: path.to_owned(), problem: Box::new(problem) }
}

#[cfg(test)]
mod tests;
