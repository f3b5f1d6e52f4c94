//! How a run uses an RTT channel.

use std::fmt;

use super::input::RunInput;
use crate::rtt::RttMode;

/// A predicate for a line.
pub(super) type Wanted<'c> = Box<dyn FnMut(&str) -> bool + 'c>;

/// How a run uses an RTT channel, for [`RunUntil::rtt`](crate::RunUntil::rtt). A number is enough
/// for a channel that is only read as lines.
///
/// ```
/// # use virtual_chip::firmware::rtt;
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # chip.load_firmware(rtt::IMAGE);
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// # session.target().reset(openocd::ResetMode::Halt)?;
/// use std::time::Duration;
/// use openocd::{RttMode, RunChannel, RunUntil, Verdict};
///
/// let terminal = RunChannel::new(0)
///     .mode(RttMode::Block) // the firmware waits for us
///     .input("ping\n") // which this firmware echoes
///     .until_line(|line| line == "ping");
/// let until = RunUntil::new().rtt(0x2000_0000..0x2000_5000, terminal);
/// let outcome = session.target().run_until(until, Duration::from_secs(5))?;
/// assert_eq!(outcome.verdict, Verdict::Line("ping".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a channel does nothing until `RunUntil::rtt`"]
pub struct RunChannel<'c> {
    pub(super) number: u32,
    pub(super) mode: Option<RttMode>,
    pub(super) is_binary: bool,
    pub(super) wanted: Option<Wanted<'c>>,
    pub(super) input: RunInput,
}

impl<'c> RunChannel<'c> {
    /// Uses the channel with this number: its output is collected as lines.
    pub fn new(number: u32) -> Self {
        RunChannel { number, mode: None, is_binary: false, wanted: None, input: RunInput::empty() }
    }

    /// Sets what the firmware does when the ring of the up-channel is full, for the run only.
    ///
    /// With [`RttMode::Block`] the firmware waits for the run to read, so nothing is lost.
    /// `defmt-rtt` and SEGGER's code drop output by default. The run writes the mode into the
    /// flags in the target's memory when the channel opens. It checks them ten times a second,
    /// because firmware sets its own mode when it starts. The mode that was there is put back at
    /// the end. What the firmware prints before the channel opens is printed in its own mode.
    pub fn mode(mut self, mode: RttMode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Reads the channel as bytes and not as lines, such as frames of `defmt`. They go to
    /// [`RunUntil::on_output`](crate::RunUntil::on_output) as they arrive, and are kept in
    /// [`RunOutcome::rtt_bytes`](crate::RunOutcome::rtt_bytes).
    pub fn binary(mut self) -> Self {
        self.is_binary = true;
        self
    }

    /// Ends the run when `wanted` accepts a line of the channel. A [`binary`](Self::binary) channel
    /// has no lines.
    ///
    /// A last line that lacks its end counts if the firmware exits by semihosting
    /// ([`Verdict::Exit`](crate::Verdict::Exit)). At every other end, such as the deadline or a
    /// crash, it may be the beginning of a longer line: it is in the outcome, but meets no
    /// condition.
    pub fn until_line(mut self, wanted: impl FnMut(&str) -> bool + 'c) -> Self {
        self.wanted = Some(Box::new(wanted));
        self
    }

    /// Sends this to the down-channel of the same number, as fast as the firmware reads. What the
    /// firmware has not taken at the end of the run is dropped.
    pub fn input(mut self, input: impl Into<RunInput>) -> Self {
        self.input = input.into();
        self
    }
}

/// Lines of this channel, without any condition.
impl From<u32> for RunChannel<'_> {
    fn from(number: u32) -> Self {
        RunChannel::new(number)
    }
}

impl fmt::Debug for RunChannel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunChannel")
            .field("number", &self.number)
            .field("mode", &self.mode)
            .field("is_binary", &self.is_binary)
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}
