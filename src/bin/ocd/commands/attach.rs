//! `ocd attach`: show what running firmware prints, without a reset or a halt.

use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use openocd::{
    ConsoleOptions, CrashReport, Error, HaltReason, OnClose, OutputSource, RttChannel, SemihostingConsole, Target,
    TargetError, TargetState, TargetStatus,
};
use regex::Regex;
use serde::Serialize;

use super::run::{Firmware, LogArgs, Sink};
use crate::board::Board;
use crate::context::Context;
use crate::control_block;
use crate::crash::unless_it_runs;
use crate::exit_status;
use crate::failure::Outcome;
use crate::output::{Done, Whose};
use crate::received::receive;
use crate::silence::is_call;
use crate::time_limit::TimeLimit;

/// How long one look at a channel may take.
const LOOK: Duration = Duration::from_millis(5);

/// How long the firmware's control block may be invalid before people are told.
const PATIENCE: Duration = Duration::from_secs(1);

/// The pause between two looks at the target's state.
const STATE_PERIOD: Duration = Duration::from_millis(100);

/// Nothing comes from a target that was halted before.
const RESUME: &str = "`ocd resume` lets the target run";

#[derive(Debug, Args)]
pub(crate) struct AttachArgs {
    /// The firmware that runs: an ELF file.
    file: PathBuf,
    /// End with success at the first line that this regular expression matches. If the firmware
    /// exits with 0 before that, the status is 77.
    #[arg(long, value_name = "REGEX")]
    until_line: Option<Regex>,
    #[command(flatten)]
    log: LogArgs,
}

