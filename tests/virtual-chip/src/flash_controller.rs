//! The flash memory and its controller (FPEC), with the option bytes.
//!
//! PM0075 (STM32F10xxx flash memory programming), chapters 2 and 3, whose names of registers
//! and bits are used here.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::bus::{BusFault, Size};

/// Where the main memory starts.
pub(crate) const FLASH_BASE: u32 = 0x0800_0000;
/// Main memory of a medium-density chip: 128 KiB.
pub(crate) const FLASH_SIZE: u32 = 0x2_0000;
/// The unit of erasing.
pub(crate) const PAGE_SIZE: u32 = 0x400;
/// Where the option bytes start.
pub(crate) const OPTION_BASE: u32 = 0x1fff_f800;
/// There are 16 of them: 8 values, each with its complement.
pub(crate) const OPTION_SIZE: u32 = 16;
/// Write protection covers this many pages with one bit.
const PAGES_PER_BIT: u32 = 4;

const KEY1: u32 = 0x4567_0123;
const KEY2: u32 = 0xcdef_89ab;
/// The value of the RDP byte that leaves the memory readable.
const RDP_OPEN: u8 = 0xa5;

const SR_BSY: u32 = 1 << 0;
const SR_PGERR: u32 = 1 << 2;
const SR_WRPRTERR: u32 = 1 << 4;
const SR_EOP: u32 = 1 << 5;
const CR_PG: u32 = 1 << 0;
const CR_PER: u32 = 1 << 1;
const CR_MER: u32 = 1 << 2;
const CR_OPTPG: u32 = 1 << 4;
const CR_OPTER: u32 = 1 << 5;
const CR_STRT: u32 = 1 << 6;
const CR_LOCK: u32 = 1 << 7;
const CR_OPTWRE: u32 = 1 << 9;
const CR_WRITABLE: u32 = 0x1637;

/// Clock cycles that programming a half-word takes. Silicon needs 52 µs, four times as long, which
/// would slow the tests down.
const PROGRAM_CLOCKS: u64 = 100;
/// Clock cycles that erasing takes. Silicon needs 20 ms, eighty times as long.
const ERASE_CLOCKS: u64 = 2_000;

/// The state of a sequence of two keys (PM0075, 2.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lock {
    #[default]
    Locked,
    FirstKey,
    Open,
    /// A key was wrong: only a reset unlocks the register.
    Barred,
}

/// The faults that a test can set.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlashFaults {
    /// Pages (by number) that keep their contents when erased.
    pub(crate) unerasable_pages: BTreeSet<u32>,
    /// Bits that keep their value when a half-word is programmed, by its offset.
    pub(crate) stuck_bits: BTreeMap<u32, u16>,
    /// The number of half-words that can still be programmed before the power fails.
    pub(crate) power_fails_after: Option<u32>,
}

/// The memory and the registers.
#[derive(Debug)]
pub(crate) struct FlashController {
    memory: Vec<u8>,
    options: [u8; OPTION_SIZE as usize],
    acr: u32,
    lock: Lock,
    option_lock: Lock,
    control: u32,
    status: u32,
    address: u32,
    /// OBR and WRPR as loaded from the option bytes by the last reset.
    loaded_options: u32,
    write_protection: u32,
    busy_until: u64,
    /// The power failed in the middle of an operation; the chip takes this flag.
    pub(crate) power_lost: bool,
    pub(crate) faults: FlashFaults,
}

impl FlashController {
    /// Creates erased memory with the option bytes of a new chip.
    pub(crate) fn new() -> Self {
        let mut flash = Self {
            memory: vec![0xff; FLASH_SIZE as usize],
            options: [RDP_OPEN, !RDP_OPEN, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0],
            acr: 0x30,
            lock: Lock::Locked,
            option_lock: Lock::Locked,
            control: 0,
            status: 0,
            address: 0,
            loaded_options: 0,
            write_protection: 0,
            busy_until: 0,
            power_lost: false,
            faults: FlashFaults::default(),
        };
        flash.reset();
        flash
    }

