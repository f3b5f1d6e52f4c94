//! The breakpoints of a run.

use crate::breakpoints::BreakpointKind;
use crate::error::{BreakpointError, Error, Result, TargetError};
use crate::target::Target;

/// Breakpoints that exist for a run only. Dropping this removes them, if the run panics.
pub(super) struct RunBreakpoints<'t> {
    target: Target<'t>,
    set: Vec<u64>,
}

impl<'t> RunBreakpoints<'t> {
    pub(super) fn set(target: Target<'t>, addresses: &[u64]) -> Result<Self> {
        let mut breakpoints = RunBreakpoints { target, set: Vec::new() };
        for &address in addresses {
            if breakpoints.add(address)? {
                breakpoints.set.push(address);
            }
        }
        Ok(breakpoints)
    }

    /// Sets a breakpoint in hardware or else in software. `false` if there is one already.
    fn add(&self, address: u64) -> Result<bool> {
        use BreakpointError::{Duplicate, NoComparator, NotInEffect, Refused, Unsupported};
        let breakpoints = self.target.breakpoints();
        match breakpoints.add(address, BreakpointKind::Hardware) {
            Ok(_) => Ok(true),
            Err(Error::Breakpoint(Duplicate { .. })) => Ok(false),
            Err(Error::Breakpoint(error @ (NoComparator { .. } | Refused { .. } | Unsupported { .. }))) => {
                log::debug!(target: "openocd::run_until", "trying a software breakpoint: {error}");
                match breakpoints.add(address, BreakpointKind::Software) {
                    Ok(_) => Ok(true),
                    // The refusal of the hardware says more than that flash takes no software
                    // breakpoint.
                    Err(Error::Breakpoint(NotInEffect { .. })) => Err(error.into()),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Removes the breakpoints. Targets other than a Cortex-M are halted for that, and resumed.
    pub(super) fn remove(mut self) -> Result<()> {
        let mut failed = Ok(());
        for address in std::mem::take(&mut self.set) {
            failed = failed.and(self.remove_one(address));
        }
        failed
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
        for &address in &self.set {
            if let Err(error) = self.target.breakpoints().remove(address) {
                log::warn!(target: "openocd::run_until", "the breakpoint at {address:#010x} stays: {error}");
            }
        }
    }
}
