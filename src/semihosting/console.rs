//! The firmware's console, whose calls this crate serves in a thread.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Semihosting;
use super::call::{Call, Calls};
use super::claim::CallServer;
use super::host::{Answer, Host};
use super::options::ConsoleOptions;
use super::redirect::into_io;
use crate::error::{Error, Result, SemihostingError, TimeoutError};
use crate::target::{KeptTarget, TargetStatus};
use crate::wire::Deadline;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause between two polls: short after a call, then longer and longer.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// How many bytes of output may wait for a reader. Beyond that the firmware's next call waits.
const OUTPUT_BYTES: usize = 1024 * 1024;

/// The console of firmware whose semihosting calls this crate serves, from [`Semihosting::serve`].
///
/// Reading returns what the firmware prints to its standard output and its standard error. The
/// stream ends after the firmware's exit. Writing gives the firmware input, which is held until the
/// firmware asks for it. While there is none, the firmware waits, halted at its call. The errors of
/// [`Read`] hold an [`Error`] of this crate; a timeout has the kind [`io::ErrorKind::TimedOut`].
///
/// The console owns a handle of its session and can be moved into another thread. Its own thread
/// polls the target every 1 to 10 ms, also while it is halted. Between polls the session is free
/// for other calls. Output is bounded: when 1 MiB is unread, the firmware waits at its next call.
///
/// If the target halts right before a call, for example at a breakpoint or a watchpoint, it stays
/// halted. The call is served after [`Target::resume`](crate::Target::resume). So is a call at
/// which another thread [halts](crate::Target::halt) the target. If the call is being served at
/// that moment, it gets its answer, and the target stays halted after the call. If a reset or a
/// step of another thread comes before the answer, the answer is dropped. Only
/// [`Target::halt`](crate::Target::halt) holds a target at a call: after the command `halt` of a
/// debugger, for example, the call is served. Only [`Target::resume`](crate::Target::resume) ends
/// the hold: nothing shows that a debugger has resumed a RISC-V hart, and that the hart has made
/// the same call again.
///
/// The targets of an SMP group are resumed together. So an answer to one of them waits while
/// another one is halted by [`Target::halt`](crate::Target::halt). OpenOCD does not tell which
/// targets form a group, so this holds only once this crate has resumed the group.
///
/// Dropping the console ends the thread. The firmware's next call then halts the target.
pub struct SemihostingConsole {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    read_timeout: Option<Duration>,
    name: String,
}

/// The exit of a firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SemihostingExit {
    /// Its exit status. 0 is success, and comes only with the reason `ADP_Stopped_ApplicationExit`.
    pub status: i32,
    /// Its reason: 0x20026, `ADP_Stopped_ApplicationExit`, if the firmware ended by itself.
    pub reason: u32,
}

