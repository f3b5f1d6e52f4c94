//! Describes an OpenOCD to start.

mod adapter;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::log_callback::LogCallback;
use super::temporary::TemporaryFiles;
use super::{OpenOcdProcess, binary, startup};
use crate::error::Result;

/// Describes an OpenOCD to start; [`spawn`](Self::spawn) starts it.
///
/// Configuration files and commands reach OpenOCD in the order of the calls. The choice of the
/// adapter (driver, serial number, USB location, transport, speed) reaches OpenOCD when it accepts
/// the choice, whatever the order of the calls.
///
/// A file name is only ever a name: no character in it makes OpenOCD run anything.
///
/// A builder can be cloned, to start several OpenOCD processes that differ in little.
///
/// ```
/// use openocd::OpenOcdProcess;
///
/// # fn main() -> openocd::Result<()> {
/// let process = OpenOcdProcess::builder()
///     .command("adapter driver dummy")
///     .command("jtag newtap chip cpu -irlen 4")
///     .command("noinit")
///     .spawn()?;
/// assert_ne!(process.tcl_port(), 0);
/// process.stop()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `spawn`"]
pub struct OpenOcdBuilder {
    pub(super) config: Vec<Config>,
    pub(super) search_dirs: Vec<PathBuf>,
    pub(super) extra_arguments: Vec<OsString>,
    pub(super) driver: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) usb_location: Option<String>,
    pub(super) transport: Option<String>,
    pub(super) speed_khz: Option<u32>,
    binary: Option<PathBuf>,
    pub(super) tcl_port: u16,
    pub(super) gdb_port: Option<u16>,
    pub(super) telnet_port: Option<u16>,
    pub(super) ready_timeout: Option<Duration>,
    pub(super) cancel_flag: Option<Arc<AtomicBool>>,
    pub(super) on_log: Option<LogCallback>,
}

/// A part of the configuration.
#[derive(Debug, Clone)]
pub(super) enum Config {
    File(OsString),
    Command(String),
    /// A string that is split when OpenOCD is started, so that a mistake in it is an error and no
    /// panic.
    Line(String),
}

impl Default for OpenOcdBuilder {
    fn default() -> Self {
        OpenOcdBuilder {
            config: Vec::new(),
            search_dirs: Vec::new(),
            extra_arguments: Vec::new(),
            driver: None,
            serial: None,
            usb_location: None,
            transport: None,
            speed_khz: None,
            binary: None,
            tcl_port: 0,
            gdb_port: None,
            telnet_port: None,
            ready_timeout: Some(Duration::from_secs(10)),
            cancel_flag: None,
            on_log: None,
        }
    }
}

impl OpenOcdBuilder {
    /// Adds a configuration as one would type it after `openocd`:
    /// `"-f interface/cmsis-dap.cfg -f target/stm32f1x.cfg"`.
    ///
    /// Words that follow no option are configuration files; `-f`, `-c`, `-s`, `-d` and their long
    /// forms are OpenOCD's. Single and double quotes hold words together; inside double quotes a
    /// backslash escapes a double quote or a backslash. A string that is the path of an existing
    /// file is that file.
    ///
    /// `exit` and `shutdown` do not belong here, also not as words of `program`: OpenOCD would do
    /// what stands before them, and end
    /// ([`StartFailure::EndedByConfiguration`](crate::StartFailure::EndedByConfiguration)).
    ///
    /// [`spawn`](Self::spawn) fails with
    /// [`ProcessError::InvalidConfig`](crate::ProcessError::InvalidConfig) if the string is empty,
    /// has an unclosed quote or an option without its argument, or sends the log to a file (`-l`):
    /// ports and errors are read from the log.
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder().config("-f interface/cmsis-dap.cfg -f target/stm32f1x.cfg -c 'adapter speed 4000'");
    /// ```
    pub fn config(mut self, config: impl Into<String>) -> Self {
        self.config.push(Config::Line(config.into()));
        self
    }

