//! What has to be known before a breakpoint or a watchpoint is set or removed, and what is checked after.

use super::{Breakpoint, BreakpointKind, Breakpoints, Watchpoint};
use crate::command::Request;
use crate::error::{BreakpointError, Error, Failure, Refused, Result, TargetError, UnexpectedReply};
use crate::types::TargetState;
use crate::wire::tcl;

/// What errors call a watchpoint.
pub(super) const WATCHPOINT: &str = "watchpoint";

/// The target and what is set on it.
pub(super) struct Survey {
    pub(super) target: String,
    kind: String,
    pub(super) is_riscv: bool,
    examined: bool,
    pub(super) state: TargetState,
    pub(super) breakpoints: Vec<Breakpoint>,
    /// The breakpoints of the other targets, among which 0.12.0 lists the software breakpoints of an SMP group.
    pub(super) others: Vec<Breakpoint>,
    pub(super) watchpoints: Vec<Watchpoint>,
}

/// Where to look whether the target has what OpenOCD says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// The instruction in memory.
    Memory,
    /// The comparators of a Cortex-M's debug units, which are in its memory map.
    Comparator,
    /// Nowhere that is known here.
    None,
}

impl Evidence {
    pub(super) fn word(self) -> &'static str {
        match self {
            Evidence::Memory => "memory",
            Evidence::Comparator => "comparator",
            Evidence::None => "none",
        }
    }
}

impl Survey {
    pub(super) fn is_cortex_m(&self) -> bool {
        // `hla_target` is a Cortex-M behind an ST-LINK's own protocol, and uses the same code.
        matches!(self.kind.as_str(), "cortex_m" | "hla_target")
    }

    /// Whether OpenOCD has the target's watchpoints compare values: only `src/target/arm7_9_common.c` does. Others refuse, or (RISC-V on
    /// 0.12.0, MIPS) take the value and ignore it.
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

    /// Refuses a context or hybrid breakpoint where OpenOCD has no code for one, which it reports with the number of "no comparator"
    /// (`src/target/target.c`): only `cortex_a.c` and `aarch64.c` have it.
    pub(super) fn must_have_contexts(&self, what: &'static str) -> Result<()> {
        if matches!(self.kind.as_str(), "cortex_a" | "cortex_r4" | "aarch64" | "armv8r") {
            return Ok(());
        }
        let why = "OpenOCD has them on ARM Cortex-A and Cortex-R cores only";
        Err(BreakpointError::Unsupported { what, target: self.target.clone(), why }.into())
    }

    /// Refuses what OpenOCD has no code for: it crashes (a null pointer in `target_add_breakpoint` and `target_add_watchpoint`,
    /// `src/target/target.c`), or for AVR32 and `OpenRISC` does nothing and reports success.
    pub(super) fn must_have(&self, what: &'static str) -> Result<()> {
        let without = match self.kind.as_str() {
            "dsp5680xx" | "ls1_sap" | "mem_ap" | "testee" | "avr32_ap7k" => true,
            "arm11" | "or1k" => what == WATCHPOINT,
            _ => false,
        };
        if !without {
            return Ok(());
        }
        let why = "OpenOCD has none for targets of its type";
        Err(BreakpointError::Unsupported { what, target: self.target.clone(), why }.into())
    }

    pub(super) fn evidence_of(&self, kind: BreakpointKind) -> Evidence {
        match kind {
            BreakpointKind::Software => Evidence::Memory,
            BreakpointKind::Hardware => self.evidence_of_comparators(),
            _ => Evidence::None,
        }
    }

    pub(super) fn evidence_of_comparators(&self) -> Evidence {
        if self.is_cortex_m() { Evidence::Comparator } else { Evidence::None }
    }

    /// Refuses what OpenOCD would not survive: 0.12.0 crashes when it is to set a hardware breakpoint on a Cortex-M that it has not
    /// examined.
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
    pub(super) fn refused_to_add(&self, what: &'static str, address: u64, failure: Box<Failure>) -> Error {
        let target = self.target.clone();
        match failure.code() {
            // ERROR_TARGET_RESOURCE_NOT_AVAILABLE
            -308 => BreakpointError::NoComparator { what, address, target, failure }.into(),
            // ERROR_TARGET_DUPLICATE_BREAKPOINT of 0.12.0, ERROR_BREAKPOINT_DUPLICATED: set by someone else since the survey.
            -312 | -1602 => BreakpointError::Duplicate { what, address, target }.into(),
            // -304 is ERROR_TARGET_NOT_HALTED, which is all that cortex_m has for it; RISC-V has no number for it.
            _ if failure.is_not_halted() || (self.state != TargetState::Halted && !self.is_cortex_m()) => {
                let operation = failure.command().to_owned();
                self.not_halted(operation, Some(failure))
            }
            _ => BreakpointError::Refused(Refused { operation: format!("set a {what} at {address:#010x}"), failure })
                .into(),
        }
    }
}

impl Breakpoints<'_> {
    pub(super) fn survey(&self) -> Result<Survey> {
        let request = self.target.request("_openocd_rs_1_breakpoint_survey").shown("bp; wp");
        self.ask(&request, "look at the breakpoints", "lists of breakpoints and watchpoints", |answer| {
            let [target, kind, is_riscv, examined, state, own, others, watchpoints] = tcl::strings(answer)?;
            Some(Survey {
                target,
                kind,
                is_riscv: is_riscv == "1",
                examined: examined == "1",
                state: crate::target::words::state(&state),
                breakpoints: crate::breakpoints::listing::breakpoints(&own)?,
                others: crate::breakpoints::listing::breakpoints(&others)?,
                watchpoints: crate::breakpoints::listing::watchpoints(&watchpoints)?,
            })
        })
    }

    /// Runs a request and reads its answer.
    pub(super) fn ask<T>(
        &self,
        request: &Request<'_>,
        doing: &str,
        expected: &'static str,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T> {
        self.ask_or(request, expected, read, |failure| {
            Error::refused(failure, |failure| {
                BreakpointError::Refused(Refused { operation: doing.to_owned(), failure }).into()
            })
        })
    }

    /// Runs a request and reads its answer, with an error of its own for a refusal.
    pub(super) fn ask_or<T>(
        &self,
        request: &Request<'_>,
        expected: &'static str,
        read: impl FnOnce(&[u8]) -> Option<T>,
        refused: impl FnOnce(Box<Failure>) -> Error,
    ) -> Result<T> {
        self.target.session().run(request, |reply| {
            let answer = reply.success(request).map_err(refused)?;
            read(answer).ok_or_else(|| {
                let (command, reply) = (request.name().to_owned(), String::from_utf8_lossy(answer).into_owned());
                BreakpointError::UnexpectedReply(UnexpectedReply { command, expected, reply }).into()
            })
        })?
    }
}
