//! Recognizes the replies to this crate's commands in OpenOCD's log. No I/O.
//!
//! OpenOCD writes the result of each command that comes over a TCL port to its log too
//! (`command_run_line` in `src/helper/command.c`). Of a command of this crate, that is
//! `SEQUENCE CODE RESULT LOG`, a Tcl list whose elements may hold newlines. The sequence numbers
//! begin with a mark that is known for this one OpenOCD, see [`Token`](crate::command::Token).

use memchr::memmem::Finder;

use crate::command::Token;

/// `SEQUENCE CODE ` is no longer than this.
const HEADER_BYTES: usize = 32;

/// Digits of a sequence number.
const SEQUENCE_DIGITS: usize = 19;

/// How the greeting begins. It ends with the token.
const GREETING: &[u8] = b"openocd-rs ";

/// Finds where a reply begins.
#[derive(Debug)]
pub(super) struct EchoFinder {
    mark: Finder<'static>,
    token: Vec<u8>,
}

/// Where a reply begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Its number is at this offset.
    Reply(usize),
    /// None before this offset; what follows is too short to tell.
    Undecided(usize),
    Nothing,
}

impl EchoFinder {
    pub(super) fn new(token: &Token) -> Self {
        EchoFinder {
            mark: Finder::new(token.mark().as_bytes()).into_owned(),
            token: token.as_str().as_bytes().to_owned(),
        }
    }

    /// Searches a part of a line, of which more may come.
    pub(super) fn find(&self, part: &[u8], is_complete: bool) -> Found {
        let mut from = 0;
        while let Some(at) = self.mark.find(&part[from..]) {
            let at = from + at;
            let rest = &part[at..];
            if rest.len() < HEADER_BYTES && !is_complete {
                return Found::Undecided(at);
            }
            if rest.starts_with(&self.token) || is_header(rest) {
                return Found::Reply(at);
            }
            from = at + 1;
        }
        if is_complete {
            return Found::Nothing;
        }
        // The mark may have begun.
        Found::Undecided(part.len().saturating_sub(self.mark.needle().len() - 1).max(from))
    }

    /// Takes what belongs to the reply off the end of `line`, the text before `reply`.
    pub(super) fn cut_reply_start(&self, line: &mut Vec<u8>, reply: &[u8]) {
        if reply.starts_with(&self.token) {
            line.truncate(memchr::memmem::rfind(line, GREETING).unwrap_or(line.len()));
        } else if line.ends_with(b"~") {
            // A reply with stand-ins for 0x1a or 0x00.
            line.pop();
        }
        // With `-d3` a time and a source position precede every text:
        // `User : 12 34 command.c:602 output(): `.
        if line.starts_with(b"User : ") && line.ends_with(b": ") && memchr::memmem::find(line, b"()").is_some() {
            line.clear();
        }
    }
}

/// `SEQUENCE CODE `, where the code is an integer.
fn is_header(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits(text) != SEQUENCE_DIGITS || text.get(SEQUENCE_DIGITS) != Some(&b' ') {
        return false;
    }
    let code = &text[SEQUENCE_DIGITS + 1..];
    let code = code.strip_prefix(b"-").unwrap_or(code);
    let length = digits(code);
    length > 0 && code.get(length) == Some(&b' ')
}

/// A reply on its way through the log.
#[derive(Debug, Default)]
pub(super) struct ReplyEcho {
    depth: usize,
    is_escaped: bool,
}

impl ReplyEcho {
    /// Skips what belongs to the reply: how many bytes that is, and whether its last newline is
    /// among them.
    pub(super) fn skip(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut at = 0;
        if self.is_escaped && !bytes.is_empty() {
            self.is_escaped = false;
            at = 1;
        }
        // Newlines inside of braces belong to the list; outside of them Tcl writes `\n`.
        loop {
            let last = if self.depth == 0 { b'\n' } else { b'}' };
            let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr3(last, b'{', b'\\', rest)) else {
                return (bytes.len(), false);
            };
            at += found + 1;
            match bytes[at - 1] {
                b'\n' => return (at, true),
                b'{' => self.depth += 1,
                b'}' => self.depth -= 1,
                _ if at == bytes.len() => self.is_escaped = true,
                _ => at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_needs_a_sequence_number_and_a_code() {
        for header in ["1234567800000000001 0 {}", "1234567800000000001 -304 {} {}"] {
            assert!(is_header(header.as_bytes()), "{header}");
        }
        for other in
            ["1234567800000000001", "1234567800000000001 x y", "1234567800000000001 -", "12345678000000000012 0 "]
        {
            assert!(!is_header(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn reply_ends_at_the_first_newline_outside_of_braces() {
        let text = b"1 0 {a\n{b\\}}\nc} x\\{y\\\\ {}\nnext";
        let end = text.len() - "next".len();
        assert_eq!(ReplyEcho::default().skip(text), (end, true));
        for cut in 0..end {
            let mut reply = ReplyEcho::default();
            assert_eq!(reply.skip(&text[..cut]), (cut, false), "{cut}");
            assert_eq!(reply.skip(&text[cut..]), (end - cut, true), "{cut}");
        }
    }
}
