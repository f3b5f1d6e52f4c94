//! One channel: a byte stream over OpenOCD's RTT server.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pending::Pending;
use super::server::Server;
use super::{Rtt, RttMode};
use crate::error::{ConnectionError, Error, Result, RttError, TimeoutError};
use crate::stop_token::StopTokens;
use crate::wire::{ByteStream, Deadline};

/// What is under way, for an error.
const WRITING: &str = "writing to an RTT channel";

/// How long reads and writes wait unless told otherwise.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// An open RTT channel: bytes from the target, and to it, from [`Rtt::channel`].
///
/// A channel implements [`Read`] and [`Write`], for bytes of any value. Each call has a time limit,
/// at first 10 s: [`set_read_timeout`](Self::set_read_timeout) and
/// [`set_write_timeout`](Self::set_write_timeout). The errors of `Read` and `Write` hold an
/// [`Error`] of this crate ([`io::Error::get_ref`]); a timeout has the kind
/// [`io::ErrorKind::TimedOut`]. A write that OpenOCD does not answer in time has the kind
/// [`io::ErrorKind::Other`] instead: its bytes may still get into the ring, so do not repeat it. A
/// lost connection is an error, not the end of the stream. A channel has no end, so do not read it
/// "to the end".
///
/// A channel owns a handle of its session, and can be moved into another thread. After
/// [`Session::close`](crate::Session::close) its calls are a [`ConnectionError::SessionClosed`],
/// once what has come is read. Dropping the last handle closes the channel (OpenOCD: `rtt server
/// stop PORT`).
///
/// # What arrives
/// **From the target**, every byte that OpenOCD took from the ring while the channel was open, in
/// order. What the firmware drops because its ring is full never reaches OpenOCD;
/// [`set_mode`](Self::set_mode) can make the firmware wait.
///
/// **To the target**, every byte that a write reported as written: it is in the ring then. A write
/// puts bytes into the target's memory itself, because OpenOCD 0.12.0 drops what comes through the
/// socket and does not fit into the ring.
///
/// # Resets
/// The channel survives a reset of the target. OpenOCD goes on with the control block where it was.
/// RAM survives a reset, so bytes of earlier firmware may come first: see [`Rtt::clear`].
///
/// A read that waits checks four times a second whether the transfer is alive. If the control block
/// is not where it was, or bytes wait in the ring and none come (OpenOCD ends the transfer when it
/// cannot read the memory once), the read searches for the block and restarts the transfer, for all
/// channels. So does a write that finds no control block. [`restarts`](Self::restarts) counts the
/// restarts. A reset loses what was in the rings: what OpenOCD had not yet taken, and what the
/// firmware had not yet read. A reset that no session makes, such as by a button or a watchdog, may
/// come while OpenOCD reads. Then up to a ring of old bytes or zeros arrives, which the firmware
/// did not print, and no counter shows that. So binary data needs frames with a checksum.
///
/// # An open channel must be read
/// When the sockets are full, after some hundred kilobytes, OpenOCD waits for somebody to read, and
/// serves nothing else. The session's commands then fail with
/// [`TimeoutError::Reply`](crate::TimeoutError::Reply), until the channel is read or dropped.
pub struct RttChannel {
    /// Before the server, so that it is closed when that is stopped: OpenOCD may wait for somebody
    /// to read from it.
    pub(super) stream: ByteStream,
    pub(super) server: Arc<Server>,
    /// What has come and was not taken.
    pub(super) pending: Pending,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    /// The read position of the target's ring at the last checks, if the ring held bytes, and since
    /// when.
    pub(super) stuck_at: Option<(u32, Instant)>,
    /// When the last byte came, or the last check was.
    pub(super) checked: Instant,
    /// What stops a search for the control block.
    pub(super) stops: StopTokens,
}

impl RttChannel {
    /// Opens a channel, whether the firmware has it or not.
    pub(crate) fn open(rtt: Rtt<'_>, channel: u32, deadline: Deadline) -> Result<Self> {
        let (server, stream) = Server::start(rtt, channel, deadline)?;
        Ok(RttChannel::with(stream, Arc::new(server), Some(DEFAULT_TIMEOUT), Some(DEFAULT_TIMEOUT)))
    }

