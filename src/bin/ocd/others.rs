//! The other targets of a board: a reset resets all of them, and one that halts its target halts
//! them, too.

use openocd::{Error, ResetMode, Target, TargetInfo, TargetState, TargetStatus};

use crate::board::Board;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// The other targets that ran before a command reset its own target.
pub(crate) struct Others {
    running: Vec<String>,
}

impl Others {
    /// Asked before the reset.
    pub(crate) fn of(board: &Board, own: &Target<'_>) -> Outcome<Others> {
        let targets = board.session.targets()?;
        if targets.len() < 2 {
            return Ok(Others { running: Vec::new() });
        }
        let own = own.name()?;
        let others = targets.into_iter().filter(|target| has_core(target) && target.name != own);
        Ok(Others { running: others.map(|target| target.name).filter(|name| is(board, name, Seen::Running)).collect() })
    }

    /// Warns of those that are halted now: the answer is about the target alone.
    pub(crate) fn tell(&self, output: &Output, board: &Board) -> Outcome<()> {
        let halted: Vec<&str> =
            self.running.iter().map(String::as_str).filter(|name| is(board, name, Seen::Halted)).collect();
        let [first, ..] = halted[..] else { return Ok(()) };
        let names = halted.join(", ");
        let text = format!("the reset halted other targets that ran before: {names}; `ocd --target {first} resume`");
        output.warning(board.name(), &text)
    }

    /// The same, after the command: its failure counts.
    pub(crate) fn after<T>(&self, output: &Output, board: &Board, done: Outcome<T>) -> Outcome<T> {
        let told = self.tell(output, board);
        done.and_then(|done| told.map(|()| done))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Running,
    Halted,
}

/// Whether a target is seen so. One that does not answer is neither.
fn is(board: &Board, name: &str, wanted: Seen) -> bool {
    let state = board.session.target_named(name).and_then(|target| target.status()).map(|status| status.state);
    match state {
        Ok(TargetState::Halted) => wanted == Seen::Halted,
        Ok(TargetState::Running) => wanted == Seen::Running,
        _ => false,
    }
}

fn has_core(target: &TargetInfo) -> bool {
    target.examined && target.kind != "mem_ap"
}

impl Board {
    /// Resets and halts the target, before anything is written. A failure says how it left the
    /// targets, and `so_far` what became of flash.
    pub(crate) fn reset_before_writing(&self, target: &Target<'_>, so_far: &str) -> Outcome<TargetStatus> {
        target.reset(ResetMode::Init).map_err(|error| {
            let states = if error.is_disconnected() || error.is_timeout() { Vec::new() } else { self.states() };
            let failure = Failure::from(error).note(so_far);
            states.into_iter().fold(failure, Failure::note)
        })
    }

    /// How each target is now, as far as it answers.
    fn states(&self) -> Vec<String> {
        let targets = self.session.targets().unwrap_or_default();
        let answers = targets.into_iter().filter(has_core).map(|target| {
            let status = self.session.target_named(&target.name).and_then(|target| target.status());
            status.map(|status| status.to_string())
        });
        answers.filter_map(Result::<String, Error>::ok).collect()
    }
}

/// Refuses a target that has no flash: there is nothing for which to reset it.
pub(crate) fn check_has_flash(target: &Target<'_>) -> Outcome<()> {
    let banks = target.flash().banks()?;
    let name = target.name()?;
    if banks.iter().any(|bank| bank.target == name) {
        return Ok(());
    }
    let message = format!("the target has no flash bank: {name}");
    Err(Failure::new(exit_status::USAGE, "flash.no_bank", message).help("`ocd banks` lists the banks of all targets"))
}