    /// Resets the registers and loads the option bytes, as a system reset does.
    pub(crate) fn reset(&mut self) {
        self.acr = 0x30;
        self.lock = Lock::Locked;
        self.option_lock = Lock::Locked;
        self.control = 0;
        self.status = 0;
        self.address = 0;
        self.busy_until = 0;
        self.load_options();
    }

    /// Returns OBR and WRPR (PM0075, 3.7 and 3.8). A byte that does not match its complement counts
    /// as erased.
    fn load_options(&mut self) {
        let pair = |index: usize| {
            let (value, complement) = (self.options[2 * index], self.options[2 * index + 1]);
            (value == !complement).then_some(value)
        };
        let mismatch = (0..8).any(|index| pair(index).is_none());
        let byte = |index: usize| u32::from(pair(index).unwrap_or(0xff));
        let protected = pair(0) != Some(RDP_OPEN);
        self.loaded_options =
            u32::from(mismatch) | u32::from(protected) << 1 | byte(1) << 2 | byte(2) << 10 | byte(3) << 18;
        self.write_protection = byte(4) | byte(5) << 8 | byte(6) << 16 | byte(7) << 24;
    }

    /// Whether the debugger cannot read the main memory.
    pub(crate) fn is_read_protected(&self) -> bool {
        self.loaded_options & 2 != 0
    }

    /// Returns the contents of the main memory.
    pub(crate) fn memory(&self) -> &[u8] {
        &self.memory
    }

    pub(crate) fn memory_mut(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    /// Returns the contents of the option bytes.
    pub(crate) fn options(&self) -> &[u8] {
        &self.options
    }

    pub(crate) fn options_mut(&mut self) -> &mut [u8] {
        &mut self.options
    }

    /// Whether an operation is in progress.
    pub(crate) fn is_busy(&self, now: u64) -> bool {
        now < self.busy_until
    }

    /// Ends the operation in progress, as an access waits for it.
    pub(crate) fn stall(&mut self) {
        self.busy_until = 0;
    }

    /// Reads the register at `offset` from 0x40022000.
    pub(crate) fn read_register(&self, offset: u32, now: u64) -> u32 {
        match offset {
            0x00 => self.acr,
            0x0c if self.is_busy(now) => self.status & !SR_EOP | SR_BSY,
            0x0c => self.status,
            0x10 => {
                let locked = if self.lock == Lock::Open { 0 } else { CR_LOCK };
                let options = if self.option_lock == Lock::Open { CR_OPTWRE } else { 0 };
                let start = if self.is_busy(now) { self.control & CR_STRT } else { 0 };
                self.control & !CR_STRT | locked | options | start
            }
            0x1c => self.loaded_options,
            0x20 => self.write_protection,
            _ => 0,
        }
    }

    /// Writes the register at `offset` from 0x40022000. A wrong key is answered with a bus error
    /// (PM0075, 2.3.2).
    pub(crate) fn write_register(&mut self, offset: u32, value: u32, now: u64) -> Result<(), BusFault> {
        match offset {
            0x00 => self.acr = value & 0x1f | 0x20 & value << 1,
            0x04 => return turn_key(&mut self.lock, value),
            0x08 if self.lock == Lock::Open => return turn_key(&mut self.option_lock, value),
            0x0c if !self.is_busy(now) => self.status &= !(value & (SR_PGERR | SR_WRPRTERR | SR_EOP)),
            0x10 => self.write_control(value, now),
            0x14 if self.lock == Lock::Open && !self.is_busy(now) => self.address = value,
            _ => {}
        }
        Ok(())
    }

    fn write_control(&mut self, value: u32, now: u64) {
        if self.lock != Lock::Open || self.is_busy(now) {
            return;
        }
        if value & CR_OPTWRE == 0 {
            self.option_lock = Lock::Locked;
        }
        if value & CR_LOCK != 0 {
            self.lock = Lock::Locked;
            self.option_lock = Lock::Locked;
        }
        self.control = value & CR_WRITABLE & !CR_OPTWRE;
        if value & CR_STRT != 0 {
            self.control |= CR_STRT;
            self.start_erase(now);
        }
    }

    fn start_erase(&mut self, now: u64) {
        let pages = if self.control & CR_MER != 0 {
            0..FLASH_SIZE / PAGE_SIZE
        } else if self.control & CR_PER != 0 {
            let page = self.address.wrapping_sub(FLASH_BASE) / PAGE_SIZE;
            page..page + 1
        } else if self.control & CR_OPTER != 0 && self.option_lock == Lock::Open {
            self.options.fill(0xff);
            self.finish(now, ERASE_CLOCKS);
            return;
        } else {
            return;
        };
        if pages.end > FLASH_SIZE / PAGE_SIZE || pages.clone().any(|page| self.is_write_protected(page)) {
            self.status |= SR_WRPRTERR;
            return;
        }
        for page in pages {
            self.erase_page(page);
        }
        self.finish(now, ERASE_CLOCKS);
    }

    fn erase_page(&mut self, page: u32) {
        if !self.faults.unerasable_pages.contains(&page) {
            let start = (page * PAGE_SIZE) as usize;
            self.memory[start..start + PAGE_SIZE as usize].fill(0xff);
        }
    }

    fn finish(&mut self, now: u64, clocks: u64) {
        self.busy_until = now + clocks;
        self.status |= SR_EOP;
    }

    /// Whether a page is protected; read protection also protects the first four pages from writing
    /// (PM0075, 2.4.1).
    fn is_write_protected(&self, page: u32) -> bool {
        self.write_protection >> (page / PAGES_PER_BIT).min(31) & 1 == 0
            || self.is_read_protected() && page < PAGES_PER_BIT
    }

    /// Writes to the main memory, which programs it if PG is set; `offset` counts from its start.
    pub(crate) fn program(&mut self, offset: u32, size: Size, value: u32, now: u64) -> Result<(), BusFault> {
        if self.lock != Lock::Open || self.control & CR_PG == 0 {
            return Ok(());
        }
        if size != Size::Half {
            return Err(BusFault);
        }
        self.stall();
        let index = offset as usize;
        let before = u16::from_le_bytes([self.memory[index], self.memory[index + 1]]);
        if self.is_write_protected(offset / PAGE_SIZE) {
            self.status |= SR_WRPRTERR;
        } else if before != 0xffff && value != 0 {
            self.status |= SR_PGERR;
        } else {
            let stuck = self.faults.stuck_bits.get(&offset).copied().unwrap_or(0);
            let after = value as u16 & !stuck | before & stuck;
            self.memory[index..index + 2].copy_from_slice(&after.to_le_bytes());
            self.finish(now, PROGRAM_CLOCKS);
            self.count_down_to_power_loss();
        }
        Ok(())
    }

    fn count_down_to_power_loss(&mut self) {
        if let Some(left) = &mut self.faults.power_fails_after {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.faults.power_fails_after = None;
                self.power_lost = true;
            }
        }
    }

