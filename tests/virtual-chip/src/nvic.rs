//! Nested vectored interrupt controller: enables, pending bits and priorities of the interrupt
//! lines.
//!
//! ARM DDI 0403, B3.4. No peripheral of the chip raises an interrupt; software and the debugger
//! make one pending through ISPR and STIR.

use crate::cpu::Cpu;

/// The number of the first line's exception; bit N of a set of exceptions is exception N.
pub(crate) const FIRST: u32 = 16;
/// The lines of the largest chip, in whole words of IPR.
const MOST_LINES: usize = 48;

/// The registers that are not part of a set of exceptions.
#[derive(Debug)]
pub(crate) struct Nvic {
    /// The number of lines.
    lines: u32,
    priority_mask: u8,
    /// Bit N: line N is enabled.
    enabled: u64,
    priorities: [u8; MOST_LINES],
}

impl Nvic {
    pub(crate) fn new(cpu: &Cpu) -> Self {
        Self { lines: cpu.interrupt_lines, priority_mask: cpu.priority_mask, enabled: 0, priorities: [0; MOST_LINES] }
    }

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
        let lines = u64::from(value) << (32 * (offset >> 2 & 1)) & ((1 << self.lines) - 1);
        match offset {
            0x100 | 0x104 => self.enabled |= lines,
            0x180 | 0x184 => self.enabled &= !lines,
            0x200 | 0x204 => *pending |= lines << FIRST,
            0x280 | 0x284 => *pending &= !(lines << FIRST),
            0x400.. => {
                let first = (offset - 0x400) as usize & !3;
                let lines = self.priorities.iter_mut().take(self.lines as usize).skip(first);
                for (priority, byte) in lines.zip(value.to_le_bytes()) {
                    *priority = byte & self.priority_mask;
                }
            }
            _ => {}
        }
    }

    /// Makes the line of this number pending, as a write to STIR does.
    pub(crate) fn trigger(&self, line: u32, pending: &mut u64) {
        if line < self.lines {
            *pending |= 1 << (FIRST + line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::CORTEX_M3;

    #[test]
    fn registers_set_and_clear_lines_of_the_chip_only() {
        let mut nvic = Nvic::new(&CORTEX_M3);
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
        nvic.trigger(5, &mut pending);
        nvic.trigger(43, &mut pending);
        assert_eq!(nvic.read(0x280, pending, 0), 1 << 5);
        assert_eq!(nvic.read(0x300, pending, 1 << 20), 1 << 4);
    }

    #[test]
    fn priorities_have_four_bits() {
        let mut nvic = Nvic::new(&CORTEX_M3);
        nvic.write(0x404, 0xff12_5680, &mut 0);
        assert_eq!(nvic.read(0x404, 0, 0), 0xf010_5080);
        assert_eq!((nvic.priority(16 + 4), nvic.priority(16 + 7)), (0x80, 0xf0));
        nvic.write(0x428, u32::MAX, &mut 0);
        nvic.write(0x42c, u32::MAX, &mut 0);
        assert_eq!((nvic.read(0x428, 0, 0), nvic.read(0x42c, 0, 0)), (0x00f0_f0f0, 0));
    }
}
