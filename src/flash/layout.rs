//! The banks and sectors of a range of addresses.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::banks::Banks;
use super::info::EraseCheck;
use super::{Flash, FlashBank, FlashInfo, Sector};
use crate::error::{Error, FlashError, Result, TargetError};
use crate::image::{Image, Segment};
use crate::progress::ProgressReport;

/// A part of a bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The bank's number.
    pub(super) bank: u32,
    /// Its first byte, counted from the bank's base.
    pub(super) offset: u64,
    /// Its length in bytes, never 0.
    pub(super) length: u64,
}

impl Span {
    /// Whether it has a byte of a range of its bank.
    pub(super) fn touches(&self, offset: u64, size: u64) -> bool {
        offset < self.offset + self.length && self.offset < offset + size
    }
}

/// What a call needs to know of the chip: all banks, and the sectors of those that it touches.
pub(super) struct Chip {
    banks: Banks,
    layouts: BTreeMap<u32, FlashInfo>,
}

impl<R: ProgressReport> Flash<'_, R> {
    pub(super) fn chip(&self) -> Result<Chip> {
        let banks = self.all_banks()?;
        if banks.target.is_empty() {
            return Err(TargetError::NoTarget { operation: "flash list".to_owned() }.into());
        }
        Ok(Chip { banks, layouts: BTreeMap::new() })
    }

    /// Splits a range of addresses into parts of banks, as [`Chip::spans`] does. A bank that could
    /// not be probed when it was listed, and that may hold an address, is probed once more: the
    /// error says why that fails.
    pub(super) fn spans(&self, chip: &mut Chip, address: u64, length: u64) -> Result<Vec<Span>> {
        loop {
            let error = match chip.spans(address, length) {
                Err(error) => error,
                Ok(spans) => return Ok(spans),
            };
            let FlashError::NoBank { address: missing, .. } = error else { return Err(error.into()) };
            let unprobed = chip.target_banks().find(|bank| bank.size == 0 && bank.base <= missing);
            let Some(unprobed) = unprobed else { return Err(error.into()) };
            let probed = self.probe(unprobed)?;
            if probed.size == 0 {
                return Err(error.into());
            }
            chip.banks
                .all
                .iter_mut()
                .filter(|bank| bank.number == probed.number)
                .for_each(|bank| *bank = probed.clone());
        }
    }

    /// Completes the error of a call with an image of which a byte is in no bank.
    pub(super) fn with_hint_to_ram(&self, mut error: Error, image: &Image) -> Error {
        if let Error::Flash(FlashError::NoBank { is_image_outside, .. }) = &mut error {
            if let Ok(chip) = self.chip() {
                let touches = |at: u64, length: u64| {
                    chip.target_banks()
                        .any(|bank| at < bank.base.saturating_add(bank.size) && bank.base < at.saturating_add(length))
                };
                let touches = |segment: &Segment| touches(segment.address, segment.data.len() as u64);
                *is_image_outside = !image.segments().iter().any(touches);
            }
        }
        error
    }

    /// Gets the sectors of the banks that the spans lie in.
    pub(super) fn get_layouts(&self, chip: &mut Chip, spans: &[Span]) -> Result<()> {
        for bank in &mut chip.banks.all {
            if spans.iter().any(|span| span.bank == bank.number) {
                let layout = self.describe(bank, EraseCheck::Skip)?;
                // Its size may have been a guess before that probe.
                bank.clone_from(&layout.bank);
                chip.layouts.insert(bank.number, layout);
            }
        }
        Ok(())
    }

    /// Gets them again, after the protection has changed.
    pub(super) fn renew_layouts(&self, chip: &mut Chip) -> Result<()> {
        for layout in chip.layouts.values_mut() {
            *layout = self.describe(&layout.bank, EraseCheck::Skip)?;
        }
        Ok(())
    }
}

impl Chip {
    /// A chip with one bank.
    pub(super) fn of(layout: FlashInfo) -> Chip {
        let banks = Banks { target: layout.bank.target.clone(), all: vec![layout.bank.clone()] };
        Chip { banks, layouts: BTreeMap::from([(layout.bank.number, layout)]) }
    }

    /// The layout that [`Flash::get_layouts`] got for the bank of a span. Spans come from
    /// [`Chip::spans`], so there is one.
    pub(super) fn layout(&self, number: u32) -> &FlashInfo {
        &self.layouts[&number]
    }

    pub(super) fn bank(&self, number: u32) -> &FlashBank {
        &self.layout(number).bank
    }

    pub(super) fn address(&self, bank: u32, offset: u64) -> u64 {
        self.bank(bank).base.wrapping_add(offset)
    }

