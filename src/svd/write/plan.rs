//! Plans a write of fields: which bits must be read first, and what the bits get that are not
//! given.

use super::value::{FieldValue, number};
use crate::error::SvdError;
use crate::error::near_names;
use crate::svd::field::Field;
use crate::svd::properties::{Access, ModifiedWriteValues};
use crate::svd::register::Register;

/// How to write some fields of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// The bits whose present value is written back. 0 if nothing must be read.
    pub(super) keep: u64,
    /// The bits that are written as 1.
    pub(super) set: u64,
    /// The bits of the given fields.
    pub(super) asked: u64,
}

/// What the bits get that are not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Their present value, which can be read.
    Present,
    /// Their present value, which cannot be read; the reason.
    Unknown(&'static str),
    /// Their reset value.
    Reset,
}

pub(super) fn plan(register: &Register, values: &[(&str, FieldValue<'_>)], rest: Rest) -> Result<Plan, SvdError> {
    let mut plan = Plan { keep: 0, set: 0, asked: 0 };
    let mut named: Vec<&Field> = Vec::with_capacity(values.len());
    for (name, value) in values {
        let field = field(register, name)?;
        let path = format!("{}.{name}", register.path());
        if named.iter().any(|other| std::ptr::eq(*other, field)) {
            return Err(SvdError::FieldTwice { field: path });
        }
        if let Some(other) = named.iter().find(|other| other.mask() & field.mask() != 0) {
            let reason = format!("fields {} and {name} have bits in common", other.name());
            return Err(SvdError::NotSeparable { register: register.path(), reason });
        }
        named.push(field);
        plan.set |= number(field, &path, *value)? << field.bit_offset();
        plan.asked |= field.mask();
    }
    let mut remaining = register.mask() & !plan.asked;
    // Where fields overlap, one with a rule of its own decides.
    let mut others: Vec<&Field> = register.fields().iter().filter(|field| field.mask() & remaining != 0).collect();
    others.sort_by_key(|field| field.modified_write_values() == ModifiedWriteValues::Modify);
    for field in others {
        let bits = field.mask() & remaining;
        remaining &= !bits;
        let inseparable = |reason: String| SvdError::NotSeparable { register: register.path(), reason };
        let writable = field.access().can_write();
        match (field.modified_write_values(), field.modified_write_values().neutral_bit()) {
            _ if !writable => plan.idle(register, bits, rest),
            (_, Some(0)) => {}
            (_, Some(_)) => plan.set |= bits,
            (ModifiedWriteValues::Clear | ModifiedWriteValues::Set, _) => {
                let effect = field.modified_write_values();
                return Err(inseparable(format!(
                    "any write has the effect `{effect}` on field {}; give a value for it, too",
                    field.name()
                )));
            }
            // A read does not give its value. A write-only bit among others mostly is a trigger,
            // which its reset value does not pull.
            _ if !field.access().can_read() && rest == Rest::Present => {
                plan.set |= reset_bits(register, bits).ok_or_else(|| {
                    inseparable(format!(
                        "field {} is write-only and has no known reset value; give a value for it",
                        field.name()
                    ))
                })?;
            }
            _ => match rest {
                Rest::Present => plan.keep |= bits,
                Rest::Reset => {
                    plan.set |= reset_bits(register, bits).ok_or_else(|| {
                        inseparable(format!("field {} has no known reset value; give a value for it", field.name()))
                    })?;
                }
                Rest::Unknown(why) => {
                    return Err(inseparable(format!(
                        "the present value of field {} is not known, because {why}; give a value for every field, or use `Svd::write_fields_over_reset`",
                        field.name()
                    )));
                }
            },
        }
    }
    match register.modified_write_values().neutral_bit() {
        Some(0) => {}
        Some(_) => plan.set |= remaining,
        None => plan.idle(register, remaining, rest),
    }
    Ok(plan)
}

impl Plan {
    /// Adds bits that a write has no effect on, or should have none: reserved and read-only ones.
    fn idle(&mut self, register: &Register, bits: u64, rest: Rest) {
        match rest {
            Rest::Present => self.keep |= bits,
            Rest::Unknown(_) | Rest::Reset => self.set |= register.reset_value().unwrap_or(0) & bits,
        }
    }
}

fn reset_bits(register: &Register, bits: u64) -> Option<u64> {
    let value = register.reset_value()?;
    (bits & !register.reset_mask() == 0).then_some(value & bits)
}

/// The field of a name, if it can be written.
fn field<'r>(register: &'r Register, name: &str) -> Result<&'r Field, SvdError> {
    let path = || format!("{}.{name}", register.path());
    let Some(field) = register.fields().iter().find(|field| field.name() == name) else {
        let near = near_names(name, register.fields().iter().map(Field::name));
        return Err(SvdError::UnknownField { register: register.path(), name: name.to_owned(), near });
    };
    if !field.access().can_write() || register.access() == Access::ReadOnly {
        return Err(SvdError::NotWritable { name: path() });
    }
    Ok(field)
}
