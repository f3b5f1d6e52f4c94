//! What has to be known before a breakpoint or a watchpoint is set, removed or listed.

use super::{Breakpoint, BreakpointKind, Breakpoints, Watchpoint, listing};
use crate::command::Script;
use crate::error::{BreakpointError, Error, Failure, Refused, Result, TargetError};
use crate::target::kind::CoreKind;
use crate::types::{Evidence, StopPoint, TargetState};
use crate::wire::number::flag;
use crate::wire::tcl;

/// The target and what is set on it.
pub(super) struct Survey {
    pub(super) target: String,
    kind: String,
    pub(super) is_riscv: bool,
    /// OpenOCD knows the numbers of the target's comparators: 0.12.0 never sets those of a RISC-V
    /// hart.
    numbers_comparators: bool,
    examined: bool,
    pub(super) state: TargetState,
    /// The target's own breakpoints.
    pub(super) breakpoints: Vec<Breakpoint>,
    /// The software breakpoints of other targets in memory that this target shares, with the target
    /// that OpenOCD lists each for.
    pub(super) shared: Vec<(String, Breakpoint)>,
    pub(super) watchpoints: Vec<Watchpoint>,
}

/// The word for the procedures of `breakpoints.tcl`; `None` if nothing tells.
pub(super) fn word(evidence: Option<Evidence>) -> &'static str {
    match evidence {
        Some(Evidence::Memory) => "memory",
        Some(Evidence::Comparator) => "comparator",
        _ => "none",
    }
}

impl Survey {
    /// The breakpoints that stop the target: its own and those in shared memory, each once.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Breakpoint)> {
        let own = self.breakpoints.iter().map(|breakpoint| (self.target.as_str(), breakpoint));
        // An SMP group has them in the list of each of its targets on newer OpenOCD.
        let is_own = |shared: &Breakpoint| self.breakpoints.iter().any(|own| own.address == shared.address);
        let shared = self.shared.iter().filter(move |(_, breakpoint)| !is_own(breakpoint));
        own.chain(shared.map(|(owner, breakpoint)| (owner.as_str(), breakpoint)))
    }

    /// The breakpoint without a comparator's number that OpenOCD does not know.
    pub(super) fn without_garbage(&self, breakpoint: Breakpoint) -> Breakpoint {
        let comparator = breakpoint.comparator.filter(|_| self.numbers_comparators);
        Breakpoint { comparator, ..breakpoint }
    }

    /// An address of code: on a Cortex-M bit 0 only marks Thumb code. OpenOCD would take it, and
    /// the core never leaves such a breakpoint.
    pub(super) fn code_address(&self, address: u64) -> u64 {
        if self.is_cortex_m() { address & !1 } else { address }
    }

    pub(super) fn is_cortex_m(&self) -> bool {
        CoreKind::of(&self.kind) == CoreKind::CortexM
    }

    /// Whether OpenOCD has the target's watchpoints compare values: only
    /// `src/target/arm7_9_common.c` does. Others refuse, or (RISC-V on 0.12.0, MIPS) take the value
    /// and ignore it.
    pub(super) fn compares_values(&self) -> bool {
        let arm7_9 = [
            "arm7tdmi",
            "arm720t",
            "arm9tdmi",
            "arm920t",
            "arm926ejs",
            "arm946e",
            "arm966e",
            "feroceon",
            "dragonite",
            "fa526",
        ];
        arm7_9.contains(&self.kind.as_str())
    }

    /// Whether OpenOCD has the target compare only the first address of a watchpoint, and does not
    /// say so.
    pub(super) fn watches_first_address(&self) -> bool {
        self.is_riscv && !self.numbers_comparators
    }

    /// Refuses a context or hybrid breakpoint where OpenOCD has no code for one, which it reports
    /// with the number of "no comparator" (`src/target/target.c`): only `cortex_a.c` and
    /// `aarch64.c` have it.
    pub(super) fn must_have_contexts(&self, what: StopPoint) -> Result<()> {
        if matches!(self.kind.as_str(), "cortex_a" | "cortex_r4" | "aarch64" | "armv8r") {
            return Ok(());
        }
        let why = "OpenOCD has them on Arm Cortex-A and Cortex-R cores only";
        Err(BreakpointError::Unsupported { what, target: self.target.clone(), why }.into())
    }

    /// Refuses what OpenOCD has no code for. It would crash (a null pointer in
    /// `target_add_breakpoint` and `target_add_watchpoint`, `src/target/target.c`), or for AVR32
    /// and `OpenRISC` do nothing and report success.
    pub(super) fn must_have(&self, what: StopPoint) -> Result<()> {
        let without = match self.kind.as_str() {
            "dsp5680xx" | "ls1_sap" | "mem_ap" | "testee" | "avr32_ap7k" => true,
            "arm11" | "or1k" => what == StopPoint::Watchpoint,
            _ => false,
        };
        if !without {
            return Ok(());
        }
        let why = "OpenOCD has none for targets of its type";
        Err(BreakpointError::Unsupported { what, target: self.target.clone(), why }.into())
    }

    pub(super) fn evidence_of(&self, kind: BreakpointKind) -> Option<Evidence> {
        match kind {
            BreakpointKind::Software => Some(Evidence::Memory),
            BreakpointKind::Hardware => self.evidence_of_comparators(),
            _ => None,
        }
    }

    /// The comparators of a Cortex-M's debug units are in its memory map.
    pub(super) fn evidence_of_comparators(&self) -> Option<Evidence> {
        self.is_cortex_m().then_some(Evidence::Comparator)
    }

    /// Refuses what OpenOCD would not survive: 0.12.0 crashes if it sets a hardware breakpoint on a
    /// Cortex-M that it has not examined.
    pub(super) fn must_be_examined(&self, operation: &str) -> Result<()> {
        if self.examined { Ok(()) } else { Err(self.not_halted(operation.to_owned(), None)) }
    }

    pub(super) fn must_be_halted(&self, operation: &str) -> Result<()> {
        if self.state == TargetState::Halted { Ok(()) } else { Err(self.not_halted(operation.to_owned(), None)) }
    }

    pub(super) fn not_halted(&self, operation: String, failure: Option<Box<Failure>>) -> Error {
        let target = self.target.clone();
        TargetError::NotHalted { operation, target, state: self.state, failure }.into()
    }

    /// The error for what OpenOCD would not set.
    pub(super) fn refused_to_add(&self, what: StopPoint, address: u64, failure: Box<Failure>) -> Error {
        let target = self.target.clone();
        match failure.code() {
            // ERROR_TARGET_RESOURCE_NOT_AVAILABLE
            -308 => BreakpointError::NoComparator { what, address, target, failure }.into(),
            // ERROR_TARGET_DUPLICATE_BREAKPOINT of 0.12.0, ERROR_BREAKPOINT_DUPLICATED: set by
            // someone else since the survey.
            -312 | -1602 => BreakpointError::Duplicate { what, address, target }.into(),
            // -304 is ERROR_TARGET_NOT_HALTED, which is all that cortex_m has for it; RISC-V has no
            // number for it.
            // If it is halted, another one of its SMP group is not.
            _ if self.state != TargetState::Halted && (failure.is_not_halted() || !self.is_cortex_m()) => {
                let operation = failure.command().to_owned();
                self.not_halted(operation, Some(failure))
            }
            _ => BreakpointError::from(Refused::new(format!("set a {what} at {address:#010x}"), failure)).into(),
        }
    }
}

