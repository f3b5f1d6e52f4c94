//! Watchpoints: setting, removing, listing.

use super::survey::{self, Survey};
use super::{Breakpoints, WatchedValue, Watchpoint, WatchpointAccess, listing};
use crate::command::Script;
use crate::error::{BreakpointError, Error, InvalidArgument, Refused, Result};
use crate::types::{Evidence, StopPoint};
use crate::wire::number::flag;
use crate::wire::tcl;

const WATCHPOINT: StopPoint = StopPoint::Watchpoint;

/// The longest range that a DWT comparator covers (`DWT_MASK`, ARM DDI 0403, C1.8.15, and
/// `cortex_m_add_watchpoint`).
const CORTEX_M_LONGEST: u32 = 0x8000;

impl Breakpoints<'_> {
    /// Sets a watchpoint: the target stops when it accesses any of the `length` bytes from
    /// `address` (OpenOCD: `wp ADDRESS LENGTH r|w|a`).
    ///
    /// The target must be halted. On a Cortex-M `length` is a power of two up to 32768, and
    /// `address` a multiple of `length`; an ARMv8-M supports only 1, 2 and 4. A RISC-V hart
    /// compares the first address only with OpenOCD 0.12.0, and with newer versions if the hart
    /// lacks better triggers. There `length` is 1, and an access of any width to that address stops
    /// the hart. Other targets have limits of their own, which OpenOCD checks.
    ///
    /// **On a Cortex-M the watchpoint works from the next [`resume`](crate::Target::resume) on**:
    /// OpenOCD writes it to the core then (`src/target/cortex_m.c`), so an earlier
    /// [`step`](crate::Target::step) does not stop at it. A missing comparator is reported at once.
    /// A watchpoint unit that refuses the write of that `resume` is not noticed.
    /// The core stops after the instruction that made the access.
    ///
    /// [`ResetMode::Run`](crate::ResetMode::Run) lets a Cortex-M run without such a `resume`, and
    /// so without the new watchpoint. Use [`ResetMode::Halt`](crate::ResetMode::Halt) and `resume`.
    ///
    /// # Errors
    /// [`BreakpointError::NoComparator`] if all comparators are in use,
    /// [`BreakpointError::Duplicate`] if the address has a watchpoint,
    /// [`BreakpointError::Unsupported`] if the target would watch the first address only,
    /// [`TargetError::NotHalted`](crate::TargetError::NotHalted).
    /// [`BreakpointError::InvalidArgument`] and
    /// [`TargetError::OutOfAddressSpace`](crate::TargetError::OutOfAddressSpace) before anything is
    /// sent.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    /// use openocd::{HaltReason, WatchpointAccess};
    ///
    /// session.target().halt()?;
    /// session.breakpoints().add_watchpoint(0x2000_2000, 4, WatchpointAccess::Write)?;
    /// session.target().resume()?;
    /// let status = session.target().wait_halt(Duration::from_secs(5))?;
    /// assert_eq!(status.halt_reason, Some(HaltReason::Watchpoint));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_watchpoint(&self, address: u64, length: u32, access: WatchpointAccess) -> Result<Watchpoint> {
        self.set_watchpoint(Watchpoint { address, length, access, value: None })
    }

    /// Sets a watchpoint that stops the target only at accesses to a certain value (OpenOCD:
    /// `wp ADDRESS LENGTH r|w|a VALUE MASK`).
    ///
    /// OpenOCD supports this only on ARM7 and ARM9 cores (`src/target/arm7_9_common.c`). Some other
    /// types would stop at any value, so this call refuses all other types.
    ///
    /// # Errors
    /// [`BreakpointError::Unsupported`] on all but ARM7 and ARM9,
    /// [`InvalidArgument`](BreakpointError::InvalidArgument) for a value that does not fit into
    /// `length` bytes or a mask that leaves nothing to compare (nothing is sent), and the errors of
    /// [`add_watchpoint`](Self::add_watchpoint).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::{BreakpointError, Error, WatchedValue, WatchpointAccess};
    ///
    /// session.target().halt()?;
    /// // 0x12 in the lowest byte, anything in the others.
    /// let value = WatchedValue { value: 0x12, mask: 0xffff_ff00 };
    /// let refused = session.breakpoints().add_value_watchpoint(0x2000_2000, 4, WatchpointAccess::Write, value);
    /// assert!(matches!(refused, Err(Error::Breakpoint(BreakpointError::Unsupported { .. })))); // a Cortex-M
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_value_watchpoint(
        &self,
        address: u64,
        length: u32,
        access: WatchpointAccess,
        value: WatchedValue,
    ) -> Result<Watchpoint> {
        let bits = if length >= 8 { u64::MAX } else { (1 << (8 * length)) - 1 };
        if value.value & !bits != 0 {
            return Err(invalid(
                "value to watch for",
                "one that fits into the watched bytes",
                format!("{:#x}", value.value),
            ));
        }
        if !value.mask & bits == 0 {
            let expected = "one that leaves bits to compare: a bit that is 1 is not compared";
            return Err(invalid("mask of the value to watch for", expected, format!("{:#x}", value.mask)));
        }
        self.set_watchpoint(Watchpoint { address, length, access, value: Some(value) })
    }

    fn set_watchpoint(&self, wanted: Watchpoint) -> Result<Watchpoint> {
        let Watchpoint { address, length, access, value } = wanted;
        if length == 0 {
            return Err(invalid("length of a watchpoint", "at least 1", "0"));
        }
        self.target.check_range(address, 1, u64::from(length), false)?;
        let mut words = Script::command("").hex(address).number(length).literal(access.letter());
        if let Some(WatchedValue { value, mask }) = value {
            words = words.hex(value).hex(mask);
        }
        let shown = format!("wp{}", words.as_str());
        let survey = self.survey()?;
        survey.must_have(WATCHPOINT)?;
        if survey.is_cortex_m() {
            check_cortex_m(address, length)?;
        }
        if value.is_some() && !survey.compares_values() {
            let why = "OpenOCD has only ARM7 and ARM9 cores compare values";
            let target = survey.target;
            return Err(BreakpointError::Unsupported { what: StopPoint::ValueWatchpoint, target, why }.into());
        }
        // OpenOCD takes an equal watchpoint twice as one and says nothing.
        if survey.watchpoints.iter().any(|watchpoint| watchpoint.address == address) {
            return Err(BreakpointError::Duplicate { what: WATCHPOINT, address, target: survey.target }.into());
        }
        survey.must_be_examined(&shown)?;
        let unsupported = |why| {
            let target = survey.target.clone();
            Error::from(BreakpointError::Unsupported { what: WATCHPOINT, target, why })
        };
        if length > 1 && survey.watches_first_address() {
            return Err(unsupported("OpenOCD 0.12.0 compares the first address only (a length of 1 works)"));
        }
        let request = self
            .target
            .request(Script::call("add_watchpoint").words(&words))
            .shown(shown)
            .expecting("a list of watchpoints");
        let found = self.target.session().run(&request, |reply| {
            let result =
                reply.success(&request).map_err(|failure| survey.refused_to_add(WATCHPOINT, address, failure))?;
            if result == b"first" {
                return Err(unsupported("its triggers compare single addresses (a length of 1 works)"));
            }
            let listed = tcl::text(result).and_then(listing::watchpoints);
            let listed = listed.ok_or_else(|| reply.unexpected::<BreakpointError>(&request))?;
            Ok::<_, Error>(listed.into_iter().find(|watchpoint| *watchpoint == wanted))
        })??;
        let evidence = Evidence::List;
        found.ok_or_else(|| BreakpointError::NotInEffect { what: WATCHPOINT, address, evidence }.into())
    }

    /// Removes the watchpoint at an address (OpenOCD: `rwp ADDRESS`).
    ///
    /// The target must be halted: OpenOCD 0.12.0 would forget the watchpoint of a running target
    /// while the target keeps it.
    ///
    /// # Errors
    /// [`BreakpointError::NoneAt`] if the address has no watchpoint,
    /// [`BreakpointError::NotRemoved`] if OpenOCD reports success but the target still has it,
    /// [`TargetError::NotHalted`](crate::TargetError::NotHalted).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::WatchpointAccess;
    ///
    /// session.target().halt()?;
    /// let watchpoint = session.breakpoints().add_watchpoint(0x2000_2000, 4, WatchpointAccess::Read)?;
    /// assert_eq!(session.breakpoints().list_watchpoints()?, [watchpoint]);
    /// session.breakpoints().remove_watchpoint(watchpoint.address)?;
    /// assert!(session.breakpoints().list_watchpoints()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove_watchpoint(&self, address: u64) -> Result<()> {
        let survey = self.survey()?;
        if !survey.watchpoints.iter().any(|watchpoint| watchpoint.address == address) {
            return Err(BreakpointError::NoneAt { what: WATCHPOINT, address, target: survey.target }.into());
        }
        self.take_out_watchpoint(&survey, address)
    }

    /// Removes all watchpoints of the target. If one cannot be removed, the others still are.
    ///
    /// The target must be halted.
    ///
    /// # Errors
    /// The errors of [`remove_watchpoint`](Self::remove_watchpoint), for the first that fails.
    pub fn remove_all_watchpoints(&self) -> Result<()> {
        let survey = self.survey()?;
        let removed = survey.watchpoints.iter().map(|watchpoint| self.take_out_watchpoint(&survey, watchpoint.address));
        // Collected first, so that a failure does not skip the rest.
        removed.collect::<Vec<_>>().into_iter().collect()
    }

    fn take_out_watchpoint(&self, survey: &Survey, address: u64) -> Result<()> {
        let command = Script::command("rwp").hex(address);
        survey.must_be_halted(command.as_str())?;
        let evidence = survey::word(survey.evidence_of_comparators());
        let script = Script::call("remove_watchpoint").literal(evidence).hex(address);
        let request = self.target.request(script).shown(command).expecting("a list of watchpoints");
        let refused = |failure: Box<crate::error::Failure>| {
            // ERROR_WATCHPOINT_NOT_FOUND: removed by someone else since the survey.
            if failure.code() == -1601 {
                return BreakpointError::NoneAt { what: WATCHPOINT, address, target: survey.target.clone() };
            }
            Refused::new(format!("remove the watchpoint at {address:#010x}"), failure).into()
        };
        let (gone, listed) = self.target.session().ask_or(&request, refused, |reply| {
            let [gone, listed] = tcl::strings(reply)?;
            Some((flag(&gone)?, listing::watchpoints(&listed)?))
        })?;
        let evidence = if listed.iter().any(|watchpoint| watchpoint.address == address) {
            Evidence::List
        } else if !gone {
            Evidence::Comparator
        } else {
            return Ok(());
        };
        Err(BreakpointError::NotRemoved { what: WATCHPOINT, address, evidence }.into())
    }

    /// Lists the watchpoints that OpenOCD keeps for the target, in OpenOCD's order (OpenOCD: `wp`).
    /// The target may be running.
    ///
    /// This call does not check the target: on a Cortex-M a new watchpoint works from the next
    /// `resume` on, and a loss of power ends a watchpoint that OpenOCD still lists.
    ///
    /// # Errors
    /// [`BreakpointError::UnexpectedReply`] if OpenOCD's list cannot be parsed.
    pub fn list_watchpoints(&self) -> Result<Vec<Watchpoint>> {
        let request = self.target.request("wp").to("list the watchpoints").expecting("a list of watchpoints");
        let read = |reply: &[u8]| listing::watchpoints(tcl::text(reply)?);
        self.target.session().ask::<BreakpointError, _>(&request, read)
    }
}

/// Refuses what OpenOCD would refuse with the number of "no comparator".
fn check_cortex_m(address: u64, length: u32) -> Result<()> {
    if !length.is_power_of_two() || length > CORTEX_M_LONGEST {
        return Err(invalid("length of a watchpoint", "a power of two up to 32768 on a Cortex-M", length));
    }
    if address % u64::from(length) != 0 {
        let expected = "a multiple of the watchpoint's length on a Cortex-M";
        return Err(invalid("address of a watchpoint", expected, format!("{address:#010x} with length {length}")));
    }
    Ok(())
}

fn invalid(argument: &'static str, expected: &'static str, given: impl ToString) -> Error {
    BreakpointError::from(InvalidArgument::new(argument, expected, given)).into()
}
