//! A breakpoint or a watchpoint could not be set or removed.

use std::time::Duration;

use crate::error::text::name;
use crate::error::{Error, Failure, InvalidArgument, Refused, UnexpectedReply};
use crate::types::{Evidence, StopPoint};

/// A breakpoint or a watchpoint could not be set or removed, or differs from what OpenOCD reports.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum BreakpointError {
    /// The target has no breakpoint or watchpoint at this address to remove.
    #[error("{} has no {what} at {address:#010x}", name(target))]
    NoneAt {
        /// The requested kind.
        what: StopPoint,
        /// The address; the identifier of a context breakpoint.
        address: u64,
        /// The target's name.
        target: String,
    },
    /// The address has a breakpoint or watchpoint already, perhaps of another kind, or of another
    /// target that shares the memory. OpenOCD allows one per address. Nothing was set.
    #[error("{} has a {what} at {address:#010x} already", name(target))]
    Duplicate {
        /// The requested kind.
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
        /// The requested address.
        address: u64,
        /// Its length in bytes.
        length: u32,
        /// The address of the other breakpoint.
        other_address: u64,
        /// The length of the other breakpoint in bytes.
        other_length: u32,
    },
    /// All comparators of the target are in use, or none of them supports this.
    #[error("{} has no comparator left for a {what} at {address:#010x}: {failure}", name(target))]
    NoComparator {
        /// What was to be set.
        what: StopPoint,
        /// The requested address.
        address: u64,
        /// The target's name.
        target: String,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// The target lacks this kind, or OpenOCD does not support it for this type of target. Nothing
    /// was set.
    #[error("{} does not support a {what}: {why}", name(target))]
    Unsupported {
        /// The requested kind.
        what: StopPoint,
        /// The target's name.
        target: String,
        /// The reason.
        why: &'static str,
    },
    /// OpenOCD reported success, but the target would not stop there. What OpenOCD set was removed
    /// again. After a run, this error says that the target lost the breakpoint meanwhile, or that
    /// another client removed it.
    #[error("OpenOCD reports a {what} at {address:#010x} as set, but {}", missing(*evidence))]
    NotInEffect {
        /// What was to be set.
        what: StopPoint,
        /// The address.
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
        /// The address.
        address: u64,
        /// What shows it.
        evidence: Evidence,
    },
    /// A run has more breakpoints than can be set in 5 s. Those that were set have been removed
    /// again, and the target was not resumed.
    #[error("only {set} of the {wanted} breakpoints of the run could be set within {}; give fewer", seconds(*took))]
    TooSlow {
        /// How many breakpoints were set.
        set: usize,
        /// How many breakpoints the run has.
        wanted: usize,
        /// How long it took to set them.
        took: Duration,
    },
    /// Breakpoints of a run are still set after it. Without a connection this cannot be checked:
    /// then the run fails with the connection's error alone.
    #[error("the breakpoints of the run at {} are still set: {cause}", listed(addresses))]
    Left {
        /// The addresses of the breakpoints that were not removed.
        addresses: Vec<u64>,
        /// Why the run failed, or else why the first of them was not removed.
        cause: Box<Error>,
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
            BreakpointError::TooSlow { .. } => "breakpoint.too_slow",
            BreakpointError::Left { .. } => "breakpoint.left",
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
            BreakpointError::Left { cause, .. } => cause.failure(),
            _ => None,
        }
    }
}

/// Addresses for people: the first ones, and how many there are.
fn listed(addresses: &[u64]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<_> = addresses.iter().take(SHOWN).map(|address| format!("{address:#010x}")).collect();
    match addresses.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// What shows that the target would not stop at what OpenOCD set.
fn missing(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::List => "OpenOCD does not list it; another client may have removed it",
        Evidence::Memory => {
            "the memory there does not hold the breakpoint instruction, as flash and ROM do not; use a hardware breakpoint"
        }
        Evidence::Comparator => "the breakpoint unit of the core does not have its comparator enabled",
    }
}

/// What shows that the target still stops at what OpenOCD removed.
fn remaining(what: StopPoint, evidence: Evidence) -> &'static str {
    match (evidence, what) {
        (Evidence::List, _) => "OpenOCD still lists it",
        (Evidence::Memory, _) => "the memory still holds the breakpoint instruction",
        (Evidence::Comparator, StopPoint::Watchpoint | StopPoint::ValueWatchpoint) => {
            "the watchpoint unit of the core still watches that address"
        }
        (Evidence::Comparator, _) => "the breakpoint unit of the core still has its comparator enabled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_the_breakpoints_that_are_left() {
        let left = |count| BreakpointError::Left {
            addresses: (0..count).map(|n| 0x2000_0000 + 2 * n).collect(),
            cause: Box::new(BreakpointError::TooSlow { set: 12, wanted: 99, took: Duration::from_millis(5040) }.into()),
        };
        assert_eq!(
            left(2).to_string(),
            "the breakpoints of the run at 0x20000000, 0x20000002 are still set: only 12 of the 99 breakpoints of the \
             run could be set within 5.0 s; give fewer"
        );
        assert!(left(10).to_string().contains(", 0x2000000e and 2 more are still set: "), "{}", left(10));
    }
}
