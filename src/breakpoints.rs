//! Breakpoints and watchpoints.

mod listing;
mod point;
mod scoped;
mod survey;
mod watchpoints;

pub use point::{Breakpoint, BreakpointKind, WatchedValue, Watchpoint, WatchpointAccess};
pub use scoped::{ScopedBreakpoint, ScopedWatchpoint};

use crate::error::{BreakpointError, Error, InvalidArgument, Refused, Result};
use crate::target::Target;
use crate::types::TargetState;
use crate::wire::tcl;
use survey::{Evidence, Survey};

/// A view of a target's breakpoints and watchpoints, from [`Session::breakpoints`](crate::Session::breakpoints) or [`Target::breakpoints`].
///
/// OpenOCD keeps them, for each target its own, one at an address. They outlive the session, and a debugger on OpenOCD's GDB port sets its own beside
/// them. Where OpenOCD lists a breakpoint that the target does not have, or forgets one that the target still has, the calls here look at the target and
/// say so: in the memory for software breakpoints, in the breakpoint and watchpoint units of a Cortex-M for the others.
///
/// Sources: OpenOCD's `bp`, `rbp`, `wp` and `rwp` (`src/target/target.c`, `src/target/breakpoints.c`).
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// use std::time::Duration;
/// use openocd::{BreakpointKind, HaltReason};
///
/// session.target().halt()?;
/// session.breakpoints().add(0x0800_004e, BreakpointKind::Hardware)?;
/// session.target().resume(None)?;
/// let status = session.target().wait_halt(Duration::from_secs(5))?;
/// assert_eq!((status.pc, status.halt_reason), (Some(0x0800_004e), Some(HaltReason::Breakpoint)));
/// session.breakpoints().remove(0x0800_004e)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Breakpoints<'a> {
    target: Target<'a>,
}

impl crate::Session {
    /// The current target's breakpoints and watchpoints; short for `session.target().breakpoints()`.
    pub fn breakpoints(&self) -> Breakpoints<'_> {
        self.target().breakpoints()
    }
}

impl<'a> Target<'a> {
    /// The target's breakpoints and watchpoints.
    pub fn breakpoints(self) -> Breakpoints<'a> {
        Breakpoints::of(self)
    }
}

impl<'a> Breakpoints<'a> {
    pub(crate) fn of(target: Target<'a>) -> Self {
        Breakpoints { target }
    }

