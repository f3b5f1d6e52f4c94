//! A run under way.

mod put_back;

use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::RunUntil;
use super::breakpoints::{Left, RunBreakpoints};
use super::channels::Channels;
use super::collector::Collector;
use super::ending::{self, GRACE};
use super::group::Ticket;
use super::input::RunInput;
use super::outcome::{RunOutcome, Verdict};
use crate::error::{Error, Result};
use crate::semihosting::call::{Call, Calls, Poll, Then};
use crate::semihosting::claim::CallServer;
use crate::semihosting::host::{Answer, Host};
use crate::stop_token::StopTokens;
use crate::target::{BeforeRun, Target, TargetStatus, must_be_halted};
use crate::types::{HaltReason, TargetState};
use crate::wire::Deadline;

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

pub(super) struct Run<'t, 'c> {
    /// Its requests give up some time after the deadline of the run.
    target: Target<'t>,
    breakpoints: Vec<u64>,
    serves_calls: bool,
    /// While it does.
    server: Option<CallServer>,
    /// The call at which the run began, and was halted before it, while it waits for its input.
    begun_at: Option<u64>,
    /// The target stays behind the call that was served last.
    stays: bool,
    host: Host,
    /// Input for semihosting that is not with the host yet.
    input: RunInput,
    channels: Channels<'c>,
    collector: Collector<'c>,
    deadline: Deadline,
    end: Deadline,
    stops: StopTokens,
    /// Where the RTT channels are opened.
    rtt_from: Option<u64>,
    /// Somebody else has a breakpoint there, which ends the run as any other of theirs.
    ends_at_rtt_start: bool,
    /// The run is one of a group, whose runs begin together.
    ticket: Option<Ticket>,
}

/// What became of a semihosting call.
enum Served {
    Answered,
    /// It reads input that has not come yet.
    Waits,
    Exit(Verdict),
}

impl<'t, 'c> Run<'t, 'c> {
    pub(super) fn of(target: Target<'t>, until: RunUntil<'c>, timeout: Duration) -> Result<RunOutcome> {
        let begin = Instant::now();
        let deadline = Deadline::after(Some(timeout));
        let end = deadline.extended_by(GRACE);
        let target = target.before(end);
        let mut host = until.console.host(Vec::new())?;
        host.stops = until.stops.clone();
        let mut run = Run {
            target,
            breakpoints: until.breakpoints,
            serves_calls: until.serves_calls,
            server: None,
            begun_at: None,
            stays: false,
            host,
            input: until.input,
            channels: Channels::new(until.channels, until.stops.clone()),
            collector: Collector::new(until.kept, until.on_output, until.on_line),
            deadline,
            end,
            stops: until.stops,
            rtt_from: until.rtt_from,
            ends_at_rtt_start: false,
            ticket: until.ticket,
        };
        run.check()?;
        let ((verdict, status), missing_channels) = run.with_all_put_back()?;
        run.collector.end();
        // A handler may have stopped the run at a last line without its end.
        let is_line = matches!(verdict, Verdict::Line(_));
        let verdict = if run.collector.is_stopped() && !is_line { Verdict::Stopped } else { verdict };
        let Collector { output, rtt_bytes, lines, dropped, .. } = run.collector;
        let (refused_calls, elapsed) = (run.host.refused_calls, begin.elapsed());
        Ok(RunOutcome { verdict, status, output, refused_calls, lines, rtt_bytes, missing_channels, dropped, elapsed })
    }

    /// Checks all that can refuse the run and changes nothing.
    fn check(&mut self) -> Result<()> {
        self.channels.claim(self.target)?;
        // A run that is stopped already does not begin.
        if self.is_stopped() { Ok(()) } else { self.must_be_halted() }
    }

    fn must_be_halted(&self) -> Result<()> {
        must_be_halted(&self.target.status()?, "resume")
    }

