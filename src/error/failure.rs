//! What OpenOCD reported about a command that it refused.

use std::fmt;

use crate::error::text::excerpt;

/// The code of `exit` and `shutdown` (`ERROR_COMMAND_CLOSE_CONNECTION`).
const CLOSES_CONNECTION: i32 = -600;

/// What the procedure `no_temporary_file` says.
pub(crate) const NO_TEMPORARY_FILE: &str = "cannot write a temporary file in ";

/// How much of OpenOCD's message or log an error shows, in bytes.
const SHOWN: usize = 600;

/// What OpenOCD said when it refused a command: the command, its number, its message, its log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Failure {
    command: String,
    code: i32,
    result: String,
    log: String,
}

impl Failure {
    pub(crate) fn new(command: impl Into<String>, code: i32, result: String, log: String) -> Self {
        let log =
            if log.contains(STACK_BEGIN) || log.contains("in procedure '") { without_call_stacks(&log) } else { log };
        Failure { command: command.into(), code, result, log }
    }

    /// The same failure, of one of the commands that a procedure has run.
    pub(crate) fn of_command(mut self, command: String) -> Self {
        self.command = command;
        self
    }

    /// The command as it reads in OpenOCD's manual, such as `read_memory 0x20000000 32 4`.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// OpenOCD's error number: -304 is "target not halted", -4 the general one. 1 where OpenOCD
    /// gives none. 0 where OpenOCD reported success, but its log or the target's state shows that
    /// the command failed.
    ///
    /// The numbers are the `ERROR_…` constants of OpenOCD's headers (`src/helper/log.h`,
    /// `src/target/target.h`, `src/flash/common.h`, …).
    pub fn code(&self) -> i32 {
        self.code
    }

    /// OpenOCD's message: what the command returned, or what it logged if it returned nothing that
    /// says more.
    ///
    /// Tcl's call stack and the usage of a command's relatives are left out; the call stack says
    /// nothing about the cause.
    pub fn message(&self) -> &str {
        let result = without_call_stack(&self.result);
        let message = if result.is_empty() || is_of_ours(result) { self.log.trim() } else { result };
        match message {
            "" if self.code == CLOSES_CONNECTION => "the command closes its connection",
            message => without_other_usages(message, &self.command),
        }
    }

    /// Everything logged while the command ran, line by line as OpenOCD wrote it, but for Tcl's call
    /// stacks; empty if nothing was logged.
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
            // Master reads the privilege level before each access. Nothing else in the log: the
            // wires work.
            || (self.code == -4
                && self.log.contains("Failed to read priv register.")
                && self.log.trim().lines().all(|line| without_target(line) == "Failed to read priv register."))
    }

    /// Whether OpenOCD could not write a temporary file, so that it did nothing else.
    pub(crate) fn is_of_temporary_file(&self) -> bool {
        self.result.starts_with(NO_TEMPORARY_FILE)
    }

    /// Whether the command was, or ran, `shutdown`. OpenOCD then ends as soon as it has answered.
    fn ends_openocd(&self) -> bool {
        let says = |text: &str| text.lines().any(|line| line.trim() == "shutdown command invoked");
        says(&self.result) || says(&self.log)
    }

    /// Whether OpenOCD has not reached the target, or lost it: nothing works until it is examined.
    /// 0.12.0 has no number of its own for this.
    fn is_not_examined(&self) -> bool {
        let says = |text: &str| text.contains("not examined");
        self.code == -311 || says(&self.result) || says(&self.log)
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

/// A line of the log without the name of the target, `[hart0.cpu] `, which newer OpenOCD puts
/// before it.
fn without_target(line: &str) -> &str {
    line.strip_prefix('[').and_then(|rest| rest.split_once("] ")).map_or(line, |(_, rest)| rest)
}

/// The message before the call stack that Tcl adds: newer OpenOCD writes `Traceback (most recent
/// call last):`, 0.12.0 `in procedure 'name'`.
fn without_call_stack(result: &str) -> &str {
    let starts = [STACK_BEGIN, "in procedure '", "at file \""];
    let mut end = 0;
    for line in result.split_inclusive('\n') {
        if starts.iter().any(|start| line.trim_start().starts_with(start)) {
            break;
        }
        end += line.len();
    }
    result[..end].trim()
}

const STACK_BEGIN: &str = "Traceback (most recent call last):";

/// A log without the call stacks of event handlers that failed. An empty line stands for each, so that
/// what follows is not taken for the message of the handler.
fn without_call_stacks(log: &str) -> String {
    let mut kept = String::with_capacity(log.len());
    let mut is_stack = false;
    for line in log.split_inclusive('\n') {
        let was_stack = is_stack;
        let is_of_stack = [", in ", "  File \"", "    "].iter().any(|start| line.starts_with(start));
        is_stack = line.trim_end() == STACK_BEGIN || line.starts_with("in procedure '") || (was_stack && is_of_stack);
        if !is_stack {
            kept.push_str(line);
        } else if !was_stack {
            kept.push('\n');
        }
    }
    kept
}

/// The message is the name of one of our procedures, and the cause is in the log.
fn is_of_ours(message: &str) -> bool {
    message.starts_with("_openocd_rs_") && !message.contains(char::is_whitespace)
}

/// The one usage that concerns the command. OpenOCD answers an unknown subcommand with the usage of
/// all subcommands of its group, and of whatever else contains the group's name.
fn without_other_usages<'m>(message: &'m str, command: &str) -> &'m str {
    let mut words = command.split_whitespace();
    let (Some(group), subcommand) = (words.next(), words.next()) else { return message };
    let mut lines = message.lines();
    let is_usage = lines.next().is_some_and(|first| first.trim() == group)
        && lines.clone().count() > 1
        && lines.clone().next().is_some_and(|line| line.trim_start().starts_with(group));
    if !is_usage {
        return message;
    }
    let concerns = |line: &&str| {
        let mut words = line.split_whitespace();
        words.next() == Some(group) && subcommand.is_some() && words.next() == subcommand
    };
    // Without its own usage the subcommand is unknown, and the list of the others does not say so.
    lines.find(concerns).map_or("unknown or incomplete command", str::trim)
}