    /// Sets a breakpoint, and returns it as OpenOCD lists it (OpenOCD: `bp ADDRESS LENGTH [hw]`).
    ///
    /// The length is the one that suits the target: 2 bytes on a Cortex-M; on RISC-V that of the instruction at the address for
    /// a software breakpoint, and 2 for a hardware one; 4 elsewhere. [`add_with_length`](Self::add_with_length) takes another.
    ///
    /// For a software breakpoint the target must be halted, and the memory writable. A hardware breakpoint can be set on a running Cortex-M;
    /// other targets must be halted. The breakpoint unit of most Cortex-M3 and M4 covers addresses below 0x20000000 only: OpenOCD refuses others.
    ///
    /// # Errors
    /// [`BreakpointError::Duplicate`] if there is a breakpoint of any kind at the address, [`Overlap`](BreakpointError::Overlap),
    /// [`NoComparator`](BreakpointError::NoComparator), [`NotInEffect`](BreakpointError::NotInEffect) for a software breakpoint in flash, [`Unsupported`](BreakpointError::Unsupported),
    /// [`InvalidArgument`](BreakpointError::InvalidArgument) and [`TargetError::OutOfAddressSpace`](crate::TargetError::OutOfAddressSpace) (nothing is sent), [`TargetError::NotHalted`](crate::TargetError::NotHalted),
    /// [`Refused`](BreakpointError::Refused), and those of [`Session::command`](crate::Session::command).
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
    /// // Flash does not take the breakpoint instruction, of which OpenOCD says nothing.
    /// let refused = session.breakpoints().add(0x0800_004e, BreakpointKind::Software);
    /// assert!(matches!(refused, Err(Error::Breakpoint(BreakpointError::NotInEffect { .. }))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add(&self, address: u64, kind: BreakpointKind) -> Result<Breakpoint> {
        self.set(address, None, kind)
    }

    /// Sets a breakpoint of `length` bytes (OpenOCD: `bp ADDRESS LENGTH [hw]`, `bp ASID LENGTH hw_ctx`, `bp ADDRESS ASID LENGTH`).
    ///
    /// A Cortex-M takes 2, and 3, which GDB uses for a 32-bit Thumb instruction and which is the same; RISC-V takes 2 and 4, an
    /// ARM Cortex-A 2 for Thumb and 4 for ARM code.
    ///
    /// # Errors
    /// Those of [`add`](Self::add).
    pub fn add_with_length(&self, address: u64, length: u32, kind: BreakpointKind) -> Result<Breakpoint> {
        self.set(address, Some(length), kind)
    }

    fn set(&self, address: u64, length: Option<u32>, kind: BreakpointKind) -> Result<Breakpoint> {
        check_place(address, length, kind)?;
        self.target.check_range(address, 1, length.unwrap_or(1) as usize, false)?;
        let survey = self.survey()?;
        survey.must_have(kind.noun())?;
        check_target(&survey, address, length, kind)?;
        if kind == BreakpointKind::Software {
            survey.must_be_halted(&format!("bp {address:#x}"))?;
        }
        let length = match length {
            // The listing has 2 for both.
            Some(3) if survey.is_cortex_m() => 2,
            Some(length) => length,
            None => self.fitting_length(&survey, address, kind)?,
        };
        refuse_taken(&survey, address, length, kind)?;

        let (command, place) = match kind {
            BreakpointKind::Software => (format!("bp {address:#x} {length}"), address),
            BreakpointKind::Hardware => (format!("bp {address:#x} {length} hw"), address),
            BreakpointKind::Context { asid } => (format!("bp {asid:#x} {length} hw_ctx"), u64::from(asid)),
            BreakpointKind::Hybrid { asid } => (format!("bp {address:#x} {asid:#x} {length}"), address),
        };
        survey.must_be_examined(&command)?;
        let evidence = survey.evidence_of(kind);
        let arguments = command.trim_start_matches("bp ");
        let word = evidence.word();
        let script = format!("_openocd_rs_1_add_breakpoint {word} {place:#x} {length} {arguments}");
        let request = self.target.request(script).shown(command.as_str());
        let what = kind.noun();
        let (is_there, listed) = self
            .ask_or(&request, "a list of breakpoints", after, |failure| survey.refused_to_add(what, place, failure))?;
        let found = listed
            .into_iter()
            .find(|listed| (listed.address, listed.length) == (address, length) && listed.kind == kind);
        match found {
            Some(breakpoint) if is_there => Ok(breakpoint),
            _ => {
                Err(BreakpointError::NotInEffect { what, address: place, evidence: missing(evidence, is_there) }.into())
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

    /// Removes the breakpoint at an address, of whatever kind (OpenOCD: `rbp ADDRESS`).
    ///
    /// A Cortex-M may run. Other targets must be halted: OpenOCD 0.12.0 would forget the breakpoint of a running one while the target keeps it.
    ///
    /// # Errors
    /// [`BreakpointError::NoneAt`], [`TargetError::NotHalted`](crate::TargetError::NotHalted), [`NotRemoved`](BreakpointError::NotRemoved) if OpenOCD reports success but the target still
    /// has it, [`Refused`](BreakpointError::Refused), and those of [`Session::command`](crate::Session::command).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::{BreakpointError, Error};
    ///
    /// let refused = session.breakpoints().remove(0x0800_0044).unwrap_err();
    /// assert!(matches!(refused, Error::Breakpoint(BreakpointError::NoneAt { address: 0x0800_0044, .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove(&self, address: u64) -> Result<()> {
        let is_wanted = |breakpoint: &Breakpoint| {
            breakpoint.address == address && !matches!(breakpoint.kind, BreakpointKind::Context { .. })
        };
        self.find_and_take_out("breakpoint", address, is_wanted)
    }

    /// Removes the context breakpoint for an address space identifier (OpenOCD: `rbp ASID`).
    ///
    /// # Errors
    /// Those of [`remove`](Self::remove).
    pub fn remove_context(&self, asid: u32) -> Result<()> {
        let is_wanted = |breakpoint: &Breakpoint| breakpoint.kind == BreakpointKind::Context { asid };
        self.find_and_take_out("context breakpoint", asid.into(), is_wanted)
    }

    fn find_and_take_out(&self, what: &'static str, place: u64, is_wanted: impl Fn(&Breakpoint) -> bool) -> Result<()> {
        let survey = self.survey()?;
        let mut candidates = survey.breakpoints.iter().chain(&survey.others);
        match candidates.find(|breakpoint| is_wanted(breakpoint)) {
            Some(breakpoint) => self.take_out(&survey, breakpoint),
            None => Err(BreakpointError::NoneAt { what, address: place, target: survey.target }.into()),
        }
    }

    /// Removes all breakpoints of the target, one by one.
    ///
    /// One that cannot be removed does not keep the others.
    ///
    /// # Errors
    /// Those of [`remove`](Self::remove), for the first that fails.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.breakpoints().add(0x0800_0044, openocd::BreakpointKind::Hardware)?;
    /// session.breakpoints().remove_all()?;
    /// assert!(session.breakpoints().list()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove_all(&self) -> Result<()> {
        let survey = self.survey()?;
        let removed = survey.breakpoints.iter().map(|breakpoint| self.take_out(&survey, breakpoint));
        // Collected first: all are to be tried.
        removed.collect::<Vec<_>>().into_iter().collect()
    }

    fn take_out(&self, survey: &Survey, breakpoint: &Breakpoint) -> Result<()> {
        let what = breakpoint.kind.noun();
        let place = match breakpoint.kind {
            BreakpointKind::Context { asid } => asid.into(),
            _ => breakpoint.address,
        };
        let none = || BreakpointError::NoneAt { what, address: place, target: survey.target.clone() };
        let command = format!("rbp {place:#x}");
        if survey.state != TargetState::Halted && !survey.is_cortex_m() {
            return Err(survey.not_halted(command, None));
        }
        let evidence = survey.evidence_of(breakpoint.kind);
        let (word, length, number) = (evidence.word(), breakpoint.length, breakpoint.comparator.unwrap_or(0));
        let script = format!("_openocd_rs_1_remove_breakpoint {word} {place:#x} {length} {number}");
        let request = self.target.request(script).shown(command);
        let (gone, listed, listed_before) =
            self.ask_or(&request, "a list of breakpoints", after_and_before, |failure| {
                // ERROR_BREAKPOINT_NOT_FOUND: that of another target, or removed by someone else since the survey.
                if failure.code() == -1600 {
                    return none().into();
                }
                let doing = format!("remove the {what} at {place:#010x}");
                Error::refused(failure, |failure| {
                    BreakpointError::Refused(Refused { operation: doing, failure }).into()
                })
            })?;
        let count = |list: &mut dyn Iterator<Item = &Breakpoint>| list.filter(|listed| *listed == breakpoint).count();
        let before = count(&mut listed_before.iter());
        if count(&mut listed.iter()) >= before {
            // On 0.12.0 removing what is not there succeeds. It may be that of another target, which is no failure to remove.
            if !survey.breakpoints.contains(breakpoint) {
                return Err(none().into());
            }
            return Err(BreakpointError::NotRemoved { what, address: place, evidence: "still lists it" }.into());
        }
        if gone {
            return Ok(());
        }
        let evidence = match evidence {
            Evidence::Memory => "the memory still holds the breakpoint instruction",
            _ => "the breakpoint unit of the core still has its comparator enabled",
        };
        Err(BreakpointError::NotRemoved { what, address: place, evidence }.into())
    }

    /// The breakpoints of the target, in OpenOCD's order (OpenOCD: `bp`). The target may run.
    ///
    /// On OpenOCD 0.12.0 the software breakpoints of an SMP group are those of the group's first target.
    ///
    /// # Errors
    /// [`BreakpointError::UnexpectedReply`] if OpenOCD's listing can't be understood, and those of [`Session::command`](crate::Session::command).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// for breakpoint in session.breakpoints().list()? {
    ///     println!("{} at {:#010x}", breakpoint.kind, breakpoint.address);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> Result<Vec<Breakpoint>> {
        let request = self.target.request("bp");
        self.ask(&request, "list the breakpoints", "a list of breakpoints", |answer| {
            crate::breakpoints::listing::breakpoints(std::str::from_utf8(answer).ok()?)
        })
    }
}