impl Breakpoints<'_> {
    pub(super) fn survey(&self) -> Result<Survey> {
        self.survey_with("0")
    }

    /// Also finds out which breakpoints are in effect, which takes reads of the target.
    pub(super) fn checked_survey(&self) -> Result<Survey> {
        self.survey_with("1")
    }

    fn survey_with(&self, checked: &'static str) -> Result<Survey> {
        let script = Script::call("breakpoint_survey").literal(checked);
        let request = self.target.request(script).shown("bp; wp");
        let request = request.to("list the breakpoints").expecting("lists of breakpoints and watchpoints");
        self.target.session().ask::<BreakpointError, _>(&request, read_survey)
    }
}

fn read_survey(reply: &[u8]) -> Option<Survey> {
    let [target, kind, is_riscv, numbers_comparators, examined, state, own, others, shared, watchpoints, in_effect] =
        tcl::strings(reply)?;
    let others = listing::of_targets(&others)?;
    let shared = tcl::all_strings(shared.as_bytes())?;
    let shared = shared.chunks(2).map(|pair| {
        let [owner, address] = pair else { return None };
        let address = crate::wire::number::hex(address)?;
        let is_it = |(name, listed): &&(String, Breakpoint)| name == owner && listed.address == address;
        let (owner, breakpoint) = others.iter().find(is_it).cloned()?;
        // The procedure has found its instruction in memory.
        Some((owner, Breakpoint { in_effect: Some(true), ..breakpoint }))
    });
    let mut survey = Survey {
        target,
        kind,
        is_riscv: flag(&is_riscv)?,
        numbers_comparators: flag(&numbers_comparators)?,
        examined: flag(&examined)?,
        state: crate::target::words::state(&state),
        breakpoints: Vec::new(),
        shared: shared.collect::<Option<_>>()?,
        watchpoints: listing::watchpoints(&watchpoints)?,
    };
    let own = listing::breakpoints(&own)?;
    survey.breakpoints = own.into_iter().map(|breakpoint| survey.without_garbage(breakpoint)).collect();
    let in_effect = tcl::all_strings(in_effect.as_bytes())?;
    for (breakpoint, word) in survey.breakpoints.iter_mut().zip(in_effect) {
        breakpoint.in_effect = if word.is_empty() { None } else { Some(flag(&word)?) };
    }
    Some(survey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_0_or_1() {
        assert!(read_survey(b"t cortex_m 0 1 1 halted {} {} {} {} {}").is_some());
        for flags in ["2 1 1", "0 7 1", "0 1 5", "0 {} 1"] {
            let reply = format!("t cortex_m {flags} halted {{}} {{}} {{}} {{}} {{}}");
            assert!(read_survey(reply.as_bytes()).is_none(), "{flags}");
        }
    }
}
