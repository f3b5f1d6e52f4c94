//! Starts, watches and stops an OpenOCD.

mod arguments;
mod binary;
mod builder;
mod child;
mod command_line;
mod config;
mod log_callback;
mod log_line;
mod log_reader;
mod log_tail;
mod reply_echo;
mod start_failure;
mod start_log;
mod startup;
mod temporary;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use builder::OpenOcdBuilder;
use child::{OwnedChild, STOP_GRACE};
pub use log_tail::LOG_TAIL_LINES;
pub use start_failure::StartFailure;

use crate::command::OwnServer;
use crate::error::{ProcessReport, Result};

/// An OpenOCD that this program started, and that ends with it.
///
/// [`builder`](Self::builder) describes it. [`spawn`](OpenOcdBuilder::spawn) returns once OpenOCD
/// has answered a command, so after `init`. [`Session::start`](crate::Session::start) does this and
/// connects in one go.
///
/// # How it ends
/// [`stop`](Self::stop) and dropping the value end OpenOCD. If this program is killed, even with
/// SIGKILL, OpenOCD notices on Unix that its standard input closes, and ends too. It notices that
/// between two commands: an OpenOCD that is executing a long command finishes the command first,
/// and keeps the adapter until then.
///
/// OpenOCD is in a process group of its own, so Ctrl-C in a terminal reaches this program alone,
/// which can then end OpenOCD in order.
///
/// Programs that OpenOCD started itself are not ended.
///
/// ```no_run
/// use openocd::{OpenOcdProcess, Session};
///
/// # fn main() -> openocd::Result<()> {
/// let process = OpenOcdProcess::builder()
///     .config_file("interface/cmsis-dap.cfg")
///     .config_file("target/stm32f1x.cfg")
///     .spawn()?;
/// let session = Session::connect(process.tcl_address())?;
/// println!("{}", session.version());
/// # Ok(())
/// # }
/// ```
pub struct OpenOcdProcess {
    child: Arc<OwnedChild>,
    tcl_port: u16,
    gdb_ports: Vec<u16>,
    /// The target of each of them.
    gdb_targets: Vec<String>,
    telnet_port: Option<u16>,
    start_warnings: Vec<String>,
}

impl OpenOcdProcess {
    /// Describes an OpenOCD to start.
    pub fn builder() -> OpenOcdBuilder {
        OpenOcdBuilder::default()
    }

    /// Returns the TCL port that OpenOCD listens on.
    pub fn tcl_port(&self) -> u16 {
        self.tcl_port
    }

