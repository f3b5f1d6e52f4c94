//! `ocd status`, `halt`, `resume`, `step`, `reset`, `wait-halt`: run control.

use std::fmt;
use std::time::Duration;

use clap::{Args, ValueEnum};
use openocd::{Error, ResetMode, Target, TargetError, TargetState, TargetStatus, TimeoutError};
use serde::Serialize;

use crate::board::Board;
use crate::context::Context;
use crate::crash;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::signals::POLL;
use crate::time_limit::TimeLimit;

/// A target's state.
#[derive(Serialize)]
#[serde(transparent)]
struct Status(TargetStatus);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// Continue at this address instead of the program counter.
    #[arg(long, value_name = "ADDRESS")]
    at: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StepArgs {
    /// Execute this many instructions.
    #[arg(default_value_t = 1, value_parser = number::number_u32)]
    count: u32,
}

#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    /// What the target does after the reset.
    #[arg(value_enum, default_value = "run")]
    mode: Mode,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Mode {
    /// It runs.
    Run,
    /// It is halted at its first instruction.
    Halt,
    /// It is halted, and the configuration's `reset-init` handlers have run.
    Init,
}

impl From<Mode> for ResetMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Run => ResetMode::Run,
            Mode::Halt => ResetMode::Halt,
            Mode::Init => ResetMode::Init,
        }
    }
}

pub(crate) fn status(context: &Context) -> Outcome<u8> {
    context.each_board(|board| Ok(Status(board.target()?.status()?)))
}

pub(crate) fn halt(context: &Context) -> Outcome<u8> {
    context.each_board(|board| Ok(Status(board.target()?.halt()?)))
}

pub(crate) fn resume(context: &Context, arguments: &ResumeArgs) -> Outcome<u8> {
    context.each_board(|board| {
        let target = board.target()?;
        match &arguments.at {
            Some(address) => target.resume_at(board.address(address)?)?,
            None => target.resume().map_err(not_resumed)?,
        }
        started(&target, "resumed")
    })
}

/// A target that is to run and crashes at once does not run its program.
fn started(target: &Target<'_>, what: &str) -> Outcome<Status> {
    let (status, crash) = crash::after_start(target)?;
    let Some(crash) = crash else { return Ok(Status(status)) };
    Err(Failure::new(exit_status::CRASH, crash.id(), format!("the target was {what}, and {crash}"))
        .cause(status.to_string())
        .help(
            "does flash hold a program, with its vectors where the chip starts? `ocd halt`, then `ocd crash` tell more",
        ))
}

/// A target that runs need not be halted first.
fn not_resumed(error: Error) -> Failure {
    let running = match &error {
        Error::Target(TargetError::NotHalted { target, state: TargetState::Running, .. }) => Some(target.clone()),
        _ => None,
    };
    let failure = Failure::from(error);
    match running {
        Some(target) => Failure { message: format!("{target} is running already"), help: Vec::new(), ..failure },
        None => failure,
    }
}

pub(crate) fn step(context: &Context, arguments: &StepArgs) -> Outcome<u8> {
    context.each_board(|board| {
        let target = board.target()?;
        for _ in 1..arguments.count {
            target.step()?;
        }
        Ok(Status(if arguments.count == 0 { target.status()? } else { target.step()? }))
    })
}

pub(crate) fn reset(context: &Context, arguments: &ResetArgs) -> Outcome<u8> {
    context.each_board(|board| {
        let target = board.target()?;
        let status = target.reset(arguments.mode.into())?;
        match arguments.mode {
            Mode::Run => started(&target, "reset"),
            Mode::Halt | Mode::Init => Ok(Status(status)),
        }
    })
}

pub(crate) fn wait_halt(context: &Context) -> Outcome<u8> {
    context.signals.attend();
    context.each_board(|board| board.in_time(|| wait(context, board)).map(Status))
}

/// Waits in slices, so that a signal ends it.
fn wait(context: &Context, board: &Board) -> Outcome<TargetStatus> {
    let limit = TimeLimit::begin(board)?;
    loop {
        match board.target()?.wait_halt(limit.shorten(POLL)) {
            Err(Error::Timeout(TimeoutError::Halt { .. })) => {}
            other => return Ok(other?),
        }
        if let Some(status) = context.signals.caught() {
            return Err(Failure::interrupted(status));
        }
        if let Some(time) = limit.over() {
            // An OpenOCD that hangs reports no halt.
            board.check_answers()?;
            return Err(not_halted(time));
        }
    }
}

fn not_halted(time: Duration) -> Failure {
    Failure::new(exit_status::TIMEOUT, "ocd.timeout", format!("the target is not halted after {time:?}"))
}
