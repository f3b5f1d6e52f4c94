//! The commands, one file each: what they are called, what they do to a board, and which code runs.

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

use clap::Subcommand;

use crate::context::{Context, Does};
use crate::exit_status;
use crate::failure::Outcome;
use crate::identity::Effect;
use crate::output::Output;

/// The aliases are what other tools call a command. They are hidden: one name is enough to learn.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Flash firmware, reset, show what it prints until it ends, and exit with its status.
    Run(Box<run::RunArgs>),
    /// Show what running firmware prints, without a reset or a halt.
    ///
    /// It ends with Ctrl-C, when --timeout is over, and when the firmware exits, crashes or halts.
    Attach(attach::AttachArgs),
    /// Show the target's state.
    Status,
    /// Show probe, chain, targets, debug port and flash on one page.
    Info,
    /// Halt the target.
    #[command(alias = "stop")]
    Halt,
    /// Let the target run.
    #[command(alias = "continue", alias = "go")]
    Resume(control::ResumeArgs),
    /// Execute one instruction.
    Step(control::StepArgs),
    /// Reset the target.
    Reset(control::ResetArgs),
    /// Wait until the target halts.
    WaitHalt,
    /// Show core registers, or write them.
    #[command(alias = "reg", alias = "registers")]
    Regs(regs::RegsArgs),
    /// Read, write, dump, load, search and test memory.
    #[command(alias = "memory")]
    Mem(mem::MemArgs),
    /// Set, remove and list breakpoints.
    #[command(alias = "breakpoint", alias = "break")]
    Bp(breakpoints::BpArgs),
    /// Set, remove and list watchpoints.
    #[command(alias = "watchpoint")]
    Wp(breakpoints::WpArgs),
    /// Read and write peripherals by the names of the chip's SVD file. Needs --svd.
    Svd(svd::SvdArgs),
    /// Watch variables and registers while the target runs: a table, CSV in a pipe, or JSON.
    Watch(watch::WatchArgs),
    /// Print what happens to the targets: halts, resumptions, resets.
    Events(events::EventsArgs),
    /// List the symbols of the firmware. Needs no board.
    Symbols(symbols::SymbolsArgs),
    /// Explain why a halted target crashed.
    Crash(crash::CrashArgs),
    /// Show the calls that led to where a Cortex-M is halted. Needs --elf.
    #[command(alias = "bt")]
    Backtrace(crash::CrashArgs),
    /// Write registers and memory of a halted target to a core file, which GDB opens.
    Core(crash::CoreArgs),
    /// Show the JTAG chain, as OpenOCD read it at its start.
    Scan,
    /// Play an SVF file through the JTAG chain.
    Svf(jtag::SvfArgs),
    /// Play an XSVF file through the JTAG chain.
    Xsvf(jtag::XsvfArgs),
    /// Show and access the debug access port of an Arm chip.
    Dap(dap::DapArgs),
    /// Show the probe, set its speed, drive its reset lines.
    Adapter(adapter::AdapterArgs),
    /// Write firmware into flash, verify it and start it. Unchanged sectors are skipped.
    #[command(alias = "download", alias = "program")]
    Flash(flash::FlashArgs),
    /// Erase flash.
    Erase(erase::EraseArgs),
    /// Compare flash with firmware. The target need not be halted.
    Verify(verify::VerifyArgs),
    /// Read flash into a file. The target need not be halted.
    Read(read::ReadArgs),
    /// Protect sectors of flash from being erased and written.
    Protect(protect::ProtectArgs),
    /// End the protection of sectors of flash.
    Unprotect(protect::ProtectArgs),
    /// List the flash banks.
    Banks(banks::BanksArgs),
    /// Run an OpenOCD command and print its result.
    Cmd(cmd::CmdArgs),
    /// Show each setting and where it comes from. Needs no board.
    Config,
    /// Start an OpenOCD for other tools, and keep it until Ctrl-C.
    Server(server::ServerArgs),
    /// Start GDB on the board, with an OpenOCD of its own or the one of --connect.
    Gdb(gdb::GdbArgs),
    /// Run OpenOCD's commands and ours, line by line.
    Repl(repl::ReplArgs),
    /// Print what the running target sends over RTT, and send it standard input.
    ///
    /// Ctrl-C or the end of --timeout ends it. The end of standard input, Ctrl-D on a terminal,
    /// does not.
    Rtt(rtt::RttArgs),
    /// Serve the semihosting calls of the running target until it exits or crashes.
    Semihosting(semihosting::SemihostingArgs),
    /// Print a completion script for a shell. Needs no board.
    Completions(shell::CompletionsArgs),
    /// Print the manual page, or write all pages. Needs no board.
    Man(shell::ManArgs),
}

impl Command {
    pub(crate) fn does(&self) -> Does {
        Does { takes_time: self.takes_time(), effect: self.effect() }
    }

    /// What it does to a board.
    fn effect(&self) -> Effect {
        let changes = match self {
            Command::Flash(_) | Command::Erase(_) | Command::Protect(_) | Command::Unprotect(_) => {
                return Effect::ChangesFlash;
            }
            Command::Run(arguments) if arguments.writes_flash() => return Effect::ChangesFlash,
            Command::Run(_) | Command::Halt | Command::Resume(_) | Command::Step(_) | Command::Reset(_) => true,
            Command::Svf(_) | Command::Xsvf(_) => true,
            // Whatever is typed there.
            Command::Cmd(_) | Command::Gdb(_) | Command::Repl(_) => true,
            Command::Regs(arguments) => arguments.writes(),
            Command::Mem(arguments) => arguments.writes(),
            Command::Bp(arguments) => arguments.writes(),
            Command::Wp(arguments) => arguments.writes(),
            Command::Svd(arguments) => arguments.writes(),
            Command::Dap(arguments) => arguments.writes(),
            Command::Adapter(arguments) => arguments.drives_a_line(),
            // A program of OpenOCD's or of the library's runs in the chip's RAM.
            Command::Verify(_) => true,
            Command::Banks(arguments) => arguments.looks_for_erased(),
            // What is read from a ring of RTT is noted in the target's memory.
            Command::Attach(_) => true,
            Command::Rtt(arguments) => !arguments.only_lists(),
            // It answers the firmware's calls.
            Command::Semihosting(_) => true,
            Command::Status | Command::Info | Command::WaitHalt | Command::Watch(_) => false,
            Command::Events(_) | Command::Symbols(_) | Command::Crash(_) | Command::Backtrace(_) => false,
            Command::Core(_) | Command::Scan | Command::Read(_) => false,
            Command::Config | Command::Server(_) | Command::Completions(_) | Command::Man(_) => false,
        };
        if changes { Effect::ChangesTarget } else { Effect::Looks }
    }

    /// Whether `--timeout` limits the command as a whole, not each answer of OpenOCD.
    fn takes_time(&self) -> bool {
        matches!(
            self,
            Command::Run(_)
                | Command::Attach(_)
                | Command::WaitHalt
                | Command::Rtt(_)
                | Command::Semihosting(_)
                | Command::Watch(_)
                | Command::Events(_)
        )
    }
}

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
