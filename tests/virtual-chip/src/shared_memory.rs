//! Memory that several cores share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// A handle of the memory; clones are the same memory.
#[derive(Clone, Debug)]
pub(crate) struct SharedMemory {
    base: u32,
    cells: Arc<[AtomicU8]>,
}

impl SharedMemory {
    /// Creates memory that starts at `base` and holds `length` bytes of the value `byte`.
    pub(crate) fn new(base: u32, length: u32, byte: u8) -> Self {
        Self { base, cells: (0..length).map(|_| AtomicU8::new(byte)).collect() }
    }

    /// Reads an unsigned number of up to four bytes; `None` where a part of it is outside of the
    /// memory.
    pub(crate) fn read(&self, address: u32, bytes: u32) -> Option<u32> {
        let cells = self.cells(address, bytes as usize)?;
        // The order of accesses does not matter: one lock guards all cores of a chip.
        Some(cells.iter().rev().fold(0, |value, cell| value << 8 | u32::from(cell.load(Ordering::Relaxed))))
    }

    /// Reads bytes; `None` where a part of them is outside of the memory.
    pub(crate) fn read_bytes(&self, address: u32, buffer: &mut [u8]) -> Option<()> {
        let cells = self.cells(address, buffer.len())?;
        for (byte, cell) in buffer.iter_mut().zip(cells) {
            *byte = cell.load(Ordering::Relaxed);
        }
        Some(())
    }

    /// Writes bytes; writes none where a part of them is outside of the memory.
    pub(crate) fn write_bytes(&self, address: u32, bytes: &[u8]) -> Option<()> {
        for (cell, byte) in self.cells(address, bytes.len())?.iter().zip(bytes) {
            cell.store(*byte, Ordering::Relaxed);
        }
        Some(())
    }

    /// Gives every byte the value `byte`.
    pub(crate) fn fill(&self, byte: u8) {
        for cell in &*self.cells {
            cell.store(byte, Ordering::Relaxed);
        }
    }

    fn cells(&self, address: u32, length: usize) -> Option<&[AtomicU8]> {
        let start = address.checked_sub(self.base)? as usize;
        self.cells.get(start..start.checked_add(length)?)
    }
}
