//! Bytes of any address and length, moved with aligned accesses of 32 bits, and of 8 bits at the edges.

use std::cell::RefCell;
use std::fmt::Write as _;

use super::Memory;
use super::access::{self, CHUNK, abridged, hex_list, push_display, read_command, read_refused, unexpected};
use super::pace::{Pace, Series};
use crate::command::{Reply, Request};
use crate::error::Result;
use crate::memory::display;
use crate::progress::Tracker;
use crate::types::Phase;
use crate::wire::tcl;

/// The bytes of one 32-bit access.
const WORD: usize = 4;

/// How many bytes a command moves when somebody watches: a slow probe takes a fraction of a second for them.
const WATCHED_CHUNK: usize = 2048;

/// A range cut at word boundaries: bytes up to the first, whole words, the bytes that remain.
///
/// ```text
///   address 0x101, 8 bytes:   101 102 103 | 104..108 | 108
///                              head: 3      words: 1   tail: 1
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    head: usize,
    words: usize,
    tail: usize,
}

impl Cut {
    fn of(address: u64, length: usize) -> Self {
        let past_boundary = offset_in_word(address);
        let head = ((WORD - past_boundary) % WORD).min(length);
        let rest = length - head;
        Cut { head, words: rest / WORD, tail: rest % WORD }
    }

    /// Address, width in bits and count of each access that is not empty.
    fn accesses(self, address: u64) -> impl Iterator<Item = (u64, u32, usize)> {
        // An empty part at the end of the address space would begin beyond it.
        let words_at = address.wrapping_add(self.head as u64);
        let tail_at = words_at.wrapping_add((self.words * WORD) as u64);
        let all = [(address, 8, self.head), (words_at, 32, self.words), (tail_at, 8, self.tail)];
        all.into_iter().filter(|(_, _, count)| *count > 0)
    }
}

impl Memory<'_> {
    /// Reads `length` bytes.
    ///
    /// # Errors
    /// [`TargetError::OutOfAddressSpace`](crate::TargetError::OutOfAddressSpace) before anything is read,
    /// [`MemoryRead`](crate::TargetError::MemoryRead), [`NotHalted`](crate::TargetError::NotHalted), [`InvalidArgument`](crate::TargetError::InvalidArgument) for a
    /// length that there is no memory for here, and those of [`Session::command`](crate::Session::command).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let vectors = session.memory().read_bytes(0x0800_0000, 8)?;
    /// assert_eq!(vectors[..4], 0x2000_5000_u32.to_le_bytes());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_bytes(&self, address: u64, length: usize) -> Result<Vec<u8>> {
        self.check(address, 1, length)?;
        let mut bytes = access::room(address, length)?;
        self.read_bytes_into(address, &mut bytes)?;
        Ok(bytes)
    }

    /// Fills `bytes` from the target.
    ///
    /// # Errors
    /// Those of [`read_bytes`](Self::read_bytes).
    pub fn read_bytes_into(&self, address: u64, bytes: &mut [u8]) -> Result<()> {
        self.check(address, 1, bytes.len())?;
        let mut tracker = Tracker::new(self.report);
        tracker.begin(Phase::Read, bytes.len() as u64, address)?;
        let mut done = 0;
        while done < bytes.len() {
            let at = address.wrapping_add(done as u64);
            // Somebody who watches is called between two commands, and may use the session then.
            let most = if self.report.is_watched() { WATCHED_CHUNK } else { usize::MAX };
            let part = next_chunk(at, bytes.len() - done, most);
            let read = self.read_byte_series(at, &mut bytes[done..done + part])?;
            done += read;
            tracker.advance(read as u64, address.wrapping_add(done as u64), true)?;
        }
        Ok(())
    }

    /// Reads the first of the bytes, and tells how many.
    fn read_byte_series(&self, address: u64, bytes: &mut [u8]) -> Result<usize> {
        let session = self.target().session();
        let request = Request::new("").shown(read_command(address, 8, bytes.len(), self.suffix()));
        let request = self.in_its_time(request);
        let pace = Pace::of(session);
        let series = RefCell::new(Series::new(bytes.len(), offset_in_word(address), &pace));
        let at = |begin: usize| address.wrapping_add(begin as u64);
        let prepare = |script: &mut String| {
            let asked = series.borrow_mut().ask();
            if let Some((begin, length)) = asked {
                push_read_bytes(script, at(begin), length, self.suffix());
            }
            asked.is_some()
        };
        let read = session.run_series(&request, prepare, |reply| {
            let (begin, length) = series.borrow_mut().answered();
            take_bytes(&request, reply, at(begin), &mut bytes[begin..begin + length])
        });
        read.inspect_err(|_| pace.forget())?;
        Ok(series.into_inner().end())
    }

    /// Writes bytes.
    ///
    /// # Errors
    /// [`TargetError::OutOfAddressSpace`](crate::TargetError::OutOfAddressSpace) before anything is written,
    /// [`MemoryWrite`](crate::TargetError::MemoryWrite), [`NotHalted`](crate::TargetError::NotHalted), and those of
    /// [`Session::command`](crate::Session::command).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.memory().write_bytes(0x2000_0001, b"any address, any length")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_bytes(&self, address: u64, bytes: &[u8]) -> Result<()> {
        self.check(address, 1, bytes.len())?;
        let mut tracker = Tracker::new(self.report);
        tracker.begin(Phase::Write, bytes.len() as u64, address)?;
        self.write_tracked(address, bytes, &mut tracker)
    }

    /// Writes bytes whose range has been checked, as a part of what is tracked.
    pub(super) fn write_tracked(&self, address: u64, bytes: &[u8], tracker: &mut Tracker<'_>) -> Result<()> {
        let mut address = address;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(self.next_chunk(address, rest.len()));
            self.write_byte_chunk(address, chunk)?;
            address = address.wrapping_add(chunk.len() as u64);
            tracker.advance(chunk.len() as u64, address, true)?;
            rest = after;
        }
        Ok(())
    }

    /// How much of `length` bytes the next command moves: less if somebody watches.
    pub(super) fn next_chunk(&self, address: u64, length: usize) -> usize {
        next_chunk(address, length, if self.report.is_watched() { WATCHED_CHUNK } else { CHUNK * WORD })
    }

    fn write_byte_chunk(&self, address: u64, bytes: &[u8]) -> Result<()> {
        let request = self.in_its_time(write_bytes_request(address, bytes, self.suffix()));
        self.run_write(&request, address, bytes.len() as u64)
    }
}

