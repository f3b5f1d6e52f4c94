//! Data watchpoint and trace unit: comparators that halt the core on a data access.
//!
//! ARM DDI 0403, C1.8; for Armv6-M, whose unit has neither value match nor cycle counter, DDI 0419,
//! C1.8. The unit has the watchpoints (5 read, 6 write, 7 both), the value match of
//! comparator 1, the cycle counter and PC sampling. It has no trace packets.

use crate::cpu::Cpu;

/// NOCYCCNT and NOPRFCNT.
const NO_COUNTERS: u32 = 3 << 24;
const CYCCNTENA: u32 = 1;
const MATCHED: u32 = 1 << 24;
const DATAVMATCH: u32 = 1 << 8;

/// The kinds of data access; the values are bits of a watchpoint function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read = 1,
    Write = 2,
}

#[derive(Clone, Copy, Debug, Default)]
struct Comparator {
    value: u32,
    mask: u32,
    function: u32,
    matched: bool,
}

impl Comparator {
    /// Returns the accesses that this comparator watches, as bits of [`Access`].
    fn watches(&self) -> u32 {
        match self.function & 0xf {
            function @ 5..=7 => function & 3,
            _ => 0,
        }
    }

    fn covers(&self, address: u32, bytes: u32) -> bool {
        let size = 1_u32 << self.mask;
        let first = self.value & !(size - 1);
        address < first.saturating_add(size) && first < address.saturating_add(bytes)
    }
}

/// The registers of the unit.
#[derive(Clone, Debug)]
pub(crate) struct Dwt {
    /// NUMCOMP, and the counters that are missing.
    fixed: u32,
    /// There are a cycle counter and a comparator for values.
    is_full: bool,
    control: u32,
    /// The difference between CYCCNT and the chip's clock.
    cycle_offset: u32,
    comparators: Vec<Comparator>,
    active: bool,
    /// A watchpoint fired; the core halts after the instruction.
    hit: bool,
}

impl Dwt {
    pub(crate) fn new(cpu: &Cpu) -> Self {
        Self {
            fixed: (cpu.watchpoints as u32) << 28 | if cpu.has_full_dwt { 0 } else { NO_COUNTERS },
            is_full: cpu.has_full_dwt,
            control: 0,
            cycle_offset: 0,
            comparators: vec![Comparator::default(); cpu.watchpoints],
            active: false,
            hit: false,
        }
    }

    /// Reads the word at `offset` from 0xe0001000.
    pub(crate) fn read(&mut self, offset: u32, now: u32, sampled_pc: u32) -> u32 {
        match offset {
            0x00 => self.fixed | self.control,
            0x04 if self.control & CYCCNTENA != 0 => now.wrapping_sub(self.cycle_offset),
            0x04 => self.cycle_offset,
            0x1c => sampled_pc,
            0x20.. => {
                let Some(comparator) = self.comparators.get_mut((offset as usize - 0x20) / 0x10) else { return 0 };
                match offset & 0xc {
                    0 => comparator.value,
                    4 => comparator.mask,
                    8 => {
                        let matched = std::mem::take(&mut comparator.matched);
                        comparator.function | if matched { MATCHED } else { 0 }
                    }
                    _ => 0,
                }
            }
            _ => 0,
        }
    }

