//! Nested vectored interrupt controller: enables, pending bits and priorities of the interrupt
//! lines.
//!
//! ARM DDI 0403, B3.4. No peripheral of the chip raises an interrupt; software and the debugger
//! make one pending through ISPR and STIR.

/// The interrupt lines of a medium-density chip (RM0008, table 63).
pub(crate) const LINES: u32 = 43;
/// The number of the first line's exception; bit N of a set of exceptions is exception N.
pub(crate) const FIRST: u32 = 16;
const ALL_LINES: u64 = (1 << LINES) - 1;
/// The words of IPR that the lines fill.
const PRIORITY_WORDS: usize = LINES.div_ceil(4) as usize;

/// The registers that are not part of a set of exceptions.
#[derive(Debug)]
pub(crate) struct Nvic {
    /// Bit N: line N is enabled.
    enabled: u64,
    priorities: [u8; 4 * PRIORITY_WORDS],
}

impl Default for Nvic {
    fn default() -> Self {
        Self { enabled: 0, priorities: [0; 4 * PRIORITY_WORDS] }
    }
}

impl Nvic {
    /// The exceptions of the enabled lines.
    pub(crate) fn enabled(&self) -> u64 {
        self.enabled << FIRST
    }

    /// The priority of an exception from [`FIRST`] on.
    pub(crate) fn priority(&self, exception: u8) -> u8 {
        self.priorities[usize::from(exception) - FIRST as usize]
    }

    /// Reads the word at `offset` from 0xe000e000, from 0x100 on.
    pub(crate) fn read(&self, offset: u32, pending: u64, active: u64) -> u32 {
        let half = |set: u64| (set >> (32 * (offset >> 2 & 1))) as u32;
        match offset {
            0x100 | 0x104 | 0x180 | 0x184 => half(self.enabled),
            0x200 | 0x204 | 0x280 | 0x284 => half(pending >> FIRST),
            0x300 | 0x304 => half(active >> FIRST),
            0x400.. => match self.priorities.chunks_exact(4).nth((offset - 0x400) as usize / 4) {
                Some(word) => u32::from_le_bytes([word[0], word[1], word[2], word[3]]),
                None => 0,
            },
            _ => 0,
        }
    }

    /// Writes the word at `offset` from 0xe000e000, from 0x100 on.
    pub(crate) fn write(&mut self, offset: u32, value: u32, pending: &mut u64) {
        let lines = u64::from(value) << (32 * (offset >> 2 & 1)) & ALL_LINES;
        match offset {
            0x100 | 0x104 => self.enabled |= lines,
            0x180 | 0x184 => self.enabled &= !lines,
            0x200 | 0x204 => *pending |= lines << FIRST,
            0x280 | 0x284 => *pending &= !(lines << FIRST),
            0x400.. => {
                if let Some(word) = self.priorities.chunks_exact_mut(4).nth((offset - 0x400) as usize / 4) {
                    // Four bits are implemented (PM0056, 4.3).
                    word.copy_from_slice(&(value & 0xf0f0_f0f0).to_le_bytes());
                    if offset == 0x400 + 4 * (PRIORITY_WORDS as u32 - 1) {
                        word[LINES as usize % 4..].fill(0);
                    }
                }
            }
            _ => {}
        }
    }

    /// Makes the line of this number pending, as a write to STIR does.
    pub(crate) fn trigger(line: u32, pending: &mut u64) {
        if line < LINES {
            *pending |= 1 << (FIRST + line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_set_and_clear_lines_of_the_chip_only() {
        let mut nvic = Nvic::default();
        let mut pending = 1 << 15;
        nvic.write(0x100, 0x8000_0001, &mut pending);
        nvic.write(0x104, u32::MAX, &mut pending);
        assert_eq!((nvic.read(0x100, 0, 0), nvic.read(0x184, 0, 0)), (0x8000_0001, 0x7ff));
        nvic.write(0x180, 1, &mut pending);
        nvic.write(0x184, 0x7fe, &mut pending);
        assert_eq!(nvic.enabled(), 1 << (16 + 31) | 1 << (16 + 32));
        nvic.write(0x204, 0x7ff, &mut pending);
        nvic.write(0x284, 0x3ff, &mut pending);
        assert_eq!((pending, nvic.read(0x204, pending, 0)), (1 << 15 | 1 << (16 + 42), 0x400));
        Nvic::trigger(5, &mut pending);
        Nvic::trigger(43, &mut pending);
        assert_eq!(nvic.read(0x280, pending, 0), 1 << 5);
        assert_eq!(nvic.read(0x300, pending, 1 << 20), 1 << 4);
    }

    #[test]
    fn priorities_have_four_bits() {
        let mut nvic = Nvic::default();
        nvic.write(0x404, 0xff12_5680, &mut 0);
        assert_eq!(nvic.read(0x404, 0, 0), 0xf010_5080);
        assert_eq!((nvic.priority(16 + 4), nvic.priority(16 + 7)), (0x80, 0xf0));
        nvic.write(0x428, u32::MAX, &mut 0);
        nvic.write(0x42c, u32::MAX, &mut 0);
        assert_eq!((nvic.read(0x428, 0, 0), nvic.read(0x42c, 0, 0)), (0x00f0_f0f0, 0));
    }
}
