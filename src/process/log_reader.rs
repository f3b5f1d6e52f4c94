//! Drains what OpenOCD writes, for as long as it writes, so that a full pipe can never stall
//! OpenOCD.

use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use super::log_callback::LogQueue;
use super::log_line::{level, news};
use super::log_tail::LogTail;
use super::reply_echo::EchoFilter;

/// A longer line is cut here: what scripts print can be megabytes.
const LINE_BYTES: usize = 4096;

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
pub(super) fn drain_stderr(stderr: impl Read, tail: &LogTail, echo: &EchoFilter, mut callback: Option<LogQueue>) {
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

/// Hands over each line, cut to [`LINE_BYTES`], without the replies to this crate.
///
/// Once `use_line` returns false, the rest is read and dropped.
fn each_line(
    from: impl Read,
    echo: Option<&EchoFilter>,
    mut use_line: impl FnMut(String, &[u8]) -> bool,
) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(64 * 1024, from);
    let mut line = Vec::new();
    let mut is_wanted = true;
    loop {
        let chunk = match reader.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = memchr::memchr(b'\n', chunk);
        let part = &chunk[..end.unwrap_or(chunk.len())];
        if is_wanted {
            line.extend_from_slice(&part[..part.len().min(LINE_BYTES - line.len())]);
        }
        let is_end = chunk.is_empty();
        let used = part.len() + usize::from(end.is_some());
        if is_wanted && (end.is_some() || (is_end && !line.is_empty())) {
            match echo.and_then(|echo| echo.without_reply(&line)) {
                Some(b"") => {}
                // What was printed without a newline before a reply ends with the reply's.
                Some(rest) => is_wanted = use_line(text(rest), rest),
                None => is_wanted = use_line(text(&line), &line),
            }
            line.clear();
        }
        if is_end {
            return Ok(());
        }
        reader.consume(used);
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests;
