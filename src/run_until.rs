//! Running a target until a condition is met.

mod breakpoints;
mod channel;
mod channels;
mod collector;
mod connection;
mod ending;
mod group;
mod input;
mod outcome;
mod run;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

pub use channel::RunChannel;
pub use group::{FirstOutcome, RunGroup};
pub use input::RunInput;
pub use outcome::{OutputSource, RunLine, RunOutcome, RunOutput, Verdict};

use crate::error::Result;
use crate::progress::IntoControlFlow;
use crate::rtt::RttChannel;
use crate::semihosting::ConsoleOptions;
use crate::stop_token::{StopToken, StopTokens};
use crate::target::Target;
use collector::{OnLine, OnOutput};
use connection::Channel;
use group::Ticket;
use run::Run;

/// How many bytes of output a run keeps, unless [`RunUntil::keep`] sets another limit.
const DEFAULT_KEPT: usize = 16 * 1024 * 1024;

/// The conditions that end a run, for [`Target::run_until`]. A halt of the target and the deadline
/// always end the run.
///
/// ```
/// # use virtual_chip::firmware::rtt;
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # chip.load_firmware(rtt::IMAGE);
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// use std::time::Duration;
/// use openocd::{ResetMode, RunUntil, Verdict};
///
/// session.target().reset(ResetMode::Halt)?;
/// let until = RunUntil::new()
///     .breakpoint(0x0800_0100) // where faults end
///     .rtt_line(0x2000_0000..0x2000_5000, 0, |line| line.contains("ready"));
/// let outcome = session.target().run_until(until, Duration::from_secs(5))?;
/// assert_eq!(outcome.verdict, Verdict::Line("rtt echo ready".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "conditions do nothing until `Target::run_until`"]
pub struct RunUntil<'c> {
    breakpoints: Vec<u64>,
    serves_calls: bool,
    input: RunInput,
    console: ConsoleOptions,
    channels: Vec<Channel<'c>>,
    kept: usize,
    on_output: Option<OnOutput<'c>>,
    on_line: Option<OnLine<'c>>,
    stops: StopTokens,
    /// Where the RTT channels are opened.
    rtt_from: Option<u64>,
    /// The run is one of a group.
    ticket: Option<Ticket>,
}

impl Default for RunUntil<'_> {
    fn default() -> Self {
        RunUntil {
            breakpoints: Vec::new(),
            serves_calls: false,
            input: RunInput::empty(),
            console: ConsoleOptions::new(),
            channels: Vec::new(),
            kept: DEFAULT_KEPT,
            on_output: None,
            on_line: None,
            stops: StopTokens::default(),
            rtt_from: None,
            ticket: None,
        }
    }
}

impl<'c> RunUntil<'c> {
    /// Creates an empty set of conditions: only a halt and the deadline end the run.
    pub fn new() -> Self {
        RunUntil::default()
    }

    /// Ends the run when the target reaches `address`.
    ///
    /// The breakpoint exists during the run only. It is a hardware breakpoint if the target has one
    /// for that address, otherwise a software breakpoint. A breakpoint that the address already has
    /// is used and kept.
    ///
    /// A run may have as many breakpoints as can be set within 5 s. Otherwise it removes them again
    /// and fails with [`BreakpointError::TooSlow`](crate::BreakpointError::TooSlow).
    pub fn breakpoint(mut self, address: u64) -> Self {
        self.breakpoints.push(address);
        self
    }

