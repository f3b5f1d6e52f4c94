//! Variables of the firmware: where they are, and how their bytes are read.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, InvalidArgument, Result, TargetError};
use crate::types::{Hex, Symbol, SymbolKind};

/// Declares the types of variables with their names and widths.
macro_rules! variable_types {
    ($($(#[$doc:meta])* $variant:ident, $function:ident, $bits:literal;)*) => {
        /// The type of a [`Variable`]. It prints as Rust names it, `u32`, and is read from that.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum VariableType {
            $($(#[$doc])* $variant,)*
        }

        impl VariableType {
            /// All types.
            pub const ALL: &[VariableType] = &[$(VariableType::$variant),*];

            /// The width in bits: 8, 16, 32 or 64.
            pub fn bits(self) -> u32 {
                match self {
                    $(VariableType::$variant => $bits,)*
                }
            }

            fn name(self) -> &'static str {
                match self {
                    $(VariableType::$variant => stringify!($function),)*
                }
            }
        }

        impl Variable {
            $(
                #[doc = concat!("Creates a variable of the type `", stringify!($function), "` at `address`.")]
                pub fn $function(address: u64) -> Self {
                    Variable::new(address, VariableType::$variant)
                }
            )*
        }
    };
}

variable_types! {
    /// Unsigned, 8 bits.
    U8, u8, 8;
    /// Unsigned, 16 bits.
    U16, u16, 16;
    /// Unsigned, 32 bits.
    U32, u32, 32;
    /// Unsigned, 64 bits.
    U64, u64, 64;
    /// Signed, 8 bits.
    I8, i8, 8;
    /// Signed, 16 bits.
    I16, i16, 16;
    /// Signed, 32 bits.
    I32, i32, 32;
    /// Signed, 64 bits.
    I64, i64, 64;
    /// Floating point, 32 bits (IEEE 754): `float` of C.
    F32, f32, 32;
    /// Floating point, 64 bits (IEEE 754): `double` of C.
    F64, f64, 64;
}

impl fmt::Display for VariableType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for VariableType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        VariableType::ALL.iter().copied().find(|kind| kind.name() == text).ok_or_else(|| {
            let expected = "u8, u16, u32, u64, i8, i16, i32, i64, f32 or f64";
            TargetError::from(InvalidArgument::new("type of a variable", expected, text)).into()
        })
    }
}

/// A variable of the firmware, for [`Memory::sample`](crate::Memory::sample): an address, a type
/// and a name.
///
/// An address alone is a `u32`. A [`Symbol`] of 1, 2, 4 or 8 bytes is an unsigned number with its
/// name; [`of_type`](Self::of_type) makes it another one. A [register](crate::svd::Register) of an
/// SVD file is a variable too.
///
/// ```
/// use openocd::{Image, Variable, VariableType};
///
/// let counter = Variable::u16(0x2000_0010).named("counter");
/// assert_eq!(counter.to_string(), "counter: u16 at 0x20000010");
///
/// # let image = Image::open("tests/images/crash/crash.elf")?;
/// let symbol = image.symbols().find(|symbol| symbol.size == 4).unwrap(); // or image.symbol("speed")?
/// let speed = Variable::try_from(&symbol)?.of_type(VariableType::F32);
/// # Ok::<(), openocd::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Variable {
    /// The name: the one that it was given, else the address as `0x20000010`.
    pub name: String,
    /// The address, a multiple of the width.
    pub address: u64,
    /// The type.
    pub kind: VariableType,
}

impl Variable {
    /// Creates a variable at `address`.
    pub fn new(address: u64, kind: VariableType) -> Self {
        Variable { name: format!("{address:#010x}"), address, kind }
    }

    /// Gives the variable a name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Variable { name: name.into(), ..self }
    }

    /// Gives the variable another type.
    #[must_use]
    pub fn of_type(self, kind: VariableType) -> Self {
        Variable { kind, ..self }
    }
}

/// A word of 32 bits.
impl From<u64> for Variable {
    fn from(address: u64) -> Self {
        Variable::u32(address)
    }
}

/// An unsigned number with the name of the symbol.
///
/// # Errors
/// [`TargetError::InvalidArgument`] if the symbol does not have 1, 2, 4 or 8 bytes, or is a
/// function. An array or a struct is no number: use [`Variable::new`] for a part of it.
impl TryFrom<&Symbol> for Variable {
    type Error = Error;

