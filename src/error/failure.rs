//! What OpenOCD reported about a command that it refused.

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

    /// Whether OpenOCD refused because the target is not halted: by its own number (`ERROR_TARGET_NOT_HALTED`), or, where
    /// 0.12.0 lost the number on the way through Tcl, by its own words, or because a RISC-V hart that runs has no way to
    /// its memory.
    pub(crate) fn is_not_halted(&self) -> bool {
        let says_so = |text: &str| text.to_ascii_lowercase().contains("not halted");
        self.code == -304
            || (self.code == 1 && (says_so(&self.result) || says_so(&self.log)))
            || (self.code != 0 && needs_halted_hart(&self.log))
    }
}

/// Whether a RISC-V hart refused memory because it runs. OpenOCD logs why it took none of three ways, such as
/// `progbuf=skipped (target not halted), sysbus=disabled, abstract=disabled`, with the code -4
/// (`src/target/riscv/riscv-013.c`). Where one was tried and failed, the memory is at fault.
fn needs_halted_hart(log: &str) -> bool {
    log.contains("=skipped (target not halted)") && !log.contains("=failed")
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
