//! The command line: options that every command has, and the commands.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::identity::Effect;
use crate::{commands, exit_status};

/// Flash, run, inspect and test microcontrollers through OpenOCD.
///
/// Every failure is an error with an exit status of its own, also where OpenOCD itself reports
/// success.
#[derive(Debug, Parser)]
#[command(name = "ocd", version, after_long_help = exit_status::TABLE, max_term_width = 100)]
#[command(propagate_version = true, infer_long_args = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) board: BoardArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which board, and how to get at it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Board")]
pub(crate) struct BoardArgs {
    /// Connect to the TCL port of an OpenOCD that is running, such as localhost:6666.
    #[arg(long, global = true, value_name = "HOST:PORT", env = "OCD_CONNECT")]
    connect: Option<String>,
    /// Start OpenOCD with this configuration, as typed after `openocd`:
    /// "-f interface/cmsis-dap.cfg -f target/stm32f1x.cfg".
    #[arg(long, global = true, value_name = "CONFIG", env = "OCD_CONFIG", allow_hyphen_values = true)]
    config: Option<String>,
    /// Drive a virtual STM32F103, made for this command alone.
    #[arg(id = "virtual_chip", long = "virtual", global = true)]
    #[arg(hide = !cfg!(feature = "virtual"))]
    virtual_chip: bool,
    /// Use the probe with this serial number.
    #[arg(long, global = true, value_name = "SERIAL", env = "OCD_SERIAL", alias = "probe")]
    serial: Option<String>,
    /// Use the probe at this USB bus and port, such as 1-2.3.
    #[arg(long, global = true, value_name = "BUS-PORTS", env = "OCD_USB_LOCATION")]
    usb_location: Option<String>,
    /// Set the probe's speed in kHz.
    #[arg(long, global = true, value_name = "KHZ", env = "OCD_SPEED")]
    speed: Option<String>,
    /// Select the transport: jtag, swd and others that the probe has.
    #[arg(long, global = true, value_name = "NAME", env = "OCD_TRANSPORT")]
    transport: Option<String>,
    /// Use this target of the configuration, such as stm32f1x.cpu. OpenOCD's default otherwise.
    #[arg(long, global = true, value_name = "NAME", env = "OCD_TARGET")]
    target: Option<String>,
    /// Start this openocd instead of $OPENOCD or the one in PATH.
    #[arg(long, global = true, value_name = "PATH", env = "OCD_OPENOCD")]
    openocd: Option<String>,
    /// For commands that wait (run, attach, wait-halt, rtt, semihosting, watch, events): how long they
    /// may take, from when the board is ready; no limit by default. For all others: how long OpenOCD
    /// may take to answer (10s, for flash 60s). It limits the start of OpenOCD, too (10s), but to no
    /// less than 3s.
    #[arg(long, global = true, value_name = "TIME", env = "OCD_TIMEOUT")]
    timeout: Option<String>,
    /// The chip's SVD file, for addresses such as RCC.CR.
    #[arg(long, global = true, value_name = "FILE", env = "OCD_SVD")]
    svd: Option<String>,
    /// The firmware's ELF file, for addresses such as counter+4.
    #[arg(long, global = true, value_name = "FILE", env = "OCD_ELF")]
    elf: Option<String>,
    /// Wait so long for a probe that is absent or busy, or for the OpenOCD of --connect.
    #[arg(long, global = true, value_name = "TIME", env = "OCD_WAIT")]
    wait: Option<String>,
    /// What happens to the target when the command ends [default: halt for `run`, otherwise keep].
    #[arg(long, global = true, value_name = "keep|resume|halt|leave", env = "OCD_ON_EXIT")]
    on_exit: Option<String>,
    /// Before anything is done, check that a TAP has this IDCODE, or the debug port this DPIDR. In
    /// ocd.toml and the environment it is for commands that change the target or its flash.
    #[arg(long, global = true, value_name = "ID", env = "OCD_EXPECT")]
    expect: Option<String>,
    /// The ports on which OpenOCD listens for RTT, such as 9000 or 9000-9003, if it is behind
    /// forwarded ports [default: any that is free].
    #[arg(long, global = true, value_name = "PORTS", env = "OCD_STREAM_PORTS")]
    stream_ports: Option<String>,
    /// Use these boards of ocd.toml, side by side if the command allows it.
    #[arg(long, global = true, value_name = "NAMES", env = "OCD_BOARD", value_delimiter = ',')]
    pub(crate) board: Vec<String>,
    /// Use all boards of ocd.toml.
    #[arg(long, global = true)]
    pub(crate) all_boards: bool,
}

/// How results are shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Print JSON, one object a line. Errors too.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show OpenOCD's log (-v), or everything that is sent and received (-vv).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Write OpenOCD's log, and everything that is sent and received, into this file instead.
    #[arg(long, global = true, value_name = "FILE", env = "OCD_LOG_FILE")]
    pub(crate) log_file: Option<std::path::PathBuf>,
    /// When to use colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,
    /// How to show progress: bars on a terminal, or a line for each phase.
    #[arg(long, global = true, value_name = "HOW", default_value = "auto", env = "OCD_PROGRESS")]
    pub(crate) progress: ProgressStyle,
}

