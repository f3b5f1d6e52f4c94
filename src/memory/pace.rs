//! How much of a long read one command moves.

use std::time::Duration;

use super::access::CHUNK;

/// What a quick target gets at once: more makes a read from OpenOCD no faster.
const LARGE_CHUNK: usize = 4 * CHUNK;

/// A read in series of commands, each of which is on its way while the reply to the one before is read. A series keeps the connection
/// to itself; other threads get their turn between two of them.
///
/// A slow probe takes seconds for [`CHUNK`] words, so that is where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// How many elements a command reads.
    pub(super) chunk: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { chunk: CHUNK }
    }
}

impl Pace {
    /// How many elements a series reads.
    pub(super) fn series(self) -> usize {
        if self.chunk == CHUNK { 2 * CHUNK } else { 4 * self.chunk }
    }

    /// Takes larger chunks from a target that gave so many elements in this time, if a series of them takes less than half a second.
    pub(super) fn learn(&mut self, count: usize, elapsed: Duration) {
        let whole = Pace { chunk: LARGE_CHUNK }.series() as u128;
        let is_quick = count >= CHUNK && elapsed.as_millis() * whole < 500 * count as u128;
        self.chunk = if is_quick { LARGE_CHUNK } else { CHUNK };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_quick_target_gets_large_chunks() {
        let mut pace = Pace::default();
        assert_eq!((pace.chunk, pace.series()), (4096, 8192));
        pace.learn(8192, Duration::from_millis(10));
        assert_eq!((pace.chunk, pace.series()), (16384, 65536));
        pace.learn(65536, Duration::from_secs(1));
        assert_eq!(pace, Pace::default());
        pace.learn(10, Duration::ZERO);
        assert_eq!(pace, Pace::default(), "too few to tell");
    }
}
