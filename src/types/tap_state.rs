//! The states of a TAP controller.

use std::fmt;

/// The 16 states of a TAP controller (IEEE 1149.1-2013, figure 6-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[allow(missing_docs, reason = "the names are those of the standard")]
pub enum TapState {
    TestLogicReset,
    RunTestIdle,
    SelectDrScan,
    CaptureDr,
    ShiftDr,
    Exit1Dr,
    PauseDr,
    Exit2Dr,
    UpdateDr,
    SelectIrScan,
    CaptureIr,
    ShiftIr,
    Exit1Ir,
    PauseIr,
    Exit2Ir,
    UpdateIr,
}

impl TapState {
    /// All of them, in the order of the standard's figure.
    pub const ALL: [TapState; 16] = {
        use TapState::{
            CaptureDr, CaptureIr, Exit1Dr, Exit1Ir, Exit2Dr, Exit2Ir, PauseDr, PauseIr, RunTestIdle, SelectDrScan,
            SelectIrScan, ShiftDr, ShiftIr, TestLogicReset, UpdateDr, UpdateIr,
        };
        [
            TestLogicReset,
            RunTestIdle,
            SelectDrScan,
            CaptureDr,
            ShiftDr,
            Exit1Dr,
            PauseDr,
            Exit2Dr,
            UpdateDr,
            SelectIrScan,
            CaptureIr,
            ShiftIr,
            Exit1Ir,
            PauseIr,
            Exit2Ir,
            UpdateIr,
        ]
    };

    /// The state after one clock with this level at TMS.
    ///
    /// ```
    /// use openocd::TapState;
    ///
    /// assert_eq!(TapState::RunTestIdle.next(true), TapState::SelectDrScan);
    /// assert_eq!(TapState::ShiftDr.next(false), TapState::ShiftDr);
    /// ```
    #[must_use]
    pub fn next(self, tms: bool) -> TapState {
        let (low, high) = self.successors();
        if tms { high } else { low }
    }

    /// Where TMS 0 and TMS 1 lead.
    pub(crate) fn successors(self) -> (TapState, TapState) {
        match self {
            TapState::TestLogicReset => (TapState::RunTestIdle, TapState::TestLogicReset),
            TapState::RunTestIdle | TapState::UpdateDr | TapState::UpdateIr => {
                (TapState::RunTestIdle, TapState::SelectDrScan)
            }
            TapState::SelectDrScan => (TapState::CaptureDr, TapState::SelectIrScan),
            TapState::CaptureDr | TapState::ShiftDr => (TapState::ShiftDr, TapState::Exit1Dr),
            TapState::Exit1Dr => (TapState::PauseDr, TapState::UpdateDr),
            TapState::PauseDr => (TapState::PauseDr, TapState::Exit2Dr),
            TapState::Exit2Dr => (TapState::ShiftDr, TapState::UpdateDr),
            TapState::SelectIrScan => (TapState::CaptureIr, TapState::TestLogicReset),
            TapState::CaptureIr | TapState::ShiftIr => (TapState::ShiftIr, TapState::Exit1Ir),
            TapState::Exit1Ir => (TapState::PauseIr, TapState::UpdateIr),
            TapState::PauseIr => (TapState::PauseIr, TapState::Exit2Ir),
            TapState::Exit2Ir => (TapState::ShiftIr, TapState::UpdateIr),
        }
    }

    /// Whether the controller can stay in the state while TCK runs: the six that one level of TMS
    /// keeps it in.
    pub fn is_stable(self) -> bool {
        let (low, high) = self.successors();
        self == low || self == high
    }

    /// OpenOCD's name of the state, such as `RUN/IDLE` (`src/jtag/interface.c`).
    pub fn openocd_name(self) -> &'static str {
        match self {
            TapState::TestLogicReset => "RESET",
            TapState::RunTestIdle => "RUN/IDLE",
            TapState::SelectDrScan => "DRSELECT",
            TapState::CaptureDr => "DRCAPTURE",
            TapState::ShiftDr => "DRSHIFT",
            TapState::Exit1Dr => "DREXIT1",
            TapState::PauseDr => "DRPAUSE",
            TapState::Exit2Dr => "DREXIT2",
            TapState::UpdateDr => "DRUPDATE",
            TapState::SelectIrScan => "IRSELECT",
            TapState::CaptureIr => "IRCAPTURE",
            TapState::ShiftIr => "IRSHIFT",
            TapState::Exit1Ir => "IREXIT1",
            TapState::PauseIr => "IRPAUSE",
            TapState::Exit2Ir => "IREXIT2",
            TapState::UpdateIr => "IRUPDATE",
        }
    }
}

/// OpenOCD's name of the state.
impl fmt::Display for TapState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.openocd_name())
    }
}

/// The state in which a scan leaves the chain (OpenOCD: `-endstate`).
///
/// Only these states are safe: OpenOCD exits if a scan is to end in Test-Logic-Reset or in a state
/// that is not stable, and in the shift states the clock moves the registers on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum EndState {
    /// Run-Test/Idle: what was scanned has taken effect, and self-tests run.
    #[default]
    RunTestIdle,
    /// Pause-DR: after a DR scan nothing has been updated yet; after an IR scan the instruction
    /// has.
    PauseDr,
    /// Pause-IR: after an IR scan nothing has been updated yet; after a DR scan the register has.
    PauseIr,
}

impl EndState {
    pub(crate) fn openocd_name(self) -> &'static str {
        match self {
            EndState::RunTestIdle => TapState::RunTestIdle,
            EndState::PauseDr => TapState::PauseDr,
            EndState::PauseIr => TapState::PauseIr,
        }
        .openocd_name()
    }
}

/// OpenOCD's name of the state.
impl fmt::Display for EndState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.openocd_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TapState::*;

    #[test]
    fn six_states_are_stable() {
        let stable: Vec<_> = TapState::ALL.into_iter().filter(|state| state.is_stable()).collect();
        assert_eq!(stable, [TestLogicReset, RunTestIdle, ShiftDr, PauseDr, ShiftIr, PauseIr]);
    }

    #[test]
    fn five_clocks_with_tms_high_reset_from_everywhere() {
        for start in TapState::ALL {
            assert_eq!((0..5).fold(start, |state, _| state.next(true)), TestLogicReset, "{start}");
        }
    }
}