/// `exit status 1 (reason 0x20026)`
impl fmt::Display for SemihostingExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit status {} (reason {:#x})", self.status, self.reason)
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    output: VecDeque<u8>,
    input: VecDeque<u8>,
    input_is_closed: bool,
    exit: Option<SemihostingExit>,
    failed: Option<Error>,
    /// Why the thread has ended.
    ended: Option<String>,
    is_dropped: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until `is_due`, at most until the deadline.
    fn wait(&self, deadline: Deadline, mut is_due: impl FnMut(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while !is_due(&state) && !deadline.has_passed() {
            state = match deadline.remaining() {
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state
    }
}

impl Semihosting<'_> {
    /// Serves the firmware's calls in this program, without files and shell of the host. The target
    /// may be running.
    ///
    /// This crate serves console, command line, clock, time and exit. Calls for files and for the
    /// host's shell are refused: the firmware gets -1.
    ///
    /// OpenOCD's own semihosting is disabled until the firmware exits or the console is dropped.
    /// Then its setting is restored. If OpenOCD served the calls before, it serves them again, with
    /// files and shell, including a call at which the firmware waits. If this program is killed or
    /// its session ends first, OpenOCD restores the setting by itself within four seconds.
    ///
    /// # Errors
    /// [`SemihostingError::Unsupported`] for targets other than Cortex-M and RISC-V,
    /// [`SemihostingError::InUse`] if another console or a run serves them.
    ///
    /// ```
    /// # use virtual_chip::firmware::semihosting as firmware;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(firmware::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::io::Read;
    /// use std::time::Duration;
    /// use openocd::ResetMode;
    ///
    /// session.target().reset(ResetMode::Halt)?;
    /// let mut console = session.semihosting().serve()?;
    /// session.target().resume()?;
    /// let mut output = String::new();
    /// console.read_to_string(&mut output)?; // until the firmware exits
    /// let exit = console.wait_exit(Duration::from_secs(5))?;
    /// assert_eq!(exit.status, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn serve(self) -> Result<SemihostingConsole> {
        self.serve_with(ConsoleOptions::new())
    }

    /// Serves the firmware's calls like [`serve`](Self::serve), with a command line, and with files
    /// below one directory.
    ///
    /// # Errors
    /// The errors of [`serve`](Self::serve), and [`SemihostingError::Directory`].
    pub fn serve_with(self, options: ConsoleOptions) -> Result<SemihostingConsole> {
        let host = options.host(Vec::new())?;
        let name = self.target.name()?;
        // The console goes on with this target if another one becomes the current one.
        let target = self.target.keep_as(&name);
        let own = self.target.take_over_calls()?;
        let shared = Arc::<Shared>::default();
        let server = Server { own: Some(own), target, host, shared: Arc::clone(&shared) };
        let spawned = thread::Builder::new().name("openocd semihosting".into()).spawn(move || server.run());
        let thread = spawned.map_err(|error| SemihostingError::ConsoleEnded { reason: error.to_string() })?;
        Ok(SemihostingConsole { shared, thread: Some(thread), read_timeout: Some(DEFAULT_TIMEOUT), name })
    }
}

impl SemihostingConsole {
    /// Sets how long a read waits for the first byte; `None` waits for ever. 10 s by default.
    pub fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.read_timeout = timeout;
    }

    /// Waits for bytes, and returns how many it put into `buffer`; 0 after the firmware's exit.
    ///
    /// # Errors
    /// [`TimeoutError::Semihosting`], and the error that ended the console, such as
    /// [`Error::Connection`]. That error is returned once, and [`SemihostingError::ConsoleEnded`]
    /// afterwards.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let deadline = Deadline::after(self.read_timeout);
        let mut state = self.shared.wait(deadline, |state| !state.output.is_empty() || state.ended.is_some());
        if !state.output.is_empty() || buffer.is_empty() {
            let count = state.output.read(buffer).unwrap_or(0);
            drop(state);
            self.shared.changed.notify_all();
            return Ok(count);
        }
        match state.exit {
            Some(_) => Ok(0),
            None => Err(state.error(|| TimeoutError::Semihosting { after: deadline.span() })),
        }
    }

    /// Ends the input: the firmware's next reads return the end of the file.
    pub fn close_input(&mut self) {
        self.shared.change(|state| state.input_is_closed = true);
    }

    /// Waits until the firmware exits. The target is then halted at the call.
    ///
    /// # Errors
    /// [`TimeoutError::SemihostingExit`] if it does not exit within `timeout`, and the errors of
    /// [`receive`](Self::receive).
    pub fn wait_exit(&self, timeout: Duration) -> Result<SemihostingExit> {
        let mut state = self.shared.wait(Deadline::after(Some(timeout)), |state| state.ended.is_some());
        match state.exit {
            Some(exit) => Ok(exit),
            None => Err(state.error(|| TimeoutError::SemihostingExit { after: timeout })),
        }
    }
}

impl State {
    /// The error of a call that got nothing.
    fn error(&mut self, timeout: impl FnOnce() -> TimeoutError) -> Error {
        match (self.failed.take(), &self.ended) {
            (Some(error), _) => error,
            (None, Some(reason)) => SemihostingError::ConsoleEnded { reason: reason.clone() }.into(),
            (None, None) => timeout().into(),
        }
    }
}

