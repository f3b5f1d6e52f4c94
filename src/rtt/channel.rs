//! One channel: a byte stream over OpenOCD's RTT server.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::ring::Direction;
use super::{LOOK_AFTER, Restarts, Rtt};
use crate::error::{ConnectionError, Error, Result, RttError, TimeoutError};
use crate::wire::Deadline;

/// How long reads and writes wait unless told otherwise.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much one read of the socket takes.
const READ_SIZE: usize = 16 * 1024;

/// An open RTT channel: bytes from the target, and to it, from [`Rtt::channel`].
///
/// It is [`Read`] and [`Write`], for bytes of any value. Each call has a time limit, at first 10 s: [`set_read_timeout`](Self::set_read_timeout) and
/// [`set_write_timeout`](Self::set_write_timeout). The errors of `Read` and `Write` hold an [`Error`] of this crate ([`io::Error::get_ref`]); a timeout has the kind
/// [`io::ErrorKind::TimedOut`]. A lost connection is an error, not the end of the stream: a channel has no end, so don't read it "to the end".
///
/// # What arrives
/// **From the target**, every byte that OpenOCD took from the ring while the channel was open, in order. What a firmware drops because its ring is full never reaches
/// OpenOCD. **To the target**, every byte that a write reported as written: it is in the ring then. A write puts bytes into the target's memory itself, as OpenOCD 0.12.0
/// drops what does not fit into the ring when it comes through the socket.
///
/// # Resets
/// The channel survives a reset of the target. OpenOCD goes on with the control block where it was; when the target's memory shows that it is not there, or that bytes
/// wait but none come (OpenOCD ends the transfer when the memory can't be read once), a waiting read looks for the control block again and restarts the transfer, for all
/// channels; so does a write that finds no control block. [`restarts`](Self::restarts) counts that. Lost with a reset is what stood in the rings: what the target had written and OpenOCD had not taken yet, and what was written to the target
/// and the firmware had not read.
///
/// # Reading on
/// An open channel wants to be read: when the sockets are full, after some hundred kilobytes, OpenOCD waits for somebody to read, and serves nothing else meanwhile.
/// The session's commands then fail with [`TimeoutError::Reply`], until the channel is read or dropped.
///
/// Dropping the last handle closes the channel (OpenOCD: `rtt server stop PORT`).
#[derive(Debug)]
pub struct RttChannel<'a> {
    /// Before the server, so that it is closed when that is stopped: OpenOCD may wait for somebody to read from it.
    stream: TcpStream,
    server: Arc<Server<'a>>,
    /// What has come and was not taken.
    pub(super) pending: Vec<u8>,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    /// Where the target's ring stood at the last looks, if it held bytes, and since when.
    stuck_at: Option<(u32, Instant)>,
    /// When the last byte came, or the last look was.
    looked: Instant,
}

/// OpenOCD's side of a channel, which ends with the last handle.
#[derive(Debug)]
struct Server<'a> {
    rtt: Rtt<'a>,
    channel: u32,
    peer: SocketAddr,
    is_stopped: AtomicBool,
    /// The session's count of restarts when it was opened.
    restarts_before: u32,
}

