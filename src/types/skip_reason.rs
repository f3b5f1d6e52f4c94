//! Why a register of an SVD file is not read.

use std::fmt;

/// What a read changes (CMSIS-SVD: `readAction`).
///
/// It prints as in the file, and is read from the same words.
///
/// ```
/// use openocd::svd::ReadAction;
///
/// assert_eq!("modifyExternal".parse::<ReadAction>()?, ReadAction::ModifyExternal);
/// # Ok::<(), openocd::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum ReadAction {
    /// `clear`: the bits become 0.
    Clear,
    /// `set`: the bits become 1.
    Set,
    /// `modify`: the bits change in some other way.
    Modify,
    /// `modifyExternal`: something else changes, such as a queue that loses an element.
    ModifyExternal,
}

/// Why a register was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SkipReason {
    /// The register is write-only: a read gives no meaningful value.
    WriteOnly,
    /// A read of the register, or of another one at its address, changes the chip's state.
    ReadChangesState {
        /// The register whose description says so, such as `USART1.DR`.
        register: String,
        /// What the read does.
        action: ReadAction,
    },
    /// The register has more than 64 bits.
    UnsupportedSize {
        /// Its width in bits.
        bits: u32,
    },
    /// The address is not a multiple of the width, so that one access cannot read the register.
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
