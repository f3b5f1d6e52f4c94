//! Verdicts: let a target run until something happens.

mod look;

use std::fmt;
use std::time::{Duration, Instant};

use crate::breakpoints::{BreakpointKind, ScopedBreakpoint};
use crate::error::{BreakpointError, Error, Result, TargetError};
use crate::rtt::RttChannel;
use crate::semihosting::console::{Answer, Console};
use crate::target::{Target, TargetStatus};
use crate::types::{HaltReason, TargetState};
use look::{Call, Look, Then};

/// How often the target is looked at: at first after this long, then less and less often.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const SLOWEST_LOOK: Duration = Duration::from_millis(5);
/// How long the last lines of a target that stands may take to arrive, besides two polling intervals of RTT.
const LAST_LINES: Duration = Duration::from_secs(1);

/// A predicate for a line.
type Wanted<'c> = Box<dyn FnMut(&str) -> bool + 'c>;

/// What ends a run, for [`Target::run_until`]. A halt and the deadline always do.
///
/// ```
/// # use virtual_chip::firmware::rtt;
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # chip.load_firmware(rtt::IMAGE);
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// # session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
/// # session.rtt().start_wait(std::time::Duration::from_secs(5))?;
/// # session.target().halt()?;
/// use std::time::Duration;
/// use openocd::{RunUntil, Verdict};
///
/// let mut terminal = session.rtt().channel(0)?;
/// let until = RunUntil::new().breakpoint(0x0800_0054).line(&mut terminal, |line| line.contains("ready"));
/// let outcome = session.target().run_until(until, Duration::from_secs(5))?;
/// assert_eq!(outcome.verdict, Verdict::Line("rtt echo ready".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
#[must_use = "conditions do nothing until `Target::run_until`"]
pub struct RunUntil<'c> {
    breakpoints: Vec<u64>,
    serves_calls: bool,
    input: Vec<u8>,
    channels: Vec<(&'c mut RttChannel, Wanted<'c>)>,
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It halted: a `BKPT` instruction, another breakpoint or watchpoint, a caught fault, another client. On a Cortex-M OpenOCD calls a caught fault a
    /// breakpoint (`src/target/cortex_m.c`: `cortex_m_examine_debug_reason`).
    Halt(HaltReason),
    /// It came to a breakpoint of the conditions.
    Breakpoint {
        /// Where.
        address: u64,
    },
    /// The firmware exited by semihosting. The target stands at the call, where the next run that serves calls finds it.
    Exit {
        /// Its exit status: 0 is success, and comes only with the reason `ADP_Stopped_ApplicationExit`. For any other reason the second word of `SYS_EXIT_EXTENDED` is no
        /// status (Arm's specification leaves its meaning to the reason): it is given here if it is not 0, and 1 in place of 0. `SYS_EXIT` has none, and gives 0 and 1.
        status: i32,
        /// Its reason: 0x20026, `ADP_Stopped_ApplicationExit`, for an end of its own will.
        reason: u32,
    },
    /// A line came that its condition accepted. If nothing else had happened by then, the target runs on.
    Line(String),
    /// The time was over, and the target was halted. If it had come to one of the other ends by then, that is the verdict.
    Deadline,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Halt(reason) => write!(f, "halted ({reason})"),
            Verdict::Breakpoint { address } => write!(f, "breakpoint at {address:#010x}"),
            Verdict::Exit { status, .. } => write!(f, "exit with status {status}"),
            Verdict::Line(line) => write!(f, "line {line:?}"),
            Verdict::Deadline => f.write_str("deadline passed"),
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunOutcome {
    /// Why it ended.
    pub verdict: Verdict,
    /// How the target is afterwards, with its program counter if it stands.
    pub status: TargetStatus,
    /// What the firmware printed by semihosting.
    pub output: Vec<u8>,
    /// The numbers of the semihosting calls that were refused, in their order.
    pub refused_calls: Vec<u32>,
    /// The whole lines that came by the RTT channels of the conditions, the one of the verdict included.
    pub lines: Vec<String>,
    /// How long it took.
    pub elapsed: Duration,
}

