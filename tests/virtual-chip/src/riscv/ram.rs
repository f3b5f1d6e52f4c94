//! The RAM of a RISC-V chip, which all its harts share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::execute::Width;

/// Where the RAM starts; the harts start there too.
pub(crate) const RAM_BASE: u32 = 0x8000_0000;
/// 16 KiB.
pub(crate) const RAM_SIZE: u32 = 0x4000;

/// A handle of the RAM; clones are the same memory.
#[derive(Clone, Debug)]
pub(crate) struct Ram(Arc<[AtomicU8]>);

impl Ram {
    /// Creates RAM that holds zeros.
    pub(crate) fn new() -> Self {
        Self((0..RAM_SIZE).map(|_| AtomicU8::new(0)).collect())
    }

    /// Reads an unsigned number; `None` where a part of it is outside of the RAM.
    pub(super) fn read(&self, address: u32, width: Width) -> Option<u32> {
        let cells = self.cells(address, width.bytes() as usize)?;
        // The order of accesses does not matter: one lock guards all harts of a chip.
        Some(cells.iter().rev().fold(0, |value, cell| value << 8 | u32::from(cell.load(Ordering::Relaxed))))
    }

    /// Reads bytes; `None` where a part of them is outside of the RAM.
    pub(crate) fn read_bytes(&self, address: u32, buffer: &mut [u8]) -> Option<()> {
        let cells = self.cells(address, buffer.len())?;
        for (byte, cell) in buffer.iter_mut().zip(cells) {
            *byte = cell.load(Ordering::Relaxed);
        }
        Some(())
    }

    /// Writes bytes; writes none where a part of them is outside of the RAM.
    pub(crate) fn write_bytes(&self, address: u32, bytes: &[u8]) -> Option<()> {
        for (cell, byte) in self.cells(address, bytes.len())?.iter().zip(bytes) {
            cell.store(*byte, Ordering::Relaxed);
        }
        Some(())
    }

    fn cells(&self, address: u32, length: usize) -> Option<&[AtomicU8]> {
        let start = address.checked_sub(RAM_BASE)? as usize;
        self.0.get(start..start.checked_add(length)?)
    }
}
