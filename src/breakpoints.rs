//! Breakpoints and watchpoints.

mod checks;
mod listing;
mod point;
mod remove;
mod scoped;
mod survey;
mod watchpoints;

pub use point::{Breakpoint, BreakpointKind, WatchedValue, Watchpoint, WatchpointAccess};
pub use scoped::{ScopedBreakpoint, ScopedWatchpoint};

use crate::command::Script;
use crate::error::{BreakpointError, Result};
use crate::target::Target;
use crate::types::{Evidence, StopPoint};
use crate::wire::number::flag;
use crate::wire::tcl;
use checks::{check_place, check_target, refuse_taken};
use survey::Survey;

/// A view of a target's breakpoints and watchpoints, from
/// [`Session::breakpoints`](crate::Session::breakpoints) or [`Target::breakpoints`].
///
/// OpenOCD keeps the breakpoints of each target, at most one per address. They outlive the session.
/// A debugger on OpenOCD's GDB port sets breakpoints of its own. A software breakpoint in memory
/// that several targets share stops each of them, and is in the list of each. With OpenOCD 0.12.0 a
/// RISC-V hart stops there once OpenOCD has halted and resumed it; before that the `ebreak` is an
/// exception of its program.
///
/// OpenOCD may list a breakpoint that the target lacks, or forget one that the target still has. So
/// these calls check the target: the memory for software breakpoints, the breakpoint and watchpoint
/// units of a Cortex-M for the others.
///
/// Sources: OpenOCD's `bp`, `rbp`, `wp` and `rwp` (`src/target/target.c`,
/// `src/target/breakpoints.c`).
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// use std::time::Duration;
/// use openocd::{BreakpointKind, HaltReason};
///
/// session.target().halt()?;
/// session.breakpoints().add(0x0800_004e, BreakpointKind::Hardware)?;
/// session.target().resume()?;
/// let status = session.target().wait_halt(Duration::from_secs(5))?;
/// assert_eq!((status.pc, status.halt_reason), (Some(0x0800_004e), Some(HaltReason::Breakpoint)));
/// session.breakpoints().remove(0x0800_004e)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Breakpoints<'a> {
    target: Target<'a>,
}

impl crate::session::Session {
    /// Returns a view of the current target's breakpoints and watchpoints; short for
    /// `session.target().breakpoints()`.
    pub fn breakpoints(&self) -> Breakpoints<'_> {
        self.target().breakpoints()
    }
}

impl<'a> Target<'a> {
    /// Returns a view of the target's breakpoints and watchpoints.
    pub fn breakpoints(self) -> Breakpoints<'a> {
        Breakpoints::of(self)
    }
}

impl<'a> Breakpoints<'a> {
    fn of(target: Target<'a>) -> Self {
        Breakpoints { target }
    }

