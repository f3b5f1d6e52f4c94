//! The RAM of a hart, past the debug module: reading, writing, loading programs.

use super::VirtualHart;
use crate::elf::{self, LoadError};
use crate::virtual_chip::Unmapped;

impl VirtualHart {
    /// Reads RAM directly.
    ///
    /// # Errors
    /// When a part of it is not RAM.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// use virtual_chip::firmware;
    ///
    /// let mut bytes = [0; 8];
    /// hart.read_memory(firmware::hart::START, &mut bytes)?;
    /// assert_eq!(bytes, firmware::hart::IMAGE[..8]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_memory(&self, address: u32, buffer: &mut [u8]) -> Result<(), Unmapped> {
        self.lock().ram.read_bytes(address, buffer).ok_or(Unmapped { address })
    }

    /// Writes RAM directly.
    ///
    /// # Errors
    /// When a part of it is not RAM; then nothing has been written.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// hart.write_memory(0x8000_1000, &[1, 2, 3, 4])?;
    /// assert_eq!(hart.read_u32(0x8000_1000)?, 0x0403_0201);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_memory(&self, address: u32, bytes: &[u8]) -> Result<(), Unmapped> {
        self.lock().ram.write_bytes(address, bytes).ok_or(Unmapped { address })
    }

    /// Clears the RAM, puts the segments of an ELF file into it, and presses the reset button.
    ///
    /// All harts of the chip are reset. They start at the first address of the RAM, whatever the
    /// entry point of the file is.
    ///
    /// # Errors
    /// When the file is no ELF file for a 32-bit RISC-V, or a segment is outside of the RAM. Then
    /// the chip stays as it is.
    ///
    /// ```
    /// use virtual_chip::{LoadError, VirtualHart, firmware::newlib};
    ///
    /// let hart = VirtualHart::start()?;
    /// let error = hart.try_load_elf(newlib::HELLO).unwrap_err(); // a program for an Arm
    /// assert!(matches!(error, LoadError::WrongMachine { machine: 40, .. }));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_load_elf(&self, file: &[u8]) -> Result<(), LoadError> {
        let segments = elf::segments(file, elf::MACHINE_RISCV, &Self::RAM)?;
        {
            let chip = self.lock();
            chip.ram.fill(0);
            for segment in segments {
                let loaded = chip.ram.write_bytes(segment.address, segment.bytes);
                debug_assert!(loaded.is_some());
            }
        }
        self.reset();
        Ok(())
    }

    /// Reads a word of RAM.
    ///
    /// # Errors
    /// When it is not RAM.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// assert_eq!(hart.read_u32(0x8000_1000)?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_u32(&self, address: u32) -> Result<u32, Unmapped> {
        let mut bytes = [0; 4];
        self.read_memory(address, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Writes a word of RAM.
    ///
    /// # Errors
    /// When it is not RAM.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// hart.write_u32(0x8000_1000, 7)?;
    /// assert_eq!(hart.read_u32(0x8000_1000)?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_u32(&self, address: u32, value: u32) -> Result<(), Unmapped> {
        self.write_memory(address, &value.to_le_bytes())
    }
}