    /// Splits a range of addresses into parts of banks. Every byte must belong to one.
    fn spans(&self, address: u64, length: u64) -> Result<Vec<Span>, FlashError> {
        let mut spans = Vec::new();
        let mut done = 0;
        while done < length {
            let no_bank = |at| self.no_bank(at);
            let at = address.checked_add(done).ok_or_else(|| no_bank(u64::MAX))?;
            let bank =
                self.target_banks().find(|bank| at.checked_sub(bank.base).is_some_and(|offset| offset < bank.size));
            let bank = bank.ok_or_else(|| no_bank(at))?;
            let offset = at - bank.base;
            let here = (bank.size - offset).min(length - done);
            spans.push(Span { bank: bank.number, offset, length: here });
            done += here;
        }
        Ok(spans)
    }

    /// Whether every bank of the target has been probed.
    pub(super) fn is_probed(&self) -> bool {
        self.target_banks().all(|bank| bank.size > 0)
    }

    /// The banks of the view's target. OpenOCD finds no others by address (`get_flash_bank_by_addr`
    /// in src/flash/nor/core.c).
    fn target_banks(&self) -> impl Iterator<Item = &FlashBank> {
        self.banks.all.iter().filter(|bank| bank.target == self.banks.target)
    }

    fn no_bank(&self, address: u64) -> FlashError {
        let known = self.target_banks().map(FlashBank::to_string).collect();
        let target = self.banks.target.clone();
        FlashError::NoBank { address, target, known, is_image_outside: false }
    }
}

impl FlashInfo {
    /// The part of the bank that sectors take, given by their positions.
    pub(super) fn span_of(&self, first: usize, last: usize) -> Span {
        let offset = self.sectors[first].offset;
        Span { bank: self.bank.number, offset, length: end(&self.sectors[last]) - offset }
    }

    /// Whether a part is all of the bank's sectors.
    pub(super) fn is_whole(&self, span: &Span) -> bool {
        !self.sectors.is_empty() && self.span_of(0, self.sectors.len() - 1) == *span
    }

    /// The sectors that hold a part of the bank, as positions in `sectors`. Most drivers list
    /// sectors from end to end.
    pub(super) fn sectors_of(&self, span: &Span) -> Result<RangeInclusive<usize>, FlashError> {
        let touched = self.touched(span.offset, span.length);
        let covers = |touched: &RangeInclusive<usize>| {
            let whole = self.span_of(*touched.start(), *touched.end());
            whole.offset <= span.offset && span.offset + span.length <= whole.offset + whole.length
        };
        touched.filter(covers).ok_or_else(|| FlashError::NoSectors {
            bank: self.bank.name.clone(),
            address: self.bank.base.wrapping_add(span.offset),
            length: span.length,
        })
    }

    /// The sectors that a part of the bank touches, as positions in `sectors`; `None` if the driver
    /// lists none there.
    pub(super) fn touched(&self, offset: u64, length: u64) -> Option<RangeInclusive<usize>> {
        let first = self.sectors.iter().position(|sector| offset < sector.offset + sector.size)?;
        let last = self.sectors.iter().rposition(|sector| sector.offset < offset + length)?;
        (first <= last).then_some(first..=last)
    }

    /// Whether a sector begins at `offset`, or the last one ends there.
    pub(super) fn is_boundary(&self, offset: u64) -> bool {
        let at = self.sectors.partition_point(|sector| sector.offset < offset);
        match self.sectors.get(at) {
            Some(sector) => sector.offset == offset || at > 0 && end(&self.sectors[at - 1]) == offset,
            None => self.sectors.last().is_none_or(|last| end(last) <= offset),
        }
    }

    /// Returns the end of the piece that begins at `from`, has about `size` bytes and does not
    /// exceed `limit`.
    ///
    /// The piece ends with a sector if a sector ends near there. Within a large sector it ends at a
    /// multiple of `size`, which is a power of two, so that the next piece is aligned to the units
    /// in which the flash is written.
    pub(super) fn piece_end(&self, from: u64, limit: u64, size: u64) -> u64 {
        let wanted = from.saturating_add(size);
        if wanted >= limit {
            return limit;
        }
        let beyond = self.sectors.partition_point(|sector| end(sector) <= wanted);
        let sector_end = beyond.checked_sub(1).map(|index| end(&self.sectors[index]));
        sector_end.filter(|&end| end > from).unwrap_or(wanted & !(size - 1))
    }
}

pub(super) fn end(sector: &Sector) -> u64 {
    sector.offset + sector.size
}

