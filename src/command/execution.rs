//! The whole outcome of a command.

use std::borrow::Cow;
use std::fmt;

use super::{Reply, Request};
use crate::error::Result;
use crate::error::text::excerpt;

/// The outcome of a command: OpenOCD's code, the result and the log, separate from each other.
///
/// [`Session::execute`](crate::Session::execute) returns it, also for a command that OpenOCD
/// refused.
#[derive(Clone, PartialEq, Eq)]
pub struct Execution {
    command: String,
    code: i32,
    result: Vec<u8>,
    log: Vec<u8>,
}

impl Execution {
    pub(crate) fn new(request: &Request<'_>, reply: &Reply<'_>) -> Self {
        let (result, log) = (reply.result.to_vec(), reply.log.to_vec());
        Execution { command: request.name().to_owned(), code: reply.code, result, log }
    }

    /// The command that was executed.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// OpenOCD's error number. Only 0 is success.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// Whether the command succeeded.
    pub fn is_success(&self) -> bool {
        self.code == 0
    }

    /// What the command returned, byte for byte.
    pub fn result(&self) -> &[u8] {
        &self.result
    }

    /// What the command returned, as text. Bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.result)
    }

    /// What OpenOCD logged while the command ran: the messages of the levels that its `debug_level`
    /// admits.
    pub fn log(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.log)
    }

    /// Returns the result as text if the command succeeded, and otherwise the error of the refusal.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`](crate::TargetError::NotHalted) if OpenOCD refused because the
    /// target runs, [`CommandError::Failed`](crate::CommandError::Failed) for any other refusal,
    /// [`CommandError::NotText`](crate::CommandError::NotText) if the result is not UTF-8.
    pub fn into_result(self) -> Result<String> {
        let (result, log) = (Cow::Owned(self.result), Cow::Owned(self.log));
        Reply { code: self.code, result, log }.text(&Request::new(self.command))
    }
}

/// `Execution(mdw 0x0 -> -4 "…")`
impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [command, result, log] =
            [self.command.as_bytes(), &self.result, &self.log].map(|bytes| excerpt(bytes, 120));
        write!(f, "Execution({command} -> {} \"{result}\", log \"{log}\")", self.code)
    }
}
