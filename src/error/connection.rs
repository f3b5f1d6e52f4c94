//! The TCP connection failed.

use std::io;
use std::net::SocketAddr;

use crate::error::ProcessReport;
use crate::error::text::{excerpt, name};

/// The connection to OpenOCD's TCL port could not be made, or was lost.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The address has no port or an invalid one, or the host's name cannot be resolved.
    #[error("cannot resolve {}: {source}", name(address))]
    Resolve {
        /// The address as given.
        address: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nothing answers at any of the addresses.
    #[error("cannot reach OpenOCD at {}: {}", name(address), list_attempts(address, attempts))]
    Unreachable {
        /// The address as given.
        address: String,
        /// Each address tried, with its own error.
        attempts: Vec<(SocketAddr, io::Error)>,
    },
    /// The port of a stream, such as an RTT channel, cannot be reached. The session is connected as
    /// before. Through a tunnel, forward that port too, and choose it with
    /// [`SessionBuilder::stream_ports`](crate::SessionBuilder::stream_ports).
    #[error("cannot reach the port of {stream} at {peer}: {source}")]
    StreamUnreachable {
        /// The address of the port.
        peer: SocketAddr,
        /// Which stream, such as `RTT channel 0`.
        stream: String,
        /// The system's error.
        source: io::Error,
    },
    /// OpenOCD closed or reset the connection.
    #[error("OpenOCD at {peer} closed the connection while {doing}")]
    Closed {
        /// The other end.
        peer: SocketAddr,
        /// What was under way.
        doing: &'static str,
    },
    /// The OpenOCD that this session started has ended.
    /// [`Session::reconnect`](crate::Session::reconnect) cannot help.
    #[error("the OpenOCD that this session started has ended while {doing}; {report}")]
    ServerDied {
        /// What was under way.
        doing: &'static str,
        /// Its exit status, command line and last log lines.
        report: Box<ProcessReport>,
    },
    /// The OpenOCD that answers at the port is not the one that this session started or was
    /// connected to. [`Session::reconnect`](crate::Session::reconnect) accepts one that the session
    /// has not started.
    #[error("the OpenOCD that answers at {peer} is not the one of this session")]
    ForeignServer {
        /// The other end.
        peer: SocketAddr,
    },
    /// The session was closed by [`Session::close`](crate::Session::close), possibly through
    /// another handle.
    #[error("the session was closed")]
    SessionClosed,
    /// [`Session::interrupt`](crate::Session::interrupt) ended the command, or an earlier one.
    /// OpenOCD may still be executing it. [`Session::reconnect`](crate::Session::reconnect) makes a
    /// new connection.
    #[error("the call was interrupted")]
    Interrupted,
    /// The operating system reported an error on the socket.
    #[error("the connection to OpenOCD at {peer} failed while {doing}: {source}")]
    Io {
        /// The other end.
        peer: SocketAddr,
        /// What was under way.
        doing: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// A reply exceeds the limit
    /// ([`SessionBuilder::reply_limit`](crate::SessionBuilder::reply_limit)).
    #[error("{peer} sent {limit} bytes, the limit of a reply (`reply_limit`), without the end of one (0x1a): is this an OpenOCD TCL port? It began with {}", excerpt(beginning.as_bytes(), 60))]
    ReplyTooLong {
        /// The other end.
        peer: SocketAddr,
        /// The limit, in bytes.
        limit: usize,
        /// How the reply began.
        beginning: String,
    },
    /// The other end does not speak the protocol of OpenOCD's TCL port; it may be a telnet, GDB or
    /// SSH port.
    #[error("{peer} is not the TCL port of an OpenOCD: it sent `{}`", excerpt(reply.as_bytes(), 200))]
    NotOpenOcd {
        /// The other end.
        peer: SocketAddr,
        /// The beginning of what it sent.
        reply: String,
    },
}

impl ConnectionError {
    /// The error for an answer that no OpenOCD gives; keeps its beginning.
    pub(crate) fn not_openocd(peer: SocketAddr, answer: &[u8]) -> Self {
        let reply = String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned();
        ConnectionError::NotOpenOcd { peer, reply }
    }

    pub(crate) fn id(&self) -> &'static str {
        match self {
            ConnectionError::Resolve { .. } => "connection.resolve",
            ConnectionError::Unreachable { .. } => "connection.unreachable",
            ConnectionError::StreamUnreachable { .. } => "connection.stream_unreachable",
            ConnectionError::Closed { .. } => "connection.closed",
            ConnectionError::ServerDied { .. } => "connection.server_died",
            ConnectionError::ForeignServer { .. } => "connection.foreign_server",
            ConnectionError::SessionClosed => "connection.session_closed",
            ConnectionError::Interrupted => "connection.interrupted",
            ConnectionError::Io { .. } => "connection.io",
            ConnectionError::ReplyTooLong { .. } => "connection.reply_too_long",
            ConnectionError::NotOpenOcd { .. } => "connection.not_openocd",
        }
    }
}

fn list_attempts(address: &str, attempts: &[(SocketAddr, io::Error)]) -> String {
    if let [(only, error)] = attempts {
        if only.to_string() == address {
            return error.to_string();
        }
    }
    attempts.iter().map(|(address, error)| format!("{address}: {error}")).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(address: &str, kind: io::ErrorKind) -> String {
        ConnectionError::Resolve { address: address.to_owned(), source: kind.into() }.to_string()
    }

    #[test]
    fn an_address_is_shown_on_one_line() {
        assert_eq!(resolve("nowhere", io::ErrorKind::NotFound), "cannot resolve nowhere: entity not found");
        assert_eq!(resolve("a\x1b[2J", io::ErrorKind::NotFound), "cannot resolve a\\u{1b}[2J: entity not found");
    }
}
