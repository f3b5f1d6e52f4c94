//! The ROM table and the identification registers of the components that it lists.
//!
//! ARM IHI 0031 (ADIv5), chapter D.

const ROM_TABLE: u32 = 0xe00f_f000;

/// The table of a chip.
pub(crate) struct RomTable {
    /// Offsets from the table to the components; bit 0 says present, bit 1 that the format is 32
    /// bits.
    entries: &'static [u32],
    /// The identification of the table and of the components.
    components: &'static [Component],
}

/// The identification of a component.
pub(crate) struct Component {
    base: u32,
    /// PIDR4 (JEP 106 continuation) and PIDR0-3.
    peripheral: (u8, u32),
    class: u32,
    device_type: u32,
}

const ROM: u32 = 0x1;
const CORESIGHT: u32 = 0x9;
const GENERIC: u32 = 0xe;

/// RM0008, 31.7 and 31.16.
pub(crate) static STM32F103: RomTable = RomTable {
    entries: &[0xfff0_f003, 0xfff0_2003, 0xfff0_3003, 0xfff0_1003, 0xfff4_1003, 0xfff4_2002],
    components: &[
        // ST's own: JEP 106 code 0x20, part 0x410 as in DBGMCU_IDCODE.
        Component { base: ROM_TABLE, peripheral: (0x0, 0x000a_0410), class: ROM, device_type: 1 },
        Component { base: 0xe000_e000, peripheral: (0x4, 0x000b_b000), class: GENERIC, device_type: 0 },
        Component { base: 0xe000_1000, peripheral: (0x4, 0x000b_b002), class: GENERIC, device_type: 0 },
        Component { base: 0xe000_2000, peripheral: (0x4, 0x000b_b003), class: GENERIC, device_type: 0 },
        Component { base: 0xe000_0000, peripheral: (0x4, 0x000b_b001), class: GENERIC, device_type: 0 },
        Component { base: 0xe004_0000, peripheral: (0x4, 0x001b_b923), class: CORESIGHT, device_type: 0x11 },
    ],
};

/// ARM DDI 0484, chapter 8: the table of the Cortex-M0+ lists the SCS, the watchpoint and the
/// breakpoint unit.
pub(crate) static CORTEX_M0_PLUS: RomTable = RomTable {
    entries: &[0xfff0_f003, 0xfff0_2003, 0xfff0_3003],
    components: &[
        Component { base: ROM_TABLE, peripheral: (0x4, 0x000b_b4c0), class: ROM, device_type: 1 },
        Component { base: 0xe000_e000, peripheral: (0x4, 0x000b_b008), class: GENERIC, device_type: 0 },
        Component { base: 0xe000_1000, peripheral: (0x4, 0x000b_b00a), class: GENERIC, device_type: 0 },
        Component { base: 0xe000_2000, peripheral: (0x4, 0x000b_b00b), class: GENERIC, device_type: 0 },
    ],
};

impl RomTable {
    /// Returns the word at an address of the table or of an identification register, else `None`.
    pub(crate) fn read(&self, address: u32) -> Option<u32> {
        let offset = address & 0xfff;
        if address & !0xfff == ROM_TABLE && offset < 0xfcc {
            return Some(self.entries.get(offset as usize / 4).copied().unwrap_or(0));
        }
        let component = self.components.iter().find(|component| component.base == address & !0xfff)?;
        match offset {
            0xfcc => Some(component.device_type),
            0xfd0 => Some(component.peripheral.0.into()),
            0xfe0..=0xfec => Some(component.peripheral.1 >> (2 * (offset - 0xfe0)) & 0xff),
            0xff0 => Some(0x0d),
            0xff4 => Some(component.class << 4),
            0xff8 => Some(0x05),
            0xffc => Some(0xb1),
            0xfd4..=0xfdc => Some(0),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_ends_with_a_zero() {
        let entries: Vec<_> = (0..7).map(|index| STM32F103.read(ROM_TABLE + 4 * index).unwrap()).collect();
        assert_eq!(entries[..6], *STM32F103.entries);
        assert_eq!(entries[6], 0);
    }

    #[test]
    fn components_are_identified() {
        let at = |base: u32, offset: u32| STM32F103.read(base + offset).unwrap();
        assert_eq!([0xff0, 0xff4, 0xff8, 0xffc].map(|offset| at(ROM_TABLE, offset)), [0x0d, 0x10, 0x05, 0xb1]);
        assert_eq!([0xfe0, 0xfe4, 0xfe8, 0xfec].map(|offset| at(ROM_TABLE, offset)), [0x10, 0x04, 0x0a, 0]);
        assert_eq!([0xfe0, 0xfe4, 0xfe8].map(|offset| at(0xe000_1000, offset)), [0x02, 0xb0, 0x0b]);
    }
}
