//! Running a target until a condition is met.

mod breakpoints;
mod channels;
mod collector;
mod outcome;
mod run;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

pub use outcome::{LineSource, RunLine, RunOutcome, Verdict};

use crate::error::Result;
use crate::rtt::RttChannel;
use crate::semihosting::ConsoleOptions;
use crate::target::Target;
use channels::Channel;
use collector::{OnLine, OnOutput};
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
    input: Vec<u8>,
    console: ConsoleOptions,
    channels: Vec<Channel<'c>>,
    kept: usize,
    on_output: Option<OnOutput<'c>>,
    on_line: Option<OnLine<'c>>,
}

impl Default for RunUntil<'_> {
    fn default() -> Self {
        RunUntil {
            breakpoints: Vec::new(),
            serves_calls: false,
            input: Vec::new(),
            console: ConsoleOptions::new(),
            channels: Vec::new(),
            kept: DEFAULT_KEPT,
            on_output: None,
            on_line: None,
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
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
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

    /// Ends the run when `wanted` accepts a line from an RTT channel. The run sets RTT up in
    /// `range` and stops it at the end, so nothing else may use RTT meanwhile.
    ///
    /// Use this for a run that begins at a reset. RAM survives a reset, so **every control block in
    /// `range` is overwritten** before the run: the output of earlier firmware does not count, and
    /// its control block is not mistaken for the new one. The channel opens as soon as the firmware
    /// has written its control block. Several channels may have a condition, all with the same
    /// range.
    ///
    /// A search of the range takes as long as reading it, and the run may end by two searches
    /// later.
    pub fn rtt_line(mut self, range: Range<u64>, channel: u32, wanted: impl FnMut(&str) -> bool + 'c) -> Self {
        self.channels.push(Channel::own(range, channel, wanted));
        self
    }

    /// Ends the run when `wanted` accepts a line from an open RTT channel.
    ///
    /// Use this for firmware that has run before and is halted now. Output that waits in the socket
    /// or in the target's ring when the run begins is collected with [`RunLine::at`] `None`, and
    /// meets no condition. The control block is not changed. After a reset use
    /// [`rtt_line`](Self::rtt_line). Several channels may have a condition.
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

    /// Calls `action` with the bytes that the firmware prints by semihosting, as they arrive.
    pub fn on_output(mut self, action: impl FnMut(&[u8]) + 'c) -> Self {
        self.on_output = Some(Box::new(action));
        self
    }

    /// Calls `action` with each line as it arrives, from semihosting and from the RTT channels of
    /// the conditions.
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
    pub fn on_line(mut self, action: impl FnMut(&RunLine) + 'c) -> Self {
        self.on_line = Some(Box::new(action));
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
    /// At the deadline the call halts the target. After a [`Verdict::Line`](crate::Verdict::Line)
    /// the target may still be running.
    ///
    /// The target is polled every 1 to 5 ms, so a halt is noticed before OpenOCD's own next poll.
    /// Between polls the session is free for other threads. RTT lines arrive at the pace of
    /// [`Rtt::polling_interval`](crate::Rtt::polling_interval). If a wanted line was printed before
    /// a halt, the line is the verdict. On the target, the breakpoints of the conditions exist
    /// during the run, and [`RunUntil::rtt_line`] clears RTT control blocks.
    ///
    /// The call ends at most 5 s after `timeout`, whatever OpenOCD and the firmware do. It needs
    /// that time to halt the target, fetch the last lines and remove breakpoints. After an error
    /// the target may be running.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`](crate::TargetError::NotHalted) if the target is running already.
    /// [`Error::Breakpoint`] if a breakpoint cannot be set or removed.
    /// [`TargetError::MemoryRead`](crate::TargetError::MemoryRead) if the argument of a semihosting
    /// call points nowhere. [`Error::Connection`] and [`Error::Timeout`] if OpenOCD is lost or does
    /// not answer.
    ///
    /// [`Error::Breakpoint`]: crate::Error::Breakpoint
    /// [`Error::Connection`]: crate::Error::Connection
    /// [`Error::Timeout`]: crate::Error::Timeout
    pub fn run_until(&self, until: RunUntil<'_>, timeout: Duration) -> Result<RunOutcome> {
        Run::of(*self, until, timeout)
    }
}
