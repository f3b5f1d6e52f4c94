//! The two ends of a path through the TAP states.

use std::fmt;

/// An end of a path through the TAP states
/// ([`JtagError::UnstablePath`](crate::JtagError::UnstablePath)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum PathEnd {
    /// The first state.
    First,
    /// The last state.
    Last,
}

/// `first` or `last`
impl fmt::Display for PathEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            PathEnd::First => "first",
            PathEnd::Last => "last",
        })
    }
}
