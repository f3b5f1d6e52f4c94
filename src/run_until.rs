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

/// How much a run keeps of what the firmware prints, unless [`RunUntil::keep`] says otherwise.
const DEFAULT_KEPT: usize = 16 * 1024 * 1024;

/// The conditions that end a run, for [`Target::run_until`]. A halt of the target and the deadline
/// always end it.
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
    /// No conditions but a halt and the deadline.
    pub fn new() -> Self {
        RunUntil::default()
    }

    /// Ends the run when the target reaches `address`.
    ///
    /// The breakpoint exists for the run only: a hardware breakpoint if the target has one for that
    /// address, otherwise a software breakpoint. A breakpoint that is there already is used, and
    /// stays.
    pub fn breakpoint(mut self, address: u64) -> Self {
        self.breakpoints.push(address);
        self
    }

    /// Ends the run when the firmware exits by semihosting. For Cortex-M and RISC-V.
    ///
    /// This crate serves the calls during the run: console, command line, clock, time and exit.
    /// Calls for files and for the host's shell are refused: the firmware gets -1, and the calls
    /// are listed in [`RunOutcome::refused_calls`]. [`files`](Self::files) allows files below one
    /// directory. OpenOCD's own semihosting is disabled during the run, because OpenOCD ends when
    /// the firmware exits. Afterwards it is as it was.
    ///
    /// No call is lost between runs. A call at which the target is halted at the beginning is
    /// served first; an exit is then reported again. So is a call that the target has reached at
    /// the deadline. After any other end the target may be halted at a call, which waits for the
    /// next run.
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

    /// Gives the firmware's console input, and the end of the file behind it. Implies
    /// [`semihosting`](Self::semihosting).
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self.semihosting()
    }

    /// Gives the firmware a command line, program name first. Implies
    /// [`semihosting`](Self::semihosting).
    pub fn command_line(mut self, line: impl Into<String>) -> Self {
        self.console = self.console.command_line(line);
        self.semihosting()
    }

    /// Lets the firmware read, write, remove and rename files below `directory`. Nothing outside of
    /// it can be reached: absolute names, names with `..` and symbolic links are refused. Implies
    /// [`semihosting`](Self::semihosting).
    pub fn files(mut self, directory: impl Into<PathBuf>) -> Self {
        self.console = self.console.files(directory);
        self.semihosting()
    }

    /// Ends the run when a line comes by an RTT channel that `wanted` accepts. Sets RTT up in
    /// `range`, which RTT must not be in use for otherwise, and stops it at the end.
    ///
    /// For a run that begins at a reset. RAM survives a reset, so **every control block in `range`
    /// is overwritten** before the run: what earlier firmware printed is no evidence, and its block
    /// is not taken for the new one. The channel is open as soon as the firmware has written its
    /// block. May be given for several channels, all with the same range.
    pub fn rtt_line(mut self, range: Range<u64>, channel: u32, wanted: impl FnMut(&str) -> bool + 'c) -> Self {
        self.channels.push(Channel::own(range, channel, wanted));
        self
    }

    /// Ends the run when a line comes by an open RTT channel that `wanted` accepts.
    ///
    /// For firmware that runs already, and is halted now. What is in the socket and in the target's
    /// ring at the beginning of the run was printed before: it is collected, with [`RunLine::at`]
    /// `None`, and meets no condition. The control block is left as it is. After a reset use
    /// [`rtt_line`](Self::rtt_line). May be given for several channels.
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

    /// Calls `action` with what the firmware prints by semihosting, as it comes.
    pub fn on_output(mut self, action: impl FnMut(&[u8]) + 'c) -> Self {
        self.on_output = Some(Box::new(action));
        self
    }

    /// Calls `action` with each line of semihosting and of the RTT channels of the conditions, as
    /// it comes.
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

    /// Keeps at most `bytes` of output and lines together in the outcome; 16 MiB by default. What
    /// comes later still meets conditions and is still given to [`on_output`](Self::on_output) and
    /// [`on_line`](Self::on_line), but is dropped then: [`RunOutcome::dropped`] counts it.
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
    /// `timeout` passes. At the deadline the target is halted.
    ///
    /// The target is polled every 1 to 5 ms, so a halt is seen when it happens, and not at
    /// OpenOCD's next own poll. Between polls the session is free for other threads. Lines of RTT
    /// come as fast as [`Rtt::polling_interval`](crate::Rtt::polling_interval) lets them; a line
    /// that was printed before a halt wins over the halt. On the target, the breakpoints of the
    /// conditions exist during the run, and RTT control blocks are cleared as
    /// [`RunUntil::rtt_line`] says.
    ///
    /// The call ends at most 5 s after `timeout`, whatever OpenOCD and the firmware do: that is for
    /// what must be done after the run (halt, last lines, breakpoints). After an error the target
    /// may be running.
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
