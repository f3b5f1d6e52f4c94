//! Ctrl-C, SIGTERM and a closed terminal: the first one ends the command in order, the second one
//! ends `ocd` and its OpenOCD at once.
//!
//! In order means: the call that is under way is interrupted, the target is left as `--on-exit`
//! says, OpenOCD ends, the terminal is as it was. A command that looks at [`Signals::caught`] by
//! itself, and ends in order, says so with [`Signals::attend`].

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use openocd::{OnClose, Session};

use crate::failure::Failure;
use crate::{exit_status, platform};

/// What the operating system asked for. All values are the same.
#[derive(Clone)]
pub(crate) struct Signals(Arc<State>);

struct State {
    /// The exit status of a signal that the watching thread has not seen yet, or 0.
    arrived: Arc<AtomicUsize>,
    /// The exit status of the first signal, or 0.
    first: AtomicUsize,
    /// Set at a signal: cancels the start of an OpenOCD.
    cancel: Arc<AtomicBool>,
    attended: AtomicBool,
    /// Ctrl-C is for another program.
    ignores_interrupt: AtomicBool,
    /// Ctrl-C ends no more than a call.
    keeps_at_interrupt: AtomicBool,
    open: Mutex<Open>,
}

/// What is to be ended.
#[derive(Default)]
struct Open {
    next: usize,
    starting: usize,
    /// A signal ends the command: a session that opens now is interrupted, too.
    is_ending: bool,
    sessions: Vec<Entry>,
}

struct Entry {
    number: usize,
    session: Session,
    on_close: OnClose,
    /// The command itself ends it.
    is_closing: bool,
}

/// Tells how the command ended, unless it has told that itself.
pub(crate) type Tell = fn(&Failure);

static SIGNALS: OnceLock<Signals> = OnceLock::new();

/// How often a waiting command looks.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// How long a command that does not attend to signals has to end by itself, before its call is
/// interrupted and after.
const GRACE: Duration = Duration::from_millis(300);
const LAST_GRACE: Duration = Duration::from_secs(1);

/// How long closing may take: OpenOCD may be busy for the time limit of a call, and is then killed.
const LONGEST_CLOSE: Duration = Duration::from_secs(15);

impl Signals {
    /// Begins to catch signals. `tell` is called when one ends the program by force.
    pub(crate) fn install(tell: Tell) -> std::io::Result<Signals> {
        let signals = Signals::current();
        for &signal in platform::ENDING_SIGNALS {
            // As nohup asks for.
            if platform::is_ignored_hangup(signal) {
                continue;
            }
            let status =
                if signal == signal_hook::consts::SIGINT { exit_status::INTERRUPTED } else { exit_status::TERMINATED };
            signal_hook::flag::register(signal, Arc::clone(&signals.0.cancel))?;
            signal_hook::flag::register_usize(signal, Arc::clone(&signals.0.arrived), status.into())?;
        }
        let watching = signals.clone();
        std::thread::Builder::new().name("ocd signals".to_owned()).spawn(move || watching.watch(tell))?;
        Ok(signals)
    }

    pub(crate) fn current() -> Signals {
        let state = || State {
            arrived: Arc::default(),
            first: AtomicUsize::new(0),
            cancel: Arc::default(),
            attended: AtomicBool::new(false),
            ignores_interrupt: AtomicBool::new(false),
            keeps_at_interrupt: AtomicBool::new(false),
            open: Mutex::default(),
        };
        SIGNALS.get_or_init(|| Signals(Arc::new(state()))).clone()
    }

    /// The exit status of the first signal that was caught.
    pub(crate) fn caught(&self) -> Option<u8> {
        let status = match self.0.first.load(Ordering::Relaxed) {
            0 => self.0.arrived.load(Ordering::Relaxed),
            status => status,
        };
        let is_ignored =
            |status: &u8| *status == exit_status::INTERRUPTED && self.0.ignores_interrupt.load(Ordering::Relaxed);
        u8::try_from(status).ok().filter(|&status| status != 0).filter(|status| !is_ignored(status))
    }

    /// Lets Ctrl-C end no more than the call that is under way, from now on.
    pub(crate) fn keep_at_interrupt(&self) {
        self.0.keeps_at_interrupt.store(true, Ordering::Relaxed);
    }

    /// Forgets a Ctrl-C that ended no more than a call: the next one is the first again. Returns
    /// whether there was one.
    pub(crate) fn forget_interrupt(&self) -> bool {
        let is_interrupted = self.caught() == Some(exit_status::INTERRUPTED);
        if is_interrupted {
            self.0.arrived.store(0, Ordering::Relaxed);
            self.0.first.store(0, Ordering::Relaxed);
            self.0.cancel.store(false, Ordering::Relaxed);
        }
        is_interrupted
    }

    /// Takes a Ctrl-C that came another way.
    pub(crate) fn interrupt(&self) {
        self.0.cancel.store(true, Ordering::Relaxed);
        self.0.arrived.store(exit_status::INTERRUPTED.into(), Ordering::Relaxed);
    }

    /// Takes [`attend`](Self::attend) back: the command that did has ended.
    pub(crate) fn unattend(&self) {
        self.0.attended.store(false, Ordering::Relaxed);
    }

    /// The command looks at [`caught`](Self::caught) by itself from now on, and ends in order.
    pub(crate) fn attend(&self) {
        self.0.attended.store(true, Ordering::Relaxed);
    }

    /// Leaves Ctrl-C to the program that this one waits for, until the value is dropped.
    pub(crate) fn ignore_interrupt(&self) -> IgnoredInterrupt {
        self.0.ignores_interrupt.store(true, Ordering::Relaxed);
        IgnoredInterrupt(self.clone())
    }

