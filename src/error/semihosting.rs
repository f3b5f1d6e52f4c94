//! Semihosting failed.

use crate::error::Failure;
use crate::error::text::excerpt;

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
    /// OpenOCD refused a command.
    #[error("cannot {doing}: {failure}")]
    Refused {
        /// What was to be done.
        doing: &'static str,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// OpenOCD's answer cannot be understood.
    #[error("the answer to `{command}` should be {expected}, but is {}", excerpt(reply.as_bytes(), 200))]
    UnexpectedReply {
        /// The command sent.
        command: String,
        /// What was expected.
        expected: &'static str,
        /// The answer.
        reply: String,
    },
}

impl SemihostingError {
    /// What OpenOCD reported, if it refused a command.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            SemihostingError::Refused { failure, .. } => Some(failure),
            _ => None,
        }
    }
}
