//! What lines of OpenOCD's log mean to a person at a terminal, and what to try. No I/O.

use openocd::StartFailure;

use crate::exit_status::{CONFIGURATION, PROBE, TARGET};

/// What the tool makes of a start that failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Symptom {
    pub(crate) status: u8,
    pub(crate) id: &'static str,
    pub(crate) help: &'static str,
}

/// The kinds of failures that clear when the probe is plugged in, or is free again.
pub(crate) const NO_PROBE: &str = "ocd.probe.none";
pub(crate) const BUSY_PROBE: &str = "ocd.probe.busy";
/// A transport was chosen before.
pub(crate) const MISSING_FILE: &str = "ocd.config.no_file";
pub(crate) const CHOSEN_TRANSPORT: &str = "ocd.config.transport";
/// The probe is there, but belongs to somebody else.
pub(crate) const NO_PERMISSION: &str = "ocd.probe.permission";

const SILENT_HELP: &str = "check its power and the wiring, and try a lower --speed, such as --speed 100";
/// OpenOCD does not always tell whether the probe or the target is gone.
const LOST_TARGET: (&str, &str) = (
    "the target does not answer",
    "check its power, the wiring and the probe's cable, and try a lower --speed, such as --speed 100",
);
const GONE: (&str, &str) =
    ("the debug probe does not answer", "check its cable; OpenOCD must be started again when the probe is back");
const WRONG_CHIP: (&str, &str) = ("the configuration describes another chip", WRONG_CHIP_HELP);
const WRONG_CHIP_HELP: &str = "name the file of the chip that is there: OpenOCD's own are in its folder target/";

/// What to try after a start that failed; `None` for a reason that is unknown here.
pub(crate) fn symptom(failure: StartFailure) -> Option<Symptom> {
    let (status, id, help) = match failure {
        StartFailure::NoProbe => (
            PROBE,
            NO_PROBE,
            "check the probe's cable and --serial, and that the configuration names this kind of probe; --wait SECONDS waits for it",
        ),
        StartFailure::ProbeBusy => (
            PROBE,
            BUSY_PROBE,
            "end that program, or use its OpenOCD with --connect; --wait SECONDS waits for the probe",
        ),
        StartFailure::SeveralProbes => {
            (PROBE, "ocd.probe.several", "choose with --serial NUMBER or --usb-location BUS-PORTS")
        }
        StartFailure::ProbeUnreachable => {
            (PROBE, NO_PROBE, "is it there, and does it accept connections? --wait SECONDS waits for it")
        }
        StartFailure::ProbeNotPermitted => (
            PROBE,
            NO_PERMISSION,
            "install OpenOCD's udev rules (60-openocd.rules), then unplug the probe and plug it in again",
        ),
        StartFailure::TargetUnpowered => (TARGET, "ocd.target.power", "connect its supply, and the probe's VTref"),
        StartFailure::TargetSilent => (TARGET, "ocd.target.silent", SILENT_HELP),
        StartFailure::WrongChip => (TARGET, "ocd.target.wrong", WRONG_CHIP_HELP),
        StartFailure::PortTaken => (
            CONFIGURATION,
            "ocd.port.taken",
            "choose others with --tcl-port, --gdb-port or --telnet-port; 0 takes a free one",
        ),
        StartFailure::MissingFile => (
            CONFIGURATION,
            MISSING_FILE,
            "name one of OpenOCD's own (interface/…, target/…, board/…), or a path from this folder",
        ),
        StartFailure::UnknownCommand => (
            CONFIGURATION,
            "ocd.config.no_command",
            "check its spelling and the order: the interface's file before the target's",
        ),
        StartFailure::NoDriver => {
            (CONFIGURATION, "ocd.config.no_driver", "begin it with the probe's file, such as interface/cmsis-dap.cfg")
        }
        StartFailure::UnknownDriver => {
            (CONFIGURATION, "ocd.config.unknown_driver", "`openocd -c \"adapter list\"` lists those that it has")
        }
        StartFailure::TransportRefused => (
            CONFIGURATION,
            CHOSEN_TRANSPORT,
            "the configuration chooses a transport twice, or one that the probe does not have",
        ),
        StartFailure::EndedByConfiguration => (
            CONFIGURATION,
            "ocd.config.ends",
            "leave `exit` and `shutdown` out of it: what stands before them was done, and ocd ends OpenOCD by itself",
        ),
        _ => return None,
    };
    Some(Symptom { status, id, help })
}

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

