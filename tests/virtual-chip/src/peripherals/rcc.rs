//! Reset and clock control: ready flags follow their enable bits at once.
//!
//! RM0008, chapter 7. Clocks are always on at the peripherals: their enable bits are kept, and do
//! nothing.

const CR: u32 = 0x00;
const CFGR: u32 = 0x04;
const CIR: u32 = 0x08;
const APB2RSTR: u32 = 0x0c;
const APB1RSTR: u32 = 0x10;
const BDCR: u32 = 0x20;
const CSR: u32 = 0x24;

/// HSEON, PLLON and their ready bits one above; HSEBYP, CSSON, HSITRIM, HSION.
const CR_WRITABLE: u32 = 0x010d_00f9;
const HSEON: u32 = 1 << 16;
const HSEBYP: u32 = 1 << 18;
/// HSION, HSEON, PLLON; each has its ready bit one above.
const CLOCKS: u32 = 0x0101_0001;
const CFGR_WRITABLE: u32 = 0x077f_fff3;
const SW: u32 = 3;
/// Which bit of CIR belongs to a clock: LSI, LSE, HSI, HSE, PLL. Its interrupt enable is 8 above,
/// its clear bit 16.
const LSI_FLAG: u32 = 1 << 0;
const LSE_FLAG: u32 = 1 << 1;
const HSI_FLAG: u32 = 1 << 2;
const HSE_FLAG: u32 = 1 << 3;
const PLL_FLAG: u32 = 1 << 4;
/// The clock security system's flag has a clear bit as well, and no enable bit.
const CIR_FLAGS: u32 = 0x9f;
const CIR_ENABLES: u32 = 0x1f00;
const BDCR_WRITABLE: u32 = 0x0001_8305;
const BDRST: u32 = 1 << 16;
/// LSEON in BDCR, LSION in CSR; the ready bit is one above.
const LOW_SPEED_ON: u32 = 1;
const RMVF: u32 = 1 << 24;
const RESET_FLAGS: u32 = 0xfc00_0000;

/// Why the chip was reset, as a bit of `RCC_CSR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResetCause {
    /// The NRST pin.
    Pin = 1 << 26,
    /// Power-on.
    Power = 1 << 27,
    /// AIRCR.SYSRESETREQ.
    Software = 1 << 28,
}

#[derive(Clone, Debug)]
pub(crate) struct Rcc {
    control: u32,
    configuration: u32,
    interrupts: u32,
    /// APB2RSTR to APB1ENR.
    peripherals: [u32; 5],
    backup_domain: u32,
    status: u32,
}

/// The bits of APB2RSTR to APB1ENR that a medium-density chip has.
const PERIPHERALS_WRITABLE: [u32; 5] = [0x0000_5e7d, 0x1ae6_4807, 0x0000_0055, 0x0000_5e7d, 0x1ae6_4807];

impl Rcc {
    /// As power-on leaves it.
    pub(crate) fn new() -> Self {
        Self {
            control: 0x81,
            configuration: 0,
            interrupts: 0,
            peripherals: [0, 0, 0x14, 0, 0],
            backup_domain: 0,
            // On this chip every reset pulls NRST low as well (RM0008, 7.1.1).
            status: ResetCause::Power as u32 | ResetCause::Pin as u32,
        }
    }

    /// A system reset: the backup domain and the reset flags stay (RM0008, 7.3.9 and 7.3.10).
    pub(crate) fn reset(&mut self, cause: ResetCause) {
        let status = self.status & RESET_FLAGS | cause as u32 | ResetCause::Pin as u32;
        *self = Self { backup_domain: self.backup_domain, status, ..Self::new() };
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        match offset {
            CR => self.control | (self.control & CLOCKS) << 1,
            CFGR => self.configuration | (self.configuration & SW) << 2,
            CIR => self.interrupts,
            APB2RSTR..=0x1c => self.peripherals[(offset - APB2RSTR) as usize / 4],
            BDCR => self.backup_domain | (self.backup_domain & LOW_SPEED_ON) << 1,
            CSR => self.status | (self.status & LOW_SPEED_ON) << 1,
            _ => 0,
        }
    }

