//! Reports how far a long call is, and lets a callback stop it.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::types::Phase;

/// The progress of a long call.
///
/// A call reports the start of each phase with `done` 0, then every piece, and the end of the phase
/// with `done` equal to `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Progress {
    /// What the call does now.
    pub phase: Phase,
    /// Number of bytes of this phase that are done.
    pub done: u64,
    /// Number of bytes of this phase: never 0, and the same while the phase lasts.
    pub total: u64,
}

/// "writing: 2048 of 10000 bytes"
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} of {} bytes", self.phase, self.done, self.total)
    }
}

/// What a callback may return: nothing, or a [`ControlFlow`] that can stop the call.
///
/// The callbacks are those of [`Memory::with_progress`](crate::Memory::with_progress),
/// [`Flash::with_progress`](crate::Flash::with_progress),
/// [`RunUntil::on_line`](crate::RunUntil::on_line) and
/// [`RunUntil::on_output`](crate::RunUntil::on_output).
pub trait IntoControlFlow: sealed::Sealed {
    /// Says whether the call goes on.
    fn into_control_flow(self) -> ControlFlow<()>;
}

impl IntoControlFlow for () {
    fn into_control_flow(self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl IntoControlFlow for ControlFlow<()> {
    fn into_control_flow(self) -> ControlFlow<()> {
        self
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl Sealed for std::ops::ControlFlow<()> {}
}

/// What a view reports progress to: [`NoProgress`], or the [`ProgressCallback`] that its
/// `with_progress` was given.
pub trait ProgressReport: Clone + Report {}

impl<R: Clone + Report> ProgressReport for R {}

/// Reports progress to nobody. A view without a callback is `Copy`.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

/// The callback of a view, from [`Memory::with_progress`](crate::Memory::with_progress) or
/// [`Flash::with_progress`](crate::Flash::with_progress).
// The mutex lets a view be shared between threads.
#[derive(Clone)]
pub struct ProgressCallback<'a>(Arc<Mutex<dyn FnMut(Progress) -> ControlFlow<()> + Send + 'a>>);

impl<'a> ProgressCallback<'a> {
    pub(crate) fn new<R: IntoControlFlow>(mut callback: impl FnMut(Progress) -> R + Send + 'a) -> Self {
        ProgressCallback(Arc::new(Mutex::new(move |progress| callback(progress).into_control_flow())))
    }
}

impl fmt::Debug for ProgressCallback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProgressCallback")
    }
}

/// Where a call reports to.
pub trait Report {
    /// Whether somebody is told, so that pieces should be small.
    #[doc(hidden)]
    fn is_watched(&self) -> bool;
    #[doc(hidden)]
    fn tell(&self, progress: Progress) -> ControlFlow<()>;
}

impl Report for NoProgress {
    fn is_watched(&self) -> bool {
        false
    }

    fn tell(&self, _: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl Report for ProgressCallback<'_> {
    fn is_watched(&self) -> bool {
        true
    }

    fn tell(&self, progress: Progress) -> ControlFlow<()> {
        // A callback that panicked once is called again.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)(progress)
    }
}

impl<R: Report> Report for Option<R> {
    fn is_watched(&self) -> bool {
        self.as_ref().is_some_and(R::is_watched)
    }

    fn tell(&self, progress: Progress) -> ControlFlow<()> {
        self.as_ref().map_or(ControlFlow::Continue(()), |report| report.tell(progress))
    }
}

/// What several calls report to that are one for the caller: after a `Break` in one of them, none
/// goes on, and the callback is not called again.
#[derive(Clone)]
pub(crate) struct OneReport<R> {
    report: R,
    is_cancelled: Arc<AtomicBool>,
}

impl<R> OneReport<R> {
    pub(crate) fn new(report: R) -> Self {
        OneReport { report, is_cancelled: Arc::default() }
    }
}

impl<R: Report> Report for OneReport<R> {
    fn is_watched(&self) -> bool {
        self.report.is_watched()
    }

    fn tell(&self, progress: Progress) -> ControlFlow<()> {
        if self.is_cancelled.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        let flow = self.report.tell(progress);
        self.is_cancelled.store(flow.is_break(), Ordering::Relaxed);
        flow
    }
}

/// Runs `action`, and `undo` if a callback of the caller's panics in it.
pub(crate) fn undone_at_panic<T>(action: impl FnOnce() -> T, undo: impl FnOnce()) -> T {
    panic::catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|payload| {
        undo();
        panic::resume_unwind(payload)
    })
}

