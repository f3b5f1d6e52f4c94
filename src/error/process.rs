//! The OpenOCD process failed.

use std::fmt;
use std::io;
use std::process::ExitStatus;

/// OpenOCD could not be started, or did not come up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// There is no such program.
    #[error("no openocd binary: looked for {searched}; install OpenOCD, name the binary, or set OPENOCD")]
    BinaryNotFound {
        /// Where it was looked for.
        searched: String,
    },
    /// The operating system would not start the program.
    #[error("cannot start {program}")]
    Spawn {
        /// The program's path.
        program: String,
        /// The system's error.
        source: io::Error,
    },
    /// The configuration is empty or cannot be split into arguments. Nothing was started.
    #[error("the OpenOCD configuration {config:?} is not usable: {problem}")]
    InvalidConfig {
        /// The configuration as given.
        config: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// OpenOCD ended before it was ready: a bad configuration, no adapter, a port that is taken, a crash.
    #[error("OpenOCD ended before it was ready{}; {report}", headline(report))]
    ExitedDuringStartup {
        /// Exit status, command line and log.
        report: Box<ProcessReport>,
    },
    /// What answers on the port is not the OpenOCD that was started.
    #[error("port {port} is answered by another program than the OpenOCD that was started; {report}")]
    ForeignServer {
        /// The TCL port.
        port: u16,
        /// Command line and log.
        report: Box<ProcessReport>,
    },
    /// OpenOCD did not end although it was asked to and then killed, or its status could not be had.
    #[error("cannot stop OpenOCD (process {pid})")]
    Stop {
        /// Its process number.
        pid: u32,
        /// The system's error.
        source: io::Error,
    },
}

impl ProcessError {
    /// The report on the process, if one was started.
    pub fn report(&self) -> Option<&ProcessReport> {
        match self {
            ProcessError::ExitedDuringStartup { report } | ProcessError::ForeignServer { report, .. } => Some(report),
            _ => None,
        }
    }
}

/// The first line that OpenOCD itself marks as an error: `Error: …`, or of a script `embedded:startup.tcl:28: Error: …`.
fn headline(report: &ProcessReport) -> String {
    let line = report.log_tail.iter().find_map(|line| {
        let (place, message) = line.split_once("Error: ")?;
        (place.is_empty() || place.ends_with(": ")).then_some(message)
    });
    line.map(|line| format!(": {line}")).unwrap_or_default()
}

/// What is known of an OpenOCD process when something went wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessReport {
    /// The command line, program first, quoted so that a POSIX shell takes it as it stands. Printed is only what the
    /// caller asked for, without the scripts that this crate adds.
    pub command_line: String,
    pub(crate) readable_line: String,
    /// How it ended; `None` if it was still running.
    pub exit_status: Option<ExitStatus>,
    /// The last lines of its log (its standard error), oldest first.
    pub log_tail: Vec<String>,
}

impl fmt::Display for ProcessReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.exit_status {
            Some(status) => write!(f, "{status}")?,
            None => f.write_str("it was still running")?,
        }
        write!(f, "\ncommand line: {}\nend of its log:", self.readable_line)?;
        if self.log_tail.is_empty() {
            f.write_str(" (empty)")?;
        }
        let shown = self.log_tail.len().saturating_sub(20);
        for line in &self.log_tail[shown..] {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}
