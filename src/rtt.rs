//! RTT: byte channels through the target's memory, while it runs.

mod channel;
mod info;
mod lines;
mod pending;
mod receive;
pub(crate) mod replies;
mod ring;
pub(crate) mod search;
mod server;
mod write;

use std::time::Duration;

pub use channel::RttChannel;
pub use info::{RttChannelInfo, RttChannels, RttMode};
pub use lines::RttLines;

use crate::command::{Request, Script};
use crate::error::{InvalidArgument, Result, RttError, UnexpectedReply};
use crate::session::Session;
use crate::stop_token::StopTokens;
use crate::target::Target;
use crate::types::RttDirection;
use crate::wire::{Deadline, tcl};
use ring::Ring;

/// How long the commands at the end of a call may take beyond the call's own limit.
const GRACE: Duration = Duration::from_secs(1);

/// How long a search for the control block may take beyond the limit of the call that needs one.
const SEARCH_GRACE: Duration = Duration::from_secs(4);

/// How many bytes [`Rtt::read`] returns at most.
const READ_LIMIT: usize = 16 * 1024 * 1024;

/// A view of SEGGER's real-time transfer, from [`Session::rtt`] or [`Target::rtt`]: byte channels
/// in rings of the target's RAM, which OpenOCD reads and writes while the target runs.
///
/// Up-channels lead from the target, down-channels to it. The firmware has a control block with an
/// id ("SEGGER RTT") that says where the rings are; [`start`](Self::start) searches the memory for
/// it. The target need not be halted for any of this.
///
/// OpenOCD has one RTT for all of its targets and clients, and offers it for Cortex-M, `hla_target`
/// and, in newer code, ARC, but not for RISC-V. While a client has an up-channel open, OpenOCD
/// reads it every [`polling_interval`](Self::polling_interval), at most 1024 bytes each time.
///
/// RAM survives a reset. Until the new firmware has initialized its control block, a read may
/// return the output of earlier firmware: see [`clear`](Self::clear).
///
/// Sources: OpenOCD's `rtt` (`src/rtt/rtt.c`, `src/target/rtt.c`, `src/server/rtt_server.c`).
///
/// ```
/// # use virtual_chip::firmware::rtt;
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # chip.load_firmware(rtt::IMAGE);
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// use std::time::Duration;
///
/// session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
/// session.rtt().start_wait(Duration::from_secs(5))?;
///
/// let mut terminal = session.rtt().channel(0)?;
/// println!("the target says {}", terminal.read_text()?);
/// terminal.write_text("hello\n")?;
/// assert_eq!(terminal.lines().next().transpose()?.as_deref(), Some("hello"));
/// terminal.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Rtt<'a> {
    target: Target<'a>,
}

impl Session {
    /// Returns a view of RTT. Its [`setup`](Rtt::setup) is for the current target.
    pub fn rtt(&self) -> Rtt<'_> {
        self.target().rtt()
    }
}

impl<'a> Target<'a> {
    /// Returns a view of RTT. Its [`setup`](Rtt::setup) is for this target.
    pub fn rtt(self) -> Rtt<'a> {
        Rtt { target: self }
    }
}

impl<'a> Rtt<'a> {
    /// Sets where OpenOCD searches for the control block: the search for `id` covers the `size`
    /// bytes from `address` (OpenOCD: `rtt setup ADDRESS SIZE ID`).
    ///
    /// This stops a transfer and reads no memory; [`start`](Self::start) searches. A smaller range
    /// is searched faster: a slow probe may need a second for 64 KiB. `id` is the whole id, 1 to 15
    /// bytes; SEGGER's own code uses `"SEGGER RTT"`.
    ///
    /// # Errors
    /// [`RttError::InvalidArgument`] and [`Error::Target`](crate::Error::Target) (nothing is sent),
    /// and [`RttError::Refused`] if the target's type has no RTT.
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn setup(&self, address: u64, size: u32, id: &str) -> Result<()> {
        self.check_setup(address, size, id)?;
        let request = self.request(Script::call("rtt_setup").hex(address).hex(size).word(id));
        let request = request.shown(format!("rtt setup {address:#x} {size:#x} {}", tcl::quote(id)));
        self.ask(&request.to("set up RTT"), |_| Some(()))
    }

    fn check_setup(&self, address: u64, size: u32, id: &str) -> Result<()> {
        let invalid =
            |argument, expected, given| Err(RttError::from(InvalidArgument::new(argument, expected, given)).into());
        if !(1..=15).contains(&id.len()) || id.contains('\0') {
            return invalid("id of the control block", "1 to 15 bytes without NUL", format!("{id:?}"));
        }
        if size < 24 {
            let expected = "at least the 24 bytes of a control block";
            return invalid("size of the range to search", expected, size.to_string());
        }
        self.target.check_range(address, 1, u64::from(size), false)
    }

