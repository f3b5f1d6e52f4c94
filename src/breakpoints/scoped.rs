//! A breakpoint and a watchpoint that are removed when they go out of scope.

use super::{Breakpoint, BreakpointKind, Breakpoints, Watchpoint, WatchpointAccess};
use crate::error::{BreakpointError, Result};
use crate::target::KeptTarget;
use crate::wire::tcl;

impl Breakpoints<'_> {
    /// The target by its name: at the end of the scope another one may be the current target, if
    /// only because the session replaced its connection.
    fn owner(&self) -> Result<KeptTarget> {
        let request = self.target.request("target current").to("find the current target").expecting("a target's name");
        let name =
            self.target.session().ask::<BreakpointError, _>(&request, |reply| Some(tcl::text(reply)?.to_owned()))?;
        Ok(self.target.keep_as(name.trim()))
    }
}

fn of(owner: &KeptTarget) -> Breakpoints<'_> {
    Breakpoints::of(owner.view())
}

/// A breakpoint that is removed when this value is dropped, from [`Breakpoints::scoped`].
///
/// The value owns a handle of the session. It removes the breakpoint from the target on which it
/// was set, even if another target is the current one by then.
///
/// Dropping logs a failure as a warning; [`remove`](Self::remove) returns the failure. Targets
/// other than a Cortex-M must be halted at the end of the scope, because OpenOCD cannot remove the
/// breakpoint while they run.
#[derive(Debug)]
#[must_use = "the breakpoint is removed when this value is dropped"]
pub struct ScopedBreakpoint {
    owner: KeptTarget,
    breakpoint: Breakpoint,
    is_set: bool,
}

impl Breakpoints<'_> {
    /// Sets a breakpoint like [`add`](Self::add), and removes it when the returned value is
    /// dropped.
    ///
    /// # Errors
    /// The same as [`add`](Self::add).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    /// use openocd::BreakpointKind;
    ///
    /// let core = session.target();
    /// core.halt()?;
    /// {
    ///     let breakpoint = session.breakpoints().scoped(0x0800_004e, BreakpointKind::Hardware)?;
    ///     core.resume()?;
    ///     let status = core.wait_halt(Duration::from_secs(5))?;
    ///     assert_eq!(status.pc, Some(breakpoint.breakpoint().address));
    /// }
    /// assert!(session.breakpoints().list()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scoped(self, address: u64, kind: BreakpointKind) -> Result<ScopedBreakpoint> {
        let owner = self.owner()?;
        let breakpoint = of(&owner).add(address, kind)?;
        Ok(ScopedBreakpoint { owner, breakpoint, is_set: true })
    }
}

impl ScopedBreakpoint {
    /// Returns the breakpoint.
    pub fn breakpoint(&self) -> &Breakpoint {
        &self.breakpoint
    }

    /// Removes the breakpoint now.
    ///
    /// # Errors
    /// The same as [`Breakpoints::remove`].
    pub fn remove(mut self) -> Result<()> {
        self.is_set = false;
        self.take_out()
    }

    fn take_out(&self) -> Result<()> {
        match self.breakpoint.kind {
            BreakpointKind::Context { asid } => of(&self.owner).remove_context(asid),
            _ => of(&self.owner).remove(self.breakpoint.address),
        }
    }
}

impl Drop for ScopedBreakpoint {
    fn drop(&mut self) {
        if !self.is_set {
            return;
        }
        if let Err(error) = self.take_out() {
            log::warn!(target: "openocd::breakpoints", "a scoped breakpoint stays: {error}");
        }
    }
}

/// A watchpoint that is removed when this value is dropped, from
/// [`Breakpoints::scoped_watchpoint`].
///
/// The value owns a handle of the session. It removes the watchpoint from the target on which it
/// was set, even if another target is the current one by then.
///
/// Dropping logs a failure as a warning; [`remove`](Self::remove) returns the failure. Halt the
/// target before the end of the scope: a watchpoint can be removed only while the target is halted.
#[derive(Debug)]
#[must_use = "the watchpoint is removed when this value is dropped"]
pub struct ScopedWatchpoint {
    owner: KeptTarget,
    watchpoint: Watchpoint,
    is_set: bool,
}

impl Breakpoints<'_> {
    /// Sets a watchpoint like [`add_watchpoint`](Self::add_watchpoint), and removes it when the
    /// returned value is dropped.
    ///
    /// # Errors
    /// The same as [`add_watchpoint`](Self::add_watchpoint).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    /// use openocd::{HaltReason, WatchpointAccess};
    ///
    /// let core = session.target();
    /// core.halt()?;
    /// {
    ///     let _watched = session.breakpoints().scoped_watchpoint(0x2000_2000, 4, WatchpointAccess::Write)?;
    ///     core.resume()?;
    ///     assert_eq!(core.wait_halt(Duration::from_secs(5))?.halt_reason, Some(HaltReason::Watchpoint));
    /// }
    /// assert!(session.breakpoints().list_watchpoints()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scoped_watchpoint(self, address: u64, length: u32, access: WatchpointAccess) -> Result<ScopedWatchpoint> {
        let owner = self.owner()?;
        let watchpoint = of(&owner).add_watchpoint(address, length, access)?;
        Ok(ScopedWatchpoint { owner, watchpoint, is_set: true })
    }
}

impl ScopedWatchpoint {
    /// Returns the watchpoint.
    pub fn watchpoint(&self) -> &Watchpoint {
        &self.watchpoint
    }

    /// Removes the watchpoint now.
    ///
    /// # Errors
    /// The same as [`Breakpoints::remove_watchpoint`].
    pub fn remove(mut self) -> Result<()> {
        self.is_set = false;
        of(&self.owner).remove_watchpoint(self.watchpoint.address)
    }
}

impl Drop for ScopedWatchpoint {
    fn drop(&mut self) {
        if !self.is_set {
            return;
        }
        if let Err(error) = of(&self.owner).remove_watchpoint(self.watchpoint.address) {
            log::warn!(target: "openocd::breakpoints", "a scoped watchpoint stays: {error}");
        }
    }
}
