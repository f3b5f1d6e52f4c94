//! `ocd events`: what happens to the targets, as it happens.

use std::fmt;
use std::time::Instant;

use clap::Args;
use openocd::{Event, OnClose};
use serde::Serialize;

use crate::board::Board;
use crate::context::Context;
use crate::exit_status;
use crate::failure::Outcome;
use crate::number;
use crate::output::Done;
use crate::signals::POLL;
use crate::time_limit::TimeLimit;

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// End after this many events; otherwise after --timeout, or at Ctrl-C.
    #[arg(long, short = 'n', value_name = "N", value_parser = number::number)]
    count: Option<u64>,
}

/// An event and when it came.
#[derive(Serialize)]
struct Timed {
    at_seconds: f64,
    #[serde(flatten)]
    event: Event,
}

#[derive(Serialize)]
struct Summary {
    events: u64,
}

/// For people the events are the answer.
impl fmt::Display for Summary {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

pub(crate) fn run(context: &Context, arguments: &EventsArgs) -> Outcome<u8> {
    context.signals.attend();
    let board = context.one_board()?;
    let name = board.name().map(str::to_owned);
    let mut summary = Summary { events: 0 };
    let listened = board.in_time(|| listen(context, &board, arguments, &mut summary));
    let closed = board.close(OnClose::AsIs);
    let status = listened?;
    closed?;
    context.output.done(name.as_deref(), &Done::with(summary, status))?;
    Ok(status)
}

/// Prints events until it is time to end. Returns the exit status.
fn listen(context: &Context, board: &Board, arguments: &EventsArgs, summary: &mut Summary) -> Outcome<u8> {
    let events = board.session.events()?;
    let limit = TimeLimit::begin(board)?;
    let begin = Instant::now();
    context.output.note(board.name(), "listening");
    while arguments.count.is_none_or(|count| summary.events < count) {
        if let Some(status) = context.signals.caught() {
            return Ok(status);
        }
        if limit.over().is_some() {
            // An OpenOCD that hangs reports no events, too.
            board.check_answers()?;
            // What was asked for is a number of events, or a time.
            return Ok(if arguments.count.is_some() { exit_status::TIMEOUT } else { exit_status::DONE });
        }
        let Some(event) = events.timeout_iter(POLL).next().transpose()? else { continue };
        summary.events += 1;
        let timed = Timed { at_seconds: begin.elapsed().as_secs_f64(), event };
        if context.output.is_json() {
            context.output.event(board.name(), "event", &timed)?;
        } else {
            let line = format!("{:10.3}  {}\n", timed.at_seconds, timed.event);
            context.output.text(&line)?;
        }
    }
    Ok(exit_status::DONE)
}
