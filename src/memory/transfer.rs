//! Longer transfers: search, dump to a stream, load from a stream.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use super::{Memory, hexdump};
use crate::error::{InvalidArgument, Result, TargetError};
use crate::progress::Tracker;
use crate::types::Phase;

/// How many bytes are read and held here at a time: enough to keep the connection busy.
const PIECE: usize = 128 * 1024;

/// How many of them a stream is given at a time, or gives: an error of the stream says how far it came.
const PART: usize = 16 * 1024;

impl Memory<'_> {
    /// Finds every place of `pattern` in the `length` bytes from `address`, overlapping ones included, in ascending order.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.memory().write_bytes(0x2000_0803, b"SEGGER RTT")?;
    /// assert_eq!(session.memory().search(0x2000_0000, 0x1000, b"SEGGER RTT")?, [0x2000_0803]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TargetError::InvalidArgument`] for an empty pattern, and those of [`read_bytes`](Self::read_bytes).
    pub fn search(&self, address: u64, length: u64, pattern: &[u8]) -> Result<Vec<u64>> {
        if pattern.is_empty() {
            let (argument, given) = ("the pattern to search for", "empty".to_owned());
            return Err(TargetError::InvalidArgument(InvalidArgument {
                argument,
                given,
                expected: "at least one byte long",
            })
            .into());
        }
        let finder = memchr::memmem::Finder::new(pattern);
        let mut found = Vec::new();
        // The end of what is searched stays, so that a match across two pieces is found.
        let mut window: Vec<u8> = Vec::new();
        let mut window_at = address;
        self.in_pieces(address, length, |_, piece| {
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

    /// Copies the `length` bytes from `address` to a stream.
    ///
    /// Moves pieces of 128 KiB, whatever the length, and holds one at a time.
    ///
    /// # Errors
    /// Those of [`read_bytes`](Self::read_bytes), and [`TargetError::Stream`] if the stream takes no more. The pieces before the one with the error have been written.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let mut image = Vec::new();
    /// session.memory().dump(0x0800_0000, 1024, &mut image)?;
    /// assert_eq!(image.len(), 1024);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dump(&self, address: u64, length: u64, mut to: impl Write) -> Result<()> {
        self.in_pieces(address, length, |done, piece| {
            to.write_all(piece).map_err(|source| stream("write the dump", done, source))
        })?;
        to.flush().map_err(|source| stream("write the dump", length, source))?;
        Ok(())
    }

    /// Copies the `length` bytes from `address` to a new file, or over an old one.
    ///
    /// # Errors
    /// Those of [`dump`](Self::dump). After an error the file holds the pieces before the one with the error.
    pub fn dump_to_file(&self, address: u64, length: u64, path: impl AsRef<Path>) -> Result<()> {
        // Before the file is touched.
        self.check_range(address, length)?;
        let file = File::create(path).map_err(|source| stream("create the file for the dump", 0, source))?;
        self.dump(address, length, BufWriter::new(file))
    }

    /// Writes everything that a stream gives to memory, from `address` on, and returns how many bytes that was.
    ///
    /// # Errors
    /// Those of [`write_bytes`](Self::write_bytes), and [`TargetError::Stream`] if the stream fails. What was read before an error has been written.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let image = [0x5a; 300];
    /// assert_eq!(session.memory().load(0x2000_0001, &image[..])?, 300);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load(&self, address: u64, mut from: impl Read) -> Result<u64> {
        let mut piece = Vec::with_capacity(PART);
        let mut done = 0;
        loop {
            piece.clear();
            let read = from.by_ref().take(PART as u64).read_to_end(&mut piece);
            read.map_err(|source| stream("read what is to be loaded", done, source))?;
            if piece.is_empty() {
                return Ok(done);
            }
            self.check_range(address, done + piece.len() as u64)?;
            self.unwatched().write_bytes(address + done, &piece)?;
            done += piece.len() as u64;
        }
    }

    /// The `length` bytes from `address` as text: address, sixteen bytes a line, and their ASCII characters.
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
    ///
    /// # Errors
    /// Those of [`read_bytes`](Self::read_bytes).
    pub fn hexdump(&self, address: u64, length: usize) -> Result<String> {
        Ok(hexdump::format(address, &self.read_bytes(address, length)?))
    }

    /// Reads the range piece by piece; each goes to `take` with the number of bytes before it.
    fn in_pieces(&self, address: u64, length: u64, mut take: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        self.check_range(address, length)?;
        let mut tracker = Tracker::new(self.report);
        tracker.begin(Phase::Read, length, address)?;
        let mut piece = vec![0; PIECE];
        let mut done = 0;
        while done < length {
            let left = usize::try_from(length - done).map_or(PIECE, |left| left.min(PIECE));
            let size = if self.report.is_watched() { self.next_chunk(address + done, left) } else { left };
            self.unwatched().read_bytes_into(address + done, &mut piece[..size])?;
            for part in piece[..size].chunks(PART) {
                take(done, part)?;
                done += part.len() as u64;
            }
            tracker.advance(size as u64, address.wrapping_add(done), true)?;
        }
        Ok(())
    }

    fn check_range(&self, address: u64, length: u64) -> Result<()> {
        let bits = 64;
        let length_here =
            usize::try_from(length).map_err(|_| TargetError::OutOfAddressSpace { address, length, bits })?;
        self.check(address, 1, length_here)
    }
}

fn stream(doing: &'static str, transferred: u64, source: io::Error) -> crate::Error {
    TargetError::Stream { doing, transferred, source }.into()
}