    /// Returns the address to connect to: the TCL port on the loopback address.
    pub fn tcl_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.tcl_port))
    }

    /// Returns the GDB ports in the order of the configuration, one for each target that has one:
    /// a target may be configured without (`-gdb-port disabled`), and the targets of an SMP group
    /// share that of the first. [`gdb_port_of`](Self::gdb_port_of) tells which is whose.
    ///
    /// There are none unless [`gdb_port`](OpenOcdBuilder::gdb_port) asked for them.
    pub fn gdb_ports(&self) -> &[u16] {
        &self.gdb_ports
    }

    /// Returns the GDB port of a target, if it has one of its own.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder().config(chip.openocd_config()).gdb_port(0).spawn()?;
    /// assert_eq!(openocd.gdb_port_of("stm32f1x.cpu"), Some(openocd.gdb_ports()[0]));
    /// assert_eq!(openocd.gdb_port_of("another.cpu"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gdb_port_of(&self, target: &str) -> Option<u16> {
        let at = self.gdb_targets.iter().position(|name| name == target)?;
        self.gdb_ports.get(at).copied()
    }

    /// Returns the telnet port, if [`telnet_port`](OpenOcdBuilder::telnet_port) asked for one.
    pub fn telnet_port(&self) -> Option<u16> {
        self.telnet_port
    }

    /// Returns the process number.
    pub fn pid(&self) -> u32 {
        self.child.pid
    }

    /// Returns the command line that the builder describes, program first, quoted for a POSIX
    /// shell.
    ///
    /// It shows what was asked for, to be tried by hand, without the scripts that this crate adds.
    pub fn command_line(&self) -> &str {
        &self.child.command_line
    }

    /// Returns whether the process is running.
    pub fn is_running(&self) -> bool {
        self.exit_status().is_none()
    }

    /// Returns how the process ended; `None` while it runs.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.child.exit_status()
    }

    /// Returns the last lines of OpenOCD's log, oldest first: at most [`LOG_TAIL_LINES`], each cut
    /// to 4 KiB.
    ///
    /// The log is OpenOCD's standard error, without the replies to this crate's commands, which
    /// OpenOCD writes there too. A line is here a few milliseconds after it was written, so what a
    /// command logs may not be here yet when the command returns;
    /// [`Session::execute`](crate::Session::execute) returns that log. All lines are here when
    /// OpenOCD has ended.
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let process = OpenOcdProcess::builder().command("adapter driver dummy; echo hello; noinit").spawn()?;
    /// assert!(process.log_tail().iter().any(|line| line == "hello"));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn log_tail(&self) -> Vec<String> {
        self.child.log.lines()
    }

    /// Returns the differences from the configuration that OpenOCD's log of the start reports, a
    /// sentence each.
    ///
    /// OpenOCD often goes on where the board is not as the configuration describes it: with another
    /// chip, with a JTAG chain of other TAPs, with a target that seems to have no power. The calls
    /// that follow then fail in other ways, or work on a wrong chip. So check these warnings before
    /// flash is written. The `log` crate gets them too, as warnings under the target
    /// `openocd::process`.
    ///
    /// Only the log of the start counts; lines that come later change nothing. An OpenOCD that is
    /// told to log errors only (`-d0`) says less.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let config = chip.openocd_config();
    /// use openocd::Session;
    ///
    /// let session = Session::start(config)?;
    /// let warnings = session.process().map(|process| process.start_warnings()).unwrap_or_default();
    /// assert!(warnings.is_empty(), "{warnings:?}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_warnings(&self) -> &[String] {
        &self.start_warnings
    }

    /// Returns what is known of the process, for an error message.
    pub fn report(&self) -> ProcessReport {
        self.child.report()
    }

    /// Ends OpenOCD and returns how it ended. An OpenOCD that does not end within two seconds is
    /// killed.
    ///
    /// OpenOCD first runs its shutdown handlers and releases the adapter. The target is left as it
    /// is.
    ///
    /// # Errors
    /// [`ProcessError::Stop`](crate::ProcessError::Stop) if the operating system cannot end the
    /// process.
    pub fn stop(self) -> Result<ExitStatus> {
        self.end()
    }

    /// Kills OpenOCD at once and waits for its end.
    ///
    /// OpenOCD does not release its adapter, which the operating system does. The target is left as
    /// it is. Prefer [`stop`](Self::stop), which asks first.
    ///
    /// # Errors
    /// [`ProcessError::Stop`](crate::ProcessError::Stop) if the operating system cannot end the
    /// process.
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let process = OpenOcdProcess::builder().command("adapter driver dummy; noinit").spawn()?;
    /// process.kill()?;
    /// assert!(!process.is_running());
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn kill(&self) -> Result<ExitStatus> {
        self.child.kill()
    }

    /// Ends OpenOCD; see [`stop`](Self::stop).
    pub(crate) fn end(&self) -> Result<ExitStatus> {
        self.child.end(self.tcl_port, STOP_GRACE)
    }

    /// What connections to this OpenOCD are given to know it by.
    pub(crate) fn own_server(&self) -> OwnServer {
        self.child.own_server()
    }

    /// Waits for an end that is due, such as after OpenOCD closed a connection.
    pub(crate) fn wait_for_end(&self, at_most: Duration) -> Option<ExitStatus> {
        self.child.wait(Instant::now() + at_most).ok().flatten()
    }
}

impl Drop for OpenOcdProcess {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            log::warn!(target: "openocd::process", "{error}");
        }
    }
}

impl fmt::Debug for OpenOcdProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOcdProcess")
            .field("pid", &self.pid())
            .field("tcl_port", &self.tcl_port)
            .field("is_running", &self.is_running())
            .finish_non_exhaustive()
    }
}
