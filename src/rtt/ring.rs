//! A ring of the control block, as the target's memory has it. `rtt.tcl` has the rules for rings.

use crate::error::{Result, RttError};
use crate::types::RttDirection;
use crate::wire::tcl;

/// Whether a ring can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RingState {
    /// The control block is not there.
    Lost,
    /// The control block has no such channel, or the firmware does not use it.
    None,
    /// Its positions make no sense.
    Broken,
    Ready,
}

/// One direction of a channel. The positions are offsets into the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ring {
    pub(super) state: RingState,
    /// How many channels of this direction there are.
    pub(super) count: u32,
    pub(super) written: u32,
    pub(super) read: u32,
    pub(super) flags: u32,
}

impl Ring {
    /// Reads the answer of the procedure `rtt_ring`.
    pub(super) fn parse(answer: &[u8]) -> Option<Result<Ring, RttError>> {
        match answer {
            b"unset" => return Some(Err(RttError::NotSetUp)),
            b"stopped" => return Some(Err(RttError::NotStarted)),
            _ => {}
        }
        let [state, numbers @ ..] = tcl::strings::<6>(answer)?;
        let state = match &*state {
            "lost" => RingState::Lost,
            "none" | "unused" => RingState::None,
            "broken" => RingState::Broken,
            "ready" => RingState::Ready,
            _ => return None,
        };
        let mut values = [0; 5];
        for (value, number) in values.iter_mut().zip(&numbers) {
            *value = number.parse().ok()?;
        }
        let [count, _size, written, read, flags] = values;
        Some(Ok(Ring { state, count, written, read, flags }))
    }

    /// Reads the answer of the procedure `rtt_put` to `sent` bytes: how many of them the target
    /// took, and the ring before.
    pub(super) fn parse_put(answer: &[u8], sent: usize) -> Option<Result<(usize, Ring), RttError>> {
        let [count, ring] = tcl::elements(answer).take_array()?;
        let count: usize = tcl::text(&count)?.parse().ok().filter(|count| *count <= sent)?;
        Some(Ring::parse(&ring)?.map(|ring| (count, ring)))
    }

    pub(super) fn holds_bytes(&self) -> bool {
        self.state == RingState::Ready && self.written != self.read
    }

    pub(super) fn no_channel(&self, direction: RttDirection, number: u32) -> RttError {
        RttError::NoChannel { direction, number, count: self.count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let ring = Ring::parse(b"ready 2 64 3 5 2").unwrap().unwrap();
        assert_eq!(ring, Ring { state: RingState::Ready, count: 2, written: 3, read: 5, flags: 2 });
        assert!(ring.holds_bytes());
        let lost = Ring::parse(b"lost 0 0 0 0 0").unwrap().unwrap();
        assert!(lost.state == RingState::Lost && !lost.holds_bytes());
        assert!(matches!(Ring::parse(b"unset"), Some(Err(RttError::NotSetUp))));
        assert!(matches!(Ring::parse_put(b"0 stopped", 5), Some(Err(RttError::NotStarted))));
        assert!(matches!(Ring::parse_put(b"5 {ready 2 64 3 5 2}", 5), Some(Ok((5, _)))));
    }

    #[test]
    fn invalid_answers_are_refused() {
        for answer in ["", "ready", "ready 1 2 3 4", "odd 1 2 3 4 5", "ready 1 2 3 4 -5", "ready 1 2 3 4 4294967296"] {
            assert!(Ring::parse(answer.as_bytes()).is_none(), "{answer:?}");
        }
        for count in ["6", "1000", "-1", "18446744073709551615", "18446744073709551616", "x"] {
            assert!(Ring::parse_put(format!("{count} {{ready 2 64 3 5 2}}").as_bytes(), 5).is_none(), "{count}");
        }
    }
}
