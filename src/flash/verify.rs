//! Comparing flash with what it should hold.

use std::borrow::Borrow as _;
use std::ops::ControlFlow;

use super::checksums::Units;
use super::layout::{Chip, Span};
use super::pieces::{Expected, Pace, cause};
use super::{Flash, FlashBank, ImageSource};
use crate::error::{Error, FlashError, Result};
use crate::image::Image;
use crate::progress::{ProgressReport, Tracker};
use crate::types::{Mismatch, Phase};

impl<R: ProgressReport> Flash<'_, R> {
    /// Returns whether flash holds `bytes` starting at `address`. `Ok(false)` means that flash was
    /// read and differs; whatever else may happen is an error.
    ///
    /// A halted target usually compares by checksum: a Cortex-M by the program of
    /// [`skip_unchanged`](crate::WriteOptions::skip_unchanged), others by OpenOCD's (`flash
    /// verify_image`). The checksum program runs in the RAM of the working area. The call restores
    /// this RAM and the registers, so nothing on the target is changed. If the checksum does not
    /// confirm the bytes, or the target is running, the bytes are read and compared.
    ///
    /// Other bytes with the same CRC-32 are taken for equal; to compare bytes, use
    /// [`read`](Self::read). After OpenOCD's own checksum, OpenOCD no longer knows why the target
    /// was halted, and the next [`resume`](crate::Target::resume) passes a `BKPT` of the program at
    /// the program counter.
    ///
    /// # Errors
    /// [`FlashError::NoBank`] before anything is compared, [`FlashError::Verify`] with the first
    /// address that cannot be read.
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

    /// Returns the first byte of flash that differs from `bytes`, which should start at `address`;
    /// `None` if none does.
    ///
    /// It compares as [`verify`](Self::verify) does.
    ///
    /// # Errors
    /// The same as [`verify`](Self::verify).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// let mismatch = session.flash().verify_at(0x0800_0000, &[0x00, 0x51])?.unwrap();
    /// assert_eq!((mismatch.address, mismatch.expected, mismatch.found), (0x0800_0001, 0x51, 0x50));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify_at(&self, address: u64, bytes: &[u8]) -> Result<Option<Mismatch>> {
        self.compare([(address, bytes)])
    }

    /// Returns whether flash holds all of an image: an [`Image`], or a path to an ELF, Intel HEX,
    /// S-record or UF2 file.
    ///
    /// It compares as [`verify`](Self::verify) does.
    ///
    /// # Errors
    /// The errors of [`verify`](Self::verify), and [`Error::Image`] before anything is sent.
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
    pub fn verify_image(&self, image: impl ImageSource) -> Result<bool> {
        Ok(self.verify_image_at(image)?.is_none())
    }

    /// Returns the first byte of flash, by address, that differs from an image; `None` if none
    /// does.
    ///
    /// It compares as [`verify`](Self::verify) does.
    ///
    /// # Errors
    /// The same as [`verify_image`](Self::verify_image).
    pub fn verify_image_at(&self, image: impl ImageSource) -> Result<Option<Mismatch>> {
        let image = image.load()?;
        let image: &Image = image.borrow();
        self.compare(image.segments().iter().map(|segment| (segment.address, &*segment.data)))
    }

    fn compare<'d>(&self, parts: impl IntoIterator<Item = (u64, &'d [u8])>) -> Result<Option<Mismatch>> {
        let mut chip = self.chip()?;
        let parts = self.split(&mut chip, parts)?;
        let spans: Vec<_> = parts.iter().map(|(span, _)| *span).collect();
        self.get_layouts(&mut chip, &spans)?;
        let all: Vec<_> = parts.iter().map(|(span, bytes)| (*span, Expected::Bytes(bytes))).collect();
        self.compare_spans(&chip, &all, &mut Tracker::new(&self.report))
    }

    /// Splits bytes with addresses into parts of banks.
    pub(super) fn split<'d>(
        &self,
        chip: &mut Chip,
        data: impl IntoIterator<Item = (u64, &'d [u8])>,
    ) -> Result<Vec<(Span, &'d [u8])>> {
        let mut parts = Vec::new();
        for (address, bytes) in data {
            let mut rest = bytes;
            for span in self.spans(chip, address, bytes.len() as u64)? {
                let (here, after) = rest.split_at(usize::try_from(span.length).unwrap_or(rest.len()));
                parts.push((span, here));
                rest = after;
            }
        }
        Ok(parts)
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
            chip.in_pieces(*span, &mut pace, tracker, |tracker, piece| {
                let expected = expected.part(piece.offset - span.offset, piece.length);
                found = match self.compare_piece(bank, piece.offset, &expected, &mut by_checksum) {
                    Ok(found) => found,
                    Err(error @ Error::Target(_)) if tracker.done() == 0 => return Err(error),
                    Err(error) => {
                        let (offset, data) = self.readable_part(bank, piece, &error);
                        let verified = data.len() as u64;
                        let start = chip.address(piece.bank, piece.offset);
                        // A difference in what can be read is the verdict.
                        let mismatch = Mismatch::between(start, &expected.part(0, verified).bytes(), &data);
                        if mismatch.is_none() {
                            let (verified, total) = (tracker.done() + verified, tracker.total());
                            let address = chip.address(piece.bank, offset);
                            return Err(FlashError::Verify { address, verified, total, cause: cause(error) }.into());
                        }
                        mismatch
                    }
                };
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
        if *by_checksum && self.is_confirmed(bank, offset, expected)? {
            return Ok(None);
        }
        let address = bank.base.wrapping_add(offset);
        let data = self.read_piece(bank, offset, expected.len())?;
        let mismatch = Mismatch::between(address, &expected.bytes(), &data);
        // The bytes were right but the checksum did not confirm them. It would not confirm those of
        // the next piece either.
        *by_checksum &= mismatch.is_some();
        Ok(mismatch)
    }

    /// Returns whether a checksum confirms what a piece holds: ours, or OpenOCD's where ours cannot
    /// run, which takes a chip some four times as long. False may also mean that neither could be
    /// calculated.
    fn is_confirmed(&self, bank: &FlashBank, offset: u64, expected: &Expected<'_>) -> Result<bool> {
        let unit = Units { offset, length: expected.len(), count: 1 };
        match self.hold(bank, unit, &expected.bytes())? {
            Some(holds) => Ok(holds == [true]),
            None => self.has_checksum(bank, offset, expected),
        }
    }

    /// Returns whether OpenOCD's checksum confirms what a piece holds. False may also mean that it
    /// could not be calculated.
    pub(super) fn has_checksum(&self, bank: &FlashBank, offset: u64, expected: &Expected<'_>) -> Result<bool> {
        match self.checksum_piece(bank, offset, expected) {
            Ok(()) => Ok(true),
            // OpenOCD refuses a mismatch with its general number, and so much else: a target that
            // runs, for example.
            Err(Error::Flash(FlashError::Refused(_)) | Error::Target(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }
}
