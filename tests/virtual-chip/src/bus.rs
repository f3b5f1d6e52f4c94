//! The bus matrix: which block answers at which address.
//!
//! RM0008, 3.3 (memory map); ARM DDI 0403, B3.1 (the private peripheral bus at 0xe0000000).

use std::ops::Range;

use crate::bit_band::Bit;
use crate::debug::DebugRegisters;
use crate::dwt::{Access, Dwt};
use crate::flash_controller::{FLASH_BASE, FLASH_SIZE, FlashController, OPTION_BASE, OPTION_SIZE};
use crate::fpb::Fpb;
use crate::peripherals::{Peripherals, ResetCause, Transfer};
use crate::rom_table;
use crate::scs::SystemControl;

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
const PRIVATE_PERIPHERALS: Range<u32> = 0xe000_0000..0xe010_0000;

/// An error: nothing answered, or the answer was an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BusFault;

/// The width of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Byte,
    Half,
    Word,
}

impl Size {
    pub(crate) fn bytes(self) -> u32 {
        1 << self as u32
    }

    /// The address bits that must be clear.
    pub(crate) fn mask(self) -> u32 {
        self.bytes() - 1
    }

    pub(crate) fn truncate(self, value: u32) -> u32 {
        value & u32::MAX >> (32 - 8 * self.bytes())
    }
}

/// The block that an address belongs to.
enum Region {
    Flash(usize),
    Ram(usize),
    SystemMemory,
    Options(u32),
    FlashRegister(u32),
    Private,
    Peripheral,
}

/// All blocks that have addresses.
#[derive(Debug)]
pub(crate) struct Bus {
    pub(crate) flash: FlashController,
    pub(crate) ram: Vec<u8>,
    pub(crate) scs: SystemControl,
    pub(crate) debug: DebugRegisters,
    pub(crate) fpb: Fpb,
    pub(crate) dwt: Dwt,
    pub(crate) peripherals: Peripherals,
    dbgmcu_cr: u32,
    /// Clock cycles since power-on.
    pub(crate) now: u64,
    /// Addresses that a test made fail.
    pub(crate) failing: Vec<Range<u32>>,
    /// Addresses that a test made fail for writes only.
    pub(crate) failing_writes: Vec<Range<u32>>,
    /// The state of the core that the debugger can read on the bus.
    pub(crate) core_sleeps: bool,
    pub(crate) core_pc: u32,
}

impl Bus {
    /// Creates the bus of a chip just powered on.
    pub(crate) fn new(flash: FlashController) -> Self {
        Self {
            flash,
            ram: vec![0; RAM_SIZE as usize],
            scs: SystemControl::default(),
            debug: DebugRegisters::default(),
            fpb: Fpb::default(),
            dwt: Dwt::default(),
            peripherals: Peripherals::new(),
            dbgmcu_cr: 0,
            now: 0,
            failing: Vec::new(),
            failing_writes: Vec::new(),
            core_sleeps: false,
            core_pc: 0,
        }
    }

    /// Resets the blocks. The debug blocks keep their registers (DDI 0403, C1.4.2).
    pub(crate) fn system_reset(&mut self, cause: ResetCause) {
        self.flash.reset();
        self.scs = SystemControl::default();
        self.peripherals.reset(cause, self.now);
    }

    /// Fetches an instruction for the core.
    pub(crate) fn fetch(&mut self, address: u32) -> Result<u16, BusFault> {
        if address >= 0xe000_0000 {
            return Err(BusFault);
        }
        self.read(address, Size::Half).map(|value| value as u16)
    }

    /// Reads data for the core.
    pub(crate) fn core_read(&mut self, address: u32, size: Size) -> Result<u32, BusFault> {
        let value = self.read(address, size)?;
        if self.dwt.is_active() {
            self.dwt.observe(Access::Read, address, size.bytes(), value);
        }
        Ok(value)
    }

    /// Writes data for the core, which cannot write the debug registers.
    pub(crate) fn core_write(&mut self, address: u32, size: Size, value: u32) -> Result<(), BusFault> {
        if self.dwt.is_active() {
            self.dwt.observe(Access::Write, address, size.bytes(), value);
        }
        if matches!(address, 0xe000_edf0..=0xe000_edf7) {
            return Ok(());
        }
        self.write(address, size, value)
    }

