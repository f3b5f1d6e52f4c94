//! Commands that move one piece of flash, and the size of a piece.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::banks::{Ram, on_target};
use super::layout::{Chip, Span};
use super::replies::bytes_done;
use super::{Flash, FlashBank};
use crate::command::{Request, Script};
use crate::error::{CommandError, Error, FlashError, Result};
use crate::progress::{ProgressReport, Tracker};
use crate::session::FileData;

/// Each piece loads an algorithm into the chip, and saves and restores the RAM of the working area.
/// Below this size that costs about as much as the bytes. Pieces are also slow because the machine
/// is busy, as with many boards side by side, and smaller ones would make that worse.
const SMALLEST: u64 = 16 * 1024;
/// The first piece of a call with a callback, and of one without.
const FIRST_WATCHED: u64 = 32 * 1024;
const FIRST: u64 = 64 * 1024;
/// Bytes can take five times as many on the wire, and OpenOCD's line limit is 4 MiB.
const LARGEST: u64 = 256 * 1024;

/// How long the search for the first unreadable byte may take.
const LOCATE_TIME: Duration = Duration::from_secs(5);

/// The size of the next piece: what the chip and the probe handle in the time that a piece should
/// take.
///
/// The pace of memory calls counts accesses of the probe and keeps several commands on their way. A
/// piece of flash ends with a sector, and its time is that of an algorithm on the chip, so flash
/// has a pace of its own.
#[derive(Debug)]
pub(super) struct Pace {
    size: u64,
    wanted: Duration,
    begun: Instant,
}

impl Pace {
    /// Pieces are short if a callback watches; longer pieces are a little faster.
    pub(super) fn new(is_watched: bool) -> Self {
        let (size, millis) = if is_watched { (FIRST_WATCHED, 750) } else { (FIRST, 1000) };
        Pace { size, wanted: Duration::from_millis(millis), begun: Instant::now() }
    }

    /// Returns the size of the next piece in bytes, a power of two, and starts its time.
    pub(super) fn next(&mut self) -> u64 {
        self.begun = Instant::now();
        self.size
    }

    /// Learns from the piece that ends now.
    pub(super) fn done(&mut self) {
        self.learn(self.begun.elapsed());
    }

    fn learn(&mut self, took: Duration) {
        if took < self.wanted {
            self.size = (self.size * 2).min(LARGEST);
        } else if took > 4 * self.wanted {
            self.size = (self.size / 2).max(SMALLEST);
        }
    }
}

impl Chip {
    /// Calls `each` for one piece of `span` after the other until it breaks off, and counts them.
    /// The time of the progress callback does not make the pieces smaller.
    pub(super) fn in_pieces(
        &self,
        span: Span,
        pace: &mut Pace,
        tracker: &mut Tracker<'_>,
        mut each: impl FnMut(&Tracker<'_>, Span) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let layout = self.layout(span.bank);
        let limit = span.offset + span.length;
        let mut from = span.offset;
        while from < limit {
            let end = layout.piece_end(from, limit, pace.next());
            let piece = Span { bank: span.bank, offset: from, length: end - from };
            if each(tracker, piece)?.is_break() {
                return Ok(());
            }
            pace.done();
            tracker.advance(piece.length, self.address(piece.bank, end), layout.is_boundary(end))?;
            from = end;
        }
        Ok(())
    }
}

impl<R: ProgressReport> Flash<'_, R> {
    /// Writes bytes within one bank (OpenOCD: `flash write_bank`).
    pub(super) fn write_piece(&self, bank: &FlashBank, offset: u64, data: &[u8], ram: Ram) -> Result<()> {
        let script = on_target(bank, ram).literal("flash write_bank").number(bank.number).file().hex(offset);
        let request = self.bank_request(bank, Expected::Bytes(data).in_file(&script));
        let request = request.shown(format!("flash write_bank {} FILE {offset:#x}", bank.number)).to("write flash");
        // Bytes beyond the bank are dropped, with the code 0 (`handle_flash_write_bank_command` in
        // src/flash/nor/tcl.c).
        self.count_bytes(&request, "wrote", |count| count == data.len() as u64)
    }

