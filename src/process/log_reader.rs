//! Drains what OpenOCD writes, for as long as it writes, so that a full pipe can never stall it.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::log_callback::LogQueue;

/// How many lines of OpenOCD's log are kept.
pub const LOG_TAIL_LINES: usize = 200;

/// A longer line is cut here: OpenOCD writes the results of commands to its log, and they can be megabytes.
const LINE_LIMIT: usize = 4096;

/// How long the log is left alone between two reads of it. OpenOCD writes the reply of each command there too (`command_run_line` in
/// `src/helper/command.c`), and a thread that wakes for each takes a tenth to a sixth of the time of a command.
const PAUSE: Duration = Duration::from_millis(1);

/// So much at once is more than replies: OpenOCD would soon wait for room in the pipe, so there is no pause before the next reads.
const FLOOD: usize = 4096;
const READS_OF_A_FLOOD: u32 = 64;

/// Telnet's first byte ("interpret as command", RFC 854): from here on, standard output is the telnet session that exists
/// only so that OpenOCD notices our end, and repeats the log.
const TELNET_IAC: u8 = 0xff;

/// The last lines of the log, and whether more can come.
#[derive(Debug, Default)]
pub(super) struct LogTail {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<String>,
    tcl_port: Option<u16>,
    gdb_ports: Vec<u16>,
    phase: Phase,
    closed: bool,
    is_hearing: bool,
}

/// How far OpenOCD is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Starting,
    /// A client has come to the TCL port; the first is ours.
    Serving,
    /// Somebody waits for the end.
    Ending,
}

/// What the log has said by now about the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The TCL port is open.
    Listening(u16),
    /// OpenOCD has closed its standard error: it has ended, or is about to.
    Closed,
    /// Neither, and the deadline has passed.
    DeadlinePassed,
}

impl LogTail {
    pub(super) fn lines(&self) -> Vec<String> {
        self.state().lines.iter().cloned().collect()
    }

    pub(super) fn gdb_ports(&self) -> Vec<u16> {
        self.state().gdb_ports.clone()
    }

    /// Waits until the TCL port is announced or the log ends.
    pub(super) fn wait_until_listening(&self, deadline: Option<Instant>) -> Progress {
        let state = self.wait_while(deadline, |state| state.tcl_port.is_none() && !state.closed);
        match (state.tcl_port, state.closed) {
            (Some(port), _) => Progress::Listening(port),
            (None, true) => Progress::Closed,
            (None, false) => Progress::DeadlinePassed,
        }
    }

    /// Waits until the log tells of a client: whatever was announced before it is known then. It does not if it is silenced.
    pub(super) fn wait_until_visited(&self, deadline: Instant) {
        drop(self.wait_while(Some(deadline), |state| state.phase == Phase::Starting && !state.closed));
    }

    /// Waits until the log has ended, and the caller's callback has heard all of it.
    pub(super) fn wait_until_closed(&self, deadline: Instant) {
        self.state().phase = Phase::Ending;
        self.changed.notify_all();
        drop(self.wait_while(Some(deadline), |state| !state.closed || state.is_hearing));
    }

    /// Whether a callback of the caller's has lines to hear yet, or may get some.
    pub(super) fn set_hearing(&self, is_hearing: bool) {
        self.state().is_hearing = is_hearing;
        self.changed.notify_all();
    }