    /// Ends the run when the firmware exits by semihosting. Requires a Cortex-M or RISC-V target.
    ///
    /// This crate serves the calls during the run: console, command line, clock, time and exit.
    /// Calls for files and for the host's shell are refused: the firmware gets -1, and the calls
    /// are listed in [`RunOutcome::refused_calls`]. [`files`](Self::files) allows files below one
    /// directory. OpenOCD's own semihosting is disabled during the run, because OpenOCD ends when
    /// the firmware exits. After the run its setting is restored.
    ///
    /// No call is lost between runs. If the target is halted at a call when the run begins, that
    /// call is served first; an exit is then reported again. A call that the target has reached at
    /// the deadline is served too. After any other end of the run the target may be halted at a
    /// call, which the next run serves.
    ///
    /// ```
    /// # use virtual_chip::firmware::newlib;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_elf(newlib::EXIT7);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    /// use openocd::{ResetMode, RunUntil, Verdict};
    ///
    /// session.target().reset(ResetMode::Halt)?;
    /// let outcome = session.target().run_until(RunUntil::new().semihosting(), Duration::from_secs(10))?;
    /// assert!(matches!(outcome.verdict, Verdict::Exit { status: 7, .. }));
    /// print!("{}", outcome.output_text());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn semihosting(mut self) -> Self {
        self.serves_calls = true;
        self
    }

    /// Sets the input that the firmware reads from its console; the end of the file follows it.
    /// Implies [`semihosting`](Self::semihosting).
    ///
    /// Input may also come during the run, by a [`Receiver`](std::sync::mpsc::Receiver): see
    /// [`RunInput`]. Firmware that reads waits for it, halted at its call. The file ends when all
    /// senders are dropped.
    pub fn input(mut self, input: impl Into<RunInput>) -> Self {
        self.input = input.into();
        self.semihosting()
    }

    /// Sets the command line that the firmware gets, program name first. Implies
    /// [`semihosting`](Self::semihosting).
    pub fn command_line(mut self, line: impl Into<String>) -> Self {
        self.console = self.console.command_line(line);
        self.semihosting()
    }

    /// Allows the firmware to read, write, remove and rename files below `directory`. Absolute
    /// names, names with `..` and symbolic links are refused, so nothing outside of it is
    /// accessible. Implies [`semihosting`](Self::semihosting).
    pub fn files(mut self, directory: impl Into<PathBuf>) -> Self {
        self.console = self.console.files(directory);
        self.semihosting()
    }

    /// Uses an RTT channel during the run: its number to collect its lines, or a [`RunChannel`].
    /// The run sets RTT up in `range` and stops it at the end, so nothing else may use RTT
    /// meanwhile.
    ///
    /// Use this for a run that begins at a reset. RAM survives a reset, so **every control block in
    /// `range` is overwritten** before the run: the output of earlier firmware does not count, and
    /// its control block is not mistaken for the new one. The channel opens as soon as the firmware
    /// has written its control block, and survives resets. Several channels may be used, all with
    /// the same range. OpenOCD polls the channels every 10 ms during the run.
    ///
    /// A search of the range takes as long as reading it, and may delay the end of the run by two
    /// searches. So choose a small range: that of the symbol `_SEGGER_RTT` is the best. A channel
    /// that the firmware never set up is in [`RunOutcome::missing_channels`].
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    /// use openocd::{ResetMode, RunUntil};
    ///
    /// session.target().reset(ResetMode::Halt)?;
    /// let until = RunUntil::new().rtt(0x2000_0000..0x2000_5000, 0).breakpoint(0x0800_0072);
    /// let outcome = session.target().run_until(until, Duration::from_secs(5))?;
    /// assert_eq!(outcome.lines[0].text, "rtt echo ready");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rtt(mut self, range: Range<u64>, channel: impl Into<RunChannel<'c>>) -> Self {
        self.channels.push(Channel::own(range, channel.into()));
        self
    }

    /// Opens the RTT channels of the run when the target reaches `address`, such as the symbol
    /// `main`, and not by searching while the firmware runs.
    ///
    /// The target is halted there while the run finds the control block, opens the channels and
    /// sets their [modes](RunChannel::mode). So nothing that the firmware prints afterwards is
    /// lost, also at the beginning. The control block must exist by then: `defmt-rtt` has it at
    /// `main`, other libraries only after their initialization. If it does not, the run searches
    /// for it as it does without this call. The same happens when the target reaches the address
    /// again, such as after a reset. This takes one breakpoint. If the address already has one, it
    /// is used and kept, and ends the run when the channels are open, as your other breakpoints do.
    pub fn rtt_from(mut self, address: u64) -> Self {
        self.rtt_from = Some(address);
        self
    }

    /// Ends the run when `wanted` accepts a line from an RTT channel. Short for
    /// [`rtt`](Self::rtt) with [`RunChannel::until_line`], which says what counts as a line.
    ///
    /// Use this for firmware that starts with the run, after a reset: the control block is cleared,
    /// and found again when the firmware has written a new one. To wait for a further line of
    /// firmware that has started, use [`line`](Self::line).
    pub fn rtt_line(self, range: Range<u64>, channel: u32, wanted: impl FnMut(&str) -> bool + 'c) -> Self {
        self.rtt(range, RunChannel::new(channel).until_line(wanted))
    }

    /// Ends the run when `wanted` accepts a line from an open RTT channel.
    ///
    /// Use this for firmware that has run before and is halted now, such as to wait for a second
    /// line without a reset. The control block is not changed. After a reset use
    /// [`rtt_line`](Self::rtt_line).
    ///
    /// Output that waits in the socket or in the target's ring when the run begins is collected
    /// with [`RunLine::at`] `None`, and meets no condition. Several channels may have a condition.
    /// A last line that lacks its end meets none, and stays in the channel.
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// # session.rtt().start_wait(std::time::Duration::from_secs(5))?;
    /// # session.target().halt()?;
    /// use std::time::Duration;
    /// use openocd::{RunUntil, Verdict};
    ///
    /// let mut terminal = session.rtt().channel(0)?;
    /// terminal.write_text("ping\n")?; // which the firmware echoes
    /// let until = RunUntil::new().line(&mut terminal, |line| line == "ping");
    /// let outcome = session.target().run_until(until, Duration::from_secs(5))?;
    /// assert_eq!(outcome.verdict, Verdict::Line("ping".to_owned()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn line(mut self, channel: &'c mut RttChannel, wanted: impl FnMut(&str) -> bool + 'c) -> Self {
        self.channels.push(Channel::given(channel, wanted));
        self
    }

    /// Calls `action` with the bytes that the firmware prints, as they arrive: by semihosting and
    /// by the RTT channels of the run.
    ///
    /// The action returns nothing, or a [`ControlFlow`](std::ops::ControlFlow) that can stop the
    /// run, as for [`on_line`](Self::on_line).
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.target().reset(openocd::ResetMode::Halt)?;
    /// use std::ops::ControlFlow;
    /// use std::time::Duration;
    /// use openocd::{OutputSource, RunChannel, RunUntil, Verdict};
    ///
    /// let mut frames = Vec::new(); // or a decoder of defmt
    /// let until = RunUntil::new().rtt(0x2000_0000..0x2000_5000, RunChannel::new(0).binary()).on_output(|output| {
    ///     if output.source == OutputSource::Rtt(0) {
    ///         frames.extend_from_slice(output.bytes);
    ///     }
    ///     if frames.ends_with(b"\n") { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    /// });
    /// let outcome = session.target().run_until(until, Duration::from_secs(5))?;
    /// assert_eq!(outcome.verdict, Verdict::Stopped);
    /// assert_eq!(frames, b"rtt echo ready\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_output<R: IntoControlFlow>(mut self, mut action: impl FnMut(&RunOutput<'_>) -> R + 'c) -> Self {
        self.on_output = Some(Box::new(move |output| action(output).into_control_flow()));
        self
    }

    /// Calls `action` with each line as it arrives, from semihosting and from the RTT channels of
    /// the run.
    ///
    /// The action returns nothing, or a [`ControlFlow`](std::ops::ControlFlow).
    /// [`Break`](std::ops::ControlFlow::Break) stops the run: the target is halted, and the verdict
    /// is [`Verdict::Stopped`], whatever the target did after it printed the line. The action is
    /// not called again. This also holds for a last line that lacks its end, for which the action
    /// is called when the run has ended. But after a wanted line, a `Break` changes nothing: the
    /// verdict is that line.
    ///
    /// ```
    /// # use virtual_chip::firmware::semihosting as firmware;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(firmware::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.target().reset(openocd::ResetMode::Halt)?;
    /// use std::time::Duration;
    /// use openocd::RunUntil;
    ///
    /// let until = RunUntil::new().semihosting().on_line(|line| println!("{}: {line}", line.source));
    /// session.target().run_until(until, Duration::from_secs(5))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_line<R: IntoControlFlow>(mut self, mut action: impl FnMut(&RunLine) -> R + 'c) -> Self {
        self.on_line = Some(Box::new(move |line| action(line).into_control_flow()));
        self
    }

    /// Lets another thread or a handler of Ctrl-C stop the run. Several tokens may be given.
    ///
    /// The run notices the token within a few milliseconds, and between the commands of a long
    /// search for RTT. It halts the target, collects output for at most 50 ms and two polls of RTT,
    /// removes its breakpoints and puts back what it changed. The verdict is [`Verdict::Stopped`].
    /// If the token is stopped already, the run does not begin.
    pub fn stop_token(mut self, token: &StopToken) -> Self {
        self.stops.add(token.clone());
        self
    }

    /// Limits the output and the lines in the outcome to `bytes` bytes together; 16 MiB by default.
    /// Later output still meets conditions and still reaches [`on_output`](Self::on_output) and
    /// [`on_line`](Self::on_line), but is not kept: [`RunOutcome::dropped`] counts it.
    pub fn keep(mut self, bytes: usize) -> Self {
        self.kept = bytes;
        self
    }
}

