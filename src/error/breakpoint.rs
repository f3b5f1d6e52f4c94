//! A breakpoint or a watchpoint could not be set or removed.

use crate::error::text::name;
use crate::error::{Failure, InvalidArgument, Refused, UnexpectedReply};
use crate::types::{Evidence, StopPoint};

/// A breakpoint or a watchpoint could not be set or removed, or is not what OpenOCD says it is.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum BreakpointError {
    /// The target has no breakpoint or watchpoint at this address to remove.
    #[error("{} has no {what} at {address:#010x}", name(target))]
    NoneAt {
        /// What was asked for.
        what: StopPoint,
        /// The address; the identifier of a context breakpoint.
        address: u64,
        /// The target's name.
        target: String,
    },
    /// The address has a breakpoint or watchpoint already, perhaps of another kind, or of another
    /// target that shares the memory. OpenOCD takes one for an address. Nothing was set.
    #[error("{} has a {what} at {address:#010x} already", name(target))]
    Duplicate {
        /// What was asked for.
        what: StopPoint,
        /// The address; the identifier of a context breakpoint.
        address: u64,
        /// The target's name.
        target: String,
    },
    /// A software breakpoint would replace bytes of another one. Nothing was set.
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
    /// All comparators of the target are in use, or none of them supports this.
    #[error("{} has no comparator left for a {what} at {address:#010x}: {failure}", name(target))]
    NoComparator {
        /// What was to be set.
        what: StopPoint,
        /// Where it was to be.
        address: u64,
        /// The target's name.
        target: String,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// The target does not support this, or OpenOCD does not for this type of target. Nothing was
    /// set.
    #[error("{} does not support a {what}: {why}", name(target))]
    Unsupported {
        /// What was asked for.
        what: StopPoint,
        /// The target's name.
        target: String,
        /// The reason.
        why: &'static str,
    },
    /// OpenOCD reported success, but the target would not stop there. What OpenOCD set was removed
    /// again.
    #[error("OpenOCD reports a {what} at {address:#010x} as set, but {}", missing(*what, *evidence))]
    NotInEffect {
        /// What was to be set.
        what: StopPoint,
        /// Where.
        address: u64,
        /// What shows it.
        evidence: Evidence,
    },
    /// OpenOCD reported success, but the target still stops there, or OpenOCD still lists the
    /// breakpoint.
    #[error("OpenOCD reports the {what} at {address:#010x} as removed, but {}", remaining(*what, *evidence))]
    NotRemoved {
        /// What was to be removed.
        what: StopPoint,
        /// Where.
        address: u64,
        /// What shows it.
        evidence: Evidence,
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
    pub(crate) fn id(&self) -> &'static str {
        match self {
            BreakpointError::NoneAt { .. } => "breakpoint.none_at",
            BreakpointError::Duplicate { .. } => "breakpoint.duplicate",
            BreakpointError::Overlap { .. } => "breakpoint.overlap",
            BreakpointError::NoComparator { .. } => "breakpoint.no_comparator",
            BreakpointError::Unsupported { .. } => "breakpoint.unsupported",
            BreakpointError::NotInEffect { .. } => "breakpoint.not_in_effect",
            BreakpointError::NotRemoved { .. } => "breakpoint.not_removed",
            BreakpointError::InvalidArgument(_) => "breakpoint.invalid_argument",
            BreakpointError::Refused(_) => "breakpoint.refused",
            BreakpointError::UnexpectedReply(_) => "breakpoint.unexpected_reply",
        }
    }

    /// What OpenOCD reported, if it refused a command.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            BreakpointError::NoComparator { failure, .. } => Some(failure),
            BreakpointError::Refused(refused) => Some(&refused.failure),
            _ => None,
        }
    }
}

/// What shows that the target would not stop at what OpenOCD set.
fn missing(what: StopPoint, evidence: Evidence) -> String {
    match evidence {
        Evidence::List => "OpenOCD does not list it".to_owned(),
        Evidence::Memory => "the memory there does not hold the breakpoint instruction, as flash and ROM do not; \
                             use a hardware breakpoint"
            .to_owned(),
        Evidence::Comparator => format!("the {} unit of the core does not have its comparator enabled", unit(what)),
    }
}

/// What shows that the target still stops at what OpenOCD removed.
fn remaining(what: StopPoint, evidence: Evidence) -> String {
    match evidence {
        Evidence::List => "OpenOCD still lists it".to_owned(),
        Evidence::Memory => "the memory still holds the breakpoint instruction".to_owned(),
        Evidence::Comparator => format!("the {} unit of the core still has its comparator enabled", unit(what)),
    }
}

fn unit(what: StopPoint) -> &'static str {
    match what {
        StopPoint::Watchpoint | StopPoint::ValueWatchpoint => "watchpoint",
        _ => "breakpoint",
    }
}
