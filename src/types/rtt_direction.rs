//! The directions of RTT channels.

use std::fmt;

/// Which way the bytes of an RTT channel go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum RttDirection {
    /// From the target to the host.
    Up,
    /// From the host to the target.
    Down,
}

/// `up` or `down`
impl fmt::Display for RttDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RttDirection::Up => "up",
            RttDirection::Down => "down",
        })
    }
}
