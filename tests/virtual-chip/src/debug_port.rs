//! Debug port: the registers behind every Arm debug access, over JTAG and SWD.
//!
//! ARM IHI 0031 (ADIv5), chapter B2. The wire, JTAG or SWD, turns its frames into [`DebugPort`]
//! calls; it also decides how sticky flags are cleared, since JTAG writes them back to CTRL/STAT
//! and SWD uses ABORT.

use crate::ahb_ap::AhbAp;
use crate::bus::Memory;
use crate::system::System;

/// Set when an access port transfer failed; blocks further ones until cleared.
pub(crate) const STICKYERR: u32 = 1 << 5;
/// The flags that stay until the debugger clears them: STICKYORUN, STICKYCMP, STICKYERR.
pub(crate) const STICKY_FLAGS: u32 = 1 << 1 | 1 << 4 | STICKYERR;
/// The bits of CTRL/STAT that keep what is written: ORUNDETECT, TRNMODE, MASKLANE, TRNCNT and the
/// three requests.
const CTRL_WRITABLE: u32 = 0x54ff_ff0d;
/// CDBGPWRUPREQ and CSYSPWRUPREQ; their acknowledges are one bit higher.
const POWER_UP_REQUESTS: u32 = 0x5000_0000;

/// The registers of the debug port.
#[derive(Debug, Default)]
pub(crate) struct DebugPort {
    ctrl_stat: u32,
    select: u32,
}

impl DebugPort {
    /// Reads a debug port register; `address` is A\[3:2\].
    pub(crate) fn read(&self, address: u8) -> u32 {
        match address {
            1 => self.ctrl_stat | (self.ctrl_stat & POWER_UP_REQUESTS) << 1,
            2 => self.select,
            // 0 is reserved in the JTAG debug port, 3 (RDBUFF) reads as zero there.
            _ => 0,
        }
    }

    /// Writes a debug port register; `address` is A\[3:2\].
    pub(crate) fn write(&mut self, address: u8, value: u32) {
        match address {
            1 => self.ctrl_stat = value & CTRL_WRITABLE | self.ctrl_stat & STICKY_FLAGS,
            2 => self.select = value,
            _ => {}
        }
    }

    /// Whether CDBGPWRUPREQ is set.
    pub(crate) fn requests_power(&self) -> bool {
        self.ctrl_stat & 1 << 28 != 0
    }

    /// Sets those sticky flags of CTRL/STAT that are set in `flags`.
    pub(crate) fn set_sticky(&mut self, flags: u32) {
        self.ctrl_stat |= flags & STICKY_FLAGS;
    }

    /// Clears those sticky flags of CTRL/STAT that are set in `flags`.
    pub(crate) fn clear_sticky(&mut self, flags: u32) {
        self.ctrl_stat &= !(flags & STICKY_FLAGS);
    }

    /// Reads an access port register; `address` is A\[3:2\], the rest of the address is in SELECT.
    pub(crate) fn read_ap(&mut self, address: u8, ap: &mut AhbAp, system: &mut System<impl Memory>) -> u32 {
        let Some(register) = self.ap_register(address) else {
            return 0;
        };
        ap.read(register, system).unwrap_or_else(|_| {
            self.ctrl_stat |= STICKYERR;
            0
        })
    }

    /// Writes an access port register; `address` is A\[3:2\], the rest of the address is in SELECT.
    pub(crate) fn write_ap(&mut self, address: u8, value: u32, ap: &mut AhbAp, system: &mut System<impl Memory>) {
        let Some(register) = self.ap_register(address) else {
            return;
        };
        if ap.write(register, value, system).is_err() {
            self.ctrl_stat |= STICKYERR;
        }
    }

    /// Returns the register's offset in access port 0; `None` if another port is selected, an error
    /// is pending, or the debug domain has no power, which is an error.
    fn ap_register(&mut self, address: u8) -> Option<u8> {
        if !self.requests_power() {
            self.ctrl_stat |= STICKYERR;
        }
        let first_port = self.select >> 24 == 0;
        let clear = self.ctrl_stat & STICKYERR == 0;
        (first_port && clear).then_some(self.select as u8 & 0xf0 | address << 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRW: u8 = 3;
    const TAR: u8 = 1;

    #[test]
    fn power_up_requests_are_acknowledged() {
        let mut port = DebugPort::default();
        port.write(1, 0x5000_0000);
        assert_eq!(port.read(1), 0xf000_0000);
        port.write(1, 0x1000_0000);
        assert_eq!(port.read(1), 0x3000_0000);
    }

    fn powered() -> DebugPort {
        DebugPort { ctrl_stat: POWER_UP_REQUESTS, select: 0 }
    }

    #[test]
    fn an_access_without_debug_power_is_an_error() {
        let (mut port, mut ap, mut system) = (DebugPort::default(), AhbAp::default(), System::of_stm32f103());
        port.write(2, 0x0000_00f0);
        assert_eq!(port.read_ap(3, &mut ap, &mut system), 0);
        assert_eq!(port.read(1), STICKYERR);
        port.clear_sticky(STICKYERR);
        port.write(1, POWER_UP_REQUESTS);
        assert_eq!(port.read_ap(3, &mut ap, &mut system), 0x1477_0011);
    }

    #[test]
    fn an_error_sticks_and_blocks_until_cleared() {
        let (mut port, mut ap, mut system) = (powered(), AhbAp::default(), System::of_stm32f103());
        port.write_ap(0, 0x2300_0052, &mut ap, &mut system);
        port.write_ap(TAR, 0x5000_0000, &mut ap, &mut system);
        assert_eq!(port.read_ap(DRW, &mut ap, &mut system), 0);
        assert_eq!(port.read(1) & STICKYERR, STICKYERR);
        port.write_ap(TAR, 0x2000_0000, &mut ap, &mut system);
        port.write_ap(DRW, 0x1234_5678, &mut ap, &mut system);
        port.write(1, STICKYERR);
        assert_eq!(port.read(1) & STICKYERR, STICKYERR, "a plain write does not clear");
        port.clear_sticky(STICKYERR);
        assert_eq!(port.read(1) & STICKYERR, 0);
        port.write_ap(TAR, 0x2000_0000, &mut ap, &mut system);
        assert_ne!(port.read_ap(DRW, &mut ap, &mut system), 0x1234_5678, "the blocked write was dropped");
    }

    #[test]
    fn only_access_port_zero_exists() {
        let (mut port, mut ap, mut system) = (powered(), AhbAp::default(), System::of_stm32f103());
        port.write(2, 0x0000_00f0);
        assert_eq!(port.read_ap(3, &mut ap, &mut system), 0x1477_0011);
        port.write(2, 0x0100_00f0);
        assert_eq!(port.read_ap(3, &mut ap, &mut system), 0);
    }
}
