//! The breakpoints of a run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ending::{self, GRACE};
use super::group::{Gate, SharedPoint};
use super::outcome::Verdict;
use crate::breakpoints::BreakpointKind;
use crate::error::{BreakpointError, CommandError, Error, Result, TargetError, TimeoutError};
use crate::stop_token::StopTokens;
use crate::target::{Target, TargetStatus};
use crate::types::{Evidence, StopPoint};
use crate::wire::Deadline;

/// The breakpoints of a run. Those that this set exist for the run only: dropping it removes them,
/// if the run panics.
pub(super) struct RunBreakpoints<'t> {
    target: Target<'t>,
    /// When the requests of `target` give up.
    end: Deadline,
    set: Vec<u64>,
    /// Where the target had a breakpoint before, which stays.
    others: Vec<u64>,
    /// Where the target stops: without bit 0 on a Cortex-M.
    addresses: Vec<u64>,
    /// How long it took to set them.
    took: Duration,
    /// OpenOCD has left a request unanswered.
    is_silent: bool,
    /// The group of the run, and those of the breakpoints that its other runs may use, too.
    group: Option<Arc<Gate>>,
    shared: Vec<SharedPoint>,
}

/// How long all breakpoints of a run may take to be set. Each takes longer than the one before:
/// OpenOCD lists them all.
const SETTING_LIMIT: Duration = GRACE;

/// Breakpoints that could not be removed.
pub(super) struct Left {
    addresses: Vec<u64>,
    /// Why the first of them was not removed.
    cause: Error,
}

impl Left {
    /// Whether OpenOCD left a request to remove one unanswered.
    pub(super) fn is_timeout(&self) -> bool {
        self.cause.is_timeout()
    }

    /// The error of a run that ended well otherwise. Without a connection nobody can tell what is
    /// left.
    pub(super) fn into_error(self) -> Error {
        if self.cause.is_disconnected() {
            return self.cause;
        }
        match (&self.addresses[..], &self.cause) {
            // It names the breakpoint itself.
            ([_], Error::Breakpoint(_)) => self.cause,
            _ => BreakpointError::Left { addresses: self.addresses, cause: Box::new(self.cause) }.into(),
        }
    }

    /// The error of a run that failed.
    pub(super) fn after(self, error: Error) -> Error {
        if error.is_disconnected() {
            return error;
        }
        BreakpointError::Left { addresses: self.addresses, cause: Box::new(error) }.into()
    }
}

impl<'t> RunBreakpoints<'t> {
    /// Checks that a target which reached no breakpoint still has them all: firmware may have
    /// switched the breakpoint unit off, or written a program over an instruction, and another client
    /// may have removed them.
    pub(super) fn check_end(&self, ended: (Verdict, TargetStatus)) -> Result<(Verdict, TargetStatus)> {
        if ended.0 != Verdict::Deadline || self.addresses.is_empty() {
            return Ok(ended);
        }
        let listed = self.target.breakpoints().list()?;
        let lost = self.addresses.iter().find_map(|&address| {
            let mut there = listed.iter().filter(|point| point.address == address).peekable();
            if there.peek().is_none() {
                return Some((address, Evidence::List));
            }
            let lost = there.find(|point| point.in_effect == Some(false))?;
            let is_software = lost.kind == BreakpointKind::Software;
            Some((address, if is_software { Evidence::Memory } else { Evidence::Comparator }))
        });
        let Some((address, evidence)) = lost else { return Ok(ended) };
        Err(BreakpointError::NotInEffect { what: StopPoint::Breakpoint, address, evidence }.into())
    }

    /// Sets the breakpoints of a run, or none. A stop ends that early, and leaves some out.
    pub(super) fn set(
        target: Target<'t>,
        end: Deadline,
        addresses: &[u64],
        stops: &StopTokens,
        group: Option<Arc<Gate>>,
    ) -> Result<Self> {
        let mut breakpoints = RunBreakpoints {
            target,
            end,
            set: Vec::new(),
            others: Vec::new(),
            addresses: Vec::new(),
            took: Duration::ZERO,
            is_silent: false,
            group,
            shared: Vec::new(),
        };
        for &address in addresses {
            if stops.is_stopped() {
                break;
            }
            let begin = Instant::now();
            let added = if breakpoints.took > SETTING_LIMIT {
                let (set, wanted, took) = (breakpoints.set.len(), addresses.len(), breakpoints.took);
                Err(BreakpointError::TooSlow { set, wanted, took }.into())
            } else {
                breakpoints.add_or_renew(address)
            };
            if let Err(error) = breakpoints.after(added) {
                return Err(match breakpoints.take_out() {
                    Some(left) => left.after(error),
                    None => error,
                });
            }
            breakpoints.took += begin.elapsed();
        }
        Ok(breakpoints)
    }

