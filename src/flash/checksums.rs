//! Checksums of many sectors at once, which the chip calculates.

use super::{Flash, FlashBank};
use crate::command::Script;
use crate::error::{Error, FlashError, Result};
use crate::progress::ProgressReport;
use crate::wire::{number, tcl};

/// The program; `checksum.s` is its source.
const PROGRAM: &[u8] = include_bytes!("checksum.bin");
/// Offsets of its last instruction and of its first parameter.
const END: u64 = 0x6c;
const PARAMETERS: usize = 0x70;

/// How much one run handles. Each unit takes a word of the chip's RAM. A slow chip calculates some
/// 100 KiB a second, and OpenOCD answers nobody meanwhile.
const RUN_UNITS: u64 = 64;
const RUN_BYTES: u64 = 256 * 1024;

/// A unit that is read and compared: that takes no longer than to run a program.
const SHORT_BYTES: u64 = 256;

/// Consecutive pieces of flash of one length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Units {
    /// Where the first begins, from the beginning of the bank.
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) count: u64,
}

impl Units {
    /// Splits them into what one run handles.
    fn runs(self) -> impl Iterator<Item = Units> {
        let most = (RUN_BYTES / self.length).clamp(1, RUN_UNITS);
        (0..self.count).step_by(usize::try_from(most).unwrap_or(1)).map(move |first| Units {
            offset: self.offset + first * self.length,
            count: most.min(self.count - first),
            ..self
        })
    }
}

impl<R: ProgressReport> Flash<'_, R> {
    /// Returns of each unit whether it holds its part of `contents`, which belong to the units one
    /// after the other. `None` if the target is no Cortex-M or lacks a work area, or if the units
    /// are not words. A short unit is read.
    ///
    /// False may also mean that the checksum could not be calculated.
    pub(super) fn hold(&self, bank: &FlashBank, units: Units, contents: &[u8]) -> Result<Option<Vec<bool>>> {
        if units.count == 1 && units.length <= SHORT_BYTES {
            return match self.read_piece(bank, units.offset, units.length) {
                Ok(found) => Ok(Some(vec![contents.starts_with(&found)])),
                Err(Error::Flash(FlashError::Refused(_)) | Error::Target(_)) => Ok(Some(vec![false])),
                Err(other) => Err(other),
            };
        }
        if (bank.base.wrapping_add(units.offset) | units.length) % 4 != 0 || units.length == 0 {
            return Ok(None);
        }
        let length = usize::try_from(units.length).unwrap_or(usize::MAX);
        let mut expected = contents.chunks(length).map(checksum);
        let mut holds = Vec::new();
        for run in units.runs() {
            let Some(found) = self.checksums(bank, run)? else { return Ok(None) };
            if found.is_empty() {
                expected.by_ref().take(usize::try_from(run.count).unwrap_or(usize::MAX)).for_each(drop);
                holds.extend((0..run.count).map(|_| false));
            } else {
                holds.extend(found.into_iter().map(|found| expected.next() == Some(found)));
            }
        }
        Ok(Some(holds))
    }

    /// The checksums of the units; empty if they cannot be calculated, `None` if this target never
    /// can.
    fn checksums(&self, bank: &FlashBank, units: Units) -> Result<Option<Vec<u32>>> {
        let address = bank.base.wrapping_add(units.offset);
        let last = address.wrapping_add(units.length * units.count - 4);
        let script = Script::call("flash_run_code").word(&bank.target).hex_list(program(address, units));
        let script = script.hex(END).number(units.count).hex_list([address, last]);
        let request = self.bank_request(bank, script).shown("a checksum of flash").to("compare flash");
        let request = request.expecting("a checksum of each sector");
        let read = |reply: &[u8]| {
            let words = tcl::all_strings(reply)?;
            if words.is_empty() {
                return Some(None);
            }
            let words: Vec<_> = words.iter().map(|word| number::hex32(word)).collect::<Option<_>>()?;
            (words.len() as u64 == units.count).then_some(Some(words))
        };
        match self.target.session().ask::<FlashError, _>(&request, read) {
            Err(Error::Flash(FlashError::Refused(_)) | Error::Target(_)) => Ok(Some(Vec::new())),
            other => other,
        }
    }
}

/// The words of the program for these units.
fn program(address: u64, units: Units) -> impl Iterator<Item = u32> {
    // The addresses of a Cortex-M have 32 bits, and a run is short.
    let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let parameters = [narrow(address), narrow(units.length / 4), narrow(units.count)];
    PROGRAM.chunks_exact(4).enumerate().map(move |(index, word)| {
        let parameter = index.checked_sub(PARAMETERS / 4).and_then(|index| parameters.get(index));
        parameter.copied().unwrap_or_else(|| word.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte)))
    })
}

/// What the program calculates, four bits at a time as it does.
fn checksum(bytes: &[u8]) -> u32 {
    let four_bits = |sum: u32| TABLE[(sum & 15) as usize] ^ (sum >> 4);
    bytes.iter().fold(u32::MAX, |sum, byte| four_bits(four_bits(sum ^ u32::from(*byte))))
}

/// The effect of four bits on the polynomial 0xedb88320; the same as in the program.
const TABLE: [u32; 16] = [
    0x0000_0000,
    0x1db7_1064,
    0x3b6e_20c8,
    0x26d9_30ac,
    0x76dc_4190,
    0x6b6b_51f4,
    0x4db2_6158,
    0x5005_713c,
    0xedb8_8320,
    0xf00f_9344,
    0xd6d6_a3e8,
    0xcb61_b38c,
    0x9b64_c2b0,
    0x86d3_d2d4,
    0xa00a_e278,
    0xbdbd_f21c,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_is_the_usual_crc_32_but_for_the_last_inversion() {
        assert_eq!(!checksum(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn program_gets_its_parameters_and_ends_with_a_breakpoint_instruction() {
        let units = Units { offset: 0x400, length: 0x800, count: 3 };
        let words: Vec<_> = program(0x0800_0400, units).collect();
        assert_eq!(words.len() * 4, PROGRAM.len());
        assert_eq!(words[PARAMETERS / 4..][..4], [0x0800_0400, 0x200, 3, 0]);
        assert_eq!(words[PARAMETERS / 4 + 3..], TABLE);
        assert_eq!(PROGRAM[usize::try_from(END).unwrap()..][..2], [0x00, 0xbe]);
        assert_eq!(PROGRAM[PARAMETERS..][..12], [0; 12]);
    }

    #[test]
    fn runs_are_limited_in_units_and_bytes() {
        let runs = |length, count| {
            let runs = Units { offset: 0x100, length, count }.runs();
            runs.map(|run| (run.offset, run.count)).collect::<Vec<_>>()
        };
        assert_eq!(runs(0x400, 130), [(0x100, 64), (0x1_0100, 64), (0x2_0100, 2)]);
        assert_eq!(runs(0x2_0000, 3), [(0x100, 2), (0x4_0100, 1)]);
        assert_eq!(runs(0x10_0000, 2), [(0x100, 1), (0x10_0100, 1)]);
    }
}
