//! What goes wrong with the OpenOCD process.

use std::fmt;
use std::io;
use std::process::ExitStatus;

use crate::error::text::excerpt;

/// OpenOCD could not be started, ended during start-up, or could not be stopped.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// There is no openocd binary.
    #[error("no openocd binary: looked for {searched}; install OpenOCD, name the binary, or set OPENOCD")]
    BinaryNotFound {
        /// Where it was looked for.
        searched: String,
    },
    /// The operating system cannot start the program.
    #[error("cannot start {program}: {source}")]
    Spawn {
        /// The program's path.
        program: String,
        /// The system's error.
        source: io::Error,
    },
    /// The configuration is empty, or cannot be given to OpenOCD. Nothing was started.
    #[error("invalid OpenOCD configuration {}: {problem}", quoted(config))]
    InvalidConfig {
        /// The configuration as given.
        config: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// OpenOCD ended before it was ready: a bad configuration, no adapter, a port that is taken, a
    /// crash. [`ProcessReport::start_failure`] of the report tells which.
    ///
    /// OpenOCD 0.12.0 goes on if a GDB port is taken. Then this crate ended it, and its exit status
    /// is a success. A program that closes its log and goes on is no OpenOCD: it has no exit status
    /// here.
    #[error("OpenOCD {} before it was ready{}; {report}", ended_or_silent(report), report.cause().map(|cause| format!(": {cause}")).unwrap_or_default())]
    ExitedDuringStartup {
        /// Exit status, command line and log.
        report: Box<ProcessReport>,
    },
    /// The program that answers on the port is not the OpenOCD that was started.
    #[error("the program that answers on port {port} is not the OpenOCD that was started; {report}")]
    ForeignServer {
        /// The TCL port.
        port: u16,
        /// Command line and log.
        report: Box<ProcessReport>,
    },
    /// The flag of [`OpenOcdBuilder::cancel_flag`](crate::OpenOcdBuilder::cancel_flag) was set
    /// before OpenOCD was ready. OpenOCD was ended.
    #[error("the start of OpenOCD was cancelled")]
    Cancelled,
    /// The operating system did not end the process, or does not tell how it ended.
    #[error("cannot stop OpenOCD (process {pid}): {source}")]
    Stop {
        /// The process number.
        pid: u32,
        /// The system's error.
        source: io::Error,
    },
}

impl ProcessError {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            ProcessError::BinaryNotFound { .. } => "process.binary_not_found",
            ProcessError::Spawn { .. } => "process.spawn",
            ProcessError::InvalidConfig { .. } => "process.invalid_config",
            ProcessError::ExitedDuringStartup { .. } => "process.exited_during_startup",
            ProcessError::ForeignServer { .. } => "process.foreign_server",
            ProcessError::Cancelled => "process.cancelled",
            ProcessError::Stop { .. } => "process.stop",
        }
    }

    /// Returns the report on the process, if one was started.
    pub fn report(&self) -> Option<&ProcessReport> {
        match self {
            ProcessError::ExitedDuringStartup { report } | ProcessError::ForeignServer { report, .. } => Some(report),
            _ => None,
        }
    }
}

/// How many lines of the log `Display` shows, and `Debug`.
const DISPLAY_LINES: usize = 20;
const DEBUG_LINES: usize = 3;

/// How many bytes of a line of the log, or of a configuration, are shown.
const LINE_BYTES: usize = 400;

/// Errors of one of several attempts to find a probe. OpenOCD makes the next attempt, and says more
/// when the last one has failed.
const ATTEMPTS: [&str; 2] = [
    // The last backend of CMSIS-DAP, over TCP, which asks for a setting that a probe at USB lacks
    // (`cmsis_dap_tcp_open` in src/jtag/drivers/cmsis_dap_tcp.c).
    "The hostname or IP address of the CMSIS-DAP adapter must be specified",
    // Each pair of vendor and product (`open_matching_device` in src/jtag/drivers/mpsse.c).
    "no device found",
];

/// What is known of an OpenOCD process when something went wrong with it.
///
/// `Display` shows the exit status, the command line and the last 20 lines of the log, with control
/// characters escaped.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessReport {
    /// The command line that the builder describes, program first, quoted for a POSIX shell. It
    /// lacks the scripts that this crate adds.
    pub command_line: String,
    /// How the process ended; `None` if it was running.
    pub exit_status: Option<ExitStatus>,
    /// The last lines of its log (its standard error), oldest first, as OpenOCD wrote them.
    pub log_tail: Vec<String>,
}

impl ProcessReport {
    /// The first line that OpenOCD itself marks as an error: `Error: …`, or of a script
    /// `embedded:startup.tcl:28: Error: …`. What follows an error is mostly its consequence.
    fn cause(&self) -> Option<String> {
        let mut messages = self.log_tail.iter().filter_map(|line| {
            let (place, message) = line.split_once("Error: ")?;
            (!message.trim().is_empty() && (place.is_empty() || place.ends_with(": "))).then_some(message)
        });
        let first = messages.next()?;
        let is_attempt = |message: &str| ATTEMPTS.contains(&message.trim());
        let cause = if is_attempt(first) { messages.find(|message| !is_attempt(message)) } else { Some(first) };
        Some(shown(cause.unwrap_or(first)))
    }

    /// The last lines of the log, for people: without OpenOCD's greeting.
    fn last_lines(&self, count: usize) -> impl Iterator<Item = String> + use<'_> {
        let lines = self.log_tail.iter().filter(|line| !is_greeting(line));
        let skipped = lines.clone().count().saturating_sub(count);
        lines.skip(skipped).map(|line| shown(line))
    }
}

