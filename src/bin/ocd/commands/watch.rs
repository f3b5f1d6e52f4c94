//! `ocd watch`: variables of a running target, again and again.

mod screen;
mod variable;

use std::fmt;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clap::Args;
use openocd::{Error, OnClose, Sample, SampleValue, Variable};
use serde::{Serialize, Serializer};

use crate::address::Names;
use crate::board::Board;
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::number::{self, counted};
use crate::output::{Done, room};
use screen::Screen;
use variable::Watched;

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// What to watch: a symbol, an address (of a u32), both with a type (`0x2000_0000:u16`,
    /// `temperature:f32`), an SVD register or a field of it (RCC.CR, RCC.CFGR.SW). Types: u8 to
    /// u64, i8 to i64, f32, f64.
    #[arg(required = true)]
    variables: Vec<String>,
    /// How often.
    #[arg(long, short, value_name = "TIME", default_value = "100ms", value_parser = number::duration)]
    period: Duration,
    /// End after this many samples; otherwise after --timeout, or at Ctrl-C.
    #[arg(long, short = 'n', value_name = "N", value_parser = number::number)]
    count: Option<u64>,
}

/// The values at one time.
struct Moment<'a> {
    watched: &'a [Watched],
    at: Duration,
    /// Samples that were skipped since the one before.
    missed: u64,
    values: Vec<SampleValue>,
}

impl Serialize for Moment<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Form<'a> {
            at_seconds: f64,
            missed: u64,
            values: ByName<'a>,
        }
        struct ByName<'a>(&'a Moment<'a>);
        impl Serialize for ByName<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let names = self.0.watched.iter().map(|watched| &watched.variable.name);
                serializer.collect_map(names.zip(&self.0.values))
            }
        }
        Form { at_seconds: self.at.as_secs_f64(), missed: self.missed, values: ByName(self) }.serialize(serializer)
    }
}

/// What came of it.
#[derive(Default, Serialize)]
struct Summary {
    samples: u64,
    /// Due times without a sample, because reading took longer than the period or failed.
    missed: u64,
}

/// For people the samples are the answer.
impl fmt::Display for Summary {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// How samples are shown.
enum Show {
    Json,
    /// In a terminal.
    Live(Screen),
    /// In a pipe or a file.
    Csv,
}

pub(crate) fn run(context: &Context, arguments: &WatchArgs) -> Outcome<u8> {
    let settings = context.one_settings()?;
    let names = Names::new(&settings);
    let watched = arguments.variables.iter().map(|text| variable::parse(&names, text));
    let watched: Vec<Watched> = watched.collect::<Outcome<_>>()?;
    // A value is found by its name.
    let is_known = |(at, name): &(usize, &String)| arguments.variables[..*at].contains(name);
    if let Some((_, name)) = arguments.variables.iter().enumerate().find(is_known) {
        return Err(Failure::usage(format!("{name:?} is named twice")));
    }
    if arguments.period.is_zero() {
        return Err(Failure::usage("the period is zero"));
    }
    context.signals.attend();
    let board = context.one_board()?;
    let name = settings.board.as_deref();
    let mut summary = Summary::default();
    let ended = board.in_time(|| watch(context, &board, arguments, &watched, &mut summary));
    let closed = board.close(OnClose::AsIs);
    let status = ended?;
    closed?;
    context.output.note(name, format_args!("{}, {} missed", counted(summary.samples, "sample"), summary.missed));
    context.output.done(name, &Done::with(summary, status))?;
    Ok(status)
}

/// Takes samples until it is time to end. Returns the exit status.
fn watch(
    context: &Context,
    board: &Board,
    arguments: &WatchArgs,
    watched: &[Watched],
    summary: &mut Summary,
) -> Outcome<u8> {
    let limit = board.time_limit()?;
    room::limit(limit.and_then(|limit| Instant::now().checked_add(limit)));
    let mut show = Show::begin(context, watched)?;
    let variables: Vec<Variable> = watched.iter().map(|watched| watched.variable.clone()).collect();
    let mut samples = board.target()?.memory().sample(&variables, arguments.period)?;
    let begin = Instant::now();
    // Of the reads since the last sample.
    let mut failed: Option<Error> = None;
    // How many they are: the next sample counts them.
    let mut unread = 0;
    while arguments.count.is_none_or(|count| summary.samples < count) {
        // The iterator sleeps, too, but not so that a signal ends it.
        let wait = samples.time_to_next();
        let left = limit.map_or(wait, |limit| limit.saturating_sub(begin.elapsed()));
        context.signals.wait(wait.min(left));
        if let Some(status) = context.signals.caught() {
            summary.missed += unread;
            return Ok(status);
        }
        if limit.is_some_and(|limit| begin.elapsed() >= limit) {
            if let Some(error) = failed {
                // It has not come back.
                return Err(error.into());
            }
            // What was asked for is a number of samples, or a time.
            return Ok(if arguments.count.is_some() { exit_status::TIMEOUT } else { exit_status::DONE });
        }
        match samples.next() {
            Some(Ok(Sample { at, missed, values, .. })) => {
                failed = None;
                unread = 0;
                summary.samples += 1;
                summary.missed += missed;
                let values = watched.iter().zip(values).map(|(watched, read)| watched.value(read)).collect();
                show.sample(context, board, &Moment { watched, at, missed, values })?;
            }
            // A target that is being reset or has no power may come back.
            Some(Err(error)) if summary.samples > 0 && !error.is_disconnected() && !error.is_timeout() => {
                context.output.warning(board.name(), &error.to_string())?;
                failed = Some(error);
                unread += 1;
            }
            Some(Err(error)) => return Err(error.into()),
            None => return Ok(exit_status::DONE),
        }
    }
    Ok(exit_status::DONE)
}

impl Show {
    fn begin(context: &Context, watched: &[Watched]) -> Outcome<Show> {
        if context.output.is_json() {
            return Ok(Show::Json);
        }
        if context.output.is_live() {
            return Ok(Show::Live(Screen::new(watched.len())));
        }
        let names = watched.iter().map(|watched| csv(&watched.variable.name));
        // As the library's.
        let header: Vec<String> = ["time_s", "missed"].map(str::to_owned).into_iter().chain(names).collect();
        context.output.text(&format!("{}\n", header.join(",")))?;
        Ok(Show::Csv)
    }

    fn sample(&mut self, context: &Context, board: &Board, sample: &Moment<'_>) -> Outcome<()> {
        match self {
            Show::Json => context.output.event(board.name(), "sample", sample),
            Show::Live(screen) => context.output.bytes(screen.draw(sample).as_bytes()),
            Show::Csv => {
                let mut line = format!("{:.6},{}", sample.at.as_secs_f64(), sample.missed);
                for value in &sample.values {
                    let _ = write!(line, ",{value}");
                }
                line.push('\n');
                context.output.text(&line)
            }
        }
    }
}

/// A name as a field of CSV.
fn csv(name: &str) -> String {
    if name.contains([',', '"', '\n']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fields_of_csv() {
        assert_eq!(csv("counter"), "counter");
        assert_eq!(csv("Map<u8, u8>::x"), "\"Map<u8, u8>::x\"");
    }
}