    /// Compares bytes with a bank by checksum, mostly one that the chip calculates (OpenOCD: `flash
    /// verify_image`).
    ///
    /// A refusal may mean that they differ, that they could not be compared, or just that OpenOCD
    /// padded them: only reading tells.
    pub(super) fn checksum_piece(&self, bank: &FlashBank, offset: u64, data: &Expected<'_>) -> Result<()> {
        let address = bank.base.wrapping_add(offset);
        let script = Script::call("flash_verify").word(&bank.target).file().hex(address).number(data.len());
        let request = self.bank_request(bank, data.in_file(&script));
        let request = request.shown(format!("flash verify_image FILE {address:#x} bin")).to("verify flash");
        // Without a bank at the address nothing is compared, with the code 0. Padding is counted
        // too (`flash_write_unlock_verify` in src/flash/nor/core.c).
        self.count_bytes(&request, "verified", |count| count >= data.len())
    }

    /// Reads bytes of one bank (OpenOCD: `flash read_bank`).
    pub(super) fn read_piece(&self, bank: &FlashBank, offset: u64, length: u64) -> Result<Vec<u8>> {
        let script = Script::call("flash_read").word(&bank.target).number(bank.number).hex(offset).hex(length);
        let request = self.bank_request(bank, script).to("read flash").expecting("as many bytes as requested");
        let request = request.shown(format!("flash read_bank {} FILE {offset:#x} {length:#x}", bank.number));
        let read = |reply: &[u8]| (reply.len() as u64 == length).then(|| reply.to_vec());
        self.target.session().ask::<FlashError, _>(&request, read)
    }

    /// Fails if OpenOCD cannot write the temporary files that a call for `length` bytes needs. It is
    /// asked before flash is changed.
    pub(super) fn check_files(&self, length: u64) -> Result<()> {
        let data = FileData::Fill { byte: 0xff, length: length.min(LARGEST) };
        let request = self.request(Script::with_file(data, &Script::command("list"))).shown("file tempfile");
        self.target.session().ask::<FlashError, _>(&request.to("write a temporary file"), |_| Some(()))
    }

    /// Returns the offset of the first byte that cannot be read, within 4 bytes, of a piece that
    /// OpenOCD refused to read, and the bytes before it.
    pub(super) fn readable_part(&self, bank: &FlashBank, piece: Span, error: &Error) -> (u64, Vec<u8>) {
        let offset = self.first_unreadable(bank, piece, error);
        let length = offset - piece.offset;
        let data = if length == 0 { Ok(Vec::new()) } else { self.read_piece(bank, piece.offset, length) };
        data.map_or((piece.offset, Vec::new()), |data| (offset, data))
    }

    /// Returns the offset of the first byte that cannot be read. Where the search takes too long or
    /// fails, it is the beginning of a part that could not be read.
    fn first_unreadable(&self, bank: &FlashBank, piece: Span, error: &Error) -> u64 {
        let Error::Flash(FlashError::Refused(refused)) = error else { return piece.offset };
        if refused.failure.is_of_temporary_file() {
            return piece.offset;
        }
        let (mut offset, mut length) = (piece.offset, piece.length);
        // OpenOCD reads in order and mostly logs where it failed. One read confirms that.
        if let Some(logged) = logged_offset(refused.failure.log(), bank, piece) {
            let rest = (piece.offset + piece.length - logged).min(4);
            if let Err(Error::Flash(FlashError::Refused(_))) = self.read_piece(bank, logged, rest) {
                return logged;
            }
        }
        let begun = Instant::now();
        while length > 4 && begun.elapsed() < LOCATE_TIME {
            let half = ((length / 2) & !3).max(4);
            match self.read_piece(bank, offset, half) {
                Ok(_) => {
                    offset += half;
                    length -= half;
                }
                Err(Error::Flash(FlashError::Refused(_))) => length = half,
                Err(_) => break,
            }
        }
        offset
    }