    fn wait_while(&self, deadline: Option<Instant>, pending: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.state();
        while pending(&state) {
            state = match deadline {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state
    }

    /// Leaves the log alone for a moment, unless somebody waits for the start or for the end.
    fn pause(&self) {
        drop(self.changed.wait_timeout_while(self.state(), PAUSE, |state| state.phase == Phase::Serving));
    }

    fn push(&self, line: String, news: Option<News>) {
        let mut state = self.state();
        if state.lines.len() == LOG_TAIL_LINES {
            state.lines.pop_front();
        }
        state.lines.push_back(line);
        match news {
            Some(News::TclPort(port)) => state.tcl_port = state.tcl_port.or(Some(port)),
            Some(News::GdbPort(port)) => state.gdb_ports.push(port),
            Some(News::Client) if state.phase == Phase::Starting => state.phase = Phase::Serving,
            Some(News::Client) | None => return,
        }
        self.changed.notify_all();
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads OpenOCD's standard error to its end.
pub(super) fn drain_stderr(stderr: impl Read, tail: &LogTail, mut callback: Option<LogQueue>) {
    let drained = each_line(Unhurried { from: stderr, tail, flood: 0 }, |line, _| {
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

/// Reads OpenOCD's standard output to its end. What scripts `puts` there before the servers start goes to the tail too.
pub(super) fn drain_stdout(stdout: impl Read, tail: &LogTail) {
    let mut telnet = false;
    let drained = each_line(stdout, |line, bytes| {
        telnet |= bytes.contains(&TELNET_IAC);
        if !telnet {
            tail.push(line, None);
        }
        !telnet
    });
    if let Err(error) = drained {
        log::warn!(target: "openocd::process", "cannot read OpenOCD's output any further: {error}");
    }
}

/// Pauses between reads, except in a flood.
struct Unhurried<'t, R> {
    from: R,
    tail: &'t LogTail,
    /// For how many reads the flood is thought to last.
    flood: u32,
}

impl<R: Read> Read for Unhurried<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.flood == 0 {
            self.tail.pause();
        }
        let read = self.from.read(buffer)?;
        self.flood = if read >= FLOOD { READS_OF_A_FLOOD } else { self.flood.saturating_sub(1) };
        Ok(read)
    }
}

/// Hands over each line, cut to [`LINE_LIMIT`]; once `use_line` returns false the rest is read and dropped.
fn each_line(from: impl Read, mut use_line: impl FnMut(String, &[u8]) -> bool) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(64 * 1024, from);
    let mut line = Vec::new();
    let mut wanted = true;
    loop {
        let chunk = match reader.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = memchr::memchr(b'\n', chunk);
        let part = &chunk[..end.unwrap_or(chunk.len())];
        if wanted {
            line.extend_from_slice(&part[..part.len().min(LINE_LIMIT - line.len())]);
        }
        let at_end = chunk.is_empty();
        let used = part.len() + usize::from(end.is_some());
        if wanted && (end.is_some() || (at_end && !line.is_empty())) {
            let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).into_owned();
            wanted = use_line(text, &line);
            line.clear();
        }
        if at_end {
            return Ok(());
        }
        reader.consume(used);
    }
}

/// What a line tells that somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    TclPort(u16),
    GdbPort(u16),
    /// Somebody has connected to the TCL port.
    Client,
}

/// `Info : Listening on port 36013 for tcl connections`; with `-d3` a time and a source position stand before the text.
fn news(line: &str) -> Option<News> {
    let line = line.strip_prefix("Info : ")?;
    if line.contains("accepting 'tcl' connection") {
        return Some(News::Client);
    }
    let (port, service) = line.split_once("istening on port ")?.1.split_once(" for ")?;
    let port = port.parse().ok()?;
    match service.trim_end() {
        "tcl connections" => Some(News::TclPort(port)),
        "gdb connections" => Some(News::GdbPort(port)),
        _ => None,
    }
}

/// The level that OpenOCD gave the line. Results of commands and command output carry none, except for an error in a script:
/// `embedded:startup.tcl:28: Error: …`, a file and a line before what went wrong there.
fn level(line: &str) -> log::Level {
    match line.get(..7) {
        Some("Error: ") => log::Level::Error,
        Some("Warn : ") => log::Level::Warn,
        Some("Info : " | "User : ") => log::Level::Info,
        _ if is_script_error(line) => log::Level::Error,
        _ => log::Level::Debug,
    }
}

fn is_script_error(line: &str) -> bool {
    let place = line.split_once(": Error: ").and_then(|(place, _)| place.rsplit_once(':'));
    place.is_some_and(|(file, number)| !file.is_empty() && number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_clients_are_read_from_the_log() {
        let read = |line: &str| news(line);
        assert_eq!(read("Info : Listening on port 36013 for tcl connections"), Some(News::TclPort(36013)));
        assert_eq!(
            read("Info : 12 3 server.c:347 add_service(): Listening on port 1 for gdb connections"),
            Some(News::GdbPort(1))
        );
        assert_eq!(read("Info : accepting 'tcl' connection on tcp/36013"), Some(News::Client));
        for other in [
            "Listening on port 1 for tcl connections",
            "Info : Listening on port 1 for telnet connections",
            "Info : accepting 'telnet' connection from pipe",
            "accepting 'tcl' connection on tcp/1",
            "Info : x",
            "",
        ] {
            assert_eq!(read(other), None, "{other:?}");
        }
    }

    #[test]
    fn lines_keep_openocds_level() {
        assert_eq!(level("Error: no adapter"), log::Level::Error);
        assert_eq!(level("Warn : slow"), log::Level::Warn);
        assert_eq!(level("Info : up"), log::Level::Info);
        assert_eq!(level("0x1 0x2"), log::Level::Debug);
        assert_eq!(level("embedded:startup.tcl:28: Error: no such file"), log::Level::Error);
        assert_eq!(level("C:\\a b\\x.cfg:3: Error: "), log::Level::Error);
        assert_eq!(level("the script said: Error: 3"), log::Level::Debug);
        assert_eq!(level("\u{e9}\u{e9}\u{e9}\u{e9}"), log::Level::Debug);
    }

    #[test]
    fn the_tail_is_bounded_in_lines_and_in_their_length() {
        let tail = LogTail::default();
        let mut text = vec![b'x'; 3 * LINE_LIMIT];
        text.push(b'\n');
        for n in 0..2 * LOG_TAIL_LINES {
            text.extend_from_slice(format!("line {n}\r\n").as_bytes());
        }
        text.extend_from_slice(b"no end");
        drain_stderr(&text[..], &tail, None);
        let lines = tail.lines();
        assert_eq!(lines.len(), LOG_TAIL_LINES);
        assert_eq!(lines.last().unwrap(), "no end");
        assert_eq!(lines[LOG_TAIL_LINES - 2], format!("line {}", 2 * LOG_TAIL_LINES - 1));
        drain_stderr(&vec![b'x'; 3 * LINE_LIMIT][..], &tail, None);
        assert_eq!(tail.lines().last().unwrap().len(), LINE_LIMIT);
    }

    #[test]
    fn the_log_is_left_alone_between_reads_once_a_client_has_come() {
        struct Lines(Vec<&'static str>, Vec<Instant>);
        impl Read for &mut Lines {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.1.push(Instant::now());
                let line = self.0.pop().unwrap_or_default();
                buffer[..line.len()].copy_from_slice(line.as_bytes());
                Ok(line.len())
            }
        }
        let client = "Info : accepting 'tcl' connection on tcp/1\n";
        let mut lines = Lines(vec!["42\n", "1 0 42 {}\n", client, "Info : up\n"], Vec::new());
        let tail = LogTail::default();
        drain_stderr(&mut lines, &tail, None);
        assert_eq!(tail.lines().len(), 4);
        let gaps: Vec<_> = lines.1.windows(2).map(|two| two[1] - two[0]).collect();
        // Nothing bounds the first two from above but the machine; the pause bounds the rest from below.
        assert!(gaps.len() == 4 && gaps[2..].iter().all(|gap| *gap >= PAUSE), "{gaps:?}");
    }

    #[test]
    fn a_flood_is_over_once_little_comes_for_a_while() {
        let tail = LogTail::default();
        let mut log = Unhurried { from: io::repeat(b'x'), tail: &tail, flood: 0 };
        let mut read = |length: usize| {
            assert_eq!(log.read(&mut vec![0; length]).unwrap(), length);
            log.flood
        };
        assert_eq!(read(FLOOD - 1), 0);
        assert_eq!(read(FLOOD), READS_OF_A_FLOOD);
        for left in (0..READS_OF_A_FLOOD).rev() {
            assert_eq!(read(1), left);
        }
        assert_eq!(read(1), 0);
    }

    #[test]
    fn output_is_kept_until_the_telnet_session_begins() {
        let tail = LogTail::default();
        drain_stdout(&b"hello\nworld\n\xff\xfb\x03Open On-Chip Debugger\r\n\r> Info : x\n"[..], &tail);
        assert_eq!(tail.lines(), ["hello", "world"]);
    }
}
