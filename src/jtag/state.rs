//! The states of a TAP controller, and which paths through them OpenOCD can take.

use std::fmt;

use crate::error::JtagError;

/// The 16 states of a TAP controller (IEEE 1149.1-2013, figure 6-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    fn successors(self) -> (TapState, TapState) {
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

    /// Whether the controller can stay in the state while TCK runs: the six that one level of TMS keeps it in.
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
        f.write_str(self.openocd_name())
    }
}

/// In which state a scan leaves the chain (OpenOCD: `-endstate`).
///
/// Those of the stable states that OpenOCD survives: it ends when it is to leave a scan in Test-Logic-Reset, or in a state that is not stable, and
/// warns of the shift states, in which the clock moves the registers on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EndState {
    /// Run-Test/Idle: what was scanned has taken effect, and self-tests run.
    #[default]
    RunTestIdle,
    /// Pause-DR: after a DR scan nothing has been updated yet; after an IR scan the instruction has.
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

/// How many states OpenOCD takes in one `pathmove` (`src/jtag/tcl.c`).
const LONGEST: usize = 8;

/// The commands that walk this path: each begins and ends in a stable state and has at most [`LONGEST`] states, as OpenOCD needs it.
pub(super) fn pieces(path: &[TapState]) -> Result<Vec<&[TapState]>, JtagError> {
    let (Some(first), Some(last)) = (path.first(), path.last()) else { return Err(JtagError::EmptyPath) };
    for (step, pair) in path.windows(2).enumerate() {
        let (from, to) = (pair[0], pair[1]);
        let (low, high) = from.successors();
        if to != low && to != high {
            return Err(JtagError::IllegalTransition { step: step + 1, from, to });
        }
    }
    for (end, state) in [("begins", *first), ("ends", *last)] {
        if !state.is_stable() {
            return Err(JtagError::UnstablePath { end, state });
        }
    }
    let mut pieces = Vec::new();
    let mut from = 0;
    while from + 1 < path.len() {
        let piece = next_piece(&path[from..]).ok_or(JtagError::LongPath { step: from, from: path[from] })?;
        // OpenOCD goes to Test-Logic-Reset only directly, by five clocks with TMS high. Those walk the same way as a piece that is
        // nothing but TMS high, and stay there.
        if piece.ends_with(&[TapState::TestLogicReset]) {
            if pieces.is_empty() {
                pieces.push(&piece[..1]);
            }
            pieces.push(&piece[piece.len() - 1..]);
        } else {
            pieces.push(piece);
        }
        from += piece.len() - 1;
    }
    if pieces.is_empty() {
        pieces.push(path);
    }
    Ok(pieces)
}

/// The longest beginning of the path that one command can walk.
fn next_piece(path: &[TapState]) -> Option<&[TapState]> {
    let into_reset = path.iter().skip(1).position(|state| *state == TapState::TestLogicReset).map(|at| at + 1);
    let all_high = |piece: &[TapState]| piece.windows(2).all(|pair| pair[0].next(true) == pair[1]);
    // From the path's beginning a reset may be reached only by TMS high alone; later ones are for later pieces.
    let limit = match into_reset {
        Some(at) if all_high(&path[..=at]) => return Some(&path[..=at]),
        Some(at) => at,
        None => path.len(),
    };
    let end = (2..=limit.min(LONGEST)).rev().find(|end| path[end - 1].is_stable())?;
    Some(&path[..end])
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

    #[test]
    fn of_the_256_pairs_of_states_32_are_transitions() {
        let legal = |from: TapState, to: TapState| from.next(false) == to || from.next(true) == to;
        let pairs = TapState::ALL.into_iter().flat_map(|from| TapState::ALL.map(|to| (from, to)));
        let (good, bad): (Vec<_>, Vec<_>) = pairs.partition(|(from, to)| legal(*from, *to));
        assert_eq!((good.len(), bad.len()), (32, 224));
        for (from, to) in bad {
            let path = [from, to];
            let error = pieces(&path).unwrap_err();
            assert!(matches!(error, JtagError::IllegalTransition { step: 1, .. }), "{from} {to}: {error:?}");
        }
        for (from, to) in good {
            let path = [from, to];
            let walked = pieces(&path);
            assert_eq!(walked.is_ok(), from.is_stable() && to.is_stable(), "{from} {to}: {walked:?}");
        }
    }

    #[test]
    fn a_path_begins_and_ends_in_stable_states() {
        assert!(matches!(pieces(&[]), Err(JtagError::EmptyPath)));
        assert!(matches!(pieces(&[SelectDrScan]), Err(JtagError::UnstablePath { end: "begins", .. })));
        let open = pieces(&[RunTestIdle, SelectDrScan]);
        assert!(matches!(open, Err(JtagError::UnstablePath { end: "ends", state: SelectDrScan })));
        assert_eq!(pieces(&[PauseDr]).unwrap(), [[PauseDr]]);
    }

    #[test]
    fn long_paths_are_cut_at_stable_states() {
        let path = [
            RunTestIdle,
            SelectDrScan,
            CaptureDr,
            ShiftDr,
            ShiftDr,
            Exit1Dr,
            PauseDr,
            Exit2Dr,
            ShiftDr,
            Exit1Dr,
            UpdateDr,
            RunTestIdle,
            RunTestIdle,
        ];
        let cut = pieces(&path).unwrap();
        assert_eq!(cut, [&path[..7], &path[6..]]);
        for piece in &cut {
            assert!(piece.len() <= LONGEST && piece[0].is_stable() && piece[piece.len() - 1].is_stable());
        }
        let idle = [RunTestIdle; 30];
        let cut = pieces(&idle).unwrap();
        assert_eq!(cut.iter().map(|piece| piece.len() - 1).sum::<usize>(), 29, "every clock is there once");
    }

    #[test]
    fn a_reset_on_the_way_is_a_command_of_its_own() {
        let path = [RunTestIdle, SelectDrScan, SelectIrScan, TestLogicReset, RunTestIdle];
        assert_eq!(pieces(&path).unwrap(), [&path[..1], &path[3..4], &path[3..]]);
        let paused = [PauseDr, PauseDr, Exit2Dr, UpdateDr, SelectDrScan, SelectIrScan, TestLogicReset];
        assert_eq!(pieces(&paused).unwrap(), [&paused[..2], &paused[6..]]);
        let detour =
            [RunTestIdle, SelectDrScan, CaptureDr, Exit1Dr, UpdateDr, SelectDrScan, SelectIrScan, TestLogicReset];
        assert!(matches!(pieces(&detour), Err(JtagError::LongPath { step: 0, .. })));
    }

    #[test]
    fn a_path_without_rest_is_refused() {
        let round = [SelectDrScan, CaptureDr, Exit1Dr, UpdateDr];
        let mut path = vec![RunTestIdle];
        path.extend(round.into_iter().chain(round));
        path.push(RunTestIdle);
        assert!(matches!(pieces(&path), Err(JtagError::LongPath { step: 0, from: RunTestIdle })));
    }
}