    /// Reads for the core or the debugger; `address` is aligned.
    pub(crate) fn read(&mut self, address: u32, size: Size) -> Result<u32, BusFault> {
        if let Some(bit) = Bit::at(address) {
            return self.read(bit.word, Size::Word).map(|word| bit.of(word));
        }
        match self.region(address)? {
            Region::Flash(offset) => {
                self.flash.stall();
                Ok(from_bytes(self.flash.memory(), offset, size))
            }
            Region::Ram(offset) => Ok(from_bytes(&self.ram, offset, size)),
            Region::Options(offset) => Ok(from_bytes(self.flash.options(), offset as usize, size)),
            _ => {
                let word = self.read_word(address & !3)?;
                Ok(size.truncate(word >> (8 * (address & 3))))
            }
        }
    }

    /// Writes for the core or the debugger; `address` is aligned and `value` no wider than `size`.
    pub(crate) fn write(&mut self, address: u32, size: Size, value: u32) -> Result<(), BusFault> {
        if self.failing_writes.iter().any(|range| range.contains(&address)) {
            return Err(BusFault);
        }
        if let Some(bit) = Bit::at(address) {
            let word = self.read(bit.word, Size::Word)?;
            return self.write(bit.word, Size::Word, bit.set(word, value));
        }
        match self.region(address)? {
            Region::Flash(offset) => self.flash.program(offset as u32, size, value, self.now),
            Region::Ram(offset) => {
                to_bytes(&mut self.ram, offset, size, value);
                Ok(())
            }
            Region::SystemMemory => Err(BusFault),
            Region::Options(offset) => self.flash.program_option(offset, size, value, self.now),
            Region::FlashRegister(_) | Region::Peripheral if size != Size::Word => {
                // The peripheral bus is 32 bits wide and repeats narrow data on all lanes (RM0008,
                // 3.1).
                let repeated = if size == Size::Half { value << 16 | value } else { value * 0x0101_0101 };
                self.write_word(address & !3, repeated)
            }
            _ if size != Size::Word => {
                let shift = 8 * (address & 3);
                let mask = size.truncate(u32::MAX) << shift;
                let rest = self.read_word(address & !3)? & !mask;
                self.write_word(address & !3, rest | value << shift)
            }
            _ => self.write_word(address, value),
        }
    }

    /// Returns what a read would give, without the changes that a read makes.
    pub(crate) fn peek(&mut self, address: u32, size: Size) -> Result<u32, BusFault> {
        let kept = matches!(self.region(address)?, Region::Peripheral | Region::Private)
            .then(|| (self.peripherals.clone(), self.dwt.clone()));
        let value = self.read(address, size);
        if let Some((peripherals, dwt)) = kept {
            (self.peripherals, self.dwt) = (peripherals, dwt);
        }
        value
    }

    /// Whether any block except the core is active.
    pub(crate) fn is_busy(&self) -> bool {
        self.flash.is_busy(self.now) || self.peripherals.are_busy() && !self.stops_timer()
    }

    /// Stops the timer for `clocks` cycles if it stops while the core is halted.
    pub(crate) fn stand_still(&mut self, clocks: u64) {
        if self.stops_timer() {
            self.peripherals.stop_timer_for(clocks);
        }
    }

    fn stops_timer(&self) -> bool {
        self.dbgmcu_cr & DBG_TIM2_STOP != 0 && self.debug.is_halted()
    }

    /// Makes a transfer of the DMA controller. Returns the number of elements moved, which a bus
    /// fault reduces.
    fn transfer(&mut self, transfer: &Transfer) -> u32 {
        let moved = (0..transfer.count).take_while(|&index| {
            let value = self.read(transfer.from.at(index), transfer.from.size);
            let write = |value| self.write(transfer.to.at(index), transfer.to.size, transfer.to.size.truncate(value));
            value.and_then(write).is_ok()
        });
        moved.count() as u32
    }

