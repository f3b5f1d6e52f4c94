//! Writing.

use std::borrow::{Borrow as _, Cow};
use std::ops::ControlFlow;

use super::banks::Ram;
use super::keep::Kept;
use super::layout::{Chip, Span, gaps};
use super::pieces::{Expected, Pace, cause};
use super::read_back::Partial;
use super::{Flash, ImageSource, WriteOptions, WriteReport};
use crate::command::Script;
use crate::error::{Error, Failure, FlashError, InvalidArgument, Result, TargetError};
use crate::image::Image;
use crate::progress::{NoProgress, ProgressReport, Tracker, undone_at_panic};
use crate::rtt::search::ID as RTT_ID;
use crate::types::Phase;
use crate::wire::tcl;

/// Bytes that belong into one bank.
#[derive(Debug)]
struct Part<'d> {
    span: Span,
    data: Cow<'d, [u8]>,
}

impl<R: ProgressReport> Flash<'_, R> {
    /// Writes `bytes` into erased flash starting at `address`, and verifies them (OpenOCD: `flash
    /// write_bank`).
    ///
    /// Flash is written in units (2 bytes on an STM32F1, 8 or 32 on others). OpenOCD fills up the
    /// first and the last unit with the value of erased flash, which fails or does nothing where
    /// these bytes are in use.
    ///
    /// The target must be halted. The call restores the RAM of the working area.
    ///
    /// # Errors
    /// [`FlashError::NoBank`] and [`FlashError::Protected`] before anything is written,
    /// [`FlashError::Write`] with how far it came, [`FlashError::Mismatch`] if OpenOCD reports
    /// success but flash holds something else, as where it was not erased,
    /// [`TargetError::NotHalted`].
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
        self.write_parts([(address, bytes)], WriteOptions::new().erase(false)).map(drop)
    }

    /// Erases what an image touches, writes the image and verifies it. The image is an [`Image`],
    /// or a path to an ELF, Intel HEX, S-record or UF2 file.
    ///
    /// [`write_image_with`](Self::write_image_with) has options, [`program`](Self::program) also
    /// resets and starts the chip. The whole image must be in flash banks of this target. Each
    /// sector that it touches is erased whole. The target must be halted. The call restores the RAM
    /// of the working area.
    ///
    /// # Errors
    /// [`FlashError::NoBank`], [`FlashError::Protected`] and [`FlashError::Unreadable`] before
    /// anything is erased, [`FlashError::Erase`] and [`FlashError::Write`] with how far it came,
    /// [`FlashError::NotErased`] and [`FlashError::Mismatch`] if OpenOCD reports success but flash
    /// holds something else, [`TargetError::NotHalted`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let directory = std::env::temp_dir().join(format!("openocd-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&directory)?;
    /// let path = directory.join("calibration [v2].hex");
    /// std::fs::write(&path, ":020000040800F2\n:0440000001020304B2\n:00000001FF\n")?;
    /// session.target().halt()?;
    /// let report = session.flash().write_image(&path)?;
    /// assert_eq!(report.to_string(), "1024 bytes erased, 4 written, 0 skipped");
    /// assert_eq!(session.flash().read(0x0800_4000, 5)?, [1, 2, 3, 4, 0xff]);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_image(&self, image: impl ImageSource) -> Result<WriteReport> {
        self.write_image_with(image, WriteOptions::new())
    }

    /// Writes an image, with options; otherwise as [`write_image`](Self::write_image).
    ///
    /// Sectors are unlocked, compared, erased, written and verified in this order, as far as the
    /// options ask for it. If sectors are erased, gaps of the image within one sector are written
    /// with the value of erased flash, so that flash with large units takes them. OpenOCD does the
    /// same.
    ///
    /// # Errors
    /// The errors of [`write_image`](Self::write_image), [`FlashError::Protect`] and
    /// [`FlashError::StillProtected`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::{Image, WriteOptions};
    ///
    /// session.target().halt()?;
    /// let image = Image::bin(0x0800_4000, vec![0x5a; 3000])?;
    /// let options = WriteOptions::new().skip_unchanged(true);
    /// assert_eq!(session.flash().write_image_with(&image, options)?.written, 3000);
    /// assert_eq!(session.flash().write_image_with(&image, options)?.skipped, 3000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_image_with(&self, image: impl ImageSource, options: WriteOptions) -> Result<WriteReport> {
        if options.erase_banks && options.keep_unwritten {
            let expected = "either `erase_banks` or `keep_unwritten`";
            return Err(FlashError::from(InvalidArgument::new("write options", expected, "both")).into());
        }
        let image = image.load()?;
        let image: &Image = image.borrow();
        self.write_parts(image.segments().iter().map(|segment| (segment.address, &*segment.data)), options)
            .map_err(|error| self.with_hint_to_ram(error, image))
    }

    fn write_parts<'d>(
        &self,
        data: impl IntoIterator<Item = (u64, &'d [u8])>,
        options: WriteOptions,
    ) -> Result<WriteReport> {
        let mut chip = self.chip()?;
        let mut parts = self.split(&mut chip, data)?;
        parts.sort_by_key(|(span, _)| (span.bank, span.offset));
        let total: u64 = parts.iter().map(|(span, _)| span.length).sum();
        let all_spans: Vec<_> = parts.iter().map(|(span, _)| *span).collect();
        self.get_layouts(&mut chip, &all_spans)?;
        if options.unlock {
            let erased = if options.erase_banks { chip.whole_banks(&all_spans)? } else { all_spans.clone() };
            self.unlock(&mut chip, &erased)?;
        }
        let mut tracker = Tracker::new(&self.report);
        let keeps = options.erase && options.keep_unwritten;
        if options.skip_unchanged && !options.erase_banks {
            parts = self.without_unchanged(&chip, parts, options.erase && !keeps)?;
        }
        let mut report = WriteReport::default();
        report.written = parts.iter().map(|(span, _)| span.length).sum();
        report.skipped = total - report.written;
        if let ([], Some(first)) = (&parts[..], all_spans.first()) {
            let address = chip.address(first.bank, first.offset);
            tracker.begin(Phase::Verify, total, address)?;
            tracker.advance(total, address.wrapping_add(total), true)?;
            return Ok(report);
        }
        let spans: Vec<_> = parts.iter().map(|(span, _)| *span).collect();
        self.check_files(spans.iter().map(|span| span.length).max().unwrap_or(0)).map_err(|error| {
            let address = spans.first().map_or(0, |first| chip.address(first.bank, first.offset));
            let (total, cause) = (report.written, cause(error));
            FlashError::Write { address, written: 0, total, unknown_to: address, cause }
        })?;
        let kept = if keeps { self.read_rest(&chip, &spans)? } else { Vec::new() };
        report.kept = kept.iter().map(|kept| kept.span.length).sum();
        if options.erases() {
            let sectors = chip.erased_spans(&spans, options)?;
            chip.check_unprotected(&sectors)?;
            report.erased = sectors.iter().map(|span| span.length).sum();
            if options.verify {
                self.check_readable(&chip, &spans)?;
            }
        } else {
            chip.check_unprotected(&spans)?;
        }
        let write = || self.erase_and_write(&chip, &parts, &kept, options, &mut tracker);
        let written = undone_at_panic(write, || drop(self.put_back(&chip, &kept)));
        if !options.restore_ram {
            self.clear_copies(&parts, &kept);
        }
        written.map(|()| report).map_err(|error| match self.put_back(&chip, &kept) {
            lost if lost.is_empty() => error,
            lost => FlashError::NotKept { lost, cause: Box::new(error) }.into(),
        })
    }

    /// Clears what looks like an RTT control block in RAM, and is a copy of the one in the image:
    /// OpenOCD has carried the image through the working area. A search would find it before the
    /// firmware's.
    fn clear_copies(&self, parts: &[(Span, &[u8])], kept: &[Kept]) {
        let kept = kept.iter().map(|kept| (kept.span, &*kept.bytes));
        let mut all: Vec<_> = parts.iter().copied().chain(kept).collect();
        all.sort_by_key(|(span, _)| (span.bank, span.offset));
        // One may lie across two parts. Where they are not adjacent, the search finds nothing.
        let all: Vec<u8> = all.iter().flat_map(|(_, bytes)| *bytes).copied().collect();
        if memchr::memmem::find(&all, RTT_ID.as_bytes()).is_none() {
            return;
        }
        let request = self.target.request(Script::call("working_area")).shown("target current");
        let request = request.expecting("an address and a size");
        let area = self.target.session().ask::<FlashError, _>(&request, |answer| {
            let [address, size] = tcl::strings::<2>(answer)?;
            Some((address.parse().ok()?, size.parse().ok()?))
        });
        let cleared = area.and_then(|(address, size)| match size {
            0 => Ok(0),
            _ => self.target.rtt().clear(address, size, RTT_ID),
        });
        // Flash is written, which is what was asked for.
        if let Err(error) = cleared {
            log::warn!(target: "openocd::flash", "a copy of an RTT control block may be in the working area: {error}");
        }
    }

    fn erase_and_write(
        &self,
        chip: &Chip,
        parts: &[(Span, &[u8])],
        kept: &[Kept],
        options: WriteOptions,
        tracker: &mut Tracker<'_>,
    ) -> Result<()> {
        let mut all = parts.to_vec();
        if options.erases() {
            let spans: Vec<_> = parts.iter().map(|(span, _)| *span).collect();
            let sectors = chip.erased_spans(&spans, options)?;
            self.erase_spans(chip, &sectors, tracker)?;
            if options.verify && !options.keep_unwritten {
                // Without a callback: the phases of the call are those that a user asked for.
                let checked = self.check_erased(chip, &gaps(&sectors, &spans), &mut Tracker::new(&NoProgress));
                checked.map_err(|error| match error {
                    // What was to be written is erased, and nothing is written.
                    Error::Flash(FlashError::Verify { .. }) => {
                        let address = spans.first().map_or(0, |first| chip.address(first.bank, first.offset));
                        let total = spans.iter().map(|span| span.length).sum();
                        FlashError::Write { address, written: 0, total, unknown_to: address, cause: cause(error) }
                            .into()
                    }
                    error => error,
                })?;
            }
            all.extend(self.without_erased_ends(chip, kept)?);
            all.sort_by_key(|(span, _)| (span.bank, span.offset));
        }
        let all = all.into_iter().map(|(span, bytes)| Part { span, data: Cow::Borrowed(bytes) });
        let all: Vec<_> = all.collect();
        if options.erases() {
            self.write_phase(chip, &self.join(chip, &all)?, options, tracker)?;
        } else {
            self.write_phase(chip, &all, options, tracker)?;
        }
        // What is kept is verified in any case.
        let parts = parts.iter().filter(|_| options.verify).copied();
        let kept = kept.iter().map(|kept| (kept.span, &*kept.bytes));
        let expected: Vec<_> = parts.chain(kept).map(|(span, bytes)| (span, Expected::Bytes(bytes))).collect();
        match self.compare_spans(chip, &expected, tracker)? {
            Some(mismatch) => Err(FlashError::Mismatch(mismatch).into()),
            None => Ok(()),
        }
    }

    fn write_phase(
        &self,
        chip: &Chip,
        parts: &[Part<'_>],
        options: WriteOptions,
        tracker: &mut Tracker<'_>,
    ) -> Result<()> {
        let Some(first) = parts.first() else { return Ok(()) };
        let total = parts.iter().map(|part| part.span.length).sum();
        tracker.begin(Phase::Write, total, chip.address(first.span.bank, first.span.offset))?;
        let ram = if options.restore_ram { Ram::Restored } else { Ram::MayChange };
        let mut pace = Pace::new(self.report.is_watched());
        for part in parts {
            let bank = chip.bank(part.span.bank);
            chip.in_pieces(part.span, &mut pace, tracker, |tracker, piece| {
                let address = chip.address(piece.bank, piece.offset);
                let index = |offset: u64| usize::try_from(offset - part.span.offset).unwrap_or(usize::MAX);
                let data = &part.data[index(piece.offset)..index(piece.offset + piece.length)];
                self.write_piece(bank, piece.offset, data, ram).map_err(|error| {
                    let mut done = self.done_before(bank, piece, &Expected::Bytes(data), &error);
                    if options.keep_unwritten {
                        // To put back what is kept, a sector is erased again.
                        done = chip.layout(piece.bank).sector_start(done, piece);
                    }
                    let is_untouched = error.failure().is_some_and(Failure::is_of_temporary_file);
                    let length = if is_untouched { 0 } else { piece.length };
                    let partial = Partial { address, done: done - piece.offset, length };
                    not_written(error, tracker, &partial, options)
                })?;
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(())
    }

    /// Joins parts that are separated by nothing but a gap within one erased sector.
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
                        // The value of erased flash depends on the chip.
                        let erased = self.erased_value(chip, Span { offset: gap_at, length: gap, ..*span })?;
                        let filled = last.data.len() + usize::try_from(gap).unwrap_or(0);
                        last.data.to_mut().resize(filled, erased.unwrap_or(0xff));
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

impl Chip {
    /// Returns the sectors that the spans touch, each once, in the order of the spans.
    pub(super) fn whole_sectors(&self, spans: &[Span]) -> Result<Vec<Span>, FlashError> {
        let mut whole: Vec<Span> = Vec::new();
        for span in spans {
            let layout = self.layout(span.bank);
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

    /// Returns what is erased before the spans are written.
    fn erased_spans(&self, spans: &[Span], options: WriteOptions) -> Result<Vec<Span>, FlashError> {
        if options.erase_banks { self.whole_banks(spans) } else { self.whole_sectors(spans) }
    }

    /// Returns all sectors of the banks that the spans touch.
    fn whole_banks(&self, spans: &[Span]) -> Result<Vec<Span>, FlashError> {
        let mut whole: Vec<Span> = Vec::new();
        for span in spans {
            let layout = self.layout(span.bank);
            // There is at least one sector.
            layout.sectors_of(span)?;
            if whole.iter().all(|bank| bank.bank != span.bank) {
                whole.push(layout.span_of(0, layout.sectors.len() - 1));
            }
        }
        Ok(whole)
    }
}

/// Says how far writing came. If nothing has begun because the target runs, that alone is the
/// error.
fn not_written(error: Error, tracker: &Tracker<'_>, piece: &Partial, options: WriteOptions) -> Error {
    match error {
        Error::Target(TargetError::NotHalted { .. }) if tracker.done() == 0 && !options.erases() => error,
        error => {
            let (written, total) = (tracker.done() + piece.done, tracker.total());
            let (address, unknown_to) = (piece.first_unknown(), piece.end());
            FlashError::Write { address, written, total, unknown_to, cause: cause(error) }.into()
        }
    }
}
