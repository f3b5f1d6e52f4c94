//! Faults on demand: what boards do on a bad day, and tests want to see handled.

use std::ops::Range;

use crate::flash_controller::FlashFaults;
use crate::virtual_chip::VirtualChip;

/// Breaks a chip or its connection; made by [`VirtualChip::faults`]. A fault stays until it is taken back, by its own
/// method or by [`Faults::clear`].
#[derive(Clone, Copy, Debug)]
pub struct Faults<'a> {
    chip: &'a VirtualChip,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(chip: &'a VirtualChip) -> Self {
        Self { chip }
    }

    /// Takes the supply away. RAM and registers are lost, the flash keeps what it has.
    pub fn power_off(&self) {
        self.chip.lock().system.power_off();
    }

    /// Gives the supply back: the chip starts from its vector table.
    pub fn power_on(&self) {
        self.chip.lock().power_on();
        self.chip.server().stir();
    }

    /// Makes every access to a range of addresses a bus fault, for the core as for the debugger.
    pub fn bus_fault_at(&self, range: Range<u32>) {
        self.chip.lock().system.bus.failing.push(range);
    }

    /// Makes every write to a range of addresses a bus fault, while reads are answered.
    pub fn bus_fault_on_write_at(&self, range: Range<u32>) {
        self.chip.lock().system.bus.failing_writes.push(range);
    }

    /// Makes the core ignore requests to halt.
    pub fn refuse_halt(&self, refuse: bool) {
        self.chip.lock().system.bus.debug.refuses_halt = refuse;
    }

    /// Leaves OpenOCD without answers while the connection stays open. What it sent meanwhile is answered once this ends.
    pub fn stop_answering(&self, silent: bool) {
        self.chip.server().set_silent(silent);
    }

    /// Closes the connection to OpenOCD. Another one may connect.
    pub fn disconnect(&self) {
        self.chip.server().disconnect();
    }

    /// Makes a flash page (by number, 1 KiB each) keep its contents when erased.
    pub fn unerasable_page(&self, page: u32) {
        self.chip.lock().system.bus.flash.faults.unerasable_pages.insert(page);
    }

    /// Makes bits of the half-word at `offset` into flash keep their value when it is programmed.
    pub fn stuck_bits(&self, offset: u32, bits: u16) {
        self.chip.lock().system.bus.flash.faults.stuck_bits.insert(offset & !1, bits);
    }

    /// Lets the supply fail when `half_words` more half-words of flash have been programmed.
    pub fn power_fails_after(&self, half_words: u32) {
        self.chip.lock().system.bus.flash.faults.power_fails_after = Some(half_words);
    }

    /// Sets the read protection of the flash, as a production line does, or takes it off without the mass erase that this
    /// costs on silicon. Either resets the chip.
    pub fn read_protect(&self, protected: bool) {
        let rdp = if protected { [0xff, 0xff] } else { [0xa5, 0x5a] };
        self.chip.lock().system.bus.flash.options_mut()[..2].copy_from_slice(&rdp);
        self.chip.reset();
    }

    /// Takes every fault back and gives the supply back. Read protection stays: it is no fault.
    pub fn clear(&self) {
        {
            let mut chip = self.chip.lock();
            chip.system.bus.failing.clear();
            chip.system.bus.failing_writes.clear();
            chip.system.bus.debug.refuses_halt = false;
            chip.system.bus.flash.faults = FlashFaults::default();
        }
        self.power_on();
        self.stop_answering(false);
    }
}
