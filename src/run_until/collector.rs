//! Collecting what the firmware prints during a run.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;

use super::outcome::{OutputSource, RunLine, RunOutput};
use crate::semihosting::host::Stream;

/// A line that is longer comes in parts.
const LONGEST_LINE: usize = 64 * 1024;

/// What a line takes beside its text, for the limit.
const LINE_OVERHEAD: usize = 64;

pub(super) type OnOutput<'c> = Box<dyn FnMut(&RunOutput<'_>) -> ControlFlow<()> + 'c>;
pub(super) type OnLine<'c> = Box<dyn FnMut(&RunLine) -> ControlFlow<()> + 'c>;

pub(super) struct Collector<'c> {
    pub(super) output: Vec<u8>,
    pub(super) rtt_bytes: BTreeMap<u32, Vec<u8>>,
    pub(super) lines: Vec<RunLine>,
    pub(super) dropped: u64,
    /// Bytes of output and lines that are still kept.
    room: usize,
    /// The beginnings of the lines of semihosting's streams.
    open_lines: [Vec<u8>; 2],
    begin: Instant,
    on_output: Option<OnOutput<'c>>,
    on_line: Option<OnLine<'c>>,
    /// A handler stopped the run. It is not called again.
    is_stopped: bool,
}

impl<'c> Collector<'c> {
    pub(super) fn new(limit: usize, on_output: Option<OnOutput<'c>>, on_line: Option<OnLine<'c>>) -> Self {
        Collector {
            output: Vec::new(),
            rtt_bytes: BTreeMap::new(),
            lines: Vec::new(),
            dropped: 0,
            room: limit,
            open_lines: [Vec::new(), Vec::new()],
            begin: Instant::now(),
            on_output,
            on_line,
            is_stopped: false,
        }
    }

    /// Whether a handler stopped the run.
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Calls no handler any more, after one of them panicked.
    pub(super) fn silence(&mut self) {
        self.is_stopped = true;
    }

    /// Takes what the firmware printed by semihosting.
    pub(super) fn print(&mut self, stream: Stream, bytes: &[u8]) {
        self.output(source(stream), bytes, true);
        let kept = self.make_room(bytes.len());
        self.output.extend_from_slice(&bytes[..kept]);
        for part in bytes.split_inclusive(|&byte| byte == b'\n').flat_map(|part| part.chunks(LONGEST_LINE)) {
            let open = &mut self.open_lines[stream as usize];
            open.extend_from_slice(part);
            if part.ends_with(b"\n") || open.len() >= LONGEST_LINE {
                self.end_line(stream);
            }
        }
    }

    /// Takes the last lines, which lack their ends.
    pub(super) fn end(&mut self) {
        for stream in [Stream::Output, Stream::Error] {
            if !self.open_lines[stream as usize].is_empty() {
                self.end_line(stream);
            }
        }
    }

    fn end_line(&mut self, stream: Stream) {
        let mut line = &*std::mem::take(&mut self.open_lines[stream as usize]);
        line = line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
        let text = String::from_utf8_lossy(line).into_owned();
        self.line(source(stream), text, true);
    }

    /// Tells the handler of bytes that arrived, in this run or before.
    pub(super) fn output(&mut self, source: OutputSource, bytes: &[u8], is_of_run: bool) {
        let Some(on_output) = self.on_output.as_mut().filter(|_| !self.is_stopped) else { return };
        let output = RunOutput { source, at: is_of_run.then(|| self.begin.elapsed()), bytes };
        self.is_stopped |= on_output(&output).is_break();
    }

    /// Keeps what came by a binary channel.
    pub(super) fn keep_bytes(&mut self, channel: u32, bytes: &[u8]) {
        let kept = self.make_room(bytes.len());
        self.rtt_bytes.entry(channel).or_default().extend_from_slice(&bytes[..kept]);
    }

    /// Counts so many bytes as kept or as dropped. Returns how many are kept.
    fn make_room(&mut self, bytes: usize) -> usize {
        let kept = bytes.min(self.room);
        self.room -= kept;
        self.dropped += (bytes - kept) as u64;
        kept
    }

