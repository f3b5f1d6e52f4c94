//! What is known of a target, and how it is read from OpenOCD's replies.

use std::fmt;

use super::{register_line, words};
use crate::error::{Result, TargetError};
use crate::types::Hex;
use crate::types::{HaltReason, TargetState};
use crate::wire::number::flag;
use crate::wire::tcl;

/// The state of a target at one moment.
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TargetStatus {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: TargetState,
    /// The program counter, when the target is halted and its program counter can be read.
    pub pc: Option<u64>,
    /// Why it is halted; `None` when it is not.
    pub halt_reason: Option<HaltReason>,
}

/// Addresses and values in hexadecimal.
impl fmt::Debug for TargetStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetStatus")
            .field("name", &self.name)
            .field("state", &self.state)
            .field("pc", &self.pc.map(Hex))
            .field("halt_reason", &self.halt_reason)
            .finish()
    }
}

/// `stm32f1x.cpu is halted at 0x08000048 (debug-request)`
impl fmt::Display for TargetStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.name, self.state)?;
        self.pc.map_or(Ok(()), |pc| write!(f, " at {pc:#010x}"))?;
        self.halt_reason.map_or(Ok(()), |reason| write!(f, " ({reason})"))
    }
}

impl TargetStatus {
    /// OpenOCD reported success. This checks it.
    pub(super) fn must_be_halted(self, operation: &'static str) -> Result<Self> {
        if self.state == TargetState::Halted {
            return Ok(self);
        }
        Err(TargetError::WrongState { operation, target: self.name, state: self.state }.into())
    }
}

/// A target of OpenOCD's configuration, with the state that OpenOCD saw when it last polled the
/// target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TargetInfo {
    /// Its name, such as `stm32f1x.cpu`.
    pub name: String,
    /// Its type, such as `cortex_m`.
    pub kind: String,
    /// Whether it stores the low byte first.
    pub little_endian: bool,
    /// The TAP that leads to it, such as `stm32f1x.cpu`; empty if it has none.
    pub tap: String,
    /// Its state.
    pub state: TargetState,
    /// Whether OpenOCD has found the target and can drive it.
    pub examined: bool,
}

/// `stm32f1x.cpu (cortex_m) is halted`; of one that OpenOCD has not found, `… is not examined`.
impl fmt::Display for TargetInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) is ", self.name, self.kind)?;
        if self.examined { self.state.fmt(f) } else { f.write_str("not examined") }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A row of the reply to `targets`.
pub(super) fn info(row: &[u8]) -> Option<TargetInfo> {
    let [name, kind, endian, tap, state, examined] = tcl::elements(row).take_array()?;
    Some(TargetInfo {
        name: text(&name),
        kind: text(&kind),
        little_endian: match &*endian {
            b"little" => true,
            b"big" => false,
            _ => return None,
        },
        tap: text(&tap),
        state: words::state(&text(&state)),
        examined: flag(&examined)?,
    })
}

/// The reply to `status`.
pub(crate) fn status(list: &[u8]) -> Option<TargetStatus> {
    let [name, state, reason, pc, log] = tcl::elements(list).take_array()?;
    let state = words::state(&text(&state));
    let (mut halt_reason, mut counter) = (None, None);
    if state == TargetState::Halted {
        halt_reason = Some(match words::halt_reason(&text(&reason)) {
            HaltReason::Unknown => words::halt_reason_in_log(&text(&log)),
            reason => reason,
        });
        counter = program_counter(&text(&pc)).ok()?;
    }
    Some(TargetStatus { name: text(&name), state, pc: counter, halt_reason })
}

/// The number in the line of `reg pc`; nothing where OpenOCD gave none, because the target has no such
/// register or does not let it be read.
pub(super) fn program_counter(text: &str) -> Result<Option<u64>, ()> {
    let text = text.trim();
    if text.is_empty() || words::says_unknown_register(text) {
        return Ok(None);
    }
    let line = register_line::line(text).filter(|line| line.name == "pc").ok_or(())?;
    line.value.map(|value| value.to_u64().ok_or(())).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halted_target_has_a_reason_and_a_pc() {
        let answer = b"stm32f1x.cpu halted breakpoint {pc (/32): 0x08000040\n} {}";
        let expected = TargetStatus {
            name: "stm32f1x.cpu".to_owned(),
            state: TargetState::Halted,
            pc: Some(0x0800_0040),
            halt_reason: Some(HaltReason::Breakpoint),
        };
        assert_eq!(expected.to_string(), "stm32f1x.cpu is halted at 0x08000040 (breakpoint)");
        assert_eq!(status(answer), Some(expected));
    }

    #[test]
    fn a_running_target_has_neither_reason_nor_pc() {
        let running = status(b"a running {} {} {}").unwrap();
        assert_eq!((running.state, running.pc, running.halt_reason), (TargetState::Running, None, None));
    }

    #[test]
    fn a_halted_target_without_pc() {
        let halted = status(b"a halted {} {register pc not found in current target} {}").unwrap();
        assert_eq!((halted.pc, halted.halt_reason), (None, Some(HaltReason::Unknown)));
    }

    #[test]
    fn a_pc_that_cannot_be_read_is_no_success() {
        for pc in ["pc (/12): 0x08000040", "pd (/32): 0x08000040", "pc (/32): 0x0800004", "garbage"] {
            assert_eq!(status(format!("a halted breakpoint {{{pc}}} {{}}").as_bytes()), None, "{pc}");
        }
        assert_eq!(status(b"a halted breakpoint {pc (/32)} {}").unwrap().pc, None);
    }

    #[test]
    fn invalid_replies_are_refused() {
        assert_eq!(info(b"a cortex_m little t running 7"), None);
        assert_eq!(status(b"a halted"), None);
        assert_eq!(info(b"a cortex_m middle t running 1"), None);
        assert_eq!(info(b"a cortex_m little t running"), None);
    }

    #[test]
    fn a_row_of_the_targets_is_read() {
        let row = info(b"a cortex_m big t.cpu {examine deferred} 0").unwrap();
        assert_eq!((row.kind.as_str(), row.little_endian, row.examined), ("cortex_m", false, false));
        assert_eq!(row.state, TargetState::ExamineDeferred);
        assert_eq!(row.to_string(), "a (cortex_m) is not examined");
        assert_eq!(info(b"a riscv little t.cpu halted 1").unwrap().to_string(), "a (riscv) is halted");
    }
}
