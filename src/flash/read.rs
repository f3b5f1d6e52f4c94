//! Reading flash.

use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use super::Flash;
use super::pieces::Pace;
use crate::error::{Error, FlashError, Result};
use crate::progress::{Report, Tracker};
use crate::types::Phase;

impl Flash<'_> {
    /// Reads `length` bytes of flash from `address` on (OpenOCD: `flash read_bank`).
    ///
    /// Unlike [`Memory::read_bytes`](crate::Memory::read_bytes), this reads flash that is not in the address space of the core too, and nothing but flash. Whether
    /// the target may run depends on the driver.
    ///
    /// # Errors
    /// [`FlashError::NoBank`] before anything is read, [`FlashError::Read`] with the address, [`TargetError::NotHalted`](crate::TargetError::NotHalted),
    /// [`Error::Cancelled`], and those of [`banks`](Self::banks).
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

    /// Reads `length` bytes of flash from `address` on into a new file, or over an old one. Holds a piece at a time here, whatever the length.
    ///
    /// # Errors
    /// [`FlashError::File`], and those of [`read`](Self::read). What was read before an error is in the file.
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
        self.spans(&self.chip()?, address, length)?;
        let failed = |written, source| FlashError::File { path: path.display().to_string(), written, source };
        let mut file = File::create(path).map_err(|source| failed(0, source))?;
        let mut written = 0;
        self.read_pieces(address, length, |piece| {
            file.write_all(piece).map_err(|source| failed(written, source))?;
            written += piece.len() as u64;
            Ok(())
        })
    }

    fn read_pieces(&self, address: u64, length: u64, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut chip = self.chip()?;
        let spans = self.spans(&chip, address, length)?;
        self.get_layouts(&mut chip, &spans)?;
        let mut tracker = Tracker::new(&self.report);
        let mut pace = Pace::new(self.report.is_watched());
        tracker.begin(Phase::Read, length, address)?;
        for span in spans {
            let bank = chip.bank(span.bank);
            chip.in_pieces(span, &mut pace, &mut tracker, |_, piece| {
                let at = chip.address(piece.bank, piece.offset);
                let data = self.read_piece(bank, piece.offset, piece.length).map_err(|error| not_read(error, at))?;
                take(&data)?;
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(())
    }
}

/// Where reading failed. A lost connection, a timeout and a running target are errors of their own: nothing has been changed that would have to be told.
fn not_read(error: Error, address: u64) -> Error {
    match error {
        Error::Command(_) => FlashError::Read { address, cause: Box::new(error) }.into(),
        other => other,
    }
}
