//! What to start: the configuration of an OpenOCD, and the command line that it becomes.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command_line::Line;
use super::log_callback::LogCallback;
use super::{OpenOcdProcess, binary, config, startup, temporary};
use crate::error::{ProcessError, Result};
use crate::wire::tcl::quote;

/// Opens the ports as asked, whatever the configuration says, on the loopback address. `tcl_port` and its kin became `tcl port` and
/// so on: master still knows the old names, but complains about them.
///
/// After `init` they can't be changed any more, and a configuration may call that itself, so its first call comes through here:
/// `init` opens the GDB ports, and the others open when all of the configuration has run (`src/openocd.c`, `openocd_thread`).
///
/// Below level 2 OpenOCD logs neither its ports nor the messages that tell some failures from success. And ports and errors are
/// read from the log, so it can't go to a file until start-up is through.
const PORTS: &str = "\
    proc _openocd_rs_ports {} {\
        if {[lindex [debug_level] end] < 2} {debug_level 2}; \
        if {[command mode] ne {config}} return; \
        foreach {service port} {tcl @tcl gdb @gdb telnet @telnet} {\
            if {[llength [info commands \"$service port\"]]} {$service port $port} else {${service}_port $port}}; \
        bindto 127.0.0.1; return}; \
    rename init _openocd_rs_init; \
    proc init {} {_openocd_rs_ports; rename init {}; rename _openocd_rs_init init; tailcall init}; \
    rename log_output _openocd_rs_log_output; \
    proc log_output {args} {\
        if {$args in {{} default}} return; \
        return -code error \"log_output $args: the program that started this OpenOCD reads its log\"}; list";

/// After the configuration: for one that has not called `init`, and to leave everything as it was found.
const PORTS_AGAIN: &str = "_openocd_rs_ports; rename log_output {}; rename _openocd_rs_log_output log_output; list";

/// Selects the transport as soon as there is a driver to select it for: after the interface file, before the target file, which
/// would have OpenOCD select the adapter's first one.
const TRANSPORT: &str = "\
    if {[info exists ::_openocd_rs_transport] || [adapter name] in {{} undefined}} return; \
    set ::_openocd_rs_transport 1; transport select @name; return";

/// OpenOCD has no command that tells the serial number that it was given: this keeps it for `Adapter::serial`.
///
/// Where the program chooses, the choice holds against a configuration that says otherwise: a production line must not get hold of
/// the board beside. So the commands take nothing more until all of the configuration has run.
const CHOICE: &str = "\
    if {![catch {rename {adapter serial} _openocd_rs_adapter_serial}]} {\
        proc {adapter serial} {args} {\
            if {[info exists ::_openocd_rs_has_serial]} return; \
            _openocd_rs_adapter_serial {*}$args; set ::_openocd_rs_serial [lindex $args 0]; return}}; list";
const SERIAL: &str = "adapter serial @serial; set _openocd_rs_has_serial 1; list";
const SERIAL_AGAIN: &str = "unset _openocd_rs_has_serial";
const LOCATION: &str = "\
    adapter usb location @location; rename {adapter usb location} _openocd_rs_usb_location; \
    proc {adapter usb location} {args} {_openocd_rs_usb_location}; list";
const LOCATION_AGAIN: &str =
    "rename {adapter usb location} {}; rename _openocd_rs_usb_location {adapter usb location}; list";

/// Describes an OpenOCD to start; [`spawn`](Self::spawn) starts it.
///
/// Configuration files and commands reach OpenOCD in the order of the calls. The choice of the adapter (driver, serial number, USB
/// location, transport, speed) is put where OpenOCD takes it, wherever it is called.
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
#[must_use = "a builder does nothing until `spawn`"]
pub struct OpenOcdBuilder {
    config: Vec<Config>,
    search_dirs: Vec<PathBuf>,
    extra_arguments: Vec<OsString>,
    driver: Option<String>,
    serial: Option<String>,
    usb_location: Option<String>,
    transport: Option<String>,
    speed_khz: Option<u32>,
    binary: Option<PathBuf>,
    tcl_port: u16,
    gdb_port: Option<u16>,
    pub(super) telnet_port: Option<u16>,
    pub(super) ready_timeout: Option<Duration>,
    pub(super) on_log: Option<LogCallback>,
}

