//! What shows whether a breakpoint or a watchpoint is set.

use std::fmt;

/// What shows whether a breakpoint or a watchpoint is set, independently of OpenOCD's answer
/// ([`BreakpointError::NotInEffect`](crate::BreakpointError::NotInEffect),
/// [`BreakpointError::NotRemoved`](crate::BreakpointError::NotRemoved)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Evidence {
    /// OpenOCD's list of breakpoints or watchpoints.
    List,
    /// The instruction in the target's memory.
    Memory,
    /// The comparators of the core's breakpoint or watchpoint unit.
    Comparator,
}

/// `list`, `memory` or `comparator`
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Evidence::List => "list",
            Evidence::Memory => "memory",
            Evidence::Comparator => "comparator",
        })
    }
}
