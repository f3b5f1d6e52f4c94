//! One TCP connection: connects, writes whole commands, reads whole replies, each within a
//! deadline.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use super::deadline::Deadline;
use crate::error::{ConnectionError, Error, TimeoutError};
use crate::wire::frame::{FrameBuffer, TooLong};

/// A socket timeout that is too long by no more than this is kept: setting it costs a system call.
const SLACK: Duration = Duration::from_millis(10);

/// Why a transfer stopped.
#[derive(Debug)]
pub(crate) enum TransferError {
    DeadlinePassed,
    Connection(ConnectionError),
}

/// A connected socket and its receive buffer. After an error other than a passed deadline it must
/// be dropped.
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
    /// Connects to one address.
    pub(crate) fn open(peer: SocketAddr, deadline: Deadline, limit: usize) -> io::Result<Self> {
        let stream = match deadline.remaining() {
            None => TcpStream::connect(peer)?,
            Some(Duration::ZERO) => return Err(io::ErrorKind::TimedOut.into()),
            Some(left) => TcpStream::connect_timeout(&peer, left.max(Duration::from_millis(1)))?,
        };
        // A command is one write and waits for its reply: Nagle's algorithm could only delay it.
        stream.set_nodelay(true)?;
        let frames = FrameBuffer::new(limit);
        Ok(Connection { stream, peer, frames, limit, read_timeout: None, write_timeout: None })
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Another handle of the socket, by which a thread can end the wait of another one.
    pub(crate) fn handle(&self) -> io::Result<TcpStream> {
        self.stream.try_clone()
    }

    /// Drops what came without being asked for, so that it is not taken for the reply to the next
    /// command.
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
            if let Some(frame) = self.receive_some(deadline)? {
                return Ok(frame);
            }
        }
    }

    /// Returns the next reply if it is complete, and otherwise reads once: `None` means that the
    /// reply is not complete yet.
    pub(crate) fn receive_some(&mut self, deadline: Deadline) -> Result<Option<Range<usize>>, TransferError> {
        match self.frames.next_frame() {
            Ok(Some(frame)) => return Ok(Some(frame)),
            Ok(None) => {}
            Err(TooLong) => return Err(self.too_long(self.frames.pending())),
        }
        let timeout = arm(self.read_timeout, deadline)?;
        if timeout != self.read_timeout {
            self.stream.set_read_timeout(timeout).map_err(|source| self.io("setting the read timeout", source))?;
            self.read_timeout = timeout;
        }
        match self.stream.read(self.frames.spare()) {
            Ok(0) => Err(self.closed("waiting for a reply")),
            Ok(read) => {
                self.frames.advance(read);
                Ok(None)
            }
            Err(error) if is_retry(&error) => Ok(None),
            Err(error) => Err(self.io("waiting for a reply", error)),
        }
    }

    /// What has come of a reply that is not complete.
    pub(crate) fn pending(&self) -> &[u8] {
        self.frames.pending()
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

    /// The error for a reply that passes the limit.
    pub(crate) fn too_long(&self, reply: &[u8]) -> TransferError {
        TransferError::Connection(ConnectionError::ReplyTooLong {
            peer: self.peer,
            limit: self.limit,
            beginning: String::from_utf8_lossy(&reply[..reply.len().min(60)]).into_owned(),
        })
    }
}

/// The socket timeout for the next read or write: the one that is set if it is close enough,
/// otherwise the time that is left.
fn arm(set: Option<Duration>, deadline: Deadline) -> Result<Option<Duration>, TransferError> {
    match (deadline.remaining(), set) {
        (None, _) => Ok(None),
        (Some(Duration::ZERO), _) => Err(TransferError::DeadlinePassed),
        (Some(left), Some(set)) if set >= left && set.saturating_sub(left) <= SLACK => Ok(Some(set)),
        (Some(left), _) => Ok(Some(left)),
    }
}

/// The call is to be repeated: a signal came, or the socket timeout passed. The deadline decides
/// when to stop.
fn is_retry(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

impl From<ConnectionError> for TransferError {
    fn from(error: ConnectionError) -> Self {
        TransferError::Connection(error)
    }
}

impl TransferError {
    /// The error of a whole call. Only the caller knows what it waited for.
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
