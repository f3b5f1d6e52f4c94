//! Longer transfers: search, dumps to files and streams, loads from them, text.

use std::io::{self, Read, Write};
use std::ops::{ControlFlow, Range};
use std::path::Path;

use super::bytes::{Bytes, offset_in_word};
use super::{Memory, hexdump};
use crate::error::{InvalidArgument, Result, TargetError};
use crate::file_kind;
use crate::new_file::NewFile;
use crate::progress::{NoProgress, ProgressReport, Tracker};
use crate::types::Phase;

/// How many bytes a stream is given at a time, or gives: an error of the stream says how far it
/// came.
const STREAM_BYTES: usize = 16 * 1024;

impl<R: ProgressReport> Memory<'_, R> {
    /// Finds all matches of `pattern` that lie within a range of addresses, overlapping ones
    /// included, in ascending order.
    ///
    /// # Errors
    /// [`TargetError::InvalidArgument`] for an empty pattern or a range that ends before it begins,
    /// and the errors of [`read_bytes`](Self::read_bytes).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.memory().write_bytes(0x2000_0803, b"SEGGER RTT")?;
    /// assert_eq!(session.memory().search(0x2000_0000..0x2000_1000, b"SEGGER RTT")?, [0x2000_0803]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn search(&self, range: Range<u64>, pattern: &[u8]) -> Result<Vec<u64>> {
        if pattern.is_empty() {
            let argument = InvalidArgument::new("search pattern", "at least one byte", "no byte");
            return Err(TargetError::from(argument).into());
        }
        let Some(length) = range.end.checked_sub(range.start) else {
            let given = format!("{:#010x}..{:#010x}", range.start, range.end);
            let argument = InvalidArgument::new("range to search", "an end that is not before the start", given);
            return Err(TargetError::from(argument).into());
        };
        let finder = memchr::memmem::Finder::new(pattern);
        let mut found = Vec::new();
        // The end of what is searched stays, so that a match across two pieces is found.
        let mut window: Vec<u8> = Vec::new();
        let mut window_at = range.start;
        self.read_tracked(range.start, length, |_, piece| {
            window.extend_from_slice(piece);
            let mut from = 0;
            while let Some(at) = finder.find(&window[from..]) {
                found.push(window_at + (from + at) as u64);
                from += at + 1;
            }
            let searched = window.len().saturating_sub(pattern.len() - 1);
            window.drain(..searched);
            window_at = window_at.wrapping_add(searched as u64);
            Ok(())
        })?;
        Ok(found)
    }

    /// Copies `length` bytes of memory to a file, which is created or overwritten.
    ///
    /// Each command has the time of
    /// [`SessionBuilder::flash_timeout`](crate::SessionBuilder::flash_timeout).
    ///
    /// # Errors
    /// The errors of [`read_bytes`](Self::read_bytes), and [`TargetError::Stream`] with the path if
    /// the file cannot be written, or is a FIFO, which is for [`dump_to`](Self::dump_to). After an
    /// error there is no new file, and a file that was there is as it was.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = std::env::temp_dir().join(format!("openocd-dump-{}.bin", std::process::id()));
    /// session.memory().dump(0x2000_0000, 1000, &path)?;
    /// assert_eq!(std::fs::metadata(&path)?.len(), 1000);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dump(&self, address: u64, length: u64, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        // Before the file is touched.
        self.check(address, 1, length)?;
        let mut file =
            NewFile::beside_or_into(path).map_err(|source| stream("dump", address, Some(path), 0, source))?;
        self.for_images().dump_stream(address, length, file.writer(), Some(path))?;
        file.complete().map_err(|source| stream("dump", address, Some(path), length, source))
    }

    /// Copies `length` bytes of memory to a stream.
    ///
    /// Holds 128 KiB at a time, whatever the length.
    ///
    /// # Errors
    /// The errors of [`read_bytes`](Self::read_bytes), and [`TargetError::Stream`] if the stream
    /// fails. The pieces of at most 128 KiB before the one that failed have been written.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let mut image = Vec::new();
    /// session.memory().dump_to(0x0800_0000, 1024, &mut image)?;
    /// assert_eq!(image.len(), 1024);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dump_to(&self, address: u64, length: u64, to: impl Write) -> Result<()> {
        self.dump_stream(address, length, to, None)
    }

    fn dump_stream(&self, address: u64, length: u64, mut to: impl Write, path: Option<&Path>) -> Result<()> {
        self.read_tracked(address, length, |done, piece| {
            let mut written = done;
            for part in piece.chunks(STREAM_BYTES) {
                let result = file_kind::write_counted(&mut to, part, &mut written);
                result.map_err(|source| stream("dump", address, path, written, source))?;
            }
            Ok(())
        })?;
        to.flush().map_err(|source| stream("dump", address, path, length, source))
    }

    /// Writes a file to memory as it is, from `address` on, and returns the number of bytes.
    ///
    /// For files with addresses (ELF, Intel HEX, S-record, UF2) there is
    /// [`load_image`](Self::load_image). Each command has the time of
    /// [`SessionBuilder::flash_timeout`](crate::SessionBuilder::flash_timeout). Memory that ignores
    /// writes, such as flash or ROM, is not noticed: check with [`read_bytes`](Self::read_bytes).
    ///
    /// # Errors
    /// The errors of [`write_bytes`](Self::write_bytes), and [`TargetError::Stream`] with the path
    /// if the file cannot be read, or is a FIFO, which is for
    /// [`load_from`](Self::load_from). The pieces before the one that failed have been written.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = std::env::temp_dir().join(format!("openocd-load-{}.bin", std::process::id()));
    /// std::fs::write(&path, [0x5a; 300])?;
    /// assert_eq!(session.memory().load(0x2000_0000, &path)?, 300);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load(&self, address: u64, path: impl AsRef<Path>) -> Result<u64> {
        let path = path.as_ref();
        let file = file_kind::open(path).map_err(|source| stream("load", address, Some(path), 0, source))?;
        self.for_images().load_stream(address, file, Some(path))
    }

    /// Writes everything that a stream gives to memory, from `address` on, and returns the number
    /// of bytes.
    ///
    /// Memory that ignores writes, such as flash or ROM, is not noticed: check with
    /// [`read_bytes`](Self::read_bytes).
    ///
    /// # Errors
    /// The errors of [`write_bytes`](Self::write_bytes), and [`TargetError::Stream`] if the stream
    /// fails. The pieces of at most 16 KiB before the one that failed have been written; the text
    /// has the number of bytes.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let image = [0x5a; 300];
    /// assert_eq!(session.memory().load_from(0x2000_0001, &image[..])?, 300);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load_from(&self, address: u64, from: impl Read) -> Result<u64> {
        self.load_stream(address, from, None)
    }

    fn load_stream(&self, address: u64, mut from: impl Read, path: Option<&Path>) -> Result<u64> {
        let mut piece = Vec::with_capacity(STREAM_BYTES);
        let mut pace = self.write_pace::<Bytes>();
        let mut done = 0;
        loop {
            piece.clear();
            let at = address.wrapping_add(done);
            // The next piece begins at a word.
            let most = STREAM_BYTES - offset_in_word(at);
            let read = from.by_ref().take(most as u64).read_to_end(&mut piece);
            read.map_err(|source| stream("load", address, path, done, source))?;
            if piece.is_empty() {
                return Ok(done);
            }
            self.check(address, 1, done + piece.len() as u64)?;
            // The length of the stream is not known, so there is no progress to tell.
            self.write_all::<Bytes>(at, &piece, &mut pace, &mut Tracker::new(&NoProgress))?;
            done += piece.len() as u64;
        }
    }

    /// Formats `length` bytes of memory as text: address, sixteen bytes a line, and their ASCII
    /// characters.
    ///
    /// # Errors
    /// The same as [`read_bytes`](Self::read_bytes).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.memory().write_bytes(0x2000_0000, b"Hello, chip!\0\x01\x02\xff")?;
    /// assert_eq!(
    ///     session.memory().hexdump(0x2000_0000, 16)?,
    ///     "20000000  48 65 6c 6c 6f 2c 20 63  68 69 70 21 00 01 02 ff  |Hello, chip!....|\n"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hexdump(&self, address: u64, length: u64) -> Result<String> {
        Ok(hexdump::format(address, &self.read_bytes(address, length)?))
    }

    /// Reads a range, tells the callback, and hands the range on piece by piece.
    fn read_tracked(&self, address: u64, length: u64, mut take: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        self.check(address, 1, length)?;
        let mut tracker = self.begin(Phase::Read, length, address)?;
        self.read_in_pieces(address, length, &mut tracker, |done, piece| {
            take(done, piece).map(|()| ControlFlow::Continue(()))
        })
    }
}

fn stream(
    operation: &'static str,
    address: u64,
    path: Option<&Path>,
    transferred: u64,
    source: io::Error,
) -> crate::error::Error {
    TargetError::Stream { operation, address, path: path.map(Path::to_owned), transferred, source }.into()
}