/// `SemihostingConsole(stm32f1x.cpu)`
impl fmt::Debug for SemihostingConsole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SemihostingConsole({})", self.name)
    }
}

impl Read for SemihostingConsole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer).map_err(into_io)
    }
}

impl Write for SemihostingConsole {
    /// Holds the bytes until the firmware asks for input.
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let state = self.shared.lock();
        if state.ended.is_some() || state.input_is_closed {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe));
        }
        drop(state);
        self.shared.change(|state| state.input.extend(buffer));
        Ok(buffer.len())
    }

    /// Does nothing. Only the firmware can take what is held.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SemihostingConsole {
    fn drop(&mut self) {
        self.shared.change(|state| state.is_dropped = true);
        if let Some(thread) = self.thread.take() {
            // The thread runs none of the caller's code and does not panic.
            let _ = thread.join();
        }
    }
}

/// What the thread owns.
struct Server {
    own: Option<CallServer>,
    target: KeptTarget,
    host: Host,
    shared: Arc<Shared>,
}

impl Server {
    fn run(mut self) {
        let ended = self.serve_all();
        // OpenOCD ends the claim by itself if it is not renewed, and restores the setting then.
        let is_silent = ended.as_ref().is_err_and(Error::is_timeout);
        match self.own.take().filter(|_| !is_silent).map(|own| own.release(true)) {
            None | Some(Ok(())) => {}
            // It ends with the session.
            Some(Err(Error::Connection(error))) => log::debug!(target: "openocd::semihosting", "{error}"),
            Some(Err(error)) => {
                log::warn!(target: "openocd::semihosting", "the setting of semihosting is not restored: {error}");
            }
        }
        self.shared.change(|state| match ended {
            Ok(exit) => {
                state.exit = exit;
                state.ended = Some("the firmware has exited".to_owned());
            }
            Err(error) => {
                state.ended = Some(error.to_string());
                state.failed = Some(error);
            }
        });
    }

    /// Serves calls until the firmware exits, or until the console is dropped.
    fn serve_all(&mut self) -> Result<Option<SemihostingExit>> {
        let mut pause = FIRST_PAUSE;
        loop {
            let is_due = |state: &State| state.is_dropped || state.output.len() < OUTPUT_BYTES;
            if self.shared.wait(Deadline::NEVER, is_due).is_dropped {
                return Ok(None);
            }
            let poll = self.target.view().poll_for_calls(self.own.as_ref(), Calls::Made, false)?;
            if let Some(call) = poll.call {
                match self.serve(&call, &poll.status) {
                    Ok(Some(exit)) => return Ok(Some(exit)),
                    // Another thread has resumed the target meanwhile.
                    Err(error) if !error.is_not_halted() => return Err(error),
                    _ => {}
                }
                pause = FIRST_PAUSE;
            } else {
                drop(self.shared.wait(Deadline::after(Some(pause)), |state| state.is_dropped));
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// Serves a call, or waits a little for the input that it asks for.
    fn serve(&mut self, call: &Call, status: &TargetStatus) -> Result<Option<SemihostingExit>> {
        let target = self.target.view();
        {
            let mut state = self.shared.lock();
            self.host.input.append(&mut state.input);
            if !state.input_is_closed && self.host.input.is_empty() {
                drop(state);
                if Host::asks_for_input(call, target)? {
                    let patience = Deadline::after(Some(LONGEST_PAUSE));
                    drop(self.shared.wait(patience, |state| state.is_dropped || !state.input.is_empty()));
                    return Ok(None);
                }
            }
        }
        let shared = &self.shared;
        let answer = self.host.serve(call, target, Deadline::NEVER, &mut |_, bytes| {
            shared.change(|state| state.output.extend(bytes));
            if shared.lock().is_dropped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        match answer {
            Answer::Value(value) => {
                target.answer_call(call, value, call.resumption(status.halt_reason))?;
                Ok(None)
            }
            Answer::Exit { status, reason } => Ok(Some(SemihostingExit { status, reason })),
        }
    }
}

const _: () = {
    const fn is_sent<T: Send + 'static>() {}
    is_sent::<SemihostingConsole>();
};
