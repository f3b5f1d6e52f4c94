//! Fields of a register, and names for their values.

use std::fmt;
use std::sync::Arc;

use super::lookup::near_names;
use super::properties::{Access, ModifiedWriteValues, ReadAction, WriteConstraint};
use crate::error::SvdError;

/// A field: some consecutive bits of a register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub(super) name: Arc<str>,
    pub(super) description: Option<Arc<str>>,
    pub(super) bit_offset: u32,
    pub(super) bit_width: u32,
    pub(super) access: Access,
    pub(super) read_action: Option<ReadAction>,
    pub(super) modified_write_values: ModifiedWriteValues,
    pub(super) write_constraint: Option<WriteConstraint>,
    pub(super) read_values: Option<Arc<[EnumeratedValue]>>,
    pub(super) write_values: Option<Arc<[EnumeratedValue]>>,
}

impl Field {
    /// The name; elements of arrays have their index in it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The number of its lowest bit.
    pub fn bit_offset(&self) -> u32 {
        self.bit_offset
    }

    /// How many bits it has, 1 to 64.
    pub fn bit_width(&self) -> u32 {
        self.bit_width
    }

    /// A 1 for each of its bits in the register.
    pub fn mask(&self) -> u64 {
        (u64::MAX >> (64 - self.bit_width)) << self.bit_offset
    }

    /// How it may be accessed; what the field does not say, its register does.
    pub fn access(&self) -> Access {
        self.access
    }

    /// What reading it changes.
    pub fn read_action(&self) -> Option<ReadAction> {
        self.read_action
    }

    /// What writing it does.
    pub fn modified_write_values(&self) -> ModifiedWriteValues {
        self.modified_write_values
    }

    /// Which values may be written.
    pub fn write_constraint(&self) -> Option<WriteConstraint> {
        self.write_constraint
    }

    /// The names of values that are read; empty without any.
    pub fn read_values(&self) -> &[EnumeratedValue] {
        self.read_values.as_deref().unwrap_or(&[])
    }

    /// The names of values for writing, which may differ from [`read_values`](Self::read_values); empty without any.
    pub fn write_values(&self) -> &[EnumeratedValue] {
        self.write_values.as_deref().unwrap_or(&[])
    }

    /// The field's value out of the register's.
    pub fn extract(&self, register_value: u64) -> u64 {
        (register_value & self.mask()) >> self.bit_offset
    }

    /// The entry of [`read_values`](Self::read_values) for a value: one that lists it, otherwise the one for all others.
    pub fn value_name(&self, value: u64) -> Option<&EnumeratedValue> {
        let values = self.read_values();
        values.iter().find(|entry| entry.lists(value)).or_else(|| values.iter().find(|entry| entry.is_default()))
    }

    /// The number for a name of [`write_values`](Self::write_values); bits that don't matter are 0 in it.
    ///
    /// # Errors
    /// [`SvdError::UnknownValue`] with near names; also for a name that stands for all values not listed.
    pub(super) fn value_named(&self, path: &str, name: &str) -> Result<u64, SvdError> {
        let values = self.write_values();
        let found = values.iter().find(|entry| &*entry.name == name).and_then(EnumeratedValue::value);
        found.ok_or_else(|| SvdError::UnknownValue {
            field: path.to_owned(),
            name: name.to_owned(),
            near: near_names(name, values.iter().filter(|entry| entry.value().is_some()).map(EnumeratedValue::name)),
        })
    }
}

/// `PLLMUL [21:18] read-write: PLL multiplication factor`
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, bit_range(self), self.access)?;
        if let Some(description) = &self.description {
            write!(f, ": {}", one_line(description))?;
        }
        Ok(())
    }
}

/// `[21:18]`, `[0]`
pub(super) fn bit_range(field: &Field) -> String {
    match field.bit_width {
        1 => format!("[{}]", field.bit_offset),
        width => format!("[{}:{}]", field.bit_offset + width - 1, field.bit_offset),
    }
}

/// Descriptions are broken over lines as the file's editor pleased.
pub(super) fn one_line(description: &str) -> String {
    description.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name for a value of a field (CMSIS-SVD: `enumeratedValue`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumeratedValue {
    pub(super) name: Arc<str>,
    pub(super) description: Option<Arc<str>>,
    pub(super) value: Option<u64>,
    pub(super) any: u64,
    pub(super) default: bool,
}

impl EnumeratedValue {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the value means.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The value; bits that don't matter are 0. `None` for a name that only stands for all values not listed.
    pub fn value(&self) -> Option<u64> {
        self.value
    }

    /// A 1 for each bit of the value that does not matter: 1 for `0b1x`.
    pub fn dont_care(&self) -> u64 {
        self.any
    }

    /// It stands for all values that are not listed (CMSIS-SVD: `isDefault`).
    pub fn is_default(&self) -> bool {
        self.default
    }

    /// The value is one that this name is given to by number.
    pub fn lists(&self, value: u64) -> bool {
        self.value == Some(value & !self.any)
    }
}
