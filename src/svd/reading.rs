//! A peripheral that was read: its registers with their values, and those that have none, with the reason.

use std::fmt;

use super::decode::DecodedRegister;
use super::lookup::near_names;
use super::properties::SkipReason;
use super::register::Register;
use crate::error::{Error, Failure, Result, SvdError, TargetError};

/// A peripheral's registers with their values, from [`Svd::read_peripheral`](super::Svd::read_peripheral).
///
/// It prints every register as [`DecodedRegister`] does, and below them a line for each one that is not there, with the reason.
#[derive(Debug)]
#[non_exhaustive]
pub struct PeripheralReading {
    /// The peripheral's name.
    pub peripheral: String,
    /// The registers that were read, in the order of the file.
    pub registers: Vec<DecodedRegister>,
    /// Those that were not, in the order of the file.
    pub unread: Vec<UnreadRegister>,
}

/// A register without a value.
#[derive(Debug)]
#[non_exhaustive]
pub struct UnreadRegister {
    /// The register.
    pub register: Register,
    /// Why it has none.
    pub reason: UnreadReason,
}

/// Why a register has no value.
#[derive(Debug)]
#[non_exhaustive]
pub enum UnreadReason {
    /// It was left alone.
    Skipped(SkipReason),
    /// It could not be read: OpenOCD's refusal.
    Failed(Box<Failure>),
}

impl PeripheralReading {
    /// The value of a register.
    ///
    /// # Errors
    /// [`SvdError::NotReadable`] if it was skipped; if it could not be read, [`TargetError::MemoryRead`], or [`TargetError::NotHalted`] where
    /// the target would have to be halted for it; [`SvdError::UnknownRegister`] if the peripheral has no such register.
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