impl RunOutcome {
    /// The program counter, if the target stands.
    pub fn pc(&self) -> Option<u64> {
        self.status.pc
    }

    /// What the firmware printed by semihosting, as text; bytes that are not UTF-8 become U+FFFD.
    pub fn output_text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }
}

impl<'c> RunUntil<'c> {
    /// No conditions but a halt and the deadline.
    pub fn new() -> Self {
        RunUntil::default()
    }

    /// The target comes to `address`. The breakpoint is there for the run only: a hardware breakpoint if the target has one for that address, otherwise one in
    /// software. One that is there already is used, and stays.
    pub fn breakpoint(mut self, address: u64) -> Self {
        self.breakpoints.push(address);
        self
    }

    /// The firmware exits by semihosting. For a Cortex-M.
    ///
    /// This crate serves the calls meanwhile: it collects what is printed, gives the firmware its [`input`](Self::input), the time and the clock. Calls for files on the
    /// host and for its shell are refused (the firmware gets -1) and listed in [`RunOutcome::refused_calls`]. OpenOCD's own semihosting is disabled meanwhile, as it ends
    /// OpenOCD when the firmware exits, and afterwards as it was.
    ///
    /// No call is lost between runs: one at which the target stands at the beginning is served first (an exit is then reported again), and so is one to which it has come by
    /// the deadline. After any other end it may stand at a call, which waits for the next run.
    pub fn semihosting(mut self) -> Self {
        self.serves_calls = true;
        self
    }

    /// What the firmware reads from its semihosting console; then comes the end of the input. Nothing unless set. Implies [`semihosting`](Self::semihosting).
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self.semihosting()
    }

    /// A line comes by an RTT channel that `wanted` accepts. Lines that came before and were not taken count, too. May be given for several channels.
    pub fn line(mut self, channel: &'c mut RttChannel, wanted: impl FnMut(&str) -> bool + 'c) -> Self {
        self.channels.push((channel, Box::new(wanted)));
        self
    }
}

impl fmt::Debug for RunUntil<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunUntil")
            .field("breakpoints", &self.breakpoints)
            .field("serves_calls", &self.serves_calls)
            .field("input", &self.input)
            .field("channels", &self.channels.iter().map(|(channel, _)| channel).collect::<Vec<_>>())
            .finish()
    }
}

impl Target<'_> {
    /// Lets the halted target run until the first of the conditions is met, or it halts, or the time is over, at which it is halted.
    ///
    /// The target is looked at every few milliseconds, so a halt is seen when it happens, and not at OpenOCD's next own look. Between looks the session is free
    /// for other threads. Lines of RTT come as fast as [`Rtt::polling_interval`](crate::Rtt::polling_interval) lets them; a line that was printed before a halt wins over the
    /// halt. Looks that are under way come on top of `timeout`. After an error the target may run.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`] if it runs already, those of [`resume`](Target::resume), [`TargetError::Halt`], [`TargetError::Poll`]; [`Error::Breakpoint`] if a breakpoint can't be
    /// set or removed; [`SemihostingError::Unsupported`](crate::SemihostingError::Unsupported); [`TargetError::MemoryRead`] if the firmware's semihosting call points
    /// nowhere; [`Error::Connection`] and [`Error::Timeout`].
    pub fn run_until(&self, until: RunUntil<'_>, timeout: Duration) -> Result<RunOutcome> {
        let begin = Instant::now();
        let calls = if until.serves_calls { Some(self.take_over_calls()?) } else { None };
        let mut run = Run {
            target: *self,
            console: Console::new(until.input),
            lines: Vec::new(),
            breakpoints: until.breakpoints,
            channels: until.channels,
        };
        let ended = run.with_breakpoints(begin, timeout, until.serves_calls);
        let restored = if calls == Some(true) { self.semihosting().enable() } else { Ok(()) };
        let (verdict, status) = ended?;
        restored?;
        let Console { output, refused_calls, .. } = run.console;
        Ok(RunOutcome { verdict, status, output, refused_calls, lines: run.lines, elapsed: begin.elapsed() })
    }
}

