//! Commands that OpenOCD refused, or that were never sent.

use std::fmt;

use crate::error::text::excerpt;

/// What OpenOCD said when it refused a command: the command, its number, its message, its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    command: String,
    code: i32,
    result: String,
    log: String,
}

impl Failure {
    pub(crate) fn new(command: impl Into<String>, code: i32, result: String, log: String) -> Self {
        Failure { command: command.into(), code, result, log }
    }

    /// The command as it reads in OpenOCD's manual, such as `read_memory 0x20000000 32 4`.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// OpenOCD's error number: -304 is "target not halted", -4 the general one; 1 where OpenOCD gives none; 0 where OpenOCD reported
    /// success, but its log or the target's state show that the command failed.
    ///
    /// The numbers are the `ERROR_…` constants of OpenOCD's headers (`src/helper/log.h`, `src/target/target.h`,
    /// `src/flash/common.h`, …).
    pub fn code(&self) -> i32 {
        self.code
    }

    /// OpenOCD's message: what the command returned, or what it logged when it returned nothing.
    pub fn message(&self) -> &str {
        let result = self.result.trim();
        if result.is_empty() { self.log.trim() } else { result }
    }

    /// Everything logged while the command ran, line by line as OpenOCD wrote it; empty if nothing was.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// OpenOCD refused because the target runs: its own number for it (`ERROR_TARGET_NOT_HALTED`), or, where
    /// 0.12.0 lost the number on the way through Tcl, its own words for it.
    pub(crate) fn is_not_halted(&self) -> bool {
        let says_so = |text: &str| text.to_ascii_lowercase().contains("not halted");
        self.code == -304 || (self.code == 1 && (says_so(&self.result) || says_so(&self.log)))
    }
}

/// "OpenOCD refused `step` (code -304): target not halted"
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message();
        if self.code == 0 {
            // The call looked at what OpenOCD said and did, and found that it failed all the same.
            write!(f, "OpenOCD reported `{}` as done", excerpt(self.command.as_bytes(), 120))?;
            if message.is_empty() {
                return Ok(());
            }
            return write!(f, ", but said: {}", excerpt(message.as_bytes(), 600));
        }
        write!(f, "OpenOCD refused `{}` (code {})", excerpt(self.command.as_bytes(), 120), self.code)?;
        if message.is_empty() {
            return write!(f, " and gave no reason");
        }
        write!(f, ": {}", excerpt(message.as_bytes(), 600))?;
        // On master the message of many commands is a bare name of the command, and the cause is in the log.
        let cause = self.log.trim();
        if !self.result.trim().is_empty() && !cause.is_empty() {
            write!(f, " [log: {}]", excerpt(cause.as_bytes(), 600))?;
        }
        Ok(())
    }
}

/// A command failed, or could not be sent as it was given.
#[derive(Debug, thiserror::Error)]
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
    /// OpenOCD answered with what cannot be understood as an answer to the command.
    #[error("the answer to `{}` should be {expected}, but is {}", excerpt(command.as_bytes(), 120), excerpt(reply.as_bytes(), 200))]
    UnexpectedReply {
        /// The command sent.
        command: String,
        /// What was expected.
        expected: &'static str,
        /// The answer.
        reply: String,
    },
    /// A call in a [`Batch`](crate::Batch) was not run, as far as is known.
    #[error("`{}` was not run: {why}", excerpt(command.as_bytes(), 120))]
    NotRun {
        /// The command.
        command: String,
        /// Why not.
        why: &'static str,
    },
    /// The result of the command is not UTF-8. [`Session::execute`](crate::Session::execute) gives its bytes.
    #[error("the result of `{}` is not UTF-8 text; `Session::execute` gives its bytes", excerpt(command.as_bytes(), 120))]
    NotText {
        /// The command sent.
        command: String,
    },
}
