//! The memory of an RP2040, past its debug ports: reading, writing, loading programs.

use super::VirtualCore;
use crate::bus::Size;
use crate::elf::{self, LoadError};
use crate::virtual_chip::Unmapped;

impl VirtualCore {
    /// Reads memory as the core sees it; nothing changes.
    ///
    /// # Errors
    /// When nothing is at one of the addresses.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// let mut cpuid = [0; 4];
    /// board.cores()[1].read_memory(0xd000_0000, &mut cpuid)?;
    /// assert_eq!(cpuid, [1, 0, 0, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_memory(&self, address: u32, buffer: &mut [u8]) -> Result<(), Unmapped> {
        self.with_core(|core| {
            for (index, byte) in buffer.iter_mut().enumerate() {
                let address = address.wrapping_add(index as u32);
                let value = core.system.bus.peek(address, Size::Byte).map_err(|_| Unmapped { address })?;
                *byte = value as u8;
            }
            Ok(())
        })
    }

    /// Writes RAM or flash directly.
    ///
    /// # Errors
    /// When a part of the bytes is outside of both; then nothing has been written.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// let core = &board.cores()[0];
    /// core.write_memory(0x1001_0000, &[1, 2, 3, 4])?;
    /// assert_eq!(core.read_u32(0x1001_0000)?, 0x0403_0201);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_memory(&self, address: u32, bytes: &[u8]) -> Result<(), Unmapped> {
        let chip = self.lock();
        let written = chip.ram.write_bytes(address, bytes).or_else(|| chip.flash.write_bytes(address, bytes));
        written.ok_or(Unmapped { address })
    }

    /// Erases the flash, puts the segments of an ELF file into it, clears the RAM and resets both
    /// cores.
    ///
    /// Core 0 starts with the vector table at 0x10000100, behind the second stage of the boot
    /// loader, which the chip does not execute. Core 1 sleeps in the boot ROM until core 0 launches
    /// it.
    ///
    /// # Errors
    /// When the file is no ELF file for a 32-bit Arm, or a segment is outside of the flash. Then
    /// the chip stays as it is.
    ///
    /// ```
    /// use virtual_chip::{LoadError, Model, VirtualBoard, firmware};
    ///
    /// let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// board.cores()[0].try_load_elf(firmware::rp2040::CORES)?;
    /// let error = board.cores()[0].try_load_elf(firmware::newlib::HELLO).unwrap_err();
    /// assert!(matches!(error, LoadError::OutsideMemory { address: 0x0800_0000, .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_load_elf(&self, file: &[u8]) -> Result<(), LoadError> {
        let segments = elf::segments(file, elf::MACHINE_ARM, &Self::FLASH)?;
        {
            let mut chip = self.lock();
            chip.load(&segments);
            chip.press_reset();
        }
        self.server.stir();
        Ok(())
    }

    /// Reads the word at an aligned address; see [`read_memory`](Self::read_memory).
    ///
    /// # Errors
    /// When nothing is there.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// assert_eq!(board.cores()[0].read_u32(0xe000_ed00)?, 0x410c_c601); // CPUID
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_u32(&self, address: u32) -> Result<u32, Unmapped> {
        self.with_core(|core| core.system.bus.peek(address & !3, Size::Word)).map_err(|_| Unmapped { address })
    }

    /// Writes the word at an address; see [`write_memory`](Self::write_memory).
    ///
    /// # Errors
    /// When nothing is there.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// board.cores()[0].write_u32(0x2000_1000, 7)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_u32(&self, address: u32, value: u32) -> Result<(), Unmapped> {
        self.write_memory(address, &value.to_le_bytes())
    }
}
