//! Starting, watching and stopping an OpenOCD of one's own.

mod binary;
mod builder;
mod command_line;
mod config;
mod log_callback;
mod log_reader;
mod startup;
mod temporary;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use builder::OpenOcdBuilder;
pub use log_reader::LOG_TAIL_LINES;
use log_reader::LogTail;

use crate::error::{ProcessError, ProcessReport, Result};

/// How long an OpenOCD that was asked to end may take before it is killed.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// An OpenOCD that this program started, and that ends with it.
///
/// [`builder`](Self::builder) says what it should load; [`spawn`](OpenOcdBuilder::spawn) returns once it has answered a command,
/// so after `init`. [`Session::start`](crate::Session::start) does this and connects in one go.
///
/// Nobody is left behind: [`stop`](Self::stop) and dropping the value end OpenOCD, and if this program is killed, even with SIGKILL,
/// OpenOCD notices that its standard input closes and ends too (on Unix).
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
#[derive(Debug)]
pub struct OpenOcdProcess {
    child: Mutex<Running>,
    pid: u32,
    command_line: String,
    readable_line: String,
    token: String,
    tcl_port: u16,
    gdb_ports: Vec<u16>,
    log: Arc<LogTail>,
    /// OpenOCD watches its standard input, and ends when that closes.
    watches_stdin: bool,
}

#[derive(Debug)]
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl OpenOcdProcess {
    /// Describes an OpenOCD to start.
    pub fn builder() -> OpenOcdBuilder {
        OpenOcdBuilder::default()
    }

    /// The TCL port that OpenOCD listens on.
    pub fn tcl_port(&self) -> u16 {
        self.tcl_port
    }

    /// Where to connect: the TCL port on the loopback address.
    pub fn tcl_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.tcl_port))
    }

    /// The GDB ports, one for each target in the order of the configuration; empty unless
    /// [`gdb_port`](OpenOcdBuilder::gdb_port) asked for them.
    pub fn gdb_ports(&self) -> &[u16] {
        &self.gdb_ports
    }

    /// The process number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The command line, program first, quoted so that a POSIX shell takes it as it stands.
    pub fn command_line(&self) -> &str {
        &self.command_line
    }

    /// Whether the process is there.
    pub fn is_running(&self) -> bool {
        self.exit_status().is_none()
    }

    /// How it ended; `None` while it runs.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.running().child.try_wait().ok().flatten()
    }

    /// The last lines of its log, oldest first: at most [`LOG_TAIL_LINES`](crate::LOG_TAIL_LINES), each cut to a few kilobytes.
    ///
    /// OpenOCD's log is its standard error. It holds the results of commands too, as OpenOCD writes them there. Lines are here a few milliseconds after they
    /// were written, so what a command logs may not be there yet when it returns; [`Session::execute`](crate::Session::execute) gives that. All are here
    /// when OpenOCD has ended.
    pub fn log_tail(&self) -> Vec<String> {
        self.log.lines()
    }

    /// What is known of the process, for an error message.
    pub fn report(&self) -> ProcessReport {
        ProcessReport {
            command_line: self.command_line.clone(),
            readable_line: self.readable_line.clone(),
            exit_status: self.exit_status(),
            log_tail: self.log.lines(),
        }
    }

    /// Ends OpenOCD and returns how it ended: asks it to, waits two seconds, then kills it.
    ///
    /// OpenOCD shuts down in order when asked (it runs its shutdown handlers and releases the adapter). The target is left as it is.
    ///
    /// # Errors
    /// [`ProcessError::Stop`] if the operating system reports that the process can't be waited for.
    pub fn stop(self) -> Result<ExitStatus> {
        self.end()
    }

    pub(crate) fn end(&self) -> Result<ExitStatus> {
        let failed = |source| ProcessError::Stop { pid: self.pid, source };
        let mut running = self.running();
        let status = match running.child.try_wait().map_err(failed)? {
            Some(status) => status,
            None => self.end_running(&mut running).map_err(failed)?,
        };
        if !status.success() {
            temporary::remove(&self.token);
        }
        Ok(status)
    }

    fn end_running(&self, running: &mut Running) -> io::Result<ExitStatus> {
        running.stdin = None;
        if !self.watches_stdin {
            if let Err(error) = startup::ask_to_end(self.tcl_port, &self.token) {
                log::debug!(target: "openocd::process", "OpenOCD (process {}) can't be asked to end: {error}", self.pid);
            }
        }
        let asked = wait(&mut running.child, &self.log, STOP_GRACE)?;
        let status = if let Some(status) = asked {
            status
        } else {
            log::warn!(target: "openocd::process", "OpenOCD (process {}) does not end when asked; killing it", self.pid);
            running.child.kill().and_then(|()| running.child.wait())?
        };
        log::debug!(target: "openocd::process", "OpenOCD (process {}) ended: {status}", self.pid);
        Ok(status)
    }

    /// What it is known by to its sessions.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Waits for an end that is due, such as after OpenOCD closed a connection.
    pub(crate) fn wait_for_end(&self, at_most: Duration) -> Option<ExitStatus> {
        wait(&mut self.running().child, &self.log, at_most).ok().flatten()
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenOcdProcess {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            log::warn!(target: "openocd::process", "{error}");
        }
    }
}

/// Waits until the child has ended; `None` if it has not by then.
///
/// The standard library cannot wait with a limit, but the child's standard error closes at the moment when it ends.
fn wait(child: &mut Child, log: &LogTail, at_most: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + at_most;
    log.wait_until_closed(deadline);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        // Only if a process that OpenOCD left behind holds the pipe open, or if the pipe closes an instant before the end.
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
