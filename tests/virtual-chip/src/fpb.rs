//! Flash patch and breakpoint unit: six instruction comparators and two literal ones.
//!
//! ARM DDI 0403, C1.11. The unit only has breakpoints. It remaps nothing, so literal comparators
//! keep their value and do nothing.

/// NUM_CODE 6, NUM_LIT 2.
const CONTROL: u32 = 0x260;
const ENABLE: u32 = 1;
const KEY: u32 = 2;
const CODE_COMPARATORS: usize = 6;

/// The registers of the unit.
#[derive(Debug, Default)]
pub(crate) struct Fpb {
    enabled: bool,
    remap: u32,
    comparators: [u32; 8],
    /// The enabled breakpoints: their half-word addresses.
    breakpoints: Vec<u32>,
}

impl Fpb {
    /// Reads the word at `offset` from 0xe0002000.
    pub(crate) fn read(&self, offset: u32) -> u32 {
        match offset {
            0x00 => CONTROL | u32::from(self.enabled),
            0x04 => self.remap,
            0x08..=0x24 => self.comparators[(offset as usize - 8) / 4],
            _ => 0,
        }
    }

    /// Writes the word at `offset` from 0xe0002000.
    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        match offset {
            0x00 if value & KEY != 0 => self.enabled = value & ENABLE != 0,
            0x04 => self.remap = value & 0x1fff_ffe0 | 0x2000_0000,
            0x08..=0x24 => self.comparators[(offset as usize - 8) / 4] = value & 0xdfff_fffd,
            _ => {}
        }
        self.breakpoints.clear();
        if self.enabled {
            for comparator in &self.comparators[..CODE_COMPARATORS] {
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

    fn unit(comparator: u32) -> Fpb {
        let mut unit = Fpb::default();
        unit.write(0, KEY | ENABLE);
        unit.write(8, comparator);
        unit
    }

    #[test]
    fn the_control_register_tells_the_comparators_and_wants_its_key() {
        let mut unit = Fpb::default();
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
    fn literal_comparators_are_no_breakpoints() {
        let mut unit = Fpb::default();
        unit.write(0, KEY | ENABLE);
        unit.write(0x20, 0x4800_0100 | ENABLE);
        assert_eq!(unit.read(0x20), 0x4800_0101);
        assert!(!unit.matches(0x0800_0100));
    }
}
