//! When a call gives up.

use std::time::{Duration, Instant};

/// The moment when a call gives up, and the span that it was given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    span: Duration,
}

impl Deadline {
    /// A deadline in `span` from now. `None`, and a span too long for the clock, mean never.
    pub(crate) fn after(span: Option<Duration>) -> Self {
        Deadline { at: span.and_then(|span| Instant::now().checked_add(span)), span: span.unwrap_or(Duration::MAX) }
    }

    /// A deadline that never passes.
    pub(crate) const NEVER: Deadline = Deadline { at: None, span: Duration::MAX };

    /// The span that it was given; `Duration::MAX` for never.
    pub(crate) fn span(&self) -> Duration {
        self.span
    }

    /// What is left; `None` when there is no limit, zero when it has passed.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.at.map(|at| at.saturating_duration_since(Instant::now()))
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }

    /// The same deadline, later by `grace`: for what must still be done when the wait is over.
    pub(crate) fn extended_by(self, grace: Duration) -> Deadline {
        Deadline { at: self.at.and_then(|at| at.checked_add(grace)), span: self.span.saturating_add(grace) }
    }

    /// The one of the two that passes first.
    pub(crate) fn sooner(self, other: Deadline) -> Deadline {
        match (self.at, other.at) {
            (None, Some(_)) => other,
            (Some(own), Some(others)) if others < own => other,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sooner_of_two_deadlines_is_the_one_that_passes_first() {
        let [short, long] = [1, 100].map(|seconds| Deadline::after(Some(Duration::from_secs(seconds))));
        assert_eq!(short.sooner(long).span(), Duration::from_secs(1));
        assert_eq!(long.sooner(short).span(), Duration::from_secs(1));
        assert_eq!(Deadline::NEVER.sooner(long).span(), Duration::from_secs(100));
        assert_eq!(long.sooner(Deadline::NEVER).span(), Duration::from_secs(100));
        assert_eq!(short.extended_by(Duration::from_secs(5)).span(), Duration::from_secs(6));
        assert!(!Deadline::NEVER.has_passed() && Deadline::after(Some(Duration::ZERO)).has_passed());
    }
}
