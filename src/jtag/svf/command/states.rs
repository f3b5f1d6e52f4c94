//! `STATE [pathstate …] stable_state`.

use super::{Problem, short, stable};
use crate::types::TapState;

/// A state as SVF or OpenOCD calls it.
pub(super) fn state(name: &str) -> Option<TapState> {
    if name.eq_ignore_ascii_case("IDLE") { Some(TapState::RunTestIdle) } else { name.parse().ok() }
}

/// The states in which a command of SVF may end: those that are stable, without the two that shift.
fn stays(state: TapState) -> bool {
    state.is_stable() && !matches!(state, TapState::ShiftDr | TapState::ShiftIr)
}

/// Checks the states of the command, which leads from `at` to its last state. Returns the commands
/// that are to be played in its place, if there are any.
///
/// OpenOCD tells no line for a step that is no transition, because it finds that later
/// (`jtag_add_pathmove` in `src/jtag/core.c`). And it splits a path at RESET, and refuses the part
/// before that, which cannot end in a stable state: the only way there is IRSELECT.
pub(super) fn check(words: &[&str], at: &mut Option<TapState>) -> Result<Vec<String>, Problem> {
    let Some(last) = words.last() else { return Err("has no state".to_owned()) };
    let state = |word: &&str| state(word).ok_or_else(|| format!("has `{}`, which is no state of a TAP", short(word)));
    let path = words.iter().map(state).collect::<Result<Vec<_>, _>>()?;
    stable(last)?;
    // A single state is gone to on any way.
    let from = std::mem::replace(at, path.last().copied()).filter(|_| path.len() > 1);
    let steps: Vec<_> = from.iter().chain(&path).copied().collect();
    for pair in steps.windows(2) {
        // To RESET OpenOCD goes from anywhere, which files make use of.
        let is_reset = pair[1] == TapState::TestLogicReset && stays(pair[0]);
        if !is_reset && pair[0].next(false) != pair[1] && pair[0].next(true) != pair[1] {
            let (from, to) = (pair[0].openocd_name(), pair[1].openocd_name());
            return Err(format!("goes from {from} to {to}, which is no transition of IEEE 1149.1"));
        }
    }
    if path.len() == 1 || !path.contains(&TapState::TestLogicReset) {
        return Ok(Vec::new());
    }
    let mut commands = Vec::new();
    let parts: Vec<_> = path.split(|state| *state == TapState::TestLogicReset).collect();
    for (number, part) in parts.iter().enumerate() {
        let stable = part.iter().rposition(|state| stays(*state)).map_or(0, |at| at + 1);
        let (walked, into_reset) = part.split_at(stable);
        if !walked.is_empty() {
            let names: Vec<_> = walked.iter().map(|state| state.openocd_name()).collect();
            commands.push(format!("STATE {}", names.join(" ")));
        }
        if number + 1 < parts.len() {
            // OpenOCD goes there by five clocks with TMS high, and by no other way.
            let from = if number == 0 { walked.last().or(from.as_ref()) } else { walked.last() };
            if !is_all_high(from, into_reset) {
                return Err("goes to RESET by a way that OpenOCD does not take".to_owned());
            }
            commands.push("STATE RESET".to_owned());
        }
    }
    Ok(commands)
}

/// Whether TMS is high for all steps from a stable state, which is unknown at the beginning.
fn is_all_high(from: Option<&TapState>, path: &[TapState]) -> bool {
    let Some(first) = path.first() else { return true };
    let begins = |from: &TapState| from.next(true) == *first;
    let begins_high = from.map_or_else(|| TapState::ALL.iter().any(|from| stays(*from) && begins(from)), begins);
    begins_high && path.windows(2).all(|pair| pair[0].next(true) == pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(path: &str) -> Result<Vec<String>, Problem> {
        check(&path.split(' ').collect::<Vec<_>>(), &mut None)
    }

    #[test]
    fn first_step_is_one_from_where_the_taps_are() {
        let mut at = Some(TapState::TestLogicReset);
        let problem = "goes from RESET to DRSELECT, which is no transition of IEEE 1149.1";
        assert_eq!(check(&["DRSELECT", "IRSELECT", "RESET"], &mut at.clone()), Err(problem.to_owned()));
        assert_eq!(check(&["IRPAUSE"], &mut at), Ok(Vec::new()));
        assert_eq!(at, Some(TapState::PauseIr));
        assert_eq!(check(&["IREXIT2", "IRUPDATE", "IDLE"], &mut at), Ok(Vec::new()));
        assert_eq!(at, Some(TapState::RunTestIdle));
    }

    #[test]
    fn paths_are_played_as_they_are_where_openocd_walks_them() {
        for path in ["IDLE", "RESET", "DRSELECT DRCAPTURE DREXIT1 DRPAUSE", "idle idle", "DREXIT2 DRUPDATE IDLE"] {
            assert_eq!(played(path), Ok(Vec::new()), "{path}");
        }
    }

    #[test]
    fn ways_into_reset_are_played_as_resets() {
        for (path, commands) in [
            ("DRSELECT IRSELECT RESET", "STATE RESET"),
            ("RESET RESET", "STATE RESET; STATE RESET"),
            ("DRSELECT IRSELECT RESET IDLE", "STATE RESET; STATE RUN/IDLE"),
            (
                "DRSELECT DRCAPTURE DREXIT1 DRPAUSE DREXIT2 DRUPDATE DRSELECT IRSELECT RESET RESET IDLE",
                "STATE DRSELECT DRCAPTURE DREXIT1 DRPAUSE; STATE RESET; STATE RESET; STATE RUN/IDLE",
            ),
        ] {
            assert_eq!(played(path).unwrap().join("; "), commands, "{path}");
        }
    }

    #[test]
    fn what_openocd_cannot_walk_is_refused() {
        for (path, problem) in [
            ("IDLE FOO IDLE", "has `FOO`, which is no state of a TAP"),
            ("DRSELECT IDLE", "goes from DRSELECT to RUN/IDLE, which is no transition of IEEE 1149.1"),
            (
                "DRSELECT DRCAPTURE DREXIT1 DRUPDATE DRSELECT IRSELECT RESET",
                "goes to RESET by a way that OpenOCD does not take",
            ),
        ] {
            assert_eq!(played(path), Err(problem.to_owned()), "{path}");
        }
    }
}
