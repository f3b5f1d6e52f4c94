//! The states of a target, and why it is halted.

use std::fmt;

/// The state of a target, by OpenOCD's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum TargetState {
    /// OpenOCD does not know the state: the target was never examined, or does not answer.
    Unknown,
    /// The target executes code.
    Running,
    /// The target is stopped under the debugger's control.
    Halted,
    /// The target is held in reset, or was just released from it.
    Reset,
    /// The target executes code that OpenOCD loaded, such as a flash loader.
    DebugRunning,
    /// The configuration defers the target's examination.
    ExamineDeferred,
    /// The target is powered down or otherwise out of reach (RISC-V, newer OpenOCD).
    Unavailable,
    /// The target's TAP is disabled.
    TapDisabled,
}

impl TargetState {
    pub(crate) const ALL: &'static [Self] = &[
        TargetState::Unknown,
        TargetState::Running,
        TargetState::Halted,
        TargetState::Reset,
        TargetState::DebugRunning,
        TargetState::ExamineDeferred,
        TargetState::Unavailable,
        TargetState::TapDisabled,
    ];
}

impl fmt::Display for TargetState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TargetState::Unknown => "unknown",
            TargetState::Running => "running",
            TargetState::Halted => "halted",
            TargetState::Reset => "reset",
            TargetState::DebugRunning => "debug-running",
            TargetState::ExamineDeferred => "examine deferred",
            TargetState::Unavailable => "unavailable",
            TargetState::TapDisabled => "tap-disabled",
        })
    }
}

/// Why a target is halted, by OpenOCD's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum HaltReason {
    /// A debugger halted the target: `halt`, `reset halt`, another client.
    DebugRequest,
    /// The target reached a breakpoint, or executed a breakpoint instruction that is no semihosting
    /// call.
    Breakpoint,
    /// The target accessed memory that a watchpoint watches.
    Watchpoint,
    /// The target reached a breakpoint and a watchpoint at once.
    WatchpointAndBreakpoint,
    /// The target executed the one instruction of a step.
    SingleStep,
    /// The target made a semihosting call, which waits for its answer: a Cortex-M is halted at its
    /// `BKPT 0xAB`, a RISC-V hart at its `ebreak` between two shifts of `zero`. OpenOCD calls this
    /// a breakpoint. If OpenOCD has a breakpoint at that instruction, the reason is
    /// [`Breakpoint`](Self::Breakpoint). OpenOCD 0.12.0 gives no reason for a RISC-V hart
    /// ([`Unknown`](Self::Unknown)).
    ///
    /// [`Target::run_until`](crate::Target::run_until) with
    /// [`RunUntil::semihosting`](crate::RunUntil::semihosting) answers such calls.
    Semihosting,
    /// The program ended by a semihosting call that OpenOCD served.
    ProgramExit,
    /// Vector catch halted a Cortex-M at the first instruction of an exception's handler, or after
    /// a reset; see [`Target::set_vector_catch`](crate::Target::set_vector_catch). With a
    /// breakpoint at that instruction the reason is [`Breakpoint`](Self::Breakpoint), and after a
    /// step [`SingleStep`](Self::SingleStep). OpenOCD's own reason `exception-catch` is this one,
    /// too.
    ///
    /// The core itself does not report this reason. So once vector catch is turned off again, as
    /// `ocd run` does at its end, the reason is OpenOCD's, which is
    /// [`Breakpoint`](Self::Breakpoint).
    ExceptionCatch,
    /// The core of a Cortex-M is locked up: a fault occurred where none can be handled, usually in
    /// the handler of a fault. OpenOCD has no name for this reason.
    Lockup,
    /// OpenOCD does not know the reason.
    Unknown,
}

impl HaltReason {
    pub(crate) const ALL: &'static [Self] = &[
        HaltReason::DebugRequest,
        HaltReason::Breakpoint,
        HaltReason::Watchpoint,
        HaltReason::WatchpointAndBreakpoint,
        HaltReason::SingleStep,
        HaltReason::Semihosting,
        HaltReason::ProgramExit,
        HaltReason::ExceptionCatch,
        HaltReason::Lockup,
        HaltReason::Unknown,
    ];
}

impl fmt::Display for HaltReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HaltReason::DebugRequest => "debug-request",
            HaltReason::Breakpoint => "breakpoint",
            HaltReason::Watchpoint => "watchpoint",
            HaltReason::WatchpointAndBreakpoint => "watchpoint-and-breakpoint",
            HaltReason::SingleStep => "single-step",
            HaltReason::Semihosting => "semihosting",
            HaltReason::ProgramExit => "program-exit",
            HaltReason::ExceptionCatch => "exception-catch",
            HaltReason::Lockup => "lockup",
            HaltReason::Unknown => "unknown",
        })
    }
}

/// What a [reset](crate::Target::reset) leaves the target doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum ResetMode {
    /// The target runs. A watchpoint that was added since a Cortex-M last ran does not stop it: see
    /// [`Breakpoints::add_watchpoint`](crate::Breakpoints::add_watchpoint).
    Run,
    /// The target is halted before its first instruction.
    Halt,
    /// The target is halted, and the `reset-init` handler of the configuration has run (clocks set
    /// up, memory enabled).
    Init,
}

impl ResetMode {
    pub(crate) const ALL: &'static [Self] = &[ResetMode::Run, ResetMode::Halt, ResetMode::Init];

    pub(crate) fn command(self) -> &'static str {
        match self {
            ResetMode::Run => "reset run",
            ResetMode::Halt => "reset halt",
            ResetMode::Init => "reset init",
        }
    }
}

/// `run`, `halt` or `init`
impl fmt::Display for ResetMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResetMode::Run => "run",
            ResetMode::Halt => "halt",
            ResetMode::Init => "init",
        })
    }
}
