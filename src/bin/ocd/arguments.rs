//! Options that every command has: which board, and how results are shown.

use clap::{Args, ValueEnum};

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
    /// Drive a virtual STM32F103, created for this command alone.
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
    /// Use this target of the configuration, such as stm32f1x.cpu [default: OpenOCD's].
    #[arg(long, global = true, value_name = "NAME", env = "OCD_TARGET")]
    target: Option<String>,
    /// Start this openocd instead of $OPENOCD or the one in PATH.
    #[arg(long, global = true, value_name = "PATH", env = "OCD_OPENOCD")]
    openocd: Option<String>,
    /// For commands that wait (run, attach, wait-halt, rtt, semihosting, watch, events): how long
    /// they may take, from when the board is ready; no limit by default. For all others: how long
    /// OpenOCD may take to answer (10s, for flash 60s). It also limits the start of OpenOCD (10s),
    /// but to no less than 3s.
    #[arg(long, global = true, value_name = "TIME", env = "OCD_TIMEOUT")]
    timeout: Option<String>,
    /// The chip's SVD file, for addresses such as RCC.CR.
    #[arg(long, global = true, value_name = "FILE", env = "OCD_SVD")]
    svd: Option<String>,
    /// The firmware's ELF file, for addresses such as counter+4.
    #[arg(long, global = true, value_name = "FILE", env = "OCD_ELF")]
    elf: Option<String>,
    /// How long to wait for a probe that is absent or busy, or for the OpenOCD of --connect.
    #[arg(long, global = true, value_name = "TIME", env = "OCD_WAIT")]
    wait: Option<String>,
    /// What happens to the target when the command ends [default: halt for `run`, otherwise keep].
    #[arg(long, global = true, value_name = "keep|resume|halt|leave", env = "OCD_ON_EXIT")]
    on_exit: Option<String>,
    /// Before anything is done, check that a TAP has this IDCODE, or the debug port this DPIDR.
    /// From ocd.toml or the environment, it is checked only by commands that change the target or
    /// its flash.
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
