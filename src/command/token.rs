//! The token by which this program knows the OpenOCD that it started.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::error::{ConnectionError, ProcessReport, Result};

/// How many digits at the start of a token are its mark.
const MARK_DIGITS: usize = 8;

/// Digits of a token, and of a sequence number that begins with its mark.
const DIGITS: usize = 19;

/// How many sequence numbers begin with one mark.
const SEQUENCES: u64 = 10_u64.pow(11);

/// A number of 19 digits that only one OpenOCD knows.
///
/// Its first eight digits are the mark of that OpenOCD. Every sequence number that is sent there
/// begins with the mark, so the reader of the log can tell the replies, which OpenOCD repeats in
/// its log, from what belongs there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    /// Makes a token that nobody can guess.
    pub(crate) fn random() -> Self {
        // The standard library's only source of randomness: keyed hashes, the keys from the
        // operating system.
        let random = |n: u64| RandomState::new().hash_one(n);
        // The first digit is at most 8, so every sequence number fits in 64 bits.
        let mark = 10_000_000 + random(0) % 80_000_000;
        Token(format!("{mark}{:011}", random(1) % SEQUENCES))
    }

    /// Reads a token that an OpenOCD tells.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_token = text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_digit()) && text.as_bytes()[0] < b'9';
        is_token.then(|| Token(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn mark(&self) -> &str {
        &self.0[..MARK_DIGITS]
    }

    /// The number before the first sequence number of a new connection. `last` was the last one of
    /// the connection before, which may have been to another OpenOCD.
    pub(crate) fn sequence_after(&self, last: u64) -> u64 {
        let mark: u64 = self.mark().parse().unwrap_or_default();
        if last / SEQUENCES == mark { last } else { mark * SEQUENCES }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// The OpenOCD that this program started, as its connections know it.
#[derive(Clone)]
pub(crate) struct OwnServer {
    pub(crate) token: Token,
    /// A report, once the process has ended.
    pub(crate) ended: Arc<dyn Fn() -> Option<ProcessReport> + Send + Sync>,
}

impl OwnServer {
    /// Fails if the process has ended: whatever answers at its port then is another program.
    pub(crate) fn check_running(&self, doing: &'static str) -> Result<()> {
        match (self.ended)() {
            Some(report) => Err(ConnectionError::ServerDied { doing, report: Box::new(report) }.into()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for OwnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnServer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_begin_with_the_mark_of_the_token() {
        for _ in 0..100 {
            let token = Token::random();
            assert_eq!(Token::parse(token.as_str()), Some(token.clone()));
            let first = token.sequence_after(0);
            let sequence = (first + 12_345).to_string();
            assert_eq!(sequence.len(), DIGITS);
            assert!(sequence.starts_with(token.mark()));
            assert_eq!(token.sequence_after(first + 12_345), first + 12_345);
            // Those of an OpenOCD before, whose mark may be greater.
            assert_eq!(token.sequence_after(u64::MAX), first);
        }
        for other in ["", "5f", "999", "9999999999999999999", "123456789012345678x", "12345678901234567890"] {
            assert_eq!(Token::parse(other), None, "{other}");
        }
    }
}
