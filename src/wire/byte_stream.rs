//! A socket of raw bytes, such as that of an RTT channel or of semihosting.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::{Deadline, TransferError};
use crate::error::{ConnectionError, Result};

/// The longest wait of one system call. Handles in several threads share the socket's timeout, so
/// one of them may begin to wait with the timeout that another one has set.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// How much [`ByteStream::read_to_end`] takes at a time.
const CHUNK: usize = 16 * 1024;

/// A connected socket of raw bytes. Its clones are handles of the same socket.
#[derive(Debug, Clone)]
pub(crate) struct ByteStream {
    socket: Arc<TcpStream>,
    peer: SocketAddr,
}

impl ByteStream {
    /// Connects before the deadline; `what` says in errors which stream it is.
    pub(crate) fn connect(peer: SocketAddr, what: &str, deadline: Deadline) -> Result<Self> {
        let connected = match deadline.remaining() {
            None => TcpStream::connect(peer),
            Some(left) => TcpStream::connect_timeout(&peer, left.max(Duration::from_millis(1))),
        };
        // What is written is short and waits for an answer: Nagle's algorithm could only delay it.
        let socket = connected.and_then(|socket| socket.set_nodelay(true).map(|()| socket));
        let socket =
            socket.map_err(|source| ConnectionError::StreamUnreachable { peer, stream: what.to_owned(), source })?;
        Ok(ByteStream { socket: Arc::new(socket), peer })
    }

    /// The address of the other end.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The socket, for whoever ends it.
    pub(crate) fn socket(&self) -> &Arc<TcpStream> {
        &self.socket
    }

    /// Waits for bytes and takes as many as there is room for. A deadline that has passed takes
    /// what has come.
    pub(crate) fn read(
        &self,
        buffer: &mut [u8],
        deadline: Deadline,
        doing: &'static str,
    ) -> Result<usize, TransferError> {
        loop {
            let prepared = self.socket.set_read_timeout(Some(wait(deadline)));
            match prepared.and_then(|()| (&*self.socket).read(buffer)) {
                Ok(0) if !buffer.is_empty() => return Err(self.closed(doing)),
                Ok(count) => return Ok(count),
                Err(error) => self.go_on(error, deadline, doing)?,
            }
        }
    }

    /// Appends what comes until the other end closes. Stops also at the deadline, and when `bytes`
    /// holds `limit` bytes.
    pub(crate) fn read_to_end(
        &self,
        bytes: &mut Vec<u8>,
        limit: usize,
        deadline: Deadline,
        doing: &'static str,
    ) -> Result<(), TransferError> {
        let mut chunk = [0; CHUNK];
        while bytes.len() < limit && !deadline.has_passed() {
            let room = CHUNK.min(limit - bytes.len());
            match self.read(&mut chunk[..room], deadline, doing) {
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(TransferError::DeadlinePassed | TransferError::Connection(ConnectionError::Closed { .. })) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes a part, as soon as there is room for any.
    pub(crate) fn write(&self, bytes: &[u8], deadline: Deadline, doing: &'static str) -> Result<usize, TransferError> {
        loop {
            let prepared = self.socket.set_write_timeout(Some(wait(deadline)));
            match prepared.and_then(|()| (&*self.socket).write(bytes)) {
                Ok(0) if !bytes.is_empty() => return Err(self.closed(doing)),
                Ok(count) => return Ok(count),
                Err(error) => self.go_on(error, deadline, doing)?,
            }
        }
    }

    /// Closes the connection for all handles. What has come can still be read.
    pub(crate) fn shut_down(&self) {
        // It may be closed already, which is what is wanted.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Whether the call may be made again after an error.
    fn go_on(&self, error: io::Error, deadline: Deadline, doing: &'static str) -> Result<(), TransferError> {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted, NotConnected, TimedOut, WouldBlock,
        };
        match error.kind() {
            WouldBlock | TimedOut if deadline.has_passed() => Err(TransferError::DeadlinePassed),
            Interrupted | WouldBlock | TimedOut => Ok(()),
            BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected => Err(self.closed(doing)),
            _ => Err(ConnectionError::Io { peer: self.peer, doing, source: error }.into()),
        }
    }

    fn closed(&self, doing: &'static str) -> TransferError {
        ConnectionError::Closed { peer: self.peer, doing }.into()
    }
}

/// A socket timeout of zero would be none at all.
fn wait(deadline: Deadline) -> Duration {
    deadline.remaining().unwrap_or(LONGEST_WAIT).clamp(Duration::from_millis(1), LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;
    use std::time::Instant;

    use super::*;

    /// A stream whose other end `serve` is.
    fn stream(serve: impl FnOnce(TcpStream) + Send + 'static) -> ByteStream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = listener.local_addr().unwrap();
        thread::spawn(move || serve(listener.accept().unwrap().0));
        ByteStream::connect(peer, "a test", soon()).unwrap()
    }

    fn soon() -> Deadline {
        Deadline::after(Some(Duration::from_millis(300)))
    }

    fn all_within(stream: &ByteStream, limit: usize) -> usize {
        let (mut bytes, begin) = (Vec::new(), Instant::now());
        stream.read_to_end(&mut bytes, limit, soon(), "reading").unwrap();
        assert!(begin.elapsed() < Duration::from_secs(5));
        bytes.len()
    }

    #[test]
    fn a_read_ends_at_its_deadline_and_at_the_end() {
        let silent = stream(|_socket| thread::sleep(Duration::from_millis(600)));
        let read = |deadline| silent.read(&mut [0; 8], deadline, "reading");
        assert!(matches!(read(soon()), Err(TransferError::DeadlinePassed)));
        assert!(matches!(read(Deadline::NEVER), Err(TransferError::Connection(ConnectionError::Closed { .. }))));
    }

    #[test]
    fn reading_to_the_end_stops_at_the_end_the_deadline_and_the_limit() {
        assert_eq!(all_within(&stream(|mut socket| socket.write_all(b"all").unwrap()), 100), 3);
        let drips = stream(|mut socket| {
            while socket.write_all(b".").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        assert!((1..=20).contains(&all_within(&drips, 1000)));
        let flood = stream(|mut socket| while socket.write_all(&[0; 4096]).is_ok() {});
        assert_eq!(all_within(&flood, 100_000), 100_000);
    }

    #[test]
    fn a_stream_that_is_shut_down_is_closed_for_all_handles() {
        let stream = stream(|_socket| thread::sleep(Duration::from_secs(1)));
        let other = stream.clone();
        stream.shut_down();
        let read = other.read(&mut [0; 8], Deadline::NEVER, "reading");
        assert!(matches!(read, Err(TransferError::Connection(ConnectionError::Closed { .. }))));
        assert!(other.write(b"x", soon(), "writing").is_err());
    }
}
