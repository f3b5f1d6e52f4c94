//! The registers of a peripheral: those that were read, and those that were not.

use std::fmt;

use super::decode::DecodedRegister;
use super::register::Register;
use crate::error::near_names;
use crate::error::{Error, Failure, Result, SvdError, TargetError};
use crate::types::SkipReason;

/// The registers of a peripheral with their values, from
/// [`Svd::read_peripheral`](super::Svd::read_peripheral).
///
/// It prints each register as [`DecodedRegister`] does, then a line for each register that was not
/// read, with the reason.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PeripheralReading {
    /// The peripheral's name.
    pub peripheral: String,
    /// The registers that were read, in the order of the file.
    pub registers: Vec<DecodedRegister>,
    /// The registers that were not read, in the order of the file.
    pub unread: Vec<UnreadRegister>,
}

/// A register that was not read.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreadRegister {
    /// The register.
    pub register: Register,
    /// Why the register was not read.
    pub reason: UnreadReason,
}

/// Why a register was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnreadReason {
    /// The read was not tried.
    Skipped(SkipReason),
    /// The read failed: what OpenOCD reported.
    Failed(Box<Failure>),
}

impl PeripheralReading {
    /// Returns a register with its value.
    ///
    /// # Errors
    /// [`SvdError::NotReadable`] if the register was skipped. [`TargetError::MemoryRead`] if the
    /// read failed, or [`TargetError::NotHalted`] if the target must be halted for it.
    /// [`SvdError::UnknownRegister`], with similar names.
    pub fn register(&self, name: &str) -> Result<&DecodedRegister> {
        if let Some(found) = self.registers.iter().find(|decoded| decoded.register.name() == name) {
            return Ok(found);
        }
        let Some(unread) = self.unread.iter().find(|unread| unread.register.name() == name) else {
            let read = self.registers.iter().map(|decoded| decoded.register.name());
            let unread = self.unread.iter().map(|unread| unread.register.name());
            let near = near_names(name, read.chain(unread));
            return Err(
                SvdError::UnknownRegister { peripheral: self.peripheral.clone(), name: name.to_owned(), near }.into()
            );
        };
        Err(match &unread.reason {
            UnreadReason::Skipped(reason) => {
                SvdError::NotReadable { name: unread.register.path(), reason: reason.clone() }.into()
            }
            UnreadReason::Failed(failure) => {
                let address = unread.register.address();
                Error::refused(failure.clone(), |failure| TargetError::MemoryRead { address, failure }.into())
            }
        })
    }
}

impl fmt::Debug for PeripheralReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PeripheralReading { peripheral, registers, unread } = self;
        write!(f, "PeripheralReading({peripheral}: {} registers, {} unread)", registers.len(), unread.len())
    }
}

impl fmt::Debug for UnreadRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnreadRegister({self})")
    }
}

impl fmt::Display for PeripheralReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for decoded in &self.registers {
            write!(f, "{separator}{decoded}")?;
            separator = "\n";
        }
        for unread in &self.unread {
            write!(f, "{separator}{unread}")?;
            separator = "\n";
        }
        Ok(())
    }
}

/// `USART1.DR @ 0x40013804 not read: …`
impl fmt::Display for UnreadRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (peripheral, name) = (self.register.peripheral(), self.register.name());
        write!(f, "{peripheral}.{name} @ {:#010x} not read: {}", self.register.address(), self.reason)
    }
}

impl fmt::Display for UnreadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnreadReason::Skipped(reason) => reason.fmt(f),
            UnreadReason::Failed(failure) => failure.fmt(f),
        }
    }
}
