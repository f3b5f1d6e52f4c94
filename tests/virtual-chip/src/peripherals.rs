//! The peripherals with a block of addresses of their own: power control, RCC, GPIO, USART1, TIM2,
//! DMA1 and CAN1. The rest of the chip's peripherals is not there, and no peripheral interrupts the
//! core.
//!
//! RM0008, 3.3 (memory map).

mod can;
mod dma;
mod gpio;
mod rcc;
mod timer;
mod usart;

use can::Can;
use dma::Dma;
pub(crate) use dma::Transfer;
use gpio::Gpio;
use rcc::Rcc;
pub(crate) use rcc::ResetCause;
use timer::Timer;
use usart::Usart;

const TIM2: u32 = 0x4000_0000;
const CAN1: u32 = 0x4000_6400;
const PWR: u32 = 0x4000_7000;
const GPIO_A: u32 = 0x4001_0800;
const GPIO_END: u32 = 0x4001_1c00;
const USART1: u32 = 0x4001_3800;
const DMA1: u32 = 0x4002_0000;
const RCC: u32 = 0x4002_1000;
const BLOCK: u32 = 0x400;
const GPIO_PORTS: usize = 5;

/// PWR_CR.DBP, which opens the backup domain (RM0008, 5.4.1).
const DBP: u32 = 1 << 8;
/// PWR_CR without CWUF and CSBF, which read as 0; EWUP of PWR_CSR.
const PWR_WRITABLE: [u32; 2] = [0x01f3, 0x0100];

/// All of them. A clone is for a look that changes nothing.
#[derive(Clone, Debug)]
pub(crate) struct Peripherals {
    timer: Timer,
    can: Can,
    /// PWR_CR and PWR_CSR.
    power: [u32; 2],
    gpio: [Gpio; GPIO_PORTS],
    pub(crate) usart: Usart,
    dma: Dma,
    rcc: Rcc,
}

impl Peripherals {
    /// As power-on leaves them.
    pub(crate) fn new() -> Self {
        Self {
            timer: Timer::new(0),
            can: Can::new(),
            power: [0; 2],
            gpio: std::array::from_fn(|_| Gpio::new()),
            usart: Usart::new(),
            dma: Dma::default(),
            rcc: Rcc::new(),
        }
    }

    /// A system reset gives every register its reset value but for the backup domain and the reset
    /// flags; what stands at the pins stays.
    pub(crate) fn reset(&mut self, cause: ResetCause, now: u64) {
        self.timer = Timer::new(now);
        self.can = Can::new();
        self.power = [0; 2];
        self.gpio.iter_mut().for_each(Gpio::reset);
        self.usart.reset();
        self.dma = Dma::default();
        self.rcc.reset(cause);
    }

    /// Reads the word at an address; none where no peripheral is.
    pub(crate) fn read(&mut self, address: u32, now: u64) -> Option<u32> {
        let offset = address & (BLOCK - 1);
        Some(match address & !(BLOCK - 1) {
            TIM2 => self.timer.read(offset, now),
            CAN1 => self.can.read(offset),
            PWR => self.power.get(offset as usize / 4).copied().unwrap_or(0),
            GPIO_A..GPIO_END => self.gpio[port_index(address)].read(offset),
            USART1 => self.usart.read(offset),
            DMA1 => self.dma.read(offset),
            RCC => self.rcc.read(offset),
            _ => return None,
        })
    }

    /// Writes the word at an address; none where no peripheral is.
    pub(crate) fn write(&mut self, address: u32, value: u32, now: u64) -> Option<()> {
        let offset = address & (BLOCK - 1);
        match address & !(BLOCK - 1) {
            TIM2 => self.timer.write(offset, value, now),
            CAN1 => self.can.write(offset, value),
            PWR => {
                if let Some(word) = self.power.get_mut(offset as usize / 4) {
                    *word = value & PWR_WRITABLE[offset as usize / 4];
                }
            }
            GPIO_A..GPIO_END => self.gpio[port_index(address)].write(offset, value),
            USART1 => self.usart.write(offset, value),
            DMA1 => self.dma.write(offset, value),
            RCC => {
                self.rcc.write(offset, value, self.power[0] & DBP != 0);
                self.hold_in_reset(now);
            }
            _ => return None,
        }
        Some(())
    }

    /// APB2RSTR and APB1RSTR reset single peripherals (RM0008, 7.3.4 and 7.3.5).
    fn hold_in_reset(&mut self, now: u64) {
        let (apb2, apb1) = self.rcc.held_in_reset();
        for (port, gpio) in self.gpio.iter_mut().enumerate() {
            if apb2 >> (2 + port) & 1 != 0 {
                gpio.reset();
            }
        }
        if apb2 >> 14 & 1 != 0 {
            self.usart.reset();
        }
        if apb1 & 1 != 0 {
            self.timer = Timer::new(now);
        }
        if apb1 >> 25 & 1 != 0 {
            self.can = Can::new();
        }
        if apb1 >> 28 & 1 != 0 {
            self.power = [0; 2];
        }
    }

    /// The DMA transfer that a write has started.
    pub(crate) fn take_transfer(&mut self) -> Option<Transfer> {
        self.dma.take_transfer()
    }

    /// How that transfer ended.
    pub(crate) fn finish_transfer(&mut self, transfer: &Transfer, moved: u32) {
        self.dma.finish(transfer, moved);
    }

    /// Whether anything changes with time.
    pub(crate) fn are_busy(&self) -> bool {
        self.timer.is_on()
    }

    /// Time passes that TIM2 does not count.
    pub(crate) fn stop_timer_for(&mut self, clocks: u64) {
        self.timer.skip(clocks);
    }

    /// Sets what stands at the pins of a port (0 is A) from outside.
    pub(crate) fn set_inputs(&mut self, port: usize, levels: u16) -> bool {
        self.gpio.get_mut(port).map(|port| port.input = levels).is_some()
    }
}

fn port_index(address: u32) -> usize {
    ((address - GPIO_A) / BLOCK) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_has_its_end() {
        let mut peripherals = Peripherals::new();
        assert_eq!(peripherals.read(GPIO_A + 0x1000, 0), Some(0x4444_4444));
        assert_eq!(peripherals.read(GPIO_A + 0x1400, 0), None, "there are five ports");
        assert_eq!(peripherals.read(TIM2 + 0x400, 0), None);
        assert_eq!(peripherals.write(USART1 + 0x400, 0, 0), None);
    }

    #[test]
    fn a_peripheral_held_in_reset_has_its_reset_values() {
        let mut peripherals = Peripherals::new();
        for port in [GPIO_A, GPIO_A + BLOCK] {
            peripherals.write(port + 0xc, 0xff, 0);
        }
        peripherals.write(RCC + 0xc, 1 << 2, 0);
        assert_eq!(peripherals.read(GPIO_A + 0xc, 0), Some(0));
        assert_eq!(peripherals.read(GPIO_A + BLOCK + 0xc, 0), Some(0xff), "port B is not");
    }

    #[test]
    fn the_backup_domain_opens_with_dbp() {
        let mut peripherals = Peripherals::new();
        peripherals.write(RCC + 0x20, 1, 0);
        assert_eq!(peripherals.read(RCC + 0x20, 0), Some(0));
        peripherals.write(PWR, DBP, 0);
        peripherals.write(RCC + 0x20, 1, 0);
        assert_eq!(peripherals.read(RCC + 0x20, 0), Some(3));
    }
}
