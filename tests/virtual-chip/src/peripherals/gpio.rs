//! One port of 16 general-purpose pins.
//!
//! RM0008, chapter 9.

const CRL: u32 = 0x00;
const CRH: u32 = 0x04;
const IDR: u32 = 0x08;
const ODR: u32 = 0x0c;
const BSRR: u32 = 0x10;
const BRR: u32 = 0x14;
const LCKR: u32 = 0x18;
const LCKK: u32 = 1 << 16;

/// How far the sequence that locks the configuration has come (RM0008, 9.2.7): LCKK is written 1,
/// 0, 1 with the same pins, then read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    Open,
    One(u16),
    Zero(u16),
    OneAgain(u16),
    Locked,
}

#[derive(Clone, Debug)]
pub(crate) struct Gpio {
    configuration: [u32; 2],
    output: u16,
    /// LCK15 to LCK0 as last written.
    lock_bits: u16,
    lock: Lock,
    /// What stands at the pins from outside.
    pub(crate) input: u16,
}

impl Gpio {
    pub(crate) fn new() -> Self {
        Self { configuration: [0x4444_4444; 2], output: 0, lock_bits: 0, lock: Lock::Open, input: 0 }
    }

    /// A reset; what stands at the pins stays.
    pub(crate) fn reset(&mut self) {
        *self = Self { input: self.input, ..Self::new() };
    }

    /// The pins that are outputs: MODE is not zero.
    fn outputs(&self) -> u16 {
        (0..16).fold(0, |mask, pin| {
            let mode = self.configuration[pin / 8] >> (4 * (pin % 8)) & 3;
            mask | u16::from(mode != 0) << pin
        })
    }

    pub(crate) fn read(&mut self, offset: u32) -> u32 {
        match offset {
            CRL | CRH => self.configuration[offset as usize / 4],
            IDR => (self.output & self.outputs() | self.input & !self.outputs()).into(),
            ODR => self.output.into(),
            LCKR => {
                if let Lock::OneAgain(_) = self.lock {
                    self.lock = Lock::Locked;
                    // This read still gives 0; the next one gives 1 and confirms the lock (RM0008,
                    // 9.2.7).
                    return self.lock_bits.into();
                }
                u32::from(self.lock_bits) | if self.lock == Lock::Locked { LCKK } else { 0 }
            }
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        let (low, high) = (value as u16, (value >> 16) as u16);
        match offset {
            CRL | CRH => {
                let half = offset as usize / 4;
                let locked = self.locked_configuration(half);
                self.configuration[half] = self.configuration[half] & locked | value & !locked;
            }
            ODR => self.output = low,
            BSRR => self.output = self.output & !high | low,
            BRR => self.output &= !low,
            LCKR if self.lock != Lock::Locked => self.write_lock(value),
            _ => {}
        }
    }

    fn write_lock(&mut self, value: u32) {
        let (pins, key) = (value as u16, value & LCKK != 0);
        self.lock_bits = pins;
        self.lock = match (self.lock, key) {
            (Lock::One(before), false) if before == pins => Lock::Zero(pins),
            (Lock::Zero(before), true) if before == pins => Lock::OneAgain(pins),
            (_, true) => Lock::One(pins),
            (_, false) => Lock::Open,
        };
    }

    /// The bits of CRL or CRH that are locked.
    fn locked_configuration(&self, half: usize) -> u32 {
        if self.lock != Lock::Locked {
            return 0;
        }
        let pins = self.lock_bits >> (8 * half);
        (0..8).filter(|pin| pins >> pin & 1 != 0).fold(0, |mask, pin| mask | 0xf << (4 * pin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_read_what_they_drive_or_what_drives_them() {
        let mut port = Gpio::new();
        port.input = 0x8001;
        assert_eq!(port.read(IDR), 0x8001);
        port.write(CRL, 0x4444_4442);
        port.write(BSRR, 0x0001_0000);
        assert_eq!(port.read(IDR), 0x8000);
        assert_eq!((port.read(BSRR), port.read(BRR)), (0, 0), "these are write-only");
    }

    #[test]
    fn a_locked_pin_keeps_its_configuration() {
        let mut port = Gpio::new();
        for value in [0x1_0009, 0x0_0009, 0x1_0009] {
            port.write(LCKR, value);
        }
        assert_eq!((port.read(LCKR), port.read(LCKR)), (0x0_0009, 0x1_0009));
        port.write(CRL, 0x1111_1111);
        assert_eq!(port.read(CRL), 0x1111_4114);
        port.write(LCKR, 0);
        assert_eq!(port.read(LCKR), 0x1_0009, "only a reset unlocks it");
        port.reset();
        assert_eq!(port.read(LCKR), 0);
    }

    #[test]
    fn another_order_or_other_pins_lock_nothing() {
        for sequence in [[0x1_0001, 0x1_0001, 0x1_0001], [0x1_0001, 0x0_0003, 0x1_0001], [0, 0x1_0001, 0x0_0001]] {
            let mut port = Gpio::new();
            for value in sequence {
                port.write(LCKR, value);
            }
            port.read(LCKR);
            assert_eq!(port.read(LCKR) & LCKK, 0, "{sequence:x?}");
        }
    }
}
