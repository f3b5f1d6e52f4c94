//! Writing, and programming whole images.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::Path;

use super::Flash;
use super::layout::{Chip, Span};
use super::pieces::{Expected, Pace};
use crate::error::{Error, FlashError, Result, TargetError};
use crate::image::Image;
use crate::progress::{Report, Tracker};
use crate::session::Session;
use crate::types::{Phase, ResetMode};

/// What [`Flash::write_image`] does besides writing. By default it verifies, and neither erases nor unlocks.
///
/// ```
/// use openocd::WriteOptions;
///
/// let options = WriteOptions::new().erase(true).unlock(true);
/// assert_eq!(options, WriteOptions::new().erase(true).unlock(true).verify(true));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct WriteOptions {
    erase: bool,
    unlock: bool,
    verify: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions::new()
    }
}

impl WriteOptions {
    /// The defaults.
    pub const fn new() -> Self {
        WriteOptions { erase: false, unlock: false, verify: true }
    }

    /// Erase the sectors that the image touches, each of them whole, before anything is written. false by default.
    pub const fn erase(mut self, erase: bool) -> Self {
        self.erase = erase;
        self
    }

    /// Take the write protection away from what the image touches, if it has one. Many chips need a reset before that counts: then the call is a
    /// [`FlashError::StillProtected`] error, and succeeds after the reset. false by default.
    pub const fn unlock(mut self, unlock: bool) -> Self {
        self.unlock = unlock;
        self
    }

    /// Compare the flash with the image afterwards. Without it, a cell that did not take its value may go unnoticed. true by default.
    pub const fn verify(mut self, verify: bool) -> Self {
        self.verify = verify;
        self
    }
}

/// Bytes that belong into one bank.
#[derive(Debug)]
struct Part<'d> {
    span: Span,
    data: Cow<'d, [u8]>,
}

