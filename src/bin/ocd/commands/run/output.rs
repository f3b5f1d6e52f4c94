//! What the firmware prints, on its way to standard output.

use std::collections::HashMap;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::time::Duration;

use openocd::{OutputSource, RunOutput};
use regex::Regex;
use serde::Serialize;

use super::firmware::Firmware;
use super::log::{Decoder, Entry, LogArgs, Timestamps};
use super::verdict_line::VerdictLine;
use crate::control_block;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, room};
use crate::platform::Stream;

/// The channel that defmt uses.
pub(crate) const DEFMT_CHANNEL: u32 = 0;

/// A line of text, as an event in JSON.
#[derive(Serialize)]
struct Line<'a> {
    source: String,
    at_seconds: Option<f64>,
    text: &'a str,
}

/// A log entry, as an event in JSON.
#[derive(Serialize)]
struct LogEntry<'a> {
    source: String,
    at_seconds: Option<f64>,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// Takes what the firmware prints, shows it, and looks for the wanted line.
pub(crate) struct Sink<'f> {
    output: Output,
    decoder: Option<Decoder<'f>>,
    /// What comes by the channel of defmt has no meaning here.
    drops_defmt: bool,
    /// The file is not that of the firmware that runs.
    pub(super) is_other_firmware: bool,
    timestamps: Timestamps,
    tells_channels_apart: bool,
    until_line: Option<Regex>,
    /// How many bytes have come.
    received: usize,
    /// The line of the test that runs, which what is printed interrupts.
    verdict_line: Option<&'f VerdictLine>,
    /// What has come of lines that are not complete.
    partial: HashMap<OutputSource, Vec<u8>>,
    /// The wanted line, once it has come.
    pub(crate) found: Option<String>,
    /// Standard output cannot be written any more.
    failure: Option<Failure>,
}

impl<'f> Sink<'f> {
    pub(crate) fn new(output: Output, firmware: &'f Firmware, arguments: &LogArgs, until_line: Option<Regex>) -> Self {
        // It decides by itself otherwise; standard output drops what nobody can see.
        colored::control::set_override(true);
        Sink {
            output,
            decoder: Decoder::new(firmware, arguments),
            drops_defmt: false,
            is_other_firmware: false,
            timestamps: arguments.timestamps(),
            tells_channels_apart: arguments.channels().len() > 1,
            until_line,
            received: 0,
            verdict_line: None,
            partial: HashMap::new(),
            found: None,
            failure: None,
        }
    }

    /// Prints for a test whose line has begun.
    pub(super) fn interrupt(&mut self, line: &'f VerdictLine) {
        self.verdict_line = Some(line);
    }

    /// The firmware that runs is another one: a log of defmt is dropped, as it would be decoded by the
    /// wrong strings, and addresses have no names.
    pub(super) fn expect_other_firmware(&mut self) {
        self.is_other_firmware = true;
        self.drops_defmt = self.decoder.take().is_some();
    }

    /// Whether what did not come may be RTT that was not read.
    pub(crate) fn may_lack_rtt(&self, waits_for_line: bool) -> bool {
        waits_for_line && self.found.is_none() || self.received == 0
    }

    /// Warns of something.
    pub(crate) fn warning(&self, text: &str) -> Outcome<()> {
        self.interrupt_line()?;
        self.output.warning(None, text)
    }

    /// Warns of channels that somebody asked for, or that an invalid control block holds back.
    pub(super) fn missing(&self, channels: &[u32], is_asked: bool, flaw: Option<&str>) -> Outcome<()> {
        if !is_asked {
            return flaw.map_or(Ok(()), |flaw| self.warning(&control_block::nothing_comes(flaw)));
        }
        let why = flaw.map(|flaw| format!(": {flaw}")).unwrap_or_default();
        let told = |number| self.warning(&format!("the firmware did not set up RTT channel {number}{why}"));
        channels.iter().try_for_each(told)
    }

    fn interrupt_line(&self) -> Outcome<()> {
        self.verdict_line.map_or(Ok(()), VerdictLine::interrupt)
    }

    /// Takes what came. Ends the run at the wanted line, and when nobody reads what is printed.
    pub(super) fn take(&mut self, output: &RunOutput<'_>) -> ControlFlow<()> {
        self.feed(output.source, output.at, output.bytes)
    }

