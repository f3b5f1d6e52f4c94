//! Which paths through the states of a TAP controller OpenOCD can take.

use std::str::FromStr;

use crate::error::{Error, InvalidArgument, JtagError};
use crate::types::{PathEnd, TapState};

/// Reads OpenOCD's name of the state, in upper or lower case, such as `RUN/IDLE`.
impl FromStr for TapState {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let is_it = |state: &TapState| state.openocd_name().eq_ignore_ascii_case(name);
        TapState::ALL.into_iter().find(is_it).ok_or_else(|| {
            let expected = "OpenOCD's name of a state, such as `RUN/IDLE`";
            JtagError::from(InvalidArgument::new("TAP state", expected, name)).into()
        })
    }
}

/// How many states OpenOCD takes in one `pathmove` (`src/jtag/tcl.c`).
const LONGEST: usize = 8;

/// The commands that walk this path: each begins and ends in a stable state and has at most
/// [`LONGEST`] states, as OpenOCD needs it.
pub(super) fn pieces(path: &[TapState]) -> Result<Vec<&[TapState]>, JtagError> {
    let (Some(first), Some(last)) = (path.first(), path.last()) else { return Err(JtagError::EmptyPath) };
    for (step, pair) in path.windows(2).enumerate() {
        let (from, to) = (pair[0], pair[1]);
        let (low, high) = from.successors();
        if to != low && to != high {
            return Err(JtagError::IllegalTransition { step: step + 1, from, to });
        }
    }
    for (end, state) in [(PathEnd::First, *first), (PathEnd::Last, *last)] {
        if !state.is_stable() {
            return Err(JtagError::UnstablePath { end, state });
        }
    }
    let mut pieces = Vec::new();
    let mut from = 0;
    while from + 1 < path.len() {
        let piece = next_piece(&path[from..]).ok_or(JtagError::LongPath { step: from, from: path[from] })?;
        // OpenOCD goes to Test-Logic-Reset only directly, by five clocks with TMS high. Those walk
        // the same way as a piece that is nothing but TMS high, and stay there.
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
    // From the path's beginning a reset may be reached only by TMS high alone; later ones are for
    // later pieces.
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
    fn a_state_is_read_from_the_name_that_it_writes() {
        for state in TapState::ALL {
            assert_eq!(state.to_string().parse::<TapState>().unwrap(), state);
            assert_eq!(state.to_string().to_lowercase().parse::<TapState>().unwrap(), state);
        }
        let error = "IDLE".parse::<TapState>().unwrap_err().to_string();
        assert!(error.starts_with("invalid TAP state: ") && error.ends_with("got IDLE"), "{error}");
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
        assert!(matches!(pieces(&[SelectDrScan]), Err(JtagError::UnstablePath { end: PathEnd::First, .. })));
        let open = pieces(&[RunTestIdle, SelectDrScan]);
        assert!(matches!(open, Err(JtagError::UnstablePath { end: PathEnd::Last, state: SelectDrScan })));
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
