//! Removing breakpoints, and whether that happened.

use super::survey::{self, Survey};
use super::{Breakpoint, BreakpointKind, Breakpoints, listing, read_after};
use crate::command::Script;
use crate::error::{BreakpointError, Error, Failure, Refused, Result};
use crate::types::{Evidence, StopPoint, TargetState};
use crate::wire::tcl;

impl Breakpoints<'_> {
    /// Removes the breakpoint of any kind at an address (OpenOCD: `rbp ADDRESS`).
    ///
    /// A Cortex-M may be running. Other targets must be halted: OpenOCD 0.12.0 would forget the
    /// breakpoint of a running target that still has it. A software breakpoint in memory that
    /// several targets share is removed for all of them. A program that was written over a software
    /// breakpoint meanwhile stays as it is (Cortex-M and RISC-V). Bit 0 of an address marks Thumb
    /// code on a Cortex-M and is ignored.
    ///
    /// # Errors
    /// [`BreakpointError::NoneAt`] if the target has none there, [`BreakpointError::NotRemoved`] if
    /// OpenOCD reports success but the target still has it,
    /// [`TargetError::NotHalted`](crate::TargetError::NotHalted).
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
        let survey = self.survey()?;
        let address = survey.code_address(address);
        self.find_and_take_out(&survey, StopPoint::Breakpoint, address, |breakpoint| {
            breakpoint.address == address && !matches!(breakpoint.kind, BreakpointKind::Context { .. })
        })
    }

    /// Removes the context breakpoint for an address space identifier (OpenOCD: `rbp ASID`).
    ///
    /// # Errors
    /// The same as [`remove`](Self::remove).
    pub fn remove_context(&self, asid: u32) -> Result<()> {
        let is_wanted = |breakpoint: &Breakpoint| breakpoint.kind == BreakpointKind::Context { asid };
        self.find_and_take_out(&self.survey()?, StopPoint::Context, asid.into(), is_wanted)
    }

    fn find_and_take_out(
        &self,
        survey: &Survey,
        what: StopPoint,
        place: u64,
        is_wanted: impl Fn(&Breakpoint) -> bool,
    ) -> Result<()> {
        let found = survey.all().find(|(_, breakpoint)| is_wanted(breakpoint));
        match found {
            Some((owner, breakpoint)) => self.take_out(survey, owner, breakpoint),
            None => Err(BreakpointError::NoneAt { what, address: place, target: survey.target.clone() }.into()),
        }
    }

    /// Removes all breakpoints that [`list`](Self::list) returns. If one cannot be removed, the
    /// others still are.
    ///
    /// # Errors
    /// The errors of [`remove`](Self::remove), for the first that fails.
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
        let removed = survey.all().map(|(owner, breakpoint)| self.take_out(&survey, owner, breakpoint));
        // Collected first: all are to be tried.
        removed.collect::<Vec<_>>().into_iter().collect()
    }

    fn take_out(&self, survey: &Survey, owner: &str, breakpoint: &Breakpoint) -> Result<()> {
        let what = breakpoint.kind.stop_point();
        let place = match breakpoint.kind {
            BreakpointKind::Context { asid } => asid.into(),
            _ => breakpoint.address,
        };
        let command = Script::command("rbp").hex(place);
        if survey.state != TargetState::Halted && !survey.is_cortex_m() {
            return Err(survey.not_halted(command.into_string(), None));
        }
        let evidence = survey.evidence_of(breakpoint.kind);
        let script = Script::call("remove_breakpoint").literal(survey::word(evidence)).word(owner).hex(place);
        let script = script.number(breakpoint.length).number(breakpoint.comparator.unwrap_or(0));
        let request = self.target.request(script).shown(command).expecting("a list of breakpoints");
        let refused = |failure: Box<Failure>| {
            // ERROR_BREAKPOINT_NOT_FOUND: removed by someone else since the survey.
            if failure.code() == -1600 {
                return BreakpointError::NoneAt { what, address: place, target: survey.target.clone() };
            }
            Refused::new(format!("remove the {what} at {place:#010x}"), failure).into()
        };
        let (gone, listed, before) = self.target.session().ask_or(&request, refused, read_after_and_before)?;
        let is_it = |listed: &&Breakpoint| (listed.address, listed.kind) == (breakpoint.address, breakpoint.kind);
        let count = |list: &[Breakpoint]| list.iter().filter(is_it).count();
        let evidence = if count(&listed) >= count(&before) {
            Evidence::List
        } else if gone {
            return Ok(());
        } else {
            evidence.unwrap_or(Evidence::Comparator)
        };
        Err(Error::from(BreakpointError::NotRemoved { what, address: place, evidence }))
    }
}

/// Whether the target has it no more, and the breakpoints of all targets, after and right before.
fn read_after_and_before(answer: &[u8]) -> Option<(bool, Vec<Breakpoint>, Vec<Breakpoint>)> {
    let (gone, listed) = read_after(answer)?;
    let [_, _, _, own, others] = tcl::strings(answer)?;
    let mut before = listing::breakpoints(&own)?;
    before.extend(listing::of_targets(&others)?.into_iter().map(|(_, breakpoint)| breakpoint));
    Some((gone, listed, before))
}