/// The USB device that cannot be opened: libusb names it in a line of its own.
pub(crate) fn device(log: &[String]) -> Option<&str> {
    let mut words = log.iter().flat_map(|line| line.split([' ', ',', ';']));
    words.find(|word| word.starts_with("/dev/")).map(|word| word.trim_end_matches([':', '.']))
}

/// The path in a configuration that begins with a file that OpenOCD misses, and has white space
/// outside of quotes: the shortest that is there.
pub(crate) fn unquoted<'c>(config: &'c str, missing: &str, is_file: impl Fn(&str) -> bool) -> Option<&'c str> {
    let mut places = config.match_indices(missing).filter(|_| !missing.is_empty());
    places.find_map(|(at, _)| {
        let from = &config[at..];
        let spaces = from.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(space, _)| space);
        let ends = spaces.chain([from.len()]).skip_while(|&end| end <= missing.len());
        ends.map(|end| &from[..end]).find(|path| is_file(path))
    })
}

/// OpenOCD's own words for a failure that is not in the table: its first error, or the last line
/// that is no more than information, such as a warning or its usage.
pub(crate) fn first_error(log: &[String]) -> Option<&str> {
    // What went well is no cause.
    let may_tell = |line: &&String| !line.trim().is_empty() && !line.starts_with("Info : ");
    error_line(log).or_else(|| log.iter().rev().find(may_tell).map(|line| cause(line)))
}

/// The line of the log of a command that says why the command failed.
pub(crate) fn why(log: &[String]) -> Option<&str> {
    StartFailure::recognize(log).map(|(_, line)| line).or_else(|| handler_error(log)).or_else(|| first_error(log))
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
    // The message of a command of OpenOCD's is empty, or missing before the call stack, for which
    // the log of an error has an empty line.
    let is_message = |text: &&str| !text.is_empty() && !text.starts_with("Traceback ");
    let of_script = after.get(1).map(|line| cause(line)).filter(is_message);
    of_script.or_else(|| before.last().map(|line| cause(line)))
}

/// The line without its level and the place in OpenOCD's own scripts.
fn cause(line: &str) -> &str {
    let line = line.split_once("Error: ").map_or(line, |(_, message)| message);
    line.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn paths_that_need_quotes_are_found() {
        let is_file = |path: &str| ["my board.cfg", "a  b/c d.cfg", "x.cfg"].contains(&path);
        for (config, missing, path) in [
            ("-f my board.cfg", "my", Some("my board.cfg")),
            ("-fmy board.cfg -f x.cfg", "my", Some("my board.cfg")),
            ("x.cfg a  b/c d.cfg x.cfg", "a", Some("a  b/c d.cfg")),
            ("my x.cfg", "my", None),
            ("-f my", "my", None),
            ("-f 'my board.cfg' -f x.cfg", "y.cfg", None),
            ("-f é à", "é", None),
            ("-f x.cfg", "", None),
        ] {
            assert_eq!(unquoted(config, missing, is_file), path, "{config}");
        }
    }

    #[test]
    fn each_cause_is_openocds_own_line() {
        let log = ["Info : x", "embedded:startup.tcl:28: Error: Can't find a.cfg", "Error: later"].map(str::to_owned);
        assert_eq!(why(&log), Some("Can't find a.cfg"));
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
        use StartFailure::{
            MissingFile, NoDriver, NoProbe, PortTaken, ProbeBusy, ProbeNotPermitted, ProbeUnreachable, SeveralProbes,
            TargetSilent, TargetUnpowered, TransportRefused, Unknown, UnknownCommand, UnknownDriver, WrongChip,
        };

        let all = [
            NoProbe,
            ProbeBusy,
            SeveralProbes,
            ProbeNotPermitted,
            ProbeUnreachable,
            PortTaken,
            MissingFile,
            UnknownCommand,
            UnknownDriver,
            NoDriver,
            TransportRefused,
            TargetUnpowered,
            TargetSilent,
            WrongChip,
        ];
        for symptom in all.map(|failure| symptom(failure).unwrap()) {
            let status = match symptom.id.split('.').nth(1) {
                Some("probe") => PROBE,
                Some("target") => TARGET,
                _ => CONFIGURATION,
            };
            assert_eq!(symptom.status, status, "{}", symptom.id);
        }
        assert_eq!(symptom(Unknown), None);
    }
}
