//! Why a start of OpenOCD failed, by its log. No I/O.

use std::fmt;

use StartFailure::{
    EndedByConfiguration, MissingFile, NoDriver, NoProbe, PortTaken, ProbeBusy, ProbeNotPermitted, ProbeUnreachable,
    SeveralProbes, TargetSilent, TargetUnpowered, TransportRefused, Unknown, UnknownCommand, UnknownDriver, WrongChip,
};

use crate::error::ProcessReport;

/// Why a start of OpenOCD failed, as far as its log tells.
///
/// OpenOCD reports all of these in the same way: it ends. The log that it wrote before is compared
/// with lines that OpenOCD 0.12.0 and newer versions are known to write. A line may be worded
/// differently in another version, so expect [`Unknown`](Self::Unknown) too.
///
/// `Display` says it in a sentence for people, such as "no debug probe was found".
///
/// ```
/// use openocd::{Error, OpenOcdProcess, ProcessError, StartFailure};
///
/// // Nothing listens at this port.
/// let start = OpenOcdProcess::builder()
///     .command("adapter driver remote_bitbang; remote_bitbang host localhost; remote_bitbang port 1")
///     .command("adapter speed 1000; jtag newtap chip cpu -irlen 4")
///     .spawn();
/// match start {
///     Err(Error::Process(ProcessError::ExitedDuringStartup { report })) => match report.start_failure() {
///         StartFailure::NoProbe | StartFailure::ProbeUnreachable => println!("connect the probe"),
///         StartFailure::TargetUnpowered | StartFailure::TargetSilent => println!("switch the board on"),
///         failure => println!("{failure}"),
///     },
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum StartFailure {
    /// There is no debug probe of this kind, or none with this serial number or USB location.
    NoProbe,
    /// Another program uses the debug probe.
    ProbeBusy,
    /// There are several debug probes, and the configuration chooses none.
    SeveralProbes,
    /// The operating system does not allow this user to open the debug probe.
    ProbeNotPermitted,
    /// The debug probe is reached through a socket, and nothing answers there.
    ProbeUnreachable,
    /// A port that OpenOCD should listen on is taken.
    PortTaken,
    /// The configuration names a file that is missing.
    MissingFile,
    /// The configuration has a command that OpenOCD does not know.
    UnknownCommand,
    /// The configuration names an adapter driver that this OpenOCD does not have.
    UnknownDriver,
    /// The configuration names no adapter driver.
    NoDriver,
    /// The configuration chooses a second transport, or one that the debug probe does not have.
    TransportRefused,
    /// The debug probe measures that the target has no power, or too low a voltage.
    TargetUnpowered,
    /// The target does not answer: no power, a loose contact, too high a speed.
    TargetSilent,
    /// The chip that answers is not the one that the configuration describes.
    ///
    /// OpenOCD 0.12.0 often goes on with such a chip:
    /// [`start_warnings`](crate::OpenOcdProcess::start_warnings).
    WrongChip,
    /// The configuration itself ends OpenOCD, with `exit` or `shutdown`. What stands before that,
    /// such as `program`, was executed, and OpenOCD reports success.
    EndedByConfiguration,
    /// The log has no line that is known here.
    Unknown,
}

/// In this order: the first that matches any line counts, so causes precede what follows from them.
#[rustfmt::skip]
const SYMPTOMS: &[(&str, StartFailure)] = &[
    ("LIBUSB_ERROR_ACCESS", ProbeNotPermitted),
    ("insufficient permissions", ProbeNotPermitted),
    ("LIBUSB_ERROR_BUSY", ProbeBusy),
    ("unable to claim usb device", ProbeBusy),
    ("Multiple devices found", SeveralProbes),
    ("Address already in use", PortTaken),
    ("Error: Can't find ", MissingFile),
    ("invalid command name ", UnknownCommand),
    ("was not found (", UnknownDriver),
    ("Can't change session's transport", TransportRefused),
    ("Debug adapter doesn't support '", TransportRefused),
    ("Debug Adapter has to be specified", NoDriver),
    ("unable to select a session transport", NoDriver),
    ("doesn't support any transports", NoDriver),
    ("does not support any transports", NoDriver),
    ("unable to find a matching CMSIS-DAP device", NoProbe),
    ("No J-Link device found", NoProbe),
    ("unable to open ftdi device", NoProbe),
    ("unable to find Nu-Link", NoProbe),
    ("XDS110: failed to connect", NoProbe),
    // ST-Link.
    ("Error: open failed", NoProbe),
    ("Error on socket 'Failed to connect'", ProbeUnreachable),
    ("target voltage may be too low", TargetUnpowered),
    ("Target voltage too low", TargetUnpowered),
    ("JTAG scan chain interrogation failed", TargetSilent),
    ("Error connecting DP", TargetSilent),
    ("init mode failed (unable to connect to the target)", TargetSilent),
    ("UNEXPECTED", WrongChip),
    ("IR capture error", TargetSilent),
    ("Invalid ACK", TargetSilent),
    ("{jtag arp_init-reset}", TargetSilent),
];

