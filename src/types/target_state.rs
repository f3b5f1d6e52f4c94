//! The states of a target, and why it is halted.

use std::fmt;

/// The state of a target, by OpenOCD's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TargetState {
    /// OpenOCD does not know: the target was never examined, or does not answer.
    Unknown,
    /// It executes code.
    Running,
    /// It is stopped under the debugger's control.
    Halted,
    /// It is held in reset, or was just released.
    Reset,
    /// It executes code of OpenOCD's, such as a flash loader.
    DebugRunning,
    /// Its configuration says that it is to be examined later.
    ExamineDeferred,
    /// It is powered down or otherwise out of reach (RISC-V, newer OpenOCD).
    Unavailable,
    /// Its TAP is disabled.
    TapDisabled,
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
#[non_exhaustive]
pub enum HaltReason {
    /// Something asked for it: `halt`, `reset halt`, another client.
    DebugRequest,
    /// It ran into a breakpoint.
    Breakpoint,
    /// It accessed what a watchpoint watches.
    Watchpoint,
    /// Both at once.
    WatchpointAndBreakpoint,
    /// One step is done.
    SingleStep,
    /// The program ended by a semihosting call.
    ProgramExit,
    /// An exception was caught (vector catch).
    ExceptionCatch,
    /// OpenOCD does not say.
    Unknown,
}

impl fmt::Display for HaltReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HaltReason::DebugRequest => "debug-request",
            HaltReason::Breakpoint => "breakpoint",
            HaltReason::Watchpoint => "watchpoint",
            HaltReason::WatchpointAndBreakpoint => "watchpoint-and-breakpoint",
            HaltReason::SingleStep => "single-step",
            HaltReason::ProgramExit => "program-exit",
            HaltReason::ExceptionCatch => "exception-catch",
            HaltReason::Unknown => "unknown",
        })
    }
}

/// What [`Target::reset`](crate::Target::reset) leaves the target doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResetMode {
    /// It runs.
    Run,
    /// It is halted before its first instruction.
    Halt,
    /// It is halted, and the configuration's `reset-init` event handler has run (clocks set up, memory enabled).
    Init,
}

impl ResetMode {
    pub(crate) fn command(self) -> &'static str {
        match self {
            ResetMode::Run => "reset run",
            ResetMode::Halt => "reset halt",
            ResetMode::Init => "reset init",
        }
    }
}
