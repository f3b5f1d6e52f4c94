//! Reading flash.

use std::ops::ControlFlow;
use std::path::Path;

use super::Flash;
use super::layout::{Chip, Span};
use super::pieces::{Pace, cause};
use crate::error::{Error, FlashError, Result};
use crate::file_kind;
use crate::new_file::NewFile;
use crate::progress::{ProgressReport, Tracker};
use crate::types::Phase;

impl<R: ProgressReport> Flash<'_, R> {
    /// Reads `length` bytes of flash starting at `address` (OpenOCD: `flash read_bank`).
    ///
    /// Unlike [`Memory::read_bytes`](crate::Memory::read_bytes), this reads flash that is outside
    /// the core's address space too, and nothing but flash. Whether the target may run depends on
    /// the driver. Nothing on it is changed.
    ///
    /// # Errors
    /// [`FlashError::NoBank`] before anything is read, [`FlashError::Read`] with the first address
    /// that cannot be read, [`TargetError::NotHalted`](crate::TargetError::NotHalted).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let vectors = session.flash().read(0x0800_0000, 8)?;
    /// assert_eq!(vectors[..4], 0x2000_5000_u32.to_le_bytes());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(&self, address: u64, length: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_pieces(address, length, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Reads `length` bytes of flash starting at `address` into a file, which is created or
    /// replaced.
    ///
    /// The call keeps one piece of up to 256 KiB in memory, whatever the length.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), and [`FlashError::File`] if the file cannot be written,
    /// or is a FIFO. After an error there is no new file, and a file that was there is as it was.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = std::env::temp_dir().join(format!("openocd-flash-{}.bin", std::process::id()));
    /// session.flash().read_to_file(0x0800_0000, 128 * 1024, &path)?;
    /// assert_eq!(std::fs::metadata(&path)?.len(), 128 * 1024);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_to_file(&self, address: u64, length: u64, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        // Before the file is touched.
        self.spans(&mut self.chip()?, address, length)?;
        let failed = |written, source| FlashError::File { path: path.to_owned(), written, source };
        let mut file = NewFile::beside_or_into(path).map_err(|source| failed(0, source))?;
        let mut written = 0;
        self.read_pieces(address, length, |piece| {
            let result = file_kind::write_counted(&mut file.writer(), piece, &mut written);
            result.map_err(|source| failed(written, source).into())
        })?;
        Ok(file.complete().map_err(|source| failed(written, source))?)
    }

    fn read_pieces(&self, address: u64, length: u64, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut chip = self.chip()?;
        let spans = self.spans(&mut chip, address, length)?;
        self.get_layouts(&mut chip, &spans)?;
        let mut tracker = Tracker::new(&self.report);
        let mut pace = Pace::new(self.report.is_watched());
        tracker.begin(Phase::Read, length, address)?;
        for span in spans {
            chip.in_pieces(span, &mut pace, &mut tracker, |tracker, piece| {
                self.read_span(&chip, piece, tracker.done(), tracker.total(), &mut take)?;
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(())
    }

    /// Reads a part of one bank, after `read` of `total` bytes. Of a part that cannot be read,
    /// `take` gets the bytes before the error.
    pub(super) fn read_span(
        &self,
        chip: &Chip,
        span: Span,
        read: u64,
        total: u64,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let bank = chip.bank(span.bank);
        match self.read_piece(bank, span.offset, span.length) {
            Ok(data) => take(&data),
            Err(error @ Error::Target(_)) if read == 0 => Err(error),
            Err(error) => {
                let (offset, data) = self.readable_part(bank, span, &error);
                take(&data)?;
                let (read, address) = (read + data.len() as u64, chip.address(span.bank, offset));
                Err(FlashError::Read { address, read, total, cause: cause(error) }.into())
            }
        }
    }

    /// Fails if flash that is to be erased cannot be read, so that nothing is lost which cannot be
    /// verified in its place.
    ///
    /// A part that alone cannot be read is written: flash with error correction refuses what a
    /// write without power has left, and the next write mends that.
    pub(super) fn check_readable(&self, chip: &Chip, spans: &[Span]) -> Result<()> {
        let mut checked = None;
        for span in spans.iter().filter(|span| checked.replace(span.bank) != Some(span.bank)) {
            let bank = chip.bank(span.bank);
            let mut first = None;
            for offset in [span.offset, 0, bank.size / 2, bank.size.saturating_sub(1)] {
                match self.read_piece(bank, offset, 1) {
                    Err(error @ Error::Flash(FlashError::Refused(_))) => first.get_or_insert(error),
                    Err(error @ (Error::Connection(_) | Error::Timeout(_))) => return Err(error),
                    // What else refuses to read, such as a target that runs, refuses to erase, too.
                    Ok(_) | Err(_) => {
                        first = None;
                        break;
                    }
                };
            }
            if let Some(error) = first {
                let address = chip.address(span.bank, span.offset);
                return Err(FlashError::Unreadable { address, cause: cause(error) }.into());
            }
        }
        Ok(())
    }

    /// Reads what erased flash holds, from an erased part.
    pub(super) fn erased_value(&self, chip: &Chip, span: Span) -> Result<Option<u8>> {
        let mut value = None;
        self.read_span(chip, Span { length: 1, ..span }, 0, 1, |bytes| {
            value = bytes.first().copied();
            Ok(())
        })?;
        Ok(value)
    }
}
