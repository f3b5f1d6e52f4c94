//! What a breakpoint and a watchpoint are.

use std::fmt;

/// How a breakpoint stops the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BreakpointKind {
    /// A breakpoint instruction in the place of the program's own. Needs memory that can be written, such as RAM, and takes no comparator.
    Software,
    /// A comparator of the core's breakpoint unit, for code in any memory. There are few of them: six in a Cortex-M3.
    Hardware,
    /// Any instruction of a context: an address space identifier (CONTEXTIDR). ARM Cortex-A and Cortex-R only; elsewhere it is refused before anything is
    /// sent. It has no address; give 0.
    ///
    /// Tested are its listings and the refusals; there is no virtual Cortex-A to set one on.
    Context {
        /// The identifier, not 0.
        asid: u32,
    },
    /// The instruction at the address, in a context only. ARM Cortex-A and Cortex-R only, and tested as [`Context`](Self::Context) is.
    Hybrid {
        /// The identifier, not 0.
        asid: u32,
    },
}

impl BreakpointKind {
    pub(super) fn noun(self) -> &'static str {
        match self {
            BreakpointKind::Software => "software breakpoint",
            BreakpointKind::Hardware => "hardware breakpoint",
            BreakpointKind::Context { .. } => "context breakpoint",
            BreakpointKind::Hybrid { .. } => "hybrid breakpoint",
        }
    }
}

impl fmt::Display for BreakpointKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.noun())?;
        match self {
            BreakpointKind::Context { asid } | BreakpointKind::Hybrid { asid } => write!(f, " for ASID {asid:#x}"),
            _ => Ok(()),
        }
    }
}

/// A breakpoint as OpenOCD lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Breakpoint {
    /// The address of the instruction; 0 for a [context breakpoint](BreakpointKind::Context), which has none.
    pub address: u64,
    /// The length in bytes.
    pub length: u32,
    /// How it stops the target.
    pub kind: BreakpointKind,
    /// The number of its comparator; `None` for a software breakpoint. OpenOCD 0.12.0 says 0 for all of a RISC-V.
    pub comparator: Option<u32>,
    /// The instruction that a software breakpoint replaced, as a number in the order of a little-endian target; `None` for the other kinds, and on OpenOCD 0.12.0, which
    /// prints only its lowest bits.
    pub original_instruction: Option<u64>,
}

/// Which accesses a watchpoint stops at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    pub(super) fn letter(self) -> char {
        match self {
            WatchpointAccess::Read => 'r',
            WatchpointAccess::Write => 'w',
            WatchpointAccess::Access => 'a',
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WatchedValue {
    /// The value.
    pub value: u64,
    /// The bits that are **not** compared are 1, as in OpenOCD's `wp`: 0 compares all.
    pub mask: u64,
}

/// A watchpoint as OpenOCD lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
