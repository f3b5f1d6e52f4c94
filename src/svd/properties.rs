//! The vocabulary of the standard: how registers and fields may be accessed, and what an access
//! does.

use std::fmt;
use std::str::FromStr;

// The words of the standard, which it spells in three ways, are svd-parser's.
use svd_parser::svd as svd_rs;

use crate::error::{Error, SvdError};
use crate::types::ReadAction;

/// How a register or field may be accessed (CMSIS-SVD: `access`).
///
/// It prints as in the file, and is read from the same words.
///
/// ```
/// use openocd::svd::Access;
///
/// let access: Access = "write-only".parse()?;
/// assert_eq!(access, Access::WriteOnly);
/// assert_eq!(access.to_string(), "write-only");
/// assert!(!access.can_read());
/// # Ok::<(), openocd::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Access {
    /// `read-only`: a write has no defined effect.
    ReadOnly,
    /// `read-write`, the default.
    #[default]
    ReadWrite,
    /// `read-writeOnce`: only the first write after a reset has an effect.
    ReadWriteOnce,
    /// `writeOnce`: only the first write after a reset has an effect, and a read gives no
    /// meaningful value.
    WriteOnce,
    /// `write-only`: a read gives no meaningful value.
    WriteOnly,
}

impl Access {
    pub(super) const WORDS: &[(&'static str, Access)] = &[
        (svd_rs::Access::ReadOnly.as_str(), Access::ReadOnly),
        (svd_rs::Access::ReadWrite.as_str(), Access::ReadWrite),
        (svd_rs::Access::ReadWriteOnce.as_str(), Access::ReadWriteOnce),
        (svd_rs::Access::WriteOnce.as_str(), Access::WriteOnce),
        (svd_rs::Access::WriteOnly.as_str(), Access::WriteOnly),
    ];

    /// Tells whether a read gives the value.
    pub fn can_read(self) -> bool {
        matches!(self, Access::ReadOnly | Access::ReadWrite | Access::ReadWriteOnce)
    }

    /// Tells whether a write has an effect.
    pub fn can_write(self) -> bool {
        self != Access::ReadOnly
    }
}

impl ReadAction {
    pub(super) const WORDS: &[(&'static str, ReadAction)] = &[
        (svd_rs::ReadAction::Clear.as_str(), ReadAction::Clear),
        (svd_rs::ReadAction::Set.as_str(), ReadAction::Set),
        (svd_rs::ReadAction::Modify.as_str(), ReadAction::Modify),
        (svd_rs::ReadAction::ModifyExternal.as_str(), ReadAction::ModifyExternal),
    ];
}

/// What a written bit does (CMSIS-SVD: `modifiedWriteValues`).
///
/// It prints as in the file, and is read from the same words.
///
/// ```
/// use openocd::svd::ModifiedWriteValues;
///
/// let effect: ModifiedWriteValues = "oneToClear".parse()?;
/// assert_eq!(effect.neutral_bit(), Some(0)); // writing a 0 changes nothing
/// # Ok::<(), openocd::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum ModifiedWriteValues {
    /// `oneToClear`: a 1 clears the bit, a 0 leaves it.
    OneToClear,
    /// `oneToSet`: a 1 sets the bit, a 0 leaves it.
    OneToSet,
    /// `oneToToggle`: a 1 inverts the bit, a 0 leaves it.
    OneToToggle,
    /// `zeroToClear`: a 0 clears the bit, a 1 leaves it.
    ZeroToClear,
    /// `zeroToSet`: a 0 sets the bit, a 1 leaves it.
    ZeroToSet,
    /// `zeroToToggle`: a 0 inverts the bit, a 1 leaves it.
    ZeroToToggle,
    /// `clear`: any write clears all bits.
    Clear,
    /// `set`: any write sets all bits.
    Set,
    /// `modify`, the default: the bits take the written value.
    #[default]
    Modify,
}

impl ModifiedWriteValues {
    pub(super) const WORDS: &[(&'static str, ModifiedWriteValues)] = &[
        (svd_rs::ModifiedWriteValues::OneToClear.as_str(), ModifiedWriteValues::OneToClear),
        (svd_rs::ModifiedWriteValues::OneToSet.as_str(), ModifiedWriteValues::OneToSet),
        (svd_rs::ModifiedWriteValues::OneToToggle.as_str(), ModifiedWriteValues::OneToToggle),
        (svd_rs::ModifiedWriteValues::ZeroToClear.as_str(), ModifiedWriteValues::ZeroToClear),
        (svd_rs::ModifiedWriteValues::ZeroToSet.as_str(), ModifiedWriteValues::ZeroToSet),
        (svd_rs::ModifiedWriteValues::ZeroToToggle.as_str(), ModifiedWriteValues::ZeroToToggle),
        (svd_rs::ModifiedWriteValues::Clear.as_str(), ModifiedWriteValues::Clear),
        (svd_rs::ModifiedWriteValues::Set.as_str(), ModifiedWriteValues::Set),
        (svd_rs::ModifiedWriteValues::Modify.as_str(), ModifiedWriteValues::Modify),
    ];

    /// Returns the bit that changes nothing when it is written, 0 or 1.
    ///
    /// `None` where no bit does that ([`Clear`](Self::Clear), [`Set`](Self::Set)), or where the
    /// present bit does ([`Modify`](Self::Modify)).
    pub fn neutral_bit(self) -> Option<u8> {
        use ModifiedWriteValues::{OneToClear, OneToSet, OneToToggle, ZeroToClear, ZeroToSet, ZeroToToggle};
        match self {
            OneToClear | OneToSet | OneToToggle => Some(0),
            ZeroToClear | ZeroToSet | ZeroToToggle => Some(1),
            _ => None,
        }
    }
}

/// `Display` and `FromStr` by the words of the file.
macro_rules! as_in_the_file {
    ($($type:ident: $element:literal;)*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let word = $type::WORDS.iter().find(|(_, value)| value == self);
                f.pad(word.map_or("", |(word, _)| word))
            }
        }

        impl FromStr for $type {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let found = $type::WORDS.iter().find(|(word, _)| *word == text);
                found.map(|(_, value)| *value).ok_or_else(|| {
                    let known = $type::WORDS.iter().map(|(word, _)| *word).collect();
                    SvdError::UnknownWord { element: $element, word: text.to_owned(), known }.into()
                })
            }
        }
    )*};
}

as_in_the_file! {
    Access: "access";
    ReadAction: "readAction";
    ModifiedWriteValues: "modifiedWriteValues";
}

/// Which values may be written (CMSIS-SVD: `writeConstraint`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "kind", rename_all = "snake_case"))]
pub enum WriteConstraint {
    /// `writeAsRead`: only the value that was read.
    WriteAsRead,
    /// `useEnumeratedValues`: only the enumerated values.
    UseEnumeratedValues,
    /// `range`: only the values from `minimum` to `maximum`.
    Range {
        /// The smallest value.
        minimum: u64,
        /// The largest value.
        maximum: u64,
    },
}

/// `writeAsRead`, `useEnumeratedValues`, `0x0 to 0x7`
impl fmt::Display for WriteConstraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteConstraint::WriteAsRead => f.pad("writeAsRead"),
            WriteConstraint::UseEnumeratedValues => f.pad("useEnumeratedValues"),
            WriteConstraint::Range { minimum, maximum } => write!(f, "{minimum:#x} to {maximum:#x}"),
        }
    }
}