    /// The same, of any origin.
    pub(crate) fn feed(&mut self, source: OutputSource, at: Option<Duration>, bytes: &[u8]) -> ControlFlow<()> {
        self.received = self.received.saturating_add(bytes.len());
        if let Err(failure) = self.show(source, at.map(|at| at.as_secs_f64()), bytes) {
            self.failure.get_or_insert(failure);
        }
        match self.failure.is_some() || self.found.is_some() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn show(&mut self, source: OutputSource, at: Option<f64>, bytes: &[u8]) -> Outcome<()> {
        if source == OutputSource::Rtt(DEFMT_CHANNEL) {
            if self.drops_defmt {
                return Ok(());
            }
            if let Some(mut decoder) = self.decoder.take() {
                let mut entries = Vec::new();
                decoder.take(bytes, |entry| entries.push(entry));
                self.decoder = Some(decoder);
                return entries.iter().try_for_each(|entry| self.log(source, at, entry));
            }
        }
        let is_plain = !self.output.is_json() && !self.tells_channels_apart && !self.timestamps.of_host();
        if is_plain {
            self.print_bytes(source, bytes)?;
        }
        let mut partial = self.partial.remove(&source).unwrap_or_default();
        partial.extend_from_slice(bytes);
        while let Some(end) = memchr::memchr(b'\n', &partial) {
            let rest = partial.split_off(end + 1);
            let line = std::mem::replace(&mut partial, rest);
            self.line(source, at, &line, is_plain)?;
        }
        self.partial.insert(source, partial);
        Ok(())
    }

    /// Standard error of the firmware is standard error here.
    fn print_bytes(&self, source: OutputSource, bytes: &[u8]) -> Outcome<()> {
        self.interrupt_line()?;
        if source == OutputSource::Error {
            room::wait(Stream::Error)?;
            return Ok(std::io::stderr().write_all(bytes)?);
        }
        self.output.bytes(bytes)
    }

    fn line(&mut self, source: OutputSource, at: Option<f64>, line: &[u8], is_shown: bool) -> Outcome<()> {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches(['\n', '\r']);
        self.look_for(text);
        if self.output.is_json() {
            return self.output.event(None, "output", &Line { source: source.to_string(), at_seconds: at, text });
        }
        if is_shown {
            return Ok(());
        }
        let channel = match source {
            _ if !self.tells_channels_apart => String::new(),
            source => format!("{source}: "),
        };
        self.print_bytes(source, format!("{}{channel}{text}\n", self.host_time(at)).as_bytes())
    }

    fn log(&mut self, source: OutputSource, at: Option<f64>, entry: &Entry) -> Outcome<()> {
        self.look_for(&entry.message);
        if self.output.is_json() {
            return self.output.event(None, "log", &LogEntry { source: source.to_string(), at_seconds: at, entry });
        }
        self.interrupt_line()?;
        let time = self.host_time(at);
        room::wait(Stream::Output)?;
        let mut out = anstream::stdout().lock();
        writeln!(out, "{time}{}", entry.shown)?;
        Ok(out.flush()?)
    }

    fn host_time(&self, at: Option<f64>) -> String {
        match at.filter(|_| self.timestamps.of_host()) {
            Some(at) => format!("{at:10.6} "),
            None => String::new(),
        }
    }

    /// A log entry may have several lines.
    fn look_for(&mut self, text: &str) {
        let Some(wanted) = self.until_line.as_ref().filter(|_| self.found.is_none()) else { return };
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        self.found = lines.find(|line| wanted.is_match(line)).map(str::to_owned);
    }

    /// Shows lines without an end, and tells what was lost. `is_complete` means that the firmware has
    /// ended: otherwise more of such a line could have come, and it is not the wanted one.
    pub(crate) fn finish(&mut self, is_complete: bool) -> Outcome<()> {
        if !is_complete {
            self.until_line = None;
        }
        for (source, line) in std::mem::take(&mut self.partial) {
            if !line.is_empty() && self.failure.is_none() {
                let is_shown = !self.output.is_json() && !self.tells_channels_apart && !self.timestamps.of_host();
                self.line(source, None, &line, is_shown)?;
                if is_shown && source != OutputSource::Error {
                    self.output.bytes(b"\n")?;
                }
            }
        }
        if let Some(malformed) = self.decoder.as_ref().map(|decoder| decoder.malformed).filter(|&count| count > 0) {
            let frames = if malformed == 1 { "frame" } else { "frames" };
            self.warning(&format!("{malformed} {frames} of defmt could not be decoded"))?;
        }
        self.failure.take().map_or(Ok(()), Err)
    }
}
