//! The memory map of the STM32F103: flash, RAM, boot loader, option bytes and peripherals.
//!
//! RM0008, 3.3.

use std::ops::Range;

use crate::bus::{BusFault, Memory, Size, from_bytes, to_bytes};
use crate::flash_controller::{FLASH_BASE, FLASH_SIZE, FlashController, OPTION_BASE, OPTION_SIZE};
use crate::peripherals::{Peripherals, ResetCause, Transfer};
use crate::rom_table::{self, RomTable};

/// Where the RAM starts.
pub(crate) const RAM_BASE: u32 = 0x2000_0000;
/// RAM of a medium-density chip: 20 KiB.
pub(crate) const RAM_SIZE: u32 = 0x5000;
/// The boot loader's ROM. Only its last words have contents: flash size and unique identifier.
const SYSTEM_MEMORY: Range<u32> = 0x1fff_f000..0x1fff_f800;
const FLASH_SIZE_WORD: u32 = 0x1fff_f7e0;
const UNIQUE_ID: u32 = 0x1fff_f7e8;
const FLASH_REGISTERS: u32 = 0x4002_2000;
const DBGMCU_IDCODE: u32 = 0xe004_2000;
const DBGMCU_CR: u32 = 0xe004_2004;
/// The bits that a medium-density chip has (RM0008, 31.16.3).
const DBGMCU_CR_WRITABLE: u32 = 0x0001_ffe7;
const DBG_TIM2_STOP: u32 = 1 << 11;
/// Medium density, revision Y.
const DBGMCU_IDCODE_VALUE: u32 = 0x2003_6410;

/// The block that an address belongs to.
enum Region {
    Flash(usize),
    Ram(usize),
    SystemMemory,
    Options(u32),
    FlashRegister(u32),
    Peripheral,
}

/// What answers outside of the core.
#[derive(Debug)]
pub(crate) struct Stm32Memory {
    pub(crate) flash: FlashController,
    pub(crate) ram: Vec<u8>,
    pub(crate) peripherals: Peripherals,
    dbgmcu_cr: u32,
}

impl Stm32Memory {
    /// Creates the memory of a chip just powered on, with erased flash.
    pub(crate) fn new() -> Self {
        Self::with_flash(FlashController::new())
    }

    fn with_flash(flash: FlashController) -> Self {
        Self { flash, ram: vec![0; RAM_SIZE as usize], peripherals: Peripherals::new(), dbgmcu_cr: 0 }
    }

    fn region(address: u32) -> Region {
        let flash = |base: u32| Region::Flash((address - base) as usize);
        match address {
            0..FLASH_SIZE => flash(0),
            FLASH_BASE..0x0802_0000 => flash(FLASH_BASE),
            RAM_BASE..0x2000_5000 => Region::Ram((address - RAM_BASE) as usize),
            _ if SYSTEM_MEMORY.contains(&address) => Region::SystemMemory,
            _ if (OPTION_BASE..OPTION_BASE + OPTION_SIZE).contains(&address) => Region::Options(address - OPTION_BASE),
            _ if address & !0x3ff == FLASH_REGISTERS => Region::FlashRegister(address & 0x3ff),
            _ => Region::Peripheral,
        }
    }
}

impl Memory for Stm32Memory {
    const ROM_TABLE: &'static RomTable = &rom_table::STM32F103;

    fn read(&mut self, address: u32, size: Size, now: u64) -> Result<u32, BusFault> {
        let word = match Self::region(address) {
            Region::Flash(offset) => {
                self.flash.stall();
                return Ok(from_bytes(self.flash.memory(), offset, size));
            }
            Region::Ram(offset) => return Ok(from_bytes(&self.ram, offset, size)),
            Region::Options(offset) => return Ok(from_bytes(self.flash.options(), offset as usize, size)),
            Region::SystemMemory => system_memory(address & !3),
            Region::FlashRegister(offset) => self.flash.read_register(offset & !3, now),
            Region::Peripheral => self.peripherals.read(address & !3, now).ok_or(BusFault)?,
        };
        Ok(size.truncate(word >> (8 * (address & 3))))
    }

