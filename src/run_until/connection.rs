//! One RTT channel during a run.

use std::fmt;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::channel::{RunChannel, Wanted};
use super::collector::Collector;
use super::outcome::OutputSource;
use crate::error::{Error, Result, RttError};
use crate::rtt::{RttChannel, RttMode};
use crate::stop_token::StopTokens;
use crate::target::Target;
use crate::wire::Deadline;

/// How often the mode of a channel is checked. A reset makes firmware set its own again.
const MODE_PERIOD: Duration = Duration::from_millis(100);

/// The pause before input is sent again to firmware that has no room for it.
const ROOM_PAUSE: Duration = Duration::from_millis(20);

/// An RTT channel of a run.
pub(super) enum Channel<'c> {
    /// A channel that the caller opened.
    Given(Given<'c>),
    /// A channel that the run opens when the firmware's control block appears.
    Own(Box<Own<'c>>),
}

pub(super) struct Given<'c> {
    channel: &'c mut RttChannel,
    wanted: Wanted<'c>,
    /// The next line was begun before the run.
    is_in_old_line: bool,
}

pub(super) struct Own<'c> {
    range: Range<u64>,
    wanted: RunChannel<'c>,
    /// Connected before the firmware has set the channel up: what OpenOCD takes from the ring goes
    /// to those who are connected then, and another client may make it begin.
    connected: Option<RttChannel>,
    open: Option<RttChannel>,
    next_mode_check: Instant,
    next_input: Instant,
}

impl<'c> Channel<'c> {
    pub(super) fn given(channel: &'c mut RttChannel, wanted: impl FnMut(&str) -> bool + 'c) -> Self {
        Channel::Given(Given { channel, wanted: Box::new(wanted), is_in_old_line: false })
    }

    pub(super) fn own(range: Range<u64>, wanted: RunChannel<'c>) -> Self {
        let now = Instant::now();
        Channel::Own(Box::new(Own {
            range,
            wanted,
            connected: None,
            open: None,
            next_mode_check: now,
            next_input: now,
        }))
    }

    /// The range in which the run searches for the control block.
    pub(super) fn range(&self) -> Option<&Range<u64>> {
        match self {
            Channel::Own(own) => Some(&own.range),
            Channel::Given(_) => None,
        }
    }

    /// The number of a channel that the run has not opened.
    pub(super) fn missing(&self) -> Option<u32> {
        match self {
            Channel::Own(own) if own.open.is_none() => Some(own.wanted.number),
            _ => None,
        }
    }

    /// The channel, once it is open.
    pub(super) fn open(&mut self) -> Option<&mut RttChannel> {
        match self {
            Channel::Given(given) => Some(given.channel),
            Channel::Own(own) => own.open.as_mut(),
        }
    }

    /// Connects to OpenOCD for a channel of the run.
    pub(super) fn connect(&mut self, target: Target<'_>) -> Result<()> {
        let Channel::Own(own) = self else { return Ok(()) };
        if own.connected.is_none() && own.open.is_none() {
            match RttChannel::open(target.rtt(), own.wanted.number, Deadline::NEVER) {
                // The firmware may not have the channel, and then it needs no port.
                Err(Error::Rtt(RttError::NoPort { .. })) => {}
                opened => own.connected = Some(opened?),
            }
        }
        Ok(())
    }

    /// Opens a channel of the run, if the firmware has it.
    pub(super) fn attach(&mut self, target: Target<'_>, stops: &StopTokens) -> Result<()> {
        let Channel::Own(own) = self else { return Ok(()) };
        if own.open.is_some() {
            return Ok(());
        }
        let number = own.wanted.number;
        let opened = target.rtt().check_channel(number, Deadline::NEVER).and_then(|()| {
            let connected = own.connected.take();
            let mut channel = connected.map_or_else(|| RttChannel::open(target.rtt(), number, Deadline::NEVER), Ok)?;
            channel.stop_searches_with(stops.clone());
            own.wanted.mode.map_or(Ok(()), |mode| channel.set_mode(mode))?;
            Ok(channel)
        });
        match opened {
            // The firmware may not have written all of its block yet.
            Err(Error::Rtt(RttError::NoChannel { .. })) => {}
            opened => {
                own.open = Some(opened?);
                own.next_mode_check = Instant::now() + MODE_PERIOD;
            }
        }
        Ok(())
    }

    /// Before the run: what follows belongs to a line that was begun already.
    pub(super) fn begin(&mut self) {
        if let Channel::Given(given) = self {
            given.is_in_old_line = given.channel.has_pending();
        }
    }

    /// Takes what has come, and returns whether there was any.
    pub(super) fn fetch(&mut self, collector: &mut Collector<'_>, before_run: bool) -> Result<bool> {
        let is_binary = self.is_binary();
        let Some(open) = self.open() else { return Ok(false) };
        let source = OutputSource::Rtt(open.number());
        let Some(bytes) = open.fetch_now()? else { return Ok(false) };
        collector.output(source, bytes, !before_run);
        if is_binary {
            collector.keep_bytes(open.number(), open.take_all());
        }
        Ok(true)
    }

