//! How much of a long read one command moves, and how much of it keeps the connection to itself. All in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::Session;

/// What a command reads, as OpenOCD's own `dump_image` does (`src/target/target.c`). A slow probe (a few kB/s) takes a second or two for it; a fast one
/// gains nothing from more, and newer OpenOCD takes a time for the text of an answer that grows with its square.
const CHUNK: usize = 4096;

/// What a target gets at once that is quicker than any probe, such as a simulator: round trips are all that shows there.
const LARGE_CHUNK: usize = 16 * CHUNK;

/// How long a large chunk may take.
const LARGE_CHUNK_TIME: Duration = Duration::from_millis(10);

/// After so much, or so long, other threads get their turn.
const SERIES: usize = 64 * CHUNK;
const SERIES_TIME: Duration = Duration::from_millis(500);

/// Chunks are a multiple of this, and so of every element: two lines of an answer.
const ALIGNMENT: usize = 64;

/// One chunk that is read, and one on its way. After an error what is on its way is carried out all the same, so more is for quick targets only.
const WINDOW: usize = 2;
const LARGE_WINDOW: usize = 4;

/// What a session knows about how quick its targets are.
#[derive(Debug)]
pub(crate) struct Pace {
    chunk: AtomicUsize,
    least: usize,
    most: usize,
}

impl Pace {
    /// What a session knows.
    pub(super) fn of(session: &Session) -> Arc<Pace> {
        session.state(|| Pace::within(session.reply_limit()))
    }

    /// Of a session whose replies may have so many bytes: a byte of memory is less than five of them.
    pub(crate) fn within(reply_limit: usize) -> Self {
        let fitting = (reply_limit / 5 / ALIGNMENT * ALIGNMENT).max(ALIGNMENT);
        let (least, most) = (CHUNK.min(fitting), LARGE_CHUNK.min(fitting));
        Pace { chunk: AtomicUsize::new(least), least, most }
    }

    fn chunk(&self) -> usize {
        self.chunk.load(Ordering::Relaxed)
    }

    /// From all of a series, not from one chunk: replies that came while this program stood still would look quick.
    fn learn(&self, length: usize, took: Duration) {
        // Of a few bytes the round trip is all that shows.
        if length >= self.least / 2 {
            let is_quick = took.as_micros() * (LARGE_CHUNK as u128) < LARGE_CHUNK_TIME.as_micros() * length as u128;
            self.chunk.store(if is_quick { self.most } else { self.least }, Ordering::Relaxed);
        }
    }

    /// After an error, which may be that a target was slower than it had been.
    pub(super) fn forget(&self) {
        self.chunk.store(self.least, Ordering::Relaxed);
    }
}

/// A part of a long read: chunks, the next of which is on its way while the reply to one is read.
#[derive(Debug)]
pub(super) struct Series<'p> {
    pace: &'p Pace,
    /// How far the beginning is from a whole word.
    past_boundary: usize,
    length: usize,
    asked: usize,
    answered: usize,
    /// How long the chunks are that are on their way or about to be read, in turn; 0 for none.
    waiting: [usize; LARGE_WINDOW],
    begun: Instant,
}

impl<'p> Series<'p> {
    pub(super) fn new(length: usize, past_boundary: usize, pace: &'p Pace) -> Self {
        let (asked, answered, waiting) = (0, 0, [0; LARGE_WINDOW]);
        Series { pace, past_boundary, length, asked, answered, waiting, begun: Instant::now() }
    }

    /// Where the next chunk begins and how long it is; `None` at the end of the series, and while enough are on their way.
    pub(super) fn ask(&mut self) -> Option<(usize, usize)> {
        let is_long = self.asked >= SERIES || self.begun.elapsed() >= SERIES_TIME;
        if self.asked == self.length || (self.asked > 0 && is_long) {
            return None;
        }
        let chunk = self.pace.chunk();
        let window = if chunk > CHUNK { LARGE_WINDOW } else { WINDOW };
        let slot = self.waiting[..window].iter_mut().find(|length| **length == 0)?;
        let past_boundary = if self.asked == 0 { self.past_boundary } else { 0 };
        let length = (chunk - past_boundary).min(self.length - self.asked);
        let place = (self.asked, length);
        *slot = length;
        self.asked += length;
        Some(place)
    }

    /// The chunk that is answered.
    pub(super) fn answered(&mut self) -> (usize, usize) {
        let (begin, length) = (self.answered, self.waiting[0]);
        self.waiting.rotate_left(1);
        self.waiting[LARGE_WINDOW - 1] = 0;
        self.answered += length;
        self.pace.learn(self.answered, self.begun.elapsed());
        (begin, length)
    }

    /// How much of the read is done once all that was asked for is answered.
    pub(super) fn end(self) -> usize {
        self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick() -> Pace {
        let pace = Pace::within(1 << 20);
        pace.learn(CHUNK, Duration::from_micros(100));
        pace
    }

    #[test]
    fn chunks_follow_each_other_and_the_first_ends_at_a_boundary() {
        let pace = Pace::within(1 << 20);
        let mut series = Series::new(10_000, 3, &pace);
        assert_eq!(series.ask(), Some((0, 4093)));
        assert_eq!(series.ask(), Some((4093, 4096)));
        assert_eq!(series.answered(), (0, 4093));
        pace.forget();
        assert_eq!(series.ask(), Some((8189, 1811)));
        assert_eq!(series.ask(), None);
        assert_eq!((series.answered(), series.answered()), ((4093, 4096), (8189, 1811)));
        assert_eq!(series.end(), 10_000);
    }

    #[test]
    fn only_a_quick_target_gets_large_chunks() {
        let pace = quick();
        assert_eq!(Series::new(1 << 20, 0, &pace).ask(), Some((0, LARGE_CHUNK)));
        pace.learn(10, Duration::from_secs(1));
        assert_eq!(pace.chunk(), LARGE_CHUNK, "too few to tell");
        pace.learn(LARGE_CHUNK, Duration::from_millis(100));
        assert_eq!(Series::new(1 << 20, 0, &pace).ask(), Some((0, CHUNK)));
        let pace = quick();
        pace.forget();
        assert_eq!(pace.chunk(), CHUNK);
    }

    #[test]
    fn replies_that_were_there_already_do_not_look_quick() {
        let pace = Pace::within(1 << 20);
        let mut series = Series::new(1 << 20, 0, &pace);
        assert!(series.ask().is_some() && series.ask().is_some());
        // This program stood still meanwhile: both replies are taken at once.
        series.begun -= Duration::from_millis(100);
        series.answered();
        series.answered();
        assert_eq!(pace.chunk(), CHUNK);
    }

    #[test]
    fn chunks_fit_into_replies() {
        for (limit, chunk) in [(0, 64), (1000, 192), (100_000, 19_968), (usize::MAX, LARGE_CHUNK)] {
            let pace = Pace::within(limit);
            pace.learn(CHUNK, Duration::ZERO);
            assert_eq!(pace.chunk(), chunk);
        }
    }

    #[test]
    fn a_series_ends_so_that_others_get_their_turn() {
        let pace = quick();
        let mut series = Series::new(1 << 20, 0, &pace);
        while series.ask().is_some() {
            series.answered();
        }
        assert_eq!(series.end(), SERIES);
        pace.forget();
        let mut series = Series::new(1 << 20, 0, &pace);
        series.begun -= SERIES_TIME;
        assert_eq!((series.ask(), series.ask()), (Some((0, CHUNK)), None), "but never before it has begun");
    }
}
