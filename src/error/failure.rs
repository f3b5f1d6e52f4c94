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

    /// OpenOCD's error number: -304 is "target not halted", -4 the general one; 1 where OpenOCD
    /// gives none; 0 where OpenOCD reported success, but its log or the target's state show that
    /// the command failed.
    ///
    /// The numbers are the `ERROR_…` constants of OpenOCD's headers (`src/helper/log.h`,
    /// `src/target/target.h`, `src/flash/common.h`, …).
    pub fn code(&self) -> i32 {
        self.code
    }

    /// OpenOCD's message: what the command returned, or what it logged when it returned nothing.
    pub fn message(&self) -> &str {
        let result = self.result.trim();
        if result.is_empty() { self.log.trim() } else { result }
    }

    /// Everything logged while the command ran, line by line as OpenOCD wrote it; empty if nothing
    /// was.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// Whether OpenOCD refused because the target runs: by its own number for it
    /// (`ERROR_TARGET_NOT_HALTED`), or by its own words where the number was lost.
    pub(crate) fn is_not_halted(&self) -> bool {
        if self.code == -304 {
            return true;
        }
        let says = |text: &str| self.result.contains(text) || self.log.contains(text);
        // The wires are broken, or the hart's system bus was tried and refused: halting would not
        // help.
        if says("failed jtag scan") || says("sysbus=failed") {
            return false;
        }
        // 0.12.0 gives 1 for everything that goes through Tcl. RISC-V has no number for a running
        // hart: its memory is then out of reach without a system bus, and not even the registers
        // can be read that every hart has.
        let lower = |text: &str| text.to_ascii_lowercase().contains("not halted");
        (self.code == 1 && (lower(&self.result) || lower(&self.log)))
            || says("progbuf=skipped (target not halted)")
            || says("Hart isn't halted before single step")
            || (self.code == -4 && is_basic_register_refused(self.log.trim()))
    }
}

/// Whether this is all that OpenOCD says: that it could not read a register that every RISC-V hart
/// has.
fn is_basic_register_refused(log: &str) -> bool {
    const NAMES: [&str; 7] = ["pc", "zero", "ra", "sp", "gp", "tp", "fp"];
    let name = log.strip_prefix("Could not read register '").and_then(|rest| rest.strip_suffix('\''));
    name.is_some_and(|name| {
        let number = name.strip_prefix(['x', 'a', 's', 't']).and_then(|digits| digits.parse::<u8>().ok());
        NAMES.contains(&name) || number.is_some_and(|number| number < 32)
    })
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
        // On master the message of many commands is a bare name of the command, and the cause is in
        // the log.
        let cause = self.log.trim();
        if !self.result.trim().is_empty() && !cause.is_empty() {
            write!(f, " [log: {}]", excerpt(cause.as_bytes(), 600))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_not_halted(code: i32, result: &str, log: &str) -> bool {
        Failure::new("x", code, result.to_owned(), log.to_owned()).is_not_halted()
    }

    #[test]
    fn a_running_target_is_told_from_other_refusals() {
        let skipped = "progbuf=skipped (target not halted), sysbus=skipped (unsupported size), abstract=failed";
        assert!(is_not_halted(-304, "", ""));
        assert!(is_not_halted(1, "read_memory: failed", "Error: target not halted"));
        assert!(is_not_halted(-4, "failed to read memory", skipped));
        assert!(is_not_halted(-4, "", "Could not read register 'pc'\n"));
        assert!(is_not_halted(-4, "", "Could not read register 'a0'\n"));
        assert!(is_not_halted(-4, "", "Hart isn't halted before single step!\nunable to step rtos hart\n"));

        assert!(!is_not_halted(-4, "", "Could not read register 'utvt'\n"), "the hart lacks it");
        assert!(!is_not_halted(-4, "", "dmi_scan failed jtag scan\nCould not read register 'pc'\n"), "no power");
        assert!(!is_not_halted(-4, "", "DMI operation didn't complete\nCould not read register 'a0'\n"));
        assert!(!is_not_halted(1, "", "progbuf=skipped (target not halted), sysbus=failed, abstract=failed"));
        assert!(!is_not_halted(-107, "", "Could not read register 'r3'\n"));
        assert!(!is_not_halted(-4, "", "TARGET: t - Not halted"), "a reset that failed");
    }
}