/// Whether the target agrees, and the breakpoints of all targets.
fn after(answer: &[u8]) -> Option<(bool, Vec<Breakpoint>)> {
    let [agrees, own, others] = tcl::strings(answer)?;
    let mut listed = crate::breakpoints::listing::breakpoints(&own)?;
    listed.extend(crate::breakpoints::listing::breakpoints(&others)?);
    Some((agrees == "1", listed))
}

/// Whether the target agrees, and the breakpoints of all targets, after and right before.
fn after_and_before(answer: &[u8]) -> Option<(bool, Vec<Breakpoint>, Vec<Breakpoint>)> {
    let (agrees, listed) = after(answer)?;
    let [_, _, _, own, others] = tcl::strings(answer)?;
    let mut before = crate::breakpoints::listing::breakpoints(&own)?;
    before.extend(crate::breakpoints::listing::breakpoints(&others)?);
    Some((agrees, listed, before))
}

/// What no target can have.
fn check_place(address: u64, length: Option<u32>, kind: BreakpointKind) -> Result<()> {
    if length == Some(0) {
        return Err(invalid("the length of a breakpoint", "0".to_owned(), "at least 1"));
    }
    match kind {
        BreakpointKind::Context { asid: 0 } | BreakpointKind::Hybrid { asid: 0 } => {
            Err(invalid("the address space identifier", "0".to_owned(), "at least 1: OpenOCD takes 0 for none"))
        }
        BreakpointKind::Context { .. } if address != 0 => {
            Err(invalid("the address", format!("{address:#010x}"), "0 for a context breakpoint, which has none"))
        }
        BreakpointKind::Hybrid { .. } if address == 0 => {
            Err(invalid("the address", "0".to_owned(), "another for a hybrid breakpoint: OpenOCD takes 0 for none"))
        }
        _ => Ok(()),
    }
}

