//! A breakpoint that is removed when it goes out of scope.

use super::{Breakpoint, BreakpointKind, Breakpoints};
use crate::error::Result;

/// A breakpoint that is removed when this value is dropped, from [`Breakpoints::scoped`].
///
/// What goes wrong on drop is logged as a warning; [`remove`](Self::remove) does the same and returns it. On a target other than a
/// Cortex-M a breakpoint can only be removed while the target is halted, so halt it before the end of the scope.
#[derive(Debug)]
#[must_use = "the breakpoint is removed when this value is dropped"]
pub struct ScopedBreakpoint<'a> {
    breakpoints: Breakpoints<'a>,
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
        let breakpoint = self.add(address, kind)?;
        Ok(ScopedBreakpoint { breakpoints: self, breakpoint, is_set: true })
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
            BreakpointKind::Context { asid } => self.breakpoints.remove_context(asid),
            _ => self.breakpoints.remove(self.breakpoint.address),
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
