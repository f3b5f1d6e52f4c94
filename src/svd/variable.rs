//! Registers as variables, for samples.

use super::read::bits;
use super::register::Register;
use crate::error::{Error, Result, SvdError};
use crate::memory::{Variable, VariableType};
use crate::types::SkipReason;

/// An unsigned number of the register's width, with its path as the name (`TIM2.CNT`).
///
/// # Errors
/// [`SvdError::NotReadable`] if the register is write-only, or if a read of it changes the chip's
/// state: a sample changes nothing. [`SvdError::UnsupportedSize`] if the register has more than 64
/// bits.
impl TryFrom<&Register> for Variable {
    type Error = Error;

    fn try_from(register: &Register) -> Result<Self> {
        let refused = |reason| SvdError::NotReadable { name: register.path(), reason };
        if !register.access().can_read() {
            return Err(refused(SkipReason::WriteOnly).into());
        }
        if let Some(action) = register.read_action() {
            return Err(refused(SkipReason::ReadChangesState { register: register.path(), action }).into());
        }
        let kind = match bits(register)? {
            8 => VariableType::U8,
            16 => VariableType::U16,
            32 => VariableType::U32,
            _ => VariableType::U64,
        };
        Ok(Variable::new(register.address(), kind).named(register.path()))
    }
}