impl<'a> RttChannel<'a> {
    pub(super) fn open(rtt: Rtt<'a>, channel: u32) -> Result<Self> {
        let script = format!("_openocd_rs_1_rtt_serve {channel}");
        let port = rtt.ask(&script, &format!("rtt server start 0 {channel}"), "start an RTT server", |answer| {
            Some(crate::rtt::replies::port(answer).ok_or_else(|| RttError::NoPort { channel, log: answer.to_owned() }))
        })??;
        let mut peer = rtt.session().peer();
        peer.set_port(port);
        let restarts_before = Restarts::of(rtt.session()).0.load(Ordering::Acquire);
        let server = Arc::new(Server { rtt, channel, peer, is_stopped: AtomicBool::new(false), restarts_before });
        // From here on dropping the server stops it.
        let (_, settings) = rtt.session().reach();
        let connected = match settings.connect_timeout {
            Some(limit) => TcpStream::connect_timeout(&peer, limit),
            None => TcpStream::connect(peer),
        };
        let stream = connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream)).map_err(|error| {
            ConnectionError::Unreachable {
                address: format!("{peer} (RTT channel {channel})"),
                attempts: vec![(peer, error)],
            }
        })?;
        rtt.session().let_openocd_accept()?;
        let (read_timeout, write_timeout) = (Some(DEFAULT_TIMEOUT), Some(DEFAULT_TIMEOUT));
        Ok(RttChannel {
            server,
            stream,
            pending: Vec::new(),
            read_timeout,
            write_timeout,
            stuck_at: None,
            looked: Instant::now(),
        })
    }

    /// The channel's number.
    pub fn number(&self) -> u32 {
        self.server.channel
    }

    /// The address of OpenOCD's RTT server for this channel.
    pub fn peer(&self) -> SocketAddr {
        self.server.peer
    }

    /// How often this session has restarted the transfer by itself since the channel was opened; each may have lost what stood in the rings.
    ///
    /// A reset after which the transfer goes on with the control block where it was is not among them.
    pub fn restarts(&self) -> u32 {
        let count = Restarts::of(self.server.rtt.session()).0.load(Ordering::Acquire);
        count.wrapping_sub(self.server.restarts_before)
    }

    /// How long a read waits for the first byte; `None` waits for ever. 10 s at first. Zero takes what has come.
    ///
    /// Four times a second a read that waits looks at the target's memory by the session; that look, and the session's other commands before it, come on top.
    pub fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.read_timeout = timeout;
    }

    /// How long a write waits until the target has room for a part, and has it; `None` waits for ever. 10 s at first.
    pub fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.write_timeout = timeout;
    }

    /// Another handle of the same channel, for another thread: one can read while the other writes.
    ///
    /// Each byte from the target goes to one of the handles only, whichever reads first.
    ///
    /// # Errors
    /// [`ConnectionError::Io`] if the operating system has no more handles.
    pub fn try_clone(&self) -> Result<RttChannel<'a>> {
        let stream = self.stream.try_clone().map_err(|source| self.io("copying a handle", source))?;
        Ok(RttChannel { server: Arc::clone(&self.server), stream, pending: Vec::new(), stuck_at: None, ..*self })
    }

    /// Waits for bytes and returns all that have come, as text.
    ///
    /// Bytes that are not UTF-8 become U+FFFD; a character of which only the beginning has come waits for the rest.
    ///
    /// # Errors
    /// [`TimeoutError::Rtt`] if nothing came within the read timeout, [`Error::Connection`] if the channel was closed by somebody else or OpenOCD ended.
    pub fn read_text(&mut self) -> Result<String> {
        loop {
            if !self.pending.is_empty() {
                let text = self.take_text(false);
                if !text.is_empty() {
                    return Ok(text);
                }
            }
            self.fetch()?;
        }
    }

    /// Writes all of the text.
    ///
    /// # Errors
    /// [`RttError::NoChannel`] if the firmware has no such down-channel, [`NotTaken`](RttError::NotTaken) if it did not make room within the write timeout,
    /// [`Refused`](RttError::Refused) if its memory can't be read or written, and those of [`Session::command`](crate::Session::command).
    pub fn write_text(&mut self, text: &str) -> Result<()> {
        self.server.rtt.put_all(self.server.channel, text.as_bytes(), self.write_timeout)
    }

    /// Closes the channel, also for other handles of it, which can still read what has come (OpenOCD: `rtt server stop PORT`).
    ///
    /// # Errors
    /// Those of [`Session::command`](crate::Session::command).
    pub fn close(self) -> Result<()> {
        // Both sides hang up; the socket must not stay half open for other handles.
        let _ = self.stream.shutdown(Shutdown::Both);
        self.server.stop()
    }

    /// Everything that comes until the channel is quiet for two polling intervals or `timeout` is over, and the end of the channel; nothing at all
    /// is no error.
    pub(super) fn drain(mut self, timeout: Duration) -> Result<String> {
        let quiet = self.server.rtt.polling_interval()? * 2;
        self.read_timeout = Some(timeout);
        let deadline = Deadline::after(self.read_timeout);
        loop {
            match self.fetch() {
                // There is firmware that prints without end.
                Ok(()) if deadline.remaining() == Some(Duration::ZERO) => break,
                Ok(()) => self.read_timeout = Some(quiet),
                Err(Error::Timeout(_)) => break,
                Err(error) => return Err(error),
            }
        }
        self.server.stop()?;
        // What OpenOCD has taken from the target until then.
        self.stream.set_read_timeout(Some(DEFAULT_TIMEOUT)).map_err(|source| self.io("setting a timeout", source))?;
        self.stream.read_to_end(&mut self.pending).map_err(|source| self.io("reading the rest of RTT", source))?;
        Ok(self.take_text(true))
    }

    /// What has come, as text; without `all` the beginning of a character stays.
    fn take_text(&mut self, all: bool) -> String {
        let keep = match std::str::from_utf8(&self.pending) {
            // `None` is an end in the middle of a character.
            Err(error) if !all && error.error_len().is_none() => self.pending.len() - error.valid_up_to(),
            _ => 0,
        };
        let kept = self.pending.split_off(self.pending.len() - keep);
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending = kept;
        text
    }

    /// Waits for more bytes, within the read timeout.
    pub(super) fn fetch(&mut self) -> Result<()> {
        self.fetch_before(Deadline::after(self.read_timeout))
    }

    /// Takes some of what has come, without waiting, and says whether there was any.
    pub(crate) fn fetch_now(&mut self) -> Result<bool> {
        match self.fetch_before(Deadline::after(Some(Duration::ZERO))) {
            Err(Error::Timeout(_)) => Ok(false),
            done => done.map(|()| true),
        }
    }

    pub(crate) fn polling_interval(&self) -> Result<Duration> {
        self.server.rtt.polling_interval()
    }

    /// Whether the target's ring holds bytes that OpenOCD has not taken, and will.
    pub(crate) fn has_more(&self) -> Result<bool> {
        match self.server.rtt.ring(Direction::Up, self.server.channel) {
            Ok(ring) => Ok(ring.holds_bytes()),
            Err(Error::Rtt(RttError::NotStarted | RttError::NotSetUp)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn fetch_before(&mut self, deadline: Deadline) -> Result<()> {
        let mut chunk = [0; READ_SIZE];
        loop {
            let left = deadline.remaining();
            // A socket timeout of zero is none at all.
            let wait = left.unwrap_or(LOOK_AFTER).clamp(Duration::from_millis(1), LOOK_AFTER);
            self.stream.set_read_timeout(Some(wait)).map_err(|source| self.io("setting a timeout", source))?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(self.closed("waiting for bytes of RTT")),
                Ok(read) => {
                    self.pending.extend_from_slice(&chunk[..read]);
                    self.stuck_at = None;
                    self.looked = Instant::now();
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if self.looked.elapsed() >= LOOK_AFTER {
                        self.keep_alive()?;
                        self.looked = Instant::now();
                    }
                    if deadline.remaining() == Some(Duration::ZERO) {
                        return Err(TimeoutError::Rtt { what: "byte came", after: deadline.span() }.into());
                    }
                }
                Err(error) => return Err(self.io("waiting for bytes of RTT", error)),
            }
        }
    }

    /// Restarts the transfer if the target's memory shows that it does not go on by itself.
    fn keep_alive(&mut self) -> Result<()> {
        let rtt = self.server.rtt;
        let ring = match rtt.ring(Direction::Up, self.server.channel) {
            Ok(ring) => ring,
            Err(error @ Error::Connection(_)) => return Err(error),
            // Stopped on purpose, or a target that can't be read just now: later, perhaps.
            Err(error) => {
                log::debug!(target: "openocd::rtt", "channel {}: {error}", self.server.channel);
                return Ok(());
            }
        };
        let before = self.stuck_at.filter(|(read, _)| *read == ring.read);
        self.stuck_at = ring.holds_bytes().then(|| before.unwrap_or((ring.read, Instant::now())));
        if ring.is_intact && !self.is_stuck(before)? {
            return Ok(());
        }
        self.stuck_at = None;
        rtt.revive().map(drop)
    }

    /// Bytes wait in the ring and OpenOCD has had its time to take them: a restart begins its polling interval anew, so one that came
    /// within each interval would keep it from ever polling.
    fn is_stuck(&self, before: Option<(u32, Instant)>) -> Result<bool> {
        match (before, self.stuck_at) {
            (Some((_, since)), Some(_)) => Ok(since.elapsed() > self.polling_interval()? * 2),
            _ => Ok(false),
        }
    }

    /// Gives the target what it has room for, once it has any.
    fn deliver(&mut self, bytes: &[u8]) -> Result<usize> {
        self.server.rtt.put(self.server.channel, bytes, self.write_timeout)
    }

    fn closed(&self, doing: &'static str) -> Error {
        let peer = self.server.peer;
        self.server.rtt.session().explain(ConnectionError::Closed { peer, doing }.into())
    }

    fn io(&self, doing: &'static str, source: io::Error) -> Error {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
        match source.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected => self.closed(doing),
            _ => ConnectionError::Io { peer: self.server.peer, doing, source }.into(),
        }
    }
}

impl Read for RttChannel<'_> {
    /// Waits for bytes within the read timeout, and returns what has come, as far as there is room.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.pending.is_empty() {
            self.fetch().map_err(into_io)?;
        }
        let length = buffer.len().min(self.pending.len());
        buffer[..length].copy_from_slice(&self.pending[..length]);
        self.pending.drain(..length);
        Ok(length)
    }
}

impl Write for RttChannel<'_> {
    /// Writes as much as the target has room for, once it has any, and returns when the target has it.
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.deliver(buffer).map_err(into_io)
    }

    /// Does nothing: what is written is in the target already.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn into_io(error: Error) -> io::Error {
    let kind = match &error {
        Error::Timeout(_) | Error::Rtt(RttError::NotTaken { .. }) => io::ErrorKind::TimedOut,
        Error::Connection(_) => io::ErrorKind::ConnectionAborted,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

impl Server<'_> {
    fn stop(&self) -> Result<()> {
        if self.is_stopped.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let command = format!("rtt server stop {}", self.peer.port());
        self.rtt.ask(&command, &command, "stop an RTT server", |_| Some(()))
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            log::warn!(target: "openocd::rtt", "the RTT server on port {} stays: {error}", self.peer.port());
        }
    }
}
