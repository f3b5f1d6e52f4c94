//! How far a long call has come, and the way to stop it.

use crate::types::Phase;
use std::fmt;
use std::ops::ControlFlow;

use crate::error::{Error, Result};

/// How far a long call has come.
///
/// A call reports the start of each phase with `done` 0, then every piece, and the end of the phase with `done` equal to `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is under way.
    pub phase: Phase,
    /// How many bytes of this phase are done.
    pub done: u64,
    /// How many bytes this phase is about: never 0, and the same as long as the phase lasts.
    pub total: u64,
}

/// A callback for [`Flash::with_progress`](crate::Flash::with_progress) and [`Memory::with_progress`](crate::Memory::with_progress).
///
/// It runs on the thread of the call, between two commands, so the session is free for others while it runs. [`ControlFlow::Break`] stops the call with
/// [`Error::Cancelled`](crate::Error::Cancelled), for flash at the next boundary between two sectors. It is
/// `Sync` so that views with a callback stay as easy to share as those without.
pub type ProgressCallback<'a> = dyn Fn(Progress) -> ControlFlow<()> + Sync + 'a;

/// A progress callback, or none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Report<'a>(Option<&'a ProgressCallback<'a>>);

impl<'a> Report<'a> {
    pub(crate) fn to(callback: &'a ProgressCallback<'a>) -> Self {
        Report(Some(callback))
    }

    /// Somebody watches, so pieces should be small.
    pub(crate) fn is_watched(self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Report(callback)" } else { "Report(none)" })
    }
}

/// Counts one call, phase by phase, and tells the callback.
#[derive(Debug)]
pub(crate) struct Tracker<'a> {
    report: Report<'a>,
    now: Progress,
    cancelled: bool,
}

impl<'a> Tracker<'a> {
    pub(crate) fn new(report: Report<'a>) -> Self {
        Tracker { report, now: Progress { phase: Phase::Read, done: 0, total: 0 }, cancelled: false }
    }

    pub(crate) fn done(&self) -> u64 {
        self.now.done
    }

    pub(crate) fn total(&self) -> u64 {
        self.now.total
    }

    /// Begins a phase at `address`. A call that was cancelled at the end of the phase before ends here.
    pub(crate) fn begin(&mut self, phase: Phase, total: u64, address: u64) -> Result<()> {
        self.now = Progress { phase, done: 0, total };
        self.tell();
        if self.cancelled { Err(self.cancelled_at(address)) } else { Ok(()) }
    }

    /// Counts `bytes`, which end before `address`. Where the call `may_stop`, a cancelled one does, unless there is nothing left to do in this phase.
    pub(crate) fn advance(&mut self, bytes: u64, address: u64, may_stop: bool) -> Result<()> {
        self.now.done += bytes;
        self.tell();
        if self.cancelled && may_stop && self.now.done < self.now.total {
            return Err(self.cancelled_at(address));
        }
        Ok(())
    }

    /// A phase about nothing is not told: callbacks divide by its total.
    fn tell(&mut self) {
        if let Some(callback) = self.report.0.filter(|_| self.now.total > 0) {
            self.cancelled |= callback(self.now).is_break();
        }
    }

    fn cancelled_at(&self, address: u64) -> Error {
        let Progress { phase, done, total } = self.now;
        Error::Cancelled { phase, done, total, address }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn each_phase_is_told_from_nothing_to_all() {
        let seen = Mutex::new(Vec::new());
        let callback = |progress: Progress| {
            seen.lock().unwrap().push((progress.phase, progress.done, progress.total));
            ControlFlow::Continue(())
        };
        let mut tracker = Tracker::new(Report::to(&callback));
        tracker.begin(Phase::Write, 10, 0).unwrap();
        tracker.advance(6, 6, true).unwrap();
        tracker.advance(4, 10, true).unwrap();
        assert_eq!(*seen.lock().unwrap(), [(Phase::Write, 0, 10), (Phase::Write, 6, 10), (Phase::Write, 10, 10)]);
    }

    #[test]
    fn a_cancelled_call_stops_where_it_may() {
        let callback =
            |progress: Progress| if progress.done == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let mut tracker = Tracker::new(Report::to(&callback));
        tracker.begin(Phase::Write, 12, 0).unwrap();
        tracker.advance(4, 0x104, false).unwrap();
        let error = tracker.advance(4, 0x108, true).unwrap_err();
        assert_eq!(error.to_string(), "cancelled while writing: 8 of 12 bytes are done, up to 0x00000108");
    }

    #[test]
    fn what_was_cancelled_at_its_very_end_is_done() {
        let callback =
            |progress: Progress| if progress.done == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let mut tracker = Tracker::new(Report::to(&callback));
        tracker.begin(Phase::Erase, 4, 0).unwrap();
        tracker.advance(4, 4, true).unwrap();
        assert!(tracker.begin(Phase::Write, 4, 0).is_err(), "but nothing more is begun");
    }
}