/// The log without lines such as `sleep milliseconds ['busy']`: the usage of commands, which 0.12.0
/// logs for an unknown subcommand.
fn without_usages(log: &str) -> String {
    let is_usage = |line: &&str| line.trim_end().ends_with(']') && !line.trim_start().starts_with('[');
    log.lines().filter(|line| !is_usage(line)).collect::<Vec<_>>().join("\n")
}

/// "OpenOCD refused `step` (code -304): target not halted"
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message();
        let command = excerpt(self.command.as_bytes(), 120);
        if self.code == 0 {
            // The call checked what OpenOCD said and did, and found a failure.
            write!(f, "OpenOCD reported `{command}` as done")?;
            if message.is_empty() {
                return Ok(());
            }
            return write!(f, ", but said: {}", excerpt(message.as_bytes(), SHOWN));
        }
        // Of such a command the code is no failure.
        if self.code == CLOSES_CONNECTION {
            return if self.ends_openocd() {
                write!(f, "OpenOCD ends and closes the connection, as `{command}` asks (code {})", self.code)
            } else {
                let hint = "; `Session::raw` sends it, `Session::close` ends a session";
                let code = self.code;
                write!(f, "`{command}` asks OpenOCD to close the connection (code {code}), which stays open{hint}")
            };
        }
        write!(f, "OpenOCD refused `{command}` (code {})", self.code)?;
        if message.is_empty() {
            return write!(f, " and gave no reason");
        }
        write!(f, ": {}", excerpt(message.as_bytes(), SHOWN))?;
        // The message of many commands of newer OpenOCD is the command's bare name, and the cause
        // is in the log.
        let cause = without_usages(self.log.trim());
        let cause = cause.as_str();
        if !self.result.trim().is_empty() && !cause.is_empty() && cause != message {
            write!(f, " [log: {}]", excerpt(cause.as_bytes(), SHOWN))?;
        }
        if self.is_not_examined() {
            write!(f, "; `Target::reexamine` examines a target that has power again")?;
        }
        Ok(())
    }
}

