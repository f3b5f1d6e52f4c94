//! RTT failed.

use crate::error::text::{excerpt, name};
use crate::error::{Failure, InvalidArgument, Refused, UnexpectedReply};
use crate::types::RttDirection;

/// RTT could not be set up, or lost data.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RttError {
    /// [`Rtt::setup`](crate::Rtt::setup) was not called since OpenOCD started.
    #[error("RTT is not set up: `Rtt::setup` says where to search for the control block")]
    NotSetUp,
    /// RTT is stopped, or was never started.
    #[error("RTT is not started: `Rtt::start` searches for the control block and starts")]
    NotStarted,
    /// The searched memory holds no control block. The firmware has not initialized it yet, lacks
    /// one, or has it elsewhere.
    #[error(
        "there is no RTT control block \"{}\" in the {size:#x} bytes from {address:#010x}{}",
        name(id),
        list_rejected(rejected)
    )]
    NoControlBlock {
        /// Where the search began.
        address: u64,
        /// How many bytes were searched.
        size: u32,
        /// The requested id.
        id: String,
        /// Places that hold the id but are not a control block; at most eight.
        rejected: Vec<RejectedBlock>,
    },
    /// The control block lacks the channel, or the firmware does not use it.
    #[error("the target does not use {direction}-channel {number}; the control block has {count} {direction}-channels")]
    NoChannel {
        /// The requested direction.
        direction: RttDirection,
        /// The requested channel.
        number: u32,
        /// How many channels of this direction the control block has, used or not.
        count: u32,
    },
    /// The target did not take all bytes of a write to a down-channel: its ring stayed full.
    #[error(
        "down-channel {channel} took only {taken} of {length} bytes, and no more within {after:?}: the firmware does not read them, or it is halted"
    )]
    NotTaken {
        /// The channel.
        channel: u32,
        /// How many bytes are in the target's ring, or were read from there.
        taken: usize,
        /// How many bytes were to be written.
        length: usize,
        /// The limit.
        after: std::time::Duration,
    },
    /// Another run of the session uses RTT. OpenOCD has one for all of its targets.
    #[error("another run of this session uses RTT, which OpenOCD has only once")]
    InUse,
    /// OpenOCD has no port for the channel.
    #[error("OpenOCD has no port for the RTT server of channel {channel}: {}", excerpt(log.as_bytes(), 300))]
    NoPort {
        /// The channel.
        channel: u32,
        /// What OpenOCD logged.
        log: String,
    },
    /// An argument is invalid. Nothing was sent.
    #[error(transparent)]
    InvalidArgument(#[from] InvalidArgument),
    /// OpenOCD refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// OpenOCD's reply could not be understood.
    #[error(transparent)]
    UnexpectedReply(#[from] UnexpectedReply),
}

/// A place in memory that holds the id of a control block but is not a control block.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectedBlock {
    /// The address of the id.
    pub address: u64,
    /// Why it is not a control block.
    pub reason: String,
}

impl RttError {
    /// What OpenOCD reported, if it refused a command.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            RttError::Refused(refused) => Some(&refused.failure),
            _ => None,
        }
    }

    /// A stable short code, for reports.
    pub(crate) fn id(&self) -> &'static str {
        match self {
            RttError::NotSetUp => "rtt.not_set_up",
            RttError::NotStarted => "rtt.not_started",
            RttError::NoControlBlock { .. } => "rtt.no_control_block",
            RttError::NoChannel { .. } => "rtt.no_channel",
            RttError::NotTaken { .. } => "rtt.not_taken",
            RttError::InUse => "rtt.in_use",
            RttError::NoPort { .. } => "rtt.no_port",
            RttError::InvalidArgument(_) => "rtt.invalid_argument",
            RttError::Refused(_) => "rtt.refused",
            RttError::UnexpectedReply(_) => "rtt.unexpected_reply",
        }
    }
}

fn list_rejected(rejected: &[RejectedBlock]) -> String {
    let places: Vec<_> = rejected.iter().map(|block| format!("{:#010x} ({})", block.address, block.reason)).collect();
    if places.is_empty() { String::new() } else { format!("; none is at {}", places.join(", ")) }
}
