//! Semihosting failed.

use crate::error::text::{excerpt, name, shown};
use crate::error::{Failure, InvalidArgument, Refused, UnexpectedReply};

/// Semihosting could not be set up, or a call of the firmware could not be served.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SemihostingError {
    /// This crate does not support the semihosting calls of this type of target.
    #[error("{} is a {}: only the semihosting calls of Cortex-M and RISC-V are served", name(target), name(kind))]
    Unsupported {
        /// The target's name.
        target: String,
        /// Its type.
        kind: String,
    },
    /// A console or a run serves the target's calls already, of this program or of another one at
    /// this OpenOCD. Nothing was changed.
    #[error("the semihosting calls of {} are served already, by a console or a run", name(target))]
    InUse {
        /// The target's name.
        target: String,
    },
    /// OpenOCD before October 2025 supports one redirection until it ends, because it crashes when
    /// the redirection is removed (`src/target/semihosting_common.c`).
    #[error(
        "the semihosting of {} has been redirected before, and this OpenOCD crashes when that is changed: start a new one",
        name(target)
    )]
    AlreadyRedirected {
        /// The target's name.
        target: String,
    },
    /// OpenOCD reported success, but reports another setting afterwards.
    #[error(
        "cannot {operation}: expected {}, but OpenOCD reports {}",
        excerpt(wanted.as_bytes(), 200), excerpt(said.as_bytes(), 200)
    )]
    NotInEffect {
        /// What the call was about to do, such as `set the command line`.
        operation: &'static str,
        /// The requested setting.
        wanted: String,
        /// OpenOCD's report.
        said: String,
    },
    /// OpenOCD found no free port.
    #[error("OpenOCD has no port for semihosting: {}", excerpt(log.as_bytes(), 600))]
    NoPort {
        /// What OpenOCD logged.
        log: String,
    },
    /// The directory for the firmware's files cannot be used.
    #[error("cannot use the directory {} for the firmware's files: {source}", shown(directory))]
    Directory {
        /// The directory.
        directory: std::path::PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The thread that serves the calls ended because of an error, which an earlier read returned.
    #[error("the console has ended: {reason}")]
    ConsoleEnded {
        /// The error, or that the firmware has exited.
        reason: String,
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
    /// A stable code of the error, for reports.
    pub(crate) fn id(&self) -> &'static str {
        match self {
            SemihostingError::Unsupported { .. } => "semihosting.unsupported",
            SemihostingError::InUse { .. } => "semihosting.in_use",
            SemihostingError::AlreadyRedirected { .. } => "semihosting.already_redirected",
            SemihostingError::NotInEffect { .. } => "semihosting.not_in_effect",
            SemihostingError::NoPort { .. } => "semihosting.no_port",
            SemihostingError::Directory { .. } => "semihosting.directory",
            SemihostingError::ConsoleEnded { .. } => "semihosting.console_ended",
            SemihostingError::Refused(_) => "semihosting.refused",
            SemihostingError::UnexpectedReply(_) => "semihosting.unexpected_reply",
            SemihostingError::InvalidArgument(_) => "semihosting.invalid_argument",
        }
    }

    /// What OpenOCD reported, if it refused a command.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            SemihostingError::Refused(refused) => Some(&refused.failure),
            _ => None,
        }
    }
}