    fn with(
        stream: ByteStream,
        server: Arc<Server>,
        read_timeout: Option<Duration>,
        write_timeout: Option<Duration>,
    ) -> Self {
        let (pending, checked) = (Pending::default(), Instant::now());
        let (stuck_at, stops) = (None, StopTokens::default());
        RttChannel { stream, server, pending, read_timeout, write_timeout, stuck_at, checked, stops }
    }

    /// The channel's number.
    pub fn number(&self) -> u32 {
        self.server.channel
    }

    /// The address of OpenOCD's RTT server for this channel.
    pub fn peer(&self) -> SocketAddr {
        self.server.peer
    }

    /// How often this session has restarted the transfer by itself since the channel was opened.
    /// Each restart may have lost what was in the rings.
    ///
    /// A reset after which the control block is in the same place is no restart.
    pub fn restarts(&self) -> u32 {
        self.server.restarts()
    }

    /// Sets how long a read waits for the first byte, or for a whole line; `None` waits for ever.
    /// 10 s at first. Zero takes what has come.
    ///
    /// A read that waits for longer than 250 ms also reads the target's memory through the session.
    /// That may take up to a second beyond the timeout, and five seconds if the control block must
    /// be searched for.
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
    /// let mut terminal = session.rtt().channel(0)?;
    /// terminal.set_read_timeout(Some(Duration::from_secs(2)));
    /// println!("{}", terminal.read_text()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.read_timeout = timeout;
    }

    /// Sets how long a write waits until the target has taken what is written; `None` waits for
    /// ever. 10 s at first.
    ///
    /// A write may take a second more, and five seconds if the control block must be searched for.
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
    /// let mut terminal = session.rtt().channel(0)?;
    /// terminal.set_write_timeout(Some(Duration::from_secs(2)));
    /// terminal.write_text("go\n")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.write_timeout = timeout;
    }

    /// Sets what the firmware does when the ring of the up-channel is full. The mode that was there
    /// before is put back when the channel closes.
    ///
    /// This writes the flags of the channel in the target's memory. With [`RttMode::Block`] nothing
    /// is lost, and firmware that prints waits for the reader: a channel that is not read stops the
    /// program. The firmware sets its own mode when it starts, so call this again after a reset.
    ///
    /// # Errors
    /// [`RttError::NoChannel`] if the firmware has no such up-channel, [`RttError::Refused`] if its
    /// memory cannot be written, and [`Error::Connection`] if another handle has closed the
    /// channel.
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// # session.rtt().start_wait(std::time::Duration::from_secs(5))?;
    /// use openocd::RttMode;
    ///
    /// let mut log = session.rtt().channel(0)?;
    /// log.set_mode(RttMode::Block)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_mode(&mut self, mode: RttMode) -> Result<()> {
        self.server.set_mode(mode)
    }

    /// Returns another handle of the same channel, for another thread: one can read while the other
    /// writes.
    ///
    /// Each byte from the target goes to one of the handles only, whichever reads first.
    ///
    /// # Errors
    /// None at present.
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// # session.rtt().start_wait(std::time::Duration::from_secs(5))?;
    /// let mut output = session.rtt().channel(0)?;
    /// let mut input = output.try_clone()?;
    /// input.write_text("go\n")?;
    /// println!("{}", output.read_text()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_clone(&self) -> Result<RttChannel> {
        let server = Arc::clone(&self.server);
        Ok(RttChannel::with(self.stream.clone(), server, self.read_timeout, self.write_timeout))
    }

    /// Waits for bytes and returns all that have come, as text.
    ///
    /// Bytes that are not UTF-8 become U+FFFD; a character of which only the beginning has come
    /// waits for the rest.
    ///
    /// # Errors
    /// [`TimeoutError::Rtt`](crate::TimeoutError::Rtt) if nothing came within the read timeout, and
    /// [`Error::Connection`] if somebody else closed the channel, the session was closed, or
    /// OpenOCD ended.
    pub fn read_text(&mut self) -> Result<String> {
        let deadline = self.read_deadline();
        loop {
            if !self.pending.is_empty() {
                let text = self.pending.take_text();
                if !text.is_empty() {
                    return Ok(text);
                }
            }
            self.fetch(deadline)?;
        }
    }

    /// Writes all of the text within the write timeout.
    ///
    /// # Errors
    /// [`RttError::NoChannel`] if the firmware has no such down-channel,
    /// [`NotTaken`](RttError::NotTaken) if the firmware did not make room in time,
    /// [`NotStarted`](RttError::NotStarted) after [`Rtt::stop`](crate::Rtt::stop),
    /// [`Refused`](RttError::Refused) if its memory cannot be read or written,
    /// [`Error::Connection`] if another handle has closed the channel, and
    /// [`TimeoutError::Reply`](crate::TimeoutError::Reply) if OpenOCD does not answer in time, as
    /// when it is busy for another client: then some or all of the text may still get into the ring.
    pub fn write_text(&mut self, text: &str) -> Result<()> {
        self.server.check_open(WRITING)?;
        self.server.rtt().put_all(self.server.channel, text.as_bytes(), Deadline::after(self.write_timeout))
    }

    /// Closes the channel, also for other handles of it, which can still read what has come
    /// (OpenOCD: `rtt server stop PORT`).
    ///
    /// # Errors
    /// The same as [`Session::command`](crate::Session::command).
    pub fn close(self) -> Result<()> {
        self.close_before(Deadline::NEVER)
    }

    /// The same, with requests that give up at the deadline.
    pub(crate) fn close_before(self, deadline: Deadline) -> Result<()> {
        // Both sides hang up; the socket must not stay half open for other handles.
        self.stream.shut_down();
        self.server.stop(deadline)
    }

    pub(super) fn read_deadline(&self) -> Deadline {
        Deadline::after(self.read_timeout)
    }

    /// Whether bytes have come that are not taken.
    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Makes the channel's own searches for the control block end when a token stops.
    pub(crate) fn stop_searches_with(&mut self, stops: StopTokens) {
        self.stops = stops;
    }

    /// Writes as many bytes as the target has room for now, and returns how many: for a console
    /// that has other things to do while the firmware reads nothing. None are written if the
    /// control block is not there.
    ///
    /// The write timeout does not apply: OpenOCD may take as long to answer as for any other call.
    ///
    /// # Errors
    /// Those of [`write_text`](Self::write_text), besides [`NotTaken`](RttError::NotTaken).
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// # session.rtt().start_wait(std::time::Duration::from_secs(5))?;
    /// let terminal = session.rtt().channel(0)?;
    /// assert_eq!(terminal.write_now(b"go\n")?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_now(&self, bytes: &[u8]) -> Result<usize> {
        self.server.check_open(WRITING)?;
        self.server.rtt().put_now(self.server.channel, bytes)
    }

    /// Takes all that has come.
    pub(crate) fn take_all(&mut self) -> &[u8] {
        self.pending.take_all()
    }

    /// Takes the next whole line of what has come; `None` if it is not whole yet.
    pub(crate) fn take_line(&mut self) -> Option<String> {
        self.pending.take_line()
    }
}

