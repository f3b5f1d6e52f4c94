//! Errors of the library as failures of `ocd`, explained: what to try, by the kind of error and by
//! OpenOCD's own log of its start.

pub(crate) mod chain;
mod plain;
mod symptoms;

use std::error::Error as _;
use std::path::{Path, PathBuf};

use openocd::{
    ConnectionError, Error, FlashError, ImageError, ProcessError, ProcessReport, StartFailure, TargetError, TargetState,
};

use crate::exit_status;
use crate::failure::Failure;
use crate::platform;
use crate::settings::{Key, Settings};
use crate::signals::Signals;

/// Where Linux has the USB devices.
const USB_DEVICES: &str = "/dev/bus/usb/";

/// OpenOCD answers at its TCL port, but RTT has another one.
const RTT_PORT: &str = "RTT needs a port of its own: forward a second one, such as 9000, and name it with --stream-ports 9000, or run ocd beside OpenOCD";
/// A message that is longer has many lines of OpenOCD's log.
const LONG: usize = 400;
const READ_PROTECTION: &str = "is read protection on? Its end erases the chip: a command of the driver, such as `ocd cmd \"halt; stm32f1x unlock 0\"` for an STM32F1, and a reset";
const SHOW_LOG: &str = "-v shows all that OpenOCD says; with --connect, --json does";
const SHOW_ALL: &str = "-v shows all that OpenOCD says";

impl From<openocd::Error> for Failure {
    fn from(error: openocd::Error) -> Self {
        let mut failure = Failure::new(exit_status::of(&error), error.id(), error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // A system's reason ends the library's text.
            if !failure.message.ends_with(&text) {
                failure.causes.push(text);
            }
            source = cause.source();
        }
        failure.command = error.command().map(str::to_owned);
        failure.code = error.code();
        failure.log = error.log().into_iter().flat_map(str::lines).map(str::to_owned).collect();
        explain(&mut failure, &error);
        failure
    }
}

