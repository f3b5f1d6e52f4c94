//! RTT failed.

use crate::error::text::excerpt;
use crate::error::{Failure, InvalidArgument, Refused, UnexpectedReply};

/// Real-time transfer through the target's memory could not be set up, or lost something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RttError {
    /// [`Rtt::setup`](crate::Rtt::setup) was not called since OpenOCD started.
    #[error("RTT is not set up: say with `Rtt::setup` where the control block is to be looked for")]
    NotSetUp,
    /// RTT is stopped, or was never started.
    #[error("RTT is not started: `Rtt::start` looks for the control block")]
    NotStarted,
    /// There is no control block where it was looked for: the firmware has not come that far, has none, or has it elsewhere.
    #[error("there is no RTT control block {id:?} in the {size:#x} bytes from {address:#010x}{}", because(log))]
    NoControlBlock {
        /// Where the search began.
        address: u64,
        /// How many bytes were searched.
        size: u32,
        /// What was looked for.
        id: String,
        /// What OpenOCD logged.
        log: String,
    },
    /// The control block has no such channel, or the firmware does not use it.
    #[error("the target has no {direction}-channel {number} in use; it has {count} in all")]
    NoChannel {
        /// "up" (from the target) or "down" (to the target).
        direction: &'static str,
        /// The channel asked for.
        number: u32,
        /// How many the control block has, used or not.
        count: u32,
    },
    /// The target took not all of what was written to a down-channel: its ring stayed full.
    #[error(
        "down-channel {channel} took only {taken} of {length} bytes, and no more within {after:?}: the firmware does not read them"
    )]
    NotTaken {
        /// The channel.
        channel: u32,
        /// How many bytes are in the target's ring, or were read from there.
        taken: usize,
        /// How many were to be written.
        length: usize,
        /// The limit.
        after: std::time::Duration,
    },
    /// No port could be had for the channel.
    #[error("OpenOCD has no port for the RTT server of channel {channel}: {log}")]
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

impl RttError {
    /// What OpenOCD reported, if it refused a command.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            RttError::Refused(refused) => Some(&refused.failure),
            _ => None,
        }
    }
}

fn because(log: &str) -> String {
    // What OpenOCD says of every search is no reason.
    let told = |line: &&str| !line.starts_with("rtt: Searching") && !line.starts_with("rtt: No control block found");
    let lines: Vec<_> = log.lines().filter(told).collect();
    if lines.is_empty() { String::new() } else { format!(": {}", excerpt(lines.join("; ").as_bytes(), 300)) }
}
