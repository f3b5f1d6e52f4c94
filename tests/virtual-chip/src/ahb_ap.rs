//! AHB access port: the debugger's way onto the chip's bus.
//!
//! ARM IHI 0031 (ADIv5), chapter C2 (MEM-AP); ARM DDI 0337, 11.7 (the AHB-AP of the Cortex-M3).

use crate::bus::{BusFault, Memory, Size};
use crate::system::System;

const CSW: u8 = 0x00;
const TAR: u8 = 0x04;
const DRW: u8 = 0x0c;
const BD0: u8 = 0x10;
const BD3: u8 = 0x1c;
const BASE: u8 = 0xf8;
const IDR: u8 = 0xfc;

/// DbgSwEnable, the protection bits and DeviceEn (6), which ignore writes.
const CSW_FIXED: u32 = 1 << 6;
/// Prot, AddrInc and Size.
const CSW_WRITABLE: u32 = 0x7f00_0037;
/// The ROM table at 0xe00ff000, present.
const BASE_VALUE: u32 = 0xe00f_f003;
/// AddrInc of CSW, and its value for packed transfers.
const ADDR_INC: u32 = 3 << 4;
const PACKED: u32 = 2;
/// TAR counts within this block only (DDI 0337, 11.7.2).
const INCREMENT_MASK: u32 = 0xfff;

/// The registers of the access port.
#[derive(Debug)]
pub(crate) struct AhbAp {
    csw: u32,
    tar: u32,
}

impl Default for AhbAp {
    fn default() -> Self {
        Self { csw: 0x0300_0002, tar: 0 }
    }
}

impl AhbAp {
    /// Reads the register at `offset`.
    pub(crate) fn read(&mut self, offset: u8, system: &mut System<impl Memory>) -> Result<u32, BusFault> {
        Ok(match offset {
            CSW => self.csw | CSW_FIXED,
            TAR => self.tar,
            DRW => {
                let mut value = 0;
                for _ in 0..self.transfers() {
                    value |= self.read_lane(self.tar, system)?;
                    self.increment();
                }
                value
            }
            BD0..=BD3 => self.read_lane(self.banked(offset), system)?,
            BASE => BASE_VALUE,
            IDR => system.bus.cpu.ap_idr,
            _ => 0,
        })
    }

    /// Writes the register at `offset`.
    pub(crate) fn write(&mut self, offset: u8, value: u32, system: &mut System<impl Memory>) -> Result<(), BusFault> {
        match offset {
            CSW => {
                self.csw = value & CSW_WRITABLE;
                if !system.packed_transfers && self.increment_mode() == PACKED {
                    self.csw &= !ADDR_INC;
                }
            }
            TAR => self.tar = value,
            DRW => {
                for _ in 0..self.transfers() {
                    self.write_lane(self.tar, value, system)?;
                    self.increment();
                }
            }
            BD0..=BD3 => self.write_lane(self.banked(offset), value, system)?,
            _ => {}
        }
        Ok(())
    }

    fn banked(&self, offset: u8) -> u32 {
        self.tar & !0xf | u32::from(offset & 0xc)
    }

    /// Makes one transfer; the data are in the byte lanes that the address selects.
    fn read_lane(&self, address: u32, system: &mut System<impl Memory>) -> Result<u32, BusFault> {
        let size = self.size();
        let value = system.debug_read(address & !size.mask(), size)?;
        Ok(value << (8 * (address & 3 & !size.mask())))
    }

    fn write_lane(&self, address: u32, value: u32, system: &mut System<impl Memory>) -> Result<(), BusFault> {
        let size = self.size();
        let value = value >> (8 * (address & 3 & !size.mask()));
        system.debug_write(address & !size.mask(), size, size.truncate(value))
    }

    fn size(&self) -> Size {
        match self.csw & 7 {
            0 => Size::Byte,
            1 => Size::Half,
            _ => Size::Word,
        }
    }

    /// Returns the number of bus transfers of one access to DRW, which packing (AddrInc = 2) makes
    /// more than one.
    fn transfers(&self) -> u32 {
        if self.increment_mode() == PACKED { 4 / self.size().bytes() } else { 1 }
    }

    fn increment_mode(&self) -> u32 {
        (self.csw & ADDR_INC) >> 4
    }

    fn increment(&mut self) {
        if self.increment_mode() != 0 {
            let next = self.tar.wrapping_add(self.size().bytes());
            self.tar = self.tar & !INCREMENT_MASK | next & INCREMENT_MASK;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAM: u32 = 0x2000_0000;

    fn port(csw: u32, tar: u32, system: &mut System<impl Memory>) -> AhbAp {
        let mut ap = AhbAp::default();
        ap.write(CSW, csw, system).unwrap();
        ap.write(TAR, tar, system).unwrap();
        ap
    }

    #[test]
    fn bytes_stand_in_their_lane() {
        let mut system = System::of_stm32f103();
        system.debug_write(RAM, Size::Word, 0x4433_2211).unwrap();
        let mut ap = port(0x10, RAM, &mut system);
        for expected in [0x11, 0x2200, 0x33_0000, 0x4400_0000] {
            assert_eq!(ap.read(DRW, &mut system).unwrap(), expected);
        }
        ap.write(TAR, RAM + 2, &mut system).unwrap();
        ap.write(DRW, 0x99aa_8877, &mut system).unwrap();
        assert_eq!(system.debug_read(RAM, Size::Word).unwrap(), 0x44aa_2211);
    }

    #[test]
    fn packed_transfers_move_a_whole_word() {
        let mut system = System::of_stm32f103();
        let mut ap = port(0x21, RAM, &mut system);
        ap.write(DRW, 0x4433_2211, &mut system).unwrap();
        assert_eq!(ap.read(TAR, &mut system).unwrap(), RAM + 4);
        assert_eq!(system.debug_read(RAM, Size::Word).unwrap(), 0x4433_2211);
    }

    #[test]
    fn a_port_without_packed_transfers_does_not_take_their_mode() {
        let mut system = System::of_stm32f103();
        system.packed_transfers = false;
        let mut ap = port(0x21, RAM, &mut system);
        assert_eq!(ap.read(CSW, &mut system).unwrap() & ADDR_INC, 0);
        ap.write(DRW, 0x4433_2211, &mut system).unwrap();
        assert_eq!(system.debug_read(RAM, Size::Word).unwrap() & 0xffff, 0x2211);
    }

    #[test]
    fn the_address_wraps_at_four_kilobytes() {
        let mut system = System::of_stm32f103();
        let mut ap = port(0x12, RAM + 0xffc, &mut system);
        ap.read(DRW, &mut system).unwrap();
        assert_eq!(ap.read(TAR, &mut system).unwrap(), RAM);
    }

    #[test]
    fn banked_registers_do_not_move_the_address() {
        let mut system = System::of_stm32f103();
        let mut ap = port(0x12, RAM + 4, &mut system);
        ap.write(BD3, 7, &mut system).unwrap();
        assert_eq!(ap.read(BD3, &mut system).unwrap(), 7);
        assert_eq!(ap.read(TAR, &mut system).unwrap(), RAM + 4);
        assert_eq!(system.debug_read(RAM + 12, Size::Word).unwrap(), 7);
    }
}