impl Flash<'_> {
    /// Writes `bytes` into flash that is erased, from `address` on, and verifies them (OpenOCD: `flash write_bank`).
    ///
    /// Flash is written in units of its own (2 bytes on an STM32F1, 8 or 32 on others); OpenOCD fills up the first and the last with the
    /// value of erased flash, which fails or does nothing where these bytes are in use.
    ///
    /// The target must be halted.
    ///
    /// # Errors
    /// [`FlashError::NoBank`] before anything is written, [`FlashError::Write`] with how far it came, [`FlashError::Mismatch`] if OpenOCD reports success but
    /// the flash holds something else, as it does where it was not erased, [`TargetError::NotHalted`], [`Error::Cancelled`], and those of [`info`](Self::info) and
    /// [`verify`](Self::verify).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.flash().erase_sector(0, 127, 127)?;
    /// session.flash().write(0x0801_fc00, b"serial number 42")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<()> {
        self.write_parts([(address, bytes)], WriteOptions::new())
    }

    /// Writes an image, with what else `options` ask for.
    ///
    /// The whole image must lie in flash banks of this target. Sectors that it touches are first unlocked, then erased, then written, then compared, as far as that is asked
    /// for. When sectors are erased, gaps in the image within one sector are filled with what erased flash holds, so that flash with large
    /// units of writing takes them; OpenOCD does so too.
    ///
    /// The target must be halted.
    ///
    /// # Errors
    /// Those of [`write`](Self::write), and [`FlashError::Erase`], [`FlashError::Protect`], [`FlashError::StillProtected`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::{Image, WriteOptions};
    ///
    /// # let directory = std::env::temp_dir().join(format!("openocd-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&directory)?;
    /// let path = directory.join("calibration [v2].hex");
    /// std::fs::write(&path, ":020000040800F2\n:0440000001020304B2\n:00000001FF\n")?;
    /// session.target().halt()?;
    /// session.flash().write_image(&Image::open(&path)?, WriteOptions::new().erase(true))?;
    /// assert_eq!(session.flash().read(0x0800_4000, 5)?, [1, 2, 3, 4, 0xff]);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_image(&self, image: &Image, options: WriteOptions) -> Result<()> {
        self.write_parts(image.segments().iter().map(|segment| (segment.address, &*segment.data)), options)
    }

    /// Programs an image and starts it: resets and halts the chip, erases what the image touches, writes, verifies, resets again and lets it run.
    ///
    /// The first reset is a [`ResetMode::Init`], as in OpenOCD's `program`: the configuration of a board may set up clocks or external flash in it.
    ///
    /// # Errors
    /// [`TargetError::Reset`] and [`TargetError::WrongState`], and those of [`write_image`](Self::write_image). After an error the target stays halted, as far as it can.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::Image;
    ///
    /// let image = Image::bin(0x0800_0000, virtual_chip::firmware::IMAGE)?;
    /// session.flash().program(&image)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn program(&self, image: &Image) -> Result<()> {
        // Before the chip is disturbed, unless nothing is known of its flash: it may be that OpenOCD sees the chip only after a reset.
        let chip = self.chip()?;
        if chip.is_probed() {
            for segment in image.segments() {
                self.spans(&chip, segment.address, segment.data.len() as u64)?;
            }
        }
        self.target.reset(ResetMode::Init)?;
        self.write_image(image, WriteOptions::new().erase(true))?;
        self.target.reset(ResetMode::Run)?;
        Ok(())
    }

    fn write_parts<'d>(&self, data: impl IntoIterator<Item = (u64, &'d [u8])>, options: WriteOptions) -> Result<()> {
        let mut chip = self.chip()?;
        let mut parts = Vec::new();
        for (address, bytes) in data {
            let mut rest = bytes;
            for span in self.spans(&chip, address, bytes.len() as u64)? {
                let (here, after) = rest.split_at(usize::try_from(span.length).unwrap_or(rest.len()));
                parts.push(Part { span, data: Cow::Borrowed(here) });
                rest = after;
            }
        }
        parts.sort_by_key(|part| (part.span.bank, part.span.offset));
        let spans: Vec<_> = parts.iter().map(|part| part.span).collect();
        self.get_layouts(&mut chip, &spans)?;
        if options.unlock {
            self.unlock(&mut chip, &spans)?;
        }
        let mut tracker = Tracker::new(&self.report);
        if options.erase {
            self.erase_spans(&chip, &whole_sectors(&chip, &spans)?, &mut tracker)?;
            let joined = self.join(&chip, &parts)?;
            self.write_phase(&chip, &joined, &mut tracker, true)?;
        } else {
            self.write_phase(&chip, &parts, &mut tracker, false)?;
        }
        if options.verify {
            let expected: Vec<_> = parts.iter().map(|part| (part.span, Expected::Bytes(&part.data))).collect();
            if let Some(mismatch) = self.compare_spans(&chip, &expected, &mut tracker)? {
                return Err(FlashError::Mismatch(mismatch).into());
            }
        }
        Ok(())
    }

    fn write_phase(&self, chip: &Chip, parts: &[Part<'_>], tracker: &mut Tracker<'_>, erased: bool) -> Result<()> {
        let Some(first) = parts.first() else { return Ok(()) };
        let total = parts.iter().map(|part| part.span.length).sum();
        tracker.begin(Phase::Write, total, chip.address(first.span.bank, first.span.offset))?;
        let mut pace = Pace::new(self.report.is_watched());
        for part in parts {
            let bank = chip.bank(part.span.bank);
            chip.in_pieces(part.span, &mut pace, tracker, |tracker, piece| {
                let address = chip.address(piece.bank, piece.offset);
                let index = |offset: u64| usize::try_from(offset - part.span.offset).unwrap_or(usize::MAX);
                let data = &part.data[index(piece.offset)..index(piece.offset + piece.length)];
                self.write_piece(bank, piece.offset, data)
                    .map_err(|error| not_written(error, tracker, address, erased))?;
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(())
    }

    /// Joins parts between which there is nothing but a gap within one sector, which is erased.
    fn join<'d>(&self, chip: &Chip, parts: &'d [Part<'_>]) -> Result<Vec<Part<'d>>> {
        let mut joined: Vec<Part<'d>> = Vec::new();
        for Part { span, data } in parts {
            let layout = chip.layout(span.bank);
            let last_sector = |span: &Span| layout.touched(span.offset, span.length).map(|sectors| *sectors.end());
            let first_sector = layout.touched(span.offset, span.length).map(|sectors| *sectors.start());
            match joined.last_mut() {
                Some(last) if last.span.bank == span.bank && last_sector(&last.span) == first_sector => {
                    let gap_at = last.span.offset + last.span.length;
                    let gap = span.offset - gap_at;
                    if gap > 0 {
                        // What erased flash holds depends on the chip.
                        let erased = self.read_piece(chip.bank(span.bank), gap_at, 1)?;
                        let filled = last.data.len() + usize::try_from(gap).unwrap_or(0);
                        last.data.to_mut().resize(filled, erased.first().copied().unwrap_or(0xff));
                    }
                    last.data.to_mut().extend_from_slice(data);
                    last.span.length += gap + span.length;
                }
                _ => joined.push(Part { span: *span, data: Cow::Borrowed(data) }),
            }
        }
        Ok(joined)
    }
}

/// The sectors that the spans touch, each once, in the same order.
fn whole_sectors(chip: &Chip, spans: &[Span]) -> Result<Vec<Span>, FlashError> {
    let mut whole: Vec<Span> = Vec::new();
    for span in spans {
        let layout = chip.layout(span.bank);
        let touched = layout.sectors_of(span)?;
        let sectors = layout.span_of(*touched.start(), *touched.end());
        match whole.last_mut() {
            Some(last) if last.bank == sectors.bank && last.offset + last.length >= sectors.offset => {
                last.length = (sectors.offset + sectors.length - last.offset).max(last.length);
            }
            _ => whole.push(sectors),
        }
    }
    Ok(whole)
}

/// How far writing came. If nothing has begun because the target runs, that is all there is to say.
fn not_written(error: Error, tracker: &Tracker<'_>, address: u64, erased: bool) -> Error {
    match error {
        Error::Target(TargetError::NotHalted { .. }) if tracker.done() == 0 && !erased => error,
        cause => {
            let (written, total, cause) = (tracker.done(), tracker.total(), Box::new(cause));
            FlashError::Write { address, written, total, cause }.into()
        }
    }
}

impl Session {
    /// Programs an ELF, Intel HEX or S-record file into the current target and starts it; short for [`Flash::program`] of [`Image::open`].
    ///
    /// For a raw binary: `session.flash().program(&Image::open_bin(path, address)?)`. To see how far it is: `session.flash().with_progress(&callback).program(…)`.
    ///
    /// # Errors
    /// [`Error::Image`] before the chip is touched, and those of [`Flash::program`].
    ///
    /// ```no_run
    /// let session = openocd::Session::connect("localhost:6666")?;
    /// session.program("firmware.elf")?;
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn program(&self, path: impl AsRef<Path>) -> Result<()> {
        self.flash().program(&Image::open(path)?)
    }
}
