//! Semihosting failed.

use crate::error::{Failure, InvalidArgument, Refused, UnexpectedReply};

/// Semihosting could not be set up, or the firmware's call could not be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SemihostingError {
    /// The calls of this type of target are not understood here.
    #[error("{target} is a {kind}: only the semihosting calls of a Cortex-M are understood")]
    Unsupported {
        /// The target's name.
        target: String,
        /// Its type.
        kind: String,
    },
    /// This OpenOCD takes one redirection for its whole life: it crashes when that ends (`src/target/semihosting_common.c` before October 2025).
    #[error(
        "{target} has had its semihosting redirected, and this OpenOCD crashes if that is changed: it needs a new start"
    )]
    AlreadyRedirected {
        /// The target's name.
        target: String,
    },
    /// OpenOCD reported success, but says otherwise when asked.
    #[error("semihosting: {what} should be {wanted}, but OpenOCD says {said}")]
    NotInEffect {
        /// What was set.
        what: &'static str,
        /// What it was set to.
        wanted: String,
        /// OpenOCD's words.
        said: String,
    },
    /// No port could be had.
    #[error("OpenOCD has no port for semihosting: {log}")]
    NoPort {
        /// What OpenOCD logged.
        log: String,
    },
    /// OpenOCD refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// OpenOCD's reply could not be understood.
    #[error(transparent)]
    UnexpectedReply(#[from] UnexpectedReply),
    /// An argument is invalid. Nothing was sent.
    #[error(transparent)]
    InvalidArgument(#[from] InvalidArgument),
}

impl SemihostingError {
    /// What OpenOCD reported, if it refused a command.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            SemihostingError::Refused(refused) => Some(&refused.failure),
            _ => None,
        }
    }
}
