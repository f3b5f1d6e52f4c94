//! The RTT channels of a run.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::collector::Collector;
use super::connection::Channel;
use super::ending;
use super::outcome::Verdict;
use crate::error::{Error, InvalidArgument, Result, RttError, TimeoutError};
use crate::rtt::search::ID;
use crate::session::Session;
use crate::stop_token::StopTokens;
use crate::target::Target;
use crate::types::RttWait;
use crate::wire::Deadline;

/// The pause between two searches for the control block of the firmware under test.
const SEARCH_PAUSE: Duration = Duration::from_millis(20);

/// The pause between two questions whether bytes are left in a ring.
const RING_PAUSE: Duration = Duration::from_millis(1);

/// How long the last lines of a halted target may take to arrive, besides two polling intervals of
/// RTT.
const LAST_LINES: Duration = Duration::from_secs(1);
/// The same for a run that was stopped.
const LAST_LINES_OF_STOPPED: Duration = Duration::from_millis(50);

/// How often OpenOCD reads the channels that a run opened. It takes at most 1024 bytes each time,
/// and its own 100 ms would make firmware wait that does not drop output.
const POLLING_INTERVAL: Duration = Duration::from_millis(10);

/// The RTT channels of a run.
pub(super) struct Channels<'c> {
    all: Vec<Channel<'c>>,
    stops: StopTokens,
    /// When the next search for the control block is due.
    next_search: Option<Instant>,
    /// The polling interval before the run, if the run changed it.
    interval_before: Option<Duration>,
    /// The search for the control block, from [`claim`](Self::claim) on.
    search: Option<Search>,
    /// The target has not come to where the channels are opened.
    pub(super) wait_for_start: bool,
}

/// Where the run searches for the control block.
struct Search {
    address: u64,
    size: u32,
    /// The run has set up OpenOCD's RTT for it.
    is_set_up: bool,
    _claim: Claim,
}

/// When the rings of a halted target are emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    BeforeRun,
    /// The target reached an end.
    Ended,
    /// The run was stopped.
    Stopped,
}

/// OpenOCD has one RTT, so one run of a session has it at a time.
#[derive(Debug, Default)]
struct RttInUse(AtomicBool);

/// The right to use RTT, until it is dropped.
struct Claim(Arc<RttInUse>);

impl Claim {
    fn of(session: &Session) -> Result<Self> {
        let in_use = session.state(RttInUse::default);
        if in_use.0.swap(true, Ordering::AcqRel) {
            return Err(RttError::InUse.into());
        }
        Ok(Claim(in_use))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Release);
    }
}

impl<'c> Channels<'c> {
    pub(super) fn new(all: Vec<Channel<'c>>, stops: StopTokens) -> Self {
        Channels { all, stops, next_search: None, interval_before: None, search: None, wait_for_start: false }
    }

    /// Checks where the run searches for its control block, and takes the right to use RTT. Nothing
    /// is sent.
    pub(super) fn claim(&mut self, target: Target<'_>) -> Result<()> {
        let Some(range) = self.range()? else { return Ok(()) };
        let invalid = || InvalidArgument::new("range of RTT", "not empty, less than 4 GiB", format!("{range:#x?}"));
        let size = range.end.checked_sub(range.start).and_then(|size| u32::try_from(size).ok());
        let size = size.filter(|size| *size > 0).ok_or_else(|| RttError::from(invalid()))?;
        let claim = Claim::of(target.session())?;
        self.search = Some(Search { address: range.start, size, is_set_up: false, _claim: claim });
        Ok(())
    }

