//! The vocabulary of the standard: how registers and fields may be accessed, and what an access does.

use std::fmt;

/// How a register or field may be accessed (CMSIS-SVD: `access`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Access {
    /// `read-only`: writing has no effect, or none that is defined.
    ReadOnly,
    /// `read-write`, which is also the default.
    #[default]
    ReadWrite,
    /// `read-writeOnce`: only the first write after a reset has an effect.
    ReadWriteOnce,
    /// `writeOnce`: like [`ReadWriteOnce`](Self::ReadWriteOnce), but reading gives nothing of use.
    WriteOnce,
    /// `write-only`: reading gives nothing of use.
    WriteOnly,
}

impl Access {
    /// Reading gives the value.
    pub fn can_read(self) -> bool {
        matches!(self, Access::ReadOnly | Access::ReadWrite | Access::ReadWriteOnce)
    }

    /// Writing has an effect.
    pub fn can_write(self) -> bool {
        self != Access::ReadOnly
    }
}

impl From<svd_parser::svd::Access> for Access {
    fn from(access: svd_parser::svd::Access) -> Self {
        use svd_parser::svd::Access as Parsed;
        match access {
            Parsed::ReadOnly => Access::ReadOnly,
            Parsed::ReadWrite => Access::ReadWrite,
            Parsed::ReadWriteOnce => Access::ReadWriteOnce,
            Parsed::WriteOnce => Access::WriteOnce,
            Parsed::WriteOnly => Access::WriteOnly,
        }
    }
}

/// `read-only`, `read-write`, …, as in the file.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Access::ReadOnly => "read-only",
            Access::ReadWrite => "read-write",
            Access::ReadWriteOnce => "read-writeOnce",
            Access::WriteOnce => "writeOnce",
            Access::WriteOnly => "write-only",
        })
    }
}

/// What reading changes (CMSIS-SVD: `readAction`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadAction {
    /// The bits become 0.
    Clear,
    /// The bits become 1.
    Set,
    /// The bits change in some way.
    Modify,
    /// Something elsewhere changes, such as a queue that the read takes an element from.
    ModifyExternal,
}

impl From<svd_parser::svd::ReadAction> for ReadAction {
    fn from(action: svd_parser::svd::ReadAction) -> Self {
        use svd_parser::svd::ReadAction as Parsed;
        match action {
            Parsed::Clear => ReadAction::Clear,
            Parsed::Set => ReadAction::Set,
            Parsed::Modify => ReadAction::Modify,
            Parsed::ModifyExternal => ReadAction::ModifyExternal,
        }
    }
}

/// `clear`, `set`, `modify`, `modifyExternal`, as in the file.
impl fmt::Display for ReadAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ReadAction::Clear => "clear",
            ReadAction::Set => "set",
            ReadAction::Modify => "modify",
            ReadAction::ModifyExternal => "modifyExternal",
        })
    }
}

/// What a written bit does (CMSIS-SVD: `modifiedWriteValues`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ModifiedWriteValues {
    /// A 1 clears the bit, a 0 leaves it.
    OneToClear,
    /// A 1 sets the bit, a 0 leaves it.
    OneToSet,
    /// A 1 inverts the bit, a 0 leaves it.
    OneToToggle,
    /// A 0 clears the bit, a 1 leaves it.
    ZeroToClear,
    /// A 0 sets the bit, a 1 leaves it.
    ZeroToSet,
    /// A 0 inverts the bit, a 1 leaves it.
    ZeroToToggle,
    /// Any write clears all bits.
    Clear,
    /// Any write sets all bits.
    Set,
    /// The bits take the written value: the default.
    #[default]
    Modify,
}

impl ModifiedWriteValues {
    /// The bit that changes nothing when it is written: `Some(0)`, `Some(1)`. `None` where there is no such
    /// bit ([`Clear`](Self::Clear), [`Set`](Self::Set)) or it is the present one ([`Modify`](Self::Modify)).
    pub fn neutral_bit(self) -> Option<u8> {
        use ModifiedWriteValues::{OneToClear, OneToSet, OneToToggle, ZeroToClear, ZeroToSet, ZeroToToggle};
        match self {
            OneToClear | OneToSet | OneToToggle => Some(0),
            ZeroToClear | ZeroToSet | ZeroToToggle => Some(1),
            _ => None,
        }
    }
}

