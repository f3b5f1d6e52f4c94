//! How much of a long transfer one command moves, and how much of it keeps the connection to
//! itself. All in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The first command of a transfer makes so many accesses. The slowest adapters (a few kHz) take
/// half a second for them.
const FIRST_ACCESSES: usize = 64;

/// What a command reads at most from a usual probe, as OpenOCD's own `dump_image` does
/// (`src/target/target.c`). A fast one gains nothing from more, and newer OpenOCD takes a time for
/// the text of an answer that grows with its square.
const READ_BYTES: usize = 4096;

/// How long such a command should take at most: so a slow adapter answers long before a timeout.
const COMMAND_TIME: Duration = Duration::from_millis(500);

/// What a target gets at once that is quicker than any probe, such as a simulator: only round trips
/// cost time there.
const LARGE_READ_BYTES: usize = 16 * READ_BYTES;

/// How long a large read may take.
const LARGE_READ_TIME: Duration = Duration::from_millis(10);

/// How many accesses one command writes at most: the round trip between two commands costs a fast
/// probe next to nothing.
const WRITE_ACCESSES: usize = 4096;

/// How many bytes a command moves at most when a callback watches: it is called, and can stop the
/// call, in between.
const WATCHED_BYTES: usize = 2048;

/// After so many bytes, or so long, other threads get their turn.
const SERIES_BYTES: usize = 64 * READ_BYTES;
const SERIES_TIME: Duration = Duration::from_millis(500);

/// Commands move a multiple of this, and so of every element: two lines of an answer.
const ALIGNMENT: usize = 64;

/// One command that is answered, and one on its way. After an error what is on its way is carried
/// out all the same, so more is for quick targets only.
const WINDOW: usize = 2;
const LARGE_WINDOW: usize = 4;

/// What a session remembers: its target is quicker than any probe. Slower speeds are not
/// remembered, because the clock of the adapter may be changed between two calls.
#[derive(Debug, Default)]
pub(super) struct Quick(AtomicBool);

/// How much the next command of one call moves. It begins small, and grows with the speed that was
/// measured.
#[derive(Debug)]
pub(super) struct Pace {
    quick: Option<Arc<Quick>>,
    next: usize,
    least: usize,
    /// For a usual probe, and for a target that is quicker.
    most: usize,
    large: usize,
}

impl Pace {
    /// For reads of accesses of so many bytes, whose replies may have `reply_limit` bytes: a byte
    /// of memory takes less than five of them.
    pub(super) fn of_reads(access_bytes: usize, reply_limit: usize, is_watched: bool, quick: Arc<Quick>) -> Self {
        let fitting = (reply_limit / 5 / ALIGNMENT * ALIGNMENT).max(ALIGNMENT);
        let large = if is_watched { WATCHED_BYTES } else { LARGE_READ_BYTES };
        let mut pace = Pace::within(access_bytes, READ_BYTES.min(fitting), large.min(fitting));
        if quick.0.load(Ordering::Relaxed) {
            pace.next = pace.large;
        }
        pace.quick = Some(quick);
        pace
    }

    /// For writes of accesses of so many bytes.
    pub(super) fn of_writes(access_bytes: usize, is_watched: bool) -> Self {
        let most = WRITE_ACCESSES * access_bytes;
        Pace::within(access_bytes, most, if is_watched { WATCHED_BYTES } else { most })
    }

    fn within(access_bytes: usize, most: usize, large: usize) -> Self {
        let most = most.min(large);
        let least = (FIRST_ACCESSES * access_bytes).min(most);
        Pace { quick: None, next: least, least, most, large }
    }

    /// How many bytes the next command moves: up to a boundary of [`ALIGNMENT`], `past_boundary`
    /// bytes behind one.
    pub(super) fn next(&self, past_boundary: usize) -> usize {
        self.next - past_boundary
    }

