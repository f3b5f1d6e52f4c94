//! What a long call does.

use std::fmt;

/// What a long call does to the bytes that it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Sectors of flash are erased.
    Erase,
    /// Flash or memory is written.
    Write,
    /// Flash or memory is compared with what it should hold.
    Verify,
    /// Flash or memory is read.
    Read,
}

impl Phase {
    fn verb(self) -> &'static str {
        match self {
            Phase::Erase => "erasing",
            Phase::Write => "writing",
            Phase::Verify => "verifying",
            Phase::Read => "reading",
        }
    }
}

/// "erasing", "writing", "verifying", "reading"
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.verb())
    }
}