#[derive(Debug)]
enum Config {
    File(OsString),
    Command(String),
    /// A string that is split when OpenOCD is started, so that a mistake in it is an error and no panic.
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
            on_log: None,
        }
    }
}

impl OpenOcdBuilder {
    /// Adds a configuration as one would type it after `openocd`: `"interface/cmsis-dap.cfg -f target/stm32f1x.cfg"`.
    ///
    /// Words that follow no option are configuration files; `-f`, `-c`, `-s`, `-d` and their long forms are OpenOCD's. Single and double quotes
    /// hold words together; inside double quotes a backslash escapes a double quote or a backslash. A string that is the path of
    /// an existing file is that file.
    ///
    /// [`spawn`](Self::spawn) fails with [`ProcessError::InvalidConfig`] if the string is empty, a quote in it is not closed, an option lacks its
    /// argument, or it sends the log to a file (`-l`): the ports are read from the log.
    pub fn config(mut self, config: impl Into<String>) -> Self {
        self.config.push(Config::Line(config.into()));
        self
    }

    /// Adds a configuration file, looked up in the search directories and in OpenOCD's own (`-f`).
    pub fn config_file(mut self, file: impl AsRef<Path>) -> Self {
        self.config.push(Config::File(file.as_ref().into()));
        self
    }

