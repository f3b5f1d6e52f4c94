//! Recognizes the replies to this crate's commands in OpenOCD's log. No I/O.
//!
//! OpenOCD writes the result of each command that comes over a TCL port to its log too
//! (`command_run_line` in `src/helper/command.c`), up to the first 0x00. Of a command of this
//! crate, that is the sequence number and a space (`procedures/commands.tcl`). Sequence numbers
//! begin with a mark that is known for this one OpenOCD, see [`Token`]. The greeting holds the
//! token, and is recognized by it.

use memchr::memmem::Finder;

use crate::command::Token;

/// Digits of a token and of a sequence number.
const DIGITS: usize = 19;

/// How the greeting begins.
const GREETING: &[u8] = b"openocd-rs ";

/// What follows the number of the reply that marks the end of a raw one.
const RAW_MARKER: &[u8] = b"0 openocd-rs-marker";

/// How a line begins with `-d3`, where a time and a source position precede every text:
/// `User : 12 34 command.c:602 output(): `.
const USER: &[u8] = b"User : ";

/// Leaves replies out of lines.
#[derive(Debug)]
pub(super) struct EchoFilter {
    mark: Finder<'static>,
    token: Vec<u8>,
}

impl EchoFilter {
    pub(super) fn new(token: &Token) -> Self {
        EchoFilter {
            mark: Finder::new(token.mark().as_bytes()).into_owned(),
            token: token.as_str().as_bytes().to_owned(),
        }
    }

    /// Returns what is left of a line that holds a reply: nothing, or what was printed before the
    /// reply without a newline. `None` for a line without one.
    pub(super) fn without_reply<'l>(&self, line: &'l [u8]) -> Option<&'l [u8]> {
        let start = self.mark.find_iter(line).find_map(|at| {
            let (before, number) = line.split_at(at);
            if number.starts_with(&self.token) {
                return Some(memchr::memmem::rfind(before, GREETING).unwrap_or(at));
            }
            is_reply(number).then_some(at)
        })?;
        let before = &line[..start];
        let is_prefix = before.starts_with(USER) && before.ends_with(b"(): ");
        Some(if is_prefix { b"" } else { before })
    }
}

/// A sequence number and what can follow it in the log.
fn is_reply(text: &[u8]) -> bool {
    let Some((number, [b' ', rest @ ..])) = text.split_at_checked(DIGITS) else { return false };
    let is_end = rest.is_empty() || rest.starts_with(RAW_MARKER) || rest.starts_with(USER);
    is_end && number.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_and_nothing_else_are_left_out() {
        let filter = EchoFilter::new(&Token::parse("1234567812345678901").unwrap());
        let left =
            |line: &str| filter.without_reply(line.as_bytes()).map(|left| String::from_utf8(left.into()).unwrap());
        for (line, rest) in [
            ("openocd-rs {Open On-Chip Debugger 0.12.0} 1234567812345678901 1", ""),
            ("1234567812345678901", ""),
            ("1234567800000000001 ", ""),
            ("1234567800000000005 0 openocd-rs-marker", ""),
            ("partial 1234567800000000003 ", "partial "),
            ("12345678 1234567800000000003 ", "12345678 "),
            ("User : 9 1 command.c:602 output(): 1234567800000000006 User : 10 1 command.c:603 output(): ", ""),
        ] {
            assert_eq!(left(line).as_deref(), Some(rest), "{line}");
        }
        for line in [
            "",
            "Info : up",
            "42 0 {} {}",
            "1234567800000000003",
            "1234567800000000003 x",
            "12345678000000000030 ",
            "openocd-rs is what the user said",
            "12345678",
        ] {
            assert_eq!(left(line), None, "{line}");
        }
    }
}
