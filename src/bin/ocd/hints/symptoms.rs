//! What lines of OpenOCD's log at its start mean. No I/O.

use crate::exit_status::{CONFIGURATION, PROBE, TARGET};

/// What a line of the log means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Symptom {
    /// A part of the line.
    text: &'static str,
    pub(crate) status: u8,
    pub(crate) id: &'static str,
    pub(crate) message: &'static str,
    pub(crate) help: &'static str,
}

/// The kinds of failures that clear when the probe is plugged in, or is free again.
pub(crate) const NO_PROBE: &str = "ocd.probe.none";
pub(crate) const BUSY_PROBE: &str = "ocd.probe.busy";
/// A transport was chosen before.
pub(crate) const CHOSEN_TRANSPORT: &str = "ocd.config.transport";
/// The probe is there, but belongs to somebody else.
pub(crate) const NO_PERMISSION: &str = "ocd.probe.permission";

const fn symptom(text: &'static str, status: u8, id: &'static str, texts: (&'static str, &'static str)) -> Symptom {
    Symptom { text, status, id, message: texts.0, help: texts.1 }
}

const NONE: (&str, &str) = (
    "no debug probe was found",
    "check the probe's cable and --serial, and that the configuration names this kind of probe; --wait SECONDS waits for it",
);
const BUSY: (&str, &str) = (
    "another program uses the debug probe",
    "end that program, or use its OpenOCD with --connect; --wait SECONDS waits for the probe",
);
const SEVERAL: (&str, &str) =
    ("there are several debug probes, and none was chosen", "choose with --serial NUMBER or --usb-location BUS-PORTS");
const UNREACHABLE: (&str, &str) =
    ("the debug probe cannot be reached", "is it there, and does it accept connections? --wait SECONDS waits for it");
const PERMISSION: (&str, &str) = (
    "you may not open the debug probe",
    "install OpenOCD's udev rules (60-openocd.rules), then unplug the probe and plug it in again",
);
pub(super) const POWER: (&str, &str) =
    ("the target seems to have no power", "connect its supply, and the probe's VTref");
const SILENT: (&str, &str) =
    ("the target does not answer", "check its power and the wiring, and try a lower --speed, such as --speed 100");
const GONE: (&str, &str) =
    ("the debug probe does not answer", "check its cable; OpenOCD must be started again when the probe is back");
/// OpenOCD does not always tell whether the probe or the target is gone.
const LOST_TARGET: (&str, &str) =
    (SILENT.0, "check its power, the wiring and the probe's cable, and try a lower --speed, such as --speed 100");
pub(super) const WRONG_CHIP: (&str, &str) = (
    "another chip answers than the configuration describes",
    "name the file of the chip that is there: OpenOCD's own are in its folder target/",
);
const TAKEN: (&str, &str) =
    ("a port of OpenOCD is taken", "choose others with --tcl-port, --gdb-port or --telnet-port; 0 takes a free one");
const NO_FILE: (&str, &str) = (
    "OpenOCD's configuration names a file that is missing",
    "name one of OpenOCD's own (interface/…, target/…, board/…), or a path from this folder",
);
const NO_COMMAND: (&str, &str) = (
    "OpenOCD's configuration has an unknown command",
    "check its spelling and the order: the interface's file before the target's",
);
const NO_DRIVER: (&str, &str) =
    ("OpenOCD's configuration names no debug probe", "begin it with the probe's file, such as interface/cmsis-dap.cfg");
const UNKNOWN_DRIVER: (&str, &str) =
    ("this OpenOCD does not know the debug probe's driver", "`openocd -c \"adapter list\"` lists those that it has");
const TRANSPORT: (&str, &str) = (
    "the transport cannot be chosen",
    "the configuration chooses a transport twice, or one that the probe does not have",
);

