//! The TCP connection failed.

use std::io;
use std::net::SocketAddr;

use crate::error::ProcessReport;
use crate::error::text::excerpt;

/// The connection to OpenOCD's TCL port could not be made, or broke.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The address does not name a host and a port, or the name cannot be resolved.
    #[error("cannot resolve {address}")]
    Resolve {
        /// The address as given.
        address: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nothing answers at any of the addresses.
    #[error("cannot reach OpenOCD at {address}: {}", list_attempts(attempts))]
    Unreachable {
        /// The address as given.
        address: String,
        /// Each address tried, with its own error.
        attempts: Vec<(SocketAddr, io::Error)>,
    },
    /// OpenOCD closed or reset the connection.
    #[error("OpenOCD at {peer} closed the connection while {doing}")]
    Closed {
        /// The other end.
        peer: SocketAddr,
        /// What was under way.
        doing: &'static str,
    },
    /// The OpenOCD that this session had started has ended.
    #[error("the OpenOCD that this session started has ended while {doing}; {report}")]
    ServerDied {
        /// What was under way.
        doing: &'static str,
        /// Its exit status, command line and last log lines.
        report: Box<ProcessReport>,
    },
    /// The OpenOCD that this session had started is gone from its port, and another one answers there.
    #[error("another OpenOCD answers at {peer} than the one that this session started")]
    ForeignServer {
        /// The other end.
        peer: SocketAddr,
    },
    /// The session was closed by [`Session::close`](crate::Session::close), perhaps of another handle.
    #[error("the session was closed")]
    SessionClosed,
    /// The operating system reported an error on the socket.
    #[error("the connection to OpenOCD at {peer} failed while {doing}")]
    Io {
        /// The other end.
        peer: SocketAddr,
        /// What was under way.
        doing: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The other end sends without ever ending a reply.
    #[error("{peer} sent {limit} bytes without the end of a reply (0x1a): is this an OpenOCD TCL port? It began with {}", excerpt(beginning.as_bytes(), 60))]
    ReplyTooLong {
        /// The other end.
        peer: SocketAddr,
        /// The limit that was passed, in bytes.
        limit: usize,
        /// How the reply began.
        beginning: String,
    },
    /// The other end answers, but not as OpenOCD does.
    #[error("{peer} does not answer as an OpenOCD TCL port does: {}", excerpt(reply.as_bytes(), 200))]
    NotOpenOcd {
        /// The other end.
        peer: SocketAddr,
        /// What it answered.
        reply: String,
    },
}

fn list_attempts(attempts: &[(SocketAddr, io::Error)]) -> String {
    attempts.iter().map(|(address, error)| format!("{address}: {error}")).collect::<Vec<_>>().join("; ")
}
