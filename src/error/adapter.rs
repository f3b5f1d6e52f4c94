//! The debug adapter refused, or lacks what was asked of it.

use crate::error::text::excerpt;
use crate::error::{Failure, InvalidArgument, Refused, UnexpectedReply};
use crate::types::ResetSignal;

/// The adapter lacks what a call requires, or did not do what OpenOCD reports.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// The configuration has chosen no adapter driver.
    #[error("OpenOCD has no adapter: the configuration has no `adapter driver`")]
    NoDriver,
    /// The adapter has no clock that can be set. Nothing has changed.
    #[error("cannot set the speed of adapter {driver} to {khz} kHz: {failure}")]
    FixedSpeed {
        /// The adapter's driver.
        driver: String,
        /// The requested speed.
        khz: u32,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// The adapter switched to adaptive clocking, which some drivers do for a speed that they do
    /// not support.
    #[error("{khz} kHz was reported as set, but the adapter uses adaptive clocking (RCLK)")]
    AdaptiveSpeed {
        /// The requested speed.
        khz: u32,
    },
    /// The board has no such reset line, according to OpenOCD's `reset_config` and the transport.
    /// No line was changed.
    #[error("there is no {signal} line: `reset_config` is {:?}, the transport {transport}", reset_config.trim())]
    NoSignal {
        /// The requested line.
        signal: ResetSignal,
        /// What `reset_config` says.
        reset_config: String,
        /// The transport; only JTAG has TRST.
        transport: String,
    },
    /// OpenOCD reported success, but the line is not in the requested state.
    #[error(
        "OpenOCD reports `{command}` as done, but {signal} is {}{}",
        if *asserted { "asserted" } else { "not asserted" },
        because(log)
    )]
    WrongState {
        /// The command.
        command: String,
        /// The line.
        signal: ResetSignal,
        /// Whether it is asserted.
        asserted: bool,
        /// What OpenOCD logged meanwhile.
        log: String,
    },
    /// OpenOCD refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// OpenOCD's reply could not be understood.
    #[error(transparent)]
    UnexpectedReply(#[from] UnexpectedReply),
    /// An argument is invalid. Nothing was sent.
    #[error(transparent)]
    InvalidArgument(#[from] InvalidArgument),
}

impl AdapterError {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            AdapterError::NoDriver => "adapter.no_driver",
            AdapterError::FixedSpeed { .. } => "adapter.fixed_speed",
            AdapterError::AdaptiveSpeed { .. } => "adapter.adaptive_speed",
            AdapterError::NoSignal { .. } => "adapter.no_signal",
            AdapterError::WrongState { .. } => "adapter.wrong_state",
            AdapterError::Refused(_) => "adapter.refused",
            AdapterError::UnexpectedReply(_) => "adapter.unexpected_reply",
            AdapterError::InvalidArgument(_) => "adapter.invalid_argument",
        }
    }

    /// What OpenOCD reported, if it refused a command.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            AdapterError::FixedSpeed { failure, .. } => Some(failure),
            AdapterError::Refused(refused) => Some(&refused.failure),
            _ => None,
        }
    }
}

fn because(log: &str) -> String {
    match log.trim() {
        "" => String::new(),
        log => format!(": {}", excerpt(log.as_bytes(), 600)),
    }
}