impl OutputArgs {
    /// JSON, and the defaults.
    pub(crate) fn json() -> Self {
        OutputArgs { json: true, verbose: 0, log_file: None, color: When::Auto, progress: ProgressStyle::Auto }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressStyle {
    Auto,
    Plain,
    None,
}

/// The aliases are what other tools call a command. They are hidden: one name is enough to learn.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Flash firmware, reset, and show what it prints until it ends. Its exit status becomes ours.
    Run(Box<commands::run::RunArgs>),
    /// Show what running firmware prints, without a reset or a halt.
    ///
    /// It ends with Ctrl-C, when --timeout is over, and when the firmware exits, crashes or halts.
    Attach(commands::attach::AttachArgs),
    /// Show the target's state.
    Status,
    /// Show probe, chain, targets, debug port and flash on one page.
    Info,
    /// Halt the target.
    #[command(alias = "stop")]
    Halt,
    /// Let the target run.
    #[command(alias = "continue", alias = "go")]
    Resume(commands::control::ResumeArgs),
    /// Execute one instruction.
    Step(commands::control::StepArgs),
    /// Reset the target.
    Reset(commands::control::ResetArgs),
    /// Wait until the target halts.
    WaitHalt,
    /// Show core registers, or write them.
    #[command(alias = "reg", alias = "registers")]
    Regs(commands::regs::RegsArgs),
    /// Read, write, dump, load, search and test memory.
    #[command(alias = "memory")]
    Mem(commands::mem::MemArgs),
    /// Set, remove and list breakpoints.
    #[command(alias = "breakpoint", alias = "break")]
    Bp(commands::breakpoints::BpArgs),
    /// Set, remove and list watchpoints.
    #[command(alias = "watchpoint")]
    Wp(commands::breakpoints::WpArgs),
    /// Read and write peripherals by the names of the chip's SVD file. Needs --svd.
    Svd(commands::svd::SvdArgs),
    /// Watch variables and registers while the target runs: a table, CSV in a pipe, or JSON.
    Watch(commands::watch::WatchArgs),
    /// Print what happens to the targets: halts, resumptions, resets.
    Events(commands::events::EventsArgs),
    /// List the symbols of the firmware. Needs no board.
    Symbols(commands::symbols::SymbolsArgs),
    /// Explain why a halted target crashed.
    Crash(commands::crash::CrashArgs),
    /// Show the calls that led to where a Cortex-M is halted. Needs --elf.
    #[command(alias = "bt")]
    Backtrace(commands::crash::CrashArgs),
    /// Write registers and memory of a halted target to a core file, which GDB opens.
    Core(commands::crash::CoreArgs),
    /// Show the JTAG chain, as OpenOCD read it at its start.
    Scan,
    /// Play an SVF file through the JTAG chain.
    Svf(commands::jtag::SvfArgs),
    /// Play an XSVF file through the JTAG chain.
    Xsvf(commands::jtag::XsvfArgs),
    /// Show and access the debug access port of an Arm chip.
    Dap(commands::dap::DapArgs),
    /// Show the probe, set its speed, drive its reset lines.
    Adapter(commands::adapter::AdapterArgs),
    /// Write firmware into flash, verify it and start it. What flash holds already is skipped.
    #[command(alias = "download", alias = "program")]
    Flash(commands::flash::FlashArgs),
    /// Erase flash.
    Erase(commands::erase::EraseArgs),
    /// Compare flash with firmware. The target need not be halted.
    Verify(commands::verify::VerifyArgs),
    /// Read flash into a file. The target need not be halted.
    Read(commands::read::ReadArgs),
    /// Protect sectors of flash from being erased and written.
    Protect(commands::protect::ProtectArgs),
    /// End the protection of sectors of flash.
    Unprotect(commands::protect::ProtectArgs),
    /// List the flash banks.
    Banks(commands::banks::BanksArgs),
    /// Run an OpenOCD command and print its result.
    Cmd(commands::cmd::CmdArgs),
    /// Show each setting and where it comes from. Needs no board.
    Config,
    /// Start an OpenOCD for other tools, and keep it until Ctrl-C.
    Server(commands::server::ServerArgs),
    /// Start GDB on the board, with an OpenOCD that ends with it, or with the one of --connect.
    Gdb(commands::gdb::GdbArgs),
    /// Run OpenOCD's commands and ours, line by line.
    Repl(commands::repl::ReplArgs),
    /// Print what the running target sends over RTT, and send it standard input.
    ///
    /// Ctrl-C or the end of --timeout ends it. The end of standard input, Ctrl-D on a terminal,
    /// does not.
    Rtt(commands::rtt::RttArgs),
    /// Serve the semihosting calls of the running target until it exits or crashes.
    Semihosting(commands::semihosting::SemihostingArgs),
    /// Print a completion script for a shell. Needs no board.
    Completions(commands::shell::CompletionsArgs),
    /// Print the manual page, or write all pages. Needs no board.
    Man(commands::shell::ManArgs),
}

impl Command {
    /// What it does to a board.
    pub(crate) fn effect(&self) -> Effect {
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
    pub(crate) fn takes_time(&self) -> bool {
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