    /// `backup_open` is PWR_CR.DBP, without which BDCR keeps its value.
    pub(crate) fn write(&mut self, offset: u32, value: u32, backup_open: bool) {
        match offset {
            CR => {
                let mut value = value & CR_WRITABLE;
                if self.control & HSEON != 0 {
                    // The bypass can only be set while the oscillator is off (RM0008, 7.3.1).
                    value = value & !HSEBYP | self.control & HSEBYP;
                }
                let started = value & !self.control;
                self.control = value;
                for (on, flag) in [(1, HSI_FLAG), (HSEON, HSE_FLAG), (1 << 24, PLL_FLAG)] {
                    self.ready(started & on != 0, flag);
                }
            }
            CFGR => self.configuration = value & CFGR_WRITABLE,
            CIR => {
                let cleared = value >> 16 & CIR_FLAGS;
                self.interrupts = self.interrupts & CIR_FLAGS & !cleared | value & CIR_ENABLES;
            }
            APB2RSTR..=0x1c => {
                let index = (offset - APB2RSTR) as usize / 4;
                self.peripherals[index] = value & PERIPHERALS_WRITABLE[index];
            }
            BDCR if backup_open => {
                let value = if value & BDRST == 0 { value & BDCR_WRITABLE } else { BDRST };
                let started = value & !self.backup_domain & LOW_SPEED_ON != 0;
                self.backup_domain = value;
                self.ready(started, LSE_FLAG);
            }
            CSR => {
                let flags = if value & RMVF == 0 { self.status & RESET_FLAGS } else { 0 };
                let started = value & !self.status & LOW_SPEED_ON != 0;
                self.status = flags | value & LOW_SPEED_ON;
                self.ready(started, LSI_FLAG);
            }
            _ => {}
        }
    }

    /// A clock that becomes ready is told in CIR if its interrupt is enabled.
    fn ready(&mut self, is: bool, flag: u32) {
        if is && self.interrupts & flag << 8 != 0 {
            self.interrupts |= flag;
        }
    }

    /// The peripherals held in reset: APB2RSTR and APB1RSTR.
    pub(crate) fn held_in_reset(&self) -> (u32, u32) {
        (self.peripherals[0], self.peripherals[(APB1RSTR - APB2RSTR) as usize / 4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_ready_when_switched_on() {
        let mut rcc = Rcc::new();
        assert_eq!(rcc.read(CR), 0x83);
        rcc.write(CR, 0x0101_0083, false);
        assert_eq!(rcc.read(CR), 0x0303_0083);
        rcc.write(CFGR, 2, false);
        assert_eq!(rcc.read(CFGR), 0xa);
    }

    #[test]
    fn a_ready_flag_stays_until_its_clear_bit_is_written() {
        let mut rcc = Rcc::new();
        rcc.write(CIR, 0x0900, false); // LSIRDYIE, HSERDYIE
        rcc.write(CSR, 1, false);
        rcc.write(CR, 0x0001_0083, false);
        assert_eq!(rcc.read(CIR), 0x0909);
        rcc.write(CIR, 0x0900, false);
        assert_eq!(rcc.read(CIR), 0x0909, "a 0 clears nothing");
        rcc.write(CIR, 0x0001_0900, false);
        assert_eq!(rcc.read(CIR), 0x0908);
    }

    #[test]
    fn reset_flags_are_removed_by_rmvf() {
        let mut rcc = Rcc::new();
        assert_eq!(rcc.read(CSR), 0x0c00_0000);
        rcc.reset(ResetCause::Software);
        assert_eq!(rcc.read(CSR), 0x1c00_0000);
        rcc.write(CSR, 1, false);
        assert_eq!(rcc.read(CSR), 0x1c00_0003, "the low-speed clock is on and the flags are still there");
        rcc.write(CSR, 1 << 24 | 1, false);
        assert_eq!(rcc.read(CSR), 3);
    }

    #[test]
    fn the_backup_domain_is_closed_and_survives_a_reset() {
        let mut rcc = Rcc::new();
        rcc.write(BDCR, 1, false);
        assert_eq!(rcc.read(BDCR), 0);
        rcc.write(BDCR, 1, true);
        rcc.reset(ResetCause::Pin);
        assert_eq!(rcc.read(BDCR), 3);
        rcc.write(BDCR, 0x0001_0000, true);
        assert_eq!(rcc.read(BDCR), 0x0001_0000);
    }
}
