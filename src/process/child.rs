//! The process itself: what is known of it, and how it ends.

use std::fmt;
use std::io::{self, Write};
use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::arguments::END;
use super::log_tail::LogTail;
use super::startup;
use super::temporary::TemporaryFiles;
use crate::command::{OwnServer, Token};
use crate::error::{ProcessError, ProcessReport, Result};
use crate::platform::{OPENOCD_WATCHES_STDIN, SharedEnd};

/// How long an OpenOCD that was asked to end may take before it is killed.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(2);

/// How long the operating system may take to end a process that was killed.
const KILL_GRACE: Duration = Duration::from_secs(5);

/// How long the log of an OpenOCD that has ended may stay open, because a program that OpenOCD
/// started holds it.
const LOG_GRACE: Duration = Duration::from_millis(100);

/// How often to check whether OpenOCD has ended.
const EXIT_POLL: Duration = Duration::from_millis(5);

/// An OpenOCD that this program started. It may have ended.
pub(super) struct OwnedChild {
    pub(super) running: Mutex<Running>,
    pub(super) pid: u32,
    pub(super) command_line: String,
    pub(super) token: Token,
    pub(super) files: TemporaryFiles,
    pub(super) log: Arc<LogTail>,
    /// `None` where the system does not allow it.
    pub(super) _shared_end: Option<SharedEnd>,
}

pub(super) struct Running {
    pub(super) child: Child,
    pub(super) stdin: Option<ChildStdin>,
    /// How it ended, once [`OwnedChild::end`] has waited for its log.
    pub(super) ended: Option<ExitStatus>,
}

impl OwnedChild {
    /// Tells OpenOCD its token, which the first of our scripts reads.
    pub(super) fn send_token(&self) {
        if let Some(stdin) = &mut self.running().stdin {
            // Fails if OpenOCD has ended already, which is noticed soon.
            if let Err(error) = stdin.write_all(format!("{}\n", self.token.as_str()).as_bytes()) {
                log::debug!(target: "openocd::process", "cannot write to OpenOCD's standard input: {error}");
            }
        }
    }

    pub(super) fn exit_status(&self) -> Option<ExitStatus> {
        self.running().child.try_wait().ok().flatten()
    }

    pub(super) fn report(&self) -> ProcessReport {
        ProcessReport {
            command_line: self.command_line.clone(),
            exit_status: self.exit_status(),
            log_tail: self.log.lines(),
        }
    }

    /// What connections to this OpenOCD are given to know it by.
    pub(super) fn own_server(self: &Arc<Self>) -> OwnServer {
        let child = Arc::clone(self);
        let ended = Arc::new(move || child.exit_status().map(|_| child.report()));
        OwnServer { token: self.token.clone(), ended }
    }

    /// Ends OpenOCD: asks it to, and kills it after a grace.
    pub(super) fn end(self: &Arc<Self>, tcl_port: u16, grace: Duration) -> Result<ExitStatus> {
        let failed = |source| ProcessError::Stop { pid: self.pid, source };
        if let Some(status) = self.running().ended {
            return Ok(status);
        }
        let ended = self.running().child.try_wait().map_err(failed)?;
        let status = match ended {
            Some(status) => {
                // Its last lines and the callback get their time even so.
                self.wait(Instant::now() + grace).map_err(failed)?;
                status
            }
            None => self.end_running(tcl_port, grace).map_err(failed)?,
        };
        if !status.success() {
            self.files.remove();
        }
        self.running().ended = Some(status);
        Ok(status)
    }

    /// Kills OpenOCD, also while another thread asks it to end.
    pub(super) fn kill(&self) -> Result<ExitStatus> {
        let failed = |source| ProcessError::Stop { pid: self.pid, source };
        if self.exit_status().is_none() {
            self.running().child.kill().map_err(failed)?;
        }
        let ended = self.wait(Instant::now() + KILL_GRACE).map_err(failed)?;
        Ok(ended.ok_or_else(|| failed(io::ErrorKind::TimedOut.into()))?)
    }

    fn end_running(self: &Arc<Self>, tcl_port: u16, grace: Duration) -> io::Result<ExitStatus> {
        let pid = self.pid;
        if let Some(mut stdin) = self.running().stdin.take() {
            // Where nobody watches it, the telnet service reads it, and ends OpenOCD at its end also
            // if it has executed nothing.
            if let Err(error) = stdin.write_all(format!("{END}\n").as_bytes()) {
                log::debug!(target: "openocd::process", "cannot write to OpenOCD's standard input: {error}");
            }
        }
        if !OPENOCD_WATCHES_STDIN && tcl_port != 0 {
            if let Err(error) = startup::ask_to_end(tcl_port, self.own_server()) {
                log::debug!(target: "openocd::process", "cannot ask OpenOCD (process {pid}) to end: {error}");
            }
        }
        let status = if let Some(status) = self.wait(Instant::now() + grace)? {
            status
        } else {
            log::warn!(target: "openocd::process", "OpenOCD (process {pid}) does not end when asked; killing it");
            self.running().child.kill()?;
            self.wait(Instant::now() + KILL_GRACE)?.ok_or(io::ErrorKind::TimedOut)?
        };
        log::debug!(target: "openocd::process", "OpenOCD (process {pid}) ended: {status}");
        Ok(status)
    }

    /// Waits until OpenOCD has ended and its log is read; `None` if it has not ended by then.
    ///
    /// The standard library cannot wait for a process with a limit, but the log closes at the
    /// moment when OpenOCD ends, unless a program that OpenOCD started holds it open.
    pub(super) fn wait(&self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            // In short steps, so that nobody who asks for the state waits.
            self.log.wait_until_closed(deadline.min(Instant::now() + EXIT_POLL));
            if let Some(status) = self.running().child.try_wait()? {
                self.log.wait_until_closed(Instant::now() + LOG_GRACE);
                if self.log.is_closed() {
                    self.log.wait_for_callback(deadline);
                }
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            if self.log.is_closed() {
                // The pipe closes an instant before the end.
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for OwnedChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedChild").field("pid", &self.pid).finish_non_exhaustive()
    }
}