/// One line, as [`Display`](fmt::Display) writes it: people read it through `unwrap` and `expect`.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({self})")
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

        assert!(is_not_halted(-4, "", "[hart0.cpu] Failed to read priv register.\n"));

        assert!(!is_not_halted(-4, "", "no power\n[hart0.cpu] Failed to read priv register.\n"));
        assert!(!is_not_halted(-4, "", "Could not read register 'utvt'\n"), "the hart lacks it");
        assert!(!is_not_halted(-4, "", "dmi_scan failed jtag scan\nCould not read register 'pc'\n"), "no power");
        assert!(!is_not_halted(-4, "", "DMI operation didn't complete\nCould not read register 'a0'\n"));
        assert!(!is_not_halted(1, "", "progbuf=skipped (target not halted), sysbus=failed, abstract=failed"));
        assert!(!is_not_halted(-107, "", "Could not read register 'r3'\n"));
        assert!(!is_not_halted(-4, "", "TARGET: t - Not halted"), "a reset that failed");
    }

    fn failure(command: &str, code: i32, result: &str, log: &str) -> Failure {
        Failure::new(command, code, result.to_owned(), log.to_owned())
    }

    #[test]
    fn the_log_has_no_call_stack_of_a_handler() {
        let new = "a failed:\nboom\nTraceback (most recent call last):\n, in _openocd_rs_x_run\n    x {reset halt}\n  File \"embedded:startup.tcl\", line 1520, in y\n    error boom\nhalted\n    pc: 1\n";
        assert_eq!(failure("x", 0, "", new).log(), "a failed:\nboom\n\nhalted\n    pc: 1\n");
        let old =
            "Error: boom\nin procedure 'ocd_process_reset' \nin procedure 'y' called at file \"z\", line 1\nhalted\n";
        assert_eq!(failure("x", 0, "", old).log(), "Error: boom\n\nhalted\n");
    }

    #[test]
    fn call_stacks_are_no_messages() {
        let new = "no luck\nTraceback (most recent call last):\n, in _openocd_rs_x_run\n    capture x";
        assert_eq!(failure("x", 1, new, "").message(), "no luck");
        assert_eq!(failure("x", 1, "no luck\nin procedure 'x' called at file \"y\", line 1", "").message(), "no luck");
        let bare = "Traceback (most recent call last):\n, in _openocd_rs_x_step";
        assert_eq!(failure("step", -4, bare, "Error: power is off\n").message(), "Error: power is off");
        assert_eq!(failure("step", -4, "_openocd_rs_x_step", "power is off\n").message(), "power is off");
    }

    #[test]
    fn only_the_usage_of_the_command_itself_is_shown() {
        let usage = "flash\n  flash bank bank_id driver_name base\n            bus_width target\n  flash banks\n  flash list\nnand";
        assert_eq!(failure("flash bank x", -601, usage, "").message(), "flash bank bank_id driver_name base");
        assert_eq!(failure("flash nonsense", 1, usage, "").message(), "unknown or incomplete command");
        assert_eq!(failure("flash", 1, "", usage).message(), "unknown or incomplete command");
        assert_eq!(failure("adapter speed 1 2", -601, "  adapter speed [khz]", "").message(), "adapter speed [khz]");
        assert_eq!(failure("flash erase", -4, "flash\nis busy", "").message(), "flash\nis busy");
    }

    #[test]
    fn a_command_that_closes_the_connection_says_so() {
        let exit = failure("exit", -600, "", "");
        assert_eq!(exit.message(), "the command closes its connection");
        let text = "`exit` asks OpenOCD to close the connection (code -600), which stays open; `Session::raw` sends it, `Session::close` ends a session";
        assert_eq!(exit.to_string(), text);
        let text = "OpenOCD ends and closes the connection, as `shutdown` asks (code -600)";
        // 0.12.0, and newer OpenOCD.
        for (result, log) in [("", "shutdown command invoked\n"), ("shutdown command invoked\n", "")] {
            let shutdown = failure("shutdown", -600, result, log);
            assert_eq!((shutdown.message(), shutdown.to_string().as_str()), ("shutdown command invoked", text));
        }
    }

    #[test]
    fn what_a_hostile_server_says_stays_on_one_line() {
        let failure = failure("a\nb\x1b[2J", -4, "c\r\nd\x07\u{202e}", "e\n\x1b]0;f\n");
        for text in [failure.to_string(), format!("{failure:?}"), format!("{failure:#?}")] {
            assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
        }
    }
}