    /// Adds a Tcl command (`-c`), to run where it stands among the configuration files.
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.config.push(Config::Command(command.into()));
        self
    }

    /// Adds a directory in which OpenOCD looks for files, before its own (`-s`).
    pub fn search_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.search_dirs.push(directory.into());
        self
    }

    /// Adds an argument to OpenOCD's command line as it is, before all others. `-l` is refused, as in [`config`](Self::config).
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.extra_arguments.push(argument.into());
        self
    }

    /// The adapter's driver, such as `cmsis-dap` (OpenOCD: `adapter driver`). Not needed with an interface or board file, and chosen before
    /// their own if given. None by default.
    pub fn adapter_driver(mut self, driver: impl Into<String>) -> Self {
        self.driver = Some(driver.into());
        self
    }

    /// Chooses the adapter by its serial number (OpenOCD: `adapter serial`), whatever the configuration says. By default the first that is found.
    ///
    /// OpenOCD does not start if the driver finds no adapter with this number; a driver that knows no serial numbers ignores it.
    pub fn adapter_serial(mut self, serial: impl Into<String>) -> Self {
        self.serial = Some(serial.into());
        self
    }

    /// Chooses the adapter by where it is plugged in: bus and ports, such as `1-2.3` (OpenOCD: `adapter usb location`), whatever the
    /// configuration says. By default it may be anywhere.
    pub fn adapter_usb_location(mut self, location: impl Into<String>) -> Self {
        self.usb_location = Some(location.into());
        self
    }

    /// The adapter's clock in kHz (OpenOCD: `adapter speed`), in place of the one in the configuration, whose files may still change it when
    /// the target is reset. The adapter takes the next lower speed that it has; [`Adapter::speed`](crate::Adapter::speed) tells which.
    pub fn adapter_speed(mut self, khz: u32) -> Self {
        self.speed_khz = Some(khz);
        self
    }

    /// How the adapter talks to the chip: `swd` or `jtag` (OpenOCD: `transport select`). The adapter's first one by default.
    ///
    /// It is selected once the adapter's driver is known, so before the file or command that follows the one with the driver. OpenOCD
    /// does not start if the adapter can't do it, or if the configuration has selected another one by then.
    pub fn transport(mut self, transport: impl Into<String>) -> Self {
        self.transport = Some(transport.into());
        self
    }

    /// The openocd binary: a path, or a name to look up in PATH. By default `$OPENOCD`, and `openocd` in PATH where that is not set.
    pub fn binary(mut self, binary: impl Into<PathBuf>) -> Self {
        self.binary = Some(binary.into());
        self
    }

    /// The TCL port. 0, the default, lets OpenOCD choose a free one. If a fixed one is taken, [`spawn`](Self::spawn) fails with [`ProcessError::ExitedDuringStartup`].
    pub fn tcl_port(mut self, port: u16) -> Self {
        self.tcl_port = port;
        self
    }

    /// Opens a GDB port for the first target, and the following ports for further targets; with 0 OpenOCD chooses free ones.
    /// Read them back with [`OpenOcdProcess::gdb_ports`]. Closed by default.
    pub fn gdb_port(mut self, port: u16) -> Self {
        self.gdb_port = Some(port);
        self
    }

    /// Opens a telnet port. Closed by default.
    ///
    /// OpenOCD has one telnet service, which otherwise watches over this program: with this option OpenOCD
    /// lives on if this program is killed by SIGKILL.
    pub fn telnet_port(mut self, port: u16) -> Self {
        self.telnet_port = Some(port);
        self
    }

    /// How long OpenOCD may take until it answers, `init` included; `None` waits for ever. 10 s by default.
    pub fn ready_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.ready_timeout = timeout.into();
        self
    }

    /// Calls `callback` with each line of OpenOCD's log, from a thread of its own, so it may be called a moment later. Lines longer than 4 KiB are cut.
    ///
    /// It may take its time, and holds up neither OpenOCD nor calls: up to 4096 lines wait for it, and further ones are left out (the `log` crate is
    /// told). When OpenOCD ends, it is given a second or two for what waits. One that panics is not called again.
    ///
    /// The same lines go to the `log` crate under the target `openocd::server`.
    pub fn on_log(mut self, callback: impl FnMut(&str) + Send + 'static) -> Self {
        self.on_log = Some(Box::new(callback));
        self
    }

    /// Starts OpenOCD and waits until it has answered a command, so until its `init` is through.
    ///
    /// # Errors
    /// [`ProcessError::BinaryNotFound`], [`ProcessError::InvalidConfig`] (also when no configuration is given, or a choice of the adapter is
    /// empty), [`ProcessError::Spawn`],
    /// [`ProcessError::ExitedDuringStartup`] with OpenOCD's exit status and the end of its log, [`ProcessError::ForeignServer`],
    /// and [`TimeoutError::Ready`](crate::TimeoutError::Ready) if it is not ready in time; it is stopped then.
    pub fn spawn(self) -> Result<OpenOcdProcess> {
        let token = startup::token();
        let arguments = self.arguments(&token)?;
        let program = binary::find(self.binary.as_deref())?;
        startup::spawn(self, &program, &arguments, &token)
    }

    /// OpenOCD's arguments, in the order that it needs.
    fn arguments(&self, token: &str) -> Result<Line, ProcessError> {
        if let Some(word) = self.extra_arguments.iter().find(|word| config::redirects_log(&word.to_string_lossy())) {
            let problem = "it sends OpenOCD's log elsewhere, but its ports and errors are read from the log";
            return Err(ProcessError::InvalidConfig { config: word.to_string_lossy().into_owned(), problem });
        }
        let blank = |config: &Config| match config {
            Config::File(file) => file.is_empty(),
            Config::Command(command) => command.trim().is_empty(),
            // An empty line is an error of its own.
            Config::Line(_) => false,
        };
        if self.config.iter().all(blank) && self.driver.is_none() {
            let problem = "no configuration file and no command is given";
            return Err(ProcessError::InvalidConfig { config: String::new(), problem });
        }
        self.check_choice()?;
        let mut line = Line::default();
        for argument in &self.extra_arguments {
            line.word(argument);
        }
        for directory in &self.search_dirs {
            line.option("-s", directory);
        }
        line.own(format!("set _openocd_rs_token {token}; {}", self.ports()));
        if let Some(template) = temporary::template(token) {
            line.own(format!("set _openocd_rs_temporary {}; list", quote(&template)));
        }
        line.own("_openocd_rs_ports");
        line.own(CHOICE);
        if let Some(driver) = &self.driver {
            line.option("-c", format!("adapter driver {}", quote(driver)));
        }
        if let Some(serial) = &self.serial {
            let serial = quote(serial);
            line.own_as(SERIAL.replace("@serial", &serial), format!("adapter serial {serial}"));
        }
        if let Some(location) = &self.usb_location {
            let location = quote(location);
            line.own_as(LOCATION.replace("@location", &location), format!("adapter usb location {location}"));
        }
        if let Some(name) = &self.transport {
            let name = quote(name);
            let (script, shown) = (TRANSPORT.replace("@name", &name), format!("transport select {name}"));
            let script = procedure("transport", &script);
            let later = if self.driver.is_some() {
                line.own_as(script, shown);
                None
            } else {
                line.own(script);
                Some(shown)
            };
            line.before_each("_openocd_rs_transport", later);
        }
        for config in &self.config {
            match config {
                Config::File(file) => line.configure("-f", file),
                Config::Command(command) => line.configure("-c", command),
                Config::Line(text) => {
                    let words = config::split(text)?;
                    let mut words = words.iter();
                    while let Some(word) = words.next() {
                        match (word.as_str(), words.as_slice()) {
                            ("-f" | "-c", [argument, ..]) => {
                                line.configure(word, argument);
                                words.next();
                            }
                            ("-s", [argument, ..]) => {
                                line.option(word, argument);
                                words.next();
                            }
                            _ => line.word(word),
                        }
                    }
                }
            }
        }
        line.after_all();
        if self.serial.is_some() {
            line.own(SERIAL_AGAIN);
        }
        if self.usb_location.is_some() {
            line.own(LOCATION_AGAIN);
        }
        if let Some(khz) = self.speed_khz {
            line.option("-c", format!("adapter speed {khz}"));
        }
        line.own(PORTS_AGAIN);
        Ok(line)
    }

    /// Refuses a choice of the adapter that OpenOCD would take for something else.
    fn check_choice(&self) -> Result<(), ProcessError> {
        let choices = [
            (&self.driver, "the name of the adapter's driver is empty"),
            (&self.serial, "the adapter's serial number is empty"),
            (&self.usb_location, "the adapter's USB location is empty; expected such as \"1-2.3\""),
            (&self.transport, "the name of the transport is empty; expected such as \"swd\""),
        ];
        if let Some((_, problem)) =
            choices.into_iter().find(|(choice, _)| choice.as_ref().is_some_and(String::is_empty))
        {
            return Err(ProcessError::InvalidConfig { config: String::new(), problem });
        }
        match self.speed_khz {
            Some(khz) if i32::try_from(khz).is_err() => Err(ProcessError::InvalidConfig {
                config: format!("adapter speed {khz}"),
                problem: "the adapter's speed is more than OpenOCD can count, which is 2147483647 kHz",
            }),
            _ => Ok(()),
        }
    }

    fn ports(&self) -> String {
        let gdb = self.gdb_port.map_or("disabled".to_owned(), |port| port.to_string());
        let telnet = match self.telnet_port {
            Some(port) => port.to_string(),
            None if self.watches_stdin() => "pipe".to_owned(),
            None => "disabled".to_owned(),
        };
        PORTS.replace("@tcl", &self.tcl_port.to_string()).replace("@gdb", &gdb).replace("@telnet", &telnet)
    }

    /// With its telnet service on a pipe, OpenOCD ends when the other end closes (seen on Unix, both generations).
    pub(super) fn watches_stdin(&self) -> bool {
        self.telnet_port.is_none() && cfg!(unix)
    }
}

fn procedure(name: &str, body: &str) -> String {
    format!("proc _openocd_rs_{name} {{}} {{{body}}}")
}

impl fmt::Debug for OpenOcdBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOcdBuilder")
            .field("config", &self.config)
            .field("binary", &self.binary)
            .finish_non_exhaustive()
    }
}

/// A configuration as one would type it after `openocd`; see [`config`](OpenOcdBuilder::config).
impl<C: Into<String>> From<C> for OpenOcdBuilder {
    fn from(config: C) -> Self {
        OpenOcdBuilder::default().config(config)
    }
}