    fn try_from(symbol: &Symbol) -> Result<Self> {
        if symbol.kind == SymbolKind::Function {
            let expected = "a variable; `Variable::u32` and its like take any address";
            let given = format!("the function {}", symbol.name);
            return Err(TargetError::from(InvalidArgument::new("symbol to sample", expected, given)).into());
        }
        let kind = match symbol.size {
            1 => VariableType::U8,
            2 => VariableType::U16,
            4 => VariableType::U32,
            8 => VariableType::U64,
            size => {
                let given = format!("{} of {size} bytes", symbol.name);
                let expected = "1, 2, 4 or 8 bytes; `Variable::u32` and its like take any address";
                return Err(TargetError::from(InvalidArgument::new("symbol to sample", expected, given)).into());
            }
        };
        Ok(Variable::new(symbol.address, kind).named(symbol.name.clone()))
    }
}

/// `counter: u16 at 0x20000010`
impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} at {:#010x}", self.name.escape_debug(), self.kind, self.address)
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variable({}: {} at {:?})", self.name.escape_debug(), self.kind, Hex(self.address))
    }
}

/// The value of a [`Variable`]. It prints as a decimal number.
///
/// ```
/// use openocd::SampleValue;
///
/// assert_eq!(SampleValue::Signed(-1).as_f64(), -1.0);
/// assert_eq!(SampleValue::F32(0.1).to_string(), "0.1");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
pub enum SampleValue {
    /// Of `u8`, `u16`, `u32` and `u64`.
    Unsigned(u64),
    /// Of `i8`, `i16`, `i32` and `i64`.
    Signed(i64),
    /// Of `f32`.
    F32(f32),
    /// Of `f64`.
    F64(f64),
}

impl SampleValue {
    /// The value of the lowest bits of `bits`.
    #[allow(clippy::cast_possible_truncation, reason = "the type has no more bits")]
    pub(super) fn of(kind: VariableType, bits: u64) -> Self {
        match kind {
            VariableType::U8 | VariableType::U16 | VariableType::U32 | VariableType::U64 => SampleValue::Unsigned(bits),
            VariableType::I8 | VariableType::I16 | VariableType::I32 | VariableType::I64 => {
                let unused = 64 - kind.bits();
                SampleValue::Signed(i64::from_ne_bytes((bits << unused).to_ne_bytes()) >> unused)
            }
            VariableType::F32 => SampleValue::F32(f32::from_bits(bits as u32)),
            VariableType::F64 => SampleValue::F64(f64::from_bits(bits)),
        }
    }

    /// Returns the value as a floating-point number, for plots. Integers of more than 53 bits are
    /// rounded.
    #[allow(clippy::cast_precision_loss, reason = "the docs say so")]
    pub fn as_f64(self) -> f64 {
        match self {
            SampleValue::Unsigned(value) => value as f64,
            SampleValue::Signed(value) => value as f64,
            SampleValue::F32(value) => value.into(),
            SampleValue::F64(value) => value,
        }
    }

    /// Returns the value of an unsigned variable.
    pub fn as_u64(self) -> Option<u64> {
        match self {
            SampleValue::Unsigned(value) => Some(value),
            _ => None,
        }
    }
}

impl fmt::Display for SampleValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SampleValue::Unsigned(value) => value.fmt(f),
            SampleValue::Signed(value) => value.fmt(f),
            SampleValue::F32(value) => value.fmt(f),
            SampleValue::F64(value) => value.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_read_from_its_text() {
        for kind in VariableType::ALL {
            assert_eq!(kind.to_string().parse::<VariableType>().unwrap(), *kind);
        }
        let error = "int".parse::<VariableType>().unwrap_err();
        assert!(error.to_string().starts_with("invalid type of a variable: expected u8, u16"), "{error}");
    }

    #[test]
    fn bits_are_read_as_the_type_says() {
        use VariableType::{F32, F64, I8, I16, I32, I64, U8, U64};
        for (kind, bits, text) in [
            (U8, 0xff, "255"),
            (U64, u64::MAX, "18446744073709551615"),
            (I8, 0xff, "-1"),
            (I8, 0x7f, "127"),
            (I16, 0x8000, "-32768"),
            (I32, 0xffff_fffe, "-2"),
            (I64, u64::MAX, "-1"),
            (F32, 0x3dcc_cccd, "0.1"),
            (F32, 0x7fc0_0000, "NaN"),
            (F64, 0xbff8_0000_0000_0000, "-1.5"),
        ] {
            assert_eq!(SampleValue::of(kind, bits).to_string(), text, "{kind}");
        }
    }
}
