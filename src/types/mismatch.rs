//! The first byte that differs from what memory or flash should hold.

use super::hex::Hex;
use std::fmt;

/// The first byte that differs from what memory or flash should hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Mismatch {
    /// Address of the byte.
    pub address: u64,
    /// Value that the byte should have.
    pub expected: u8,
    /// Value that was read.
    pub found: u8,
}

/// Addresses and values in hexadecimal.
impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mismatch")
            .field("address", &Hex(self.address))
            .field("expected", &Hex(self.expected.into()))
            .field("found", &Hex(self.found.into()))
            .finish()
    }
}

impl Mismatch {
    /// Compares what should be at `address` with what was read. Both have the same length.
    pub(crate) fn between(address: u64, expected: &[u8], found: &[u8]) -> Option<Self> {
        let pairs = expected.iter().zip(found).enumerate();
        let (offset, (&expected, &found)) = pairs.into_iter().find(|(_, (expected, found))| expected != found)?;
        Some(Mismatch { address: address + offset as u64, expected, found })
    }
}

/// "0x08000010 holds 0x12 and not 0x34"
impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x} holds {:#04x} and not {:#04x}", self.address, self.found, self.expected)
    }
}
