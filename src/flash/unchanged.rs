//! Finding the sectors that hold already what is to be written.

use std::ops::RangeInclusive;

use super::checksums::Units;
use super::erase::ERASED;
use super::layout::{Chip, Span};
use super::pieces::Expected;
use super::{Flash, FlashInfo};
use crate::error::Result;
use crate::progress::ProgressReport;

/// A unit of several sectors has at least this size.
const SMALLEST_UNIT: u64 = 1024;

/// What one checksum of OpenOCD's compares at first: large enough that running the algorithm costs less than its
/// bytes.
const GROUP_BYTES: u64 = 16 * 1024;

/// After so many groups in a row without an unchanged sector, changed groups are not narrowed down
/// any more.
const CHANGED_GROUPS: u32 = 2;

/// Bytes for a part of a bank.
pub(super) type Part<'d> = (Span, &'d [u8]);

impl<R: ProgressReport> Flash<'_, R> {
    /// Returns what remains of the parts, which are in order, without the sectors that hold their
    /// bytes already.
    ///
    /// If the sectors are to be erased, their other bytes must be erased too.
    pub(super) fn without_unchanged<'d>(
        &self,
        chip: &Chip,
        parts: Vec<Part<'d>>,
        will_erase: bool,
    ) -> Result<Vec<Part<'d>>> {
        let spans: Vec<_> = parts.iter().map(|(span, _)| *span).collect();
        let mut unchanged = Vec::new();
        if will_erase {
            for whole in chip.whole_sectors(&spans)? {
                let contents = contents_of(&whole, &parts);
                self.find_unchanged(chip, whole, &contents, &mut unchanged)?;
            }
        } else {
            for (span, bytes) in &parts {
                self.find_unchanged(chip, *span, bytes, &mut unchanged)?;
            }
        }
        unchanged.sort_by_key(|span| (span.bank, span.offset));
        Ok(parts.into_iter().flat_map(|part| subtract(part, &unchanged)).collect())
    }

    /// Adds the parts of a span that hold their contents already: whole sectors, as far as they are
    /// in the span.
    fn find_unchanged(&self, chip: &Chip, span: Span, contents: &[u8], unchanged: &mut Vec<Span>) -> Result<()> {
        let layout = chip.layout(span.bank);
        let Some(sectors) = layout.touched(span.offset, span.length) else { return Ok(()) };
        let search = Search { flash: self, layout, span, contents };
        let mut done = *sectors.start();
        for (last, units) in search.units(sectors.clone()) {
            let from = usize::try_from(units.offset - span.offset).unwrap_or(contents.len());
            let Some(holds) = self.hold(&layout.bank, units, &contents[from..])? else { break };
            for (unit, _) in (0..).zip(holds).filter(|(_, holds)| *holds) {
                let offset = units.offset + unit * units.length;
                unchanged.push(Span { bank: span.bank, offset, length: units.length });
            }
            done = last + 1;
        }
        search.in_groups(done, *sectors.end(), unchanged)
    }
}

/// A search within one span.
struct Search<'s, 'f, R> {
    flash: &'s Flash<'f, R>,
    layout: &'s FlashInfo,
    span: Span,
    contents: &'s [u8],
}

impl<R: ProgressReport> Search<'_, '_, R> {
    /// Splits sectors into runs of units of one length, each with its last sector.
    /// Small sectors share a unit.
    fn units(&self, sectors: RangeInclusive<usize>) -> Vec<(usize, Units)> {
        let mut runs: Vec<(usize, Units)> = Vec::new();
        let mut first = *sectors.start();
        while first <= *sectors.end() {
            let mut last = first;
            while last < *sectors.end() && self.layout.span_of(first, last).length < SMALLEST_UNIT {
                last += 1;
            }
            let Span { offset, length, .. } = self.part(first..=last);
            match runs.last_mut() {
                Some((run_last, units))
                    if units.length == length && units.offset + units.length * units.count == offset =>
                {
                    units.count += 1;
                    *run_last = last;
                }
                _ => runs.push((last, Units { offset, length, count: 1 })),
            }
            first = last + 1;
        }
        runs
    }