    /// Whether the run searches for a control block itself.
    pub(super) fn are_searched_for(&self) -> bool {
        self.search.is_some()
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
        self.fetch_all(collector, deadline, When::BeforeRun)?;
        for channel in &mut self.all {
            let Some(open) = channel.open() else { continue };
            // RTT was stopped, or a read of the target failed. Later it may go on, in the middle of
            // the run.
            if open.has_more(deadline)? && !self.stops.is_stopped() {
                let waiting_for = RttWait::Pause;
                return Err(TimeoutError::Rtt { waiting_for, after: LAST_LINES }.into());
            }
            channel.begin();
        }
        let Some(search) = self.search.as_mut().filter(|_| !self.stops.is_stopped()) else {
            return Ok(Duration::ZERO);
        };
        // What can fail comes first: afterwards the firmware has no control block.
        search.is_set_up = true;
        target.rtt().setup(search.address, search.size, ID)?;
        let begin = Instant::now();
        match target.rtt().clear_unless(search.address, search.size, ID, &self.stops) {
            Err(Error::Timeout(_)) if self.stops.is_stopped() => {}
            cleared => drop(cleared?),
        }
        let took = begin.elapsed();
        // OpenOCD would read the block of before as soon as the firmware has made it anew.
        target.rtt().stop()?;
        if !self.wait_for_start {
            self.all.iter_mut().try_for_each(|channel| channel.connect(target))?;
        }
        Ok(took)
    }

    /// The range in which this run searches for the control block itself. OpenOCD has one for all
    /// channels.
    fn range(&self) -> Result<Option<Range<u64>>> {
        let mut ranges = self.all.iter().filter_map(Channel::range);
        let first = ranges.next();
        match ranges.find(|other| Some(*other) != first) {
            None => Ok(first.cloned()),
            Some(other) => {
                let expected = "the same for all channels of a run";
                Err(RttError::from(InvalidArgument::new("range of RTT", expected, format!("{other:#x?}"))).into())
            }
        }
    }

    /// The channels that the firmware has not set up.
    pub(super) fn missing(&self) -> Vec<u32> {
        self.all.iter().filter_map(Channel::missing).collect()
    }

    /// Searches for the control block, and opens the channels when it is there.
    fn attach(&mut self, target: Target<'_>, is_last: bool) -> Result<()> {
        if self.wait_for_start && !is_last {
            return Ok(());
        }
        let begin = Instant::now();
        let is_early = self.next_search.is_some_and(|next| begin < next);
        if self.all.iter().all(|channel| channel.missing().is_none()) || (is_early && !is_last) {
            return Ok(());
        }
        self.all.iter_mut().try_for_each(|channel| channel.connect(target))?;
        let found = target.rtt().start_unless(&self.stops);
        // Slow probes need time for a search, and polls of the target shall come in between.
        let end = Instant::now();
        self.next_search = Some(end + (end - begin).max(SEARCH_PAUSE));
        match found {
            Err(Error::Rtt(RttError::NoControlBlock { .. })) => return Ok(()),
            Err(Error::Timeout(_)) if self.stops.is_stopped() => return Ok(()),
            found => found?,
        };
        for channel in &mut self.all {
            channel.attach(target, &self.stops)?;
        }
        self.poll_often(target)
    }

    /// Opens the channels of a target that is halted where the firmware has set RTT up. After a
    /// reset, sets their modes again.
    pub(super) fn start(&mut self, target: Target<'_>) -> Result<()> {
        self.wait_for_start = false;
        self.attach(target, true)?;
        self.all.iter_mut().try_for_each(Channel::keep_mode_now)
    }

    /// Makes OpenOCD read the channels more often than by default.
    fn poll_often(&mut self, target: Target<'_>) -> Result<()> {
        if self.interval_before.is_some() {
            return Ok(());
        }
        let before = target.rtt().polling_interval()?;
        self.interval_before = Some(before);
        if before > POLLING_INTERVAL {
            target.rtt().set_polling_interval(POLLING_INTERVAL)?;
        }
        Ok(())
    }