    /// So many bytes took so long, in all of a series and not in one command: replies that came
    /// while this program was stopped would look quick.
    pub(super) fn learn(&mut self, bytes: usize, took: Duration) {
        let bytes_in = |time: Duration| {
            let bytes = bytes as u128 * time.as_micros() / took.as_micros().max(1);
            usize::try_from(bytes).unwrap_or(usize::MAX)
        };
        let is_quick = bytes_in(LARGE_READ_TIME) >= LARGE_READ_BYTES;
        // Of a few bytes the round trip is all that shows.
        if bytes >= READ_BYTES / 2 {
            self.remember(is_quick);
        }
        self.next = if is_quick {
            self.large
        } else {
            (bytes_in(COMMAND_TIME) / ALIGNMENT * ALIGNMENT).clamp(self.least, self.most)
        };
    }

    /// A command failed, maybe because the target is slower than it was.
    pub(super) fn failed(&self) {
        self.remember(false);
    }

    fn remember(&self, is_quick: bool) {
        if let Some(quick) = &self.quick {
            quick.0.store(is_quick, Ordering::Relaxed);
        }
    }
}

/// A part of a long read: commands, the next of which is on its way while the reply to one is read.
#[derive(Debug)]
pub(super) struct Series<'p> {
    pace: &'p mut Pace,
    /// Distance of the beginning from a whole word.
    past_boundary: usize,
    length: usize,
    asked: usize,
    answered: usize,
    /// Lengths of the commands that are on their way or about to be read, in turn; 0 for none.
    waiting: [usize; LARGE_WINDOW],
    begun: Instant,
}

impl<'p> Series<'p> {
    pub(super) fn new(length: usize, past_boundary: usize, pace: &'p mut Pace) -> Self {
        let (asked, answered, waiting) = (0, 0, [0; LARGE_WINDOW]);
        Series { pace, past_boundary, length, asked, answered, waiting, begun: Instant::now() }
    }

    /// Where the next command begins and how much it reads; `None` at the end of the series, and
    /// while enough are on their way.
    pub(super) fn ask(&mut self) -> Option<(usize, usize)> {
        let is_long = self.asked >= SERIES_BYTES || self.begun.elapsed() >= SERIES_TIME;
        if self.asked == self.length || (self.asked > 0 && is_long) {
            return None;
        }
        let window = if self.pace.next > self.pace.most { LARGE_WINDOW } else { WINDOW };
        let slot = self.waiting[..window].iter_mut().find(|length| **length == 0)?;
        let past_boundary = if self.asked == 0 { self.past_boundary } else { 0 };
        let length = self.pace.next(past_boundary).min(self.length - self.asked);
        let place = (self.asked, length);
        *slot = length;
        self.asked += length;
        Some(place)
    }

    /// The command that is answered.
    pub(super) fn answered(&mut self) -> (usize, usize) {
        let (begin, length) = (self.answered, self.waiting[0]);
        self.waiting.rotate_left(1);
        self.waiting[LARGE_WINDOW - 1] = 0;
        self.answered += length;
        self.pace.learn(self.answered, self.begun.elapsed());
        (begin, length)
    }

    /// The series ended with an error.
    pub(super) fn failed(self) {
        self.pace.failed();
    }

