//! The commands, one file each.

pub(crate) mod cmd;
pub(crate) mod config;
pub(crate) mod control;
pub(crate) mod gdb;
pub(crate) mod info;
pub(crate) mod repl;
pub(crate) mod rtt;
pub(crate) mod semihosting;
pub(crate) mod server;
pub(crate) mod shell;

use crate::arguments::Command;
use crate::context::Context;
use crate::exit_status;
use crate::failure::Outcome;
use crate::output::Output;

/// Runs a command that needs neither a board nor settings.
pub(crate) fn without_board(command: &Command, output: &Output) -> Option<Outcome<u8>> {
    match command {
        Command::Completions(arguments) => Some(shell::completions(output, arguments)),
        Command::Man(arguments) => Some(shell::man(output, arguments)),
        _ => None,
    }
}

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
        Command::Cmd(arguments) => cmd::run(&context, &arguments),
        Command::Config => config::run(&context),
        Command::Server(arguments) => server::run(&context, &arguments),
        Command::Gdb(arguments) => gdb::run(&context, &arguments),
        Command::Repl(arguments) => repl::run(&context, &arguments),
        Command::Rtt(arguments) => rtt::run(&context, &arguments),
        Command::Semihosting(arguments) => semihosting::run(&context, &arguments),
        // These have been run.
        Command::Completions(_) | Command::Man(_) => Ok(exit_status::DONE),
    }
}
