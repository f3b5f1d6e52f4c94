//! What a breakpoint and a watchpoint are.

use std::fmt;
use std::str::FromStr;

use crate::error::{BreakpointError, Error, InvalidArgument};
use crate::types::Hex;
use crate::types::StopPoint;

/// How a breakpoint stops the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum BreakpointKind {
    /// A breakpoint instruction replaces the program's own. It needs memory that can be written,
    /// such as RAM, and no comparator.
    Software,
    /// A comparator of the core's breakpoint unit, for code in any memory. A Cortex-M3 has six.
    Hardware,
    /// Any instruction of a context, which is an address space identifier (CONTEXTIDR). Arm
    /// Cortex-A and Cortex-R only. It has no address; give 0.
    ///
    /// The listings and the refusals are tested; there is no virtual Cortex-A to set one on.
    Context {
        /// The identifier, not 0.
        asid: u32,
    },
    /// The instruction at the address, in a context only. Arm Cortex-A and Cortex-R only, tested as
    /// [`Context`](Self::Context) is.
    Hybrid {
        /// The identifier, not 0.
        asid: u32,
    },
}

impl BreakpointKind {
    pub(super) fn stop_point(self) -> StopPoint {
        match self {
            BreakpointKind::Software => StopPoint::Software,
            BreakpointKind::Hardware => StopPoint::Hardware,
            BreakpointKind::Context { .. } => StopPoint::Context,
            BreakpointKind::Hybrid { .. } => StopPoint::Hybrid,
        }
    }
}

impl fmt::Display for BreakpointKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stop_point())?;
        match self {
            BreakpointKind::Context { asid } | BreakpointKind::Hybrid { asid } => write!(f, " for ASID {asid:#x}"),
            _ => Ok(()),
        }
    }
}

/// A breakpoint as OpenOCD lists it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Breakpoint {
    /// The address of the instruction; 0 for a [context breakpoint](BreakpointKind::Context), which
    /// has none.
    pub address: u64,
    /// The length in bytes.
    pub length: u32,
    /// How it stops the target.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub kind: BreakpointKind,
    /// The number of its comparator; `None` for a software breakpoint, and on a RISC-V hart with
    /// OpenOCD 0.12.0, which does not know it.
    pub comparator: Option<u32>,
    /// The instruction that a software breakpoint replaced, as a number in the byte order of a
    /// little-endian target; `None` for the other kinds, and on OpenOCD 0.12.0, which prints only
    /// its lowest bits.
    pub original_instruction: Option<u64>,
    /// Whether the target has it now: its instruction in memory, or its comparator in the
    /// breakpoint unit of a Cortex-M.
    ///
    /// `Some(false)` after a program was written over a software breakpoint, and often after the
    /// core lost its power. OpenOCD still lists the breakpoint, but
    /// [`resume`](crate::Target::resume) does not set it again: remove it and add it again.
    ///
    /// `None` if it is not known: for a hardware breakpoint of a RISC-V hart, for a breakpoint of a
    /// RISC-V hart that runs, and on other types of targets. There, a software breakpoint that was
    /// just added has `Some(true)`, because the memory changed.
    pub in_effect: Option<bool>,
}

/// Addresses and values in hexadecimal.
impl fmt::Debug for Breakpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breakpoint")
            .field("address", &Hex(self.address))
            .field("length", &self.length)
            .field("kind", &self.kind)
            .field("comparator", &self.comparator)
            .field("original_instruction", &self.original_instruction.map(Hex))
            .field("in_effect", &self.in_effect)
            .finish()
    }
}

/// `hardware breakpoint at 0x08000200`, followed by `, not in effect` if the target lacks it.
impl fmt::Display for Breakpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            BreakpointKind::Context { .. } => write!(f, "{}", self.kind)?,
            kind => write!(f, "{kind} at {:#010x}", self.address)?,
        }
        f.write_str(if self.in_effect == Some(false) { ", not in effect" } else { "" })
    }
}

/// Which accesses a watchpoint stops at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum WatchpointAccess {
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Reads and writes.
    Access,
}

impl WatchpointAccess {
    /// The letter that `wp` takes.
    pub(super) fn letter(self) -> &'static str {
        match self {
            WatchpointAccess::Read => "r",
            WatchpointAccess::Write => "w",
            WatchpointAccess::Access => "a",
        }
    }
}

/// `read`, `write` or `access`, and the letters of OpenOCD's `wp`.
impl FromStr for WatchpointAccess {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "read" | "r" => Ok(WatchpointAccess::Read),
            "write" | "w" => Ok(WatchpointAccess::Write),
            "access" | "a" => Ok(WatchpointAccess::Access),
            _ => {
                let expected = "`read`, `write` or `access`";
                let invalid = InvalidArgument::new("watchpoint access", expected, format!("{text:?}"));
                Err(BreakpointError::from(invalid).into())
            }
        }
    }
}

impl fmt::Display for WatchpointAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WatchpointAccess::Read => "read",
            WatchpointAccess::Write => "write",
            WatchpointAccess::Access => "access",
        })
    }
}

/// The value that an accessed location must have for a watchpoint to stop the target.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct WatchedValue {
    /// The value.
    pub value: u64,
    /// A 1 for each bit that is **not** compared, as in OpenOCD's `wp`: 0 compares all bits.
    pub mask: u64,
}

/// Addresses and values in hexadecimal.
impl fmt::Debug for WatchedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedValue").field("value", &Hex(self.value)).field("mask", &Hex(self.mask)).finish()
    }
}

/// A watchpoint as OpenOCD lists it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Watchpoint {
    /// The first address watched.
    pub address: u64,
    /// How many bytes are watched.
    pub length: u32,
    /// Which accesses stop the target.
    pub access: WatchpointAccess,
    /// The value that is compared; `None` if any access stops the target.
    pub value: Option<WatchedValue>,
}

/// Addresses and values in hexadecimal.
impl fmt::Debug for Watchpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchpoint")
            .field("address", &Hex(self.address))
            .field("length", &self.length)
            .field("access", &self.access)
            .field("value", &self.value)
            .finish()
    }
}

/// `watchpoint at 0x20002000 (4 bytes, write)`
impl fmt::Display for Watchpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "watchpoint at {:#010x} ({} bytes, {})", self.address, self.length, self.access)
    }
}
