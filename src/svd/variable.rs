//! Registers as variables, for samples.

use super::register::Register;
use crate::error::{Error, Result, SvdError};
use crate::memory::{Variable, VariableType};
use crate::types::SkipReason;

/// An unsigned number of the register's width, with its path as the name (`TIM2.CNT`).
///
/// # Errors
/// [`SvdError::NotReadable`] if the register is write-only, or if a read of it changes it or another
/// register at its addresses: a sample changes nothing. [`SvdError::NotSampled`] if the register's
/// width is not 8, 16, 32 or 64 bits.
impl TryFrom<&Register> for Variable {
    type Error = Error;

    fn try_from(register: &Register) -> Result<Self> {
        let refused = |reason| SvdError::NotReadable { name: register.path(), reason };
        if !register.access().can_read() {
            return Err(refused(SkipReason::WriteOnly).into());
        }
        let own = register.read_action().map(|action| (register.path(), action));
        if let Some((register, action)) = own.or_else(|| register.changes_other.as_deref().cloned()) {
            return Err(refused(SkipReason::ReadChangesState { register, action }).into());
        }
        let kind = match register.size() {
            8 => VariableType::U8,
            16 => VariableType::U16,
            32 => VariableType::U32,
            64 => VariableType::U64,
            // The access that reads it reads its neighbours, too.
            bits => return Err(SvdError::NotSampled { register: register.path(), bits }.into()),
        };
        Ok(Variable::new(register.address(), kind).named(register.path()))
    }
}
