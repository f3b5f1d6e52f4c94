//! Lines of an RTT channel.

use super::RttChannel;
use crate::error::{Error, Result};

/// A line that is longer comes in parts.
const LONGEST_LINE: usize = 64 * 1024;

/// Iterator over the lines of a channel, from [`RttChannel::lines`].
///
/// A line ends with `\n` or `\r\n`, which is not part of it; bytes that are not UTF-8 become U+FFFD. When the read timeout passes, the iterator gives that error and
/// can go on afterwards: the beginning of a line waits for its end. After any other error it ends. Of a line without an end, each 64 KiB come as one.
#[derive(Debug)]
pub struct RttLines<'c, 'a> {
    channel: &'c mut RttChannel<'a>,
    ended: bool,
}

impl<'a> RttChannel<'a> {
    /// The lines that come from the target.
    pub fn lines(&mut self) -> RttLines<'_, 'a> {
        RttLines { channel: self, ended: false }
    }

    /// The next whole line among what has come; `None` if it is not whole yet.
    pub(crate) fn take_line(&mut self) -> Option<String> {
        let mut line: Vec<u8> = match memchr::memchr(b'\n', &self.pending) {
            Some(end) => self.pending.drain(..=end).collect(),
            None if self.pending.len() >= LONGEST_LINE => self.pending.drain(..LONGEST_LINE).collect(),
            None => return None,
        };
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        Some(String::from_utf8_lossy(&line).into_owned())
    }
}

impl Iterator for RttLines<'_, '_> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        if self.ended {
            return None;
        }
        loop {
            if let Some(line) = self.channel.take_line() {
                return Some(Ok(line));
            }
            if let Err(error) = self.channel.fetch() {
                self.ended = !matches!(error, Error::Timeout(_));
                return Some(Err(error));
            }
        }
    }
}
