//! Replies as they come over the wire. No I/O.

use std::borrow::Cow;

use super::Request;
use crate::error::{CommandError, Error, Failure, Refused, Result, Subsystem, UnexpectedReply};
use crate::wire::frame::SEPARATOR;
use crate::wire::tcl;

/// What came back, borrowed from the receive buffer.
#[derive(Debug)]
pub(crate) struct Reply<'b> {
    pub(crate) code: i32,
    pub(crate) result: Cow<'b, [u8]>,
    pub(crate) log: Cow<'b, [u8]>,
}

impl Reply<'_> {
    /// The result if the code is 0, otherwise OpenOCD's refusal.
    pub(crate) fn success(&self, request: &Request<'_>) -> Result<&[u8], Box<Failure>> {
        if self.code == 0 { Ok(&self.result) } else { Err(Box::new(self.failure(request))) }
    }

    /// The result as text; its errors are those of
    /// [`Execution::into_result`](super::Execution::into_result).
    pub(crate) fn text(&self, request: &Request<'_>) -> Result<String> {
        let result = self.success(request).map_err(|failure| Error::refused(failure, Error::from_failure))?;
        let not_text = |_| CommandError::NotText { command: request.name().to_owned() }.into();
        std::str::from_utf8(result).map(str::to_owned).map_err(not_text)
    }

    /// What the reply's result is read as, or the subsystem's error; see
    /// [`Session::ask`](crate::Session::ask).
    pub(crate) fn value<E: Subsystem, T>(
        &self,
        request: &Request<'_>,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T> {
        self.value_or(request, |failure| E::from(Refused::new(request.operation.clone(), failure)), read)
    }

    /// Like [`value`](Self::value), with an error of its own for a refusal.
    pub(crate) fn value_or<E: Subsystem, T>(
        &self,
        request: &Request<'_>,
        refused: impl FnOnce(Box<Failure>) -> E,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T> {
        let result =
            self.success(request).map_err(|failure| Error::refused(failure, |failure| refused(failure).into()))?;
        read(result).ok_or_else(|| self.unexpected::<E>(request))
    }

    /// The subsystem's error for a reply that is not what the request expects.
    pub(crate) fn unexpected<E: Subsystem>(&self, request: &Request<'_>) -> Error {
        E::from(UnexpectedReply::new(request.name(), request.expected, &self.result)).into()
    }

    pub(crate) fn failure(&self, request: &Request<'_>) -> Failure {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Failure::new(request.name(), self.code, text(&self.result), text(&self.log))
    }
}

/// The sequence number that a wrapped reply begins with.
pub(super) fn sequence_of(frame: &[u8]) -> Option<u64> {
    let digits = frame.iter().position(|b| !b.is_ascii_digit()).filter(|&end| frame[end] == b' ')?;
    std::str::from_utf8(&frame[..digits]).ok()?.parse().ok()
}

/// Reads `SEQUENCE CODE RESULT LOG`. A 0x00 precedes the code: OpenOCD repeats in its log what
/// comes before it.
///
/// `plain` takes the text if it had to be freed of stand-ins for 0x1a.
pub(super) fn parse_reply<'b>(frame: &'b [u8], plain: &'b mut Vec<u8>) -> Option<Reply<'b>> {
    let list = &frame[frame.iter().position(|&b| b == b' ')? + 1..];
    let list = list.strip_prefix(b"\0").unwrap_or(list);
    let list = match list.strip_prefix(b"~") {
        None => list,
        Some(escaped) => {
            *plain = restore_separators(escaped);
            plain
        }
    };
    let mut elements = tcl::elements(list);
    let [code, result, log] = elements.take_array()?;
    let code = std::str::from_utf8(&code).ok()?.parse().ok()?;
    elements.next().is_none().then_some(Reply { code, result, log })
}

pub(super) fn restore_separators(escaped: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(escaped.len());
    let mut bytes = escaped.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            0x1b => plain.push(if bytes.next() == Some(&b'A') { 0x1b } else { SEPARATOR }),
            byte => plain.push(byte),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(frame: &[u8]) -> Option<(i32, Vec<u8>, Vec<u8>)> {
        parse_reply(frame, &mut Vec::new()).map(|r| (r.code, r.result.into_owned(), r.log.into_owned()))
    }

    #[test]
    fn replies_of_both_generations() {
        assert_eq!(parse(b"7 \x000 {  two words } {}"), Some((0, b"  two words ".to_vec(), b"".to_vec())));
        assert_eq!(parse(b"7 0 a\0b {}"), Some((0, b"a\0b".to_vec(), b"".to_vec())));
        assert_eq!(
            parse(b"8 -4 {} {timed out while waiting for target halted\n}"),
            Some((-4, b"".to_vec(), b"timed out while waiting for target halted\n".to_vec()))
        );
    }

    #[test]
    fn a_separator_inside_a_result_survives() {
        assert_eq!(parse(b"9 \0~0 a\x1bBb\x1bAc {}"), Some((0, b"a\x1ab\x1bc".to_vec(), b"".to_vec())));
    }

    #[test]
    fn invalid_replies_are_refused() {
        for frame in ["", "7", "7 0", "7 0 x", "7 x {} {}", "7 0 {} {} extra", "7 0 {a {}"] {
            assert_eq!(parse(frame.as_bytes()), None, "{frame:?}");
        }
    }

    #[test]
    fn only_wrapped_replies_have_a_sequence_number() {
        assert_eq!(sequence_of(b"12 0 {} {}"), Some(12));
        assert_eq!(sequence_of(b"12 \x000 {} {}"), Some(12));
        for stray in ["type target_state state running\r\n", "", "12", "0x12 0", " 12 0"] {
            assert_eq!(sequence_of(stray.as_bytes()), None, "{stray:?}");
        }
    }
}
