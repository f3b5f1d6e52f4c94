//! Something took too long.

use std::net::SocketAddr;
use std::time::Duration;

use crate::error::ProcessReport;
use crate::error::text::excerpt;

/// Which wait ended at its limit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimeoutError {
    /// The TCP connection was not made in time.
    #[error("no connection to {address} within {after:?}")]
    Connect {
        /// The address as given.
        address: String,
        /// The limit.
        after: Duration,
    },
    /// OpenOCD did not answer in time. It may still be working on the command.
    ///
    /// The session stays usable: it makes a new connection before its next command, so that the late reply can
    /// never be taken for another's. OpenOCD serves one command at a time, so the next one waits
    /// until OpenOCD is through with this one.
    #[error("OpenOCD at {peer} did not answer `{}` within {after:?}", excerpt(command.as_bytes(), 120))]
    Reply {
        /// The other end.
        peer: SocketAddr,
        /// The command sent.
        command: String,
        /// The limit.
        after: Duration,
    },
    /// Other calls kept the session busy until the deadline of this one. Nothing was sent.
    #[error("the session was busy with other calls for {after:?}; `{}` was not sent", excerpt(command.as_bytes(), 120))]
    Turn {
        /// The command that was to be sent.
        command: String,
        /// The limit.
        after: Duration,
    },
    /// The started OpenOCD did not become ready in time. It was stopped.
    #[error("OpenOCD was not ready within {after:?}; {report}")]
    Ready {
        /// The limit.
        after: Duration,
        /// Command line and last log lines.
        report: Box<ProcessReport>,
    },
    /// The target did not halt in time. It still runs.
    #[error("target {target} did not halt within {after:?}; its state is {state}")]
    Halt {
        /// The target's name.
        target: String,
        /// Its state at the last look.
        state: crate::TargetState,
        /// The limit.
        after: Duration,
    },
    /// No bytes came from an RTT channel, or no control block appeared, in time.
    #[error("RTT: no {what} within {after:?}")]
    Rtt {
        /// What was waited for.
        what: &'static str,
        /// The limit.
        after: Duration,
    },
    /// The firmware printed nothing by semihosting in time.
    #[error("nothing came by semihosting within {after:?}")]
    Semihosting {
        /// The limit.
        after: Duration,
    },
    /// The event that was waited for did not come in time.
    #[error("the event waited for did not come within {after:?}{}", unseen(*lost))]
    Event {
        /// The limit.
        after: Duration,
        /// How many events were dropped meanwhile because there was no room for them ([`Event::Lost`](crate::Event::Lost)): it may have been among them.
        lost: u64,
    },
}

fn unseen(lost: u64) -> String {
    if lost == 0 {
        String::new()
    } else {
        format!(", or it was among {lost} that were dropped because nobody took them")
    }
}
