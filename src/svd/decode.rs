//! Values of registers and fields with their meaning.

use std::fmt::{self, Write as _};

use super::field::{EnumeratedValue, Field, bit_range, one_line};
use super::register::{Register, hex_digits};
use crate::error::Result;

/// A value of a register, field by field.
///
/// It prints a line for the register and one for each field: bits, name, value, the value's name,
/// description. The highest field comes first, as in manuals. `{:?}` is one short line.
///
/// ```text
/// RCC.CR @ 0x40021000 = 0x03000083  Clock control register
///      [25]  PLLRDY   0x1  Ready     PLL clock ready flag
///      [24]  PLLON    0x1  On        PLL enable
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodedRegister {
    /// The register.
    pub register: Register,
    /// The value of the register.
    pub value: u64,
}

/// A value of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodedField<'a> {
    /// The field.
    pub field: &'a Field,
    /// The value of the field. Its lowest bit is bit 0.
    pub value: u64,
}

impl DecodedRegister {
    /// Returns the fields with their values, in the order of the file. The value of a write-only
    /// field means nothing.
    pub fn fields(&self) -> impl Iterator<Item = DecodedField<'_>> {
        self.register.fields().iter().map(|field| DecodedField { field, value: field.extract(self.value) })
    }

    /// Returns the field of a name with its value.
    ///
    /// # Errors
    /// [`SvdError::UnknownField`](crate::SvdError::UnknownField), with similar names.
    ///
    /// ```
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # let device = openocd::svd::Device::load(path)?;
    /// let decoded = device.peripheral("RCC")?.register("CR")?.decode(0x0300_0083)?;
    /// let ready = decoded.field("PLLRDY")?;
    /// assert_eq!((ready.value, ready.value_name()), (1, Some("Ready")));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn field(&self, name: &str) -> Result<DecodedField<'_>> {
        let field = self.register.field(name)?;
        Ok(DecodedField { field, value: field.extract(self.value) })
    }
}

impl<'a> DecodedField<'a> {
    /// Returns the entry of the file that names the value.
    pub fn enumerated(&self) -> Option<&'a EnumeratedValue> {
        self.field.value_name(self.value)
    }

    /// Returns the name of the value.
    pub fn value_name(&self) -> Option<&'a str> {
        self.enumerated().map(EnumeratedValue::name)
    }

    fn hex(&self) -> String {
        if !self.field.access().can_read() {
            return "-".to_owned();
        }
        let digits = hex_digits(self.field.bit_width()) + 2;
        format!("{:#0digits$x}", self.value)
    }

    fn shown_name(&self) -> &'a str {
        if self.field.access().can_read() { self.value_name().unwrap_or("") } else { "" }
    }
}

impl fmt::Display for DecodedRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Register { peripheral, name, address, changes_other: _, info } = &self.register;
        let digits = hex_digits(info.size) + 2;
        write!(f, "{peripheral}.{name} @ {address:#010x} = {:#0digits$x}", self.value)?;
        if let Some(description) = self.register.description() {
            write!(f, "  {}", one_line(description))?;
        }
        let mut fields: Vec<_> = self.fields().collect();
        fields.sort_by_key(|decoded| std::cmp::Reverse(decoded.field.bit_offset()));
        let width = |length: fn(&DecodedField<'_>) -> usize| fields.iter().map(length).max().unwrap_or(0);
        let range = width(|decoded| bit_range(decoded.field).len());
        let name = width(|decoded| decoded.field.name().chars().count());
        let value = width(|decoded| decoded.hex().len());
        let value_name = width(|decoded| decoded.shown_name().chars().count());
        for decoded in fields {
            let (bits, hex, shown) = (bit_range(decoded.field), decoded.hex(), decoded.shown_name());
            let mut line = format!("  {bits:>range$}  {:<name$}  {hex:<value$}", decoded.field.name());
            if value_name > 0 {
                write!(line, "  {shown:<value_name$}")?;
            }
            if let Some(description) = decoded.field.description() {
                write!(line, "  {}", one_line(description))?;
            }
            write!(f, "\n{}", line.trim_end())?;
        }
        Ok(())
    }
}

impl fmt::Debug for DecodedRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = hex_digits(self.register.size()) + 2;
        write!(f, "DecodedRegister({} = {:#0digits$x})", self.register.path(), self.value)
    }
}

impl fmt::Debug for DecodedField<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodedField({self})")
    }
}

/// `PLLRDY = 0x1 (Ready)`
impl fmt::Display for DecodedField<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.field.name(), self.hex())?;
        match self.shown_name() {
            "" => Ok(()),
            name => write!(f, " ({name})"),
        }
    }
}
