//! Three conditions that every subsystem knows, each with one text: an unexpected reply, an invalid
//! argument, a refusal.

use std::fmt;

use super::{Error, Failure};
use crate::error::text::excerpt;

/// OpenOCD's reply to a command could not be understood.
///
/// OpenOCD reported success, but the reply lacks what the call needs. Nothing of the reply was
/// used.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("unexpected reply to `{}`: expected {expected}, got {}", excerpt(command.as_bytes(), 120), or_nothing(reply))]
#[non_exhaustive]
pub struct UnexpectedReply {
    /// The command that was sent, as it reads in OpenOCD's manual.
    pub command: String,
    /// What the reply should have been.
    pub expected: &'static str,
    /// The reply.
    pub reply: String,
}

impl UnexpectedReply {
    pub(crate) fn new(command: impl Into<String>, expected: &'static str, reply: impl AsRef<[u8]>) -> Self {
        let reply = String::from_utf8_lossy(reply.as_ref()).into_owned();
        UnexpectedReply { command: command.into(), expected, reply }
    }
}

/// An argument of a call is invalid. Nothing was sent to OpenOCD.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {argument}: expected {expected}, got {}", excerpt(given.as_bytes(), 200))]
#[non_exhaustive]
pub struct InvalidArgument {
    /// Which argument, such as `polling interval`.
    pub argument: &'static str,
    /// What is valid.
    pub expected: &'static str,
    /// What was given.
    pub given: String,
}

impl InvalidArgument {
    #[allow(clippy::needless_pass_by_value, reason = "callers give numbers, texts and `format!`")]
    pub(crate) fn new(argument: &'static str, expected: &'static str, given: impl ToString) -> Self {
        InvalidArgument { argument, expected, given: given.to_string() }
    }
}

/// OpenOCD refused a command, for a reason that has no variant of its own.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {}: {failure}", excerpt(operation.as_bytes(), 200))]
#[non_exhaustive]
pub struct Refused {
    /// What the call was about to do, such as `set up RTT`.
    pub operation: String,
    /// What OpenOCD reported.
    pub failure: Box<Failure>,
}

impl Refused {
    pub(crate) fn new(operation: impl Into<String>, failure: Box<Failure>) -> Self {
        Refused { operation: operation.into(), failure }
    }
}

/// One line each, as `Display` writes it: people read it through `unwrap` and `expect`.
macro_rules! debug_as_text {
    ($($type:ident),*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self)
            }
        }
    )*};
}

debug_as_text!(UnexpectedReply, InvalidArgument, Refused);

/// An enum of errors that holds the three: what [`Session::ask`](crate::Session::ask) needs to know
/// of a subsystem.
pub(crate) trait Subsystem: From<UnexpectedReply> + From<Refused> + Into<Error> {}

impl<E: From<UnexpectedReply> + From<Refused> + Into<Error>> Subsystem for E {}

fn or_nothing(reply: &str) -> String {
    let shown = excerpt(reply.as_bytes(), 200);
    if shown.is_empty() { "nothing".to_owned() } else { format!("`{shown}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_one_line_that_says_what_was_expected() {
        let error = UnexpectedReply::new("adapter speed", "a speed in kHz", b"a\nb\x1b[2J\n");
        assert_eq!(
            error.to_string(),
            "unexpected reply to `adapter speed`: expected a speed in kHz, got `a; b\\u{1b}[2J`"
        );
        let error = UnexpectedReply::new("dap names", "a list of names", b"");
        assert_eq!(error.to_string(), "unexpected reply to `dap names`: expected a list of names, got nothing");
        let error = InvalidArgument::new("polling interval", "whole milliseconds, at least 1", "1.5ms");
        assert_eq!(error.to_string(), "invalid polling interval: expected whole milliseconds, at least 1, got 1.5ms");
        let failure = Failure::new("rtt setup", -4, String::new(), "no luck\n".to_owned());
        let error = Refused::new("set up RTT", Box::new(failure));
        assert_eq!(error.to_string(), "cannot set up RTT: OpenOCD refused `rtt setup` (code -4): no luck");
    }
}
