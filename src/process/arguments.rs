//! Makes OpenOCD's command line of a builder.

use super::OpenOcdBuilder;
use super::builder::Config;
use super::command_line::CommandLine;
use super::config::{self, LOG_REDIRECTED, NUL_BYTE};
use super::temporary::TemporaryFiles;
use crate::error::ProcessError;
use crate::platform::OPENOCD_WATCHES_STDIN;
use crate::wire::tcl::quote;

/// Takes the token from standard input: everybody on this machine can read the command line.
const TOKEN: &str = "set _openocd_rs_token [gets stdin]; list";

/// Opens the ports as asked, whatever the configuration says, on the loopback address.
///
/// `tcl_port` became `tcl port`, and so on: newer OpenOCD still knows the old names, but complains
/// about them.
///
/// Ports cannot be changed after `init`, which a configuration may call itself. So its first call
/// comes through here: `init` opens the GDB ports, and the others open when the whole configuration
/// has run (`src/openocd.c`, `openocd_thread`).
///
/// Ports and errors are read from the log. So its level is at least 2, below which OpenOCD does not
/// log its ports, and it cannot go to a file during start-up.
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

/// Runs after the configuration, which may not have called `init`, and puts everything back as it
/// was.
const PORTS_AGAIN: &str = "_openocd_rs_ports; rename log_output {}; rename _openocd_rs_log_output log_output; list";

/// Ends OpenOCD when its standard input closes, or has a line to say so, in place of the telnet service
/// that otherwise reads it. OpenOCD serves Jim's events between two commands (`server_loop` in
/// `src/server/server.c`).
const WATCH: &str = "\
    stdin readable {stdin readable {}; @end}; list";

/// Ends OpenOCD, after the procedures that a session has defined for the end.
pub(super) const END: &str = "foreach end [info procs _openocd_rs_*_at_end] {catch $end}; shutdown";

/// Selects the transport as soon as the adapter's driver is known.
///
/// That is after the interface file and before the target file, which would make OpenOCD select the
/// adapter's first transport.
const TRANSPORT: &str = "\
    if {[info exists ::_openocd_rs_transport] || [adapter name] in {{} undefined}} return; \
    set ::_openocd_rs_transport 1; transport select @name; return";

/// Keeps the adapter's serial number for `Adapter::serial`: OpenOCD has no command that tells it.
///
/// The program's choice holds against a configuration that says otherwise: a production line must
/// not drive the neighbouring board. So until the whole configuration has run, the commands ignore
/// any further choice.
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

impl OpenOcdBuilder {
    /// Returns OpenOCD's arguments, in the order that it needs.
    pub(super) fn arguments(&self, files: &TemporaryFiles) -> Result<CommandLine, ProcessError> {
        self.check_config()?;
        self.check_choice()?;
        let mut line = CommandLine::default();
        self.push_extra(&mut line)?;
        for directory in &self.search_dirs {
            line.option("-s", directory);
        }
        line.own(TOKEN);
        if self.telnet_port.is_some() && OPENOCD_WATCHES_STDIN {
            line.own(WATCH.replace("@end", END));
        }
        line.own(self.ports());
        if let Some(template) = files.template() {
            line.own(format!("set _openocd_rs_temporary {}; list", quote(&template)));
        }
        line.own("_openocd_rs_ports");
        self.push_choice(&mut line);
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

    /// Refuses a configuration that is empty, or that cannot be given to OpenOCD.
    fn check_config(&self) -> Result<(), ProcessError> {
        let invalid = |config: String, problem| Err(ProcessError::InvalidConfig { config, problem });
        let texts = self.config.iter().filter_map(|config| match config {
            Config::File(file) => Some(file.as_encoded_bytes()),
            Config::Command(command) => Some(command.as_bytes()),
            // Checked when it is split.
            Config::Line(_) => None,
        });
        let arguments = self.extra_arguments.iter().map(|word| word.as_encoded_bytes());
        let directories = self.search_dirs.iter().map(|path| path.as_os_str().as_encoded_bytes());
        let choices = [&self.driver, &self.serial, &self.usb_location, &self.transport];
        let choices = choices.into_iter().flatten().map(String::as_bytes);
        let mut all = texts.clone().chain(arguments).chain(directories).chain(choices);
        if let Some(text) = all.find(|text| text.contains(&0)) {
            return invalid(String::from_utf8_lossy(text).into_owned(), NUL_BYTE);
        }
        if let Some(word) = self.extra_arguments.iter().find(|word| config::redirects_log(&word.to_string_lossy())) {
            return invalid(word.to_string_lossy().into_owned(), LOG_REDIRECTED);
        }
        let has_line = self.config.iter().any(|config| matches!(config, Config::Line(_)));
        let is_empty = texts.into_iter().all(|text| text.trim_ascii().is_empty());
        if is_empty && !has_line && self.driver.is_none() {
            return invalid(String::new(), "no configuration file and no command is given");
        }
        Ok(())
    }

    /// Refuses a choice of the adapter that OpenOCD would misunderstand.
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
                problem: "the adapter's speed exceeds OpenOCD's limit of 2147483647 kHz",
            }),
            _ => Ok(()),
        }
    }

    /// Adds the caller's arguments as they are, except for files.
    fn push_extra(&self, line: &mut CommandLine) -> Result<(), ProcessError> {
        let mut words = self.extra_arguments.iter();
        while let Some(word) = words.next() {
            match (config::with_argument(word.as_encoded_bytes()), words.as_slice()) {
                (Some(("-f", Some(name))), _) => line.option_with_file(word, name),
                (Some((option, None)), [argument, ..]) => {
                    if option == "-f" {
                        line.file(argument);
                    } else {
                        line.word(word);
                        line.word(argument);
                    }
                    words.next();
                }
                (Some((_, None)), []) => {
                    let config = word.to_string_lossy().into_owned();
                    return Err(ProcessError::InvalidConfig { config, problem: "the option lacks an argument" });
                }
                _ => line.word(word),
            }
        }
        Ok(())
    }

    /// Adds the choice of the adapter, before the configuration.
    fn push_choice(&self, line: &mut CommandLine) {
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
            let (body, shown) = (TRANSPORT.replace("@name", &name), format!("transport select {name}"));
            let script = format!("proc _openocd_rs_transport {{}} {{{body}}}");
            let later = if self.driver.is_some() {
                line.own_as(script, shown);
                None
            } else {
                line.own(script);
                Some(shown)
            };
            line.before_each("_openocd_rs_transport", later);
        }
    }

    fn ports(&self) -> String {
        let gdb = self.gdb_port.map_or("disabled".to_owned(), |port| port.to_string());
        let telnet = match self.telnet_port {
            Some(port) => port.to_string(),
            None if OPENOCD_WATCHES_STDIN => "pipe".to_owned(),
            None => "disabled".to_owned(),
        };
        PORTS.replace("@tcl", &self.tcl_port.to_string()).replace("@gdb", &gdb).replace("@telnet", &telnet)
    }
}