    /// Takes the output that has come, and gives the firmware input. Returns the first line that
    /// meets its condition.
    pub(super) fn exchange(&mut self, target: Target<'_>, collector: &mut Collector<'_>) -> Result<Option<String>> {
        self.attach(target, false)?;
        for channel in &mut self.all {
            channel.fetch(collector, false)?;
            if let Some(line) = channel.take_lines(collector, false) {
                return Ok(Some(line));
            }
            if collector.is_stopped() {
                return Ok(None);
            }
            channel.tend()?;
        }
        Ok(None)
    }

    /// Takes what the target printed before it halted. Returns the first line that meets its
    /// condition. Only where the firmware exits, a last line without its end is one: elsewhere more
    /// of it could have come.
    pub(super) fn last_lines(
        &mut self,
        target: Target<'_>,
        collector: &mut Collector<'_>,
        deadline: Deadline,
        verdict: &Verdict,
    ) -> Result<Option<String>> {
        if *verdict == Verdict::Stopped {
            return Ok(self.fetch_all(collector, deadline, When::Stopped)?.0);
        }
        self.attach(target, true)?;
        let (line, have_all) = self.fetch_all(collector, deadline, When::Ended)?;
        if line.is_some() || !have_all || !matches!(verdict, Verdict::Exit { .. }) {
            return Ok(line);
        }
        Ok(self.all.iter_mut().find_map(|channel| channel.take_last_line(collector)))
    }

    /// Takes lines until the rings of the halted target are empty and everything has come, or until
    /// a line meets its condition. Returns that line, and whether everything has come.
    fn fetch_all(
        &mut self,
        collector: &mut Collector<'_>,
        deadline: Deadline,
        when: When,
    ) -> Result<(Option<String>, bool)> {
        let before_run = when == When::BeforeRun;
        let limit = if when == When::Stopped { LAST_LINES_OF_STOPPED } else { LAST_LINES };
        let Some(first) = self.all.iter_mut().find_map(Channel::open) else { return Ok((None, true)) };
        let limit = first.polling_interval(deadline)? * 2 + limit;
        let enough = Deadline::after(Some(limit)).sooner(deadline);
        loop {
            let (mut has_more, mut has_come) = (false, false);
            for open in self.all.iter_mut().filter_map(Channel::open) {
                has_more |= open.has_more(deadline)?;
            }
            // Asked first, taken then: OpenOCD sends bytes before it marks them as read.
            for channel in &mut self.all {
                has_come |= channel.fetch(collector, before_run)?;
                if let Some(line) = channel.take_lines(collector, before_run) {
                    return Ok((Some(line), false));
                }
            }
            let is_stopped = collector.is_stopped() || (when != When::Stopped && self.stops.is_stopped());
            let have_all = !(has_come || has_more);
            if enough.has_passed() || is_stopped || have_all {
                return Ok((None, have_all && !is_stopped));
            }
            // What is in the socket already may be more than was taken at once.
            if !has_come {
                thread::sleep(RING_PAUSE);
            }
        }
    }

    /// Closes the channels that the run opened, puts back what the run changed, and stops RTT if
    /// the run set it up. Gives up at the end.
    pub(super) fn close(&mut self, target: Target<'_>, mut end: Deadline, collector: &mut Collector<'_>) -> Result<()> {
        let mut closed = Ok(());
        for channel in &mut self.all {
            let one = channel.close(collector, end);
            end = ending::after_step(end, &one);
            closed = closed.and(one);
        }
        let target = target.before(end);
        // RTT is as it was before the run.
        let Some(search) = self.search.take().filter(|search| search.is_set_up) else { return closed };
        if let Some(before) = self.interval_before.filter(|before| *before > POLLING_INTERVAL) {
            if let Err(error) = target.rtt().set_polling_interval(before) {
                log::debug!(target: "openocd::run_until", "OpenOCD goes on polling RTT often: {error}");
            }
        }
        if let Err(error) = target.rtt().stop() {
            log::debug!(target: "openocd::run_until", "RTT stays started: {error}");
        }
        drop(search);
        closed
    }
}
