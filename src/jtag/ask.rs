//! The one way to ask the chain, and the errors for what is in the way.

use super::Jtag;
use crate::command::{Reply, Request, Script};
use crate::error::{Failure, JtagError, Refused, Result};
use crate::wire::tcl;

/// What a call is about to do, for the error if it cannot.
pub(super) struct Operation<'o> {
    what: &'o str,
    /// The TAP that it is about; empty for none.
    tap: &'o str,
    /// The value that may be too wide.
    value: u64,
}

impl<'o> Operation<'o> {
    pub(super) fn of(what: &'o str) -> Self {
        Operation { what, tap: "", value: 0 }
    }

    pub(super) fn on(tap: &'o str, what: &'o str) -> Self {
        Operation { what, tap, value: 0 }
    }

    pub(super) fn with_value(self, value: u64) -> Self {
        Operation { value, ..self }
    }

    pub(super) fn refused(&self, failure: Box<Failure>) -> JtagError {
        let tap = if self.tap.is_empty() { String::new() } else { format!(" TAP {}", self.tap) };
        Refused::new(format!("{}{tap}", self.what), failure).into()
    }

    /// The error for the word that a procedure returned in place of `done`.
    fn obstacle(&self, words: &[String], request: &Request<'_>, reply: &Reply<'_>) -> crate::error::Error {
        let tap = self.tap.to_owned();
        let rest = || words[1..].to_vec();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let error = match words[..] {
            ["transport", transport] => JtagError::WrongTransport { transport: transport.to_owned() },
            ["unknown", ..] => JtagError::UnknownTap { name: tap, known: rest() },
            ["disabled"] => JtagError::TapDisabled { tap },
            ["bypass"] => JtagError::Bypass { tap },
            ["mismatch"] => {
                let log = String::from_utf8_lossy(&reply.log).into_owned();
                JtagError::ChainMismatch { log, failure: None }
            }
            ["dropped"] => JtagError::SurroundingsDropped,
            ["duplicate"] => JtagError::DuplicateTap { tap },
            ["width", bits] => JtagError::ValueTooWide {
                what: format!("the instruction register of {tap}"),
                value: format!("{:#x}", self.value),
                bits: bits.parse().unwrap_or_default(),
            },
            _ => return reply.unexpected::<JtagError>(request),
        };
        error.into()
    }
}

impl Jtag<'_> {
    /// Runs a procedure of `jtag.tcl` and reads what follows its `done`.
    pub(super) fn ask<T>(
        &self,
        script: &Script,
        shown: impl Into<String>,
        operation: &Operation<'_>,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T> {
        let request = request(script, shown);
        self.run(&request, operation, |failure| operation.refused(failure), |reply, _| read(reply))
    }

    /// Runs a request that [`request`] made, with an error of its own for a refusal. `read` gets
    /// what follows `done`, and OpenOCD's log.
    pub(super) fn run<T>(
        &self,
        request: &Request<'_>,
        operation: &Operation<'_>,
        refused: impl FnOnce(Box<Failure>) -> JtagError,
        read: impl FnOnce(&[u8], &[u8]) -> Option<T>,
    ) -> Result<T> {
        self.session.run(request, |reply| {
            let words = reply.value_or(request, refused, tcl::all_strings)?;
            match words.first().map(String::as_str) {
                Some("done") => {
                    let mut elements = tcl::elements(&reply.result);
                    let answer = elements.nth(1).and_then(std::result::Result::ok).unwrap_or_default();
                    read(&answer, &reply.log).ok_or_else(|| reply.unexpected::<JtagError>(request))
                }
                Some(_) => Err(operation.obstacle(&words, request, reply)),
                None => Err(reply.unexpected::<JtagError>(request)),
            }
        })?
    }
}

/// The request for a procedure of `jtag.tcl`.
pub(super) fn request(script: &Script, shown: impl Into<String>) -> Request<'static> {
    let script = Script::call("jtag").script(script);
    Request::new(script).shown(shown.into()).expecting("what the command returns")
}