/// In this order: the first that matches any line counts, so causes precede what follows from them.
#[rustfmt::skip]
const SYMPTOMS: &[Symptom] = &[
    symptom("LIBUSB_ERROR_ACCESS", PROBE, NO_PERMISSION, PERMISSION),
    symptom("insufficient permissions", PROBE, NO_PERMISSION, PERMISSION),
    symptom("LIBUSB_ERROR_BUSY", PROBE, BUSY_PROBE, BUSY),
    symptom("unable to claim usb device", PROBE, BUSY_PROBE, BUSY),
    symptom("Multiple devices found", PROBE, "ocd.probe.several", SEVERAL),
    symptom("Address already in use", CONFIGURATION, "ocd.port.taken", TAKEN),
    symptom("Error: Can't find ", CONFIGURATION, "ocd.config.no_file", NO_FILE),
    symptom("invalid command name ", CONFIGURATION, "ocd.config.no_command", NO_COMMAND),
    symptom("was not found (", CONFIGURATION, "ocd.config.unknown_driver", UNKNOWN_DRIVER),
    symptom("Can't change session's transport", CONFIGURATION, CHOSEN_TRANSPORT, TRANSPORT),
    symptom("Debug Adapter has to be specified", CONFIGURATION, "ocd.config.no_driver", NO_DRIVER),
    symptom("unable to select a session transport", CONFIGURATION, "ocd.config.no_driver", NO_DRIVER),
    symptom("doesn't support any transports", CONFIGURATION, "ocd.config.no_driver", NO_DRIVER),
    symptom("unable to find a matching CMSIS-DAP device", PROBE, NO_PROBE, NONE),
    symptom("No J-Link device found", PROBE, NO_PROBE, NONE),
    symptom("unable to open ftdi device", PROBE, NO_PROBE, NONE),
    symptom("unable to find Nu-Link", PROBE, NO_PROBE, NONE),
    symptom("XDS110: failed to connect", PROBE, NO_PROBE, NONE),
    // ST-Link.
    symptom("Error: open failed", PROBE, NO_PROBE, NONE),
    symptom("Error on socket 'Failed to connect'", PROBE, NO_PROBE, UNREACHABLE),
    symptom("target voltage may be too low", TARGET, "ocd.target.power", POWER),
    symptom("Target voltage too low", TARGET, "ocd.target.power", POWER),
    symptom("JTAG scan chain interrogation failed", TARGET, "ocd.target.silent", SILENT),
    symptom("Error connecting DP", TARGET, "ocd.target.silent", SILENT),
    symptom("init mode failed (unable to connect to the target)", TARGET, "ocd.target.silent", SILENT),
    symptom("UNEXPECTED", TARGET, "ocd.target.wrong", WRONG_CHIP),
    symptom("IR capture error", TARGET, "ocd.target.silent", SILENT),
    symptom("Invalid ACK", TARGET, "ocd.target.silent", SILENT),
    symptom("{jtag arp_init-reset}", TARGET, "ocd.target.silent", SILENT),
];

/// What a command that OpenOCD refused shows of a board that is lost while OpenOCD runs: a part of
/// OpenOCD's log, and what to try.
const LOST: &[(&str, (&str, &str))] = &[
    ("remote_bitbang_", GONE),
    ("LIBUSB_ERROR_NO_DEVICE", GONE),
    ("LIBUSB_ERROR_IO", GONE),
    (" UNEXPECTED: ", WRONG_CHIP),
    ("JTAG scan chain interrogation failed", LOST_TARGET),
    ("Invalid ACK (", LOST_TARGET),
    ("not examined", LOST_TARGET),
    ("Error connecting DP", LOST_TARGET),
    ("DP initialisation failed", LOST_TARGET),
    ("Failed to read DPIDR", LOST_TARGET),
    ("SWD/JTAG communication failure", LOST_TARGET),
    ("Could not initialize the debug port", LOST_TARGET),
];

/// What is lost, and what to try, by the log and the message of a command that OpenOCD refused.
pub(crate) fn lost(texts: &[&str]) -> Option<String> {
    let (_, (what, help)) = LOST.iter().find(|(sign, _)| texts.iter().any(|text| text.contains(sign)))?;
    Some(format!("{what}: {help}"))
}

/// What the log of a start that failed tells, and the line that tells it.
pub(crate) fn find(log: &[String]) -> Option<(&'static Symptom, &str)> {
    SYMPTOMS.iter().find_map(|symptom| {
        let line = log.iter().find(|line| line.contains(symptom.text))?;
        Some((symptom, cause(line)))
    })
}

/// The USB device that cannot be opened: libusb names it in a line of its own.
pub(crate) fn device(log: &[String]) -> Option<&str> {
    let mut words = log.iter().flat_map(|line| line.split([' ', ',', ';']));
    words.find(|word| word.starts_with("/dev/")).map(|word| word.trim_end_matches([':', '.']))
}

/// OpenOCD's own words for a failure that is not in the table: its first error, or the last line that
/// is no more than information, such as a warning or its usage.
pub(crate) fn first_error(log: &[String]) -> Option<&str> {
    // What went well is no cause.
    let may_tell = |line: &&String| !line.trim().is_empty() && !line.starts_with("Info : ");
    error_line(log).or_else(|| log.iter().rev().find(may_tell).map(|line| cause(line)))
}

/// The line of the log of a command that says why the command failed.
pub(crate) fn why(log: &[String]) -> Option<&str> {
    find(log).map(|(_, line)| line).or_else(|| handler_error(log)).or_else(|| first_error(log))
}

