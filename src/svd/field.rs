//! Fields of a register, and the names of their values.

use std::fmt;
use std::sync::Arc;

use super::properties::{Access, ModifiedWriteValues, WriteConstraint};
use crate::error::SvdError;
use crate::error::near_names;
use crate::types::ReadAction;

/// A field: consecutive bits of a register.
#[derive(Clone, PartialEq, Eq)]
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
    /// Returns the name. An element of an array has its index in the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the description.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Returns the number of the lowest bit.
    pub fn bit_offset(&self) -> u32 {
        self.bit_offset
    }

    /// Returns the number of bits, 1 to 64.
    pub fn bit_width(&self) -> u32 {
        self.bit_width
    }

    /// Returns a 1 for each bit of the register that belongs to the field.
    pub fn mask(&self) -> u64 {
        (u64::MAX >> (64 - self.bit_width)) << self.bit_offset
    }

    /// Returns how the field may be accessed. By default, it is like its register.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Returns what a read changes.
    pub fn read_action(&self) -> Option<ReadAction> {
        self.read_action
    }

    /// Returns what a write does.
    pub fn modified_write_values(&self) -> ModifiedWriteValues {
        self.modified_write_values
    }

    /// Returns which values may be written.
    ///
    /// If the register takes only enumerated values, so does each of its fields that has
    /// [`write_values`](Self::write_values) and no constraint of its own. A field without such
    /// values takes any, whatever its constraint.
    pub fn write_constraint(&self) -> Option<WriteConstraint> {
        self.write_constraint
    }

    /// Returns the names of the values that are read.
    pub fn read_values(&self) -> &[EnumeratedValue] {
        self.read_values.as_deref().unwrap_or(&[])
    }

    /// Returns the names of the values to write, which may differ from
    /// [`read_values`](Self::read_values).
    pub fn write_values(&self) -> &[EnumeratedValue] {
        self.write_values.as_deref().unwrap_or(&[])
    }

    /// Takes the field's value out of the register's value.
    ///
    /// ```
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # let device = openocd::svd::Device::load(path)?;
    /// let field = device.peripheral("RCC")?.register("CFGR")?.field("PLLMUL")?;
    /// assert_eq!((field.bit_offset(), field.bit_width()), (18, 4));
    /// assert_eq!(field.extract(0x001d_840a), 7);
    /// assert_eq!(field.value_name(7).map(|value| value.name()), Some("Mul9"));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn extract(&self, register_value: u64) -> u64 {
        (register_value & self.mask()) >> self.bit_offset
    }

    /// Returns the name of a value that was read: the name of this number, otherwise the name for
    /// all other values.
    pub fn value_name(&self, value: u64) -> Option<&EnumeratedValue> {
        let values = self.read_values();
        values.iter().find(|entry| entry.lists(value)).or_else(|| values.iter().find(|entry| entry.is_default()))
    }

    /// The number for a name of [`write_values`](Self::write_values). Bits that do not matter are
    /// 0.
    ///
    /// # Errors
    /// [`SvdError::UnknownValue`], with similar names; also for a name that stands for all values
    /// not listed.
    pub(super) fn value_named(&self, path: &str, name: &str) -> Result<u64, SvdError> {
        let values = self.write_values();
        let found = values.iter().find(|entry| &*entry.name == name).and_then(EnumeratedValue::value);
        found.ok_or_else(|| {
            let known = values.iter().filter(|entry| entry.value().is_some()).map(EnumeratedValue::name);
            SvdError::UnknownValue {
                field: path.to_owned(),
                name: name.to_owned(),
                near: near_names(name, known.clone()),
                known: known.map(str::to_owned).collect(),
            }
        })
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({} {} {})", self.name, bit_range(self), self.access)
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

/// A description without the line breaks and the indentation of the file.
pub(super) fn one_line(description: &str) -> String {
    description.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name for a value of a field (CMSIS-SVD: `enumeratedValue`).
#[derive(Clone, PartialEq, Eq)]
pub struct EnumeratedValue {
    pub(super) name: Arc<str>,
    pub(super) description: Option<Arc<str>>,
    pub(super) value: Option<u64>,
    pub(super) any: u64,
    pub(super) default: bool,
}

impl EnumeratedValue {
    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the description.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Returns the value. Bits that do not matter are 0. `None` for a name that only stands for all
    /// values not listed.
    pub fn value(&self) -> Option<u64> {
        self.value
    }

    /// Returns a 1 for each bit of the value that does not matter: 1 for `0b1x`.
    pub fn dont_care(&self) -> u64 {
        self.any
    }

    /// Tells whether the name stands for all values that are not listed (CMSIS-SVD: `isDefault`).
    pub fn is_default(&self) -> bool {
        self.default
    }

    /// Tells whether the name is given to a value by its number.
    pub fn lists(&self, value: u64) -> bool {
        self.value == Some(value & !self.any)
    }
}

impl fmt::Debug for EnumeratedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnumeratedValue({self})")
    }
}

/// `Mul9 = 0x7`, `Two words = 0x4, any 0x3`, `Other, the default`
impl fmt::Display for EnumeratedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(value) = self.value {
            write!(f, " = {value:#x}")?;
        }
        if self.any != 0 {
            write!(f, ", any {:#x}", self.any)?;
        }
        if self.default { write!(f, ", the default") } else { Ok(()) }
    }
}
