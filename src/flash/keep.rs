//! Keeping the bytes of erased sectors that an image does not hold.

use std::cell::Cell;

use super::Flash;
use super::banks::Ram;
use super::layout::{Chip, Span, gaps};
use crate::error::{Error, Result};
use crate::progress::{NoProgress, ProgressReport, Tracker};

/// Bytes of one sector that were read before it was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) span: Span,
    pub(super) bytes: Vec<u8>,
    /// What its erased sector holds. OpenOCD does not tell it, so it is known only after the erase.
    erased: Cell<Option<u8>>,
}

impl Kept {
    /// The bytes from the first to the last that differ from erased flash, and their offset; `None`
    /// if all of them are as erased flash.
    fn used(&self, erased: Option<u8>) -> Option<(u64, &[u8])> {
        let is_used = |byte: &u8| Some(*byte) != erased;
        let first = self.bytes.iter().position(is_used)?;
        let last = self.bytes.iter().rposition(is_used)?;
        Some((self.span.offset + first as u64, &self.bytes[first..=last]))
    }
}

impl<R: ProgressReport> Flash<'_, R> {
    /// Reads what is in none of the spans, but in sectors that they touch.
    pub(super) fn read_rest(&self, chip: &Chip, spans: &[Span]) -> Result<Vec<Kept>> {
        let rest = gaps(&chip.whole_sectors(spans)?, spans);
        let rest: Vec<_> = rest.into_iter().flat_map(|gap| chip.by_sector(gap)).collect();
        let total = rest.iter().map(|span| span.length).sum();
        let mut read = 0;
        let kept = rest.into_iter().map(|span| {
            let mut bytes = Vec::new();
            self.read_span(chip, span, read, total, |part| {
                bytes.extend_from_slice(part);
                Ok(())
            })?;
            read += span.length;
            Ok(Kept { span, bytes, erased: Cell::new(None) })
        });
        kept.collect()
    }

    /// The kept bytes that differ from erased flash, when their sectors are erased. They are not
    /// written with the value of erased flash at their ends: some flash takes each unit only once.
    pub(super) fn without_erased_ends<'k>(&self, chip: &Chip, kept: &'k [Kept]) -> Result<Vec<(Span, &'k [u8])>> {
        let mut rest = Vec::new();
        for kept in kept {
            kept.erased.set(self.erased_value(chip, kept.span)?);
            let Some((offset, bytes)) = kept.used(kept.erased.get()) else { continue };
            rest.push((Span { offset, length: bytes.len() as u64, ..kept.span }, bytes));
        }
        Ok(rest)
    }

    /// Puts the kept bytes back after the write has failed, each sector by itself: erases it again
    /// where they are not in place. Returns those that are lost, with their addresses.
    pub(super) fn put_back(&self, chip: &Chip, kept: &[Kept]) -> Vec<(u64, Vec<u8>)> {
        let mut lost = Vec::new();
        let mut gives_up = false;
        for sector in kept.chunk_by(|one, next| chip.share_sector(&one.span, &next.span)) {
            let is_back = !gives_up
                && self.put_back_sector(chip, sector).unwrap_or_else(|error| {
                    // The next sectors would only wait as long.
                    gives_up = matches!(error, Error::Connection(_) | Error::Timeout(_));
                    false
                });
            if !is_back {
                lost.extend(sector.iter().filter_map(|one| {
                    // The value is that of the bank.
                    let mut same_bank = kept.iter().filter(|other| other.span.bank == one.span.bank);
                    let erased = same_bank.find_map(|other| other.erased.get());
                    let (offset, bytes) = one.used(erased)?;
                    Some((chip.address(one.span.bank, offset), bytes.to_vec()))
                }));
            }
        }
        lost
    }

    /// Returns whether the sector holds the kept bytes in the end.
    fn put_back_sector(&self, chip: &Chip, kept: &[Kept]) -> Result<bool> {
        if self.holds(chip, kept)? {
            return Ok(true);
        }
        let spans: Vec<_> = kept.iter().map(|kept| kept.span).collect();
        self.erase_spans(chip, &chip.whole_sectors(&spans)?, &mut Tracker::new(&NoProgress))?;
        for (span, bytes) in self.without_erased_ends(chip, kept)? {
            self.write_piece(chip.bank(span.bank), span.offset, bytes, Ram::Restored)?;
        }
        self.holds(chip, kept)
    }

    fn holds(&self, chip: &Chip, kept: &[Kept]) -> Result<bool> {
        for Kept { span, bytes, .. } in kept {
            if self.read_piece(chip.bank(span.bank), span.offset, span.length)? != *bytes {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Chip {
    /// Splits a part of a bank at the bounds of sectors.
    fn by_sector(&self, span: Span) -> Vec<Span> {
        let layout = self.layout(span.bank);
        let end = span.offset + span.length;
        let sectors = layout.touched(span.offset, span.length).into_iter().flatten();
        let parts = sectors.map(|index| {
            let sector = layout.span_of(index, index);
            let offset = sector.offset.max(span.offset);
            Span { offset, length: (sector.offset + sector.length).min(end) - offset, ..span }
        });
        parts.collect()
    }

    fn share_sector(&self, one: &Span, other: &Span) -> bool {
        let sector = |span: &Span| self.layout(span.bank).touched(span.offset, 1);
        one.bank == other.bank && sector(one) == sector(other)
    }
}
