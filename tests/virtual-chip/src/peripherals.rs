//! The peripherals that nearly every program touches: RCC and GPIO. The rest of the chip's peripherals is not there.
//!
//! RM0008, chapters 7 (RCC) and 9 (GPIO).

const RCC: u32 = 0x4002_1000;
const GPIO_A: u32 = 0x4001_0800;
const GPIO_SPACING: u32 = 0x400;
const GPIO_PORTS: usize = 5;

/// Reset and clock control: ready flags follow their enable bits at once.
#[derive(Debug)]
struct Rcc {
    words: [u32; 10],
}

impl Rcc {
    fn new() -> Self {
        Self { words: [0x83, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x0c00_0000] }
    }

    fn read(&self, offset: u32) -> u32 {
        let value = self.words.get(offset as usize / 4).copied().unwrap_or(0);
        match offset {
            0x00 => value & !0x0202_0002 | (value & 0x0101_0001) << 1,
            0x04 => value & !0xc | (value & 3) << 2,
            _ => value,
        }
    }

    fn write(&mut self, offset: u32, value: u32) {
        if let Some(word) = self.words.get_mut(offset as usize / 4) {
            *word = value;
        }
    }
}

/// One port of 16 pins.
#[derive(Debug)]
struct Gpio {
    configuration: [u32; 2],
    output: u16,
    lock: u32,
    /// What stands at the pins from outside.
    input: u16,
}

impl Gpio {
    fn new() -> Self {
        Self { configuration: [0x4444_4444; 2], output: 0, lock: 0, input: 0 }
    }

    /// The pins that are outputs: MODE is not zero.
    fn outputs(&self) -> u16 {
        (0..16).fold(0, |mask, pin| {
            let mode = self.configuration[pin / 8] >> (4 * (pin % 8)) & 3;
            mask | u16::from(mode != 0) << pin
        })
    }

    fn read(&self, offset: u32) -> u32 {
        match offset {
            0x00 | 0x04 => self.configuration[offset as usize / 4],
            0x08 => (self.output & self.outputs() | self.input & !self.outputs()).into(),
            0x0c => self.output.into(),
            0x18 => self.lock,
            _ => 0,
        }
    }

    fn write(&mut self, offset: u32, value: u32) {
        let (low, high) = (value as u16, (value >> 16) as u16);
        match offset {
            0x00 | 0x04 => self.configuration[offset as usize / 4] = value,
            0x0c => self.output = low,
            0x10 => self.output = self.output & !high | low,
            0x14 => self.output &= !low,
            0x18 => self.lock = value & 0x1_ffff,
            _ => {}
        }
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Peripherals {
    rcc: Rcc,
    gpio: [Gpio; GPIO_PORTS],
}

impl Peripherals {
    pub(crate) fn new() -> Self {
        Self { rcc: Rcc::new(), gpio: std::array::from_fn(|_| Gpio::new()) }
    }

    /// A system reset gives every register its reset value; what stands at the pins stays.
    pub(crate) fn reset(&mut self) {
        let inputs: [u16; GPIO_PORTS] = std::array::from_fn(|port| self.gpio[port].input);
        *self = Self::new();
        for (port, input) in self.gpio.iter_mut().zip(inputs) {
            port.input = input;
        }
    }

    /// Reads the word at an address; none where no peripheral is.
    pub(crate) fn read(&self, address: u32) -> Option<u32> {
        if address & !0x3ff == RCC {
            return Some(self.rcc.read(address & 0x3ff));
        }
        let port = self.gpio.get(port_index(address)?)?;
        Some(port.read(address & 0x3ff))
    }

    /// Writes the word at an address; none where no peripheral is.
    pub(crate) fn write(&mut self, address: u32, value: u32) -> Option<()> {
        if address & !0x3ff == RCC {
            self.rcc.write(address & 0x3ff, value);
            return Some(());
        }
        let port = self.gpio.get_mut(port_index(address)?)?;
        port.write(address & 0x3ff, value);
        Some(())
    }

    /// Sets what stands at the pins of a port (0 is A) from outside.
    pub(crate) fn set_inputs(&mut self, port: usize, levels: u16) -> bool {
        self.gpio.get_mut(port).map(|port| port.input = levels).is_some()
    }
}

fn port_index(address: u32) -> Option<usize> {
    Some((address.checked_sub(GPIO_A)? / GPIO_SPACING) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_ready_when_switched_on() {
        let mut peripherals = Peripherals::new();
        assert_eq!(peripherals.read(RCC), Some(0x83));
        peripherals.write(RCC, 0x0101_0083);
        assert_eq!(peripherals.read(RCC), Some(0x0303_0083));
    }

    #[test]
    fn pins_read_what_they_drive_or_what_drives_them() {
        let mut peripherals = Peripherals::new();
        let (crl, idr, bsrr) = (GPIO_A + 0x400, GPIO_A + 0x408, GPIO_A + 0x410);
        peripherals.set_inputs(1, 0x8001);
        assert_eq!(peripherals.read(idr), Some(0x8001));
        peripherals.write(crl, 0x4444_4442);
        peripherals.write(bsrr, 0x0001_0000);
        assert_eq!(peripherals.read(idr), Some(0x8000));
        assert_eq!(peripherals.read(GPIO_A + 0x1400), None, "there are five ports");
    }
}
