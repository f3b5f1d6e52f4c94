//! States and halt reasons.

use crate::types::{HaltReason, TargetState};

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

/// The register whose new value did not reach the target, though the command that was to take it there may have ended with success:
/// `armv7m_write_core_reg` in `src/target/armv7m.c` logs it, and its callers ignore what it returns (`cortex_m_step` always, 0.12.0 in
/// `armv7m_restore_context`).
pub(crate) fn lost_register(log: &str) -> Option<&str> {
    let name = log.split_once("Error setting register ")?.1.lines().next().unwrap_or_default().trim();
    (!name.is_empty()).then_some(name)
}

/// Whether a transfer failed, by what the debug port's driver logs (`src/target/adi_v5_jtag.c`). `src/target/cortex_m.c` does not look whether
/// its writes to DHCSR did, which start the core.
pub(crate) fn tells_failed_transfer(log: &str) -> bool {
    const WORDS: [&str; 4] =
        ["STICKY ERROR", "Invalid ACK (", "Timeout during WAIT recovery", "Debug regions are unpowered"];
    WORDS.iter().any(|words| log.contains(words))
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
    fn failures_in_logs() {
        for (log, name) in [
            ("JTAG-DP STICKY ERROR\nError setting register r5\n", Some("r5")),
            ("[stm32f1x.cpu] Error setting register pc\n[stm32f1x.cpu] context restore failed", Some("pc")),
            ("Error setting register \n", None),
            ("JTAG-DP STICKY ERROR\n", None),
            ("", None),
        ] {
            assert_eq!(lost_register(log), name, "{log:?}");
        }
        assert!(tells_failed_transfer("JTAG-DP STICKY ERROR\n"));
        assert!(!tells_failed_transfer("[stm32f1x.cpu] halted due to single-step, current mode: Thread"));
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
