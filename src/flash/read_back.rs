//! How far a command came that OpenOCD refused in the middle.

use std::time::{Duration, Instant};

use super::layout::Span;
use super::pieces::Expected;
use super::{Flash, FlashBank, FlashInfo};
use crate::error::{Error, FlashError};
use crate::progress::ProgressReport;

/// How long reading back may take, and how many bytes are read at once.
const READ_BACK_TIME: Duration = Duration::from_secs(2);
const READ_BACK_BYTES: u64 = 4 * 1024;

/// A piece that failed in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Partial {
    /// The address of its first byte.
    pub(super) address: u64,
    /// Number of its bytes that are known to be done: those at its beginning.
    pub(super) done: u64,
    /// Its length in bytes.
    pub(super) length: u64,
}

impl Partial {
    pub(super) fn first_unknown(&self) -> u64 {
        self.address.wrapping_add(self.done)
    }

    /// The address behind the piece.
    pub(super) fn end(&self) -> u64 {
        self.address.wrapping_add(self.length)
    }
}

impl<R: ProgressReport> Flash<'_, R> {
    /// Returns the offset up to which a piece holds what the command should have put there, by
    /// reading it back.
    ///
    /// It is the beginning of the piece if nothing can be told: OpenOCD or the chip does not answer,
    /// or all of the piece holds it, which then does not show where the command failed.
    pub(super) fn done_before(&self, bank: &FlashBank, piece: Span, expected: &Expected<'_>, error: &Error) -> u64 {
        let Error::Flash(FlashError::Refused(refused)) = error else { return piece.offset };
        if refused.failure.is_of_temporary_file() {
            return piece.offset;
        }
        let begun = Instant::now();
        let end = piece.offset + piece.length;
        let mut at = piece.offset;
        while at < end && begun.elapsed() < READ_BACK_TIME {
            let length = READ_BACK_BYTES.min(end - at);
            let Ok(held) = self.read_piece(bank, at, length) else { return at };
            let expected = expected.part(at - piece.offset, length);
            match expected.bytes().iter().zip(&held).position(|(expected, held)| expected != held) {
                Some(same) => return at + same as u64,
                None => at += length,
            }
        }
        if at < end { at } else { piece.offset }
    }
}

impl FlashInfo {
    /// Returns the beginning of the sector that holds a byte of a piece, but not less than the
    /// beginning of the piece.
    pub(super) fn sector_start(&self, offset: u64, piece: Span) -> u64 {
        let sector = self.touched(offset, 1).map_or(offset, |touched| self.sectors[*touched.start()].offset);
        sector.clamp(piece.offset, offset.max(piece.offset))
    }
}