    /// Writes an option byte; the controller makes the complement (PM0075, 2.5).
    pub(crate) fn program_option(&mut self, offset: u32, size: Size, value: u32, now: u64) -> Result<(), BusFault> {
        if self.option_lock != Lock::Open || self.control & CR_OPTPG == 0 {
            return Ok(());
        }
        if size != Size::Half {
            return Err(BusFault);
        }
        self.stall();
        let index = offset as usize;
        if self.options[index..index + 2] != [0xff, 0xff] {
            self.status |= SR_PGERR;
            return Ok(());
        }
        let byte = value as u8;
        self.options[index..index + 2].copy_from_slice(&[byte, !byte]);
        if offset == 0 && byte == RDP_OPEN && self.is_read_protected() {
            // Removing the protection erases the main memory (PM0075, 2.4.2).
            for page in 0..FLASH_SIZE / PAGE_SIZE {
                self.erase_page(page);
            }
        }
        self.finish(now, PROGRAM_CLOCKS);
        Ok(())
    }
}

fn turn_key(lock: &mut Lock, key: u32) -> Result<(), BusFault> {
    *lock = match (*lock, key) {
        (Lock::Locked, KEY1) => Lock::FirstKey,
        (Lock::FirstKey, KEY2) => Lock::Open,
        (Lock::Open, _) => return Ok(()),
        _ => Lock::Barred,
    };
    if *lock == Lock::Barred { Err(BusFault) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
