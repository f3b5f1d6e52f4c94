//! Faults on demand, for tests of how a program handles them.

use std::ops::Range;

use crate::flash_controller::{FLASH_SIZE, FlashFaults, PAGE_SIZE};
use crate::virtual_chip::VirtualChip;

/// Breaks a chip or its connection; made by [`VirtualChip::faults`].
///
/// A fault stays until its own method or [`Faults::clear`] takes it back.
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// let faults = chip.faults();
/// faults.bus_fault_at(0x2000_1000..0x2000_1004);
/// // ... let the tool under test run ...
/// faults.clear();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Faults<'a> {
    chip: &'a VirtualChip,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(chip: &'a VirtualChip) -> Self {
        Self { chip }
    }

    /// Removes the supply. RAM and registers are lost; the flash keeps its contents.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().power_off();
    /// assert_eq!(chip.state(), virtual_chip::CoreState::Off);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn power_off(&self) {
        self.chip.lock().system.power_off();
    }

    /// Restores the supply: the chip starts from its vector table.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().power_off();
    /// chip.faults().power_on();
    /// assert_eq!(chip.state(), virtual_chip::CoreState::Running);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn power_on(&self) {
        self.chip.lock().power_on();
        self.chip.server().stir();
    }

    /// Makes every access to a range of addresses a bus fault, for the core as for the debugger.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().bus_fault_at(0x2000_1000..0x2000_1004);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bus_fault_at(&self, range: Range<u32>) {
        self.chip.lock().system.bus.failing.push(range);
    }

    /// Makes every write to a range of addresses a bus fault; reads still work.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().bus_fault_on_write_at(0x2000_1000..0x2000_1004);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bus_fault_on_write_at(&self, range: Range<u32>) {
        self.chip.lock().system.bus.failing_writes.push(range);
    }

    /// Makes the core ignore requests to halt, or obey them again.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().refuse_halt(true);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refuse_halt(&self, refuse: bool) {
        self.chip.lock().system.bus.debug.refuses_halt = refuse;
    }

    /// Makes the access port answer WAIT to the next requests over SWD, as if its bus were busy.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().answer_wait(20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn answer_wait(&self, requests: u32) {
        self.chip.lock().swj.dp.busy = requests;
    }

    /// Garbles the data of the next memory write over SWD: the data have the wrong parity, and the
    /// chip drops them.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().garble_write();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn garble_write(&self) {
        self.chip.lock().swj.dp.garbles_write = true;
    }

    /// Leaves OpenOCD without answers, or answers again what OpenOCD sent meanwhile. The connection
    /// stays open.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().stop_answering(true);
    /// // ... the tool under test has to give up ...
    /// chip.faults().stop_answering(false);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop_answering(&self, silent: bool) {
        self.chip.server().set_silent(silent);
    }

    /// Closes the connection to OpenOCD. Another one may connect.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().disconnect();
    /// assert!(!chip.is_connected());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn disconnect(&self) {
        self.chip.server().disconnect();
    }

    /// Makes a flash page (by number, 1 KiB each) keep its contents when erased.
    ///
    /// # Panics
    /// When there is no such page: there are 128.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().unerasable_page(8); // 0x08002000 to 0x080023ff
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unerasable_page(&self, page: u32) {
        assert!(page < FLASH_SIZE / PAGE_SIZE, "there is no flash page {page}: there are {}", FLASH_SIZE / PAGE_SIZE);
        self.chip.lock().system.bus.memory.flash.faults.unerasable_pages.insert(page);
    }

    /// Makes bits of the half-word at `offset` in the flash keep their value when the half-word is
    /// programmed.
    ///
    /// # Panics
    /// When `offset` is outside of the flash of 128 KiB.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().stuck_bits(0x2000, 0x0080); // bit 7 of the half-word at 0x08002000
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stuck_bits(&self, offset: u32, bits: u16) {
        assert!(offset < FLASH_SIZE, "the offset {offset:#x} is outside of the flash of {FLASH_SIZE:#x} bytes");
        self.chip.lock().system.bus.memory.flash.faults.stuck_bits.insert(offset & !1, bits);
    }

    /// Lets the supply fail when `half_words` more half-words of flash have been programmed.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().power_fails_after(100); // 200 bytes
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn power_fails_after(&self, half_words: u32) {
        self.chip.lock().system.bus.memory.flash.faults.power_fails_after = Some(half_words);
    }

    /// Sets the read protection of the flash or removes it, and resets the chip.
    ///
    /// On silicon, removing the read protection also erases the flash. Here the flash keeps its
    /// contents.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().read_protect(true);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_protect(&self, protected: bool) {
        let rdp = if protected { [0xff, 0xff] } else { [0xa5, 0x5a] };
        self.chip.lock().system.bus.memory.flash.options_mut()[..2].copy_from_slice(&rdp);
        self.chip.reset();
    }

    /// Takes every fault back and restores the supply. The read protection stays, since it is no
    /// fault.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().power_off();
    /// chip.faults().clear();
    /// assert_eq!(chip.state(), virtual_chip::CoreState::Running);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clear(&self) {
        {
            let mut chip = self.chip.lock();
            chip.system.bus.failing.clear();
            chip.system.bus.failing_writes.clear();
            chip.system.bus.debug.refuses_halt = false;
            chip.swj.dp.busy = 0;
            chip.swj.dp.garbles_write = false;
            chip.system.bus.memory.flash.faults = FlashFaults::default();
        }
        self.power_on();
        self.stop_answering(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "there is no flash page 128: there are 128")]
    fn a_page_that_the_chip_lacks_cannot_fail() {
        let chip = VirtualChip::start().unwrap();
        chip.faults().unerasable_page(127);
        chip.faults().unerasable_page(128);
    }

    #[test]
    #[should_panic(expected = "the offset 0x20000 is outside of the flash of 0x20000 bytes")]
    fn a_half_word_that_the_chip_lacks_cannot_be_stuck() {
        let chip = VirtualChip::start().unwrap();
        chip.faults().stuck_bits(0x1_fffe, 1);
        chip.faults().stuck_bits(0x2_0000, 1);
    }
}
