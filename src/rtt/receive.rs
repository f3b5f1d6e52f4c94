//! Reading from the target, and keeping the transfer alive meanwhile.

use std::time::{Duration, Instant};

use super::ring::RingState;
use super::write::CHECK_PERIOD;
use super::{GRACE, READ_LIMIT, RttChannel, SEARCH_GRACE};
use crate::error::{Error, Result, RttError, TimeoutError};
use crate::types::{RttDirection, RttWait};
use crate::wire::{Deadline, TransferError};

/// How much one read of the socket takes.
const READ_SIZE: usize = 16 * 1024;

/// How long [`RttChannel::discard`] takes at most what a target sends without a pause.
const LONGEST_DISCARD: Duration = Duration::from_secs(1);

const DOING: &str = "waiting for bytes of RTT";

impl RttChannel {
    /// Waits for more bytes before the deadline, and returns how many came. Reads nothing if much
    /// has come and was not taken.
    pub(super) fn fetch(&mut self, deadline: Deadline) -> Result<usize> {
        if self.pending.is_full() {
            return Ok(0);
        }
        let mut chunk = [0; READ_SIZE];
        loop {
            let wait = Deadline::after(Some(CHECK_PERIOD)).sooner(deadline);
            match self.stream.read(&mut chunk, wait, DOING) {
                Ok(count) => {
                    self.pending.push(&chunk[..count]);
                    self.stuck_at = None;
                    self.checked = Instant::now();
                    return Ok(count);
                }
                Err(TransferError::DeadlinePassed) => {}
                Err(TransferError::Connection(error)) => {
                    return Err(self.server.rtt().session().explain(error.into()));
                }
            }
            if self.checked.elapsed() >= CHECK_PERIOD {
                self.keep_alive(deadline)?;
                self.checked = Instant::now();
            }
            if deadline.has_passed() {
                return Err(TimeoutError::Rtt { waiting_for: RttWait::Data, after: deadline.span() }.into());
            }
        }
    }

    /// Takes some of what has come, without waiting, and returns it. It can be taken afterwards.
    pub(crate) fn fetch_now(&mut self) -> Result<Option<&[u8]>> {
        if self.pending.is_full() {
            return Ok(None);
        }
        match self.fetch(Deadline::after(Some(Duration::ZERO))) {
            Err(Error::Timeout(_)) => Ok(None),
            done => done.map(|count| Some(self.pending.last(count))),
        }
    }

    /// Drops what has come and was not read.
    ///
    /// For a reader that wants to see only what comes from now on, as after
    /// [`Rtt::clear`](crate::Rtt::clear).
    ///
    /// # Errors
    /// [`Error::Connection`] if the channel is closed, and [`TimeoutError::Rtt`] if the target
    /// sends without a pause.
    pub fn discard(&mut self) -> Result<()> {
        let deadline = Deadline::after(Some(LONGEST_DISCARD));
        loop {
            self.pending.clear();
            if self.fetch_now()?.is_none() {
                return Ok(());
            }
            if deadline.has_passed() {
                return Err(TimeoutError::Rtt { waiting_for: RttWait::Pause, after: LONGEST_DISCARD }.into());
            }
        }
    }

    /// Takes everything that comes until the channel is quiet for two polling intervals or the
    /// deadline passes, and closes the channel. Nothing at all is no error.
    pub(super) fn drain(mut self, deadline: Deadline) -> Result<String> {
        let hard_deadline = deadline.extended_by(GRACE);
        let quiet = self.server.rtt().polling_interval_before(hard_deadline)? * 2;
        let mut bytes = Vec::new();
        let mut wait = deadline;
        loop {
            match self.fetch(wait) {
                Ok(_) => bytes.extend_from_slice(self.pending.take_all()),
                Err(Error::Timeout(_)) => break,
                Err(error) => return Err(error),
            }
            // There is firmware that prints without end.
            if deadline.has_passed() || bytes.len() + READ_SIZE > READ_LIMIT {
                break;
            }
            wait = Deadline::after(Some(quiet)).sooner(deadline);
        }
        self.server.stop(Deadline::NEVER)?;
        // What OpenOCD has taken from the target until then.
        match self.stream.read_to_end(&mut bytes, READ_LIMIT, hard_deadline, "reading the rest of RTT") {
            Ok(()) | Err(TransferError::DeadlinePassed) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(TransferError::Connection(error)) => Err(self.server.rtt().session().explain(error.into())),
        }
    }

    pub(crate) fn polling_interval(&self, deadline: Deadline) -> Result<Duration> {
        self.server.rtt().polling_interval_before(deadline)
    }

    /// Whether the target's ring holds bytes that OpenOCD has not taken, and will.
    pub(crate) fn has_more(&self, deadline: Deadline) -> Result<bool> {
        match self.server.rtt().ring(RttDirection::Up, self.server.channel, deadline) {
            Ok(ring) => Ok(ring.holds_bytes()),
            Err(Error::Rtt(RttError::NotStarted | RttError::NotSetUp)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Restarts the transfer if the target's memory shows that it does not go on by itself.
    fn keep_alive(&mut self, limit: Deadline) -> Result<()> {
        let rtt = self.server.rtt();
        let deadline = limit.extended_by(GRACE);
        let ring = match rtt.ring(RttDirection::Up, self.server.channel, deadline) {
            Ok(ring) => ring,
            Err(error @ Error::Connection(_)) => return Err(error),
            // Stopped on purpose, or a target that cannot be read just now: later, perhaps.
            Err(error) => {
                log::debug!(target: "openocd::rtt", "channel {}: {error}", self.server.channel);
                return Ok(());
            }
        };
        let before = self.stuck_at.filter(|(read, _)| *read == ring.read);
        self.stuck_at = ring.holds_bytes().then(|| before.unwrap_or((ring.read, Instant::now())));
        let is_stuck = match (before, self.stuck_at) {
            // A restart begins OpenOCD's polling interval anew, so a restart within each interval
            // would keep OpenOCD from ever polling.
            (Some((_, since)), Some(_)) => since.elapsed() > rtt.polling_interval_before(deadline)? * 2,
            _ => false,
        };
        if ring.state == RingState::Lost || is_stuck {
            rtt.revive(limit.extended_by(SEARCH_GRACE), &self.stops)?;
            self.stuck_at = None;
        }
        Ok(())
    }
}