    /// Sets a breakpoint, and returns it as OpenOCD lists it (OpenOCD: `bp ADDRESS LENGTH [hw]`).
    ///
    /// The length follows from the target: 2 bytes on a Cortex-M; on RISC-V the length of the
    /// instruction for a software breakpoint, and 2 bytes for a hardware breakpoint; 4 bytes
    /// elsewhere. [`add_with_length`](Self::add_with_length) sets another length. Bit 0 of an
    /// address marks Thumb code on a Cortex-M and is ignored.
    ///
    /// For a software breakpoint the target must be halted, and the memory writable. A hardware
    /// breakpoint can be set on a running Cortex-M; other targets must be halted. The breakpoint
    /// unit of most Cortex-M3 and M4 covers only addresses below 0x20000000: OpenOCD refuses
    /// others.
    ///
    /// # Errors
    /// [`BreakpointError::NoComparator`] if all comparators are in use,
    /// [`BreakpointError::NotInEffect`] for a software breakpoint in flash,
    /// [`BreakpointError::Duplicate`] if the address has a breakpoint of any kind.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::{BreakpointError, BreakpointKind, Error};
    ///
    /// session.target().halt()?;
    /// let breakpoint = session.breakpoints().add(0x0800_0044, BreakpointKind::Hardware)?;
    /// assert_eq!((breakpoint.length, breakpoint.comparator), (2, Some(0)));
    ///
    /// // Flash does not take the breakpoint instruction, which OpenOCD does not notice.
    /// let refused = session.breakpoints().add(0x0800_004e, BreakpointKind::Software);
    /// assert!(matches!(refused, Err(Error::Breakpoint(BreakpointError::NotInEffect { .. }))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add(&self, address: u64, kind: BreakpointKind) -> Result<Breakpoint> {
        self.set(address, None, kind)
    }

    /// Sets a breakpoint of `length` bytes (OpenOCD: `bp ADDRESS LENGTH [hw]`,
    /// `bp ASID LENGTH hw_ctx`, `bp ADDRESS ASID LENGTH`).
    ///
    /// A Cortex-M accepts 2 and 3, which have the same effect; GDB uses 3 for a 32-bit Thumb
    /// instruction. RISC-V accepts 2 and 4. An Arm Cortex-A accepts 2 for Thumb code and 4 for Arm
    /// code.
    ///
    /// # Errors
    /// The same as [`add`](Self::add).
    pub fn add_with_length(&self, address: u64, length: u32, kind: BreakpointKind) -> Result<Breakpoint> {
        self.set(address, Some(length), kind)
    }

    fn set(&self, address: u64, length: Option<u32>, kind: BreakpointKind) -> Result<Breakpoint> {
        check_place(address, length, kind)?;
        self.target.check_range(address, 1, u64::from(length.unwrap_or(1)), false)?;
        let survey = self.survey()?;
        let what = kind.stop_point();
        survey.must_have(what)?;
        check_target(&survey, length, kind)?;
        let address = survey.code_address(address);
        // OpenOCD 0.12.0 looks for the triggers of a RISC-V hart once. If it fails because the hart
        // runs, OpenOCD believes in none from then on (riscv_enumerate_triggers).
        if kind == BreakpointKind::Software || !survey.is_cortex_m() {
            survey.must_be_halted(&format!("bp {address:#x}"))?;
        }
        let length = match length {
            // The listing has 2 for both.
            Some(3) if survey.is_cortex_m() => 2,
            Some(length) => length,
            None => self.fitting_length(&survey, address, kind)?,
        };
        refuse_taken(&survey, address, length, kind)?;

        let words = Script::command("");
        let (words, place) = match kind {
            BreakpointKind::Software => (words.hex(address).number(length), address),
            BreakpointKind::Hardware => (words.hex(address).number(length).literal("hw"), address),
            BreakpointKind::Context { asid } => (words.hex(asid).number(length).literal("hw_ctx"), asid.into()),
            BreakpointKind::Hybrid { asid } => (words.hex(address).hex(asid).number(length), address),
        };
        let shown = format!("bp{}", words.as_str());
        survey.must_be_examined(&shown)?;
        let evidence = survey.evidence_of(kind);
        let script =
            Script::call("add_breakpoint").literal(survey::word(evidence)).hex(place).number(length).words(&words);
        let request = self.target.request(script).shown(shown).expecting("a list of breakpoints");
        let (is_there, listed) = self.target.session().run(&request, |reply| {
            let result = reply.success(&request).map_err(|failure| survey.refused_to_add(what, place, failure))?;
            if result.starts_with(b"taken ") {
                let target = survey.target.clone();
                return Err(BreakpointError::Duplicate { what: StopPoint::Breakpoint, address, target }.into());
            }
            read_after(result).ok_or_else(|| reply.unexpected::<BreakpointError>(&request))
        })??;
        let found = listed
            .into_iter()
            .find(|listed| (listed.address, listed.length) == (address, length) && listed.kind == kind);
        match found {
            Some(breakpoint) if is_there => {
                Ok(Breakpoint { in_effect: evidence.map(|_| true), ..survey.without_garbage(breakpoint) })
            }
            _ => {
                // Only a missing entry in the list is left if nothing else tells.
                let evidence = evidence.filter(|_| !is_there).unwrap_or(Evidence::List);
                Err(BreakpointError::NotInEffect { what, address: place, evidence }.into())
            }
        }
    }

    /// The length that suits the target and, on RISC-V, the instruction.
    fn fitting_length(&self, survey: &Survey, address: u64, kind: BreakpointKind) -> Result<u32> {
        if survey.is_cortex_m() {
            return Ok(2);
        }
        if !survey.is_riscv {
            return Ok(4);
        }
        if kind != BreakpointKind::Software {
            return Ok(2);
        }
        // An instruction of 32 bits has ones in its lowest two (RISC-V Unprivileged ISA, 1.5).
        let first_half = self.target.memory().read_u16(address)?;
        Ok(if first_half & 3 == 3 { 4 } else { 2 })
    }

    /// Lists the breakpoints that OpenOCD keeps for the target, in OpenOCD's order (OpenOCD: `bp`).
    /// The target may run.
    ///
    /// [`Breakpoint::in_effect`] says whether the target has each of them. OpenOCD also lists a
    /// breakpoint that a loss of power or a program written over it has ended.
    ///
    /// Software breakpoints that another target set in shared memory come last. While the target
    /// runs they are listed only on a Cortex-M.
    ///
    /// # Errors
    /// [`BreakpointError::UnexpectedReply`] if OpenOCD's list cannot be parsed.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// for breakpoint in session.breakpoints().list()? {
    ///     println!("{breakpoint}"); // hardware breakpoint at 0x08000044
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> Result<Vec<Breakpoint>> {
        Ok(self.checked_survey()?.all().map(|(_, breakpoint)| *breakpoint).collect())
    }

    /// Lists the breakpoints that OpenOCD keeps for the target itself.
    pub(crate) fn list_own(&self) -> Result<Vec<Breakpoint>> {
        Ok(self.survey()?.breakpoints)
    }

    /// The target that has the breakpoint in its list.
    pub(crate) fn owner_of(&self, address: u64) -> Result<Option<String>> {
        let survey = self.survey()?;
        let found = survey.all().find(|(_, breakpoint)| breakpoint.address == address);
        Ok(found.map(|(owner, _)| owner.to_owned()))
    }
}

/// Whether the target has what OpenOCD lists, and the breakpoints of all targets.
fn read_after(answer: &[u8]) -> Option<(bool, Vec<Breakpoint>)> {
    let [agrees, own, others] = tcl::strings(answer)?;
    let mut listed = listing::breakpoints(&own)?;
    listed.extend(listing::of_targets(&others)?.into_iter().map(|(_, breakpoint)| breakpoint));
    Some((flag(&agrees)?, listed))
}
