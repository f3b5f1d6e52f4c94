//! A run under way.

use std::thread;
use std::time::{Duration, Instant};

use super::RunUntil;
use super::breakpoints::RunBreakpoints;
use super::channels::Channels;
use super::collector::Collector;
use super::outcome::{RunOutcome, Verdict};
use crate::error::Result;
use crate::semihosting::call::{Call, Poll, Then};
use crate::semihosting::host::{Answer, Host};
use crate::target::{Target, TargetStatus};
use crate::types::{HaltReason, TargetState};
use crate::wire::Deadline;

/// The pause between two polls: short at first, then longer and longer.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// How long what must be done after a run may take.
const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Run<'t, 'c> {
    /// Its requests give up some time after the deadline of the run.
    target: Target<'t>,
    breakpoints: Vec<u64>,
    serves_calls: bool,
    host: Host,
    channels: Channels<'c>,
    collector: Collector<'c>,
    deadline: Deadline,
    end: Deadline,
}

impl<'t, 'c> Run<'t, 'c> {
    pub(super) fn of(target: Target<'t>, until: RunUntil<'c>, timeout: Duration) -> Result<RunOutcome> {
        let begin = Instant::now();
        let deadline = Deadline::after(Some(timeout));
        let end = deadline.extended_by(GRACE);
        let target = target.before(end);
        let mut run = Run {
            target,
            breakpoints: until.breakpoints,
            serves_calls: until.serves_calls,
            host: until.console.host(until.input)?,
            channels: Channels::new(until.channels),
            collector: Collector::new(until.kept, until.on_output, until.on_line),
            deadline,
            end,
        };
        let was_enabled = run.serves_calls && target.take_over_calls()?;
        let ended = run.prepare().and_then(|()| run.with_breakpoints());
        let target = run.target;
        let put_back = if was_enabled { target.semihosting().enable() } else { Ok(()) };
        run.channels.close(target);
        // Why a run failed says more than what failed after it.
        let (verdict, status) = ended?;
        put_back?;
        run.collector.end();
        let Collector { output, lines, dropped, .. } = run.collector;
        let refused_calls = run.host.refused_calls;
        Ok(RunOutcome { verdict, status, output, refused_calls, lines, dropped, elapsed: begin.elapsed() })
    }

    /// Prepares the channels. With a slow probe a search of the RAM takes seconds: what this one
    /// took, and as much for the search that the deadline may interrupt and for the one after it,
    /// comes on top of the end.
    fn prepare(&mut self) -> Result<()> {
        let search = self.channels.prepare(self.target, &mut self.collector, self.end)?;
        self.end = self.end.extended_by(search * 3);
        self.target = self.target.before(self.end);
        Ok(())
    }

    /// The run, between setting the breakpoints and removing them.
    fn with_breakpoints(&mut self) -> Result<(Verdict, TargetStatus)> {
        let breakpoints = RunBreakpoints::set(self.target, &self.breakpoints)?;
        self.breakpoints = breakpoints.addresses().to_vec();
        let ended = self.go();
        let removed = breakpoints.remove();
        let ended = ended?;
        removed?;
        Ok(ended)
    }