/// The first line that OpenOCD marks as an error.
pub(crate) fn error_line(log: &[String]) -> Option<&str> {
    let is_error = |line: &&String| line.starts_with("Error: ") || line.contains(": Error: ");
    log.iter().find(is_error).map(|line| cause(line))
}

/// What a handler of a target's event failed with, by the log of the command that ran it: the
/// message of a script follows the line that names the event, and what OpenOCD logged for a command
/// of the script precedes it.
pub(crate) fn handler_error(log: &[String]) -> Option<&str> {
    let names_event = |line: &String| {
        line.contains("Error executing event ") || line.contains("Execution of event ") && line.ends_with(" failed:")
    };
    let at = log.iter().position(names_event)?;
    let (before, after) = log.split_at(at);
    // The message of a command of OpenOCD's is empty, or missing before the call stack, for which the
    // log of an error has an empty line.
    let is_message = |text: &&str| !text.is_empty() && !text.starts_with("Traceback ");
    let of_script = after.get(1).map(|line| cause(line)).filter(is_message);
    of_script.or_else(|| before.last().map(|line| cause(line)))
}

/// The line without its level and the place in OpenOCD's own scripts.
pub(super) fn cause(line: &str) -> &str {
    let line = line.split_once("Error: ").map_or(line, |(_, message)| message);
    line.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(log: &str) -> Option<&'static str> {
        let log: Vec<String> = log.lines().map(str::to_owned).collect();
        find(&log).map(|(symptom, _)| symptom.id)
    }

    /// The ends of logs as OpenOCD 0.12.0 and a development version of August 2026 wrote them.
    const CAPTURED: &[(&str, &str)] = &[
        (
            "Info : auto-selecting first available session transport \"swd\". To override use 'transport select <transport>'.\nError: unable to find a matching CMSIS-DAP device\n",
            "ocd.probe.none",
        ),
        (
            "Warn : DEPRECATED: auto-selecting transport \"swd\". Use 'transport select swd' to suppress this message.\nError: The hostname or IP address of the CMSIS-DAP adapter must be specified\nError: unable to find a matching CMSIS-DAP device\n",
            "ocd.probe.none",
        ),
        ("Error: No J-Link device found\n", "ocd.probe.none"),
        (
            "Info : The selected transport took over low-level target control. The results might differ compared to plain JTAG/SWD\nInfo : clock speed 1000 kHz\nError: open failed\n",
            "ocd.probe.none",
        ),
        (
            "Error: no device found\nError: unable to open ftdi device with vid 15ba, pid 002b, description 'Olimex OpenOCD JTAG ARM-USB-OCD-H', serial '*' at bus location '*'\n",
            "ocd.probe.none",
        ),
        ("Error: unable to open ftdi device with description '*', serial '*' at bus location '*'\n", "ocd.probe.none"),
        ("Info : clock speed 1000 kHz\nError: unable to find Nu-Link\n", "ocd.probe.none"),
        ("Error: XDS110: failed to connect\nInfo : XDS110: disconnected\n", "ocd.probe.none"),
        (
            "Info : Connecting to localhost:1\nError: Error on socket 'Failed to connect': errno==9, message: Bad file descriptor.\n",
            "ocd.probe.none",
        ),
        (
            "embedded:startup.tcl:28: Error: Can't find target/nowhere.cfg\nin procedure 'script' \n",
            "ocd.config.no_file",
        ),
        (
            "embedded:startup.tcl:88: Error: Can't find target/nowhere.cfg\nTraceback (most recent call last):\n",
            "ocd.config.no_file",
        ),
        ("invalid command name \"foo\"\n", "ocd.config.no_command"),
        (
            "Error: The specified debug interface was not found (nonsense)\nThe following debug adapters are available:\n1: parport\n",
            "ocd.config.unknown_driver",
        ),
        (
            "Error: The specified adapter driver was not found (nonsense)\nThe following adapter drivers are available:\n",
            "ocd.config.unknown_driver",
        ),
        (
            "Error: Debug adapter does not support any transports? Check config file order.\nError: unable to select a session transport. Can't continue.\n",
            "ocd.config.no_driver",
        ),
        ("Error: Debug adapter doesn't support any transports?\n", "ocd.config.no_driver"),
        (
            "Info : only one transport option; autoselect 'jtag'\nError: Can't change session's transport after the initial selection was made\n",
            "ocd.config.transport",
        ),
        ("Error: couldn't bind tcl to socket on port 42607: Address already in use\n", "ocd.port.taken"),
        (
            "Warn : Unexpected idcode after end of chain: 21 0xfffff800\nError: double-check your JTAG setup (interface, speed, ...)\nError: Trying to use configured scan chain anyway...\nError: stm32f1x.cpu: IR capture error; saw 0x0f not 0x01\nWarn : Bypassing JTAG setup events due to errors\nError: Invalid ACK (7) in DAP response\nError: JTAG-DP STICKY ERROR\n",
            "ocd.target.silent",
        ),
        // Read in OpenOCD's source (`src/jtag/drivers/jlink.c`): there is no probe here.
        ("Error: Multiple devices found, specify the desired device.\n", "ocd.probe.several"),
        (
            "Error: libusb_open() failed with LIBUSB_ERROR_ACCESS\nError: unable to find a matching CMSIS-DAP device\n",
            "ocd.probe.permission",
        ),
        ("Error: libusb_claim_interface() failed with LIBUSB_ERROR_BUSY\nError: open failed\n", "ocd.probe.busy"),
    ];

    #[test]
    fn captured_logs_are_recognized() {
        for (log, expected) in CAPTURED {
            assert_eq!(id(log), Some(*expected), "{log}");
        }
        assert_eq!(id("Info : clock speed 1000 kHz\nError: something new\n"), None);
    }

    #[test]
    fn device_is_named_as_libusb_names_it() {
        let log = |line: &str| ["Info : x".to_owned(), line.to_owned()];
        for line in [
            "libusb: error [get_usbfs_fd] libusb couldn't open USB device /dev/bus/usb/001/004, errno=13",
            "libusb: error [_get_usbfs_fd] libusb couldn't open USB device /dev/bus/usb/001/004: Permission denied",
        ] {
            assert_eq!(device(&log(line)), Some("/dev/bus/usb/001/004"));
        }
        assert_eq!(device(&log("Error: open failed")), None);
    }

    #[test]
    fn each_cause_is_openocds_own_line() {
        let log = ["Info : x", "embedded:startup.tcl:28: Error: Can't find a.cfg", "Error: later"].map(str::to_owned);
        assert_eq!(find(&log).unwrap().1, "Can't find a.cfg");
        assert_eq!(first_error(&["Info : x".to_owned(), "Error: new".to_owned()]), Some("new"));
        assert_eq!(first_error(&["missing close-brace".to_owned(), String::new()]), Some("missing close-brace"));
        assert_eq!(first_error(&[]), None);
    }

    #[test]
    fn errors_of_handlers_are_found_beside_the_name_of_the_event() {
        let of = |log: &str| {
            let log: Vec<String> = log.lines().map(str::to_owned).collect();
            handler_error(&log).map(str::to_owned)
        };
        // OpenOCD 0.12.0.
        let old = "Error executing event reset-init on target a.cpu:\nembedded:startup.tcl:1193: Error: ";
        assert_eq!(
            of(&format!("halted\nFailed to write memory\n{old}\nin procedure")),
            Some("Failed to write memory".into())
        );
        assert_eq!(of(&format!("halted\n{old}oops\nin procedure")), Some("oops".into()));
        // Newer.
        let new = "[a.cpu] Execution of event reset-init failed:";
        assert_eq!(
            of(&format!("Failed to write memory\n{new}\n/a.cfg:150: Error: \nTraceback")),
            Some("Failed to write memory".into())
        );
        assert_eq!(
            of(&format!("Failed to write memory\n{new}\nTraceback (most")),
            Some("Failed to write memory".into())
        );
        assert_eq!(of(&format!("halted\n{new}\noops\nTraceback")), Some("oops".into()));
        assert_eq!(of("halted\nFailed to write memory"), None);
    }

    #[test]
    fn lost_boards_are_recognized() {
        let lost = |log| lost(&["it failed", log]).unwrap_or_default();
        let bitbang = "Error on socket 'remote_bitbang_putc': errno==32, message: Broken pipe.\nnot examined";
        assert!(lost(bitbang).starts_with("the debug probe does not answer: check its cable"));
        for log in ["Invalid ACK (7) in DAP response\nJTAG-DP STICKY ERROR\n", "stm32f1x.cpu is not examined"] {
            assert!(lost(log).starts_with("the target does not answer: check its power"), "{log}");
        }
        // An address where the chip has nothing.
        assert_eq!(lost("JTAG-DP STICKY ERROR\nFailed to read memory at 0x60000000\n"), "");
    }

    #[test]
    fn statuses_fit_their_kinds() {
        for symptom in SYMPTOMS {
            let status = match symptom.id.split('.').nth(1) {
                Some("probe") => PROBE,
                Some("target") => TARGET,
                _ => CONFIGURATION,
            };
            assert_eq!(symptom.status, status, "{}", symptom.id);
        }
    }
}
