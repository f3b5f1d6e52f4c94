//! Registers.

use std::fmt;
use std::sync::Arc;

use super::decode::DecodedRegister;
use super::field::{Field, bit_range, one_line};
use super::properties::{Access, ModifiedWriteValues, WriteConstraint};
use crate::error::near_names;
use crate::error::{Result, SvdError};
use crate::types::ReadAction;

/// A register of a peripheral. Cloning is cheap: a clone shares the description.
///
/// It prints as a table with a line for each field; `{:?}` is one short line.
#[derive(Clone, PartialEq, Eq)]
pub struct Register {
    pub(super) peripheral: Arc<str>,
    pub(super) name: Arc<str>,
    pub(super) address: u64,
    /// The other register at these addresses that a read changes, and how.
    pub(super) changes_other: Option<Arc<(String, ReadAction)>>,
    pub(super) info: Arc<RegisterInfo>,
}

/// What the elements of an array share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RegisterInfo {
    pub(super) display_name: Option<Arc<str>>,
    pub(super) description: Option<Arc<str>>,
    pub(super) size: u32,
    pub(super) access: Access,
    pub(super) reset_value: Option<u64>,
    pub(super) reset_mask: u64,
    pub(super) read_action: Option<ReadAction>,
    pub(super) modified_write_values: ModifiedWriteValues,
    pub(super) write_constraint: Option<WriteConstraint>,
    pub(super) alternate_register: Option<Arc<str>>,
    pub(super) alternate_group: Option<Arc<str>>,
    pub(super) fields: Arc<[Field]>,
}

impl Register {
    /// Returns the name within the peripheral. See [`Device`](super::Device) for the names in
    /// clusters and arrays.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name of the peripheral.
    pub fn peripheral(&self) -> &str {
        &self.peripheral
    }

