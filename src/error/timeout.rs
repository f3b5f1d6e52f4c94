//! A deadline passed.

use std::net::SocketAddr;
use std::time::Duration;

use crate::error::ProcessReport;
use crate::error::text::{self, excerpt, name};

/// A deadline passed.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TimeoutError {
    /// The TCP connection was not made in time.
    #[error("no connection to {} within {time:?}", name(address), time = whole_ms(*after))]
    Connect {
        /// The address as given.
        address: String,
        /// The limit.
        after: Duration,
    },
    /// OpenOCD did not answer in time. It may still execute the command.
    ///
    /// The session stays usable. It makes a new connection before its next command, so the late
    /// reply is never taken for the reply to another command. OpenOCD serves one command at a time,
    /// so the next command waits for the end of this one.
    #[error("OpenOCD at {peer} did not answer `{}` within {:?}", excerpt(command.as_bytes(), 120), whole_ms(*after))]
    Reply {
        /// The other end.
        peer: SocketAddr,
        /// The command sent.
        command: String,
        /// The limit.
        after: Duration,
    },
    /// Other calls kept the session busy until the deadline of this one. Nothing was sent.
    #[error("the session was busy with other calls for {time:?}; `{}` was not sent", excerpt(command.as_bytes(), 120), time = whole_ms(*after))]
    Turn {
        /// The command that was to be sent.
        command: String,
        /// The limit.
        after: Duration,
    },
    /// The OpenOCD that was started did not become ready in time. It was stopped.
    #[error("OpenOCD was not ready within {time:?}; {report}", time = whole_ms(*after))]
    Ready {
        /// The limit.
        after: Duration,
        /// Command line and last log lines.
        report: Box<ProcessReport>,
    },
    /// The target did not halt in time. It is still running.
    #[error("{} did not halt within {time:?}; its state is {state}", text::target(target), time = whole_ms(*after))]
    Halt {
        /// The target's name.
        target: String,
        /// Its state at the last poll.
        state: crate::types::TargetState,
        /// The limit.
        after: Duration,
    },
    /// No bytes came from an RTT channel, or no control block appeared, in time.
    #[error("RTT: no {waiting_for} within {time:?}", time = whole_ms(*after))]
    Rtt {
        /// What the call waited for.
        waiting_for: crate::types::RttWait,
        /// The limit.
        after: Duration,
    },
    /// The firmware printed nothing through semihosting in time.
    #[error("no semihosting output within {time:?}", time = whole_ms(*after))]
    Semihosting {
        /// The limit.
        after: Duration,
    },
    /// The firmware did not exit through semihosting in time.
    #[error("the firmware did not exit within {time:?}", time = whole_ms(*after))]
    SemihostingExit {
        /// The limit.
        after: Duration,
    },
    /// The expected event did not come in time.
    #[error("the expected event did not come within {time:?}{}", unseen(*lost), time = whole_ms(*after))]
    Event {
        /// The limit.
        after: Duration,
        /// How many events were dropped meanwhile because nobody took them
        /// ([`Event::Lost`](crate::Event::Lost)). The event may be one of them.
        lost: u64,
    },
}

impl TimeoutError {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            TimeoutError::Connect { .. } => "timeout.connect",
            TimeoutError::Reply { .. } => "timeout.reply",
            TimeoutError::Turn { .. } => "timeout.turn",
            TimeoutError::Ready { .. } => "timeout.ready",
            TimeoutError::Halt { .. } => "timeout.halt",
            TimeoutError::Rtt { .. } => "timeout.rtt",
            TimeoutError::Semihosting { .. } => "timeout.semihosting",
            TimeoutError::SemihostingExit { .. } => "timeout.semihosting_exit",
            TimeoutError::Event { .. } => "timeout.event",
        }
    }
}

fn unseen(lost: u64) -> String {
    if lost == 0 {
        String::new()
    } else {
        format!(", or it is one of {lost} events that were dropped because nobody took them")
    }
}

/// Rounds a time that may be what was left of another one.
fn whole_ms(time: Duration) -> Duration {
    let rounded = time.saturating_add(Duration::from_micros(500));
    let whole = Duration::new(rounded.as_secs(), rounded.subsec_millis() * 1_000_000);
    if whole.is_zero() { time } else { whole }
}
