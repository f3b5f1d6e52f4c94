//! The last line of each board. A command that a signal ends by force has one, too, and no board has
//! two.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Output;
use crate::failure::Failure;

/// What is still to be told when the program ends.
enum State {
    /// Not known yet, or nothing.
    Nothing,
    /// A last line of each of these boards.
    Open { output: Output, boards: Vec<Option<String>> },
    /// The program ends: nothing is printed any more.
    Ended,
}

static STATE: Mutex<State> = Mutex::new(State::Nothing);

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a command has to tell how it ends on each of these boards.
pub(crate) fn expect(output: &Output, boards: &[String]) {
    let boards = match boards {
        [] => vec![None],
        names => names.iter().cloned().map(Some).collect(),
    };
    *state() = State::Open { output: output.clone(), boards };
}

/// Prints the last line of a board, unless the program is ending: then that was told already.
pub(crate) fn print<T>(board: Option<&str>, print: impl FnOnce() -> T) -> Option<T> {
    let mut state = state();
    match &mut *state {
        State::Ended => return None,
        State::Nothing => {}
        State::Open { boards, .. } => {
            let own = boards.iter().position(|name| name.is_none() || name.as_deref() == board);
            own.map(|at| boards.swap_remove(at));
        }
    }
    Some(print())
}

/// Tells `failure` of each board that has not told how it ended. Nothing is printed after that.
pub(crate) fn end(failure: &Failure) {
    let before = std::mem::replace(&mut *state(), State::Ended);
    if let State::Open { output, boards } = before {
        for board in boards {
            output.print_failure(board.as_deref(), failure);
        }
    }
}