    fn is_binary(&self) -> bool {
        matches!(self, Channel::Own(own) if own.wanted.is_binary)
    }

    /// Takes the whole lines of what has come. Returns the first that meets the condition; before
    /// the run none does. A handler that stops the run stops this, too, also at a line that would
    /// meet it.
    pub(super) fn take_lines(&mut self, collector: &mut Collector<'_>, before_run: bool) -> Option<String> {
        if self.is_binary() {
            return None;
        }
        while !collector.is_stopped() {
            let open = self.open()?;
            let (source, line) = (OutputSource::Rtt(open.number()), open.take_line()?);
            let is_of_run = match self {
                Channel::Given(given) => !before_run && !std::mem::take(&mut given.is_in_old_line),
                Channel::Own(_) => true,
            };
            collector.line(source, line.clone(), is_of_run);
            if is_of_run && !collector.is_stopped() && self.wants(&line) {
                return Some(line);
            }
        }
        None
    }

    fn wants(&mut self, line: &str) -> bool {
        match self {
            Channel::Given(given) => (given.wanted)(line),
            Channel::Own(own) => own.wanted.wanted.as_mut().is_some_and(|wanted| wanted(line)),
        }
    }

    /// Takes a last line without its end from a channel of the run. Returns it if it meets the
    /// condition.
    pub(super) fn take_last_line(&mut self, collector: &mut Collector<'_>) -> Option<String> {
        if self.is_binary() || matches!(self, Channel::Given(_)) {
            return None;
        }
        let open = self.open()?;
        let line = Some(open.take_all()).filter(|rest| !rest.is_empty())?;
        let line = String::from_utf8_lossy(line).into_owned();
        collector.line(OutputSource::Rtt(open.number()), line.clone(), true);
        (!collector.is_stopped() && self.wants(&line)).then_some(line)
    }

    /// Makes sure that an open channel of the run is in its mode.
    pub(super) fn keep_mode_now(&mut self) -> Result<()> {
        let Channel::Own(own) = self else { return Ok(()) };
        match (&mut own.open, own.wanted.mode) {
            (Some(open), Some(mode)) => keep_mode(open, mode),
            _ => Ok(()),
        }
    }

    /// Keeps the mode, and sends input.
    pub(super) fn tend(&mut self) -> Result<()> {
        let Channel::Own(own) = self else { return Ok(()) };
        let Some(open) = &mut own.open else { return Ok(()) };
        let now = Instant::now();
        if let Some(mode) = own.wanted.mode.filter(|_| now >= own.next_mode_check) {
            keep_mode(open, mode)?;
            own.next_mode_check = now + MODE_PERIOD;
        }
        let input = own.wanted.input.bytes();
        if !input.is_empty() && now >= own.next_input {
            let taken = open.write_now(input.make_contiguous())?;
            input.drain(..taken);
            if taken == 0 {
                own.next_input = now + ROOM_PAUSE;
            }
        }
        Ok(())
    }

    /// Takes all that has come by a channel of the run, and closes it before `end`.
    pub(super) fn close(&mut self, collector: &mut Collector<'_>, end: Deadline) -> Result<()> {
        let is_binary = self.is_binary();
        let Channel::Own(own) = self else { return Ok(()) };
        let connected = own.connected.take();
        let Some(mut open) = own.open.take() else {
            return connected.map_or(Ok(()), |unused| unused.close_before(end));
        };
        let source = OutputSource::Rtt(open.number());
        let mut lines = Vec::new();
        while let Some(line) = open.take_line().filter(|_| !is_binary) {
            lines.push(line);
        }
        let rest = open.take_all();
        if !rest.is_empty() {
            lines.push(String::from_utf8_lossy(rest).into_owned());
        }
        let closed = match open.close_before(end) {
            // The firmware has lost its control block, and with it the mode.
            Err(Error::Rtt(RttError::NoChannel { .. } | RttError::NotStarted)) => Ok(()),
            closed => closed,
        };
        // Last, as a handler may panic.
        for line in lines {
            collector.line(source, line, true);
        }
        closed
    }
}

/// Sets the mode again where firmware has set its own, as after a reset.
fn keep_mode(channel: &mut RttChannel, mode: RttMode) -> Result<()> {
    match channel.set_mode(mode) {
        // Just now the firmware starts, or cannot be read.
        Err(Error::Rtt(error)) => {
            log::debug!(target: "openocd::run_until", "cannot check the mode of an RTT channel: {error}");
            Ok(())
        }
        set => set,
    }
}

impl fmt::Debug for Channel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Channel::Given(given) => given.channel.fmt(f),
            Channel::Own(own) => write!(f, "rtt {} in {:#x?}", own.wanted.number, own.range),
        }
    }
}
