//! Drains what OpenOCD writes, for as long as it writes, so that a full pipe can never stall
//! OpenOCD.

use std::io::{self, Read};
use std::time::Duration;

use super::log_callback::LogQueue;
use super::log_line::{level, news};
use super::log_tail::LogTail;
use super::reply_echo::{EchoFinder, Found, ReplyEcho};

/// A longer line is cut here: what scripts print can be megabytes.
const LINE_BYTES: usize = 4096;

/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;

/// How long the reader waits between two reads of the log.
///
/// OpenOCD writes the reply of each command there too (`command_run_line` in
/// `src/helper/command.c`). A thread that wakes up for each reply takes a tenth to a sixth of the
/// time of a command.
const PAUSE: Duration = Duration::from_millis(1);

/// So many bytes at once are more than replies. OpenOCD would soon wait for room in the pipe, so
/// the next reads do not pause.
const FLOOD_BYTES: usize = 4096;
const FLOOD_READS: u32 = 64;

/// Telnet's first byte ("interpret as command", RFC 854).
///
/// From here on, standard output is the telnet session by which OpenOCD notices our end. It repeats
/// the log.
const TELNET_IAC: u8 = 0xff;

/// Reads OpenOCD's standard error to its end.
pub(super) fn drain_stderr(stderr: impl Read, tail: &LogTail, echo: &EchoFinder, mut callback: Option<LogQueue>) {
    let stderr = PacedReader { from: stderr, tail, flood: 0 };
    let drained = each_line(stderr, Some(echo), |line, _| {
        log::log!(target: "openocd::server", level(&line), "{line}");
        if let Some(callback) = &mut callback {
            callback.push(&line);
        }
        let news = news(&line);
        tail.push(line, news);
        true
    });
    if let Err(error) = drained {
        log::warn!(target: "openocd::process", "cannot read OpenOCD's log any further: {error}");
    }
    drop(callback);
    tail.close();
}

/// Reads OpenOCD's standard output to its end. What scripts `puts` there before the servers start
/// goes to the tail too.
pub(super) fn drain_stdout(stdout: impl Read, tail: &LogTail) {
    let mut is_telnet = false;
    let drained = each_line(stdout, None, |line, bytes| {
        is_telnet |= bytes.contains(&TELNET_IAC);
        if !is_telnet {
            tail.push(line, None);
        }
        !is_telnet
    });
    if let Err(error) = drained {
        log::warn!(target: "openocd::process", "cannot read OpenOCD's output any further: {error}");
    }
}

/// Pauses between reads, except in a flood.
struct PacedReader<'t, R> {
    from: R,
    tail: &'t LogTail,
    /// For how many reads the flood is expected to last.
    flood: u32,
}

impl<R: Read> Read for PacedReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.flood == 0 {
            self.tail.pause(PAUSE);
        }
        let read = self.from.read(buffer)?;
        self.flood = if read >= FLOOD_BYTES { FLOOD_READS } else { self.flood.saturating_sub(1) };
        Ok(read)
    }
}

/// Hands over each line without the replies to this crate, cut to [`LINE_BYTES`].
///
/// Once `use_line` returns false, the rest is read and dropped.
fn each_line(
    mut from: impl Read,
    echo: Option<&EchoFinder>,
    mut use_line: impl FnMut(String, &[u8]) -> bool,
) -> io::Result<()> {
    let mut lines = Lines { echo, reply: None, line: Vec::new() };
    let mut buffer = vec![0; READ_BYTES];
    let mut kept = 0;
    let mut is_wanted = true;
    loop {
        let read = match from.read(&mut buffer[kept..]) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let filled = kept + read;
        if is_wanted {
            kept = lines.split(&buffer[..filled], read == 0, |line| {
                let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
                is_wanted = is_wanted && use_line(text, line);
            });
            buffer.copy_within(filled - kept..filled, 0);
        } else {
            kept = 0;
        }
        if read == 0 {
            return Ok(());
        }
    }
}

/// Lines in the making.
struct Lines<'e> {
    echo: Option<&'e EchoFinder>,
    /// A reply whose end has not come yet.
    reply: Option<ReplyEcho>,
    line: Vec<u8>,
}

impl Lines<'_> {
    /// Hands over the lines that are complete, and returns how many bytes at the end are to be
    /// given once more.
    fn split(&mut self, mut bytes: &[u8], is_end: bool, mut use_line: impl FnMut(&[u8])) -> usize {
        while !bytes.is_empty() {
            if let Some(reply) = &mut self.reply {
                let (skipped, is_over) = reply.skip(bytes);
                bytes = &bytes[skipped..];
                if is_over {
                    self.reply = None;
                    // What was printed without a newline before the reply ends with the reply's.
                    if !self.line.is_empty() {
                        self.end_line(&mut use_line);
                    }
                }
                continue;
            }
            let newline = memchr::memchr(b'\n', bytes);
            let part = &bytes[..newline.unwrap_or(bytes.len())];
            let is_complete = newline.is_some() || is_end;
            match self.echo.map_or(Found::Nothing, |echo| echo.find(part, is_complete)) {
                Found::Reply(at) => {
                    self.push(&part[..at]);
                    bytes = &bytes[at..];
                    if let Some(echo) = self.echo {
                        echo.cut_reply_start(&mut self.line, bytes);
                    }
                    self.reply = Some(ReplyEcho::default());
                }
                Found::Undecided(at) => {
                    self.push(&part[..at]);
                    return bytes.len() - at;
                }
                Found::Nothing => {
                    self.push(part);
                    bytes = &bytes[part.len()..];
                    if newline.is_some() {
                        bytes = &bytes[1..];
                        self.end_line(&mut use_line);
                    }
                }
            }
        }
        if is_end && !self.line.is_empty() {
            self.end_line(&mut use_line);
        }
        0
    }

    fn push(&mut self, part: &[u8]) {
        self.line.extend_from_slice(&part[..part.len().min(LINE_BYTES - self.line.len())]);
    }

    fn end_line(&mut self, use_line: &mut impl FnMut(&[u8])) {
        use_line(&self.line);
        self.line.clear();
    }
}

#[cfg(test)]
mod tests;
