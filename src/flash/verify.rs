//! Comparing flash with what it should hold.

use std::ops::ControlFlow;

use super::layout::{Chip, Span};
use super::pieces::{Expected, Pace};
use super::{Flash, FlashBank};
use crate::error::{Error, FlashError, Result};
use crate::image::Image;
use crate::progress::{Report, Tracker};
use crate::types::{Mismatch, Phase};

impl Flash<'_> {
    /// Whether flash holds `bytes` from `address` on. `Ok(false)` means that it was read and differs; everything else that may happen is an error.
    ///
    /// Compared by checksum, which the chip mostly calculates itself and which needs a halted target (OpenOCD: `flash verify_image`). Where the checksum does not
    /// confirm the bytes, they are read and compared.
    ///
    /// # Errors
    /// [`FlashError::NoBank`] before anything is compared, [`FlashError::Verify`] with the address, [`Error::Cancelled`], and those of [`banks`](Self::banks).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// assert!(session.flash().verify(0x0800_0000, &0x2000_5000_u32.to_le_bytes())?);
    /// assert!(!session.flash().verify(0x0800_0000, b"other")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify(&self, address: u64, bytes: &[u8]) -> Result<bool> {
        Ok(self.verify_at(address, bytes)?.is_none())
    }

    /// The first byte of flash that differs from `bytes`, which should be there from `address` on; `None` if none does.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// let mismatch = session.flash().verify_at(0x0800_0000, &[0x00, 0x51])?.unwrap();
    /// assert_eq!(mismatch.to_string(), "0x08000001 holds 0x50 and not 0x51");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify_at(&self, address: u64, bytes: &[u8]) -> Result<Option<Mismatch>> {
        self.compare([(address, bytes)])
    }

    /// Whether flash holds an image, all of it.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::Image;
    ///
    /// session.target().halt()?;
    /// let image = Image::bin(0x0800_0000, virtual_chip::firmware::IMAGE)?;
    /// assert!(session.flash().verify_image(&image)?);
    /// assert_eq!(session.flash().verify_image_at(&image)?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify_image(&self, image: &Image) -> Result<bool> {
        Ok(self.verify_image_at(image)?.is_none())
    }

    /// The first byte of flash, by address, that differs from the image; `None` if none does.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify).
    pub fn verify_image_at(&self, image: &Image) -> Result<Option<Mismatch>> {
        self.compare(image.segments().iter().map(|segment| (segment.address, &*segment.data)))
    }

    fn compare<'d>(&self, parts: impl IntoIterator<Item = (u64, &'d [u8])>) -> Result<Option<Mismatch>> {
        let mut chip = self.chip()?;
        let mut all = Vec::new();
        for (address, bytes) in parts {
            let mut rest = bytes;
            for span in self.spans(&chip, address, bytes.len() as u64)? {
                let (here, after) = rest.split_at(usize::try_from(span.length).unwrap_or(rest.len()));
                all.push((span, Expected::Bytes(here)));
                rest = after;
            }
        }
        let spans: Vec<_> = all.iter().map(|(span, _)| *span).collect();
        self.get_layouts(&mut chip, &spans)?;
        self.compare_spans(&chip, &all, &mut Tracker::new(&self.report))
    }

    /// Compares as the phase `Verify` of a call.
    pub(super) fn compare_spans(
        &self,
        chip: &Chip,
        all: &[(Span, Expected<'_>)],
        tracker: &mut Tracker<'_>,
    ) -> Result<Option<Mismatch>> {
        let total = all.iter().map(|(span, _)| span.length).sum();
        let Some((first, _)) = all.first() else { return Ok(None) };
        tracker.begin(Phase::Verify, total, chip.address(first.bank, first.offset))?;
        let mut pace = Pace::new(self.report.is_watched());
        let mut by_checksum = true;
        let mut found = None;
        for (span, expected) in all {
            let bank = chip.bank(span.bank);
            chip.in_pieces(*span, &mut pace, tracker, |_, piece| {
                let expected = expected.part(piece.offset - span.offset, piece.length);
                found = self.compare_piece(bank, piece.offset, &expected, &mut by_checksum)?;
                Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            if found.is_some() {
                break;
            }
        }
        Ok(found)
    }

    fn compare_piece(
        &self,
        bank: &FlashBank,
        offset: u64,
        expected: &Expected<'_>,
        by_checksum: &mut bool,
    ) -> Result<Option<Mismatch>> {
        if *by_checksum {
            match self.checksum_piece(bank, offset, expected) {
                Ok(()) => return Ok(None),
                // A mismatch is refused with the code of a general failure, and so is much else: -4 with 0.12.0, for example, when the target runs.
                Err(Error::Command(_) | Error::Target(_)) => {}
                Err(other) => return Err(other),
            }
        }
        let address = bank.base.wrapping_add(offset);
        let data = self.read_piece(bank, offset, expected.len()).map_err(|error| match error {
            Error::Command(_) => FlashError::Verify { address, cause: Box::new(error) }.into(),
            other => other,
        })?;
        let mismatch = match expected {
            Expected::Bytes(bytes) => Mismatch::between(address, bytes, &data),
            Expected::Fill(byte, _) => Mismatch::between(address, &vec![*byte; data.len()], &data),
        };
        // The bytes were right and the checksum said nothing of use: it would not do so for the next piece either.
        *by_checksum &= mismatch.is_some();
        Ok(mismatch)
    }
}

impl<'a> Expected<'a> {
    /// The part of it that belongs to a piece.
    fn part(&self, offset: u64, length: u64) -> Expected<'a> {
        match *self {
            Expected::Bytes(bytes) => {
                let index = |offset: u64| usize::try_from(offset).unwrap_or(bytes.len()).min(bytes.len());
                Expected::Bytes(&bytes[index(offset)..index(offset + length)])
            }
            Expected::Fill(byte, _) => Expected::Fill(byte, length),
        }
    }
}
