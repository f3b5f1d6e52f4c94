//! RTT: byte channels through the target's memory, while it runs.

mod channel;
mod lines;
pub(crate) mod replies;
mod ring;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use channel::RttChannel;
pub use lines::RttLines;
use ring::{Direction, Ring};

use crate::command::{Reply, Request};
use crate::error::{Error, Failure, InvalidArgument, Refused, Result, RttError, TimeoutError, UnexpectedReply};
use crate::memory::hex_list;
use crate::session::Session;
use crate::target::Target;
use crate::wire::Deadline;
use crate::wire::tcl;

/// How often [`Rtt::start_wait`] looks for the control block.
const SEARCH_PERIOD: Duration = Duration::from_millis(20);

/// After so long without a byte or a control block, a read or a write looks whether the transfer is alive.
const LOOK_AFTER: Duration = Duration::from_millis(250);
/// How often a write looks whether the target has room.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// How many bytes one command writes at most.
const LARGEST_PUT: usize = 4096;

/// SEGGER's real-time transfer: byte channels in rings of the target's RAM, which OpenOCD reads and writes while the target runs.
///
/// From [`Session::rtt`](crate::Session::rtt) or [`Target::rtt`]. Up-channels lead from the target, down-channels to it. The firmware has a control block with
/// a name ("SEGGER RTT") that tells where the rings are; OpenOCD looks for it in the memory. The target needn't be halted for any of this.
///
/// OpenOCD has one RTT for all of its targets and clients, and offers it for Cortex-M, `hla_target` and, in newer code, ARC. It reads an up-channel every
/// [`polling_interval`](Self::polling_interval), at most 1024 bytes each time, while somebody has opened it.
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

/// How often a session restarted RTT by itself.
#[derive(Debug, Default)]
struct Restarts(AtomicU32);

impl Restarts {
    fn of(session: &Session) -> Arc<Restarts> {
        session.state(Restarts::default)
    }
}

/// The channels that the firmware uses, from [`Rtt::channels`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RttChannels {
    /// From the target.
    pub up: Vec<RttChannelInfo>,
    /// To the target.
    pub down: Vec<RttChannelInfo>,
}

/// One direction of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RttChannelInfo {
    /// Its number, for [`Rtt::channel`]. Numbers may be missing: the firmware need not use all.
    pub number: u32,
    /// The name that the firmware gave it.
    pub name: String,
    /// The size of its ring in bytes, of which it holds one less.
    pub size: u32,
    /// What the firmware does when the ring is full: 0 drops what does not fit whole, 1 cuts, 2 waits (`SEGGER_RTT_MODE_…`).
    pub flags: u32,
}

impl Session {
    /// RTT; its [`setup`](Rtt::setup) is for the current target.
    pub fn rtt(&self) -> Rtt<'_> {
        self.target().rtt()
    }
}

impl<'a> Target<'a> {
    /// RTT; its [`setup`](Rtt::setup) is for this target.
    pub fn rtt(self) -> Rtt<'a> {
        Rtt { target: self }
    }
}

impl<'a> Rtt<'a> {
    /// Says where the control block may be: `id` is looked for in the `size` bytes from `address` on (OpenOCD: `rtt setup ADDRESS SIZE ID`).
    ///
    /// Nothing is looked for until [`start`](Self::start). The smaller the range, the faster; a whole RAM of 64 KiB may take a slow probe a second.
    /// `id` is 1 to 15 bytes, `"SEGGER RTT"` in SEGGER's own code.
    ///
    /// # Errors
    /// [`RttError::InvalidArgument`] (nothing is sent), [`RttError::Refused`] if the target's type has no RTT, and those of
    /// [`Session::command`](crate::Session::command).
    pub fn setup(&self, address: u64, size: u32, id: &str) -> Result<()> {
        if !(1..=15).contains(&id.len()) {
            return Err(invalid("the id of the control block", format!("{id:?}"), "1 to 15 bytes"));
        }
        if id.contains('\0') {
            return Err(invalid("the id of the control block", format!("{id:?}"), "text without NUL"));
        }
        if size < 24 {
            return Err(invalid(
                "the size of the range to search",
                size.to_string(),
                "at least the 24 bytes of a control block",
            ));
        }
        self.target.check_range(address, 1, size as usize, false)?;
        let id = tcl::quote(id);
        let shown = format!("rtt setup {address:#x} {size:#x} {id}");
        self.ask(&format!("_openocd_rs_1_rtt_setup {address:#x} {size:#x} {id}"), &shown, "set up RTT", |_| Some(()))
    }

