//! Setting or removing a breakpoint or a watchpoint failed.

use crate::error::{Failure, InvalidArgument, Refused, UnexpectedReply};

/// A breakpoint or a watchpoint could not be set or removed, or is not what OpenOCD says it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BreakpointError {
    /// There is none to remove at this address.
    #[error("{target} has no {what} at {address:#010x}")]
    NoneAt {
        /// "breakpoint", "watchpoint" or "context breakpoint".
        what: &'static str,
        /// The address asked for; of a context breakpoint its identifier.
        address: u64,
        /// The target's name.
        target: String,
    },
    /// There is one at this address already, perhaps of another kind: OpenOCD takes one for an address.
    #[error("{target} has a {what} at {address:#010x} already")]
    Duplicate {
        /// "breakpoint", "watchpoint" or "context breakpoint".
        what: &'static str,
        /// The address; of a context breakpoint its identifier.
        address: u64,
        /// The target's name.
        target: String,
    },
    /// A software breakpoint would replace bytes of the place of another breakpoint. Nothing was set.
    #[error(
        "a software breakpoint of {length} bytes at {address:#010x} overlaps the one of {other_length} bytes at {other_address:#010x}"
    )]
    Overlap {
        /// Where it was to be.
        address: u64,
        /// Its length in bytes.
        length: u32,
        /// Where the other one is.
        other_address: u64,
        /// The other's length in bytes.
        other_length: u32,
    },
    /// All comparators of the target are in use, or none of them can do this.
    #[error("{target} has no comparator left for a {what} at {address:#010x}: {failure}")]
    NoComparator {
        /// What was to be set.
        what: &'static str,
        /// Where it was to be.
        address: u64,
        /// The target's name.
        target: String,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// The target, or OpenOCD for this type of target, cannot do this at all. Nothing was sent.
    #[error("{target} has no {what}: {why}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
        /// The target's name.
        target: String,
        /// The reason.
        why: &'static str,
    },
    /// OpenOCD reported success, but the target would not stop there. What OpenOCD had set was removed again.
    #[error("OpenOCD reports a {what} at {address:#010x} as set, but {evidence}")]
    NotInEffect {
        /// What was to be set.
        what: &'static str,
        /// Where.
        address: u64,
        /// What the target says to the contrary.
        evidence: &'static str,
    },
    /// OpenOCD reported success, but the target still stops there, or OpenOCD still lists it.
    #[error("OpenOCD reports the {what} at {address:#010x} as removed, but {evidence}")]
    NotRemoved {
        /// What was to be removed.
        what: &'static str,
        /// Where.
        address: u64,
        /// What says to the contrary.
        evidence: &'static str,
    },
    /// An argument is invalid. Nothing was sent.
    #[error(transparent)]
    InvalidArgument(#[from] InvalidArgument),
    /// OpenOCD refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// OpenOCD's reply could not be understood.
    #[error(transparent)]
    UnexpectedReply(#[from] UnexpectedReply),
}

impl BreakpointError {
    /// What OpenOCD reported, if it refused a command.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            BreakpointError::NoComparator { failure, .. } => Some(failure),
            BreakpointError::Refused(refused) => Some(&refused.failure),
            _ => None,
        }
    }
}