    fn go(&mut self) -> Result<(Verdict, TargetStatus)> {
        if let Some((verdict, status)) = self.resume()? {
            return self.last_lines(verdict, status);
        }
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(line) = self.channels.take_lines(self.target, &mut self.collector)? {
                return Ok((Verdict::Line(line), self.target.status()?));
            }
            let Poll { status, call } = self.target.poll_for_calls(self.serves_calls)?;
            if status.state == TargetState::Halted {
                let verdict = match (self.breakpoint_at(&status), call) {
                    (Some(address), _) => Some(Verdict::Breakpoint { address }),
                    (None, Some(call)) => self.serve(&call, self.then(&call, &status))?,
                    (None, None) => Some(halt_verdict(status.halt_reason)),
                };
                if let Some(verdict) = verdict {
                    return self.last_lines(verdict, status);
                }
                pause = FIRST_PAUSE;
            }
            let left = self.deadline.remaining().unwrap_or(pause);
            if left.is_zero() {
                let (verdict, status) = self.stop()?;
                return self.last_lines(verdict, status);
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Resumes the target. A call at which it is halted already was made by the firmware and
    /// answered by nobody, and `resume` would pass it.
    fn resume(&mut self) -> Result<Option<(Verdict, TargetStatus)>> {
        if self.serves_calls {
            let Poll { status, call } = self.target.poll_for_calls(true)?;
            if let Some(call) = call {
                let verdict = self.serve(&call, self.then(&call, &status))?;
                return Ok(verdict.map(|verdict| (verdict, status)));
            }
        }
        self.target.resume().map(|()| None)
    }

    /// Halts the target after the deadline. What it has reached since the last poll is the verdict:
    /// the next `resume` would pass it.
    fn stop(&mut self) -> Result<(Verdict, TargetStatus)> {
        use HaltReason::{Breakpoint, ExceptionCatch, Lockup, Watchpoint, WatchpointAndBreakpoint};

        let mut poll = Poll { status: self.target.halt()?, call: None };
        if self.serves_calls {
            poll = self.target.poll_for_calls(true)?;
        }
        let call = poll.call.take().filter(|_| self.breakpoint_at(&poll.status).is_none());
        let was_at_call = call.is_some();
        if let Some(call) = call {
            if let Some(exit) = self.serve(&call, Then::Stay)? {
                return Ok((exit, poll.status));
            }
            poll.status = self.target.status()?;
        }
        let verdict = match (self.breakpoint_at(&poll.status), poll.status.halt_reason) {
            (Some(address), _) => Verdict::Breakpoint { address },
            (None, Some(Lockup)) => Verdict::Lockup,
            (None, Some(reason @ (Breakpoint | Watchpoint | WatchpointAndBreakpoint | ExceptionCatch)))
                if !was_at_call =>
            {
                Verdict::Halt(reason)
            }
            (None, _) => Verdict::Deadline,
        };
        Ok((verdict, poll.status))
    }

    /// The breakpoint of the conditions at which the target is halted.
    fn breakpoint_at(&self, status: &TargetStatus) -> Option<u64> {
        status.pc.filter(|pc| self.breakpoints.contains(pc))
    }

    /// What the target does behind a call. OpenOCD would pass a breakpoint there.
    fn then(&self, call: &Call, status: &TargetStatus) -> Then {
        if self.breakpoints.contains(&call.next()) { Then::Stay } else { call.resumption(status.halt_reason) }
    }

    /// Serves a semihosting call. Returns the verdict if it is an exit.
    fn serve(&mut self, call: &Call, then: Then) -> Result<Option<Verdict>> {
        let collector = &mut self.collector;
        let answer =
            self.host.serve(call, self.target, self.deadline, &mut |stream, bytes| collector.print(stream, bytes))?;
        match answer {
            Answer::Value(value) => self.target.answer_call(call, value, then).map(|()| None),
            Answer::Exit { status, reason } => Ok(Some(Verdict::Exit { status, reason })),
        }
    }

    /// Takes what the target printed before it halted, which may hold a line that meets its
    /// condition.
    fn last_lines(&mut self, verdict: Verdict, status: TargetStatus) -> Result<(Verdict, TargetStatus)> {
        let line = self.channels.last_lines(self.target, &mut self.collector, self.end)?;
        Ok((line.map_or(verdict, Verdict::Line), status))
    }
}

fn halt_verdict(reason: Option<HaltReason>) -> Verdict {
    match reason {
        Some(HaltReason::Lockup) => Verdict::Lockup,
        reason => Verdict::Halt(reason.unwrap_or(HaltReason::Unknown)),
    }
}