impl StartFailure {
    /// Recognizes a failure in the log of a start. Returns it with the line that tells it, without
    /// the line's level and its place in OpenOCD's scripts; `None` if no line is known.
    ///
    /// For logs from elsewhere, such as of an OpenOCD that another program starts. For an error of
    /// this crate there is [`ProcessReport::start_failure`].
    ///
    /// ```
    /// use openocd::StartFailure;
    ///
    /// let log = ["Info : clock speed 1000 kHz", "Error: unable to find a matching CMSIS-DAP device"];
    /// let recognized = StartFailure::recognize(&log);
    /// assert_eq!(recognized, Some((StartFailure::NoProbe, "unable to find a matching CMSIS-DAP device")));
    /// ```
    pub fn recognize<L: AsRef<str>>(log: &[L]) -> Option<(StartFailure, &str)> {
        SYMPTOMS.iter().find_map(|(part, failure)| {
            let line = log.iter().map(AsRef::as_ref).find(|line| line.contains(part))?;
            Some((*failure, message(line)))
        })
    }

    pub(super) const fn sentence(self) -> &'static str {
        match self {
            NoProbe => "no debug probe was found",
            ProbeBusy => "another program uses the debug probe",
            SeveralProbes => "there are several debug probes, and none was chosen",
            ProbeNotPermitted => "you may not open the debug probe",
            ProbeUnreachable => "the debug probe cannot be reached",
            PortTaken => "a port of OpenOCD is taken",
            MissingFile => "OpenOCD's configuration names a file that is missing",
            UnknownCommand => "OpenOCD's configuration has an unknown command",
            UnknownDriver => "this OpenOCD does not know the debug probe's driver",
            NoDriver => "OpenOCD's configuration names no debug probe",
            TransportRefused => "the transport cannot be chosen",
            TargetUnpowered => "the target seems to have no power",
            TargetSilent => "the target does not answer",
            WrongChip => "the configuration describes another chip",
            EndedByConfiguration => "the configuration ends OpenOCD with `exit` or `shutdown`",
            Unknown => "OpenOCD ended before it was ready",
        }
    }
}

impl fmt::Display for StartFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl ProcessReport {
    /// Returns why the start failed, as far as the log and the exit status tell.
    ///
    /// It is meant for the report of
    /// [`ProcessError::ExitedDuringStartup`](crate::ProcessError::ExitedDuringStartup). For an
    /// OpenOCD that ended later, the result is not useful.
    ///
    /// ```
    /// use openocd::{OpenOcdProcess, Error, ProcessError, StartFailure};
    ///
    /// let start = OpenOcdProcess::builder().config_file("interface/no_such_probe.cfg").spawn();
    /// let Err(Error::Process(ProcessError::ExitedDuringStartup { report })) = start else { panic!() };
    /// assert_eq!(report.start_failure(), StartFailure::MissingFile);
    /// ```
    pub fn start_failure(&self) -> StartFailure {
        // OpenOCD ends with 0 also where it finds no adapter's driver.
        let is_success = self.exit_status.is_some_and(|status| status.success());
        let unknown = if is_success { EndedByConfiguration } else { Unknown };
        StartFailure::recognize(&self.log_tail).map_or(unknown, |(failure, _)| failure)
    }
}