    /// Ends the transfer (OpenOCD: `rtt stop`).
    ///
    /// Open channels stay open, and receive nothing until the next [`start`](Self::start). Stopping
    /// twice is allowed.
    ///
    /// # Errors
    /// [`RttError::NotSetUp`], and the errors of [`Session::command`].
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// # session.rtt().start_wait(std::time::Duration::from_secs(5))?;
    /// session.rtt().stop()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop(&self) -> Result<()> {
        self.stop_before(Deadline::NEVER, false)
    }

    /// Stops; after a pause the transfer still counts as started.
    fn stop_before(&self, deadline: Deadline, is_pause: bool) -> Result<()> {
        let request = self.request(Script::call("rtt_stop").flag(is_pause)).shown("rtt stop").to("stop RTT");
        let stopped = self.ask(&request.before(deadline).expecting("an answer about RTT"), |answer| match answer {
            b"stopped" => Some(Ok(())),
            b"unset" => Some(Err(RttError::NotSetUp)),
            _ => None,
        })?;
        Ok(stopped?)
    }

    /// Lists the channels that the firmware uses, from the target's memory.
    ///
    /// OpenOCD's `rtt channels` prints the names as they are, and a name may hold lines that look
    /// like channels. This call reads the control block itself. A name ends after 128 bytes.
    ///
    /// # Errors
    /// [`RttError::NotSetUp`], [`NotStarted`](RttError::NotStarted),
    /// [`NoControlBlock`](RttError::NoControlBlock) if the firmware has none any more, as early
    /// after a reset, and [`Refused`](RttError::Refused) if the target's memory cannot be read.
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// session.rtt().start_wait(std::time::Duration::from_secs(5))?;
    /// for channel in session.rtt().channels()?.up {
    ///     println!("{channel}"); // 0: Terminal, 512 bytes, block
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn channels(&self) -> Result<RttChannels> {
        if let Some(channels) = self.listing()? {
            return Ok(channels);
        }
        // As after a reset, when the firmware has put it elsewhere.
        self.start_before(Deadline::NEVER, true, &StopTokens::default())?;
        self.listing()?.ok_or_else(|| {
            let unexpected = UnexpectedReply::new("read_memory", "the control block that was found", "other bytes");
            RttError::from(unexpected).into()
        })
    }

    /// The same; `None` if the control block is not where it was.
    fn listing(&self) -> Result<Option<RttChannels>> {
        let request = self.request(Script::call("rtt_channels")).shown("read_memory").to("list the RTT channels");
        Ok(self.ask(&request.expecting("a list of channels"), replies::channels)??)
    }

    /// Reads how often OpenOCD reads the up-channels (OpenOCD: `rtt polling_interval`). The default
    /// is 100 ms.
    ///
    /// # Errors
    /// The same as [`Session::command`].
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// # session.rtt().start_wait(std::time::Duration::from_secs(5))?;
    /// use std::time::Duration;
    ///
    /// assert_eq!(session.rtt().polling_interval()?, Duration::from_millis(100));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn polling_interval(&self) -> Result<Duration> {
        self.polling_interval_before(Deadline::NEVER)
    }

    fn polling_interval_before(&self, deadline: Deadline) -> Result<Duration> {
        let request = self.request("rtt polling_interval").to("get the polling interval").expecting("milliseconds");
        self.ask(&request.before(deadline), |answer| {
            let milliseconds: u32 = tcl::text(answer)?.trim().strip_suffix(" ms")?.parse().ok()?;
            Some(Duration::from_millis(milliseconds.into()))
        })
    }

    /// Sets how often OpenOCD reads the up-channels, in whole milliseconds from 1 on. RTT must be
    /// started.
    ///
    /// A shorter interval gives a higher data rate, because OpenOCD takes at most 1024 bytes of a
    /// channel each time. It also causes more traffic on the probe.
    ///
    /// # Errors
    /// [`RttError::InvalidArgument`] (nothing is sent), [`NotSetUp`](RttError::NotSetUp) and
    /// [`NotStarted`](RttError::NotStarted): OpenOCD would poll a transfer that was never set up,
    /// and crash.
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    ///
    /// session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// session.rtt().start_wait(Duration::from_secs(5))?;
    /// session.rtt().set_polling_interval(Duration::from_millis(10))?;
    /// assert_eq!(session.rtt().polling_interval()?, Duration::from_millis(10));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_polling_interval(&self, interval: Duration) -> Result<()> {
        let milliseconds = interval.as_millis();
        let fits = u32::try_from(milliseconds).ok().filter(|milliseconds| (1..=u32::MAX / 2).contains(milliseconds));
        let Some(whole) = fits.filter(|_| interval.subsec_nanos() % 1_000_000 == 0) else {
            let expected = "whole milliseconds, 1 to 2147483647";
            return Err(
                RttError::from(InvalidArgument::new("polling interval", expected, format!("{interval:?}"))).into()
            );
        };
        self.must_be_started()?;
        let request = self.request(Script::command("rtt polling_interval").number(whole));
        let request = request.to("set the polling interval");
        self.ask(&request, |_| Some(()))?;
        let now = self.polling_interval()?;
        if now != interval {
            let unexpected = UnexpectedReply::new(request.name(), "that interval", format!("{now:?}"));
            return Err(RttError::from(unexpected).into());
        }
        Ok(())
    }

    /// Opens a channel in both directions, as far as the firmware has them (OpenOCD: `rtt server
    /// start PORT CHANNEL`).
    ///
    /// RTT must be started. The channel keeps the session; see [`RttChannel`]. OpenOCD listens on
    /// the host and the address of its TCL port, on a free port or on one of
    /// [`SessionBuilder::stream_ports`](crate::SessionBuilder::stream_ports). Several programs may
    /// open a channel: all use one port, and each receives all output of the target. The last one
    /// to close stops OpenOCD's server. A killed program leaves the server to the next one.
    ///
    /// # Errors
    /// [`RttError::NotSetUp`], [`NotStarted`](RttError::NotStarted),
    /// [`NoChannel`](RttError::NoChannel) if neither direction is in use,
    /// [`NoPort`](RttError::NoPort), and [`Error::Connection`](crate::Error::Connection) if the
    /// port cannot be reached.
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// # session.rtt().start_wait(std::time::Duration::from_secs(5))?;
    /// let mut terminal = session.rtt().channel(0)?;
    /// print!("{}", terminal.read_text()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn channel(&self, number: u32) -> Result<RttChannel> {
        self.open(number, Deadline::NEVER)
    }

    fn open(&self, number: u32, deadline: Deadline) -> Result<RttChannel> {
        self.check_channel(number, deadline)?;
        RttChannel::open(*self, number, deadline)
    }

    /// Reads an up-channel as text until the output pauses for two polling intervals or `timeout`
    /// has passed. The text is empty if the target sent nothing.
    ///
    /// The call opens the channel and closes it again; [`channel`](Self::channel) keeps a channel
    /// open. The call ends at most a second after `timeout`, and after 16 MiB. Bytes that OpenOCD
    /// has taken from the target beyond that are lost.
    ///
    /// # Errors
    /// The errors of [`channel`](Self::channel) and of [`RttChannel::read_text`], but no timeout if
    /// nothing comes.
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    ///
    /// session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// session.rtt().start_wait(Duration::from_secs(5))?;
    /// let text = session.rtt().read(0, Duration::from_secs(1))?;
    /// println!("the target sent {text:?}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(&self, number: u32, timeout: Duration) -> Result<String> {
        let deadline = Deadline::after(Some(timeout));
        self.open(number, deadline.extended_by(GRACE))?.drain(deadline)
    }

    /// Writes the whole text to a down-channel, within 10 s.
    ///
    /// # Errors
    /// The same as [`RttChannel::write_text`].
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    ///
    /// session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// session.rtt().start_wait(Duration::from_secs(5))?;
    /// session.rtt().write(0, "hello\n")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, number: u32, text: &str) -> Result<()> {
        self.put_all(number, text.as_bytes(), Deadline::after(Some(channel::DEFAULT_TIMEOUT)))
    }

    fn must_be_started(&self) -> Result<()> {
        self.ring(RttDirection::Up, 0, Deadline::NEVER).map(drop)
    }

    /// What the target's memory says of a channel.
    fn ring(&self, direction: RttDirection, number: u32, deadline: Deadline) -> Result<Ring> {
        let word = match direction {
            RttDirection::Up => "up",
            RttDirection::Down => "down",
        };
        let request = self.request(Script::call("rtt_ring").literal(word).number(number)).shown("read_memory");
        let request = request.to("read the RTT control block").expecting("an answer about RTT");
        Ok(self.ask(&request.before(deadline), Ring::parse)??)
    }

    fn session(&self) -> &'a Session {
        self.target.session()
    }

    fn request<'r>(&self, script: impl Into<std::borrow::Cow<'r, str>>) -> Request<'r>
    where
        'a: 'r,
    {
        self.target.request(script)
    }

    fn ask<T>(&self, request: &Request<'_>, read: impl FnOnce(&[u8]) -> Option<T>) -> Result<T> {
        self.session().ask::<RttError, T>(request, read)
    }
}
