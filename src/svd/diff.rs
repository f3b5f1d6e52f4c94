//! A peripheral compared with its reset values.

use std::fmt;

use super::decode::{DecodedField, DecodedRegister};
use super::reading::{PeripheralReading, UnreadRegister};
use super::register::{Register, hex_digits};

/// A peripheral compared with its reset values, from [`Svd::diff`](super::Svd::diff).
///
/// It prints a line for each register that differs.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResetDiff {
    /// The registers that differ from their reset value, in the order of the file.
    pub changed: Vec<ChangedRegister>,
    /// The registers whose reset value the file does not give.
    pub without_reset_value: Vec<Register>,
    /// The registers that were not read.
    pub unread: Vec<UnreadRegister>,
}

/// A register that differs from its reset value.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedRegister {
    /// The register and its value.
    pub decoded: DecodedRegister,
    /// The value after a reset.
    pub reset_value: u64,
    /// A 1 for each bit that differs. Bits whose reset value is unknown are 0.
    pub changed_bits: u64,
}

impl ChangedRegister {
    /// Returns the fields that differ, with their present value.
    pub fn fields(&self) -> impl Iterator<Item = DecodedField<'_>> {
        self.decoded.fields().filter(|decoded| decoded.field.mask() & self.changed_bits != 0)
    }
}

/// `RCC.CR = 0x03000083, 0x00000083 after reset: PLLRDY 0x0 -> 0x1, PLLON 0x0 -> 0x1`
impl fmt::Display for ChangedRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (register, value) = (&self.decoded.register, self.decoded.value);
        let digits = hex_digits(register.size()) + 2;
        write!(f, "{}.{} = {value:#0digits$x}", register.peripheral(), register.name())?;
        write!(f, ", {:#0digits$x} after reset", self.reset_value)?;
        for (index, decoded) in self.fields().enumerate() {
            let before = decoded.field.extract(self.reset_value);
            let separator = if index == 0 { ":" } else { "," };
            write!(f, "{separator} {} {before:#x} -> {:#x}", decoded.field.name(), decoded.value)?;
        }
        Ok(())
    }
}

impl ResetDiff {
    pub(super) fn of(reading: PeripheralReading) -> Self {
        let mut diff = ResetDiff { changed: Vec::new(), without_reset_value: Vec::new(), unread: reading.unread };
        for decoded in reading.registers {
            let Some(reset_value) = decoded.register.reset_value() else {
                diff.without_reset_value.push(decoded.register);
                continue;
            };
            let hidden = decoded.register.fields().iter().filter(|field| !field.access().can_read());
            let known = hidden.fold(decoded.register.reset_mask(), |known, field| known & !field.mask());
            let changed_bits = (decoded.value ^ reset_value) & known;
            if changed_bits != 0 {
                diff.changed.push(ChangedRegister { decoded, reset_value, changed_bits });
            }
        }
        diff
    }
}

impl fmt::Debug for ChangedRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChangedRegister({self})")
    }
}

impl fmt::Debug for ResetDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ResetDiff { changed, without_reset_value, unread } = self;
        write!(f, "ResetDiff({} changed, {} without", changed.len(), without_reset_value.len())?;
        write!(f, " reset value, {} unread)", unread.len())
    }
}

impl fmt::Display for ResetDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, changed) in self.changed.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{changed}")?;
        }
        Ok(())
    }
}