    fn add_or_renew(&mut self, address: u64) -> Result<()> {
        match self.add(address) {
            Ok(address) => {
                self.set.push(address);
                self.addresses.push(address);
                self.share(address, true)?;
            }
            Err(Error::Breakpoint(BreakpointError::Duplicate { address, .. })) => {
                if !self.set.contains(&address) {
                    if !self.renew(address)? {
                        self.share(address, false)?;
                    }
                    self.others.push(address);
                }
                self.addresses.push(address);
            }
            Err(error) => {
                // OpenOCD may have set it, and the reply was lost. If it has not, there is none to
                // remove.
                let command = match &error {
                    Error::Timeout(TimeoutError::Reply { command, .. }) => command,
                    Error::Breakpoint(BreakpointError::UnexpectedReply(reply))
                    | Error::Command(CommandError::UnexpectedReply(reply)) => &reply.command,
                    _ => return Err(error),
                };
                if command.starts_with("bp ") {
                    self.set.push(address);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Where the target stops.
    pub(super) fn addresses(&self) -> &[u64] {
        &self.addresses
    }

    /// Whether somebody else has a breakpoint at an address where the target stops.
    pub(super) fn is_of_others(&self, address: u64) -> bool {
        self.others.contains(&address)
    }

    /// Sets the target's own breakpoint at an address anew. OpenOCD lists it also if the target has
    /// lost it: to a reset of its debug logic, or to a program that was loaded over it. Returns
    /// whether it is the target's own.
    fn renew(&self, address: u64) -> Result<bool> {
        let breakpoints = self.target.breakpoints();
        // That of another target is looked at in memory before it is listed here.
        let Some(listed) = breakpoints.list_own()?.into_iter().find(|listed| listed.address == address) else {
            return Ok(false);
        };
        breakpoints.remove(address)?;
        breakpoints.add_with_length(address, listed.length, listed.kind)?;
        Ok(true)
    }

    /// Tells the other runs of the group that this one uses the breakpoint.
    fn share(&mut self, address: u64, has_set_it: bool) -> Result<()> {
        let Some(group) = &self.group else { return Ok(()) };
        if let Some(owner) = self.target.breakpoints().owner_of(address)? {
            let point = (self.target.session().identity(), owner, address);
            group.take(point.clone(), has_set_it);
            self.shared.push(point);
        }
        Ok(())
    }

    /// The breakpoints that are this run's to remove: those of a group that no other run uses any
    /// more, also if another run has set them.
    fn take_ours(&mut self) -> Vec<u64> {
        let mut addresses = std::mem::take(&mut self.set);
        for point in std::mem::take(&mut self.shared) {
            addresses.retain(|set| *set != point.2);
            if self.group.as_ref().is_some_and(|group| group.give_back(&point)) {
                addresses.push(point.2);
            }
        }
        addresses
    }

    /// Sets a breakpoint in hardware or else in software, and returns where it is.
    fn add(&self, address: u64) -> Result<u64> {
        use BreakpointError::{NoComparator, NotInEffect, Refused, Unsupported};
        let breakpoints = self.target.breakpoints();
        match breakpoints.add(address, BreakpointKind::Hardware) {
            Ok(set) => Ok(set.address),
            Err(Error::Breakpoint(error @ (NoComparator { .. } | Refused { .. } | Unsupported { .. }))) => {
                log::debug!(target: "openocd::run_until", "trying a software breakpoint: {error}");
                match breakpoints.add(address, BreakpointKind::Software) {
                    Ok(set) => Ok(set.address),
                    // The refusal of the hardware says more than that flash takes no software
                    // breakpoint.
                    Err(Error::Breakpoint(NotInEffect { .. })) => Err(error.into()),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Removes the breakpoints, also after `end` as long as OpenOCD answers. If it does not, the run
    /// has waited for it already. Targets other than a Cortex-M are halted for that, and resumed.
    /// `Some` if not all could be removed.
    pub(super) fn remove(mut self, target: Target<'t>, end: Deadline, is_silent: bool) -> Option<Left> {
        (self.target, self.end, self.is_silent) = (target, end, is_silent);
        self.take_out()
    }

    fn take_out(&mut self) -> Option<Left> {
        let mut left: Option<Left> = None;
        for address in self.take_ours() {
            if !self.is_silent && self.end.remaining().is_some_and(|remaining| remaining < GRACE) {
                self.end = Deadline::after(Some(GRACE));
                self.target = self.target.before(self.end);
            }
            let removed = self.remove_one(address);
            if let Err(cause) = self.after(removed) {
                left.get_or_insert(Left { addresses: Vec::new(), cause }).addresses.push(address);
            }
        }
        left
    }

    /// Takes the result of a step. If OpenOCD did not answer, the next ones share one end.
    fn after(&mut self, step: Result<()>) -> Result<()> {
        self.is_silent |= step.as_ref().is_err_and(Error::is_timeout);
        self.end = ending::after_step(self.end, &step);
        self.target = self.target.before(self.end);
        step
    }

    fn remove_one(&self, address: u64) -> Result<()> {
        match self.target.breakpoints().remove(address) {
            Err(Error::Target(TargetError::NotHalted { .. })) => {
                self.target.halt_and_hold(false)?;
                let removed = self.target.breakpoints().remove(address);
                self.target.resume()?;
                removed
            }
            // Another client was faster.
            Err(Error::Breakpoint(BreakpointError::NoneAt { .. })) => Ok(()),
            removed => removed,
        }
    }
}

impl Drop for RunBreakpoints<'_> {
    fn drop(&mut self) {
        if let Some(left) = self.take_out() {
            log::warn!(target: "openocd::run_until", "{}", left.into_error());
        }
    }
}
