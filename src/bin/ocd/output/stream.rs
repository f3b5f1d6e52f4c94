//! What the target prints: bytes as they are, or one event a line in JSON.

use std::io::IsTerminal as _;

use serde::Serialize;

use super::Output;
use crate::failure::Outcome;

/// A line that the target printed.
#[derive(Serialize)]
struct Printed<'a> {
    text: &'a str,
}

/// Prints a stream of bytes of the target.
pub(crate) struct Stream {
    output: Output,
    board: Option<String>,
    /// The beginning of a line, for JSON.
    line: Vec<u8>,
    /// The last line that was printed has no end.
    is_open: bool,
}

impl Stream {
    pub(crate) fn new(output: &Output, board: Option<&str>) -> Stream {
        Stream { output: output.clone(), board: board.map(str::to_owned), line: Vec::new(), is_open: false }
    }

    pub(crate) fn print(&mut self, bytes: &[u8]) -> Outcome<()> {
        if !self.output.is_json() {
            self.is_open = bytes.last().map_or(self.is_open, |&last| last != b'\n');
            return self.output.bytes(bytes);
        }
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.line.pop();
                self.end_line()?;
            }
        }
        Ok(())
    }

    /// Prints the last line, which may have no end. On a terminal it is ended, before something
    /// else is told there.
    pub(crate) fn finish(&mut self) -> Outcome<()> {
        if std::mem::take(&mut self.is_open) && std::io::stdout().is_terminal() {
            self.output.bytes(b"\n")?;
        }
        if self.line.is_empty() { Ok(()) } else { self.end_line() }
    }

    fn end_line(&mut self) -> Outcome<()> {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line));
        self.output.event(self.board.as_deref(), "output", &Printed { text: &text })
    }
}
