//! The memory map as one core of the RP2040 sees it: boot ROM, flash, RAM and the SIO.
//!
//! RP2040 datasheet, 2.1. Everything else of the chip is not there, and an access is a bus fault.

use std::sync::{Arc, Mutex};

use super::sio::{Sio, lock};
use crate::bus::{BusFault, Memory, Size};
use crate::firmware;
use crate::peripherals::ResetCause;
use crate::rom_table::{self, RomTable};
use crate::shared_memory::SharedMemory;

/// Where the flash is mapped to, for execution in place.
pub(crate) const FLASH_BASE: u32 = 0x1000_0000;
/// 2 MiB, as on a Raspberry Pi Pico.
pub(crate) const FLASH_SIZE: u32 = 0x20_0000;
/// Where the RAM starts.
pub(crate) const RAM_BASE: u32 = 0x2000_0000;
/// 264 KiB.
pub(crate) const RAM_SIZE: u32 = 0x4_2000;
const ROM_SIZE: u32 = 0x4000;
const SIO_BASE: u32 = 0xd000_0000;
const SIO_SIZE: u32 = 0x1000;

/// What answers outside of a core; all but the SIO is the same for both cores.
#[derive(Debug)]
pub(crate) struct Rp2040Memory {
    core: usize,
    ram: SharedMemory,
    flash: SharedMemory,
    sio: Arc<Mutex<Sio>>,
}

impl Rp2040Memory {
    pub(super) fn new(core: usize, ram: SharedMemory, flash: SharedMemory, sio: Arc<Mutex<Sio>>) -> Self {
        Self { core, ram, flash, sio }
    }

    /// Reads what reading does not change.
    fn read_memory(&self, address: u32, bytes: u32) -> Option<u32> {
        match address {
            0..ROM_SIZE => {
                let byte = |at: u32| firmware::rp2040::BOOT_ROM.get(at as usize).copied().unwrap_or(0);
                Some((address..address + bytes).rev().fold(0, |value, at| value << 8 | u32::from(byte(at))))
            }
            FLASH_BASE..RAM_BASE => self.flash.read(address, bytes),
            _ => self.ram.read(address, bytes),
        }
    }
}

fn sio_offset(address: u32) -> Option<u32> {
    address.checked_sub(SIO_BASE).filter(|offset| *offset < SIO_SIZE)
}

impl Memory for Rp2040Memory {
    const ROM_TABLE: &'static RomTable = &rom_table::CORTEX_M0_PLUS;

    fn read(&mut self, address: u32, size: Size, _now: u64) -> Result<u32, BusFault> {
        match sio_offset(address) {
            Some(offset) => {
                let word = lock(&self.sio).read(self.core, offset & !3).ok_or(BusFault)?;
                Ok(size.truncate(word >> (8 * (address & 3))))
            }
            None => self.read_memory(address, size.bytes()).ok_or(BusFault),
        }
    }

    fn write(&mut self, address: u32, size: Size, value: u32, _now: u64) -> Result<(), BusFault> {
        if let Some(offset) = sio_offset(address) {
            return lock(&self.sio).write(self.core, offset & !3, value).ok_or(BusFault);
        }
        match address {
            // The write takes a line out of the cache, and changes nothing (2.6.3.2).
            FLASH_BASE..RAM_BASE if self.flash.read(address, 1).is_some() => Ok(()),
            _ => {
                let bytes = &value.to_le_bytes()[..size.bytes() as usize];
                self.ram.write_bytes(address, bytes).ok_or(BusFault)
            }
        }
    }

    fn peek(&mut self, address: u32, size: Size, _now: u64) -> Result<u32, BusFault> {
        match sio_offset(address) {
            Some(offset) => {
                let word = lock(&self.sio).peek(self.core, offset & !3).ok_or(BusFault)?;
                Ok(size.truncate(word >> (8 * (address & 3))))
            }
            None => self.read_memory(address, size.bytes()).ok_or(BusFault),
        }
    }

    /// SYSRESETREQ of one core resets this core and nothing else.
    fn reset(&mut self, _cause: ResetCause, _now: u64) {}

    fn power_on(&mut self) {
        self.ram.fill(0);
    }
}