/// What OpenOCD prints first in any case, and empty lines.
fn is_greeting(line: &str) -> bool {
    let greeting = ["Open On-Chip Debugger ", "Licensed under GNU GPL v2", "For bug reports, read"];
    line.trim().is_empty()
        || greeting.iter().any(|begin| line.starts_with(begin))
        || line.trim_start().starts_with("http://openocd.org/doc/doxygen/bugs.html")
}

fn shown(line: &str) -> String {
    excerpt(line.as_bytes(), LINE_BYTES)
}

fn ended_or_silent(report: &ProcessReport) -> &'static str {
    if report.exit_status.is_some() { "ended" } else { "closed its log" }
}

fn quoted(config: &str) -> String {
    // As `Debug` writes it, which escapes everything, but cut.
    let end = config.char_indices().nth(LINE_BYTES).map_or(config.len(), |(at, _)| at);
    let more = if end < config.len() { "…" } else { "" };
    format!("{:?}{more}", &config[..end])
}

impl fmt::Display for ProcessReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.exit_status {
            Some(status) => write!(f, "{status}")?,
            None => f.write_str("it was still running")?,
        }
        write!(f, "\ncommand line: {}\nend of its log:", self.command_line)?;
        let mut lines = self.last_lines(DISPLAY_LINES).peekable();
        if lines.peek().is_none() {
            f.write_str(" (empty)")?;
        }
        lines.try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl fmt::Debug for ProcessReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.exit_status.map_or("running".to_owned(), |status| status.to_string());
        f.debug_struct("ProcessReport")
            .field("exit_status", &format_args!("{status}"))
            .field("command_line", &format_args!("`{}`", shown(&self.command_line)))
            .field("log_tail", &self.last_lines(DEBUG_LINES).collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> ProcessReport {
        let mut log_tail: Vec<_> = (0..200).map(|n| format!("line {n}")).collect();
        log_tail.push(format!("Error: \x1b[2J{}", "x".repeat(4000)));
        log_tail.push("Error: later".to_owned());
        ProcessReport { command_line: "openocd -f a.cfg".to_owned(), exit_status: None, log_tail }
    }

    #[test]
    fn report_is_short_and_free_of_control_characters() {
        let error = ProcessError::ExitedDuringStartup { report: Box::new(report()) };
        let text = error.to_string();
        assert!(text.starts_with("OpenOCD closed its log before it was ready: \\u{1b}[2Jxxx"), "{text}");
        assert!(
            text.contains("still running\ncommand line: openocd -f a.cfg\nend of its log:\n  line 182\n"),
            "{text}"
        );
        assert!(text.ends_with("(4011 bytes in all)\n  Error: later"), "{text}");
        let debug = format!("{error:?}");
        assert_eq!(debug, format!("process.exited_during_startup: {text}"));
        for text in [text, debug] {
            assert!(text.len() < 1500 && !text.contains('\x1b'), "{text}");
        }
    }

    #[test]
    fn cause_is_the_first_error_that_says_enough() {
        // As OpenOCD 0.12.0 and a development version of August 2026 wrote them without a probe.
        let captured = [
            (
                "Error: The hostname or IP address of the CMSIS-DAP adapter must be specified\nError: unable to find a matching CMSIS-DAP device\n",
                Some("unable to find a matching CMSIS-DAP device"),
            ),
            // Somebody has chosen the backend `tcp`.
            (
                "Error: The hostname or IP address of the CMSIS-DAP adapter must be specified\n",
                Some("The hostname or IP address of the CMSIS-DAP adapter must be specified"),
            ),
            (
                "Error: no device found\nError: unable to open ftdi device with vid 15ba, pid 002b\n",
                Some("unable to open ftdi device with vid 15ba, pid 002b"),
            ),
            (
                "Error: Couldn't export gpio 11\nError: sysfsgpio: No such file or directory\n",
                Some("Couldn't export gpio 11"),
            ),
            (
                "Error: JTAG scan chain interrogation failed: all ones\nError: Check JTAG interface, timings, target power, etc.\n",
                Some("JTAG scan chain interrogation failed: all ones"),
            ),
            ("usb-jtag.cfg:36: Error: \nin procedure 'script'\n", None),
            ("Info : clock speed 1000 kHz\n", None),
        ];
        for (log, cause) in captured {
            let log_tail = log.lines().map(str::to_owned).collect();
            assert_eq!(ProcessReport { log_tail, ..report() }.cause().as_deref(), cause, "{log}");
        }
    }

    #[test]
    fn report_lacks_the_greeting_of_openocd() {
        let lines = [
            "Open On-Chip Debugger 0.12.0",
            "Licensed under GNU GPL v2",
            "For bug reports, read",
            "\thttp://openocd.org/doc/doxygen/bugs.html",
            "Error: open failed",
            "",
        ];
        let text = ProcessReport { log_tail: lines.map(str::to_owned).to_vec(), ..report() }.to_string();
        assert!(text.ends_with("end of its log:\n  Error: open failed"), "{text}");
        let text = ProcessReport { log_tail: lines[..4].iter().map(|line| (*line).to_owned()).collect(), ..report() };
        assert!(text.to_string().ends_with("end of its log: (empty)"), "{text}");
    }

    #[test]
    fn invalid_configuration_is_cut() {
        let error = ProcessError::InvalidConfig { config: "\0".to_owned() + &"é".repeat(9999), problem: "it is long" };
        let text = error.to_string();
        assert!(
            text.starts_with("invalid OpenOCD configuration \"\\0éé") && text.ends_with("é\"…: it is long"),
            "{text}"
        );
    }
}
