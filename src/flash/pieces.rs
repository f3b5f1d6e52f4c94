//! Commands that move one piece of flash, and how large a piece should be.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::layout::{Chip, Span};
use super::{Flash, FlashBank, banks};
use crate::command::Request;
use crate::error::{Error, Result};
use crate::flash::replies::bytes_done;
use crate::progress::Tracker;
use crate::wire::tcl;

/// Smaller than this, what a piece costs by itself (loading a routine into the chip) outweighs its bytes.
const SMALLEST: u64 = 4 * 1024;
/// The first piece for somebody who watches, and for nobody.
const FIRST_WATCHED: u64 = 8 * 1024;
const FIRST: u64 = 64 * 1024;
/// Its bytes take up to five times as many on the wire, and OpenOCD's line limit is 4 MiB.
const LARGEST: u64 = 256 * 1024;

/// Finds out how many bytes the chip and the probe deal with in the time that a piece should take.
#[derive(Debug)]
pub(super) struct Pace {
    size: u64,
    wanted: Duration,
    begun: Instant,
}

impl Pace {
    /// Short pieces for somebody who watches; longer ones, which are a little faster, for nobody.
    pub(super) fn new(watched: bool) -> Self {
        let (size, millis) = if watched { (FIRST_WATCHED, 100) } else { (FIRST, 1000) };
        Pace { size, wanted: Duration::from_millis(millis), begun: Instant::now() }
    }

    /// The size of the next piece in bytes, a power of two. Its time begins now.
    pub(super) fn next(&mut self) -> u64 {
        self.begun = Instant::now();
        self.size
    }

    /// The piece is done.
    pub(super) fn done(&mut self) {
        self.took(self.begun.elapsed());
    }

    fn took(&mut self, time: Duration) {
        if time < self.wanted {
            self.size = (self.size * 2).min(LARGEST);
        } else if time > 4 * self.wanted {
            self.size = (self.size / 2).max(SMALLEST);
        }
    }
}

impl Chip {
    /// Calls `each` with one piece after the other of `span` until it breaks off, and counts them. The time that the callback of the progress takes does not
    /// make the pieces smaller.
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

impl Flash<'_> {
    /// Writes bytes within one bank (OpenOCD: `flash write_bank`).
    pub(super) fn write_piece(&self, bank: &FlashBank, offset: u64, data: &[u8]) -> Result<()> {
        let command = format!("flash write_bank {} FILE {offset:#x}", bank.number);
        let request = with_file(self, bank, &tcl::quote_bytes(data), command);
        // What goes beyond the bank is dropped, with the code 0 (`handle_flash_write_bank_command` in `src/flash/nor/tcl.c`).
        self.expect_done(&request, "wrote", |done| done == data.len() as u64)
    }

    /// Compares bytes with a bank by checksum, mostly one that the chip calculates (OpenOCD: `flash verify_image`). A refusal says that they differ or that they
    /// could not be compared, or nothing at all where OpenOCD pads what it compares: only reading tells.
    pub(super) fn checksum_piece(&self, bank: &FlashBank, offset: u64, data: &Expected<'_>) -> Result<()> {
        let address = bank.base.wrapping_add(offset);
        let request = with_file(self, bank, &data.word(), format!("flash verify_image FILE {address:#x} bin"));
        // Without a bank at the address nothing is compared, with the code 0; bytes that pad are counted (`flash_write_unlock_verify` in `src/flash/nor/core.c`).
        self.expect_done(&request, "verified", |done| done >= data.len())
    }

    /// Reads bytes of one bank (OpenOCD: `flash read_bank`).
    pub(super) fn read_piece(&self, bank: &FlashBank, offset: u64, length: u64) -> Result<Vec<u8>> {
        let script = format!("_openocd_rs_1_flash_read {} {offset:#x} {length:#x}", bank.number);
        let request =
            self.request(script).shown(format!("flash read_bank {} FILE {offset:#x} {length:#x}", bank.number));
        self.target.session().run(&request, |reply| {
            let data =
                reply.success(&request).map_err(|failure| Error::refused(failure, Error::from_failure))?.to_vec();
            if data.len() as u64 == length {
                Ok(data)
            } else {
                Err(banks::unexpected(&request, "as many bytes as asked for", reply))
            }
        })?
    }

    /// Runs a command that says how many bytes it has dealt with.
    fn expect_done(&self, request: &Request<'_>, verb: &'static str, enough: impl FnOnce(u64) -> bool) -> Result<()> {
        self.target.session().run(request, |reply| {
            let text = reply.success(request).map_err(|failure| Error::refused(failure, Error::from_failure))?;
            match bytes_done(&String::from_utf8_lossy(text), verb) {
                Some(done) if enough(done) => Ok(()),
                _ => Err(banks::unexpected(request, "about as many bytes as were sent", reply)),
            }
        })?
    }
}

/// What a piece should hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected<'a> {
    Bytes(&'a [u8]),
    /// The same byte over and over.
    Fill(u8, u64),
}

impl Expected<'_> {
    pub(super) fn len(&self) -> u64 {
        match self {
            Expected::Bytes(bytes) => bytes.len() as u64,
            Expected::Fill(_, length) => *length,
        }
    }

    /// As a Tcl word.
    fn word(&self) -> String {
        match self {
            Expected::Bytes(bytes) => tcl::quote_bytes(bytes),
            Expected::Fill(byte, length) => format!("[string repeat \"\\x{byte:02x}\" {length}]"),
        }
    }
}

/// A command of OpenOCD's that reads a file with these bytes. It runs on the bank's own target, because `flash verify_image` looks at the current one's banks only.
fn with_file<'r>(flash: &Flash<'_>, bank: &'r FlashBank, word: &str, command: String) -> Request<'r> {
    let script = format!("_openocd_rs_1_with_file {word} {{{command}}}");
    let timeout = flash.target.session().flash_timeout();
    Request::new(script).shown(command).on(Some(&bank.target)).within(timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_grow_until_they_take_their_time() {
        let mut pace = Pace::new(true);
        let mut sizes = Vec::new();
        for millis in [10, 90, 110, 390, 410, 800, 2000, 1] {
            sizes.push(pace.next() / 1024);
            pace.took(Duration::from_millis(millis));
        }
        assert_eq!(sizes, [8, 16, 32, 32, 32, 16, 8, 4]);
        assert_eq!(pace.next(), 8 * 1024);
    }

    #[test]
    fn pieces_fit_into_a_line() {
        let mut pace = Pace::new(false);
        for _ in 0..20 {
            pace.took(Duration::ZERO);
        }
        assert!(pace.next() * 8 < 4 * 1024 * 1024);
    }
}