/// The line without its level and the place in OpenOCD's own scripts.
pub(super) fn message(line: &str) -> &str {
    let line = line.split_once("Error: ").map_or(line, |(_, message)| message);
    line.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognized(log: &str) -> Option<StartFailure> {
        let log: Vec<&str> = log.lines().collect();
        StartFailure::recognize(&log).map(|(failure, _)| failure)
    }

    /// The ends of logs as OpenOCD 0.12.0 and a development version of August 2026 wrote them.
    const CAPTURED: &[(&str, StartFailure)] = &[
        (
            "Info : auto-selecting first available session transport \"swd\". To override use 'transport select <transport>'.\nError: unable to find a matching CMSIS-DAP device\n",
            NoProbe,
        ),
        (
            "Warn : DEPRECATED: auto-selecting transport \"swd\". Use 'transport select swd' to suppress this message.\nError: The hostname or IP address of the CMSIS-DAP adapter must be specified\nError: unable to find a matching CMSIS-DAP device\n",
            NoProbe,
        ),
        ("Error: No J-Link device found\n", NoProbe),
        (
            "Info : The selected transport took over low-level target control. The results might differ compared to plain JTAG/SWD\nInfo : clock speed 1000 kHz\nError: open failed\n",
            NoProbe,
        ),
        (
            "Error: no device found\nError: unable to open ftdi device with vid 15ba, pid 002b, description 'Olimex OpenOCD JTAG ARM-USB-OCD-H', serial '*' at bus location '*'\n",
            NoProbe,
        ),
        ("Error: unable to open ftdi device with description '*', serial '*' at bus location '*'\n", NoProbe),
        ("Info : clock speed 1000 kHz\nError: unable to find Nu-Link\n", NoProbe),
        ("Error: XDS110: failed to connect\nInfo : XDS110: disconnected\n", NoProbe),
        (
            "Info : Connecting to localhost:1\nError: Error on socket 'Failed to connect': errno==9, message: Bad file descriptor.\n",
            ProbeUnreachable,
        ),
        ("embedded:startup.tcl:28: Error: Can't find target/nowhere.cfg\nin procedure 'script' \n", MissingFile),
        (
            "embedded:startup.tcl:88: Error: Can't find target/nowhere.cfg\nTraceback (most recent call last):\n",
            MissingFile,
        ),
        ("invalid command name \"foo\"\n", UnknownCommand),
        (
            "Error: The specified debug interface was not found (nonsense)\nThe following debug adapters are available:\n1: parport\n",
            UnknownDriver,
        ),
        (
            "Error: The specified adapter driver was not found (nonsense)\nThe following adapter drivers are available:\n",
            UnknownDriver,
        ),
        (
            "Error: Debug adapter does not support any transports? Check config file order.\nError: unable to select a session transport. Can't continue.\n",
            NoDriver,
        ),
        ("Error: Debug adapter doesn't support any transports?\n", NoDriver),
        (
            "Info : only one transport option; autoselect 'jtag'\nError: Can't change session's transport after the initial selection was made\n",
            TransportRefused,
        ),
        ("Error: Debug adapter doesn't support 'hla_swd' transport\n", TransportRefused),
        ("Debug adapter doesn't support 'hla_swd' transport\n", TransportRefused),
        ("Error: couldn't bind tcl to socket on port 42607: Address already in use\n", PortTaken),
        (
            "Warn : Unexpected idcode after end of chain: 21 0xfffff800\nError: double-check your JTAG setup (interface, speed, ...)\nError: Trying to use configured scan chain anyway...\nError: stm32f1x.cpu: IR capture error; saw 0x0f not 0x01\nWarn : Bypassing JTAG setup events due to errors\nError: Invalid ACK (7) in DAP response\nError: JTAG-DP STICKY ERROR\n",
            TargetSilent,
        ),
        // Read in OpenOCD's source (`src/jtag/drivers/jlink.c`): there is no probe here.
        ("Error: Multiple devices found, specify the desired device.\n", SeveralProbes),
        (
            "Error: libusb_open() failed with LIBUSB_ERROR_ACCESS\nError: unable to find a matching CMSIS-DAP device\n",
            ProbeNotPermitted,
        ),
        ("Error: libusb_claim_interface() failed with LIBUSB_ERROR_BUSY\nError: open failed\n", ProbeBusy),
    ];

    #[test]
    fn captured_logs_are_recognized() {
        for (log, expected) in CAPTURED {
            assert_eq!(recognized(log), Some(*expected), "{log}");
        }
        assert_eq!(recognized("Info : clock speed 1000 kHz\nError: something new\n"), None);
    }

    #[test]
    fn line_is_openocds_own_without_its_place() {
        let log = ["Info : x", "embedded:startup.tcl:28: Error: Can't find a.cfg", "Error: later"];
        assert_eq!(StartFailure::recognize(&log), Some((MissingFile, "Can't find a.cfg")));
    }

    #[test]
    fn report_without_a_known_line_is_unknown() {
        let log_tail = vec!["Error: something new".to_owned()];
        let report = ProcessReport { command_line: String::new(), exit_status: None, log_tail };
        assert_eq!(report.start_failure(), Unknown);
    }
}
