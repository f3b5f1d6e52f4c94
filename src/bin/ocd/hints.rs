//! Explains errors of the library: what to try, by the kind of error and by OpenOCD's own log of
//! its start.

use openocd::{ConnectionError, Error, ProcessError, ProcessReport, TargetError};

use crate::exit_status;
use crate::failure::Failure;
use crate::signals::Signals;

/// Adds to `failure` what to try, and for an OpenOCD that did not start the status of its reason.
pub(crate) fn explain(failure: &mut Failure, error: &Error) {
    match error {
        Error::Connection(ConnectionError::Interrupted) | Error::Process(ProcessError::Cancelled) => {
            if let Some(status) = Signals::current().caught() {
                *failure = Failure::new(status, "ocd.interrupted", "interrupted");
            }
        }
        Error::Process(ProcessError::ExitedDuringStartup { report }) => start_up(failure, report),
        Error::Process(ProcessError::BinaryNotFound { .. }) => {
            failure.help.push("install OpenOCD (Debian: apt-get install openocd), or name it with --openocd".into());
        }
        Error::Connection(ConnectionError::Unreachable { .. }) => {
            failure.help.push("is OpenOCD running there, with `tcl_port` set to that port?".into());
        }
        Error::Connection(ConnectionError::NotOpenOcd { .. }) => {
            failure.help.push("--connect takes OpenOCD's TCL port, usually 6666, not those of GDB or telnet".into());
        }
        Error::Target(TargetError::NotHalted { .. }) => failure.help.push("halt the target first: ocd halt".into()),
        Error::Target(TargetError::NoTarget { .. }) => {
            failure.help.push("add a target's configuration to --config, such as -f target/stm32f1x.cfg".into());
        }
        _ => {}
    }
}

/// What a line of OpenOCD's log at its start means.
struct Symptom {
    /// A part of the line.
    text: &'static str,
    status: u8,
    id: &'static str,
    help: &'static str,
}

/// The first that matches a line counts.
const SYMPTOMS: [Symptom; 12] = [
    Symptom {
        text: "LIBUSB_ERROR_ACCESS",
        status: exit_status::PROBE,
        id: "ocd.probe.permission",
        help: "you may not open the probe: install OpenOCD's udev rules (60-openocd.rules) and plug it in again",
    },
    Symptom {
        text: "LIBUSB_ERROR_BUSY",
        status: exit_status::PROBE,
        id: "ocd.probe.busy",
        help: "another program uses the probe: end it, or connect to its OpenOCD with --connect",
    },
    Symptom {
        text: "unable to find a matching CMSIS-DAP device",
        status: exit_status::PROBE,
        id: "ocd.probe.none",
        help: "no probe was found: check the cable, the power and --serial",
    },
    Symptom {
        text: "unable to find CMSIS-DAP device",
        status: exit_status::PROBE,
        id: "ocd.probe.none",
        help: "no probe was found: check the cable, the power and --serial",
    },
    Symptom {
        text: "No J-Link device found",
        status: exit_status::PROBE,
        id: "ocd.probe.none",
        help: "no probe was found: check the cable, the power and --serial",
    },
    Symptom {
        text: "unable to open ftdi device",
        status: exit_status::PROBE,
        id: "ocd.probe.none",
        help: "no probe was found: check the cable, the power and --serial",
    },
    Symptom {
        text: "open failed",
        status: exit_status::PROBE,
        id: "ocd.probe.none",
        help: "the probe cannot be opened: check the cable, the power and --serial",
    },
    Symptom {
        text: "Failed to connect",
        status: exit_status::PROBE,
        id: "ocd.probe.none",
        help: "the probe cannot be reached: is it there, and does it accept connections?",
    },
    Symptom {
        text: "target voltage may be too low",
        status: exit_status::TARGET,
        id: "ocd.target.power",
        help: "the target seems to have no power: connect its supply and VTref",
    },
    Symptom {
        text: "JTAG scan chain interrogation failed",
        status: exit_status::TARGET,
        id: "ocd.target.silent",
        help: "the target does not answer: check its power and wiring, and try a lower --speed",
    },
    Symptom {
        text: "Error connecting DP",
        status: exit_status::TARGET,
        id: "ocd.target.silent",
        help: "the target does not answer: check its power and wiring, and try a lower --speed",
    },
    Symptom {
        text: "init mode failed (unable to connect to the target)",
        status: exit_status::TARGET,
        id: "ocd.target.silent",
        help: "the target does not answer: check its power and wiring, and try a lower --speed",
    },
];

fn start_up(failure: &mut Failure, report: &ProcessReport) {
    failure.log.clone_from(&report.log_tail);
    let symptom = SYMPTOMS.iter().find(|symptom| report.log_tail.iter().any(|line| line.contains(symptom.text)));
    if let Some(symptom) = symptom {
        failure.status = symptom.status;
        failure.id = symptom.id.to_owned();
        failure.help.push(symptom.help.to_owned());
    }
}