    /// Adds a configuration file (`-f`). OpenOCD looks it up in the search directories and in its
    /// own.
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder()
    ///     .config_file("interface/cmsis-dap.cfg")
    ///     .config_file("boards/my board.cfg");
    /// ```
    pub fn config_file(mut self, file: impl AsRef<Path>) -> Self {
        self.config.push(Config::File(file.as_ref().into()));
        self
    }

    /// Adds a Tcl command (`-c`). It runs at its place among the configuration files.
    ///
    /// Quote whatever comes from elsewhere with [`quote`](crate::quote): OpenOCD's Tcl can run
    /// programs.
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder().command("adapter driver dummy").command("noinit");
    /// ```
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.config.push(Config::Command(command.into()));
        self
    }

    /// Adds a directory in which OpenOCD looks for files, before its own (`-s`).
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder().search_dir("./scripts").config_file("my_board.cfg");
    /// ```
    pub fn search_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.search_dirs.push(directory.into());
        self
    }

    /// Adds an argument to OpenOCD's command line, before all others.
    ///
    /// It is passed as it is, except for a file of `-f`, whose name OpenOCD would execute. `-l` is
    /// refused, as in [`config`](Self::config).
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder().arg("-d3").config_file("board/st_nucleo_f4.cfg");
    /// ```
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.extra_arguments.push(argument.into());
        self
    }

    /// Sets the openocd binary: a path, or a name to look up in `PATH`.
    ///
    /// By default it is the one named by the environment variable `OPENOCD`, or else `openocd` in
    /// `PATH`.
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder().binary("/opt/openocd/bin/openocd").config_file("board/st_nucleo_f4.cfg");
    /// ```
    pub fn binary(mut self, binary: impl Into<PathBuf>) -> Self {
        self.binary = Some(binary.into());
        self
    }

    /// Sets the TCL port. With 0, the default, OpenOCD chooses a free one.
    ///
    /// If the port is taken, [`spawn`](Self::spawn) fails with
    /// [`ProcessError::ExitedDuringStartup`](crate::ProcessError::ExitedDuringStartup).
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder().config_file("board/st_nucleo_f4.cfg").tcl_port(6666);
    /// ```
    pub fn tcl_port(mut self, port: u16) -> Self {
        self.tcl_port = port;
        self
    }

    /// Opens a GDB port for the first target, and the following ports for further targets. Closed
    /// by default.
    ///
    /// With 0 OpenOCD chooses free ones. [`OpenOcdProcess::gdb_ports`] tells which are open. If one
    /// is taken, [`spawn`](Self::spawn) fails with
    /// [`ProcessError::ExitedDuringStartup`](crate::ProcessError::ExitedDuringStartup).
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder().config_file("board/st_nucleo_f4.cfg").gdb_port(3333);
    /// ```
    pub fn gdb_port(mut self, port: u16) -> Self {
        self.gdb_port = Some(port);
        self
    }

    /// Opens a telnet port. Closed by default.
    ///
    /// With 0 OpenOCD chooses a free one, which [`OpenOcdProcess::telnet_port`] tells. If the port
    /// is taken, [`spawn`](Self::spawn) fails with
    /// [`ProcessError::ExitedDuringStartup`](crate::ProcessError::ExitedDuringStartup).
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    ///
    /// let openocd = OpenOcdProcess::builder().config_file("board/st_nucleo_f4.cfg").telnet_port(4444);
    /// ```
    pub fn telnet_port(mut self, port: u16) -> Self {
        self.telnet_port = Some(port);
        self
    }

    /// Sets how long OpenOCD may take until it answers, `init` included. 10 s by default; `None`
    /// waits forever.
    ///
    /// An OpenOCD that is not ready by then is asked to end, and killed 200 ms later:
    /// [`spawn`](Self::spawn) returns by then.
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    /// use std::time::Duration;
    ///
    /// let openocd = OpenOcdProcess::builder()
    ///     .config_file("board/st_nucleo_f4.cfg")
    ///     .ready_timeout(Duration::from_secs(30));
    /// ```
    pub fn ready_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.ready_timeout = timeout.into();
        self
    }

    /// Cancels the start when `flag` becomes true: OpenOCD is asked to end, killed 200 ms later,
    /// and [`spawn`](Self::spawn) fails with
    /// [`ProcessError::Cancelled`](crate::ProcessError::Cancelled). None by default.
    ///
    /// For Ctrl-C handlers: an adapter that does not answer can delay `init` for long. The flag has
    /// no effect after the start.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use openocd::{Error, OpenOcdProcess, ProcessError};
    ///
    /// let is_interrupted = Arc::new(AtomicBool::new(false));
    /// let openocd = OpenOcdProcess::builder().command("adapter driver dummy; sleep 60000");
    /// let openocd = openocd.cancel_flag(Arc::clone(&is_interrupted));
    /// # let handler = Arc::clone(&is_interrupted);
    /// # std::thread::spawn(move || {
    /// #     std::thread::sleep(std::time::Duration::from_millis(300));
    /// #     handler.store(true, Ordering::Relaxed);
    /// # });
    /// // A signal handler sets `is_interrupted` meanwhile.
    /// assert!(matches!(openocd.spawn(), Err(Error::Process(ProcessError::Cancelled))));
    /// ```
    pub fn cancel_flag(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancel_flag = Some(flag);
        self
    }

    /// Calls `callback` with each line of OpenOCD's log.
    ///
    /// It runs on a thread of its own, a moment after the line was written. It delays neither
    /// OpenOCD nor calls: up to 4096 lines wait for it, and further ones are dropped, which is
    /// logged through the `log` crate. Lines are cut to 4 KiB. When OpenOCD ends, the callback has
    /// up to two seconds for the lines that wait. After a panic it is not called again.
    ///
    /// The same lines go to the `log` crate under the target `openocd::server`. The replies to this
    /// crate's commands, which OpenOCD writes to its log too, are left out. Clones of the builder
    /// share the callback.
    ///
    /// ```
    /// use openocd::OpenOcdProcess;
    /// use std::sync::mpsc::channel;
    ///
    /// let (sender, lines) = channel();
    /// let process = OpenOcdProcess::builder()
    ///     .command("adapter driver dummy; echo hello; noinit")
    ///     .on_log(move |line| drop(sender.send(line.to_owned())))
    ///     .spawn()?;
    /// assert!(lines.iter().any(|line| line == "hello"));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn on_log(mut self, callback: impl FnMut(&str) + Send + 'static) -> Self {
        self.on_log = Some(Arc::new(Mutex::new(callback)));
        self
    }

    /// Starts OpenOCD and waits until it has answered a command, so until its `init` has succeeded.
    ///
    /// OpenOCD often goes on with a board that is not as the configuration describes it:
    /// [`OpenOcdProcess::start_warnings`].
    ///
    /// # Errors
    /// [`ProcessError::BinaryNotFound`](crate::ProcessError::BinaryNotFound) without an openocd
    /// binary, [`ProcessError::InvalidConfig`](crate::ProcessError::InvalidConfig) for an empty or
    /// unusable configuration,
    /// [`ProcessError::ExitedDuringStartup`](crate::ProcessError::ExitedDuringStartup) with
    /// OpenOCD's exit status and log, whose [`start_failure`](crate::ProcessReport::start_failure)
    /// names the reason, and [`TimeoutError::Ready`](crate::TimeoutError::Ready) if
    /// OpenOCD is not ready in time; it is stopped then.
    ///
    /// ```
    /// use openocd::{OpenOcdProcess, Session};
    ///
    /// let process = OpenOcdProcess::builder().command("adapter driver dummy").command("noinit").spawn()?;
    /// let session = Session::connect(process.tcl_address())?;
    /// assert_eq!(session.command("adapter name")?, "dummy");
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn spawn(self) -> Result<OpenOcdProcess> {
        let files = TemporaryFiles::new();
        let arguments = self.arguments(&files)?;
        let program = binary::find(self.binary.as_deref())?;
        startup::spawn(self, &program, &arguments, files)
    }
}

impl fmt::Debug for OpenOcdBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOcdBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Takes a configuration as one would type it after `openocd`; see
/// [`config`](OpenOcdBuilder::config).
impl<C: Into<String>> From<C> for OpenOcdBuilder {
    fn from(config: C) -> Self {
        OpenOcdBuilder::default().config(config)
    }
}
