//! Runs of several targets at once.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::{RunOutcome, RunUntil, Verdict};
use crate::error::Result;
use crate::stop_token::StopToken;
use crate::target::Target;
use crate::types::HaltReason;
use crate::wire::Deadline;

/// Makes the conditions of a run, in the thread of that run.
type Conditions<'c> = Box<dyn FnOnce() -> RunUntil<'c> + Send + 'c>;

/// Runs several targets at once, each until its own conditions: all cores of a board, or several
/// boards.
///
/// Each target has a thread of its own, in which the closure makes its conditions. So handlers need
/// not be [`Send`], but what they share must be. All targets are prepared before the first one is
/// resumed. A target whose OpenOCD hangs delays the others by half of the timeout at most. They are
/// resumed one after the other, some milliseconds apart. Targets of one SMP group of OpenOCD are
/// resumed, and halt, together.
///
/// The targets must be halted. OpenOCD has one RTT for all of its targets, so only one run of a
/// session may use [`RunUntil::rtt`].
///
/// ```
/// # let chips = [virtual_chip::VirtualChip::start()?, virtual_chip::VirtualChip::start()?];
/// # let boards = [openocd::Session::start(chips[0].openocd_config())?, openocd::Session::start(chips[1].openocd_config())?];
/// # for board in &boards { board.target().halt()?; }
/// use std::time::Duration;
/// use openocd::{RunGroup, RunUntil};
///
/// let mut group = RunGroup::new();
/// for board in &boards {
///     group = group.add(board.target(), || RunUntil::new().breakpoint(0x0800_004e));
/// }
/// for outcome in group.run_all(Duration::from_secs(5)) {
///     let outcome = outcome?;
///     println!("{}: {}", outcome.status.name, outcome.verdict);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a group does nothing until `run_all` or `run_first`"]
#[derive(Default)]
pub struct RunGroup<'c> {
    runs: Vec<(Target<'c>, Conditions<'c>)>,
}

/// The outcomes of the runs of a group, from [`RunGroup::run_first`].
#[derive(Debug)]
#[non_exhaustive]
pub struct FirstOutcome {
    /// The number of the run that ended first, in the order of [`RunGroup::add`]. `None` if a
    /// [`StopToken`] of the conditions stopped that run, or if there are no runs.
    ///
    /// Targets of one SMP group halt together, each seen by its own run. The first is then the one
    /// that has a verdict of its own, such as its breakpoint, and not one that halted with it.
    pub first: Option<usize>,
    /// The outcome of each run, in the order of [`RunGroup::add`].
    pub outcomes: Vec<Result<RunOutcome>>,
}

impl<'c> RunGroup<'c> {
    /// Creates a group without targets.
    pub fn new() -> Self {
        RunGroup::default()
    }

    /// Adds a target, and a closure that makes its conditions.
    pub fn add(mut self, target: Target<'c>, conditions: impl FnOnce() -> RunUntil<'c> + Send + 'c) -> Self {
        self.runs.push((target, Box::new(conditions)));
        self
    }

    /// Runs all targets, each until its own end. Returns the outcomes in the order of
    /// [`add`](Self::add). One that fails does not stop the others.
    ///
    /// Each run is as by [`Target::run_until`], with the same errors, and ends at most 5 s after
    /// `timeout`. A target that halts because another of its SMP group does has the verdict
    /// [`Verdict::Halt`].
    pub fn run_all(self, timeout: Duration) -> Vec<Result<RunOutcome>> {
        self.run(timeout, None).outcomes
    }

    /// Runs all targets until the first of them ends: its verdict, or its error, stops the others,
    /// whose verdict is [`Verdict::Stopped`]. A run that ends before it is stopped keeps its own
    /// verdict. If its target halted together with the first one, as targets of one SMP group do,
    /// this verdict is [`Verdict::Halt`].
    pub fn run_first(self, timeout: Duration) -> FirstOutcome {
        self.run(timeout, Some(&StopToken::new()))
    }