impl fmt::Debug for RunUntil<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunUntil")
            .field("breakpoints", &format_args!("{:#x?}", self.breakpoints))
            .field("semihosting", &self.serves_calls)
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}

impl Target<'_> {
    /// Resumes the halted target, and waits until a condition is met, the target halts, or
    /// `timeout` passes.
    ///
    /// At the deadline the call halts the target, and so it does when a handler or a
    /// [`StopToken`](crate::StopToken) stops the run. After a
    /// [`Verdict::Line`](crate::Verdict::Line) the target may still be running.
    ///
    /// The target is polled every 1 to 5 ms, so a halt is noticed before OpenOCD's own next poll.
    /// Between polls the session is free for other threads. RTT lines arrive at the pace of
    /// [`Rtt::polling_interval`](crate::Rtt::polling_interval). If a wanted line was printed before
    /// a halt, the line is the verdict; see [`RunChannel::until_line`] for one without its end.
    /// On the target, the breakpoints of the conditions exist during the run, and
    /// [`RunUntil::rtt`] clears RTT control blocks just before the target is resumed. A run that is
    /// refused, because the target is running or a breakpoint cannot be set, leaves the control
    /// blocks and OpenOCD's RTT as they were.
    ///
    /// The call ends at most 5 s after `timeout`, whatever OpenOCD and the firmware do. It needs
    /// that time to halt the target and fetch the last lines. The time to set and to remove
    /// breakpoints comes on top: milliseconds for a few, seconds for hundreds. After a stop, the
    /// current request may take its own time
    /// ([`SessionBuilder::timeout`](crate::SessionBuilder::timeout)), and all that follows takes at
    /// most 5 s. After an error, or the panic of a handler, the target may be running.
    ///
    /// A handler that panics ends the run, and the panic goes on in the caller. Before, the call
    /// removes its breakpoints and puts back OpenOCD's semihosting and RTT, as after an error.
    ///
    /// [`Session::interrupt`](crate::Session::interrupt) ends a run at once, but nothing is put back
    /// then, as after any lost connection: the run's breakpoints stay set, and RTT stays started in
    /// the run's modes and polling interval. OpenOCD's semihosting alone is put back by itself,
    /// within about three seconds. A [`StopToken`](crate::StopToken) leaves nothing of this.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`](crate::TargetError::NotHalted) if the target is running already.
    /// [`Error::Breakpoint`] if a breakpoint cannot be set or removed;
    /// [`BreakpointError::Left`](crate::BreakpointError::Left) names all that OpenOCD did not remove,
    /// and [`BreakpointError::NotInEffect`](crate::BreakpointError::NotInEffect) one that the target
    /// no longer had at the deadline, or that another client had removed by then.
    /// [`TargetError::MemoryRead`](crate::TargetError::MemoryRead) if the argument of a semihosting
    /// call points nowhere. [`RttError::NoChannel`](crate::RttError::NoChannel) if there is input
    /// for a down-channel that the firmware lacks. [`Error::Connection`] and [`Error::Timeout`] if
    /// OpenOCD is lost or does not answer.
    ///
    /// [`Error::Breakpoint`]: crate::Error::Breakpoint
    /// [`Error::Connection`]: crate::Error::Connection
    /// [`Error::Timeout`]: crate::Error::Timeout
    pub fn run_until(&self, until: RunUntil<'_>, timeout: Duration) -> Result<RunOutcome> {
        Run::of(*self, until, timeout)
    }
}
