//! Kinds of breakpoints and watchpoints.

use std::fmt;

/// What stops a target: which kind of breakpoint or watchpoint an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum StopPoint {
    /// A breakpoint of any kind.
    Breakpoint,
    /// A software breakpoint.
    Software,
    /// A hardware breakpoint.
    Hardware,
    /// A context breakpoint.
    Context,
    /// A hybrid breakpoint.
    Hybrid,
    /// A watchpoint.
    Watchpoint,
    /// A watchpoint on a value.
    ValueWatchpoint,
}

impl fmt::Display for StopPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StopPoint::Breakpoint => "breakpoint",
            StopPoint::Software => "software breakpoint",
            StopPoint::Hardware => "hardware breakpoint",
            StopPoint::Context => "context breakpoint",
            StopPoint::Hybrid => "hybrid breakpoint",
            StopPoint::Watchpoint => "watchpoint",
            StopPoint::ValueWatchpoint => "watchpoint on a value",
        })
    }
}