    /// Writes the word at `offset` from 0xe0001000.
    pub(crate) fn write(&mut self, offset: u32, value: u32, now: u32) {
        match offset {
            0x00 if self.is_full => {
                let was_counting = self.control & CYCCNTENA != 0;
                self.control = value & 0x007f_1fff;
                if was_counting != (self.control & CYCCNTENA != 0) {
                    self.cycle_offset = now.wrapping_sub(self.cycle_offset);
                }
            }
            0x04 if self.control & CYCCNTENA != 0 => self.cycle_offset = now.wrapping_sub(value),
            0x04 if self.is_full => self.cycle_offset = value,
            0x20.. => {
                let index = (offset as usize - 0x20) / 0x10;
                if let Some(comparator) = self.comparators.get_mut(index) {
                    match offset & 0xc {
                        0 => comparator.value = value,
                        4 => comparator.mask = value & 0xf,
                        8 => {
                            // Only comparator 1 can match a value. It names the two comparators that
                            // match its address.
                            let writable = if index == 1 && self.is_full { 0x000f_fd2f } else { 0x2f };
                            comparator.function = value & writable;
                            comparator.matched = false;
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        self.active = self.comparators.iter().any(|comparator| comparator.watches() != 0);
    }

    /// Whether any comparator watches data accesses.
    pub(crate) fn is_active(&self) -> bool {
        self.active
    }

    /// Notes the comparators that match an access of the core.
    pub(crate) fn observe(&mut self, access: Access, address: u32, bytes: u32, value: u32) {
        for index in 0..self.comparators.len() {
            let comparator = self.comparators[index];
            if comparator.watches() & access as u32 == 0 {
                continue;
            }
            let matched = if comparator.function & DATAVMATCH != 0 {
                self.value_matches(&comparator, address, bytes, value)
            } else {
                comparator.covers(address, bytes)
            };
            if matched {
                self.comparators[index].matched = true;
                self.hit = true;
            }
        }
    }

    /// Whether the value matches. DATAVSIZE is its width; DATAVADDR0 and DATAVADDR1 name the
    /// comparators of the address.
    fn value_matches(&self, comparator: &Comparator, address: u32, bytes: u32, value: u32) -> bool {
        let width = 1 << (comparator.function >> 10 & 3);
        let mask = if width >= 4 { u32::MAX } else { (1 << (8 * width)) - 1 };
        let linked = [comparator.function >> 12 & 0xf, comparator.function >> 16 & 0xf];
        let address_matches = linked
            .into_iter()
            .filter_map(|index| self.comparators.get(index as usize))
            .any(|linked| linked.covers(address, bytes));
        bytes == width && value & mask == comparator.value & mask && address_matches
    }

    /// Whether a watchpoint fired since the last call.
    pub(crate) fn take_hit(&mut self) -> bool {
        std::mem::take(&mut self.hit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{CORTEX_M0_PLUS, CORTEX_M3};

    fn unit(address: u32, mask: u32, function: u32) -> Dwt {
        let mut unit = Dwt::new(&CORTEX_M3);
        unit.write(0x20, address, 0);
        unit.write(0x24, mask, 0);
        unit.write(0x28, function, 0);
        unit
    }

    fn fires(unit: &mut Dwt, access: Access, address: u32, bytes: u32) -> bool {
        unit.observe(access, address, bytes, 0);
        unit.take_hit()
    }

    #[test]
    fn functions_choose_reads_and_writes() {
        for (function, read, write) in [(0, false, false), (5, true, false), (6, false, true), (7, true, true)] {
            let mut unit = unit(0x2000_0010, 2, function);
            assert_eq!(unit.is_active(), function != 0);
            assert_eq!(fires(&mut unit, Access::Read, 0x2000_0010, 4), read, "function {function}");
            assert_eq!(fires(&mut unit, Access::Write, 0x2000_0010, 4), write, "function {function}");
        }
    }

    #[test]
    fn the_mask_widens_the_range() {
        let mut unit = unit(0x2000_0010, 3, 7);
        assert!(fires(&mut unit, Access::Read, 0x2000_0017, 1));
        assert!(!fires(&mut unit, Access::Read, 0x2000_0018, 1));
        assert!(fires(&mut unit, Access::Read, 0x2000_000e, 4), "a word that reaches in");
    }

    #[test]
    fn the_matched_flag_clears_on_read() {
        let mut unit = unit(0x2000_0010, 0, 6);
        fires(&mut unit, Access::Write, 0x2000_0010, 1);
        assert_eq!(unit.read(0x28, 0, 0), 6 | MATCHED);
        assert_eq!(unit.read(0x28, 0, 0), 6);
    }

    #[test]
    fn comparator_one_matches_a_value_at_the_address_of_another() {
        let mut unit = unit(0x2000_0010, 2, 0);
        unit.write(0x30, 42, 0);
        unit.write(0x38, 6 | DATAVMATCH | 2 << 10, 0);
        unit.observe(Access::Write, 0x2000_0010, 4, 41);
        assert!(!unit.take_hit());
        unit.observe(Access::Write, 0x2000_0010, 4, 42);
        assert!(unit.take_hit());
        unit.observe(Access::Write, 0x2000_0014, 4, 42);
        assert!(!unit.take_hit());
    }

    #[test]
    fn a_cortex_m0_plus_has_two_comparators_and_no_counter() {
        let mut unit = Dwt::new(&CORTEX_M0_PLUS);
        unit.write(0, CYCCNTENA, 0);
        assert_eq!((unit.read(0, 0, 0), unit.read(4, 100, 0)), (0x2300_0000, 0));
        unit.write(0x38, 6 | DATAVMATCH, 0);
        assert_eq!(unit.read(0x38, 0, 0), 6, "it cannot match a value");
        unit.write(0x40, 0x2000_0000, 0);
        unit.write(0x48, 6, 0);
        assert_eq!((unit.read(0x40, 0, 0), unit.read(0x48, 0, 0)), (0, 0));
    }

    #[test]
    fn the_cycle_counter_stands_still_while_disabled() {
        let mut unit = Dwt::new(&CORTEX_M3);
        assert_eq!(unit.read(4, 1000, 0), 0);
        unit.write(0, CYCCNTENA, 1000);
        assert_eq!(unit.read(4, 1500, 0), 500);
        unit.write(0, 0, 1600);
        assert_eq!(unit.read(4, 9999, 0), 600);
    }
}
