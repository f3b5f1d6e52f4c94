//! What a run came to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::crash::ExceptionNumber;
use crate::error::text::excerpt;
use crate::target::TargetStatus;
use crate::types::HaltReason;

/// How much of a line a text shows: characters in a verdict, bytes in an outcome.
const SHOWN: usize = 200;

/// How many lines the text of an outcome shows.
const SHOWN_LINES: usize = 20;

/// How many channels or calls the text of an outcome names.
const SHOWN_NUMBERS: usize = 8;

/// Why a run ended.
///
/// ```
/// use openocd::Verdict;
///
/// fn is_pass(verdict: &Verdict) -> bool {
///     match verdict {
///         Verdict::Exit { status, .. } => *status == 0,
///         Verdict::Line(line) => line.ends_with("PASS"),
///         _ => false, // a crash, a lockup, a halt, a deadline
///     }
/// }
/// assert!(is_pass(&Verdict::Line("all tests PASS".to_owned())));
/// assert!(!is_pass(&Verdict::Deadline));
/// println!("{}", Verdict::Deadline); // deadline passed
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The target halted: at a breakpoint instruction, at a breakpoint or watchpoint of somebody
    /// else, after a caught reset, by another client, or with another target of its SMP group.
    Halt(HaltReason),
    /// The firmware crashed: a Cortex-M took a fault, and vector catch
    /// ([`Target::set_vector_catch`](crate::Target::set_vector_catch)) halted it at the first
    /// instruction of the fault's handler. [`Target::crash_report`](crate::Target::crash_report)
    /// says more.
    ///
    /// If there is a breakpoint at that instruction, the breakpoint is the verdict: OpenOCD does
    /// not tell the two apart.
    Crash {
        /// The exception that the core took, such as HardFault.
        exception: ExceptionNumber,
        /// The program counter that the core stored, as of
        /// [`CrashReport::fault_pc`](crate::CrashReport::fault_pc): where the firmware crashed.
        /// `None` if the core could not store it.
        fault_pc: Option<u64>,
    },
    /// The core of a Cortex-M is locked up, and halted now: a fault occurred where none can be
    /// handled, usually in the handler of a fault.
    Lockup,
    /// The target reached a breakpoint of the conditions.
    Breakpoint {
        /// The breakpoint's address.
        address: u64,
    },
    /// The firmware exited by semihosting. The target is halted at the call. The next run that
    /// serves calls begins there.
    Exit {
        /// The exit status. 0 is success, and comes only with the reason
        /// `ADP_Stopped_ApplicationExit`. For any other reason this is the second word of
        /// `SYS_EXIT_EXTENDED`, and 1 in place of 0. `SYS_EXIT` has no status: this is 0 or 1.
        status: i32,
        /// The reason. 0x20026, `ADP_Stopped_ApplicationExit`, for an end of the firmware's own
        /// will.
        reason: u32,
    },
    /// A line was accepted by its condition. If nothing else happened until then, the target is
    /// still running.
    Line(String),
    /// The deadline passed, and the target was halted. If it had reached another end by then, that
    /// is the verdict.
    Deadline,
    /// A handler ([`RunUntil::on_line`](crate::RunUntil::on_line),
    /// [`on_output`](crate::RunUntil::on_output)) or a [`StopToken`](crate::StopToken) stopped the
    /// run, and the target was halted. If the target had reached another end before the token was
    /// noticed, that is the verdict.
    Stopped,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Halt(reason) => write!(f, "halted ({reason})"),
            Verdict::Crash { exception, fault_pc: Some(pc) } => write!(f, "crashed ({exception}) at {pc:#010x}"),
            Verdict::Crash { exception, fault_pc: None } => write!(f, "crashed ({exception})"),
            Verdict::Lockup => f.write_str("locked up"),
            Verdict::Breakpoint { address } => write!(f, "breakpoint at {address:#010x}"),
            Verdict::Exit { status, .. } => write!(f, "exit with status {status}"),
            Verdict::Line(line) => {
                let shown: String = line.chars().take(SHOWN).collect();
                write!(f, "line {shown:?}{}", if shown.len() < line.len() { "…" } else { "" })
            }
            Verdict::Deadline => f.write_str("deadline passed"),
            Verdict::Stopped => f.write_str("stopped"),
        }
    }
}