/// Counts the bytes of one call, phase by phase, and tells the callback.
pub(crate) struct Tracker<'a> {
    report: &'a dyn Report,
    now: Progress,
    cancelled: bool,
}

impl<'a> Tracker<'a> {
    pub(crate) fn new(report: &'a dyn Report) -> Self {
        Tracker { report, now: Progress { phase: Phase::Read, done: 0, total: 0 }, cancelled: false }
    }

    pub(crate) fn done(&self) -> u64 {
        self.now.done
    }

    pub(crate) fn total(&self) -> u64 {
        self.now.total
    }

    /// Begins a phase at `address`. A call that was cancelled at the end of the phase before ends
    /// here.
    pub(crate) fn begin(&mut self, phase: Phase, total: u64, address: u64) -> Result<()> {
        self.now = Progress { phase, done: 0, total };
        self.tell();
        if self.cancelled { Err(self.cancelled_at(address)) } else { Ok(()) }
    }

    /// Counts `bytes`, which end before `address`. Where the call `may_stop`, a cancelled call
    /// stops, unless this phase is done.
    pub(crate) fn advance(&mut self, bytes: u64, address: u64, may_stop: bool) -> Result<()> {
        self.now.done += bytes;
        self.tell();
        if self.cancelled && may_stop && self.now.done < self.now.total {
            return Err(self.cancelled_at(address));
        }
        Ok(())
    }

    /// Counts up to `done` bytes of this phase, which end before `address`. A cancelled call stops,
    /// unless the phase is done.
    pub(crate) fn advance_to(&mut self, done: u64, address: u64) -> Result<()> {
        self.advance(done.saturating_sub(self.now.done), address, true)
    }

    /// Tells nothing of a phase without bytes: callbacks divide by its total.
    fn tell(&mut self) {
        if self.now.total > 0 {
            self.cancelled |= self.report.tell(self.now).is_break();
        }
    }

    fn cancelled_at(&self, address: u64) -> Error {
        let Progress { phase, done, total } = self.now;
        Error::Cancelled { phase, done, total, address }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_is_told_from_nothing_to_all() {
        let mut seen = Vec::new();
        let report = ProgressCallback::new(|progress| seen.push(progress.to_string()));
        let mut tracker = Tracker::new(&report);
        tracker.begin(Phase::Write, 10, 0).unwrap();
        tracker.advance(6, 6, true).unwrap();
        tracker.advance(4, 10, true).unwrap();
        drop(report);
        assert_eq!(seen, ["writing: 0 of 10 bytes", "writing: 6 of 10 bytes", "writing: 10 of 10 bytes"]);
    }

    fn breaks_at_4() -> ProgressCallback<'static> {
        ProgressCallback::new(
            |progress| if progress.done == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) },
        )
    }

    #[test]
    fn a_cancelled_call_stops_where_it_may() {
        let report = breaks_at_4();
        let mut tracker = Tracker::new(&report);
        tracker.begin(Phase::Write, 12, 0).unwrap();
        tracker.advance(4, 0x104, false).unwrap();
        let error = tracker.advance(4, 0x108, true).unwrap_err();
        assert_eq!(error.to_string(), "cancelled while writing: 8 of 12 bytes are done, up to 0x00000108");
    }

    #[test]
    fn a_phase_that_is_cancelled_at_its_end_is_done_and_the_next_does_not_begin() {
        let report = breaks_at_4();
        let mut tracker = Tracker::new(&report);
        tracker.begin(Phase::Erase, 4, 0).unwrap();
        tracker.advance(4, 4, true).unwrap();
        assert!(tracker.begin(Phase::Write, 4, 0).is_err());
    }

    #[test]
    fn a_break_in_one_of_several_calls_ends_the_next_one() {
        let mut calls = 0;
        let report = OneReport::new(ProgressCallback::new(|_| {
            calls += 1;
            if calls == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }));
        let mut first = Tracker::new(&report);
        first.begin(Phase::Read, 4, 0).unwrap();
        first.advance(4, 4, true).unwrap();
        let copy = report.clone();
        assert!(Tracker::new(&copy).begin(Phase::Read, 4, 0).is_err());
        drop((report, copy));
        assert_eq!(calls, 2);
    }

    #[test]
    fn callbacks_return_nothing_or_whether_to_go_on() {
        let progress = Progress { phase: Phase::Read, done: 0, total: 1 };
        assert!(ProgressCallback::new(|_| {}).tell(progress).is_continue());
        assert!(ProgressCallback::new(|_| ControlFlow::Break(())).tell(progress).is_break());
        assert!(NoProgress.tell(progress).is_continue());
    }
}