    /// Takes a line, which is of this run or was begun before.
    pub(super) fn line(&mut self, source: OutputSource, text: String, is_of_run: bool) {
        let line = RunLine { source, at: is_of_run.then(|| self.begin.elapsed()), text };
        if let Some(on_line) = self.on_line.as_mut().filter(|_| !self.is_stopped) {
            self.is_stopped |= on_line(&line).is_break();
        }
        let size = line.text.len() + LINE_OVERHEAD;
        if size <= self.room {
            self.room -= size;
            self.lines.push(line);
        } else {
            self.dropped += line.text.len() as u64;
            // What comes later is not kept either, however short it is.
            self.room = 0;
        }
    }
}

fn source(stream: Stream) -> OutputSource {
    match stream {
        Stream::Output => OutputSource::Output,
        Stream::Error => OutputSource::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(limit: usize, printed: &[(Stream, &[u8])]) -> Collector<'static> {
        let mut collector = Collector::new(limit, None, None);
        for (stream, bytes) in printed {
            collector.print(*stream, bytes);
        }
        collector.end();
        collector
    }

    #[test]
    fn lines_of_two_streams_are_told_apart() {
        let printed: [(Stream, &[u8]); 4] =
            [(Stream::Output, b"a"), (Stream::Error, b"x\r\n"), (Stream::Output, b"b\n\nc"), (Stream::Error, b"y")];
        let collected = collect(10_000, &printed);
        let lines: Vec<_> = collected.lines.iter().map(|line| (line.source, line.text.as_str())).collect();
        let (output, error) = (OutputSource::Output, OutputSource::Error);
        assert_eq!(lines, [(error, "x"), (output, "ab"), (output, ""), (output, "c"), (error, "y")]);
        assert_eq!((&*collected.output, collected.dropped), (&b"ax\r\nb\n\ncy"[..], 0));
        assert!(collected.lines.iter().all(|line| line.at.is_some()));
    }

    #[test]
    fn a_line_without_an_end_comes_in_parts() {
        let printed = vec![b'x'; LONGEST_LINE + 10];
        let collected = collect(usize::MAX, &[(Stream::Output, &printed), (Stream::Output, b"y\n")]);
        let lengths: Vec<_> = collected.lines.iter().map(|line| line.text.len()).collect();
        assert_eq!(lengths, [LONGEST_LINE, 11]);
    }

    #[test]
    fn what_exceeds_the_limit_is_counted_and_not_kept() {
        let mut seen = 0;
        let on_output = |output: &RunOutput<'_>| {
            seen += output.bytes.len();
            ControlFlow::Continue(())
        };
        let mut collector = Collector::new(100, Some(Box::new(on_output)), None);
        for _ in 0..1000 {
            collector.print(Stream::Output, b"0123456789\n");
        }
        let kept = collector.output.len() + collector.lines.iter().map(|line| line.text.len()).sum::<usize>();
        assert!(kept <= 100 && collector.output.starts_with(b"0123"));
        assert_eq!(collector.dropped, 11_000 + 10_000 - kept as u64);
        drop(collector);
        assert_eq!(seen, 11_000);
    }
    #[test]
    fn a_handler_that_stops_the_run_is_not_called_again() {
        let (mut bytes, mut lines) = (0, 0);
        let on_output = |output: &RunOutput<'_>| {
            bytes += output.bytes.len();
            ControlFlow::Continue(())
        };
        let on_line = |line: &RunLine| {
            lines += 1;
            if line.text == "b" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut collector = Collector::new(1000, Some(Box::new(on_output)), Some(Box::new(on_line)));
        collector.print(Stream::Output, b"a\nb\nc\n");
        assert!(collector.is_stopped());
        collector.print(Stream::Output, b"d\n");
        // It is still collected.
        assert_eq!((collector.lines.len(), &*collector.output), (4, &b"a\nb\nc\nd\n"[..]));
        drop(collector);
        assert_eq!((bytes, lines), (6, 2));
    }
}
