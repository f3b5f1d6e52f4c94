//! Commands that OpenOCD refused, or that were never sent.

use crate::error::text::excerpt;
use crate::error::{Failure, Refused, UnexpectedReply};
use crate::types::NotRunReason;

/// A command failed, or could not be sent as it was given.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// OpenOCD ran the command and refused it.
    #[error("{0}")]
    Failed(Box<Failure>),
    /// The command holds a byte that ends or cuts a command on the wire. Nothing was sent.
    #[error(
        "the command holds the byte {byte:#04x} at offset {offset}, which the TCL port cannot carry; write it as \\x{byte:02x} inside double quotes"
    )]
    ForbiddenByte {
        /// 0x1a, which ends a command, or 0x00, after which OpenOCD ignores the rest.
        byte: u8,
        /// Where it is in the command, in bytes.
        offset: usize,
    },
    /// The command is longer than OpenOCD's line buffer. Nothing was sent.
    #[error("the command takes {length} bytes on the wire, and OpenOCD reads at most {limit}; send it in parts")]
    TooLong {
        /// Its length with what the protocol adds.
        length: usize,
        /// OpenOCD's limit.
        limit: usize,
    },
    /// OpenOCD's reply could not be understood.
    #[error(transparent)]
    UnexpectedReply(#[from] UnexpectedReply),
    /// A call in a [`Batch`](crate::Batch) was sent, and no reply came: OpenOCD may have run it, or
    /// not.
    #[error("`{}` was sent in a batch that got no reply, so OpenOCD may have run it", excerpt(command.as_bytes(), 120))]
    OutcomeUnknown {
        /// The command.
        command: String,
    },
    /// A call in a [`Batch`](crate::Batch) was not run.
    #[error("`{}` was not run: {reason}", excerpt(command.as_bytes(), 120))]
    NotRun {
        /// The command.
        command: String,
        /// Why not.
        reason: NotRunReason,
    },
    /// The result of the command is not UTF-8. [`Session::execute`](crate::Session::execute) gives
    /// its bytes.
    #[error("the result of `{}` is not UTF-8 text; `Session::execute` gives its bytes", excerpt(command.as_bytes(), 120))]
    NotText {
        /// The command sent.
        command: String,
    },
}

impl CommandError {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            CommandError::Failed(_) => "command.failed",
            CommandError::ForbiddenByte { .. } => "command.forbidden_byte",
            CommandError::TooLong { .. } => "command.too_long",
            CommandError::UnexpectedReply(_) => "command.unexpected_reply",
            CommandError::NotRun { .. } => "command.not_run",
            CommandError::OutcomeUnknown { .. } => "command.outcome_unknown",
            CommandError::NotText { .. } => "command.not_text",
        }
    }
}

/// A refused command needs no words beside its own.
impl From<Refused> for CommandError {
    fn from(refused: Refused) -> Self {
        CommandError::Failed(refused.failure)
    }
}