    /// Looks for the control block and starts the transfer (OpenOCD: `rtt stop`, `rtt setup`, `rtt start`). Returns the address of the control block.
    ///
    /// Starting again is allowed and looks again, as after a reset or with other firmware; open channels go on.
    ///
    /// # Errors
    /// [`RttError::NotSetUp`], [`RttError::NoControlBlock`] (OpenOCD 0.12.0 calls that a success), and those of [`Session::command`](crate::Session::command).
    pub fn start(&self) -> Result<u64> {
        self.start_by("_openocd_rs_1_rtt_start")
    }

    /// Starts again what was started and has come to an end; it counts as started also if the control block is not there yet.
    fn restart(&self) -> Result<u64> {
        self.start_by("_openocd_rs_1_rtt_restart")
    }

    /// Restarts a transfer that does not go on by itself, and says whether the control block is there.
    fn revive(&self) -> Result<bool> {
        match self.restart() {
            Ok(block) => {
                log::warn!(target: "openocd::rtt", "restarted the transfer: control block at {block:#010x}; what stood in the rings before a reset is lost");
                Restarts::of(self.session()).0.fetch_add(1, Ordering::AcqRel);
                Ok(true)
            }
            Err(error @ Error::Connection(_)) => Err(error),
            Err(error) => {
                log::debug!(target: "openocd::rtt", "cannot restart the transfer yet: {error}");
                Ok(false)
            }
        }
    }

    fn start_by(&self, script: &str) -> Result<u64> {
        let started = self.ask(script, "rtt start", "start RTT", |answer| {
            if answer == "unset" {
                return Some(Err(RttError::NotSetUp));
            }
            if let Some(block) = answer.strip_prefix("0x") {
                return Some(Ok(u64::from_str_radix(block, 16).ok()?));
            }
            let mut elements = tcl::elements(answer.as_bytes());
            let [kind, address, size, id, log] =
                elements.take_array()?.map(|e| String::from_utf8_lossy(&e).into_owned());
            let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
            let (address, size) = (number(&address)?, u32::try_from(number(&size)?).ok()?);
            (kind == "none").then_some(Err(RttError::NoControlBlock { address, size, id, log }))
        })?;
        Ok(started?)
    }

