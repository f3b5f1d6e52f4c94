//! Values with their meaning.

use std::fmt::{self, Write as _};

use super::field::{EnumeratedValue, Field, bit_range, one_line};
use super::register::{Register, hex_digits};
use crate::error::Result;

/// A value of a register, field by field.
///
/// It prints a line for the register and one for each field: bits, name, value, the value's name, what the field is for. The highest
/// field comes first, as in manuals.
///
/// ```text
/// RCC.CR @ 0x40021000 = 0x03000083  Clock control register
///      [25]  PLLRDY   0x1  Ready     PLL clock ready flag
///      [24]  PLLON    0x1  On        PLL enable
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodedRegister {
    /// The register.
    pub register: Register,
    /// Its value.
    pub value: u64,
}

/// A value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodedField<'a> {
    /// The field.
    pub field: &'a Field,
    /// Its value, shifted down to bit 0.
    pub value: u64,
}

impl DecodedRegister {
    /// The fields and their values, in the order of the file. Of a write-only field the value means nothing.
    pub fn fields(&self) -> impl Iterator<Item = DecodedField<'_>> {
        self.register.fields().iter().map(|field| DecodedField { field, value: field.extract(self.value) })
    }

    /// A field of this name with its value.
    ///
    /// # Errors
    /// [`SvdError::UnknownField`](crate::SvdError::UnknownField) with near names.
    pub fn field(&self, name: &str) -> Result<DecodedField<'_>> {
        let field = self.register.field(name)?;
        Ok(DecodedField { field, value: field.extract(self.value) })
    }
}

impl<'a> DecodedField<'a> {
    /// The name of its value, if the description has one.
    pub fn enumerated(&self) -> Option<&'a EnumeratedValue> {
        self.field.value_name(self.value)
    }

    /// The name of its value, if the description has one.
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
        let Register { peripheral, name, address, info } = &self.register;
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