    /// Runs all. The first that ends stops the token.
    fn run(self, timeout: Duration, others: Option<&StopToken>) -> FirstOutcome {
        let gate = Arc::new(Gate::new(self.runs.len()));
        let sessions: Vec<_> = self.runs.iter().map(|(target, _)| target.session().identity()).collect();
        // The numbers of the runs that ended, in this order.
        let ended = Mutex::new(Vec::new());
        let ended_seen = &ended;
        let outcomes: Vec<_> = thread::scope(|scope| {
            let mut threads = Vec::new();
            for (number, (target, conditions)) in self.runs.into_iter().enumerate() {
                let ticket = Ticket { gate: Arc::clone(&gate), has_arrived: false };
                threads.push(scope.spawn(move || {
                    let _stopping = others.map(StopOthers);
                    let mut until = conditions();
                    until.ticket = Some(ticket);
                    if let Some(others) = others {
                        until = until.stop_token(others);
                    }
                    let breaks = note_breaks(&mut until);
                    let outcome = target.run_until(until, timeout);
                    // A run that a token stopped did not end by itself; one that its handler
                    // stopped did.
                    let is_stopped = matches!(&outcome, Ok(RunOutcome { verdict: Verdict::Stopped, .. }));
                    if !is_stopped || breaks.get() {
                        ended_seen.lock().unwrap_or_else(PoisonError::into_inner).push(number);
                    }
                    outcome
                }));
            }
            let join = |thread: thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        });
        let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        let first = ended.first().map(|&first| {
            let is_cause = |&other: &usize| sessions[other] == sessions[first] && !was_halted(&outcomes[other]);
            let cause = ended.iter().copied().find(is_cause).filter(|_| was_halted(&outcomes[first]));
            cause.unwrap_or(first)
        });
        FirstOutcome { first, outcomes }
    }
}

/// Makes the handlers of a run note that they stop it.
fn note_breaks(until: &mut RunUntil<'_>) -> Rc<Cell<bool>> {
    let breaks = Rc::new(Cell::new(false));
    if let Some(mut action) = until.on_output.take() {
        let noted = Rc::clone(&breaks);
        until.on_output = Some(Box::new(move |output| action(output).map_break(|()| noted.set(true))));
    }
    if let Some(mut action) = until.on_line.take() {
        let noted = Rc::clone(&breaks);
        until.on_line = Some(Box::new(move |line| action(line).map_break(|()| noted.set(true))));
    }
    breaks
}

/// Whether the target did not halt by itself, but perhaps with another one of its SMP group.
fn was_halted(outcome: &Result<RunOutcome>) -> bool {
    let Ok(RunOutcome { verdict: Verdict::Halt(reason), .. }) = outcome else { return false };
    matches!(reason, HaltReason::DebugRequest | HaltReason::Unknown)
}

/// `RunGroup([Target(chip0.cpu), Target(chip1.cpu)])`
impl fmt::Debug for RunGroup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let targets: Vec<_> = self.runs.iter().map(|(target, _)| target).collect();
        write!(f, "RunGroup({targets:?})")
    }
}

/// Stops the other runs when a run ends, also by a handler that panics.
struct StopOthers<'t>(&'t StopToken);

impl Drop for StopOthers<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// What the runs of a group share. They wait here until all are prepared.
pub(super) struct Gate {
    missing: Mutex<usize>,
    changed: Condvar,
    /// Who resumes a target of a session holds the session's: it may resume those of other runs
    /// with it.
    resuming: Mutex<HashMap<usize, Arc<Mutex<()>>>>,
    /// How many runs use a breakpoint, and whether one of them has set it: cores that share memory
    /// share their software breakpoints.
    users: Mutex<HashMap<SharedPoint, (usize, bool)>>,
}

/// A breakpoint: the session's address, the target that has it in OpenOCD's list, and its address.
pub(super) type SharedPoint = (usize, String, u64);

impl Gate {
    fn new(missing: usize) -> Self {
        let users = Mutex::default();
        Gate { missing: Mutex::new(missing), changed: Condvar::new(), resuming: Mutex::default(), users }
    }

    pub(super) fn resuming(&self, session: usize) -> Arc<Mutex<()>> {
        Arc::clone(self.resuming.lock().unwrap_or_else(PoisonError::into_inner).entry(session).or_default())
    }

    /// Counts one more run that uses the breakpoint.
    pub(super) fn take(&self, point: SharedPoint, has_set_it: bool) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, is_ours) = users.entry(point).or_default();
        *count += 1;
        *is_ours |= has_set_it;
    }

    /// Counts one less. Returns whether the breakpoint is to be removed: it was the last one, and a
    /// run of the group has set it.
    pub(super) fn give_back(&self, point: &SharedPoint) -> bool {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.get_mut(point).is_some_and(|(count, is_ours)| {
            *count = count.saturating_sub(1);
            *count == 0 && *is_ours
        })
    }
}

/// The place of a run at its group's gate. A run that fails gives it up.
pub(super) struct Ticket {
    gate: Arc<Gate>,
    has_arrived: bool,
}

impl Ticket {
    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Waits until all runs of the group have come so far, or have failed, but no longer than half
    /// of what is left until the deadline: a board that hangs must not take the time of the others.
    pub(super) fn wait(mut self, deadline: Deadline) {
        self.arrive();
        let missing = self.gate.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = deadline.remaining().unwrap_or(Duration::MAX) / 2;
        let waited = self.gate.changed.wait_timeout_while(missing, limit, |missing| *missing > 0);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn arrive(&mut self) {
        if !std::mem::replace(&mut self.has_arrived, true) {
            *self.gate.missing.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            self.gate.changed.notify_all();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.arrive();
    }
}
