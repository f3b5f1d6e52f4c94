//! What a long call does.

use std::fmt;

/// What a long call does to the bytes that it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Phase {
    /// Erases sectors of flash.
    Erase,
    /// Writes flash or memory.
    Write,
    /// Compares flash or memory with what it should hold.
    Verify,
    /// Reads flash or memory.
    Read,
}

/// "erasing", "writing", "verifying", "reading"
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Phase::Erase => "erasing",
            Phase::Write => "writing",
            Phase::Verify => "verifying",
            Phase::Read => "reading",
        })
    }
}