/// Adds to `failure` what to try, and for an OpenOCD that did not start the status of its reason.
fn explain(failure: &mut Failure, error: &Error) {
    match error {
        Error::Connection(ConnectionError::Interrupted) | Error::Process(ProcessError::Cancelled) => {
            if let Some(status) = Signals::current().caught() {
                *failure = Failure::interrupted(status);
            }
        }
        Error::Process(ProcessError::ExitedDuringStartup { report }) => start_up(failure, report),
        Error::Process(ProcessError::BinaryNotFound { .. }) => {
            failure.help.push("install OpenOCD (Debian: apt-get install openocd), or name it with --openocd".into());
        }
        Error::Connection(ConnectionError::StreamUnreachable { stream, .. }) if stream.starts_with("RTT") => {
            failure.help.push(RTT_PORT.into());
        }
        Error::Connection(ConnectionError::Unreachable { .. }) => {
            failure
                .help
                .push("is OpenOCD running there, with `tcl_port` set to that port? `ocd server` starts one".into());
        }
        Error::Connection(ConnectionError::NotOpenOcd { .. }) => {
            failure.help.push("--connect takes OpenOCD's TCL port, usually 6666, not those of GDB or telnet".into());
        }
        Error::Connection(ConnectionError::ServerDied { report, .. }) => {
            "OpenOCD ended".clone_into(&mut failure.message);
            ended(failure, report);
        }
        Error::Target(TargetError::NotHalted { target, state, .. }) => {
            // The library names a command of OpenOCD's or a call of its own, which nobody typed.
            failure.message = match state {
                TargetState::Halted | TargetState::Unknown => {
                    format!("this needs {target} to be halted, and it is not")
                }
                state => format!("this needs a halted target, but {target} is {state}"),
            };
            failure.help.push("halt the target first: ocd halt".into());
        }
        Error::Target(TargetError::EventHandler { .. }) => {
            if let Some((handler, _)) = failure.message.split_once(" failed: ") {
                failure.message = format!("{handler} failed");
                with_one_line(failure, symptoms::handler_error);
            }
        }
        Error::Flash(FlashError::StillProtected { address, .. }) => {
            failure.message =
                format!("flash at {address:#010x} is still protected, after it was unprotected and the chip was reset");
            failure.help.push(
                "some chips obey after a power cycle, or a command of their driver, such as `stm32l4x option_load 0`"
                    .into(),
            );
        }
        Error::Target(TargetError::NotRestored { .. }) => failure.help.push("reset the target".into()),
        Error::Target(TargetError::NoTarget { .. }) => {
            failure.help.push("add a target's configuration to --config, such as -f target/stm32f1x.cfg".into());
        }
        Error::Target(_) if failure.message.len() > LONG => {
            if let Some(at) = failure.message.find("(code ").filter(|_| !failure.log.is_empty()) {
                let end = failure.message[at..].find(')').map_or(failure.message.len(), |end| at + end + 1);
                failure.message.truncate(end);
                with_one_line(failure, symptoms::why);
            }
        }
        Error::Image(ImageError::File { problem, .. }) if matches!(**problem, ImageError::UnknownFormat) => {
            failure
                .help
                .push("`ocd flash FILE@ADDRESS` writes raw bytes, `ocd mem load FILE@ADDRESS` loads them".into());
        }
        _ => {}
    }
    if may_be_read_protected(error) {
        failure.help.push(READ_PROTECTION.into());
        if matches!(error, Error::Flash(FlashError::Unreadable { .. })) {
            failure.help.push("--no-verify writes what cannot be read, and nothing tells whether it is right".into());
        }
    }
    if is_protected(error) {
        failure.help.push("`ocd flash --unlock` ends the protection, and writes".into());
        failure.help.push("`ocd unprotect` ends it alone, on many chips from the next reset on".into());
    }
    if let Some(refused) = error.failure() {
        failure.help.extend(symptoms::lost(&[refused.message(), refused.log()]));
    }
    plain::without_library_items(&mut failure.message);
    failure.causes.iter_mut().for_each(plain::without_library_items);
}

/// The line of OpenOCD's log that says why takes the place of the whole log, which the library's
/// text has.
fn with_one_line(failure: &mut Failure, line: impl FnOnce(&[String]) -> Option<&str>) {
    failure.causes = line(&failure.log).map(|line| format!("OpenOCD says: {line}")).into_iter().collect();
    failure.help.push(SHOW_LOG.into());
}

/// Whether read protection explains it: flash cannot be read, or the chip refuses to change flash
/// whose write protection is off, as far as OpenOCD knows. A board that is lost answers neither.
fn may_be_read_protected(error: &Error) -> bool {
    if matches!(error, Error::Flash(FlashError::ReadProtected { .. })) {
        return true;
    }
    let Some(refused) = error.failure() else { return false };
    let is_unreadable = match error {
        Error::Flash(FlashError::Read { .. } | FlashError::Verify { .. } | FlashError::Unreadable { .. }) => true,
        Error::Flash(FlashError::Erase { cause, .. } | FlashError::Write { cause, .. }) => {
            is_protected(error) || matches!(**cause, Error::Flash(FlashError::Verify { .. } | FlashError::Read { .. }))
        }
        _ => false,
    };
    let is_of_chip = !refused.message().starts_with("cannot write a temporary file");
    is_unreadable && is_of_chip && symptoms::lost(&[refused.message(), refused.log()]).is_none()
}

/// Whether flash was not changed because it is protected. Where OpenOCD does not know that before,
/// the chip or its driver says so.
fn is_protected(error: &Error) -> bool {
    let is_change = matches!(error, Error::Flash(FlashError::Erase { .. } | FlashError::Write { .. }));
    error.id() == "flash.protected"
        || is_change && error.failure().is_some_and(|refused| refused.log().contains("protected"))
}

