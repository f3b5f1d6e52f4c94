//! The breakpoints of a run.

use super::ending;
use crate::breakpoints::BreakpointKind;
use crate::error::{BreakpointError, Error, Result, TargetError};
use crate::target::Target;
use crate::wire::Deadline;

/// The breakpoints of a run. Those that this set exist for the run only: dropping it removes them,
/// if the run panics.
pub(super) struct RunBreakpoints<'t> {
    target: Target<'t>,
    /// When the requests of `target` give up.
    end: Deadline,
    set: Vec<u64>,
    /// Where the target stops: without bit 0 on a Cortex-M.
    addresses: Vec<u64>,
}

impl<'t> RunBreakpoints<'t> {
    pub(super) fn set(target: Target<'t>, end: Deadline, addresses: &[u64]) -> Result<Self> {
        let mut breakpoints = RunBreakpoints { target, end, set: Vec::new(), addresses: Vec::new() };
        for &address in addresses {
            match breakpoints.add(address) {
                Ok(address) => {
                    breakpoints.set.push(address);
                    breakpoints.addresses.push(address);
                }
                Err(Error::Breakpoint(BreakpointError::Duplicate { address, .. })) => {
                    if !breakpoints.set.contains(&address) {
                        let renewed = breakpoints.renew(address);
                        breakpoints.after(renewed)?;
                    }
                    breakpoints.addresses.push(address);
                }
                // Dropping what is set so far removes it.
                Err(error) => breakpoints.after(Err(error))?,
            }
        }
        Ok(breakpoints)
    }

    /// Where the target stops.
    pub(super) fn addresses(&self) -> &[u64] {
        &self.addresses
    }

    /// Sets the target's own breakpoint at an address anew. OpenOCD lists it also if the target has
    /// lost it: to a reset of its debug logic, or to a program that was loaded over it.
    fn renew(&self, address: u64) -> Result<()> {
        let breakpoints = self.target.breakpoints();
        // That of another target is looked at in memory before it is listed here.
        let Some(listed) = breakpoints.list_own()?.into_iter().find(|listed| listed.address == address) else {
            return Ok(());
        };
        breakpoints.remove(address)?;
        breakpoints.add_with_length(address, listed.length, listed.kind).map(drop)
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

    /// Removes the breakpoints before `end`. Targets other than a Cortex-M are halted for that, and
    /// resumed.
    pub(super) fn remove(mut self, target: Target<'t>, end: Deadline) -> Result<()> {
        (self.target, self.end) = (target, end);
        let mut failed = Ok(());
        for address in std::mem::take(&mut self.set) {
            let removed = self.remove_one(address);
            failed = failed.and(self.after(removed));
        }
        failed
    }

    /// Takes the result of a step. If OpenOCD did not answer, the next ones share one end.
    fn after(&mut self, step: Result<()>) -> Result<()> {
        self.end = ending::after_step(self.end, &step);
        self.target = self.target.before(self.end);
        step
    }

    fn remove_one(&self, address: u64) -> Result<()> {
        match self.target.breakpoints().remove(address) {
            Err(Error::Target(TargetError::NotHalted { .. })) => {
                self.target.halt()?;
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
        for address in std::mem::take(&mut self.set) {
            let removed = self.target.breakpoints().remove(address);
            if let Err(error) = self.after(removed) {
                log::warn!(target: "openocd::run_until", "the breakpoint at {address:#010x} stays: {error}");
            }
        }
    }
}
