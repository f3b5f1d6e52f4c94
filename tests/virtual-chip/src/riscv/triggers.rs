//! The trigger module: two address matches on execution, loads or stores.
//!
//! External Debug Support 0.13.2, chapter 5 (tselect, tdata1 as mcontrol, tdata2, tinfo).

const COUNT: u32 = 2;
const TYPE_ADDRESS_MATCH: u32 = 2 << 28;
/// dmode, hit, action, match, m, execute, store and load.
const WRITABLE: u32 = 1 << 27 | 1 << 20 | 0xf << 12 | 0xf << 7 | 1 << 6 | 7;
const HIT: u32 = 1 << 20;
const MACHINE_MODE: u32 = 1 << 6;
const ACTION_DEBUG: u32 = 1 << 12;

/// The events that a trigger can fire on, as bits of mcontrol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Load = 1,
    Store = 2,
    Execute = 4,
}

/// The registers of the triggers.
#[derive(Debug, Default)]
pub(crate) struct Triggers {
    selected: u32,
    control: [u32; COUNT as usize],
    address: [u32; COUNT as usize],
}

impl Triggers {
    /// Reads tselect to tinfo (CSRs 0x7a0 to 0x7a4).
    pub(super) fn read(&self, csr: u16) -> u32 {
        let index = self.selected as usize;
        match csr {
            0x7a0 => self.selected,
            0x7a1 => TYPE_ADDRESS_MATCH | self.control[index],
            0x7a2 => self.address[index],
            // The only supported type is the address match.
            0x7a4 => 1 << 2,
            _ => 0,
        }
    }

    /// Writes tselect to tinfo; tselect accepts only the numbers of existing triggers.
    pub(super) fn write(&mut self, csr: u16, value: u32) {
        let index = self.selected as usize;
        match csr {
            0x7a0 if value < COUNT => self.selected = value,
            0x7a1 => {
                // The only supported match is equality.
                self.control[index] = value & WRITABLE & !(0xf << 7);
            }
            0x7a2 => self.address[index] = value,
            _ => {}
        }
    }

    /// Whether a trigger fires and enters debug mode, for an access of `bytes` from `address` on.
    pub(super) fn fires(&mut self, event: Event, address: u32, bytes: u32) -> bool {
        let mut fired = false;
        for (control, watched) in self.control.iter_mut().zip(self.address) {
            let armed =
                *control & MACHINE_MODE != 0 && *control & 0xf000 == ACTION_DEBUG && *control & event as u32 != 0;
            if armed && watched.wrapping_sub(address) < bytes {
                *control |= HIT;
                fired = true;
            }
        }
        fired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_triggers_exist() {
        let mut triggers = Triggers::default();
        triggers.write(0x7a0, 1);
        assert_eq!(triggers.read(0x7a0), 1);
        triggers.write(0x7a0, 2);
        assert_eq!(triggers.read(0x7a0), 1);
    }

    #[test]
    fn a_trigger_fires_on_what_it_is_armed_for() {
        let mut triggers = Triggers::default();
        triggers.write(0x7a2, 0x8000_0010);
        triggers.write(0x7a1, TYPE_ADDRESS_MATCH | MACHINE_MODE | ACTION_DEBUG | Event::Store as u32);
        assert!(!triggers.fires(Event::Load, 0x8000_0010, 4));
        assert!(!triggers.fires(Event::Store, 0x8000_0014, 4));
        assert!(triggers.fires(Event::Store, 0x8000_000e, 4));
        assert_eq!(triggers.read(0x7a1) & HIT, HIT);
    }
}