    /// Returns peripheral and name, such as `RCC.CR`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.peripheral, self.name)
    }

    /// Returns the name that the manual uses, if that is not an identifier.
    pub fn display_name(&self) -> Option<&str> {
        self.info.display_name.as_deref()
    }

    /// Returns the description.
    pub fn description(&self) -> Option<&str> {
        self.info.description.as_deref()
    }

    /// Returns the address of the first byte.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Returns the width in bits, which is at least 1.
    pub fn size(&self) -> u32 {
        self.info.size
    }

    /// Returns the width of an access in bits: 8, 16, 32 or 64, the smallest that holds the
    /// register.
    ///
    /// `None` if the register has more than 64 bits.
    pub fn access_bits(&self) -> Option<u32> {
        match self.info.size {
            0..=8 => Some(8),
            9..=16 => Some(16),
            17..=32 => Some(32),
            33..=64 => Some(64),
            _ => None,
        }
    }

    /// Returns how the register may be accessed.
    ///
    /// A register whose own access the file does not state is write-only if all its fields are.
    pub fn access(&self) -> Access {
        self.info.access
    }

    /// Returns the value after a reset. Only the bits in [`reset_mask`](Self::reset_mask) are
    /// known.
    pub fn reset_value(&self) -> Option<u64> {
        self.info.reset_value
    }

    /// Returns a 1 for each bit whose value after a reset is known.
    pub fn reset_mask(&self) -> u64 {
        self.info.reset_mask
    }

    /// Returns what a read of the register, or of one of its fields, changes.
    pub fn read_action(&self) -> Option<ReadAction> {
        self.info.read_action.or_else(|| self.info.fields.iter().find_map(Field::read_action))
    }

    /// Returns what a write does to bits whose field does not say otherwise.
    pub fn modified_write_values(&self) -> ModifiedWriteValues {
        self.info.modified_write_values
    }

    /// Returns which values may be written.
    ///
    /// The enumerated values of a register are those of its fields.
    pub fn write_constraint(&self) -> Option<WriteConstraint> {
        self.info.write_constraint
    }

    /// Returns the name of the register at the same address that this one is another view of.
    pub fn alternate_register(&self) -> Option<&str> {
        self.info.alternate_register.as_deref()
    }

    /// Returns the group of alternate views that the register belongs to.
    pub fn alternate_group(&self) -> Option<&str> {
        self.info.alternate_group.as_deref()
    }

    /// Returns the fields, in the order of the file.
    pub fn fields(&self) -> &[Field] {
        &self.info.fields
    }

    /// Returns the field of a name.
    ///
    /// # Errors
    /// [`SvdError::UnknownField`], with similar names.
    pub fn field(&self, name: &str) -> Result<&Field> {
        let found = self.fields().iter().find(|field| field.name() == name);
        Ok(found.ok_or_else(|| SvdError::UnknownField {
            register: self.path(),
            name: name.to_owned(),
            near: near_names(name, self.fields().iter().map(Field::name)),
        })?)
    }

    /// Returns the field of a name in any case of letters.
    ///
    /// An exact match is preferred, then the first one in the file.
    ///
    /// # Errors
    /// [`SvdError::UnknownField`], with similar names.
    pub fn field_ignoring_case(&self, name: &str) -> Result<&Field> {
        self.field(name)
            .or_else(|error| self.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name)).ok_or(error))
    }

    /// Splits a value of the register into its fields. The target is not accessed.
    ///
    /// # Errors
    /// [`SvdError::ValueTooWide`] if the value has more bits than the register.
    ///
    /// ```
    /// # use openocd::svd::Device;
    /// # let device = Device::load("tests/virtual-chip/svd/virtual-stm32f103.svd")?;
    /// let cr = device.peripheral("RCC")?.register("CR")?;
    /// let decoded = cr.decode(0x0300_0083)?;
    /// assert_eq!(decoded.field("PLLRDY")?.value, 1);
    /// println!("{decoded}");
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn decode(&self, value: u64) -> Result<DecodedRegister> {
        self.check_fits(value)?;
        Ok(DecodedRegister { register: self.clone(), value })
    }

    /// The number of bytes that the register occupies.
    pub(super) fn bytes(&self) -> u64 {
        match self.access_bits() {
            Some(bits) => u64::from(bits / 8),
            None => u64::from(self.info.size.div_ceil(8)),
        }
    }

    /// A 1 for each bit of the register, among the lowest 64.
    pub(super) fn mask(&self) -> u64 {
        match self.info.size {
            0 => 0,
            size => u64::MAX >> 64_u32.saturating_sub(size),
        }
    }

    pub(super) fn check_fits(&self, value: u64) -> Result<(), SvdError> {
        match value & !self.mask() {
            0 => Ok(()),
            _ => Err(SvdError::ValueTooWide { name: self.path(), value, bits: self.info.size }),
        }
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Register { peripheral, name, address, changes_other: _, info } = self;
        write!(f, "Register({peripheral}.{name} at {address:#010x}, {} bits, {})", info.size, info.access)
    }
}

/// `RCC.CR at 0x40021000, 32 bits, read-write, 0x00000083 after reset: Clock control register`,
/// then a line for each field.
impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} at {:#010x}, {} bits", self.peripheral, self.name, self.address, self.info.size)?;
        write!(f, ", {}", self.info.access)?;
        if let Some(value) = self.info.reset_value {
            let digits = hex_digits(self.info.size) + 2;
            write!(f, ", {value:#0digits$x} after reset")?;
        }
        if let Some(action) = self.info.read_action {
            write!(f, ", readAction {action}")?;
        }
        if let Some(description) = &self.info.description {
            write!(f, ": {}", one_line(description))?;
        }
        let range = self.fields().iter().map(|field| bit_range(field).len()).max().unwrap_or(0);
        let name = self.fields().iter().map(|field| field.name().chars().count()).max().unwrap_or(0);
        for field in self.fields() {
            write!(f, "\n  {:>range$}  {:<name$}  {}", bit_range(field), field.name, field.access)?;
            if let Some(description) = &field.description {
                write!(f, "  {}", one_line(description))?;
            }
        }
        Ok(())
    }
}

/// The number of hexadecimal digits for a number of bits.
pub(super) fn hex_digits(bits: u32) -> usize {
    bits.clamp(1, 64).div_ceil(4) as usize
}
