//! Why a call of a batch was not run.

use std::fmt;

/// Why a call in a [`Batch`](crate::Batch) was not run
/// ([`CommandError::NotRun`](crate::CommandError::NotRun)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum NotRunReason {
    /// An earlier call failed, and the batch stops at a failure
    /// ([`Batch::stop_at_first_error`](crate::Batch::stop_at_first_error)).
    EarlierCallFailed,
    /// An earlier part of the batch got no reply, or could not be sent. So this call was not sent.
    BatchBroken,
    /// [`Batch::run`](crate::Batch::run) was not called.
    BatchNotRun,
}

/// The reason as a sentence without a full stop: `an earlier call of the batch failed`.
impl fmt::Display for NotRunReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            NotRunReason::EarlierCallFailed => "an earlier call of the batch failed",
            NotRunReason::BatchBroken => "the batch was broken off before it",
            NotRunReason::BatchNotRun => "its batch was not run",
        })
    }
}
