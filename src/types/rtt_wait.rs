//! What a call of RTT waits for.

use std::fmt;

/// What an RTT call waited for until its deadline
/// ([`TimeoutError::Rtt`](crate::TimeoutError::Rtt)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RttWait {
    /// Bytes from the target.
    Data,
    /// The control block in the target's memory.
    ControlBlock,
    /// A pause in the target's output, so that old output can be discarded.
    Pause,
}

/// `data`, `control block` or `pause in the output`
impl fmt::Display for RttWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RttWait::Data => "data",
            RttWait::ControlBlock => "control block",
            RttWait::Pause => "pause in the output",
        })
    }
}
