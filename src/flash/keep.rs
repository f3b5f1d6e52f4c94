//! Keeping the bytes of erased sectors that an image does not hold.

use super::Flash;
use super::banks::Ram;
use super::layout::{Chip, Span};
use super::write::gaps;
use crate::error::{Error, FlashError, Result};
use crate::progress::{NoProgress, ProgressReport, Tracker};

/// Bytes of one sector that were read before it was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) span: Span,
    pub(super) bytes: Vec<u8>,
}

impl<R: ProgressReport> Flash<'_, R> {
    /// Reads what is in none of the spans, but in sectors that they touch.
    pub(super) fn read_rest(&self, chip: &Chip, spans: &[Span]) -> Result<Vec<Kept>> {
        let rest = gaps(&chip.whole_sectors(spans)?, spans);
        let rest = rest.into_iter().flat_map(|gap| chip.by_sector(gap));
        rest.map(|span| {
            let bytes = self.read_piece(chip.bank(span.bank), span.offset, span.length)?;
            Ok(Kept { span, bytes })
        })
        .collect()
    }

    /// The kept bytes that differ from erased flash, when their sectors are erased. They are not
    /// written with the value of erased flash at their ends: some flash takes each unit only once.
    pub(super) fn without_erased_ends<'k>(&self, chip: &Chip, kept: &'k [Kept]) -> Result<Vec<(Span, &'k [u8])>> {
        let mut rest = Vec::new();
        for Kept { span, bytes } in kept {
            let erased = self.read_piece(chip.bank(span.bank), span.offset, 1)?;
            let is_used = |byte: &u8| Some(byte) != erased.first();
            let Some(first) = bytes.iter().position(is_used) else { continue };
            let last = bytes.iter().rposition(is_used).unwrap_or(first);
            let (offset, length) = (span.offset + first as u64, (last - first + 1) as u64);
            rest.push((Span { offset, length, ..*span }, &bytes[first..=last]));
        }
        Ok(rest)
    }

    /// Puts the kept bytes back after the write has failed, each sector by itself: erases it again
    /// where they are not in place. Returns the error of the call.
    pub(super) fn put_back(&self, chip: &Chip, kept: &[Kept], error: Error) -> Error {
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
                let address = |kept: &Kept| chip.address(kept.span.bank, kept.span.offset);
                lost.extend(sector.iter().map(|kept| (address(kept), kept.bytes.clone())));
            }
        }
        if lost.is_empty() { error } else { FlashError::NotKept { lost, cause: Box::new(error) }.into() }
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
        for Kept { span, bytes } in kept {
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
