//! The chip's memory, past the debug port: reading, writing, loading programs.

use super::VirtualChip;
use super::state::Unmapped;
use crate::bus::Size;
use crate::elf::{self, LoadError, Segment};
use crate::flash_controller::{FLASH_BASE, FLASH_SIZE, OPTION_BASE, OPTION_SIZE};
use crate::stm32f103::{RAM_BASE, RAM_SIZE};

impl VirtualChip {
    /// Reads the chip's memory directly, past every protection.
    ///
    /// Reading a peripheral's register changes nothing, also where a read by the debugger would
    /// clear a flag.
    ///
    /// # Errors
    /// When nothing is at one of the addresses.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// use virtual_chip::{VirtualChip, firmware};
    ///
    /// let mut bytes = [0; 8];
    /// chip.read_memory(VirtualChip::FLASH.start, &mut bytes)?;
    /// assert_eq!(bytes, firmware::IMAGE[..8]);
    /// assert!(chip.read_memory(0x6000_0000, &mut bytes).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_memory(&self, address: u32, buffer: &mut [u8]) -> Result<(), Unmapped> {
        let mut chip = self.lock();
        for (index, byte) in buffer.iter_mut().enumerate() {
            let address = address.wrapping_add(index as u32);
            let value = chip.system.bus.peek(address, Size::Byte).map_err(|_| Unmapped { address })?;
            *byte = value as u8;
        }
        Ok(())
    }

    /// Writes RAM, flash or option bytes directly, without erasing and past every protection.
    ///
    /// Peripherals are written in whole words.
    ///
    /// # Errors
    /// When nothing is at one of the addresses; the bytes below that address have been written.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.write_memory(0x2000_1000, &[1, 2, 3, 4])?;
    /// assert_eq!(chip.read_u32(0x2000_1000)?, 0x0403_0201);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_memory(&self, address: u32, bytes: &[u8]) -> Result<(), Unmapped> {
        let mut chip = self.lock();
        let bus = &mut chip.system.bus;
        let mut rest = bytes;
        let mut address = address;
        while let [first, tail @ ..] = rest {
            let within = |base: u32, size: u32| address.checked_sub(base).filter(|offset| *offset < size);
            let cell = if let Some(offset) = within(RAM_BASE, RAM_SIZE) {
                bus.memory.ram.get_mut(offset as usize)
            } else if let Some(offset) = within(FLASH_BASE, FLASH_SIZE).or_else(|| within(0, FLASH_SIZE)) {
                bus.memory.flash.memory_mut().get_mut(offset as usize)
            } else if let Some(offset) = within(OPTION_BASE, OPTION_SIZE) {
                bus.memory.flash.options_mut().get_mut(offset as usize)
            } else {
                None
            };
            let taken = match (cell, rest) {
                (Some(cell), _) => {
                    *cell = *first;
                    1
                }
                (None, [a, b, c, d, ..]) if address % 4 == 0 => {
                    bus.write(address, Size::Word, u32::from_le_bytes([*a, *b, *c, *d]))
                        .map_err(|_| Unmapped { address })?;
                    4
                }
                (None, _) => return Err(Unmapped { address }),
            };
            rest = if taken == 1 { tail } else { &rest[taken..] };
            address = address.wrapping_add(taken as u32);
        }
        Ok(())
    }

    /// Puts a binary image into the flash, clears the RAM and presses the reset button.
    ///
    /// The image begins with the vector table, as the programs of [`firmware`](crate::firmware) do.
    /// The rest of the flash stays as it is. The program runs at once, unless the debugger catches
    /// resets.
    ///
    /// # Panics
    /// When the image is longer than the flash.
    ///
    /// ```
    /// use virtual_chip::{VirtualChip, firmware::rtt};
    ///
    /// let chip = VirtualChip::start()?;
    /// chip.load_firmware(rtt::IMAGE);
    /// assert_eq!(chip.read_u32(VirtualChip::FLASH.start)?.to_le_bytes(), rtt::IMAGE[..4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load_firmware(&self, image: &[u8]) {
        let size = FLASH_SIZE as usize;
        assert!(image.len() <= size, "an image of {} bytes exceeds the flash of {size} bytes", image.len());
        self.load(&[Segment { address: FLASH_BASE, bytes: image }]);
    }

    /// Does the same as [`try_load_elf`](Self::try_load_elf), for a file that is known to fit.
    ///
    /// # Panics
    /// When [`try_load_elf`](Self::try_load_elf) would return an error.
    ///
    /// ```
    /// use virtual_chip::{VirtualChip, firmware::newlib};
    ///
    /// let chip = VirtualChip::start()?;
    /// chip.load_elf(newlib::HELLO);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn load_elf(&self, file: &[u8]) {
        if let Err(error) = self.try_load_elf(file) {
            panic!("{error}");
        }
    }

    /// Puts the segments of an ELF file into the flash, clears the RAM and presses the reset
    /// button.
    ///
    /// A segment is loaded to its physical address. The rest of the flash stays as it is. The
    /// programs of [`firmware::newlib`](crate::firmware::newlib) are such files.
    ///
    /// # Errors
    /// When the file is no ELF file for a 32-bit Arm, or a segment is outside of the flash. Then
    /// the chip stays as it is.
    ///
    /// ```
    /// use virtual_chip::{LoadError, VirtualChip};
    ///
    /// let chip = VirtualChip::start()?;
    /// assert_eq!(chip.try_load_elf(b"no ELF file").unwrap_err().to_string(),
    ///     "not a complete 32-bit little-endian ELF file");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_load_elf(&self, file: &[u8]) -> Result<(), LoadError> {
        self.load(&elf::segments(file, elf::MACHINE_ARM, &Self::FLASH)?);
        Ok(())
    }

    /// Loads segments, which are inside the flash.
    fn load(&self, segments: &[Segment<'_>]) {
        {
            let mut chip = self.lock();
            chip.system.bus.memory.ram.fill(0);
            let flash = chip.system.bus.memory.flash.memory_mut();
            for segment in segments {
                let start = (segment.address - FLASH_BASE) as usize;
                flash[start..start + segment.bytes.len()].copy_from_slice(segment.bytes);
            }
            chip.system.press_reset();
        }
        self.server.stir();
    }

    /// Reads the word at an aligned address; see [`read_memory`](Self::read_memory).
    ///
    /// # Errors
    /// When nothing is there.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// use virtual_chip::firmware;
    ///
    /// assert_eq!(chip.read_u32(firmware::START)?, firmware::INITIAL_SP);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_u32(&self, address: u32) -> Result<u32, Unmapped> {
        self.lock().system.bus.peek(address & !3, Size::Word).map_err(|_| Unmapped { address })
    }

    /// Writes the word at an address.
    ///
    /// # Errors
    /// When nothing is there.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.write_u32(0x2000_1000, 0x1234_5678)?;
    /// assert_eq!(chip.read_u32(0x2000_1000)?, 0x1234_5678);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_u32(&self, address: u32, value: u32) -> Result<(), Unmapped> {
        self.write_memory(address, &value.to_le_bytes())
    }
}