/// Where output of the firmware came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutputSource {
    /// The standard output of semihosting.
    Output,
    /// The standard error of semihosting.
    Error,
    /// The RTT channel of this number.
    Rtt(u32),
}

/// `output`, `error` or `rtt 0`
impl fmt::Display for OutputSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutputSource::Output => f.write_str("output"),
            OutputSource::Error => f.write_str("error"),
            OutputSource::Rtt(channel) => write!(f, "rtt {channel}"),
        }
    }
}

/// Bytes that the firmware printed, as they arrived, for
/// [`RunUntil::on_output`](crate::RunUntil::on_output).
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunOutput<'o> {
    /// Where the bytes came from.
    pub source: OutputSource,
    /// When the bytes arrived here, from the beginning of the run. `None` for bytes that were
    /// printed before the run.
    pub at: Option<Duration>,
    /// The bytes. A line or a frame may arrive in several parts.
    pub bytes: &'o [u8],
}

/// `RunOutput(rtt 0, 12 bytes)`
impl fmt::Debug for RunOutput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunOutput({}, {} bytes)", self.source, self.bytes.len())
    }
}

/// A line that the firmware printed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RunLine {
    /// Where the line came from.
    pub source: OutputSource,
    /// When the line was complete here, from the beginning of the run. `None` for a line of which a
    /// part was printed before the run: it is no evidence and meets no condition.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "at_seconds", serialize_with = "crate::types::form::optional_seconds")
    )]
    pub at: Option<Duration>,
    /// The text without its line end. Bytes that are not UTF-8 become U+FFFD.
    pub text: String,
}

/// The line's text.
impl fmt::Display for RunLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The outcome of a run, from [`Target::run_until`](crate::Target::run_until).
///
/// Output and lines are limited together ([`RunUntil::keep`](crate::RunUntil::keep)): what came
/// first is here.
///
/// Its text is a message for an assertion:
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// use openocd::{RunUntil, Verdict};
/// use std::time::Duration;
///
/// # session.target().halt()?;
/// let outcome = session.target().run_until(RunUntil::new(), Duration::from_millis(50))?;
/// assert!(matches!(outcome.verdict, Verdict::Deadline), "{outcome}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RunOutcome {
    /// Why the run ended.
    pub verdict: Verdict,
    /// The target's state afterwards, with the program counter if it is halted.
    pub status: TargetStatus,
    /// What the firmware printed by semihosting, to its standard output and its standard error.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::types::form::text"))]
    pub output: Vec<u8>,
    /// The numbers of the semihosting calls that were refused, in their order; at most 1000.
    pub refused_calls: Vec<u32>,
    /// The lines that came by semihosting and by the RTT channels of the run, in the order
    /// in which they were complete. The last line of semihosting, and of a channel that the run
    /// opened, may lack its line end. A line of more than 64 KiB comes in parts.
    pub lines: Vec<RunLine>,
    /// What came by RTT channels that the run read as bytes
    /// ([`RunChannel::binary`](crate::RunChannel::binary)), by channel.
    pub rtt_bytes: BTreeMap<u32, Vec<u8>>,
    /// The RTT channels of [`RunUntil::rtt`](crate::RunUntil::rtt) that the firmware had not set up
    /// when the run ended: it has no such channel, did not get that far, or keeps its control block
    /// elsewhere.
    pub missing_channels: Vec<u32>,
    /// Number of bytes of output and lines that were dropped because of the limit.
    pub dropped: u64,
    /// How long the run took.
    #[cfg_attr(feature = "serde", serde(rename = "elapsed_seconds", serialize_with = "crate::types::form::seconds"))]
    pub elapsed: Duration,
}