/// The parts of sectors that are in none of the spans. Both are in order.
pub(super) fn gaps(sectors: &[Span], spans: &[Span]) -> Vec<Span> {
    let mut gaps = Vec::new();
    for whole in sectors {
        let end = whole.offset + whole.length;
        let mut from = whole.offset;
        let mut add = |from: u64, to: u64| {
            if from < to {
                gaps.push(Span { bank: whole.bank, offset: from, length: to - from });
            }
        };
        for span in spans.iter().filter(|span| span.bank == whole.bank && (whole.offset..end).contains(&span.offset)) {
            add(from, span.offset);
            from = span.offset + span.length;
        }
        add(from, end);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bank(number: u32, base: u64, size: u64, target: &str) -> FlashBank {
        let (name, driver) = (format!("f{number}"), "faux".to_owned());
        FlashBank { number, name, driver, base, size, bus_width: 0, chip_width: 0, target: target.to_owned() }
    }

    fn chip() -> Chip {
        let all = vec![
            bank(0, 0x1000, 0x1000, "a"),
            bank(1, 0x2000, 0x800, "a"),
            bank(2, 0x2800, 0x800, "b"),
            bank(3, u64::MAX - 0xff, 0x100, "a"),
        ];
        Chip { banks: Banks { target: "a".to_owned(), all }, layouts: BTreeMap::new() }
    }

    fn layout(sizes: &[u64]) -> FlashInfo {
        let mut offset = 0;
        let sectors = sizes.iter().enumerate().map(|(index, &size)| {
            let index = u32::try_from(index).unwrap();
            let sector = Sector { index, offset, size, protected: None, erased: None };
            offset += size;
            sector
        });
        FlashInfo { bank: bank(0, 0, 0x1_0000, "a"), sectors: sectors.collect(), protection_blocks: Vec::new() }
    }

    #[test]
    fn a_range_is_split_over_the_banks_of_the_target() {
        let spans = chip().spans(0x1ff0, 0x20).unwrap();
        assert_eq!(spans, [Span { bank: 0, offset: 0xff0, length: 0x10 }, Span { bank: 1, offset: 0, length: 0x10 }]);
        assert_eq!(chip().spans(5, 0).unwrap(), []);
        assert_eq!(chip().spans(u64::MAX - 0xff, 0x100).unwrap(), [Span { bank: 3, offset: 0, length: 0x100 }]);
    }

    #[test]
    fn a_range_without_a_bank_is_refused_at_its_first_byte() {
        for (address, length, first) in
            [(0xfff, 2, 0xfff), (0x27ff, 2, 0x2800), (0x2800, 1, 0x2800), (u64::MAX - 1, 3, u64::MAX)]
        {
            match chip().spans(address, length) {
                Err(FlashError::NoBank { address, known, .. }) => {
                    assert_eq!(address, first);
                    assert_eq!(known.len(), 3);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_sector_is_touched_by_one_byte() {
        let layout = layout(&[0x400, 0x400, 0x800]);
        assert_eq!(layout.touched(0, 1), Some(0..=0));
        assert_eq!(layout.touched(0x3ff, 2), Some(0..=1));
        assert_eq!(layout.touched(0x400, 0xc00), Some(1..=2));
        assert_eq!(layout.touched(0x1000, 1), None);
    }

    #[test]
    fn sectors_begin_and_end_at_boundaries() {
        let layout = layout(&[0x400, 0x800]);
        for (offset, is) in [(0, true), (1, false), (0x400, true), (0x800, false), (0xc00, true)] {
            assert_eq!(layout.is_boundary(offset), is, "{offset:#x}");
        }
    }

    #[test]
    fn a_piece_ends_with_a_sector_where_sectors_are_small() {
        let layout = layout(&[0x400, 0x400, 0x400, 0x2000, 0x400]);
        assert_eq!(layout.piece_end(0, 0x2fff, 0x800), 0x800);
        assert_eq!(layout.piece_end(0x10, 0x2fff, 0x800), 0x800);
        assert_eq!(layout.piece_end(0xc00, 0x2fff, 0x800), 0x1000, "aligned within a large sector");
        assert_eq!(layout.piece_end(0x2801, 0x2fff, 0x400), 0x2c00);
        assert_eq!(layout.piece_end(0x2c00, 0x2fff, 0x800), 0x2fff);
    }

    #[test]
    fn gaps_are_what_no_part_covers() {
        let span = |offset, length| Span { bank: 0, offset, length };
        let sectors = [span(0, 100), span(200, 100)];
        let spans = [span(0, 10), span(20, 30), span(250, 50)];
        assert_eq!(gaps(&sectors, &spans), [span(10, 10), span(50, 50), span(200, 50)]);
        assert_eq!(gaps(&sectors[..1], &[span(0, 100)]), []);
    }
}