/// Whether the failure clears when the probe, or the OpenOCD of `--connect`, is there.
pub(crate) fn may_clear(failure: &Failure) -> bool {
    [symptoms::NO_PROBE, symptoms::BUSY_PROBE, "connection.unreachable", "connection.resolve"]
        .contains(&failure.id.as_str())
}

/// Names the setting that chooses a transport, if there is one, in a failure for another transport.
pub(crate) fn name_transport(mut failure: Failure, settings: &Settings) -> Failure {
    if let Some(setting) = settings.get(Key::Transport).filter(|_| failure.id == symptoms::CHOSEN_TRANSPORT) {
        let setting = setting.origin.of(Key::Transport);
        failure.help = vec![format!("the configuration or the probe has chosen another one: leave out {setting}")];
    }
    failure
}

/// Names the quotes that a path with a space lacks, in a failure to find its beginning.
pub(crate) fn name_quotes(mut failure: Failure, settings: &Settings) -> Failure {
    let missing = failure.causes.first().and_then(|cause| cause.split_once("Can't find ")).map(|(_, file)| file.trim());
    let (Some(missing), Some(config)) = (missing, settings.value(Key::Config)) else { return failure };
    let folders = || std::iter::once(Path::new("")).chain(settings.search_dirs.iter().map(PathBuf::as_path));
    let is_file = |path: &str| folders().any(|folder| folder.join(path).is_file());
    let path = symptoms::unquoted(config, missing, is_file).filter(|_| failure.id == symptoms::MISSING_FILE);
    if let Some(path) = path {
        failure.help = vec![format!("a path with a space needs quotes within the configuration: -f '{path}'")];
    }
    failure
}

/// One cause, and what to try.
fn start_up(failure: &mut Failure, report: &ProcessReport) {
    failure.log.clone_from(&report.log_tail);
    failure.command = Some(report.command_line.clone());
    let why = report.start_failure();
    if let Some(symptom) = symptoms::symptom(why) {
        let line = StartFailure::recognize(&report.log_tail).map(|(_, line)| line);
        let line = line.or_else(|| symptoms::first_error(&report.log_tail));
        failure.status = symptom.status;
        symptom.id.clone_into(&mut failure.id);
        failure.message = why.to_string();
        failure.causes = line.map(|line| format!("OpenOCD says: {line}")).into_iter().collect();
        failure.help.push(symptom.help.to_owned());
        match symptom.id {
            symptoms::NO_PERMISSION => {
                if let Some(device) = symptoms::device(&report.log_tail) {
                    failure.message = format!("{why}, {device}");
                }
            }
            symptoms::BUSY_PROBE => {
                let users = platform::open_in(USB_DEVICES);
                if !users.is_empty() {
                    failure.help.push(format!("these programs use USB devices: {}", users.join(", ")));
                }
            }
            _ => {}
        }
    } else {
        failure.status = exit_status::CONFIGURATION;
        "OpenOCD ended before it was ready".clone_into(&mut failure.message);
        with_log(failure, report);
    }
}

/// How a running OpenOCD ended, and what it says of an error. What it logged otherwise is no cause.
fn ended(failure: &mut Failure, report: &ProcessReport) {
    failure.log.clone_from(&report.log_tail);
    let says = symptoms::error_line(&report.log_tail).map(|line| format!("OpenOCD says: {line}"));
    failure.causes = report.exit_status.map(|status| status.to_string()).into_iter().chain(says).collect();
    failure.help.push(SHOW_ALL.to_owned());
}

fn with_log(failure: &mut Failure, report: &ProcessReport) {
    failure.log.clone_from(&report.log_tail);
    let says = symptoms::first_error(&report.log_tail).map(|line| format!("OpenOCD says: {line}"));
    // A status of its own tells less than what it says; a signal was not its own.
    let status = report.exit_status.filter(|status| says.is_none() || status.code().is_none());
    failure.causes = status.map(|status| status.to_string()).into_iter().chain(says).collect();
    failure.help.push(SHOW_ALL.to_owned());
}
