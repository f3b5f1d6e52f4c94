//! The block of words to which the argument of a semihosting call points, and the data behind it.

use std::ops::ControlFlow;

use super::call::Call;
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::stop_token::StopTokens;
use crate::target::Target;
use crate::wire::Deadline;

/// Most bytes that one call writes or reads. The firmware is told what is left.
pub(super) const TRANSFER_BYTES: u64 = 64 * 1024;
/// How much of them is read at a time: a slow probe takes a second for it.
const PART_BYTES: u64 = 8 * 1024;
/// Longest string that `SYS_WRITE0` writes. A string without an end is none.
const STRING_BYTES: usize = 1024 * 1024;

/// The block of a call.
pub(super) struct Block<'t> {
    pub(super) memory: Memory<'t>,
    pub(super) address: u64,
    /// Width of a word: 32 or 64.
    pub(super) bits: u32,
    pub(super) deadline: Deadline,
    pub(super) stops: StopTokens,
}

impl<'t> Block<'t> {
    pub(super) fn of(call: &Call, target: Target<'t>, deadline: Deadline, stops: StopTokens) -> Self {
        Block { memory: target.memory(), address: call.argument, bits: call.bits, deadline, stops }
    }

    pub(super) fn words<const N: usize>(&self) -> Result<[u64; N]> {
        let mut words = [0; N];
        if self.bits == 64 {
            self.memory.read_u64_into(self.address, &mut words)?;
        } else {
            let mut narrow = [0_u32; N];
            self.memory.read_u32_into(self.address, &mut narrow)?;
            words = narrow.map(u64::from);
        }
        Ok(words)
    }

    pub(super) fn write_words(&self, words: &[u64]) -> Result<()> {
        if self.bits == 64 {
            return self.memory.write_u64_slice(self.address, words);
        }
        let narrow: Vec<u32> = words.iter().map(|&word| low_word(word.into())).collect();
        self.memory.write_u32_slice(self.address, &narrow)
    }

    pub(super) fn bytes(&self, address: u64, length: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; whole(length)];
        self.memory.read_bytes_into(address, &mut bytes)?;
        Ok(bytes)
    }

    /// The bytes of `SYS_WRITE`, as many as one call writes, and how many are left.
    pub(super) fn data(&self) -> Result<(Vec<u8>, u64)> {
        let [_, address, length] = self.words()?;
        let limit = length.min(TRANSFER_BYTES);
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < limit && (bytes.is_empty() || !self.is_over()) {
            let taken = bytes.len() as u64;
            bytes.extend(self.bytes(address.wrapping_add(taken), (limit - taken).min(PART_BYTES))?);
        }
        let left = length - bytes.len() as u64;
        Ok((bytes, left))
    }

    /// Writes bytes to the buffer of `SYS_READ`, and returns how much of the buffer is left.
    pub(super) fn give(&self, bytes: &[u8]) -> Result<u64> {
        let [_, address, length] = self.words()?;
        self.memory.write_bytes(address, bytes)?;
        Ok(length.saturating_sub(bytes.len() as u64))
    }

    /// Takes a string up to its NUL, or up to where `take` or a stop ends it. `None` if the memory
    /// behind its beginning cannot be read.
    pub(super) fn string(&self, take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<Option<()>> {
        let mut address = self.address;
        let mut taken = 0;
        let stopped = loop {
            // Up to the next multiple of 64, which is inside any memory that has the byte before
            // it.
            let chunk = match self.bytes(address, 64 - address % 64) {
                Err(Error::Target(_)) if taken > 0 => return Ok(None),
                chunk => chunk?,
            };
            if let Some(end) = memchr::memchr(0, &chunk) {
                // It is the end already.
                let _ = take(&chunk[..end]);
                return Ok(Some(()));
            }
            taken += chunk.len();
            address = address.wrapping_add(chunk.len() as u64);
            if take(&chunk).is_break() || self.is_over() {
                break "the run ended";
            }
            if taken >= STRING_BYTES {
                break "there was no end";
            }
        };
        log::warn!(target: "openocd::semihosting", "the firmware's string is cut after {taken} bytes: {stopped}");
        Ok(Some(()))
    }

    /// Whether a long call is to end early.
    fn is_over(&self) -> bool {
        self.deadline.has_passed() || self.stops.is_stopped()
    }
}

/// A length that was limited before, or that what is in memory limits.
pub(super) fn whole(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// The part of a longer number that a 32-bit register has room for.
pub(super) fn low_word(number: u128) -> u32 {
    #[allow(clippy::cast_possible_truncation, reason = "a register has 32 bits")]
    let word = number as u32;
    word
}