    fn region(&self, address: u32) -> Result<Region, BusFault> {
        if !self.failing.is_empty() && self.failing.iter().any(|range| range.contains(&address)) {
            return Err(BusFault);
        }
        let flash = |base: u32| Region::Flash((address - base) as usize);
        Ok(match address {
            0..FLASH_SIZE => flash(0),
            FLASH_BASE..0x0802_0000 => flash(FLASH_BASE),
            RAM_BASE..0x2000_5000 => Region::Ram((address - RAM_BASE) as usize),
            _ if SYSTEM_MEMORY.contains(&address) => Region::SystemMemory,
            _ if (OPTION_BASE..OPTION_BASE + OPTION_SIZE).contains(&address) => Region::Options(address - OPTION_BASE),
            _ if address & !0x3ff == FLASH_REGISTERS => Region::FlashRegister(address & 0x3ff),
            _ if PRIVATE_PERIPHERALS.contains(&address) => Region::Private,
            _ => Region::Peripheral,
        })
    }

    fn read_word(&mut self, address: u32) -> Result<u32, BusFault> {
        match self.region(address)? {
            Region::SystemMemory => Ok(system_memory(address)),
            Region::FlashRegister(offset) => Ok(self.flash.read_register(offset, self.now)),
            Region::Private => Ok(self.read_private(address)),
            _ => self.peripherals.read(address, self.now).ok_or(BusFault),
        }
    }

    fn write_word(&mut self, address: u32, value: u32) -> Result<(), BusFault> {
        match self.region(address)? {
            Region::FlashRegister(offset) => self.flash.write_register(offset, value, self.now),
            Region::Private => {
                self.write_private(address, value);
                Ok(())
            }
            _ => {
                self.peripherals.write(address, value, self.now).ok_or(BusFault)?;
                if let Some(transfer) = self.peripherals.take_transfer() {
                    let moved = self.transfer(&transfer);
                    self.peripherals.finish_transfer(&transfer, moved);
                }
                Ok(())
            }
        }
    }

    fn read_private(&mut self, address: u32) -> u32 {
        if let Some(word) = rom_table::read(address) {
            return word;
        }
        let offset = address & 0xfff;
        match address {
            0xe000_1000..=0xe000_1fff => {
                let sampled = if self.debug.is_halted() { u32::MAX } else { self.core_pc };
                self.dwt.read(offset, self.now as u32, sampled)
            }
            0xe000_2000..=0xe000_2fff => self.fpb.read(offset),
            0xe000_ed30 | 0xe000_edf0..=0xe000_edff => self.debug.read(address, self.core_sleeps),
            0xe000_e000..=0xe000_efff => self.scs.read(offset),
            DBGMCU_IDCODE => DBGMCU_IDCODE_VALUE,
            DBGMCU_CR => self.dbgmcu_cr,
            _ => 0,
        }
    }

    fn write_private(&mut self, address: u32, value: u32) {
        let offset = address & 0xfff;
        match address {
            0xe000_1000..=0xe000_1fff => self.dwt.write(offset, value, self.now as u32),
            0xe000_2000..=0xe000_2fff => self.fpb.write(offset, value),
            0xe000_ed30 | 0xe000_edf0..=0xe000_edff => self.debug.write(address, value),
            0xe000_e000..=0xe000_efff => self.scs.write(offset, value),
            DBGMCU_CR => self.dbgmcu_cr = value & DBGMCU_CR_WRITABLE,
            _ => {}
        }
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

fn from_bytes(memory: &[u8], offset: usize, size: Size) -> u32 {
    match size {
        Size::Byte => memory[offset].into(),
        Size::Half => u16::from_le_bytes([memory[offset], memory[offset + 1]]).into(),
        Size::Word => u32::from_le_bytes([memory[offset], memory[offset + 1], memory[offset + 2], memory[offset + 3]]),
    }
}

fn to_bytes(memory: &mut [u8], offset: usize, size: Size, value: u32) {
    let bytes = value.to_le_bytes();
    let length = size.bytes() as usize;
    memory[offset..offset + length].copy_from_slice(&bytes[..length]);
}
