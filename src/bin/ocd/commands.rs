//! The commands, one file each.

pub(crate) mod adapter;
pub(crate) mod attach;
pub(crate) mod banks;
pub(crate) mod breakpoints;
pub(crate) mod cmd;
pub(crate) mod config;
pub(crate) mod control;
pub(crate) mod crash;
pub(crate) mod dap;
pub(crate) mod erase;
pub(crate) mod events;
pub(crate) mod flash;
pub(crate) mod gdb;
pub(crate) mod info;
pub(crate) mod jtag;
pub(crate) mod mem;
pub(crate) mod protect;
pub(crate) mod read;
pub(crate) mod regs;
pub(crate) mod repl;
pub(crate) mod rtt;
pub(crate) mod run;
pub(crate) mod semihosting;
pub(crate) mod server;
pub(crate) mod shell;
pub(crate) mod svd;
pub(crate) mod symbols;
pub(crate) mod verify;
pub(crate) mod watch;

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
pub(crate) fn run(command: Command, context: &Context) -> Outcome<u8> {
    match command {
        Command::Status => control::status(context),
        Command::Info => info::run(context),
        Command::Halt => control::halt(context),
        Command::Resume(arguments) => control::resume(context, &arguments),
        Command::Step(arguments) => control::step(context, &arguments),
        Command::Reset(arguments) => control::reset(context, &arguments),
        Command::WaitHalt => control::wait_halt(context),
        Command::Regs(arguments) => regs::run(context, &arguments),
        Command::Mem(arguments) => mem::run(context, &arguments),
        Command::Bp(arguments) => breakpoints::bp(context, &arguments),
        Command::Wp(arguments) => breakpoints::wp(context, &arguments),
        Command::Svd(arguments) => svd::run(context, &arguments),
        Command::Watch(arguments) => watch::run(context, &arguments),
        Command::Events(arguments) => events::run(context, &arguments),
        Command::Symbols(arguments) => symbols::run(context, &arguments),
        Command::Crash(arguments) => crash::crash(context, &arguments),
        Command::Backtrace(arguments) => crash::backtrace(context, &arguments),
        Command::Core(arguments) => crash::core(context, &arguments),
        Command::Scan => jtag::scan(context),
        Command::Svf(arguments) => jtag::svf(context, &arguments),
        Command::Xsvf(arguments) => jtag::xsvf(context, &arguments),
        Command::Dap(arguments) => dap::run(context, &arguments),
        Command::Adapter(arguments) => adapter::run(context, &arguments),
        Command::Flash(arguments) => flash::run(context, &arguments),
        Command::Erase(arguments) => erase::run(context, &arguments),
        Command::Verify(arguments) => verify::run(context, &arguments),
        Command::Read(arguments) => read::run(context, &arguments),
        Command::Protect(arguments) => protect::run(context, &arguments, true),
        Command::Unprotect(arguments) => protect::run(context, &arguments, false),
        Command::Banks(arguments) => banks::run(context, &arguments),
        Command::Run(arguments) => run::run(context, *arguments),
        Command::Attach(arguments) => attach::run(context, &arguments),
        Command::Cmd(arguments) => cmd::run(context, &arguments),
        Command::Config => config::run(context),
        Command::Server(arguments) => server::run(context, &arguments),
        Command::Gdb(arguments) => gdb::run(context, &arguments),
        Command::Repl(arguments) => repl::run(context, &arguments),
        Command::Rtt(arguments) => rtt::run(context, &arguments),
        Command::Semihosting(arguments) => semihosting::run(context, &arguments),
        // These have been run.
        Command::Completions(_) | Command::Man(_) => Ok(exit_status::DONE),
    }
}
