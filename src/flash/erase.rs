//! Erasing.

use super::banks::{Ram, on_target};
use super::info::EraseCheck;
use super::layout::{Chip, Span};
use super::pieces::{Expected, Pace, cause};
use super::read_back::Partial;
use super::{BankId, Flash, FlashInfo};
use crate::error::{Error, FlashError, Result, TargetError};
use crate::progress::{ProgressReport, Tracker};
use crate::types::{Phase, SectorKind};

/// What most flash holds when it is erased.
pub(super) const ERASED: u8 = 0xff;

impl<R: ProgressReport> Flash<'_, R> {
    /// Erases the sectors `first` to `last` of a bank, both included, and checks that they are
    /// erased (OpenOCD: `flash erase_sector`).
    ///
    /// The target must be halted. The call restores the RAM of the working area. On flash that
    /// cannot be read while it is erased, the check fails, and so does the call.
    ///
    /// # Errors
    /// [`FlashError::InvalidSectors`] and [`FlashError::Protected`] before anything is erased,
    /// [`FlashError::Erase`] with how far it came, [`FlashError::NotErased`] if OpenOCD reports
    /// success but a byte is not erased, [`TargetError::NotHalted`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.flash().erase_sector(0, 4, 5)?;
    ///
    /// let backwards = session.flash().erase_sector(0, 5, 4).unwrap_err();
    /// assert!(backwards.to_string().contains("got 5 to 4"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn erase_sector<'b>(&self, bank: impl Into<BankId<'b>>, first: u32, last: u32) -> Result<()> {
        let layout = self.layout(bank)?;
        layout.check_numbers(SectorKind::Sector, first, last)?;
        let span = layout.span_of(first as usize, last as usize);
        self.erase_and_check(&Chip::of(layout), &[span])
    }

    /// Erases `length` bytes starting at `address`, and checks that they are erased (OpenOCD:
    /// `flash erase_address`).
    ///
    /// The range must begin and end at the bounds of sectors, so that nothing else is lost. It may
    /// span several banks. The target must be halted. The call restores the RAM of the working
    /// area.
    ///
    /// # Errors
    /// [`FlashError::NoBank`] and [`FlashError::Misaligned`] before anything is erased; otherwise
    /// the errors of [`erase_sector`](Self::erase_sector).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.flash().erase_address(0x0800_4000, 2048)?;
    ///
    /// let uneven = session.flash().erase_address(0x0800_4000, 2000).unwrap_err();
    /// assert!(uneven.to_string().contains("the sectors they touch are the 2048 bytes"), "{uneven}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn erase_address(&self, address: u64, length: u64) -> Result<()> {
        let mut chip = self.chip()?;
        let spans = self.spans(&mut chip, address, length)?;
        self.get_layouts(&mut chip, &spans)?;
        for span in &spans {
            let layout = chip.layout(span.bank);
            let touched = layout.sectors_of(span)?;
            let whole = layout.span_of(*touched.start(), *touched.end());
            if whole != *span {
                let whole_address = chip.address(whole.bank, whole.offset);
                let whole_length = whole.length;
                return Err(FlashError::Misaligned { address, length, whole_address, whole_length }.into());
            }
        }
        self.erase_and_check(&chip, &spans)
    }

    /// Erases all of a bank and checks that it is erased (OpenOCD: `flash erase_sector BANK 0
    /// last`).
    ///
    /// It is one command, for which many drivers use the chip's mass erase. So it can be cancelled
    /// only before and after. The target must be halted. The call restores the RAM of the working
    /// area.
    ///
    /// # Errors
    /// The same as [`erase_sector`](Self::erase_sector).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.flash().erase_all("stm32f1x.flash")?;
    /// assert_eq!(session.flash().read(0x0800_0000, 4)?, [0xff; 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn erase_all<'b>(&self, bank: impl Into<BankId<'b>>) -> Result<()> {
        let layout = self.layout(bank)?;
        let last = u32::try_from(layout.sectors.len()).unwrap_or(u32::MAX).saturating_sub(1);
        layout.check_numbers(SectorKind::Sector, 0, last)?;
        let whole = layout.span_of(0, last as usize);
        self.erase_and_check(&Chip::of(layout), &[whole])
    }

    fn erase_and_check(&self, chip: &Chip, spans: &[Span]) -> Result<()> {
        chip.check_unprotected(spans)?;
        let mut tracker = Tracker::new(&self.report);
        if let Some(first) = spans.first() {
            let longest = spans.iter().map(|span| span.length).max().unwrap_or(0);
            self.check_files(longest).map_err(|error| {
                let (address, total) =
                    (chip.address(first.bank, first.offset), spans.iter().map(|span| span.length).sum());
                FlashError::Erase { address, erased: 0, total, unknown_to: address, cause: cause(error) }
            })?;
        }
        self.erase_spans(chip, spans, &mut tracker)?;
        self.check_erased(chip, spans, &mut tracker).map_err(|error| match error {
            // OpenOCD has erased all of it, which is not known of what cannot be read.
            Error::Flash(FlashError::Verify { address, verified, total, .. }) => {
                let end = spans.last().map_or(address, |span| chip.address(span.bank, span.offset + span.length));
                let unknown_to = end.max(address);
                FlashError::Erase { address, erased: verified, total, unknown_to, cause: cause(error) }.into()
            }
            error => error,
        })
    }

    /// Erases whole sectors as the phase `Erase` of a call.
    pub(super) fn erase_spans(&self, chip: &Chip, spans: &[Span], tracker: &mut Tracker<'_>) -> Result<()> {
        let Some(begin) = spans.first() else { return Ok(()) };
        let total = spans.iter().map(|span| span.length).sum();
        tracker.begin(Phase::Erase, total, chip.address(begin.bank, begin.offset))?;
        let mut pace = Pace::new(self.report.is_watched());
        for span in spans {
            let layout = chip.layout(span.bank);
            let touched = layout.sectors_of(span)?;
            let mut first = *touched.start();
            while first <= *touched.end() {
                let limit = span.offset + span.length;
                let from = layout.sectors[first].offset;
                // Many chips erase a whole bank in the time of one sector, and OpenOCD's drivers
                // make them.
                let size = if layout.is_whole(span) { span.length } else { pace.next() };
                let piece_end = layout.piece_end(from, limit, size);
                let last = layout.touched(from, piece_end - from).map_or(first, |sectors| *sectors.end());
                let piece = layout.span_of(first, last);
                let address = chip.address(span.bank, from);
                let [first_number, last_number] = [first, last].map(|index| layout.sectors[index].index);
                self.erase_piece(layout, first_number, last_number).map_err(|error| {
                    let done = self.done_before(&layout.bank, piece, &Expected::Fill(ERASED, piece.length), &error);
                    let done = layout.sector_start(done, piece) - piece.offset;
                    not_erased(error, tracker, &Partial { address, done, length: piece.length })
                })?;
                pace.done();
                tracker.advance(piece.length, address.wrapping_add(piece.length), true)?;
                first = last + 1;
            }
        }
        Ok(())
    }

    fn erase_piece(&self, layout: &FlashInfo, first: u32, last: u32) -> Result<()> {
        let number = layout.bank.number;
        let script = on_target(&layout.bank, Ram::Restored).literal("flash erase_sector");
        let script = script.number(number).number(first).number(last);
        let request = self.bank_request(&layout.bank, script).to("erase flash");
        let request = request.shown(format!("flash erase_sector {number} {first} {last}"));
        self.target.session().ask::<FlashError, _>(&request, |_| Some(()))
    }

    /// Checks that flash is erased, as the phase `Verify` of a call: OpenOCD does not notice when
    /// some chips fail to erase.
    pub(super) fn check_erased(&self, chip: &Chip, spans: &[Span], tracker: &mut Tracker<'_>) -> Result<()> {
        let expected: Vec<_> = spans.iter().map(|span| (*span, Expected::Fill(ERASED, span.length))).collect();
        let Some(mismatch) = self.compare_spans(chip, &expected, tracker)? else { return Ok(()) };
        // Some flash holds 0 when it is erased (`erased_value` in OpenOCD's drivers). OpenOCD knows
        // which.
        if mismatch.found == 0 && self.reports_erased(chip, spans)? {
            return Ok(());
        }
        let (address, found) = (mismatch.address, mismatch.found);
        Err(FlashError::NotErased { address, found, erased_value: ERASED }.into())
    }

    /// Whether OpenOCD's own check finds all sectors erased that the spans touch.
    fn reports_erased(&self, chip: &Chip, spans: &[Span]) -> Result<bool> {
        for span in spans {
            let info = self.describe(chip.bank(span.bank), EraseCheck::Run)?;
            let touched = info.touched(span.offset, span.length);
            if !touched.is_some_and(|touched| info.sectors[touched].iter().all(|sector| sector.erased == Some(true))) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl FlashInfo {
    /// Refuses numbers that are not a range of the bank's sectors or blocks.
    pub(super) fn check_numbers(&self, kind: SectorKind, first: u32, last: u32) -> Result<(), FlashError> {
        let count = match kind {
            SectorKind::Sector => self.sectors.len(),
            SectorKind::ProtectionBlock => self.protection_blocks.len(),
        };
        if first <= last && (last as usize) < count {
            return Ok(());
        }
        Err(FlashError::InvalidSectors { bank: self.bank.name.clone(), kind, first, last, count })
    }
}

/// Says how far erasing came. If it did not begin because the target runs, that alone is the error.
fn not_erased(error: Error, tracker: &Tracker<'_>, piece: &Partial) -> Error {
    match error {
        Error::Target(TargetError::NotHalted { .. }) if tracker.done() == 0 => error,
        error => {
            let (erased, total) = (tracker.done() + piece.done, tracker.total());
            let (address, unknown_to) = (piece.first_unknown(), piece.end());
            FlashError::Erase { address, erased, total, unknown_to, cause: cause(error) }.into()
        }
    }
}
