//! When a call gives up.

use std::time::{Duration, Instant};

/// The moment when a call gives up, and the span it was given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    span: Duration,
}

impl Deadline {
    /// `None`, and a span too long for the clock, mean never.
    pub(crate) fn after(span: Option<Duration>) -> Self {
        Deadline { at: span.and_then(|span| Instant::now().checked_add(span)), span: span.unwrap_or(Duration::MAX) }
    }

    pub(crate) fn span(&self) -> Duration {
        self.span
    }

    /// What is left; `None` when there is no limit, zero when it has passed.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.at.map(|at| at.saturating_duration_since(Instant::now()))
    }
}
