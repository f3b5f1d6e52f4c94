//! The bus matrix: the core's private peripherals, and the chip's memory behind them.
//!
//! ARM DDI 0403, B3.1 (the private peripheral bus at 0xe0000000).

use std::fmt;
use std::ops::Range;

use crate::bit_band::Bit;
use crate::cpu::Cpu;
use crate::debug::DebugRegisters;
use crate::dwt::{Access, Dwt};
use crate::fpb::Fpb;
use crate::peripherals::{ResetCause, Transfer};
use crate::rom_table::RomTable;
use crate::scs::SystemControl;
use crate::stm32f103::Stm32Memory;

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

/// What answers outside of the core: memories and peripherals of a chip.
pub(crate) trait Memory: fmt::Debug + Send {
    /// What the debugger finds at the address in the access port's BASE.
    const ROM_TABLE: &'static RomTable;

    /// Reads for the core or the debugger; `address` is aligned.
    fn read(&mut self, address: u32, size: Size, now: u64) -> Result<u32, BusFault>;
    /// Writes for the core or the debugger; `address` is aligned and `value` no wider than `size`.
    fn write(&mut self, address: u32, size: Size, value: u32, now: u64) -> Result<(), BusFault>;
    /// Fetches an instruction from where most code is, in less time than [`read`](Self::read) takes;
    /// `None` for all other addresses.
    fn fetch(&mut self, _address: u32) -> Option<u16> {
        None
    }
    /// Returns what a read would give, without the changes that a read makes.
    fn peek(&mut self, address: u32, size: Size, now: u64) -> Result<u32, BusFault>;
    /// Resets what a system reset of this core resets.
    fn reset(&mut self, cause: ResetCause, now: u64);
    /// Restores the supply, after it was removed.
    fn power_on(&mut self);

    /// Reads a register of the chip in the private peripheral space of the core.
    fn read_private(&self, _address: u32) -> u32 {
        0
    }
    fn write_private(&mut self, _address: u32, _value: u32) {}
    /// Whether anything changes with time.
    fn is_busy(&self, _now: u64, _core_is_halted: bool) -> bool {
        false
    }
    /// Lets time pass in which the core is halted.
    fn stand_still(&mut self, _clocks: u64) {}
    /// Whether a protection hides an address from the debugger.
    fn is_closed_to_debugger(&self, _address: u32) -> bool {
        false
    }
    /// Whether a test made the supply fail with the last access.
    fn take_power_loss(&mut self) -> bool {
        false
    }
    /// Returns the DMA transfer that a write has started.
    fn take_transfer(&mut self) -> Option<Transfer> {
        None
    }
    /// Notes how that transfer ended.
    fn finish_transfer(&mut self, _transfer: &Transfer, _moved: u32) {}
}

/// All blocks that have addresses.
#[derive(Debug)]
pub(crate) struct Bus<M = Stm32Memory> {
    pub(crate) cpu: &'static Cpu,
    pub(crate) memory: M,
    pub(crate) scs: SystemControl,
    pub(crate) debug: DebugRegisters,
    pub(crate) fpb: Fpb,
    pub(crate) dwt: Dwt,
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

impl<M: Memory> Bus<M> {
    /// Creates the bus of a chip just powered on.
    pub(crate) fn new(cpu: &'static Cpu, memory: M) -> Self {
        Self {
            cpu,
            memory,
            scs: SystemControl::new(cpu),
            debug: DebugRegisters::new(cpu),
            fpb: Fpb::new(cpu),
            dwt: Dwt::new(cpu),
            now: 0,
            failing: Vec::new(),
            failing_writes: Vec::new(),
            core_sleeps: false,
            core_pc: 0,
        }
    }

    /// Resets the blocks. The debug blocks keep their registers (DDI 0403, C1.4.2).
    pub(crate) fn system_reset(&mut self, cause: ResetCause) {
        self.scs = SystemControl::new(self.cpu);
        self.memory.reset(cause, self.now);
    }

    /// Restores the supply. What a test made fail stays so.
    pub(crate) fn power_on(&mut self) {
        self.memory.power_on();
        self.scs = SystemControl::new(self.cpu);
        let refuses_halt = self.debug.refuses_halt;
        self.debug = DebugRegisters::new(self.cpu);
        self.debug.refuses_halt = refuses_halt;
        self.fpb = Fpb::new(self.cpu);
        self.dwt = Dwt::new(self.cpu);
        self.now = 0;
    }