impl From<svd_parser::svd::ModifiedWriteValues> for ModifiedWriteValues {
    fn from(values: svd_parser::svd::ModifiedWriteValues) -> Self {
        use svd_parser::svd::ModifiedWriteValues as Parsed;
        match values {
            Parsed::OneToClear => ModifiedWriteValues::OneToClear,
            Parsed::OneToSet => ModifiedWriteValues::OneToSet,
            Parsed::OneToToggle => ModifiedWriteValues::OneToToggle,
            Parsed::ZeroToClear => ModifiedWriteValues::ZeroToClear,
            Parsed::ZeroToSet => ModifiedWriteValues::ZeroToSet,
            Parsed::ZeroToToggle => ModifiedWriteValues::ZeroToToggle,
            Parsed::Clear => ModifiedWriteValues::Clear,
            Parsed::Set => ModifiedWriteValues::Set,
            Parsed::Modify => ModifiedWriteValues::Modify,
        }
    }
}

/// `oneToClear`, `modify`, …, as in the file.
impl fmt::Display for ModifiedWriteValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ModifiedWriteValues::OneToClear => "oneToClear",
            ModifiedWriteValues::OneToSet => "oneToSet",
            ModifiedWriteValues::OneToToggle => "oneToToggle",
            ModifiedWriteValues::ZeroToClear => "zeroToClear",
            ModifiedWriteValues::ZeroToSet => "zeroToSet",
            ModifiedWriteValues::ZeroToToggle => "zeroToToggle",
            ModifiedWriteValues::Clear => "clear",
            ModifiedWriteValues::Set => "set",
            ModifiedWriteValues::Modify => "modify",
        })
    }
}

/// Which values may be written (CMSIS-SVD: `writeConstraint`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WriteConstraint {
    /// Only the value that was read.
    WriteAsRead,
    /// Only those of the enumerated values.
    UseEnumeratedValues,
    /// Only those from the first to the last.
    Range {
        /// The smallest value.
        minimum: u64,
        /// The largest value.
        maximum: u64,
    },
}

impl WriteConstraint {
    pub(super) fn of(constraint: svd_parser::svd::WriteConstraint) -> Option<Self> {
        use svd_parser::svd::WriteConstraint as Parsed;
        match constraint {
            Parsed::WriteAsRead(on) => on.then_some(WriteConstraint::WriteAsRead),
            Parsed::UseEnumeratedValues(on) => on.then_some(WriteConstraint::UseEnumeratedValues),
            Parsed::Range(range) => Some(WriteConstraint::Range { minimum: range.min, maximum: range.max }),
        }
    }
}

/// Why a register was left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// It is write-only: what a read gives means nothing.
    WriteOnly,
    /// Reading it, or another register at its address, changes the chip's state.
    ReadChangesState {
        /// The register whose description says so.
        register: String,
        /// What reading does.
        action: ReadAction,
    },
    /// It has more than the 64 bits that can be read at once.
    UnsupportedSize {
        /// How many it has.
        bits: u32,
    },
    /// Its address is no multiple of its width, and it can't be read in one access.
    Misaligned {
        /// The address.
        address: u64,
        /// The width of the access in bits.
        bits: u32,
    },
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SkipReason::WriteOnly => write!(f, "it is write-only"),
            SkipReason::ReadChangesState { register, action } => {
                write!(f, "reading changes the chip's state (readAction {action} of {register})")
            }
            SkipReason::UnsupportedSize { bits } => write!(f, "it has {bits} bits, more than can be read at once"),
            SkipReason::Misaligned { address, bits } => {
                write!(f, "its address {address:#010x} is not aligned for {bits} bits")
            }
        }
    }
}