/// What the target cannot have. Of a Cortex-M OpenOCD refuses some of it with the number of "no comparator", and takes an odd address, where the core
/// then stops but never gets away from.
fn check_target(survey: &Survey, address: u64, length: Option<u32>, kind: BreakpointKind) -> Result<()> {
    if matches!(kind, BreakpointKind::Context { .. } | BreakpointKind::Hybrid { .. }) {
        survey.must_have_contexts(kind.noun())?;
    }
    if !survey.is_cortex_m() {
        return Ok(());
    }
    if let Some(length) = length.filter(|length| !matches!(length, 2 | 3)) {
        return Err(invalid("the length of a breakpoint", length.to_string(), "2 or 3 on a Cortex-M"));
    }
    if address % 2 != 0 {
        let expected = "even on a Cortex-M: bit 0 of a function's address only marks Thumb code";
        return Err(invalid("the address of a breakpoint", format!("{address:#010x}"), expected));
    }
    Ok(())
}

/// OpenOCD takes one breakpoint for an address. 0.12.0 would also set a software breakpoint across another, and restore the wrong instruction later.
fn refuse_taken(survey: &Survey, address: u64, length: u32, kind: BreakpointKind) -> Result<()> {
    let target = || survey.target.clone();
    if let BreakpointKind::Context { asid } = kind {
        if survey.breakpoints.iter().any(|listed| listed.kind == kind) {
            let (what, address) = (kind.noun(), asid.into());
            return Err(BreakpointError::Duplicate { what, address, target: target() }.into());
        }
        return Ok(());
    }
    let placed = || survey.breakpoints.iter().filter(|listed| !matches!(listed.kind, BreakpointKind::Context { .. }));
    // Several hybrid breakpoints for different contexts may be at one address.
    let may_share = |listed: &Breakpoint| matches!((listed.kind, kind), (BreakpointKind::Hybrid { asid: a }, BreakpointKind::Hybrid { asid: b }) if a != b);
    if placed().any(|listed| listed.address == address && !may_share(listed)) {
        return Err(BreakpointError::Duplicate { what: "breakpoint", address, target: target() }.into());
    }
    let overlaps = |listed: &&Breakpoint| {
        let (own_last, other_last) = (last(address, length), last(listed.address, listed.length));
        kind == BreakpointKind::Software && address <= other_last && listed.address <= own_last
    };
    if let Some(other) = placed().find(overlaps) {
        let (other_address, other_length) = (other.address, other.length);
        return Err(BreakpointError::Overlap { address, length, other_address, other_length }.into());
    }
    Ok(())
}

fn last(address: u64, length: u32) -> u64 {
    address.saturating_add(u64::from(length.max(1)) - 1)
}

/// What speaks against a breakpoint that OpenOCD has set.
fn missing(evidence: Evidence, is_there: bool) -> &'static str {
    match evidence {
        _ if is_there => "does not list it",
        Evidence::Memory => {
            "the memory there does not hold the breakpoint instruction, as flash and ROM do not; use a hardware breakpoint"
        }
        _ => "the breakpoint unit of the core does not have its comparator enabled",
    }
}

fn invalid(argument: &'static str, given: String, expected: &'static str) -> Error {
    BreakpointError::InvalidArgument(InvalidArgument { argument, given, expected }).into()
}
