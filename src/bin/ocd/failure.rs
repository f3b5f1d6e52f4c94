//! What `ocd` tells when something failed: what, why, and what to try.

use std::fmt;

use serde::Serialize;

use crate::exit_status;

/// The codes of a standard output that takes no more.
const BROKEN_PIPE: &str = "ocd.broken_pipe";
const OUTPUT: &str = "ocd.output";

/// The result of a command.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Something failed. Becomes lines on standard error, or one JSON object, and the exit status.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    /// The exit status.
    #[serde(skip)]
    pub(crate) status: u8,
    /// The stable code: the library's, or one that begins with `ocd.`.
    pub(crate) id: String,
    /// What failed.
    pub(crate) message: String,
    /// Why, outermost first.
    pub(crate) causes: Vec<String>,
    /// What to try.
    pub(crate) help: Vec<String>,
    /// What follows from it, such as a target that was not left as it should be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
    /// The command that OpenOCD refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
    /// OpenOCD's error number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<i32>,
    /// OpenOCD's log of the command that failed, or of its start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) log: Vec<String>,
}

impl Failure {
    pub(crate) fn new(status: u8, id: &str, message: impl Into<String>) -> Self {
        Failure {
            status,
            id: id.to_owned(),
            message: message.into(),
            causes: Vec::new(),
            help: Vec::new(),
            notes: Vec::new(),
            command: None,
            code: None,
            log: Vec::new(),
        }
    }

    /// The command line is wrong in a way that only its meaning shows.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Failure::new(exit_status::USAGE, "ocd.usage", message)
    }

    /// A signal ended the command; its status counts.
    pub(crate) fn interrupted(status: u8) -> Self {
        Failure::new(status, "ocd.interrupted", "interrupted")
    }

    /// Whether standard output takes no more.
    pub(crate) fn is_of_output(&self) -> bool {
        [BROKEN_PIPE, OUTPUT].contains(&&*self.id)
    }

    /// The failure of a command that may have been ended by a signal: then the signal's status
    /// counts, whatever failed at the end.
    pub(crate) fn after_signal(self, caught: Option<u8>) -> Self {
        match caught.filter(|_| self.status != exit_status::BROKEN_PIPE) {
            Some(status) => Failure { status, ..self },
            None => self,
        }
    }

    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Failure::new(exit_status::CONFIGURATION, "ocd.configuration", message)
    }

    /// A file of the user's cannot be read or written.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let message = format!("cannot {doing} {}", path.display());
        Failure::new(exit_status::CONFIGURATION, "ocd.file", message).cause(error.to_string())
    }

    #[must_use]
    pub(crate) fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    #[must_use]
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The same failure, as the cause of a larger one.
    #[must_use]
    pub(crate) fn within(mut self, message: impl Into<String>) -> Self {
        let cause = std::mem::replace(&mut self.message, message.into());
        self.causes.insert(0, cause);
        self
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// Standard output cannot be written.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Failure::new(exit_status::BROKEN_PIPE, BROKEN_PIPE, "nobody reads standard output any more");
        }
        Failure::new(exit_status::FAILED, OUTPUT, "cannot write to standard output").cause(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
