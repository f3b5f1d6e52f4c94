//! What the core does, and where nothing answers.

use std::fmt;

/// What the core does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreState {
    /// It executes instructions.
    Running,
    /// It waits for an interrupt.
    Sleeping,
    /// It stands still for the debugger.
    Halted,
    /// A fault in the HardFault handler stopped it.
    LockedUp,
    /// NRST is held down.
    Reset,
    /// There is no supply.
    Off,
}

/// Why the core halted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HaltReason {
    /// The debugger asked for it, or for a single step.
    Request,
    /// A BKPT instruction or a comparator of the breakpoint unit.
    Breakpoint,
    /// A comparator of the watchpoint unit.
    Watchpoint,
    /// A reset or a fault that the debugger wanted to catch.
    VectorCatch,
}

/// Nothing answers at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmapped {
    /// The first address that did not answer.
    pub address: u32,
}

impl fmt::Display for Unmapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing on the virtual chip answers at {:#010x}", self.address)
    }
}

impl std::error::Error for Unmapped {}
