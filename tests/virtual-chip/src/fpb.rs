//! Flash patch and breakpoint unit: comparators for instructions, and for literals.
//!
//! ARM DDI 0403, C1.11; for Armv6-M, which has neither literals nor remapping, DDI 0419, C1.9. The
//! unit only has breakpoints. It remaps nothing, so literal comparators
//! keep their value and do nothing.

use crate::cpu::Cpu;

const ENABLE: u32 = 1;
const KEY: u32 = 2;

/// The registers of the unit.
#[derive(Debug)]
pub(crate) struct Fpb {
    /// NUM_CODE and NUM_LIT.
    control: u32,
    enabled: bool,
    remap: u32,
    comparators: Vec<u32>,
    /// The number of comparators for instructions, which come first.
    code: usize,
    /// The enabled breakpoints: their half-word addresses.
    breakpoints: Vec<u32>,
}

impl Fpb {
    pub(crate) fn new(cpu: &Cpu) -> Self {
        Self {
            control: (cpu.breakpoints << 4 | cpu.literals << 8) as u32,
            enabled: false,
            remap: 0,
            comparators: vec![0; cpu.breakpoints + cpu.literals],
            code: cpu.breakpoints,
            breakpoints: Vec::new(),
        }
    }

    /// Reads the word at `offset` from 0xe0002000.
    pub(crate) fn read(&self, offset: u32) -> u32 {
        match offset {
            0x00 => self.control | u32::from(self.enabled),
            0x04 => self.remap,
            0x08.. => self.comparators.get((offset as usize - 8) / 4).copied().unwrap_or(0),
            _ => 0,
        }
    }

    /// Writes the word at `offset` from 0xe0002000.
    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        match offset {
            0x00 if value & KEY != 0 => self.enabled = value & ENABLE != 0,
            // Only where there are literals is there something to remap.
            0x04 if self.code < self.comparators.len() => self.remap = value & 0x1fff_ffe0 | 0x2000_0000,
            0x08.. => {
                if let Some(comparator) = self.comparators.get_mut((offset as usize - 8) / 4) {
                    *comparator = value & 0xdfff_fffd;
                }
            }
            _ => {}
        }
        self.breakpoints.clear();
        if self.enabled {
            for comparator in &self.comparators[..self.code] {
                if comparator & ENABLE != 0 {
                    let word = comparator & 0x1fff_fffc;
                    let halves = [(1, word), (2, word + 2)];
                    let hit = halves.into_iter().filter(|(half, _)| comparator >> 30 & half != 0);
                    self.breakpoints.extend(hit.map(|(_, address)| address));
                }
            }
        }
    }

    /// Whether a breakpoint is at `address`.
    pub(crate) fn matches(&self, address: u32) -> bool {
        !self.breakpoints.is_empty() && self.breakpoints.contains(&address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{CORTEX_M0_PLUS, CORTEX_M3};

    fn unit(comparator: u32) -> Fpb {
        let mut unit = Fpb::new(&CORTEX_M3);
        unit.write(0, KEY | ENABLE);
        unit.write(8, comparator);
        unit
    }

    #[test]
    fn the_control_register_tells_the_comparators_and_wants_its_key() {
        let mut unit = Fpb::new(&CORTEX_M3);
        unit.write(0, ENABLE);
        assert_eq!(unit.read(0), 0x260);
        unit.write(0, KEY | ENABLE);
        assert_eq!(unit.read(0), 0x261);
    }

    #[test]
    fn a_comparator_matches_the_halves_it_names() {
        let low = unit(0x4800_0100 | ENABLE);
        assert!(low.matches(0x0800_0100) && !low.matches(0x0800_0102));
        let high = unit(0x8800_0100 | ENABLE);
        assert!(!high.matches(0x0800_0100) && high.matches(0x0800_0102));
        let both = unit(0xc800_0100 | ENABLE);
        assert!(both.matches(0x0800_0100) && both.matches(0x0800_0102) && !both.matches(0x0800_0104));
    }

    #[test]
    fn nothing_matches_while_disabled() {
        assert!(!unit(0x4800_0100).matches(0x0800_0100));
        let mut unit = unit(0x4800_0100 | ENABLE);
        unit.write(0, KEY);
        assert!(!unit.matches(0x0800_0100));
    }

    #[test]
    fn a_cortex_m0_plus_has_four_comparators_and_no_literal() {
        let mut unit = Fpb::new(&CORTEX_M0_PLUS);
        assert_eq!(unit.read(0), 0x40);
        unit.write(0, KEY | ENABLE);
        unit.write(4, u32::MAX);
        for (offset, address) in [(0x14, 0x1000_0100), (0x18, 0x1000_0200)] {
            unit.write(offset, 0x4000_0000 | address | ENABLE);
        }
        assert_eq!([4, 0x14, 0x18].map(|offset| unit.read(offset)), [0, 0x5000_0101, 0]);
        assert!(unit.matches(0x1000_0100) && !unit.matches(0x1000_0200));
    }

    #[test]
    fn literal_comparators_are_no_breakpoints() {
        let mut unit = Fpb::new(&CORTEX_M3);
        unit.write(0, KEY | ENABLE);
        unit.write(0x20, 0x4800_0100 | ENABLE);
        assert_eq!(unit.read(0x20), 0x4800_0101);
        assert!(!unit.matches(0x0800_0100));
    }
}
