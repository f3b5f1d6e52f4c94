//! How much of a long read one command moves, and how much of it keeps the connection to itself.

use std::time::{Duration, Instant};

use super::access::CHUNK;

/// What a quick target gets at once: more makes a read from OpenOCD no faster.
const LARGE_CHUNK: usize = 4 * CHUNK;

/// How long a large chunk may take.
const LARGE_CHUNK_TIME: Duration = Duration::from_millis(100);

/// After so much, or so long, other threads get their turn.
const SERIES: usize = 16 * CHUNK;
const SERIES_TIME: Duration = Duration::from_millis(500);

/// Two chunks on their way, and one that is read.
const WINDOW: usize = 3;

/// A part of a long read: chunks, the next of which is on its way while the reply to one is read.
///
/// A slow probe takes seconds for [`CHUNK`] words, so that is where it begins; a target that turns out to be quick gets larger ones.
#[derive(Debug)]
pub(super) struct Series {
    /// How many elements a command reads.
    chunk: usize,
    /// How many units an element counts in what follows, and how far the beginning is from a whole element.
    unit: usize,
    past_boundary: usize,
    length: usize,
    asked: usize,
    answered: usize,
    /// How long the chunks are that are on their way or about to be read, in turn; 0 for none.
    waiting: [usize; WINDOW],
    begun: Instant,
    last_answer: Instant,
}

impl Series {
    /// For `length` elements, in chunks of so many to begin with.
    pub(super) fn of_elements(length: usize, chunk: usize) -> Self {
        Series::of_bytes(length, 1, 0, chunk)
    }

    /// For `length` bytes that begin so far past the boundary of an element of `unit` bytes.
    pub(super) fn of_bytes(length: usize, unit: usize, past_boundary: usize, chunk: usize) -> Self {
        let now = Instant::now();
        let (asked, answered, waiting) = (0, 0, [0; WINDOW]);
        Series { chunk, unit, past_boundary, length, asked, answered, waiting, begun: now, last_answer: now }
    }

    /// Where the next chunk begins and how long it is; `None` at the end of the series.
    pub(super) fn ask(&mut self) -> Option<(usize, usize)> {
        let is_long = self.asked >= SERIES * self.unit || self.begun.elapsed() >= SERIES_TIME;
        if self.asked == self.length || (self.asked > 0 && is_long) {
            return None;
        }
        let slot = self.waiting.iter_mut().find(|count| **count == 0)?;
        let past_boundary = if self.asked == 0 { self.past_boundary } else { 0 };
        let count = (self.chunk * self.unit - past_boundary).min(self.length - self.asked);
        let place = (self.asked, count);
        *slot = count;
        self.asked += count;
        Some(place)
    }

    /// The chunk that is answered.
    pub(super) fn answered(&mut self) -> (usize, usize) {
        let (begin, count) = (self.answered, self.waiting[0]);
        self.waiting.rotate_left(1);
        self.waiting[WINDOW - 1] = 0;
        self.answered += count;
        let now = Instant::now();
        self.learn(count, now - self.last_answer);
        self.last_answer = now;
        (begin, count)
    }

    fn learn(&mut self, count: usize, took: Duration) {
        // Of a few bytes the round trip is all that shows.
        if count >= CHUNK * self.unit / 2 {
            let large = (LARGE_CHUNK * self.unit) as u128;
            let is_quick = took.as_micros() * large < LARGE_CHUNK_TIME.as_micros() * count as u128;
            self.chunk = if is_quick { LARGE_CHUNK } else { CHUNK };
        }
    }

    /// How much of the read is done once all that was asked for is answered, and the size of chunks to go on with.
    pub(super) fn end(self) -> (usize, usize) {
        (self.asked, self.chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_follow_each_other_and_the_first_ends_at_a_boundary() {
        let mut series = Series::of_bytes(40_000, 4, 3, CHUNK);
        assert_eq!(series.ask(), Some((0, 16381)));
        assert_eq!(series.ask(), Some((16381, 16384)));
        assert_eq!(series.answered(), (0, 16381));
        series.chunk = CHUNK;
        assert_eq!(series.ask(), Some((32765, 7235)));
        assert_eq!(series.ask(), None);
        assert_eq!((series.answered(), series.answered()), ((16381, 16384), (32765, 7235)));
        assert_eq!(series.end().0, 40_000);
    }

    #[test]
    fn only_a_quick_target_gets_large_chunks() {
        let mut series = Series::of_elements(1 << 20, CHUNK);
        series.learn(CHUNK, Duration::from_millis(1));
        assert_eq!(series.ask(), Some((0, LARGE_CHUNK)));
        series.learn(LARGE_CHUNK, Duration::from_secs(1));
        assert_eq!(series.ask(), Some((LARGE_CHUNK, CHUNK)));
        series.learn(10, Duration::ZERO);
        assert_eq!(series.chunk, CHUNK, "too few to tell");
    }

    #[test]
    fn a_series_ends_so_that_others_get_their_turn() {
        let mut series = Series::of_elements(1 << 20, LARGE_CHUNK);
        while series.ask().is_some() {
            series.answered();
        }
        assert_eq!(series.end(), (SERIES, LARGE_CHUNK));
        let mut series = Series::of_elements(1 << 20, CHUNK);
        series.begun -= SERIES_TIME;
        assert_eq!((series.ask(), series.ask()), (Some((0, CHUNK)), None), "but never before it has begun");
    }
}