    /// How much of the read is done once all that was asked for is answered.
    pub(super) fn end(self) -> usize {
        self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    fn words() -> Pace {
        Pace::of_reads(4, LIMIT, false, Arc::default())
    }

    fn quick() -> Pace {
        let mut pace = words();
        pace.learn(READ_BYTES, Duration::from_micros(100));
        pace
    }

    #[test]
    fn a_transfer_begins_small_and_grows_with_what_was_measured() {
        let mut pace = words();
        assert_eq!(pace.next(0), 256);
        // 600 bytes a second, as at 7 kHz.
        pace.learn(256, Duration::from_millis(427));
        assert_eq!(pace.next(0), 256);
        pace.learn(256, Duration::from_millis(50));
        assert_eq!(pace.next(0), 2560);
        pace.learn(256, Duration::from_millis(5));
        assert_eq!(pace.next(0), READ_BYTES);
        pace.learn(READ_BYTES, Duration::from_secs(3));
        assert_eq!(pace.next(0), 640, "and shrinks");
        let bytes = Pace::of_reads(1, LIMIT, false, Arc::default());
        assert_eq!(bytes.next(0), 64, "accesses cost time, not bytes");
        let mut writes = Pace::of_writes(4, false);
        assert_eq!(writes.next(3), 253);
        writes.learn(256, Duration::from_millis(1));
        assert_eq!(writes.next(0), 16384);
    }

    #[test]
    fn commands_follow_each_other_and_the_first_ends_at_a_boundary() {
        let mut pace = words();
        let mut series = Series::new(2_000, 3, &mut pace);
        assert_eq!(series.ask(), Some((0, 253)));
        assert_eq!(series.ask(), Some((253, 256)));
        assert_eq!(series.ask(), None, "enough are on their way");
        // That long ago, the pace stays.
        series.begun -= Duration::from_millis(450);
        assert_eq!(series.answered(), (0, 253));
        assert_eq!(series.ask(), Some((509, 256)));
        assert_eq!((series.answered(), series.answered()), ((253, 256), (509, 256)));
        assert_eq!(series.end(), 765);
    }

    #[test]
    fn only_a_quick_target_gets_large_reads() {
        assert_eq!(quick().next(0), LARGE_READ_BYTES);
        let mut pace = quick();
        pace.learn(LARGE_READ_BYTES, Duration::from_millis(100));
        assert_eq!(pace.next(0), READ_BYTES);
        let mut pace = Pace::of_reads(4, LIMIT, true, Arc::default());
        pace.learn(READ_BYTES, Duration::from_micros(100));
        assert_eq!(pace.next(0), WATCHED_BYTES, "not if it is watched");
    }

    #[test]
    fn only_a_quick_target_is_remembered_until_a_command_fails() {
        let remembered = Arc::new(Quick::default());
        let pace = || Pace::of_reads(4, LIMIT, false, Arc::clone(&remembered));
        pace().learn(256, Duration::from_micros(10));
        assert_eq!(pace().next(0), 256, "too few bytes to tell");
        pace().learn(READ_BYTES, Duration::from_micros(100));
        assert_eq!(pace().next(0), LARGE_READ_BYTES);
        pace().failed();
        assert_eq!(pace().next(0), 256);
        pace().learn(READ_BYTES, Duration::from_millis(10));
        assert_eq!(pace().next(0), 256);
    }

    #[test]
    fn replies_that_were_there_already_do_not_look_quick() {
        let mut pace = words();
        let mut series = Series::new(1 << 20, 0, &mut pace);
        assert!(series.ask().is_some() && series.ask().is_some());
        // This program was stopped meanwhile: both replies are taken at once.
        series.begun -= Duration::from_millis(380);
        series.answered();
        series.answered();
        assert_eq!(pace.next(0), 640);
    }

    #[test]
    fn reads_fit_into_replies() {
        for (limit, most) in [(0, 64), (1000, 192), (100_000, 19_968), (usize::MAX, LARGE_READ_BYTES)] {
            let mut pace = Pace::of_reads(4, limit, false, Arc::default());
            assert!(pace.next(3) <= most);
            pace.learn(READ_BYTES, Duration::ZERO);
            assert_eq!(pace.next(0), most);
        }
    }

    #[test]
    fn a_series_ends_so_that_others_get_their_turn() {
        let mut pace = quick();
        let mut series = Series::new(1 << 20, 0, &mut pace);
        while series.ask().is_some() {
            series.answered();
        }
        assert_eq!(series.end(), SERIES_BYTES);
        let mut pace = words();
        let mut series = Series::new(1 << 20, 0, &mut pace);
        series.begun -= SERIES_TIME;
        assert_eq!((series.ask(), series.ask()), (Some((0, 256)), None), "but never before it has begun");
    }
}