    /// Like [`start`](Self::start), for firmware that comes up later: looks again and again until the control block is there.
    ///
    /// # Errors
    /// [`TimeoutError::Rtt`] if it is not there in time, and those of [`start`](Self::start) that no waiting heals.
    pub fn start_wait(&self, timeout: Duration) -> Result<u64> {
        let begin = Instant::now();
        loop {
            match self.start() {
                Err(Error::Rtt(RttError::NoControlBlock { .. })) => {}
                done => return done,
            }
            let left = timeout.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Err(TimeoutError::Rtt { what: "control block", after: timeout }.into());
            }
            std::thread::sleep(SEARCH_PERIOD.min(left));
        }
    }

    /// Ends the transfer (OpenOCD: `rtt stop`). Open channels stay open and get nothing until the next [`start`](Self::start). Stopping
    /// what is stopped succeeds.
    ///
    /// # Errors
    /// [`RttError::NotSetUp`], and those of [`Session::command`](crate::Session::command).
    pub fn stop(&self) -> Result<()> {
        let stopped = self.ask("_openocd_rs_1_rtt_stop", "rtt stop", "stop RTT", |answer| match answer {
            "stopped" => Some(Ok(())),
            "unset" => Some(Err(RttError::NotSetUp)),
            _ => None,
        })?;
        Ok(stopped?)
    }

    /// The channels that the firmware uses (OpenOCD: `rtt channels`).
    ///
    /// # Errors
    /// [`RttError::NotSetUp`] and [`NotStarted`](RttError::NotStarted), [`Refused`](RttError::Refused) if the target's memory can't be read,
    /// and those of [`Session::command`](crate::Session::command).
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// session.rtt().start_wait(std::time::Duration::from_secs(5))?;
    /// for channel in session.rtt().channels()?.up {
    ///     println!("{}: {}, {} bytes", channel.number, channel.name, channel.size);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn channels(&self) -> Result<RttChannels> {
        self.must_be_started()?;
        let listed =
            self.ask("rtt channels", "rtt channels", "list the RTT channels", crate::rtt::replies::channels)?;
        Ok(RttChannels { up: listed.0, down: listed.1 })
    }

    /// How often OpenOCD looks for new bytes (OpenOCD: `rtt polling_interval`). 100 ms unless somebody changed it.
    ///
    /// # Errors
    /// Those of [`Session::command`](crate::Session::command).
    pub fn polling_interval(&self) -> Result<Duration> {
        self.ask("rtt polling_interval", "rtt polling_interval", "get the polling interval", |answer| {
            let milliseconds = answer.trim().strip_suffix(" ms")?.parse().ok()?;
            Some(Duration::from_millis(milliseconds))
        })
    }

    /// Sets how often OpenOCD looks for new bytes, in whole milliseconds from 1 on. RTT must be started.
    ///
    /// A shorter interval is a higher rate: OpenOCD takes at most 1024 bytes of a channel each time. It is also more traffic on the probe.
    ///
    /// # Errors
    /// [`RttError::InvalidArgument`] (nothing is sent), [`NotSetUp`](RttError::NotSetUp) and [`NotStarted`](RttError::NotStarted): OpenOCD would poll a transfer
    /// that was never set up, and crash. And those of [`Session::command`](crate::Session::command).
    pub fn set_polling_interval(&self, interval: Duration) -> Result<()> {
        let milliseconds = interval.as_millis();
        if milliseconds == 0 || milliseconds > u128::from(u32::MAX / 2) || interval.subsec_nanos() % 1_000_000 != 0 {
            return Err(invalid("the polling interval", format!("{interval:?}"), "whole milliseconds, at least 1"));
        }
        self.must_be_started()?;
        let command = format!("rtt polling_interval {milliseconds}");
        self.ask(&command, &command, "set the polling interval", |_| Some(()))?;
        let now = self.polling_interval()?;
        if now != interval {
            let (command, reply) = (command, format!("{now:?}"));
            return Err(RttError::UnexpectedReply(UnexpectedReply { command, expected: "that interval", reply }).into());
        }
        Ok(())
    }

    /// Opens a channel in both directions, as far as the firmware has them (OpenOCD: `rtt server start PORT CHANNEL`).
    ///
    /// The port is a free one, on the host and the address of OpenOCD's TCL port. RTT must be started. Several may be open at a time; what comes from the
    /// target goes to each of those that are open for the channel.
    ///
    /// # Errors
    /// [`RttError::NotSetUp`], [`NotStarted`](RttError::NotStarted), [`NoChannel`](RttError::NoChannel) if neither direction is in use,
    /// [`NoPort`](RttError::NoPort), [`Error::Connection`] if the port can't be reached, and those of [`Session::command`](crate::Session::command).
    pub fn channel(&self, number: u32) -> Result<RttChannel<'a>> {
        let up = self.ring(Direction::Up, number)?;
        if !up.is_usable() && !self.ring(Direction::Down, number)?.is_usable() {
            return Err(RttError::NoChannel { direction: "up", number, count: up.count }.into());
        }
        RttChannel::open(*self, number)
    }

    /// What comes on an up-channel, as text, within `timeout` or until nothing more comes at once; empty if nothing came.
    ///
    /// For a look now and then. It opens the channel and closes it again; [`channel`](Self::channel) keeps it open.
    ///
    /// # Errors
    /// Those of [`channel`](Self::channel) and [`RttChannel::read_text`], except that nothing is no error.
    pub fn read(&self, number: u32, timeout: Duration) -> Result<String> {
        self.channel(number)?.drain(timeout)
    }

    /// Writes all of a text to a down-channel, within 10 s.
    ///
    /// # Errors
    /// Those of [`RttChannel::write_text`].
    pub fn write(&self, number: u32, text: &str) -> Result<()> {
        self.put_all(number, text.as_bytes(), Some(channel::DEFAULT_TIMEOUT))
    }

    fn put_all(&self, number: u32, bytes: &[u8], timeout: Option<Duration>) -> Result<()> {
        let mut taken = 0;
        while taken < bytes.len() {
            match self.put(number, &bytes[taken..], timeout) {
                Ok(more) => taken += more,
                Err(Error::Rtt(RttError::NotTaken { channel, after, .. })) => {
                    return Err(RttError::NotTaken { channel, taken, length: bytes.len(), after }.into());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Puts as many bytes into a down-channel as it has room for, once it has any, and says how many.
    fn put(&self, number: u32, bytes: &[u8], timeout: Option<Duration>) -> Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let deadline = Deadline::after(timeout);
        let mut looked = Instant::now();
        let list = hex_list(bytes.iter().take(LARGEST_PUT).copied());
        let script = format!("_openocd_rs_1_rtt_put {number} {{{list}}}");
        loop {
            let put = self.ask(&script, "write_memory", "write to the RTT ring", |answer| {
                let [count, ring] = tcl::elements(answer.as_bytes()).take_array()?;
                let count: usize = std::str::from_utf8(&count).ok()?.parse().ok()?;
                let ring = ring_or_error(Direction::Down, std::str::from_utf8(&ring).ok()?)?;
                Some(ring.map(|ring| (count, ring)))
            })?;
            let (count, ring) = put?;
            if count > 0 {
                return Ok(count);
            }
            if ring.is_intact && ring.size < 2 {
                return Err(RttError::NoChannel { direction: "down", number, count: ring.count }.into());
            }
            let left = deadline.remaining();
            // A firmware that is just starting is given its time. The next write profits from a restart at the deadline.
            if !ring.is_intact && (left == Some(Duration::ZERO) || looked.elapsed() >= LOOK_AFTER) {
                let is_there = self.revive()?;
                looked = Instant::now();
                if is_there && left != Some(Duration::ZERO) {
                    continue;
                }
            }
            if left == Some(Duration::ZERO) {
                let (channel, length, after) = (number, bytes.len(), deadline.span());
                return Err(RttError::NotTaken { channel, taken: 0, length, after }.into());
            }
            std::thread::sleep(LOOK_AGAIN.min(left.unwrap_or(LOOK_AGAIN)));
        }
    }

    fn must_be_started(&self) -> Result<()> {
        self.ring(Direction::Up, 0).map(drop)
    }

    /// What the target's memory says of a channel.
    fn ring(&self, direction: Direction, number: u32) -> Result<Ring> {
        let script = format!("_openocd_rs_1_rtt_ring {} {number}", direction.word());
        let read = |answer: &str| ring_or_error(direction, answer);
        let ring = self.ask(&script, "read_memory", "read the RTT control block", read)?;
        Ok(ring?)
    }

    fn session(&self) -> &'a Session {
        self.target.session()
    }

    fn ask<T>(
        &self,
        script: &str,
        shown: &str,
        doing: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T> {
        let request = self.target.request(script).shown(shown);
        self.session().run(&request, |reply| {
            let answer = reply.success(&request).map_err(|failure| refused(doing, failure))?;
            std::str::from_utf8(answer).ok().and_then(read).ok_or_else(|| unexpected(&request, reply))
        })?
    }
}

/// The answer of `_openocd_rs_1_rtt_ring`.
fn ring_or_error(direction: Direction, answer: &str) -> Option<Result<Ring, RttError>> {
    match answer {
        "unset" => Some(Err(RttError::NotSetUp)),
        "stopped" => Some(Err(RttError::NotStarted)),
        _ => Ring::parse(direction, answer).map(Ok),
    }
}

fn refused(doing: &'static str, failure: Box<Failure>) -> Error {
    Error::refused(failure, |failure| RttError::Refused(Refused::new(doing, failure)).into())
}

fn unexpected(request: &Request<'_>, reply: &Reply<'_>) -> Error {
    let (command, reply) = (request.name().to_owned(), String::from_utf8_lossy(&reply.result).into_owned());
    RttError::UnexpectedReply(UnexpectedReply { command, expected: "an answer about RTT", reply }).into()
}

fn invalid(argument: &'static str, given: String, expected: &'static str) -> Error {
    RttError::InvalidArgument(InvalidArgument { argument, given, expected }).into()
}
