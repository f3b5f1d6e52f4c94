//! What happens to a target.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::error::text::{excerpt, name};
use crate::types::{ResetMode, TargetState};

/// A notification of OpenOCD's. It does not say which target it is of.
///
/// Text of OpenOCD's is kept as it came; `Display` escapes and cuts it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An event of a target, by OpenOCD's name for it.
    Target(TargetEvent),
    /// A target's state differs from the last one. OpenOCD remembers one state for all targets.
    State(TargetState),
    /// A reset by OpenOCD begins. No reset by the chip itself is reported, and no press of the
    /// reset button.
    Reset(ResetMode),
    /// Bytes of the trace port, from
    /// [`Session::events_with_trace`](crate::Session::events_with_trace).
    Trace(Vec<u8>),
    /// Notifications were dropped here because nobody took them and there was no room for more.
    Lost {
        /// How many.
        count: u64,
    },
    /// A notification that this crate does not know, as text.
    Other(String),
}

impl Event {
    /// Whether a target halted: [`TargetEvent::Halted`].
    pub fn is_halt(&self) -> bool {
        *self == Event::Target(TargetEvent::Halted)
    }

    /// Whether a target was resumed: [`TargetEvent::Resumed`].
    pub fn is_resume(&self) -> bool {
        *self == Event::Target(TargetEvent::Resumed)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Target(event) => write!(f, "{event}"),
            Event::State(state) => write!(f, "state {state}"),
            Event::Reset(mode) => write!(f, "{}", mode.command()),
            Event::Trace(bytes) => write!(f, "{} bytes of trace", bytes.len()),
            Event::Lost { count } => write!(f, "{count} events lost"),
            Event::Other(text) => f.write_str(&excerpt(text.as_bytes(), 200)),
        }
    }
}

/// Declares the events that have a name and no value.
macro_rules! target_events {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// An event of a target, by OpenOCD's names (`src/target/target.c`).
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum TargetEvent {
            $($(#[$doc])* $variant,)*
            /// `semihosting-user-cmd-0x100` to `-0x107`: the firmware made a semihosting call of
            /// its own, with this number.
            SemihostingUserCommand(u16),
            /// An event that this crate does not know.
            Other(String),
        }

        impl TargetEvent {
            /// OpenOCD's name for it, as it came; `Display` escapes and cuts one that this crate
            /// does not know.
            pub fn name(&self) -> Cow<'_, str> {
                match self {
                    $(TargetEvent::$variant => Cow::Borrowed($name),)*
                    TargetEvent::SemihostingUserCommand(number) => format!("semihosting-user-cmd-{number:#x}").into(),
                    TargetEvent::Other(name) => Cow::Borrowed(name),
                }
            }

            /// The event of this name.
            pub(crate) fn named(name: &str) -> Self {
                match name {
                    $($name => TargetEvent::$variant,)*
                    _ => match name.strip_prefix("semihosting-user-cmd-0x").map(|digits| u16::from_str_radix(digits, 16)) {
                        Some(Ok(number)) => TargetEvent::SemihostingUserCommand(number),
                        _ => TargetEvent::Other(name.to_owned()),
                    },
                }
            }
        }

        #[cfg(test)]
        const NAMES: &[&str] = &[$($name),*];
    };
}

target_events! {
    /// It halted, before GDB is told.
    GdbHalt = "gdb-halt",
    /// It halted.
    Halted = "halted",
    /// It was resumed, or makes a step.
    Resumed = "resumed",
    /// `resume` begins.
    ResumeStart = "resume-start",
    /// `resume` is done.
    ResumeEnd = "resume-end",
    /// `step` begins.
    StepStart = "step-start",
    /// `step` is done.
    StepEnd = "step-end",
    /// GDB begins a step or a resumption.
    GdbStart = "gdb-start",
    /// GDB's step or resumption is done.
    GdbEnd = "gdb-end",
    /// A reset begins.
    ResetStart = "reset-start",
    /// The reset line is about to be pulled.
    ResetAssertPre = "reset-assert-pre",
    /// The reset line is to be pulled.
    ResetAssert = "reset-assert",
    /// The reset line is pulled.
    ResetAssertPost = "reset-assert-post",
    /// The reset line is about to be released.
    ResetDeassertPre = "reset-deassert-pre",
    /// The reset line is released.
    ResetDeassertPost = "reset-deassert-post",
    /// `reset init` initialises the board.
    ResetInit = "reset-init",
    /// A reset is done.
    ResetEnd = "reset-end",
    /// The examination begins.
    ExamineStart = "examine-start",
    /// The examination failed.
    ExamineFail = "examine-fail",
    /// The examination is done.
    ExamineEnd = "examine-end",
    /// It halted while it ran code of OpenOCD's.
    DebugHalted = "debug-halted",
    /// It was resumed to run code of OpenOCD's.
    DebugResumed = "debug-resumed",
    /// A GDB connected.
    GdbAttach = "gdb-attach",
    /// A GDB disconnected.
    GdbDetach = "gdb-detach",
    /// GDB begins to write flash.
    GdbFlashWriteStart = "gdb-flash-write-start",
    /// GDB has written flash.
    GdbFlashWriteEnd = "gdb-flash-write-end",
    /// GDB begins to erase flash.
    GdbFlashEraseStart = "gdb-flash-erase-start",
    /// GDB has erased flash.
    GdbFlashEraseEnd = "gdb-flash-erase-end",
    /// The trace port was configured.
    TraceConfig = "trace-config",
}

impl fmt::Display for TargetEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&name(&self.name()))
    }
}

/// By OpenOCD's name; a name that this crate does not know is [`TargetEvent::Other`].
impl FromStr for TargetEvent {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(TargetEvent::named(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_reads_back_by_its_name() {
        for name in
            NAMES.iter().copied().chain(["semihosting-user-cmd-0x100", "semihosting-user-cmd-0x107", "new-one", ""])
        {
            assert_eq!(TargetEvent::named(name).to_string(), name);
            assert_eq!(name.parse::<TargetEvent>().unwrap().name(), name);
        }
        assert!(NAMES.iter().all(|name| !matches!(TargetEvent::named(name), TargetEvent::Other(_))));
    }

    #[test]
    fn names_that_openocd_sends_are_shown_escaped_and_cut() {
        let text = format!("a\x1b[2J\n{}", "x".repeat(100_000));
        let event = TargetEvent::named(&text);
        assert_eq!(event.name(), text);
        for shown in [Event::Target(event).to_string(), Event::Other(text).to_string()] {
            assert!(shown.starts_with("a\\u{1b}[2J; xxx") && shown.len() < 300, "{shown}");
        }
    }
}
