//! A record of the debugger's transfers on the chip's bus.

use std::ops::Range;

use crate::bus::Size;

/// One transfer of the debugger on the bus, also if it ended in a bus fault.
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// use virtual_chip::BusAccess;
///
/// chip.watch_accesses(0x4001_3804..0x4001_3808);
/// // ... let the tool under test run ...
/// let read = BusAccess { address: 0x4001_3804, bits: 32, is_write: false };
/// assert!(!chip.take_accesses().contains(&read), "it read USART1_DR");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BusAccess {
    /// The first address.
    pub address: u32,
    /// The width in bits: 8, 16 or 32.
    pub bits: u32,
    /// Whether the transfer is a write; otherwise it is a read.
    pub is_write: bool,
}

/// The transfers since a test asked for them; none are kept before.
#[derive(Debug, Default)]
pub(crate) struct AccessLog {
    watched: Range<u32>,
    accesses: Vec<BusAccess>,
}

impl AccessLog {
    /// Keeps transfers to these addresses from now on, and forgets all before.
    pub(crate) fn watch(&mut self, addresses: Range<u32>) {
        *self = Self { watched: addresses, accesses: Vec::new() };
    }

    /// Gives the transfers since the last call.
    pub(crate) fn take(&mut self) -> Vec<BusAccess> {
        std::mem::take(&mut self.accesses)
    }

    pub(crate) fn note(&mut self, address: u32, size: Size, is_write: bool) {
        if self.watched.contains(&address) {
            self.accesses.push(BusAccess { address, bits: 8 * size.bytes(), is_write });
        }
    }
}
