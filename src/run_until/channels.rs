//! The RTT channels of a run.

use std::fmt;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use super::collector::Collector;
use super::outcome::LineSource;
use crate::error::{Error, InvalidArgument, Result, RttError, TimeoutError};
use crate::rtt::RttChannel;
use crate::target::Target;
use crate::types::RttWait;
use crate::wire::Deadline;

/// The id of a control block.
const ID: &str = "SEGGER RTT";

/// The pause between two searches for the control block of the firmware under test.
const SEARCH_PAUSE: Duration = Duration::from_millis(20);

/// The pause between two questions whether bytes are left in a ring.
const RING_PAUSE: Duration = Duration::from_millis(1);

/// How long the last lines of a halted target may take to arrive, besides two polling intervals of
/// RTT.
const LAST_LINES: Duration = Duration::from_secs(1);

/// A predicate for a line.
type Wanted<'c> = Box<dyn FnMut(&str) -> bool + 'c>;

/// An RTT condition: a channel, and the lines for which the run waits.
pub(super) struct Channel<'c> {
    connection: Connection<'c>,
    wanted: Wanted<'c>,
    /// The next line was begun before the run.
    is_in_old_line: bool,
}

enum Connection<'c> {
    /// A channel that the caller opened.
    Given(&'c mut RttChannel),
    /// A channel that the run opens when the firmware's control block appears.
    Own { range: Range<u64>, number: u32, open: Option<RttChannel> },
}

impl<'c> Channel<'c> {
    pub(super) fn given(channel: &'c mut RttChannel, wanted: impl FnMut(&str) -> bool + 'c) -> Self {
        Channel { connection: Connection::Given(channel), wanted: Box::new(wanted), is_in_old_line: false }
    }

    pub(super) fn own(range: Range<u64>, number: u32, wanted: impl FnMut(&str) -> bool + 'c) -> Self {
        let connection = Connection::Own { range, number, open: None };
        Channel { connection, wanted: Box::new(wanted), is_in_old_line: false }
    }

    /// The channel, once it is open.
    fn open(&mut self) -> Option<&mut RttChannel> {
        match &mut self.connection {
            Connection::Given(channel) => Some(channel),
            Connection::Own { open, .. } => open.as_mut(),
        }
    }

    /// Takes the whole lines of what has come. Returns the first that meets the condition; before
    /// the run none does.
    fn take_lines(&mut self, collector: &mut Collector<'_>, before_run: bool) -> Option<String> {
        while let Some(open) = self.open() {
            let source = LineSource::Rtt(open.number());
            let line = open.take_line()?;
            let is_of_run = !before_run && !std::mem::take(&mut self.is_in_old_line);
            collector.line(source, line.clone(), is_of_run);
            if is_of_run && (self.wanted)(&line) {
                return Some(line);
            }
        }
        None
    }
}

impl fmt::Debug for Channel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.connection {
            Connection::Given(channel) => channel.fmt(f),
            Connection::Own { range, number, .. } => write!(f, "rtt {number} in {range:#x?}"),
        }
    }
}

/// The RTT channels of a run.
pub(super) struct Channels<'c> {
    all: Vec<Channel<'c>>,
    /// When the next search for the control block is due.
    next_search: Option<Instant>,
}

impl<'c> Channels<'c> {
    pub(super) fn new(all: Vec<Channel<'c>>) -> Self {
        Channels { all, next_search: None }
    }

    /// Prepares a halted target: takes what was printed before the run, which is no evidence, and
    /// removes a control block that earlier firmware left behind. Returns how long the search for
    /// that took.
    pub(super) fn prepare(
        &mut self,
        target: Target<'_>,
        collector: &mut Collector<'_>,
        deadline: Deadline,
    ) -> Result<Duration> {
        self.fetch_all(collector, deadline, true)?;
        for channel in &mut self.all {
            let Some(open) = channel.open() else { continue };
            // RTT was stopped, or a read of the target failed. Later it may go on, in the middle of
            // the run.
            if open.has_more()? {
                let waiting_for = RttWait::Pause;
                return Err(TimeoutError::Rtt { waiting_for, after: LAST_LINES }.into());
            }
            channel.is_in_old_line = open.has_pending();
        }
        let Some(range) = self.range()? else { return Ok(Duration::ZERO) };
        let invalid = || InvalidArgument::new("range of RTT", "not empty, less than 4 GiB", format!("{range:#x?}"));
        let size = range.end.checked_sub(range.start).and_then(|size| u32::try_from(size).ok());
        let size = size.filter(|size| *size > 0).ok_or_else(|| RttError::from(invalid()))?;
        let begin = Instant::now();
        target.rtt().clear(range.start, size, ID)?;
        let took = begin.elapsed();
        target.rtt().setup(range.start, size, ID)?;
        Ok(took)
    }

