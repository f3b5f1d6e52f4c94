//! Progress of long calls: bars on a terminal, otherwise a line for each phase.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle as BarStyle};
use openocd::{Error, Flash, Phase, Progress, ProgressCallback};

use super::Output;
use crate::arguments::ProgressStyle;
use crate::failure::{Failure, Outcome};
use crate::number::counted;
use crate::signals::Signals;

/// The line of a step that cannot say how far it is, and of one that can.
const STEP: &str = "{prefix}{msg:>12}";
const PHASE: &str = "{prefix}{msg:>12} [{bar:30}] {bytes:>10} of {total_bytes}";

fn style(template: &str) -> BarStyle {
    BarStyle::with_template(template).unwrap_or_else(|_| BarStyle::default_bar()).progress_chars("=> ")
}

/// All bars are on standard error.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Prints something without tearing the bars.
pub(super) fn above_bars<R>(print: impl FnOnce() -> R) -> R {
    BARS.suspend(print)
}

/// Shows the progress of the calls on one board.
pub(crate) struct Watch {
    output: Output,
    board: Option<String>,
    signals: Signals,
    bar: Option<ProgressBar>,
    phase: Option<Phase>,
}

impl Watch {
    /// The command is cancelled at a signal from now on, so it must end in order then.
    pub(crate) fn new(output: &Output, board: Option<&str>, signals: &Signals) -> Self {
        signals.attend();
        let bar = (output.progress == ProgressStyle::Auto)
            .then(|| BARS.add(ProgressBar::no_length().with_style(style(STEP)).with_prefix(output.prefix(board))));
        let board = board.map(str::to_owned);
        Watch { output: output.clone(), board, signals: signals.clone(), bar, phase: None }
    }

    /// Begins a step that cannot say how far it is.
    pub(crate) fn step(&mut self, name: &'static str) {
        self.phase = None;
        match &self.bar {
            Some(bar) => {
                bar.set_style(style(STEP));
                bar.set_message(name);
                bar.tick();
            }
            None if self.output.progress == ProgressStyle::Plain => self.output.note(self.board.as_deref(), name),
            None => {}
        }
    }

    /// Where it is shown.
    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    /// The exit status of the signal that was caught.
    pub(crate) fn caught(&self) -> Option<u8> {
        self.signals.caught()
    }

    /// Fails after a signal. `so_far` says what the command has done until then.
    pub(crate) fn interrupted(&self, so_far: &str) -> Outcome<()> {
        match self.caught() {
            Some(status) => Err(Failure::new(status, "cancelled", format!("cancelled: {so_far}"))),
            None => Ok(()),
        }
    }

    /// Watches the calls of a view of flash.
    pub(crate) fn flash<'f>(&mut self, flash: Flash<'f>) -> Flash<'f, ProgressCallback<'_>> {
        flash.with_progress(|progress| self.tell(progress))
    }

    /// The failure of a call that was watched. A call that a signal ended has the signal's exit
    /// status.
    pub(crate) fn failure(&self, error: Error) -> Failure {
        let is_cancelled = matches!(error, Error::Cancelled { .. });
        let failure = Failure::from(error);
        match self.caught().filter(|_| is_cancelled) {
            Some(status) => Failure { status, ..failure },
            None => failure,
        }
    }

    /// Takes a report. Ends the call after a signal.
    pub(crate) fn tell(&mut self, progress: Progress) -> ControlFlow<()> {
        let is_new = self.phase.replace(progress.phase) != Some(progress.phase);
        if let Some(bar) = &self.bar {
            if is_new {
                // Each line that is drawn is true: not the new name with the old numbers.
                bar.set_style(style(STEP));
                bar.set_message(progress.phase.to_string());
                bar.set_style(style(PHASE));
            }
            bar.update(|state| {
                state.set_len(progress.total);
                state.set_pos(progress.done);
            });
        } else if is_new && self.output.progress == ProgressStyle::Plain {
            self.output
                .note(self.board.as_deref(), format_args!("{} {}", progress.phase, counted(progress.total, "byte")));
        }
        if self.output.progress != ProgressStyle::None {
            // Nobody to tell is no reason to stop in the middle.
            let _ = self.output.event(self.board.as_deref(), "progress", &progress);
        }
        match self.signals.caught() {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
