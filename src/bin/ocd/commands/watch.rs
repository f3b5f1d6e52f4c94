//! `ocd watch`: variables of a running target, again and again.

mod screen;
mod variable;

use std::fmt;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clap::Args;
use openocd::OnClose;
use serde::{Serialize, Serializer};

use crate::address::Names;
use crate::board::Board;
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::output::Done;
use screen::Screen;
use variable::{Value, Variable};

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// What to watch: a symbol, an address with a type (0x2000_0000:u16, temperature:f32), a
    /// register or a field (RCC.CR, RCC.CFGR.SW). Types: u8 to u64, i8 to i64, f32, f64.
    #[arg(required = true)]
    variables: Vec<String>,
    /// How often.
    #[arg(long, short, value_name = "TIME", default_value = "100ms", value_parser = number::duration)]
    period: Duration,
    /// End after so many samples; otherwise after --timeout, or at Ctrl-C.
    #[arg(long, short = 'n', value_name = "N")]
    count: Option<u64>,
}

/// The values at one time.
struct Sample<'a> {
    variables: &'a [Variable],
    at: Duration,
    /// Samples that were skipped since the one before.
    missed: u64,
    values: &'a [Value],
}

impl Serialize for Sample<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Form<'a> {
            at_seconds: f64,
            missed: u64,
            values: Values<'a>,
        }
        struct Values<'a>(&'a [Variable], &'a [Value]);
        impl Serialize for Values<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|variable| &variable.name).zip(self.1))
            }
        }
        let (at_seconds, missed) = (self.at.as_secs_f64(), self.missed);
        Form { at_seconds, missed, values: Values(self.variables, self.values) }.serialize(serializer)
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
    let variables = arguments.variables.iter().map(|text| variable::parse(&names, text));
    let variables: Vec<Variable> = variables.collect::<Outcome<_>>()?;
    if arguments.period.is_zero() {
        return Err(Failure::usage("the period is zero"));
    }
    context.signals.attend();
    let board = context.one_board()?;
    let name = settings.board.as_deref();
    let mut summary = Summary::default();
    let watched = watch(context, &board, arguments, &variables, &mut summary);
    let closed = board.close(OnClose::AsIs);
    let status = watched?;
    closed?;
    context.output.note(name, format_args!("{} samples, {} missed", summary.samples, summary.missed));
    context.output.done(name, &Done::with(summary, status))?;
    Ok(status)
}

/// Takes samples until it is time to end. Returns the exit status.
fn watch(
    context: &Context,
    board: &Board,
    arguments: &WatchArgs,
    variables: &[Variable],
    summary: &mut Summary,
) -> Outcome<u8> {
    let limit = board.time_limit()?;
    let mut show = Show::begin(context, variables)?;
    let begin = Instant::now();
    // Numbers of due times.
    let (mut number, mut given) = (0_u64, 0_u64);
    loop {
        if let Some(status) = context.signals.caught() {
            return Ok(status);
        }
        if limit.is_some_and(|limit| begin.elapsed() >= limit) {
            // What was asked for is a number of samples, or a time.
            return Ok(if arguments.count.is_some() { exit_status::TIMEOUT } else { exit_status::DONE });
        }
        let at = begin.elapsed();
        match variable::read(board.target()?, variables) {
            Ok(values) => {
                let missed = number - given;
                given = number + 1;
                summary.samples += 1;
                summary.missed += missed;
                show.sample(context, board, &Sample { variables, at, missed, values: &values })?;
            }
            // A target that is being reset or has no power may come back.
            Err(error) if summary.samples > 0 && !error.is_disconnected() && !error.is_timeout() => {
                context.output.note(board.name(), format_args!("warning: {error}"));
            }
            Err(error) => return Err(error.into()),
        }
        if arguments.count == Some(summary.samples) {
            return Ok(exit_status::DONE);
        }
        number = next(number, begin.elapsed(), arguments.period);
        let due = time_of(number, arguments.period);
        let due = limit.map_or(due, |limit| due.min(limit));
        context.signals.wait(due.saturating_sub(begin.elapsed()));
    }
}

/// The number of the next due time: the following one, or a later one after a slow read.
fn next(number: u64, elapsed: Duration, period: Duration) -> u64 {
    let current = u64::try_from(elapsed.as_nanos() / period.as_nanos().max(1)).unwrap_or(u64::MAX);
    current.max(number.saturating_add(1))
}

fn time_of(number: u64, period: Duration) -> Duration {
    let nanos = period.as_nanos().saturating_mul(number.into());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl Show {
    fn begin(context: &Context, variables: &[Variable]) -> Outcome<Show> {
        if context.output.is_json() {
            return Ok(Show::Json);
        }
        if context.output.is_live() {
            return Ok(Show::Live(Screen::new(variables.len())));
        }
        let names = variables.iter().map(|variable| csv(&variable.name));
        let header: Vec<String> = std::iter::once("seconds".to_owned()).chain(names).collect();
        context.output.bytes(format!("{}\n", header.join(",")).as_bytes())?;
        Ok(Show::Csv)
    }

    fn sample(&mut self, context: &Context, board: &Board, sample: &Sample<'_>) -> Outcome<()> {
        match self {
            Show::Json => context.output.event(board.name(), "sample", sample),
            Show::Live(screen) => context.output.bytes(screen.draw(sample).as_bytes()),
            Show::Csv => {
                let mut line = format!("{:.6}", sample.at.as_secs_f64());
                for value in sample.values {
                    let _ = write!(line, ",{value}");
                }
                line.push('\n');
                context.output.bytes(line.as_bytes())
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
    fn samples_are_due_by_the_clock() {
        let period = Duration::from_millis(10);
        let at = |milliseconds| Duration::from_millis(milliseconds);
        assert_eq!(next(0, at(3), period), 1, "early");
        assert_eq!(next(1, at(14), period), 2, "in time");
        assert_eq!(next(1, at(47), period), 4, "too late for two of them");
        assert_eq!(time_of(4, period), at(40));
    }

    #[test]
    fn names_are_fields_of_csv() {
        assert_eq!(csv("counter"), "counter");
        assert_eq!(csv("Map<u8, u8>::x"), "\"Map<u8, u8>::x\"");
    }
}
