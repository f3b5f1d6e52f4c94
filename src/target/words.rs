//! States and halt reasons as words, and what OpenOCD's log says of run control.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, InvalidArgument, Result, TargetError};
use crate::types::{HaltReason, ResetMode, TargetState};

/// Finds the value whose text is `word`.
fn parse<T: Copy + fmt::Display>(all: &[T], word: &str) -> Option<T> {
    all.iter().copied().find(|value| value.to_string() == word)
}

fn invalid(argument: &'static str, expected: &'static str, given: &str) -> Error {
    TargetError::from(InvalidArgument::new(argument, expected, given)).into()
}

/// Reads the name that [`Display`](fmt::Display) writes, such as `halted`.
impl FromStr for TargetState {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        parse(TargetState::ALL, word).ok_or_else(|| invalid("target state", "a name such as `halted`", word))
    }
}

/// Reads the name that [`Display`](fmt::Display) writes, such as `breakpoint`.
impl FromStr for HaltReason {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        parse(HaltReason::ALL, word).ok_or_else(|| invalid("halt reason", "a name such as `breakpoint`", word))
    }
}

/// Reads `run`, `halt` or `init`.
impl FromStr for ResetMode {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        parse(ResetMode::ALL, word).ok_or_else(|| invalid("reset mode", "run, halt or init", word))
    }
}

/// The answer of `curstate`, or the last column of `targets`.
pub(crate) fn state(text: &str) -> TargetState {
    text.trim().parse().unwrap_or(TargetState::Unknown)
}

/// The answer of `debug_reason`: the names are those of `src/target/target.c`.
pub(crate) fn halt_reason(text: &str) -> HaltReason {
    text.trim().parse().unwrap_or(HaltReason::Unknown)
}

/// The reason in what an ARM target logs, `[stm32f1x.cpu] halted due to breakpoint, current mode:
/// Thread`.
pub(crate) fn halt_reason_in_log(log: &str) -> HaltReason {
    let reason = log.split("halted due to ").nth(1).or_else(|| log.split(" state due to ").nth(1));
    reason.map_or(HaltReason::Unknown, |reason| halt_reason(reason.split([',', '\n', ' ']).next().unwrap_or("")))
}

/// The register whose new value did not reach the target. The command may have ended with success
/// all the same: `armv7m_write_core_reg` in `src/target/armv7m.c` logs the failure, and its callers
/// ignore its status (`cortex_m_step` always, 0.12.0 also in `armv7m_restore_context`).
pub(crate) fn lost_register(log: &str) -> Option<&str> {
    let name = log.split_once("Error setting register ")?.1.lines().next().unwrap_or_default().trim();
    (!name.is_empty()).then_some(name)
}

/// The event whose handler failed. OpenOCD only logs that (`target_handle_event` in
/// `src/target/target.c`): 0.12.0 `Error executing event reset-init on target X:`, newer ones
/// `[X] Execution of event reset-init failed:`.
pub(crate) fn failed_handler(log: &str) -> Option<&str> {
    let name = |marker: &str, rest: &str| {
        let (name, tail) = log.split_once(marker)?.1.split_once(' ')?;
        (tail.starts_with(rest) && !name.is_empty()).then_some(name)
    };
    name("Error executing event ", "on target ").or_else(|| name("Execution of event ", "failed"))
}

/// Whether `reg` says that a register does not exist: OpenOCD 0.12.0 with code 0, newer ones with a
/// failure.
pub(crate) fn says_unknown_register(text: &str) -> bool {
    text.contains("not found in current target") || text.contains("is out of bounds")
}

/// Whether a transfer failed, by what the driver of the debug port logs
/// (`src/target/adi_v5_jtag.c`). `src/target/cortex_m.c` ignores whether its writes to DHCSR, which
/// start the core, succeeded.
pub(crate) fn tells_failed_transfer(log: &str) -> bool {
    const WORDS: [&str; 4] =
        ["STICKY ERROR", "Invalid ACK (", "Timeout during WAIT recovery", "Debug regions are unpowered"];
    WORDS.iter().any(|words| log.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_read_back_from_its_text() {
        for &state in TargetState::ALL {
            assert_eq!(state.to_string().parse::<TargetState>().unwrap(), state);
        }
        for &reason in HaltReason::ALL {
            assert_eq!(reason.to_string().parse::<HaltReason>().unwrap(), reason);
        }
        for &mode in ResetMode::ALL {
            assert_eq!(mode.to_string().parse::<ResetMode>().unwrap(), mode);
            assert_eq!(mode.command(), format!("reset {mode}"));
        }
        let error = "stop".parse::<ResetMode>().unwrap_err();
        assert_eq!(error.to_string(), "invalid reset mode: expected run, halt or init, got stop");
    }

    #[test]
    fn failed_handlers_of_both_generations_are_found() {
        for (log, event) in [
            ("Error executing event reset-init on target stm32f1x.cpu:\nno clock\n", Some("reset-init")),
            ("[stm32f1x.cpu] Execution of event examine-end failed:\nx", Some("examine-end")),
            ("Execution of event ", None),
            ("halted due to debug-request", None),
        ] {
            assert_eq!(failed_handler(log), event, "{log:?}");
        }
    }

    #[test]
    fn states_of_openocd_are_read() {
        assert_eq!(state("halted\n"), TargetState::Halted);
        assert_eq!(state("examine deferred"), TargetState::ExamineDeferred);
        assert_eq!(state(""), TargetState::Unknown);
    }

    #[test]
    fn failures_are_found_in_logs() {
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
    fn halt_reasons_are_found_in_logs() {
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