/// Appends the script that asks for the endianness of the target, and for the list of each access.
fn push_read_bytes(script: &mut String, address: u64, length: usize, suffix: &str) {
    script.push_str("list [[target current] cget -endian]");
    for (at, bits, count) in Cut::of(address, length).accesses(address) {
        script.push_str(" [");
        push_display(script, at, bits, count, suffix);
        script.push(']');
    }
}

/// For a batch.
pub(crate) fn read_bytes_request(address: u64, length: usize, suffix: &str) -> Request<'static> {
    let mut script = String::new();
    push_read_bytes(&mut script, address, length, suffix);
    Request::new(script).shown(read_command(address, 8, length, suffix))
}

pub(crate) fn take_bytes(request: &Request<'_>, reply: &Reply<'_>, address: u64, bytes: &mut [u8]) -> Result<()> {
    let cut = Cut::of(address, bytes.len());
    let answer = reply.success(request).map_err(|failure| read_refused(address, bytes.len() as u64, failure))?;
    decode_bytes(answer, address, cut, bytes).ok_or_else(|| unexpected(request, "as many numbers as asked for", reply))
}

pub(crate) fn write_bytes_request(address: u64, bytes: &[u8], suffix: &str) -> Request<'static> {
    let mut rest = bytes;
    let mut script = String::new();
    for (at, bits, count) in Cut::of(address, bytes.len()).accesses(address) {
        let (part, after) = rest.split_at(count * (bits as usize / 8));
        rest = after;
        if bits == 32 {
            let words = part.chunks_exact(WORD).filter_map(|word| word.try_into().ok()).map(u32::from_le_bytes);
            let _ = writeln!(script, "_openocd_rs_1_write_words {at:#x} {{{}}}{suffix}", hex_list(words));
        } else {
            let _ = writeln!(script, "write_memory {at:#x} {bits} {{{}}}{suffix}", hex_list(part.iter().copied()));
        }
    }
    script.push_str("_openocd_rs_1_check_write");
    let first = abridged(&hex_list(bytes.iter().take(9).copied()));
    Request::new(script).shown(format!("write_memory {address:#x} 8 {{{first}}}{suffix}"))
}

