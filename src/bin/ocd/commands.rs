//! The commands, one file each.

pub(crate) mod attach;
pub(crate) mod cmd;
pub(crate) mod config;
pub(crate) mod control;
pub(crate) mod flash;
pub(crate) mod info;
pub(crate) mod run;

use crate::arguments::Command;
use crate::context::Context;
use crate::failure::Outcome;

/// Runs the command. Returns the exit status.
pub(crate) fn run(command: Command, context: Context) -> Outcome<u8> {
    match command {
        Command::Status => control::status(&context),
        Command::Info => info::run(&context),
        Command::Halt => control::halt(&context),
        Command::Resume(arguments) => control::resume(&context, &arguments),
        Command::Step(arguments) => control::step(&context, &arguments),
        Command::Reset(arguments) => control::reset(&context, &arguments),
        Command::WaitHalt => control::wait_halt(&context),
        Command::Run(arguments) => run::run(&context, *arguments),
        Command::Attach(arguments) => attach::run(&context, &arguments),
        Command::Cmd(arguments) => cmd::run(&context, &arguments),
        Command::Config => config::run(&context),
    }
}
