//! The time of a command that waits: `--timeout`, from when the board is ready.

use std::time::{Duration, Instant};

use crate::board::Board;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::output::room;
use crate::signals::Signals;

/// When a command must end, if ever.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TimeLimit(Option<(Duration, Instant)>);

impl TimeLimit {
    /// The time of `--timeout`, which begins now.
    pub(crate) fn begin(board: &Board) -> Outcome<TimeLimit> {
        let limit = TimeLimit(board.time_limit()?.map(|limit| (limit, Instant::now() + limit)));
        room::limit(limit.0.map(|(_, end)| end));
        Ok(limit)
    }

    /// The whole time, if it is over.
    pub(crate) fn over(self) -> Option<Duration> {
        self.0.filter(|(_, end)| Instant::now() >= *end).map(|(limit, _)| limit)
    }

    /// What is left of `time`.
    pub(crate) fn shorten(self, time: Duration) -> Duration {
        self.0.map_or(time, |(_, end)| end.saturating_duration_since(Instant::now()).min(time))
    }

    /// Fails after a signal, and when the time is over.
    pub(crate) fn check(self, signals: &Signals) -> Outcome<()> {
        if let Some(status) = signals.caught() {
            return Err(Failure::interrupted(status));
        }
        match self.over() {
            Some(limit) => {
                Err(Failure::new(exit_status::TIMEOUT, "ocd.timeout", format!("the time of {limit:?} is over")))
            }
            None => Ok(()),
        }
    }
}