    /// Runs a command that reports how many bytes it handled.
    fn count_bytes(&self, request: &Request<'_>, verb: &str, is_enough: impl FnOnce(u64) -> bool) -> Result<()> {
        let request = request.clone().expecting("a count of all bytes that were sent");
        let read = |reply: &[u8]| {
            let count = bytes_done(&String::from_utf8_lossy(reply), verb)?;
            is_enough(count).then_some(())
        };
        self.target.session().ask::<FlashError, _>(&request, read)
    }
}

/// The first address in a log that is in a piece, as an offset.
fn logged_offset(log: &str, bank: &FlashBank, piece: Span) -> Option<u64> {
    let numbers = log.split(|c: char| !c.is_ascii_alphanumeric()).filter_map(|word| word.strip_prefix("0x"));
    let offsets = numbers.filter_map(|digits| u64::from_str_radix(digits, 16).ok()?.checked_sub(bank.base));
    offsets.into_iter().find(|offset| (piece.offset..piece.offset + piece.length).contains(offset))
}

/// The cause of a failure whose error names the operation itself.
#[allow(clippy::unnecessary_box_returns, reason = "the errors hold a box")]
pub(super) fn cause(error: Error) -> Box<Error> {
    Box::new(match error {
        Error::Flash(FlashError::Refused(refused)) => CommandError::Failed(refused.failure).into(),
        other => other,
    })
}

/// What a piece should hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected<'a> {
    Bytes(&'a [u8]),
    /// The same byte, repeated.
    Fill(u8, u64),
}

impl<'a> Expected<'a> {
    pub(super) fn len(&self) -> u64 {
        match self {
            Expected::Bytes(bytes) => bytes.len() as u64,
            Expected::Fill(_, length) => *length,
        }
    }

    pub(super) fn bytes(&self) -> Cow<'a, [u8]> {
        match *self {
            Expected::Bytes(bytes) => Cow::Borrowed(bytes),
            Expected::Fill(byte, length) => Cow::Owned(vec![byte; usize::try_from(length).unwrap_or(0)]),
        }
    }

    /// Returns the part for a piece.
    pub(super) fn part(&self, offset: u64, length: u64) -> Expected<'a> {
        match *self {
            Expected::Bytes(bytes) => {
                let index = |offset: u64| usize::try_from(offset).unwrap_or(bytes.len()).min(bytes.len());
                Expected::Bytes(&bytes[index(offset)..index(offset + length)])
            }
            Expected::Fill(byte, _) => Expected::Fill(byte, length),
        }
    }

    /// Runs a script with a temporary file that holds the bytes.
    fn in_file(&self, script: &Script) -> Script {
        let data = match *self {
            Expected::Bytes(bytes) => FileData::Bytes(bytes),
            Expected::Fill(byte, length) => FileData::Fill { byte, length },
        };
        Script::with_file(data, script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_grow_until_they_take_the_wanted_time() {
        let mut pace = Pace::new(true);
        let mut sizes = Vec::new();
        for millis in [50, 700, 800, 2950, 3050, 4000, 10_000, 10_000, 1] {
            sizes.push(pace.next() / 1024);
            pace.learn(Duration::from_millis(millis));
        }
        assert_eq!(sizes, [32, 64, 128, 128, 128, 64, 32, 16, 16]);
        assert_eq!(pace.next(), 32 * 1024);
    }

    #[test]
    fn the_largest_piece_fits_into_a_line() {
        let mut pace = Pace::new(false);
        for _ in 0..20 {
            pace.learn(Duration::ZERO);
        }
        assert!(pace.next() * 8 < 4 * 1024 * 1024);
    }
}