    /// Prepares the channels, just before the target is resumed: this changes the target's RAM.
    /// What the search took comes on top of the end, and as much for two more, which a slow probe
    /// needs.
    fn prepare(&mut self) -> Result<()> {
        // Setting breakpoints takes time, in which another client may have resumed the target.
        if self.ticket.is_some() || (self.channels.are_searched_for() && !self.is_stopped()) {
            self.must_be_halted()?;
        }
        self.channels.wait_for_start = self.rtt_from.is_some();
        let search = self.channels.prepare(self.target, &mut self.collector, self.end)?;
        self.extend(search * 3);
        Ok(())
    }

    /// The run, between setting the breakpoints and removing them, which is on top of the end.
    fn with_breakpoints(&mut self) -> Result<(Verdict, TargetStatus)> {
        let all: Vec<_> = self.breakpoints.iter().copied().chain(self.rtt_from).collect();
        let begin = Instant::now();
        let group = self.ticket.as_ref().map(|ticket| Arc::clone(ticket.gate()));
        let breakpoints = RunBreakpoints::set(self.target, self.end, &all, &self.stops, group);
        if !breakpoints.as_ref().is_err_and(Error::is_timeout) {
            self.extend(begin.elapsed());
        }
        let breakpoints = breakpoints?;
        let mut set = breakpoints.addresses().to_vec();
        if self.rtt_from.is_some() {
            self.rtt_from = set.pop();
            self.ends_at_rtt_start = self.rtt_from.is_some_and(|address| breakpoints.is_of_others(address));
        }
        self.breakpoints = set;
        let ended = self.go().and_then(|ended| breakpoints.check_end(ended));
        self.hurry_after(&ended);
        let (begin, is_silent) = (Instant::now(), ended.as_ref().is_err_and(Error::is_timeout));
        let left = breakpoints.remove(self.target, self.end, is_silent);
        if !is_silent && !left.as_ref().is_some_and(Left::is_timeout) {
            self.extend(begin.elapsed());
        }
        match (ended, left) {
            (ended, None) => ended,
            (Ok(_), Some(left)) => Err(left.into_error()),
            (Err(error), Some(left)) => Err(left.after(error)),
        }
    }

    fn extend(&mut self, time: Duration) {
        self.end = self.end.extended_by(time);
        self.target = self.target.before(self.end);
    }

    /// From now on all requests share one end.
    fn hurry(&mut self) {
        self.end = ending::beginning_now(self.end);
        self.target = self.target.before(self.end);
    }

    /// The same if the run was stopped, or if OpenOCD did not answer in this step.
    fn hurry_after<T>(&mut self, step: &Result<T>) {
        if self.is_stopped() {
            self.hurry();
        }
        self.end = ending::after_step(self.end, step);
        self.target = self.target.before(self.end);
    }