/// A run under way.
struct Run<'t, 'c> {
    target: Target<'t>,
    console: Console,
    lines: Vec<String>,
    breakpoints: Vec<u64>,
    channels: Vec<(&'c mut RttChannel, Wanted<'c>)>,
}

impl Run<'_, '_> {
    /// The run, between setting the breakpoints and removing them.
    fn with_breakpoints(
        &mut self,
        begin: Instant,
        timeout: Duration,
        serves_calls: bool,
    ) -> Result<(Verdict, TargetStatus)> {
        let mut set = Vec::new();
        for &address in &self.breakpoints {
            set.extend(self.set_breakpoint(address)?);
        }
        let ended = self.go(begin, timeout, serves_calls);
        if set.is_empty() {
            return ended;
        }
        let removed = self.remove(set);
        // Why a run failed says more than what failed after it.
        let ended = ended?;
        removed?;
        Ok(ended)
    }

    /// `None` if there is one already.
    fn set_breakpoint(&self, address: u64) -> Result<Option<ScopedBreakpoint>> {
        use BreakpointError::{Duplicate, NoComparator, Refused, Unsupported};
        let breakpoints = self.target.breakpoints();
        match breakpoints.scoped(address, BreakpointKind::Hardware) {
            Ok(breakpoint) => Ok(Some(breakpoint)),
            Err(Error::Breakpoint(Duplicate { .. })) => Ok(None),
            Err(Error::Breakpoint(error @ (NoComparator { .. } | Refused { .. } | Unsupported { .. }))) => {
                log::debug!(target: "openocd::run_until", "trying a software breakpoint, as {error}");
                // The hardware's refusal says more than that flash takes no software breakpoint.
                match breakpoints.scoped(address, BreakpointKind::Software) {
                    Err(Error::Breakpoint(BreakpointError::NotInEffect { .. })) => Err(error.into()),
                    set => set.map(Some),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Removes the breakpoints, for which targets other than a Cortex-M must stand.
    fn remove(&self, set: Vec<ScopedBreakpoint>) -> Result<()> {
        let must_stand = |error: &Error| matches!(error, Error::Target(TargetError::NotHalted { .. }));
        let mut failed = Ok(());
        for breakpoint in set {
            let address = breakpoint.breakpoint().address;
            let removed = match breakpoint.remove() {
                Err(error) if must_stand(&error) => {
                    self.target.halt()?;
                    let removed = self.target.breakpoints().remove(address);
                    self.target.resume()?;
                    removed
                }
                // Another client was faster.
                Err(Error::Breakpoint(BreakpointError::NoneAt { .. })) => Ok(()),
                removed => removed,
            };
            failed = failed.and(removed);
        }
        failed
    }

    fn go(&mut self, begin: Instant, timeout: Duration, serves_calls: bool) -> Result<(Verdict, TargetStatus)> {
        if let Some((verdict, status)) = self.set_out(serves_calls)? {
            return self.last_lines(verdict, status);
        }
        let mut pause = FIRST_LOOK;
        loop {
            if let Some(line) = self.take_lines()? {
                return Ok((Verdict::Line(line), self.target.status()?));
            }
            let Look { status, call } = self.target.look(serves_calls)?;
            if status.state == TargetState::Halted {
                let verdict = match (self.breakpoint_at(&status), call) {
                    (Some(address), _) => Some(Verdict::Breakpoint { address }),
                    (None, Some(call)) => self.serve(&call, self.then(&call, &status))?,
                    (None, None) => Some(Verdict::Halt(status.halt_reason.unwrap_or(HaltReason::Unknown))),
                };
                if let Some(verdict) = verdict {
                    return self.last_lines(verdict, status);
                }
                pause = FIRST_LOOK;
            }
            let left = timeout.saturating_sub(begin.elapsed());
            if left.is_zero() {
                let (verdict, status) = self.stop(serves_calls)?;
                return self.last_lines(verdict, status);
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(SLOWEST_LOOK);
        }
    }

    /// Lets the target go. A call at which it stands already was made by the firmware and answered by nobody; `resume` would pass over it.
    fn set_out(&mut self, serves_calls: bool) -> Result<Option<(Verdict, TargetStatus)>> {
        if serves_calls {
            let Look { status, call } = self.target.look(true)?;
            if let Some(call) = call {
                let verdict = self.serve(&call, self.then(&call, &status))?;
                return Ok(verdict.map(|verdict| (verdict, status)));
            }
        }
        self.target.resume().map(|()| None)
    }

    /// Halts the target after the deadline. What it has come to since the last look is the verdict: the next `resume` would pass over it.
    fn stop(&mut self, serves_calls: bool) -> Result<(Verdict, TargetStatus)> {
        let mut look = Look { status: self.target.halt()?, call: None };
        if serves_calls {
            look = self.target.look(true)?;
        }
        let call = look.call.take().filter(|_| self.breakpoint_at(&look.status).is_none());
        let was_at_call = call.is_some();
        if let Some(call) = call {
            if let Some(exit) = self.serve(&call, Then::Stay)? {
                return Ok((exit, look.status));
            }
            look.status = self.target.status()?;
        }
        let verdict = match (self.breakpoint_at(&look.status), look.status.halt_reason) {
            (Some(address), _) => Verdict::Breakpoint { address },
            (None, Some(reason @ (HaltReason::Breakpoint | HaltReason::Watchpoint))) if !was_at_call => {
                Verdict::Halt(reason)
            }
            (None, _) => Verdict::Deadline,
        };
        Ok((verdict, look.status))
    }

    /// The breakpoint of the conditions at which the target stands.
    fn breakpoint_at(&self, status: &TargetStatus) -> Option<u64> {
        status.pc.filter(|pc| self.breakpoints.contains(pc))
    }

    /// How the target goes on behind a call. OpenOCD passes over a breakpoint from which it resumes, and over a `BKPT` if it takes one for the reason of the halt.
    fn then(&self, call: &Call, status: &TargetStatus) -> Then {
        match status.halt_reason {
            _ if self.breakpoints.contains(&(call.pc + 2)) => Then::Stay,
            Some(HaltReason::Breakpoint | HaltReason::Unknown) | None => Then::Guard,
            Some(_) => Then::Go,
        }
    }

    /// Serves a semihosting call; the verdict if it is an exit.
    fn serve(&mut self, call: &Call, then: Then) -> Result<Option<Verdict>> {
        match self.console.serve(call.number, call.argument, &self.target.memory())? {
            Answer::Value(value) => self.target.answer_call(call, value, then).map(|()| None),
            Answer::Exit { status, reason } => Ok(Some(Verdict::Exit { status, reason })),
        }
    }

    /// Takes the lines that have come; the first that is wanted.
    fn take_lines(&mut self) -> Result<Option<String>> {
        for (channel, wanted) in &mut self.channels {
            channel.fetch_now()?;
            while let Some(line) = channel.take_line() {
                let is_wanted = wanted(&line);
                self.lines.push(line);
                if is_wanted {
                    return Ok(self.lines.last().cloned());
                }
            }
        }
        Ok(None)
    }

    /// Takes what the target printed before it stopped, which may hold a line that is wanted.
    fn last_lines(&mut self, verdict: Verdict, status: TargetStatus) -> Result<(Verdict, TargetStatus)> {
        let begin = Instant::now();
        let limit = match self.channels.first() {
            Some((channel, _)) => channel.polling_interval()? * 2 + LAST_LINES,
            None => return Ok((verdict, status)),
        };
        loop {
            let mut has_more = false;
            for (channel, _) in &self.channels {
                has_more |= channel.has_more()?;
            }
            // Looked at first, taken then: OpenOCD sends bytes before it marks them as read.
            let mut has_come = false;
            for (channel, _) in &mut self.channels {
                has_come |= channel.fetch_now()?;
            }
            if let Some(line) = self.take_lines()? {
                return Ok((Verdict::Line(line), status));
            }
            // What is in the socket already may be more than was taken at once.
            if has_come {
                continue;
            }
            if !has_more || begin.elapsed() > limit {
                break;
            }
            std::thread::sleep(FIRST_LOOK);
        }
        Ok((verdict, status))
    }
}