/// `deadline passed after 5.003 s; stm32f1x.cpu is halted at 0x08000124 (debug-request)`, followed
/// by the last 20 lines that the firmware printed, each on its own line with its source: for the
/// message of an assertion.
///
/// The first line also names the RTT channels that are missing, the semihosting calls that were
/// refused, and how many bytes were dropped. Lines are cut at 200 bytes, and control characters are
/// escaped.
impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {:.3} s; {}", self.verdict, self.elapsed.as_secs_f64(), self.status)?;
        if !self.missing_channels.is_empty() {
            let channels = listed(&self.missing_channels, |channel| OutputSource::Rtt(*channel).to_string());
            write!(f, "; not set up: {channels}")?;
        }
        if !self.refused_calls.is_empty() {
            let calls = listed(&self.refused_calls, |call| format!("{call:#x}"));
            write!(f, "; refused semihosting calls: {calls}")?;
        }
        if self.dropped > 0 {
            write!(f, "; {} bytes dropped", self.dropped)?;
        }
        let earlier = self.lines.len().saturating_sub(SHOWN_LINES);
        match (self.lines.len(), earlier) {
            (0, _) => f.write_str("; no lines")?,
            (_, 0) => {}
            (_, 1) => f.write_str("\n  (1 earlier line)")?,
            (_, earlier) => write!(f, "\n  ({earlier} earlier lines)")?,
        }
        self.lines[earlier..].iter().try_for_each(|line| {
            let text = excerpt(line.text.as_bytes(), SHOWN);
            write!(f, "\n  {}: {text}", line.source)
        })
    }
}

/// `0x1, 0x31 and 5 more`
fn listed<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    let shown = items.iter().take(SHOWN_NUMBERS).map(show).collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(SHOWN_NUMBERS) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl RunOutcome {
    /// Returns the program counter, if the target is halted.
    pub fn pc(&self) -> Option<u64> {
        self.status.pc
    }

    /// Returns what the firmware printed by semihosting, as text. Bytes that are not UTF-8 become
    /// U+FFFD.
    pub fn output_text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    /// Returns the text of all lines, in their order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|line| line.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::TargetState;

    fn outcome(verdict: Verdict) -> RunOutcome {
        RunOutcome {
            verdict,
            status: TargetStatus {
                name: "cpu".to_owned(),
                state: TargetState::Halted,
                pc: Some(0x0800_0124),
                halt_reason: None,
            },
            output: Vec::new(),
            refused_calls: Vec::new(),
            lines: Vec::new(),
            rtt_bytes: BTreeMap::new(),
            missing_channels: Vec::new(),
            dropped: 0,
            elapsed: Duration::from_micros(1_003_400),
        }
    }

    #[test]
    fn outcome_without_lines_is_one_line() {
        assert_eq!(
            outcome(Verdict::Deadline).to_string(),
            "deadline passed after 1.003 s; cpu is halted at 0x08000124; no lines"
        );
    }

    #[test]
    fn text_of_an_outcome_tells_what_is_missing_and_shows_the_last_lines() {
        let line = |n: u32| RunLine { source: OutputSource::Rtt(1), at: None, text: format!("\x1b[1m test {n} \t") };
        let outcome = RunOutcome {
            lines: (0..1000).map(line).collect(),
            missing_channels: vec![2, 3],
            refused_calls: vec![0x31, 0x1],
            dropped: 7,
            rtt_bytes: BTreeMap::from([(4, vec![0; 12])]),
            ..outcome(Verdict::Stopped)
        };
        let text = outcome.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "stopped after 1.003 s; cpu is halted at 0x08000124; not set up: rtt 2, rtt 3; refused semihosting calls: 0x31, 0x1; 7 bytes dropped"
        );
        assert_eq!(lines[1], "  (980 earlier lines)");
        assert_eq!(lines[2], "  rtt 1: \\u{1b}[1m test 980");
        assert_eq!(lines.len(), 22);
    }
}
