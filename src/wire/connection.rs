//! One TCP connection: connects, writes whole commands, reads whole replies, each within a deadline.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use super::address::Address;
use super::deadline::Deadline;
use crate::error::{ConnectionError, Error, Result, TimeoutError};
use crate::wire::frame::{FrameBuffer, TooLong};

/// A socket timeout that is this much too long is left as it is: setting it costs a system call.
const SLACK: Duration = Duration::from_millis(10);

/// Why a transfer stopped: the deadline passed, or the connection is no good.
#[derive(Debug)]
pub(crate) enum TransferError {
    DeadlinePassed,
    Connection(ConnectionError),
}

/// A connected socket and its receive buffer. After an error it is not in step with its peer and must be dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    frames: FrameBuffer,
    limit: usize,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl Connection {
    /// Tries every address, each with an equal share of the time that is left.
    pub(crate) fn open(address: &Address, timeout: Option<Duration>, limit: usize) -> Result<Self> {
        let deadline = Deadline::after(timeout);
        let mut attempts = Vec::new();
        for (tried, peer) in address.resolved().iter().enumerate() {
            let untried = u32::try_from(address.resolved().len() - tried).unwrap_or(u32::MAX);
            let connected = match deadline.remaining() {
                None => TcpStream::connect(peer),
                Some(Duration::ZERO) => Err(io::ErrorKind::TimedOut.into()),
                Some(left) => TcpStream::connect_timeout(peer, (left / untried).max(Duration::from_millis(1))),
            };
            match connected.and_then(|stream| Self::adopt(stream, *peer, limit)) {
                Ok(connection) => {
                    log::debug!(target: "openocd::connection", "connected to {peer}");
                    return Ok(connection);
                }
                Err(error) => {
                    log::debug!(target: "openocd::connection", "cannot connect to {peer}: {error}");
                    attempts.push((*peer, error));
                }
            }
        }
        if attempts.iter().all(|(_, error)| error.kind() == io::ErrorKind::TimedOut) {
            return Err(TimeoutError::Connect { address: address.text().to_owned(), after: deadline.span() }.into());
        }
        Err(ConnectionError::Unreachable { address: address.text().to_owned(), attempts }.into())
    }

    fn adopt(stream: TcpStream, peer: SocketAddr, limit: usize) -> io::Result<Self> {
        // A command is one write and waits for its reply: Nagle's algorithm could only delay it.
        stream.set_nodelay(true)?;
        let frames = FrameBuffer::new(limit);
        Ok(Connection { stream, peer, frames, limit, read_timeout: None, write_timeout: None })
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Another handle of the socket, to end a wait of another thread.
    pub(crate) fn handle(&self) -> io::Result<TcpStream> {
        self.stream.try_clone()
    }

    /// Drops what came without being asked for, so that it is not taken for the reply to the next command.
    pub(crate) fn discard_unasked(&mut self) {
        let discarded = self.frames.discard();
        if discarded > 0 {
            log::warn!(target: "openocd::connection", "dropped {discarded} bytes that OpenOCD sent unasked");
        }
    }

    /// Writes all of `bytes`, which end with the separator.
    pub(crate) fn send(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), TransferError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let timeout = arm(self.write_timeout, deadline)?;
            if timeout != self.write_timeout {
                self.stream
                    .set_write_timeout(timeout)
                    .map_err(|source| self.io("setting the write timeout", source))?;
                self.write_timeout = timeout;
            }
            match self.stream.write(rest) {
                Ok(0) => return Err(self.closed("sending a command")),
                Ok(written) => rest = &rest[written..],
                Err(error) if is_retry(&error) => {}
                Err(error) => return Err(self.io("sending a command", error)),
            }
        }
        Ok(())
    }

    /// Reads the next reply. Its bytes are at [`bytes`](Self::bytes) until the next call.
    pub(crate) fn receive(&mut self, deadline: Deadline) -> Result<Range<usize>, TransferError> {
        loop {
            match self.frames.next_frame() {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => {}
                Err(TooLong) => return Err(self.too_long()),
            }
            let timeout = arm(self.read_timeout, deadline)?;
            if timeout != self.read_timeout {
                self.stream.set_read_timeout(timeout).map_err(|source| self.io("setting the read timeout", source))?;
                self.read_timeout = timeout;
            }
            match self.stream.read(self.frames.spare()) {
                Ok(0) => return Err(self.closed("waiting for a reply")),
                Ok(read) => self.frames.advance(read),
                Err(error) if is_retry(&error) => {}
                Err(error) => return Err(self.io("waiting for a reply", error)),
            }
        }
    }

    pub(crate) fn bytes(&self, frame: Range<usize>) -> &[u8] {
        self.frames.bytes(frame)
    }

    fn closed(&self, doing: &'static str) -> TransferError {
        TransferError::Connection(ConnectionError::Closed { peer: self.peer, doing })
    }

    fn io(&self, doing: &'static str, source: io::Error) -> TransferError {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
        match source.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected => self.closed(doing),
            _ => TransferError::Connection(ConnectionError::Io { peer: self.peer, doing, source }),
        }
    }

    fn too_long(&self) -> TransferError {
        let beginning = &self.frames.pending()[..self.frames.pending().len().min(60)];
        TransferError::Connection(ConnectionError::ReplyTooLong {
            peer: self.peer,
            limit: self.limit,
            beginning: String::from_utf8_lossy(beginning).into_owned(),
        })
    }
}

/// The socket timeout for the next read or write: the one that is set if it serves, otherwise what is left.
fn arm(set: Option<Duration>, deadline: Deadline) -> Result<Option<Duration>, TransferError> {
    match (deadline.remaining(), set) {
        (None, _) => Ok(None),
        (Some(Duration::ZERO), _) => Err(TransferError::DeadlinePassed),
        (Some(left), Some(set)) if set >= left && set.saturating_sub(left) <= SLACK => Ok(Some(set)),
        (Some(left), _) => Ok(Some(left)),
    }
}

/// The call may simply be made again: a signal came, or the socket timeout passed, and the deadline decides.
fn is_retry(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

impl From<ConnectionError> for TransferError {
    fn from(error: ConnectionError) -> Self {
        TransferError::Connection(error)
    }
}

impl TransferError {
    /// The error of a whole call: only the caller knows what was waited for.
    pub(crate) fn into_error(self, timeout: impl FnOnce() -> TimeoutError) -> Error {
        match self {
            TransferError::DeadlinePassed => timeout().into(),
            TransferError::Connection(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_timeout_that_nearly_fits_is_left_alone() {
        let deadline = Deadline::after(Some(Duration::from_secs(10)));
        let set = Some(Duration::from_secs(10));
        assert_eq!(arm(set, deadline).unwrap(), set);
        assert_ne!(arm(Some(Duration::from_secs(20)), deadline).unwrap(), Some(Duration::from_secs(20)));
        assert_ne!(arm(Some(Duration::from_secs(5)), deadline).unwrap(), Some(Duration::from_secs(5)));
    }
}