    /// Set at a signal, for the start of an OpenOCD.
    pub(crate) fn cancel_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0.cancel)
    }

    /// Waits for `time`, or until a signal.
    pub(crate) fn wait(&self, time: Duration) {
        let end = Instant::now() + time;
        while self.caught().is_none() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(POLL));
        }
    }

    /// A session is being opened, until the value is dropped.
    pub(crate) fn starting(&self) -> Starting {
        self.open().starting += 1;
        Starting(self.clone())
    }

    /// A session is open, until the value is dropped. At a signal it ends as `on_close` says.
    pub(crate) fn opened(&self, session: &Session, on_close: OnClose) -> Opened {
        let mut open = self.open();
        open.next += 1;
        let number = open.next;
        if open.is_ending {
            session.interrupt();
        }
        open.sessions.push(Entry { number, session: session.clone(), on_close, is_closing: false });
        Opened { signals: self.clone(), number }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, tell: Tell) {
        loop {
            std::thread::sleep(POLL);
            let status = self.0.arrived.swap(0, Ordering::Relaxed);
            if status == 0 {
                continue;
            }
            let is_interrupt = status == usize::from(exit_status::INTERRUPTED);
            if is_interrupt && self.0.ignores_interrupt.load(Ordering::Relaxed) {
                self.0.cancel.store(false, Ordering::Relaxed);
                continue;
            }
            if self.0.first.swap(status, Ordering::Relaxed) != 0 {
                self.end_at_once(status);
            }
            let ending = self.clone();
            // On a thread of its own, so that this one sees the second signal.
            let spawned = std::thread::Builder::new().spawn(move || ending.end_unattended(status, tell));
            if spawned.is_err() {
                self.end_at_once(status);
            }
        }
    }

    fn end_at_once(&self, status: usize) -> ! {
        for entry in &self.open().sessions {
            if let Some(process) = entry.session.process() {
                // It may have ended already.
                let _ = process.kill();
            }
        }
        exit(status)
    }

    /// Ends a command that does not attend to signals: it waits for OpenOCD, or for input.
    fn end_unattended(&self, status: usize, tell: Tell) {
        std::thread::sleep(GRACE);
        if self.0.attended.load(Ordering::Relaxed) {
            return;
        }
        let keeps =
            status == usize::from(exit_status::INTERRUPTED) && self.0.keeps_at_interrupt.load(Ordering::Relaxed);
        if keeps && self.caught().is_none() {
            // The call has ended by itself, and another one may be under way.
            return;
        }
        let mut open = self.open();
        open.is_ending = !keeps;
        for entry in &open.sessions {
            entry.session.interrupt();
        }
        drop(open);
        if keeps {
            return;
        }
        // Now the command gets an error, closes its session and ends.
        let begin = Instant::now();
        let mut idle_since = begin;
        while idle_since.elapsed() < LAST_GRACE && begin.elapsed() < LONGEST_CLOSE {
            std::thread::sleep(POLL);
            let open = self.open();
            if open.starting > 0 || open.sessions.iter().any(|entry| entry.is_closing) {
                // What has closed still has to be told.
                idle_since = Instant::now();
            }
        }
        let sessions = std::mem::take(&mut self.open().sessions);
        for entry in sessions.into_iter().filter(|entry| !entry.is_closing) {
            // There is nobody left to tell.
            let _ = close(entry.session, entry.on_close);
        }
        tell_in_time(tell, status);
        exit(status)
    }
}

fn exit(status: usize) -> ! {
    platform::restore_terminal();
    std::process::exit(i32::try_from(status).unwrap_or(i32::from(exit_status::FAILED)))
}

/// Tells that the command was interrupted, on a thread of its own: a reader that does not read must
/// not keep the program.
fn tell_in_time(tell: Tell, status: usize) {
    let failure = Failure::interrupted(u8::try_from(status).unwrap_or(exit_status::FAILED));
    let (done, told) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        tell(&failure);
        drop(done);
    });
    // Either it is told, or nobody reads.
    let _ = told.recv_timeout(LAST_GRACE);
}

/// Closes a session whose call a signal may have interrupted.
pub(crate) fn close(session: Session, on_close: OnClose) -> openocd::Result<()> {
    if on_close != OnClose::AsIs && Signals::current().caught().is_some() {
        if let Err(error) = session.reconnect() {
            // The target cannot be reached. OpenOCD still has to end.
            return session.close().and(Err(error));
        }
    }
    session.close_with(on_close)
}

/// See [`Signals::ignore_interrupt`].
pub(crate) struct IgnoredInterrupt(Signals);

impl Drop for IgnoredInterrupt {
    fn drop(&mut self) {
        let state = &self.0.0;
        // What has come was for that program.
        let interrupted = exit_status::INTERRUPTED.into();
        if state.arrived.compare_exchange(interrupted, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            state.cancel.store(false, Ordering::Relaxed);
        }
        state.ignores_interrupt.store(false, Ordering::Relaxed);
    }
}

/// See [`Signals::starting`].
pub(crate) struct Starting(Signals);

impl Drop for Starting {
    fn drop(&mut self) {
        self.0.open().starting -= 1;
    }
}

/// See [`Signals::opened`].
pub(crate) struct Opened {
    signals: Signals,
    number: usize,
}

impl Opened {
    /// The command closes the session from now on.
    pub(crate) fn closing(&self) {
        let mut open = self.signals.open();
        for entry in open.sessions.iter_mut().filter(|entry| entry.number == self.number) {
            entry.is_closing = true;
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let mut open = self.signals.open();
        let own = open.sessions.iter().position(|entry| entry.number == self.number);
        let own = own.map(|at| open.sessions.swap_remove(at));
        // The last handle ends the session, which takes its time.
        drop(open);
        drop(own);
    }
}