    /// Searches by checksums of OpenOCD's own, one a command.
    fn in_groups(&self, mut first: usize, last_of_all: usize, unchanged: &mut Vec<Span>) -> Result<()> {
        let mut changed_groups = 0;
        while first <= last_of_all {
            let from = self.layout.sectors[first].offset.max(self.span.offset);
            let to = self.layout.piece_end(from, self.span.offset + self.span.length, GROUP_BYTES);
            let last = self.layout.touched(from, to - from).map_or(first, |touched| *touched.end());
            let found = unchanged.len();
            if self.has(first..=last)? {
                unchanged.push(self.part(first..=last));
            } else if changed_groups < CHANGED_GROUPS {
                self.narrow(first..=last, unchanged)?;
            }
            changed_groups = if unchanged.len() == found { changed_groups + 1 } else { 0 };
            first = last + 1;
        }
        Ok(())
    }

    /// What sectors have in common with the span.
    fn part(&self, sectors: RangeInclusive<usize>) -> Span {
        let whole = self.layout.span_of(*sectors.start(), *sectors.end());
        let offset = whole.offset.max(self.span.offset);
        let end = (whole.offset + whole.length).min(self.span.offset + self.span.length);
        Span { bank: self.span.bank, offset, length: end - offset }
    }

    /// Whether sectors hold their contents, by one checksum.
    fn has(&self, sectors: RangeInclusive<usize>) -> Result<bool> {
        let part = self.part(sectors);
        let expected = Expected::Bytes(self.contents).part(part.offset - self.span.offset, part.length);
        self.flash.has_checksum(&self.layout.bank, part.offset, &expected)
    }

    /// Finds the one changed part of sectors that do not hold their contents, and adds the others.
    /// Where both halves have changed, the sectors are taken as changed: to compare them one by one
    /// takes as long as to write them.
    fn narrow(&self, sectors: RangeInclusive<usize>, unchanged: &mut Vec<Span>) -> Result<()> {
        let (mut first, mut last) = (*sectors.start(), *sectors.end());
        while first < last {
            let middle = first + (last - first) / 2;
            if self.has(first..=middle)? {
                unchanged.push(self.part(first..=middle));
                first = middle + 1;
            } else if self.has(middle + 1..=last)? {
                unchanged.push(self.part(middle + 1..=last));
                last = middle;
            } else {
                break;
            }
        }
        Ok(())
    }
}

/// What whole sectors should hold: the bytes of the parts, and erased flash between them.
fn contents_of(whole: &Span, parts: &[Part<'_>]) -> Vec<u8> {
    let mut contents = vec![ERASED; usize::try_from(whole.length).unwrap_or(0)];
    let end = whole.offset + whole.length;
    for (span, bytes) in parts {
        if span.bank == whole.bank && (whole.offset..end).contains(&span.offset) {
            let at = usize::try_from(span.offset - whole.offset).unwrap_or(0);
            contents[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }
    contents
}

/// The parts of a part that are in none of the spans, which are in order.
fn subtract<'d>((span, bytes): Part<'d>, without: &[Span]) -> Vec<Part<'d>> {
    let end = span.offset + span.length;
    let mut rest = Vec::new();
    let mut from = span.offset;
    let mut keep = |from: u64, to: u64| {
        if from < to {
            let index = |offset: u64| usize::try_from(offset - span.offset).unwrap_or(bytes.len());
            rest.push((Span { offset: from, length: to - from, ..span }, &bytes[index(from)..index(to)]));
        }
    };
    for hole in without.iter().filter(|hole| hole.bank == span.bank) {
        let (hole_start, hole_end) = (hole.offset.clamp(from, end), (hole.offset + hole.length).clamp(from, end));
        if hole_start < hole_end {
            keep(from, hole_start);
            from = hole_end;
        }
    }
    keep(from, end);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_loses_what_is_unchanged() {
        let span = |offset, length| Span { bank: 1, offset, length };
        let bytes: Vec<u8> = (0..100).collect();
        let holes = [span(0, 110), span(120, 10), span(190, 50), Span { bank: 2, ..span(100, 100) }];
        let rest = subtract((span(100, 100), &bytes), &holes);
        assert_eq!(rest, [(span(110, 10), &bytes[10..20]), (span(130, 60), &bytes[30..90])]);
        assert_eq!(subtract((span(100, 100), &bytes), &[span(100, 100)]), []);
        assert_eq!(subtract((span(100, 100), &bytes), &[span(0, 100), span(200, 1)]), [(span(100, 100), &bytes[..])]);
    }

    #[test]
    fn sectors_should_be_erased_between_the_parts() {
        let span = |offset, length| Span { bank: 0, offset, length };
        let parts = [(span(2, 2), &[1, 2][..]), (span(6, 1), &[3][..]), (span(90, 1), &[4][..])];
        assert_eq!(contents_of(&span(0, 8), &parts), [0xff, 0xff, 1, 2, 0xff, 0xff, 3, 0xff]);
    }
}
