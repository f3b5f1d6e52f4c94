//! What a command gave, for those who want all of it.

use std::borrow::Cow;

use super::{Reply, Request};
use crate::error::Result;

/// What a command gave: OpenOCD's code, the result and the log, apart from each other.
///
/// From [`Session::execute`](crate::Session::execute), which reports a refusal here and not as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
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

    /// OpenOCD's error number; 0 and nothing else is success.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// The command succeeded.
    pub fn is_success(&self) -> bool {
        self.code == 0
    }

    /// What the command returned, byte for byte.
    pub fn result(&self) -> &[u8] {
        &self.result
    }

    /// What the command returned, as text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.result)
    }

    /// What OpenOCD logged while the command ran: its messages of the levels that its `debug_level` lets through.
    pub fn log(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.log)
    }

    /// The result as text if the command succeeded, otherwise the error that it stands for.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`](crate::TargetError::NotHalted) if OpenOCD refused because the target runs,
    /// [`CommandError::Failed`](crate::CommandError::Failed) for any other refusal, [`CommandError::NotText`](crate::CommandError::NotText) if the result is not UTF-8.
    pub fn into_result(self) -> Result<String> {
        let (result, log) = (Cow::Owned(self.result), Cow::Owned(self.log));
        Reply { code: self.code, result, log }.text(&Request::new(self.command))
    }
}