    /// Fetches an instruction for the core.
    pub(crate) fn fetch(&mut self, address: u32) -> Result<u16, BusFault> {
        if self.failing.is_empty() {
            if let Some(instruction) = self.memory.fetch(address) {
                return Ok(instruction);
            }
        }
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
        if let Some(bit) = self.bit_at(address) {
            return self.read(bit.word, Size::Word).map(|word| bit.of(word));
        }
        self.check(address)?;
        if PRIVATE_PERIPHERALS.contains(&address) {
            let word = self.read_private(address & !3);
            return Ok(size.truncate(word >> (8 * (address & 3))));
        }
        self.memory.read(address, size, self.now)
    }

    /// Writes for the core or the debugger; `address` is aligned and `value` no wider than `size`.
    pub(crate) fn write(&mut self, address: u32, size: Size, value: u32) -> Result<(), BusFault> {
        if self.failing_writes.iter().any(|range| range.contains(&address)) {
            return Err(BusFault);
        }
        if let Some(bit) = self.bit_at(address) {
            let word = self.read(bit.word, Size::Word)?;
            return self.write(bit.word, Size::Word, bit.set(word, value));
        }
        self.check(address)?;
        if PRIVATE_PERIPHERALS.contains(&address) {
            let shift = 8 * (address & 3);
            let mask = size.truncate(u32::MAX) << shift;
            let rest = if size == Size::Word { 0 } else { self.read_private(address & !3) & !mask };
            self.write_private(address & !3, rest | value << shift);
            return Ok(());
        }
        self.memory.write(address, size, value, self.now)?;
        if let Some(transfer) = self.memory.take_transfer() {
            let moved = self.transfer(&transfer);
            self.memory.finish_transfer(&transfer, moved);
        }
        Ok(())
    }

    /// Returns what a read would give, without the changes that a read makes.
    pub(crate) fn peek(&mut self, address: u32, size: Size) -> Result<u32, BusFault> {
        if let Some(bit) = self.bit_at(address) {
            return self.peek(bit.word, Size::Word).map(|word| bit.of(word));
        }
        if PRIVATE_PERIPHERALS.contains(&address) {
            let dwt = self.dwt.clone();
            let value = self.read(address, size);
            self.dwt = dwt;
            return value;
        }
        self.check(address)?;
        self.memory.peek(address, size, self.now)
    }

    /// Whether any block except the core is active.
    pub(crate) fn is_busy(&self) -> bool {
        self.memory.is_busy(self.now, self.debug.is_halted())
    }

    /// Lets time pass for what stops while the core is halted.
    pub(crate) fn stand_still(&mut self, clocks: u64) {
        if self.debug.is_halted() {
            self.memory.stand_still(clocks);
        }
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

    fn bit_at(&self, address: u32) -> Option<Bit> {
        if self.cpu.has_bit_band { Bit::at(address) } else { None }
    }

    fn check(&self, address: u32) -> Result<(), BusFault> {
        if self.failing.iter().any(|range| range.contains(&address)) { Err(BusFault) } else { Ok(()) }
    }

    fn read_private(&mut self, address: u32) -> u32 {
        if let Some(word) = M::ROM_TABLE.read(address) {
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
            _ => self.memory.read_private(address),
        }
    }

    fn write_private(&mut self, address: u32, value: u32) {
        let offset = address & 0xfff;
        match address {
            0xe000_1000..=0xe000_1fff => self.dwt.write(offset, value, self.now as u32),
            0xe000_2000..=0xe000_2fff => self.fpb.write(offset, value),
            0xe000_ed30 | 0xe000_edf0..=0xe000_edff => self.debug.write(address, value),
            0xe000_e000..=0xe000_efff => self.scs.write(offset, value),
            _ => self.memory.write_private(address, value),
        }
    }
}

#[inline]
pub(crate) fn from_bytes(memory: &[u8], offset: usize, size: Size) -> u32 {
    match size {
        Size::Byte => memory[offset].into(),
        Size::Half => u16::from_le_bytes([memory[offset], memory[offset + 1]]).into(),
        Size::Word => u32::from_le_bytes([memory[offset], memory[offset + 1], memory[offset + 2], memory[offset + 3]]),
    }
}

#[inline]
pub(crate) fn to_bytes(memory: &mut [u8], offset: usize, size: Size, value: u32) {
    let bytes = value.to_le_bytes();
    let length = size.bytes() as usize;
    memory[offset..offset + length].copy_from_slice(&bytes[..length]);
}