    fn write(&mut self, address: u32, size: Size, value: u32, now: u64) -> Result<(), BusFault> {
        // The peripheral bus is 32 bits wide and repeats narrow data on all lanes (RM0008, 3.1).
        let repeated = match size {
            Size::Byte => value * 0x0101_0101,
            Size::Half => value << 16 | value,
            Size::Word => value,
        };
        match Self::region(address) {
            Region::Flash(offset) => self.flash.program(offset as u32, size, value, now),
            Region::Ram(offset) => {
                to_bytes(&mut self.ram, offset, size, value);
                Ok(())
            }
            Region::SystemMemory => Err(BusFault),
            Region::Options(offset) => self.flash.program_option(offset, size, value, now),
            Region::FlashRegister(offset) => self.flash.write_register(offset & !3, repeated, now),
            Region::Peripheral => self.peripherals.write(address & !3, repeated, now).ok_or(BusFault),
        }
    }

    fn fetch(&mut self, address: u32) -> Option<u16> {
        let half = |memory: &[u8], offset: u32| {
            let bytes = memory.get(offset as usize..)?.first_chunk()?;
            Some(u16::from_le_bytes(*bytes))
        };
        if address >= RAM_BASE {
            return half(&self.ram, address - RAM_BASE);
        }
        let instruction = half(self.flash.memory(), address & !FLASH_BASE)?;
        self.flash.stall();
        Some(instruction)
    }

    fn peek(&mut self, address: u32, size: Size, now: u64) -> Result<u32, BusFault> {
        let kept = matches!(Self::region(address), Region::Peripheral).then(|| self.peripherals.clone());
        let value = self.read(address, size, now);
        if let Some(peripherals) = kept {
            self.peripherals = peripherals;
        }
        value
    }

    fn read_private(&self, address: u32) -> u32 {
        match address {
            DBGMCU_IDCODE => DBGMCU_IDCODE_VALUE,
            DBGMCU_CR => self.dbgmcu_cr,
            _ => 0,
        }
    }

    fn write_private(&mut self, address: u32, value: u32) {
        if address == DBGMCU_CR {
            self.dbgmcu_cr = value & DBGMCU_CR_WRITABLE;
        }
    }

    fn reset(&mut self, cause: ResetCause, now: u64) {
        self.flash.reset();
        self.peripherals.reset(cause, now);
    }

    fn power_on(&mut self) {
        *self = Self::with_flash(std::mem::replace(&mut self.flash, FlashController::new()));
        self.flash.reset();
    }

    fn is_busy(&self, now: u64, core_is_halted: bool) -> bool {
        let stops = core_is_halted && self.dbgmcu_cr & DBG_TIM2_STOP != 0;
        self.flash.is_busy(now) || self.peripherals.are_busy() && !stops
    }

    /// Stops the timer if it stops while the core is halted.
    fn stand_still(&mut self, clocks: u64) {
        if self.dbgmcu_cr & DBG_TIM2_STOP != 0 {
            self.peripherals.stop_timer_for(clocks);
        }
    }

    fn is_closed_to_debugger(&self, address: u32) -> bool {
        self.flash.is_read_protected() && matches!(Self::region(address), Region::Flash(_))
    }

    fn take_power_loss(&mut self) -> bool {
        std::mem::take(&mut self.flash.power_lost)
    }

    fn take_transfer(&mut self) -> Option<Transfer> {
        self.peripherals.take_transfer()
    }

    fn finish_transfer(&mut self, transfer: &Transfer, moved: u32) {
        self.peripherals.finish_transfer(transfer, moved);
    }
}

fn system_memory(address: u32) -> u32 {
    match address {
        FLASH_SIZE_WORD => 0xffff_0000 | FLASH_SIZE / 1024,
        UNIQUE_ID => 0x0667_ff32,
        0x1fff_f7ec => 0x3439_4e54,
        0x1fff_f7f0 => 0x4315_2543,
        _ => 0xffff_ffff,
    }
}
