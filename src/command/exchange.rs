//! Finds the reply to a command among the frames that a connection brings.

use std::ops::Range;

use super::reply::{Reply, parse_reply, sequence_of};
use crate::error::text::excerpt;
use crate::wire::{Connection, Deadline, TransferError};

/// How much of a command or reply a trace line shows.
pub(super) const TRACE_LIMIT: usize = 200;

/// Why an exchange failed. The connection is out of step afterwards and must be dropped.
#[derive(Debug)]
pub(super) enum ExchangeError {
    Transfer(TransferError),
    /// The reply is not in the format that our procedures write.
    Unreadable(String),
}

impl From<TransferError> for ExchangeError {
    fn from(error: TransferError) -> Self {
        ExchangeError::Transfer(error)
    }
}

/// Waits for the reply with this number.
pub(super) fn receive_reply<'r>(
    connection: &'r mut Connection,
    sequence: u64,
    deadline: Deadline,
    plain: &'r mut Vec<u8>,
) -> Result<Reply<'r>, ExchangeError> {
    let frame = receive_frame(connection, sequence, deadline)?;
    read_reply(connection, frame, plain)
}

/// Waits for the frame with this number.
///
/// Skips notifications and replies to earlier commands. OpenOCD answers each line with one frame,
/// so any other frame is the answer to this command, which has damaged the interpreter (`rename
/// list {}`). No better answer follows.
pub(super) fn receive_frame(
    connection: &mut Connection,
    sequence: u64,
    deadline: Deadline,
) -> Result<Range<usize>, ExchangeError> {
    loop {
        let frame = connection.receive(deadline)?;
        let bytes = connection.bytes(frame.clone());
        match sequence_of(bytes) {
            Some(number) if number == sequence => return Ok(frame),
            Some(number) if number < sequence => {}
            None if bytes.starts_with(b"type ") => {}
            _ => return Err(unreadable(bytes)),
        }
        let skipped = excerpt(bytes, TRACE_LIMIT);
        log::debug!(target: "openocd::connection", "skipped a frame that answers no command: {skipped}");
    }
}

/// Reads the reply in a frame.
pub(super) fn read_reply<'r>(
    connection: &'r Connection,
    frame: Range<usize>,
    plain: &'r mut Vec<u8>,
) -> Result<Reply<'r>, ExchangeError> {
    let bytes = connection.bytes(frame);
    let reply = parse_reply(bytes, plain).ok_or_else(|| unreadable(bytes))?;
    log::trace!(target: "openocd::command", "< {} {}", reply.code, excerpt(&reply.result, TRACE_LIMIT));
    Ok(reply)
}

fn unreadable(bytes: &[u8]) -> ExchangeError {
    ExchangeError::Unreadable(String::from_utf8_lossy(bytes).into_owned())
}