/// How much of `length` bytes a command moves that moves `most`, a multiple of words: up to a whole number of words from a word boundary, so that only the first
/// and the last chunk have single bytes.
fn next_chunk(address: u64, length: usize, most: usize) -> usize {
    length.min(most - offset_in_word(address))
}

#[allow(clippy::cast_possible_truncation, reason = "the remainder is less than 4")]
fn offset_in_word(address: u64) -> usize {
    (address % WORD as u64) as usize
}

/// The answer to `list ENDIANNESS [mdw …] …`, lines for each access of the cut.
fn decode_bytes(answer: &[u8], address: u64, cut: Cut, bytes: &mut [u8]) -> Option<()> {
    let mut lists = tcl::elements(answer);
    let [endianness] = lists.take_array()?;
    let mut rest = bytes;
    for (at, bits, count) in cut.accesses(address) {
        let [lines] = lists.take_array()?;
        let (part, after) = std::mem::take(&mut rest).split_at_mut_checked(count * (bits as usize / 8))?;
        rest = after;
        if bits == 8 {
            display::decode(&lines, at, part)?;
            continue;
        }
        let mut words = vec![0_u32; count];
        display::decode(&lines, at, &mut words)?;
        for (bytes, word) in part.chunks_exact_mut(WORD).zip(words) {
            bytes.copy_from_slice(&match &*endianness {
                b"little" => word.to_le_bytes(),
                b"big" => word.to_be_bytes(),
                _ => return None,
            });
        }
    }
    lists.next().is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_at_word_boundaries() {
        for (address, length, head, words, tail) in [
            (0x100, 8, 0, 2, 0),
            (0x101, 8, 3, 1, 1),
            (0x103, 1, 1, 0, 0),
            (0x102, 1, 1, 0, 0),
            (0x100, 3, 0, 0, 3),
            (0x101, 3, 3, 0, 0),
            (7, 0, 0, 0, 0),
        ] {
            assert_eq!(Cut::of(address, length), Cut { head, words, tail }, "{address:#x} {length}");
        }
        assert_eq!(
            Cut::of(0x101, 8).accesses(0x101).collect::<Vec<_>>(),
            [(0x101, 8, 3), (0x104, 32, 1), (0x108, 8, 1)]
        );
    }

    #[test]
    fn ranges_may_end_at_the_last_address() {
        assert_eq!(Cut::of(u64::MAX, 1).accesses(u64::MAX).collect::<Vec<_>>(), [(u64::MAX, 8, 1)]);
        assert_eq!(Cut::of(u64::MAX - 3, 4).accesses(u64::MAX - 3).collect::<Vec<_>>(), [(u64::MAX - 3, 32, 1)]);
    }

    #[test]
    fn answers_become_bytes_in_the_order_of_addresses() {
        let mut bytes = [0; 8];
        let cut = Cut::of(0x101, 8);
        let answer = b"little {0x00000101: 01 02 03 } {0x00000104: 07060504 } {0x00000108: 08 }";
        decode_bytes(answer, 0x101, cut, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8]);
        let answer = b"big {0x00000101: 01 02 03 } {0x00000104: 04050607 } {0x00000108: 08 }";
        decode_bytes(answer, 0x101, cut, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn invalid_answers() {
        let cut = Cut::of(0x101, 8);
        let (head, words, tail) = ("{0x00000101: 01 02 03 }", "{0x00000104: 00000000 }", "{0x00000108: 00 }");
        for answer in [
            String::new(),
            "little".to_owned(),
            format!("little {{0x00000101: 01 02 }} {words} {tail}"),
            format!("little {head} {words} {{0x00000109: 00 }}"),
            format!("odd {head} {words} {tail}"),
            format!("little {head} {words} {tail} {tail}"),
        ] {
            assert_eq!(decode_bytes(answer.as_bytes(), 0x101, cut, &mut [0; 8]), None, "{answer:?}");
        }
    }

    #[test]
    fn chunks_end_at_word_boundaries() {
        assert_eq!(next_chunk(0x101, 100_000, 16384), 16383);
        assert_eq!(next_chunk(0x104, 100_000, 16384), 16384);
        assert_eq!(next_chunk(0x101, 5, 16384), 5);
    }
}
