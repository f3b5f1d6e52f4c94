//! A breakpoint and a watchpoint that are removed when they go out of scope.

use super::{Breakpoint, BreakpointKind, Breakpoints, Watchpoint, WatchpointAccess};
use crate::error::Result;
use crate::session::Session;
use crate::target::Target;

/// The target that something was set on, by name: at the end of the scope another one may be the current target, if only because the
/// session had to replace its connection.
#[derive(Debug)]
struct Owner<'a> {
    session: &'a Session,
    name: String,
}

impl Owner<'_> {
    fn breakpoints(&self) -> Breakpoints<'_> {
        Breakpoints::of(Target::of(self.session, &self.name))
    }
}

impl<'a> Breakpoints<'a> {
    fn owner(&self) -> Result<Owner<'a>> {
        let session = self.target.session();
        if let Some(name) = self.target.name() {
            return Ok(Owner { session, name: name.to_owned() });
        }
        let request = self.target.request("target current");
        let name = self.ask(&request, "find out the current target", "a target's name", |answer| {
            String::from_utf8(answer.to_vec()).ok()
        })?;
        Ok(Owner { session, name })
    }
}

/// A breakpoint that is removed when this value is dropped, from [`Breakpoints::scoped`].
///
/// It belongs to the target that it was set on, also if another one is the current target by then.
///
/// What goes wrong on drop is logged as a warning; [`remove`](Self::remove) does the same and returns it. On a target other than a
/// Cortex-M a breakpoint can only be removed while the target is halted, so halt it before the end of the scope.
#[derive(Debug)]
#[must_use = "the breakpoint is removed when this value is dropped"]
pub struct ScopedBreakpoint<'a> {
    owner: Owner<'a>,
    breakpoint: Breakpoint,
    is_set: bool,
}

impl<'a> Breakpoints<'a> {
    /// Sets a breakpoint as [`add`](Self::add) does, for as long as the returned value lives.
    ///
    /// # Errors
    /// Those of [`add`](Self::add).
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
    ///     core.resume(None)?;
    ///     let status = core.wait_halt(Duration::from_secs(5))?;
    ///     assert_eq!(status.pc, Some(breakpoint.breakpoint().address));
    /// }
    /// assert!(session.breakpoints().list()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scoped(self, address: u64, kind: BreakpointKind) -> Result<ScopedBreakpoint<'a>> {
        let owner = self.owner()?;
        let breakpoint = owner.breakpoints().add(address, kind)?;
        Ok(ScopedBreakpoint { owner, breakpoint, is_set: true })
    }
}

impl ScopedBreakpoint<'_> {
    /// The breakpoint.
    pub fn breakpoint(&self) -> &Breakpoint {
        &self.breakpoint
    }

    /// Removes the breakpoint now.
    ///
    /// # Errors
    /// Those of [`Breakpoints::remove`].
    pub fn remove(mut self) -> Result<()> {
        self.is_set = false;
        self.take_out()
    }

    fn take_out(&self) -> Result<()> {
        match self.breakpoint.kind {
            BreakpointKind::Context { asid } => self.owner.breakpoints().remove_context(asid),
            _ => self.owner.breakpoints().remove(self.breakpoint.address),
        }
    }
}

impl Drop for ScopedBreakpoint<'_> {
    fn drop(&mut self) {
        if !self.is_set {
            return;
        }
        if let Err(error) = self.take_out() {
            log::warn!(target: "openocd::breakpoints", "a scoped breakpoint stays: {error}");
        }
    }
}

/// A watchpoint that is removed when this value is dropped, from [`Breakpoints::scoped_watchpoint`].
///
/// It belongs to the target that it was set on, also if another one is the current target by then.
///
/// What goes wrong on drop is logged as a warning; [`remove`](Self::remove) does the same and returns it. A watchpoint can only be
/// removed while the target is halted, so halt it before the end of the scope.
#[derive(Debug)]
#[must_use = "the watchpoint is removed when this value is dropped"]
pub struct ScopedWatchpoint<'a> {
    owner: Owner<'a>,
    watchpoint: Watchpoint,
    is_set: bool,
}

impl<'a> Breakpoints<'a> {
    /// Sets a watchpoint as [`add_watchpoint`](Self::add_watchpoint) does, for as long as the returned value lives.
    ///
    /// # Errors
    /// Those of [`add_watchpoint`](Self::add_watchpoint).
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
    ///     core.resume(None)?;
    ///     assert_eq!(core.wait_halt(Duration::from_secs(5))?.halt_reason, Some(HaltReason::Watchpoint));
    /// }
    /// assert!(session.breakpoints().list_watchpoints()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scoped_watchpoint(
        self,
        address: u64,
        length: u32,
        access: WatchpointAccess,
    ) -> Result<ScopedWatchpoint<'a>> {
        let owner = self.owner()?;
        let watchpoint = owner.breakpoints().add_watchpoint(address, length, access)?;
        Ok(ScopedWatchpoint { owner, watchpoint, is_set: true })
    }
}

impl ScopedWatchpoint<'_> {
    /// The watchpoint.
    pub fn watchpoint(&self) -> &Watchpoint {
        &self.watchpoint
    }

    /// Removes the watchpoint now.
    ///
    /// # Errors
    /// Those of [`Breakpoints::remove_watchpoint`].
    pub fn remove(mut self) -> Result<()> {
        self.is_set = false;
        self.owner.breakpoints().remove_watchpoint(self.watchpoint.address)
    }
}

impl Drop for ScopedWatchpoint<'_> {
    fn drop(&mut self) {
        if !self.is_set {
            return;
        }
        if let Err(error) = self.owner.breakpoints().remove_watchpoint(self.watchpoint.address) {
            log::warn!(target: "openocd::breakpoints", "a scoped watchpoint stays: {error}");
        }
    }
}