    fn go(&mut self) -> Result<(Verdict, TargetStatus)> {
        self.prepare()?;
        let ticket = self.ticket.take();
        let group = ticket.as_ref().map(|ticket| Arc::clone(ticket.gate()));
        let before = if group.is_some() { Some(self.target.before_run()?) } else { None };
        if let Some(ticket) = ticket {
            ticket.wait(self.deadline);
        }
        if self.is_stopped() {
            self.hurry();
            return Ok((Verdict::Stopped, self.target.status()?));
        }
        let resuming = group.map(|group| group.resuming(self.target.session().identity()));
        let others_wait = resuming.as_ref().map(|lock| lock.lock().unwrap_or_else(PoisonError::into_inner));
        let resumed = self.resume(before.as_ref())?;
        drop(others_wait);
        if let Some((verdict, status)) = resumed {
            return self.last_lines(verdict, status);
        }
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(line) = self.channels.exchange(self.target, &mut self.collector)? {
                return Ok((Verdict::Line(line), self.target.status()?));
            }
            let mut poll = self.poll(false)?;
            if poll.status.state == TargetState::Halted && !self.collector.is_stopped() {
                let (address, call, status) = (self.breakpoint_at(&poll), poll.call.take(), poll.status);
                let served = match (address, call) {
                    (Some(address), _) => Served::Exit(Verdict::Breakpoint { address }),
                    (None, _) if self.is_at_rtt_start(&status) => {
                        self.channels.start(self.target)?;
                        if self.ends_at_rtt_start {
                            Served::Exit(self.halt_verdict(status.halt_reason)?)
                        } else {
                            self.target.resume()?;
                            Served::Answered
                        }
                    }
                    (None, Some(call)) => self.serve(&call, &status)?,
                    // The halt is that of the call.
                    (None, None) if self.stays => Served::Answered,
                    (None, None) => Served::Exit(self.halt_verdict(status.halt_reason)?),
                };
                match served {
                    Served::Exit(verdict) => return self.last_lines(verdict, status),
                    Served::Answered => pause = FIRST_PAUSE,
                    Served::Waits => {}
                }
            }
            let left = self.deadline.remaining().unwrap_or(pause);
            if left.is_zero() || self.is_stopped() {
                self.hurry();
                let (verdict, status) = self.stop()?;
                return self.last_lines(verdict, status);
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Polls the target, which was perhaps `asked` to halt, and finds a call to serve.
    fn poll(&mut self, asked: bool) -> Result<Poll> {
        let calls = match (self.serves_calls, self.begun_at) {
            (false, _) => Calls::None,
            (true, None) => Calls::Made,
            (true, Some(_)) => Calls::Any,
        };
        let poll = self.target.poll_for_calls(self.server.as_ref(), calls, asked)?;
        if self.begun_at.is_some() && self.begun_at != poll.status.pc {
            // Another client has resumed the target.
            self.begun_at = None;
            return self.target.poll_for_calls(self.server.as_ref(), Calls::Made, asked);
        }
        Ok(poll)
    }

    /// Resumes the target. A call at which it is halted already was made by the firmware and
    /// answered by nobody, and `resume` would pass it. Or the target was halted just before it, and
    /// would make it now.
    fn resume(&mut self, before: Option<&BeforeRun>) -> Result<Option<(Verdict, TargetStatus)>> {
        // Another target of its SMP group has resumed it.
        if before.is_some_and(|before| self.target.before_run().is_ok_and(|now| now != *before)) {
            return Ok(None);
        }
        if self.serves_calls {
            let Poll { status, call, .. } = self.target.poll_for_calls(self.server.as_ref(), Calls::Released, false)?;
            if let Some(call) = call {
                return Ok(match self.serve(&call, &status)? {
                    Served::Exit(verdict) => Some((verdict, status)),
                    Served::Answered => None,
                    Served::Waits => {
                        self.begun_at = Some(call.pc);
                        None
                    }
                });
            }
        }
        // It was halted a moment ago: if it runs, another client has resumed its SMP group.
        before.map_or_else(|| self.target.resume(), |before| self.target.resume_once(before))?;
        Ok(None)
    }

    /// Halts the target after the deadline, or because the run was stopped. What the target has
    /// reached since the last poll is the verdict: the next `resume` would pass it. A handler of
    /// the caller's that stopped the run had seen nothing of that.
    fn stop(&mut self) -> Result<(Verdict, TargetStatus)> {
        use HaltReason::{Breakpoint, ExceptionCatch, Lockup, Semihosting, Watchpoint, WatchpointAndBreakpoint};

        if self.collector.is_stopped() {
            return Ok((Verdict::Stopped, self.target.halt_and_hold(false)?));
        }
        self.target.halt_and_hold(false)?;
        let mut poll = self.poll(true)?;
        let call = poll.call.take().filter(|_| self.breakpoint_at(&poll).is_none());
        let was_at_call = call.is_some() || self.stays;
        if let Some(call) = call {
            if let Served::Exit(exit) = self.serve_and(&call, |_| Then::Stay)? {
                return Ok((exit, poll.status));
            }
            poll.status = self.target.status()?;
        }
        let verdict = match (self.breakpoint_at(&poll), poll.status.halt_reason) {
            (Some(address), _) => Verdict::Breakpoint { address },
            (None, Some(Lockup)) => Verdict::Lockup,
            (
                None,
                Some(reason @ (Breakpoint | Semihosting | Watchpoint | WatchpointAndBreakpoint | ExceptionCatch)),
            ) if !was_at_call && (self.ends_at_rtt_start || !self.is_at_rtt_start(&poll.status)) => {
                self.halt_verdict(Some(reason))?
            }
            (None, _) if self.is_stopped() => Verdict::Stopped,
            (None, _) => Verdict::Deadline,
        };
        Ok((verdict, poll.status))
    }

    /// The breakpoint of the conditions that the target has reached.
    fn breakpoint_at(&self, poll: &Poll) -> Option<u64> {
        let reached = |pc: &u64| !poll.slept && self.breakpoints.contains(pc) && self.begun_at != Some(*pc);
        poll.status.pc.filter(reached)
    }

    /// Whether the target is halted where the RTT channels are opened.
    fn is_at_rtt_start(&self, status: &TargetStatus) -> bool {
        self.rtt_from.is_some() && status.pc == self.rtt_from
    }

    /// Whether a handler or a token stopped the run.
    fn is_stopped(&self) -> bool {
        self.collector.is_stopped() || self.stops.is_stopped()
    }

    /// Serves a semihosting call at which the target is halted, and resumes the target. It stays
    /// halted if the run was stopped meanwhile, or at a breakpoint behind the call, which OpenOCD
    /// would pass.
    fn serve(&mut self, call: &Call, status: &TargetStatus) -> Result<Served> {
        self.serve_and(call, |run| {
            let stays = run.is_stopped() || run.breakpoints.contains(&call.next());
            if stays { Then::Stay } else { call.resumption(status.halt_reason) }
        })
    }

    /// Serves a semihosting call, and then does what `then` says.
    fn serve_and(&mut self, call: &Call, then: impl FnOnce(&Self) -> Then) -> Result<Served> {
        let input = self.input.bytes();
        self.host.input.append(input);
        if self.input.is_open() && self.host.input.is_empty() && Host::asks_for_input(call, self.target)? {
            return Ok(Served::Waits);
        }
        let collector = &mut self.collector;
        let answer = self.host.serve(call, self.target, self.deadline, &mut |stream, bytes| {
            collector.print(stream, bytes);
            if collector.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        match answer {
            Answer::Value(value) => {
                let then = then(self);
                self.begun_at = None;
                self.stays = then == Then::Stay;
                self.target.answer_call(call, value, then).map(|()| Served::Answered)
            }
            Answer::Exit { status, reason } => Ok(Served::Exit(Verdict::Exit { status, reason })),
        }
    }

    /// Takes what the target printed before it halted, which may hold a line that meets its
    /// condition, or that makes a handler stop the run.
    fn last_lines(&mut self, verdict: Verdict, status: TargetStatus) -> Result<(Verdict, TargetStatus)> {
        if self.collector.is_stopped() {
            return Ok((Verdict::Stopped, status));
        }
        let line = self.channels.last_lines(self.target, &mut self.collector, self.end, &verdict)?;
        let verdict = match line {
            Some(line) => Verdict::Line(line),
            None if self.collector.is_stopped() => Verdict::Stopped,
            None => verdict,
        };
        Ok((verdict, status))
    }

    /// The verdict about a target that halted by itself. A caught reset is no crash.
    fn halt_verdict(&self, reason: Option<HaltReason>) -> Result<Verdict> {
        if reason == Some(HaltReason::ExceptionCatch) {
            let report = self.target.crash_report()?;
            let exception = report.cortex_m().map(|state| state.exception);
            if let Some(exception) = exception.filter(|exception| exception.is_fault()) {
                return Ok(Verdict::Crash { exception, fault_pc: report.fault_pc() });
            }
        }
        Ok(match reason {
            Some(HaltReason::Lockup) => Verdict::Lockup,
            reason => Verdict::Halt(reason.unwrap_or(HaltReason::Unknown)),
        })
    }
}