    /// The range in which this run searches for the control block itself. OpenOCD has one for all
    /// channels.
    fn range(&self) -> Result<Option<Range<u64>>> {
        let mut ranges = self.all.iter().filter_map(|channel| match &channel.connection {
            Connection::Own { range, .. } => Some(range),
            Connection::Given(_) => None,
        });
        let first = ranges.next();
        match ranges.find(|other| Some(*other) != first) {
            None => Ok(first.cloned()),
            Some(other) => {
                let expected = "the same for all conditions of a run";
                Err(RttError::from(InvalidArgument::new("range of RTT", expected, format!("{other:#x?}"))).into())
            }
        }
    }

    /// Searches for the control block, and opens the channels when it is there.
    fn attach(&mut self, target: Target<'_>, is_last: bool) -> Result<()> {
        let is_open = |channel: &Channel<'_>| !matches!(channel.connection, Connection::Own { open: None, .. });
        let begin = Instant::now();
        let is_early = self.next_search.is_some_and(|next| begin < next);
        if self.all.iter().all(is_open) || (is_early && !is_last) {
            return Ok(());
        }
        let found = target.rtt().start();
        // Slow probes need time for a search, and polls of the target shall come in between.
        let end = Instant::now();
        self.next_search = Some(end + (end - begin).max(SEARCH_PAUSE));
        match found {
            Err(Error::Rtt(RttError::NoControlBlock { .. })) => return Ok(()),
            found => found?,
        };
        for channel in &mut self.all {
            if let Connection::Own { number, open: open @ None, .. } = &mut channel.connection {
                match target.rtt().channel(*number) {
                    // The firmware may not have written all of its block yet.
                    Err(Error::Rtt(RttError::NoChannel { .. })) => {}
                    opened => *open = Some(opened?),
                }
            }
        }
        Ok(())
    }

    /// Takes the lines that have come. Returns the first that meets its condition.
    pub(super) fn take_lines(&mut self, target: Target<'_>, collector: &mut Collector<'_>) -> Result<Option<String>> {
        self.attach(target, false)?;
        for channel in &mut self.all {
            let Some(open) = channel.open() else { continue };
            open.fetch_now()?;
            if let Some(line) = channel.take_lines(collector, false) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// Takes what the target printed before it halted. Returns the first line that meets its
    /// condition.
    pub(super) fn last_lines(
        &mut self,
        target: Target<'_>,
        collector: &mut Collector<'_>,
        deadline: Deadline,
    ) -> Result<Option<String>> {
        self.attach(target, true)?;
        self.fetch_all(collector, deadline, false)
    }

    /// Takes lines until the rings of the halted target are empty and everything has come, or until
    /// a line meets its condition.
    fn fetch_all(
        &mut self,
        collector: &mut Collector<'_>,
        deadline: Deadline,
        before_run: bool,
    ) -> Result<Option<String>> {
        let Some(first) = self.all.iter_mut().find_map(Channel::open) else { return Ok(None) };
        let limit = first.polling_interval()? * 2 + LAST_LINES;
        let deadline = Deadline::after(Some(limit)).sooner(deadline);
        loop {
            let (mut has_more, mut has_come) = (false, false);
            for open in self.all.iter_mut().filter_map(Channel::open) {
                has_more |= open.has_more()?;
            }
            // Asked first, taken then: OpenOCD sends bytes before it marks them as read.
            for channel in &mut self.all {
                let Some(open) = channel.open() else { continue };
                has_come |= open.fetch_now()?;
                if let Some(line) = channel.take_lines(collector, before_run) {
                    return Ok(Some(line));
                }
            }
            if deadline.has_passed() || !(has_come || has_more) {
                return Ok(None);
            }
            // What is in the socket already may be more than was taken at once.
            if !has_come {
                thread::sleep(RING_PAUSE);
            }
        }
    }

    /// Closes the channels that the run opened, and stops RTT if the run set it up.
    pub(super) fn close(&mut self, target: Target<'_>) {
        let mut is_own = false;
        for channel in &mut self.all {
            if let Connection::Own { open, .. } = &mut channel.connection {
                is_own = true;
                *open = None;
            }
        }
        if !is_own {
            return;
        }
        if let Err(error) = target.rtt().stop() {
            log::debug!(target: "openocd::run_until", "RTT stays started: {error}");
        }
    }
}