/// What the firmware came to while it was watched.
#[derive(Serialize)]
struct Report {
    reason: String,
    elapsed_seconds: f64,
    crash: Option<CrashReport>,
    /// What to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

/// Why the watching ended.
enum End {
    Line(String),
    Exit(i32),
    /// Where, why, and whether it was halted already when the watching began.
    Halted {
        status: TargetStatus,
        since_the_beginning: bool,
        crash: Option<CrashReport>,
    },
    Signal(u8),
    TimeOver,
}

pub(crate) fn run(context: &Context, arguments: &AttachArgs) -> Outcome<u8> {
    let firmware = Firmware::read(&arguments.file)?;
    firmware.note_missing_places(&context.output);
    let mut sink = Sink::new(context.output.clone(), &firmware, &arguments.log, arguments.until_line.clone());
    let range = arguments.log.range(&firmware, &context.one_settings()?)?;
    let board = context.one_board()?;
    context.signals.attend();
    let began = Instant::now();
    let ended = board.in_time(|| {
        firmware.compare_running(context, &board, arguments.log.trusts_file())?;
        watch(context, &board, range.as_ref(), arguments.log.channels(), &mut sink)
    });
    if ended.is_err() {
        // The beginning of a line is all that may have come. The failure counts.
        let _ = sink.finish(false);
    }
    let closed = board.close(OnClose::AsIs);
    let end = ended.and_then(|end| closed.map(|()| end))?;
    sink.finish(matches!(end, End::Exit(_)))?;

    let (status, whose, reason) = match &end {
        End::Line(line) => (exit_status::DONE, Whose::Ocd, format!("the line came: {line}")),
        End::Exit(_) if sink.found.is_some() => {
            (exit_status::DONE, Whose::Ocd, format!("the line came: {}", sink.found.as_deref().unwrap_or_default()))
        }
        End::Exit(status) => super::run::exit(*status, arguments.until_line.is_some(), false),
        End::Halted { crash: Some(crash), .. } => {
            (exit_status::CRASH, Whose::Ocd, format!("the firmware crashed: {}", crash.summary()))
        }
        End::Halted { status, since_the_beginning, crash: None } => {
            let verb = if *since_the_beginning { "is halted" } else { "halted" };
            let place = status.pc.map(|pc| format!(" at {}", firmware.place(pc))).unwrap_or_default();
            // An OpenOCD that finds the target halted may not know why.
            let reason = status.halt_reason.filter(|reason| *reason != HaltReason::Unknown);
            let why = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            (exit_status::FAILED, Whose::Ocd, format!("the target {verb}{place}{why}"))
        }
        End::Signal(status) => (*status, Whose::Ocd, "interrupted".to_owned()),
        End::TimeOver => (exit_status::TIMEOUT, Whose::Ocd, "the time is over".to_owned()),
    };
    let needs_rtt = range.is_none() && sink.may_lack_rtt(arguments.until_line.is_some());
    let help = match end {
        End::Halted { since_the_beginning: true, crash: None, .. } => Some(RESUME.to_owned()),
        End::TimeOver if needs_rtt => Some(firmware.without_rtt()),
        _ => None,
    };
    let crash = if let End::Halted { crash, .. } = end { crash } else { None };
    if let Some(crash) = &crash {
        context.output.note(None, crash);
    }
    if let Some(help) = &help {
        context.output.note(None, format_args!("help: {help}"));
    }
    let report = Report { reason, elapsed_seconds: began.elapsed().as_secs_f64(), crash, help };
    if context.output.is_json() {
        context.output.done(None, &Done { report, status, whose })?;
    } else {
        context.output.note(None, format_args!("{report} (exit status {status}, {whose})"));
    }
    Ok(status)
}

/// Shows what comes until something ends it.
fn watch(
    context: &Context,
    board: &Board,
    range: Option<&Range<u64>>,
    numbers: &[u32],
    sink: &mut Sink<'_>,
) -> Outcome<End> {
    let target = board.target()?;
    let began = Instant::now();
    let limit = TimeLimit::begin(board)?;
    let at_beginning = target.status()?.pc;
    let mut console = console(&target)?;
    let mut channels = Vec::new();
    let mut looked = began;
    let mut halted_at = None;
    let mut was_told = false;
    loop {
        if let Some(range) = range.filter(|_| channels.is_empty()) {
            let mut flaw = None;
            channels = open(&target, range, numbers, &mut flaw)?;
            if let Some(flaw) = flaw.filter(|_| began.elapsed() > PATIENCE && !was_told) {
                was_told = true;
                sink.warning(&control_block::nothing_comes(&flaw))?;
            }
        }
        let mut flow = ControlFlow::Continue(());
        for channel in &mut channels {
            let source = OutputSource::Rtt(channel.number());
            if let Some(bytes) = receive(channel)? {
                flow = sink.feed(source, Some(began.elapsed()), &bytes);
            }
        }
        if let Some(console) = &mut console {
            if let Some(bytes) = receive(console)? {
                flow = sink.feed(OutputSource::Output, Some(began.elapsed()), &bytes);
            }
            if let Ok(exit) = console.wait_exit(Duration::ZERO) {
                // What it printed before the exit may not have been read yet.
                while let Some(bytes) = receive(console)? {
                    let _ = sink.feed(OutputSource::Output, Some(began.elapsed()), &bytes);
                }
                drain(&target, &mut channels, sink, began)?;
                return Ok(End::Exit(exit.status));
            }
        }
        if flow.is_break() {
            // Nobody reads any more if it was no line: the sink tells at its end.
            return Ok(End::Line(sink.found.clone().unwrap_or_default()));
        }
        if let Some(status) = context.signals.caught() {
            return Ok(End::Signal(status));
        }
        if limit.over().is_some() {
            return Ok(End::TimeOver);
        }
        if looked.elapsed() >= STATE_PERIOD {
            looked = Instant::now();
            let status = target.status()?;
            let pc = status.pc.filter(|_| status.state == TargetState::Halted);
            // A call of semihosting halts the target, too, but not for long. Firmware that prints
            // all the time may be halted at the same call at each look.
            if pc.is_some() && pc == halted_at && !pc.is_some_and(|pc| console.is_some() && is_call(&target, pc)) {
                drain(&target, &mut channels, sink, began)?;
                let crash = unless_it_runs(target.crash_report())?;
                let is_fault =
                    |crash: &CrashReport| crash.cortex_m().is_some_and(openocd::crash::CortexMState::is_fault);
                let since_the_beginning = pc == at_beginning;
                return Ok(End::Halted { status, since_the_beginning, crash: crash.filter(is_fault) });
            }
            halted_at = pc;
        }
    }
}

/// Serves semihosting, without input. `None` if the target's type has none.
fn console(target: &Target<'_>) -> Outcome<Option<SemihostingConsole>> {
    match target.semihosting().serve_with(ConsoleOptions::new()) {
        Ok(mut console) => {
            console.close_input();
            console.set_read_timeout(Some(LOOK));
            Ok(Some(console))
        }
        Err(Error::Semihosting(openocd::SemihostingError::Unsupported { .. })) => Ok(None),
        Err(Error::Target(TargetError::Unsupported { .. })) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Opens the channels, or none while the firmware has no control block: then `flaw` is why that
/// which is there is none.
fn open(
    target: &Target<'_>,
    range: &Range<u64>,
    numbers: &[u32],
    flaw: &mut Option<String>,
) -> Outcome<Vec<RttChannel>> {
    if let Err(why) = control_block::start(target, range)? {
        *flaw = why;
        return Ok(Vec::new());
    }
    let rtt = target.rtt();
    let mut channels = Vec::new();
    for &number in numbers {
        let mut channel = rtt.channel(number)?;
        channel.set_read_timeout(Some(LOOK));
        channels.push(channel);
    }
    Ok(channels)
}

/// Shows what the channels of a target that has halted still hold: OpenOCD reads them now and then
/// only.
fn drain(target: &Target<'_>, channels: &mut [RttChannel], sink: &mut Sink<'_>, began: Instant) -> Outcome<()> {
    if channels.is_empty() {
        return Ok(());
    }
    let patience = target.rtt().polling_interval()? + Duration::from_millis(100);
    for channel in channels {
        channel.set_read_timeout(Some(patience));
        while let Some(bytes) = receive(channel)? {
            let _ = sink.feed(OutputSource::Rtt(channel.number()), Some(began.elapsed()), &bytes);
        }
    }
    Ok(())
}
