//! States and halt reasons.

use crate::target::{HaltReason, TargetState};

/// The answer of `curstate`, or the last column of `targets`.
pub(crate) fn state(text: &str) -> TargetState {
    match text.trim() {
        "running" => TargetState::Running,
        "halted" => TargetState::Halted,
        "reset" => TargetState::Reset,
        "debug-running" => TargetState::DebugRunning,
        "examine deferred" => TargetState::ExamineDeferred,
        "unavailable" => TargetState::Unavailable,
        "tap-disabled" => TargetState::TapDisabled,
        _ => TargetState::Unknown,
    }
}

/// The answer of `debug_reason`: the names are those of `src/target/target.c`.
pub(crate) fn halt_reason(text: &str) -> HaltReason {
    match text.trim() {
        "debug-request" => HaltReason::DebugRequest,
        "breakpoint" => HaltReason::Breakpoint,
        "watchpoint" => HaltReason::Watchpoint,
        "watchpoint-and-breakpoint" => HaltReason::WatchpointAndBreakpoint,
        "single-step" => HaltReason::SingleStep,
        "program-exit" => HaltReason::ProgramExit,
        "exception-catch" => HaltReason::ExceptionCatch,
        _ => HaltReason::Unknown,
    }
}

/// The reason in what an ARM target logs, `[stm32f1x.cpu] halted due to breakpoint, current mode: Thread`.
pub(crate) fn halt_reason_in_log(log: &str) -> HaltReason {
    let reason = log.split("halted due to ").nth(1).or_else(|| log.split(" state due to ").nth(1));
    reason.map_or(HaltReason::Unknown, |reason| halt_reason(reason.split([',', '\n', ' ']).next().unwrap_or("")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        assert_eq!(state("halted\n"), TargetState::Halted);
        assert_eq!(state("examine deferred"), TargetState::ExamineDeferred);
        assert_eq!(state(""), TargetState::Unknown);
    }

    #[test]
    fn reasons_in_logs() {
        for (log, reason) in [
            ("target halted due to debug-request, current mode: Thread \nxPSR: 0x01000000", HaltReason::DebugRequest),
            ("[stm32f1x.cpu] halted due to single-step, current mode: Thread", HaltReason::SingleStep),
            ("target halted in Thumb state due to breakpoint, current mode: Supervisor", HaltReason::Breakpoint),
            ("target halted due to undefined, current mode: Thread", HaltReason::Unknown),
            ("", HaltReason::Unknown),
        ] {
            assert_eq!(halt_reason_in_log(log), reason, "{log:?}");
        }
    }
}