impl Read for RttChannel {
    /// Waits for bytes within the read timeout, and returns what has come, as far as there is room.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.pending.is_empty() {
            self.fetch(self.read_deadline()).map_err(into_io)?;
        }
        Ok(self.pending.take_into(buffer))
    }
}

impl Write for RttChannel {
    /// Writes as much as the target has room for, once it has any, and returns when the target has
    /// it.
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let deadline = Deadline::after(self.write_timeout);
        let written = self.server.check_open(WRITING);
        let put = written.and_then(|()| self.server.rtt().put(self.server.channel, buffer, deadline));
        put.map_err(|error| match error {
            // Whoever takes this for a write of nothing sends the bytes twice.
            Error::Timeout(TimeoutError::Reply { .. }) => io::Error::other(error),
            error => into_io(error),
        })
    }

    /// Does nothing: what is written is in the target already.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `RttChannel(0, 127.0.0.1:40113)`
impl fmt::Debug for RttChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RttChannel({}, {})", self.server.channel, self.server.peer)
    }
}

fn into_io(error: Error) -> io::Error {
    let kind = match &error {
        Error::Timeout(_) | Error::Rtt(RttError::NotTaken { .. }) => io::ErrorKind::TimedOut,
        Error::Connection(ConnectionError::Io { source, .. }) => source.kind(),
        Error::Connection(_) => io::ErrorKind::ConnectionAborted,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

const _: () = {
    const fn is_sent<T: Send + 'static>() {}
    is_sent::<RttChannel>();
    is_sent::<super::RttLines>();
};
