//! Collecting what the firmware prints during a run.

use std::time::Instant;

use super::outcome::{LineSource, RunLine};
use crate::semihosting::host::Stream;

/// A line that is longer comes in parts.
const LONGEST_LINE: usize = 64 * 1024;

/// What a line takes beside its text, for the limit.
const LINE_OVERHEAD: usize = 64;

pub(super) type OnOutput<'c> = Box<dyn FnMut(&[u8]) + 'c>;
pub(super) type OnLine<'c> = Box<dyn FnMut(&RunLine) + 'c>;

pub(super) struct Collector<'c> {
    pub(super) output: Vec<u8>,
    pub(super) lines: Vec<RunLine>,
    pub(super) dropped: u64,
    /// Bytes of output and lines that are still kept.
    room: usize,
    /// The beginnings of the lines of semihosting's streams.
    open_lines: [Vec<u8>; 2],
    begin: Instant,
    on_output: Option<OnOutput<'c>>,
    on_line: Option<OnLine<'c>>,
}

impl<'c> Collector<'c> {
    pub(super) fn new(limit: usize, on_output: Option<OnOutput<'c>>, on_line: Option<OnLine<'c>>) -> Self {
        Collector {
            output: Vec::new(),
            lines: Vec::new(),
            dropped: 0,
            room: limit,
            open_lines: [Vec::new(), Vec::new()],
            begin: Instant::now(),
            on_output,
            on_line,
        }
    }

    /// Takes what the firmware printed by semihosting.
    pub(super) fn print(&mut self, stream: Stream, bytes: &[u8]) {
        if let Some(on_output) = &mut self.on_output {
            on_output(bytes);
        }
        let kept = bytes.len().min(self.room);
        self.output.extend_from_slice(&bytes[..kept]);
        self.room -= kept;
        self.dropped += (bytes.len() - kept) as u64;
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
        let source = match stream {
            Stream::Output => LineSource::Output,
            Stream::Error => LineSource::Error,
        };
        self.line(source, text, true);
    }

    /// Takes a line, which is of this run or was begun before.
    pub(super) fn line(&mut self, source: LineSource, text: String, is_of_run: bool) {
        let line = RunLine { source, at: is_of_run.then(|| self.begin.elapsed()), text };
        if let Some(on_line) = &mut self.on_line {
            on_line(&line);
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
        let (output, error) = (LineSource::Output, LineSource::Error);
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
        let mut collector = Collector::new(100, Some(Box::new(|bytes| seen += bytes.len())), None);
        for _ in 0..1000 {
            collector.print(Stream::Output, b"0123456789\n");
        }
        let kept = collector.output.len() + collector.lines.iter().map(|line| line.text.len()).sum::<usize>();
        assert!(kept <= 100 && collector.output.starts_with(b"0123"));
        assert_eq!(collector.dropped, 11_000 + 10_000 - kept as u64);
        drop(collector);
        assert_eq!(seen, 11_000);
    }
}
