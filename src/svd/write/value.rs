//! Values to write, and whether the description allows them.

use crate::error::SvdError;
use crate::svd::field::{EnumeratedValue, Field};
use crate::svd::properties::WriteConstraint;
use crate::svd::register::Register;

/// A value for a field: a number, or the name of one of its enumerated values.
///
/// ```
/// use openocd::svd::FieldValue;
///
/// assert_eq!(FieldValue::from(7), FieldValue::Number(7));
/// assert_eq!(FieldValue::from("Mul9"), FieldValue::Name("Mul9"));
/// assert_eq!(FieldValue::from(true), FieldValue::Number(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// A number. Its bit 0 is the lowest bit of the field.
    Number(u64),
    /// The name of a value to write; see [`Field::write_values`].
    Name(&'a str),
}

impl From<u64> for FieldValue<'_> {
    fn from(value: u64) -> Self {
        FieldValue::Number(value)
    }
}

impl From<bool> for FieldValue<'_> {
    fn from(value: bool) -> Self {
        FieldValue::Number(value.into())
    }
}

impl<'a> From<&'a str> for FieldValue<'a> {
    fn from(name: &'a str) -> Self {
        FieldValue::Name(name)
    }
}

/// Checks a value for a whole register: the constraints of the register, and of each field that can
/// be written.
///
/// Fields that have bits in common are different views of these bits. They are not checked, since
/// only one is meant.
pub(super) fn check_register(register: &Register, value: u64) -> Result<(), SvdError> {
    if !register.access().can_write() {
        return Err(SvdError::NotWritable { name: register.path() });
    }
    register.check_fits(value)?;
    check_range(register, value)?;
    let fields = register.fields();
    for (index, field) in fields.iter().enumerate().filter(|(_, field)| field.access().can_write()) {
        let is_view = |(other, view): (usize, &Field)| other != index && view.mask() & field.mask() != 0;
        if !fields.iter().enumerate().any(is_view) {
            check_field(field, &format!("{}.{}", register.path(), field.name()), field.extract(value))?;
        }
    }
    Ok(())
}

/// Checks a value by the register's own constraint.
pub(super) fn check_range(register: &Register, value: u64) -> Result<(), SvdError> {
    match register.write_constraint() {
        Some(WriteConstraint::Range { minimum, maximum }) if !(minimum..=maximum).contains(&value) => {
            let allowed = format!("{minimum:#x} to {maximum:#x}");
            Err(SvdError::ForbiddenValue { name: register.path(), value, allowed })
        }
        _ => Ok(()),
    }
}

/// The number for a field, if the field allows it.
pub(super) fn number(field: &Field, path: &str, value: FieldValue<'_>) -> Result<u64, SvdError> {
    let value = match value {
        FieldValue::Number(value) => value,
        FieldValue::Name(name) => field.value_named(path, name)?,
    };
    if value >> (field.bit_width() - 1) > 1 {
        return Err(SvdError::ValueTooWide { name: path.to_owned(), value, bits: field.bit_width() });
    }
    check_field(field, path, value)?;
    Ok(value)
}

fn check_field(field: &Field, path: &str, value: u64) -> Result<(), SvdError> {
    let allowed = match field.write_constraint() {
        Some(WriteConstraint::Range { minimum, maximum }) if !(minimum..=maximum).contains(&value) => {
            format!("{minimum:#x} to {maximum:#x}")
        }
        Some(WriteConstraint::UseEnumeratedValues) if !is_listed(field, value) => {
            field.write_values().iter().map(EnumeratedValue::name).collect::<Vec<_>>().join(", ")
        }
        _ => return Ok(()),
    };
    Err(SvdError::ForbiddenValue { name: path.to_owned(), value, allowed })
}

/// Whether a value is one of those with names, if there are such.
fn is_listed(field: &Field, value: u64) -> bool {
    let values = field.write_values();
    values.is_empty() || values.iter().any(|entry| entry.lists(value) || entry.is_default())
}

/// The register or fields that take only the value that is read from them, among the written bits:
/// path and bits.
pub(super) fn taken_as_read(register: &Register, written: u64) -> Vec<(String, u64)> {
    let is_as_read = |constraint| constraint == Some(WriteConstraint::WriteAsRead);
    if is_as_read(register.write_constraint()) {
        return vec![(register.path(), register.mask() & written)];
    }
    let fields = register.fields().iter();
    let fields = fields.filter(|field| is_as_read(field.write_constraint()) && field.mask() & written != 0);
    fields.map(|field| (format!("{}.{}", register.path(), field.name()), field.mask())).collect()
}
