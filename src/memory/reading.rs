//! Reads of any length: the commands of one call, and the buffers that they fill.

use std::cell::RefCell;
use std::ops::ControlFlow;

use super::Memory;
use super::access::{ALL_ELEMENTS, Access, read_command, read_refused};
use super::bytes::{Bytes, clipped, offset_in_word};
use super::pace::{Pace, Quick, Series};
use crate::command::{Reply, Request, Script};
use crate::error::{InvalidArgument, Result, TargetError, UnexpectedReply};
use crate::progress::{NoProgress, ProgressReport, Tracker};

/// How many bytes are held here at a time where a call hands them on: enough to keep the connection
/// busy.
const PIECE_BYTES: usize = 128 * 1024;

/// A vector is first made for so many bytes, and grows as they arrive.
const FIRST_BYTES: usize = 64 * 1024;

impl<R: ProgressReport> Memory<'_, R> {
    /// How much each command of one call reads.
    pub(super) fn read_pace<A: Access>(&self) -> Pace {
        let session = self.target.session();
        let quick = session.state(Quick::default);
        Pace::of_reads(A::ACCESS_BYTES, session.reply_limit(), self.report.is_watched(), quick)
    }

    /// Fills `values`, whose range has been checked.
    pub(super) fn fill<A: Access>(
        &self,
        address: u64,
        values: &mut [A::Item],
        shown: &str,
        pace: &mut Pace,
        tracker: &mut Tracker<'_>,
    ) -> Result<()> {
        let mut done = 0;
        while done < values.len() {
            done += self.read_series::<A>(end_of::<A::Item>(address, done), &mut values[done..], shown, pace)?;
            tracker.advance_to(bytes_of::<A::Item>(done), end_of::<A::Item>(address, done))?;
        }
        Ok(())
    }

    /// Reads into a vector that grows as the values arrive.
    pub(super) fn read_vec<A: Access>(
        &self,
        address: u64,
        count: usize,
        shown: &str,
        tracker: &mut Tracker<'_>,
    ) -> Result<Vec<A::Item>> {
        let mut pace = self.read_pace::<A>();
        let mut values = Vec::new();
        let mut done = 0;
        while done < count {
            if done == values.len() {
                let first = FIRST_BYTES / size_of::<A::Item>();
                let more = (count - done).min(done.max(first));
                make_room(&mut values, more, address, count)?;
            }
            done += self.read_series::<A>(end_of::<A::Item>(address, done), &mut values[done..], shown, &mut pace)?;
            tracker.advance_to(bytes_of::<A::Item>(done), end_of::<A::Item>(address, done))?;
        }
        Ok(values)
    }

    /// Reads a range and hands it on piece by piece, with the number of bytes before each, until
    /// `take` breaks off.
    pub(super) fn read_in_pieces(
        &self,
        address: u64,
        length: u64,
        tracker: &mut Tracker<'_>,
        mut take: impl FnMut(u64, &[u8]) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let shown = read_command(address, 8, clipped(length), self.option());
        let mut pace = self.read_pace::<Bytes>();
        let mut piece = Vec::new();
        let mut done = 0;
        while done < length {
            let at = address.wrapping_add(done);
            let most = if self.report.is_watched() { pace.next(0) } else { PIECE_BYTES };
            let size = clipped(length - done).min(most - offset_in_word(at));
            piece.resize(size.max(piece.len()), 0);
            let piece = &mut piece[..size];
            self.fill::<Bytes>(at, piece, &shown, &mut pace, &mut Tracker::new(&NoProgress))?;
            if take(done, piece)?.is_break() {
                return Ok(());
            }
            done += size as u64;
            tracker.advance(size as u64, address.wrapping_add(done), true)?;
        }
        Ok(())
    }

    /// Reads the first of the values, and returns how many.
    fn read_series<A: Access>(
        &self,
        address: u64,
        values: &mut [A::Item],
        shown: &str,
        pace: &mut Pace,
    ) -> Result<usize> {
        let width = size_of::<A::Item>();
        let past_boundary = offset_in_word(address);
        let values = if self.report.is_watched() {
            // A callback is called between two commands, and may use the session then.
            let one_command = (pace.next(past_boundary) / width).min(values.len());
            &mut values[..one_command]
        } else {
            values
        };
        let request = self.request(Script::default()).shown(shown);
        let series = RefCell::new(Series::new(size_of_val(values), past_boundary, pace));
        let at = |begin: usize| address.wrapping_add(begin as u64);
        let prepare = |text: &mut String| {
            let asked = series.borrow_mut().ask();
            if let Some((begin, length)) = asked {
                let script = Script::reuse(std::mem::take(text));
                *text = A::read(script, at(begin), length / width, self.option()).into_string();
            }
            asked.is_some()
        };
        let read = self.target.session().run_series(&request, prepare, |reply| {
            let (begin, length) = series.borrow_mut().answered();
            take_values::<A>(&request, reply, at(begin), &mut values[begin / width..(begin + length) / width])
        });
        let series = series.into_inner();
        if let Err(error) = read {
            series.failed();
            return Err(self.target.session().name_target(&request, error));
        }
        Ok(series.end() / width)
    }
}

/// Reads the reply to a read.
pub(crate) fn take_values<A: Access>(
    request: &Request<'_>,
    reply: &Reply<'_>,
    address: u64,
    values: &mut [A::Item],
) -> Result<()> {
    let length = size_of_val(values) as u64;
    let answer = reply.success(request).map_err(|failure| read_refused(address, length, failure))?;
    A::decode(answer, address, values)
        .ok_or_else(|| TargetError::from(UnexpectedReply::new(request.name(), ALL_ELEMENTS, &reply.result)).into())
}

/// Adds `more` values; an error, not an abort, where there is no room for them.
fn make_room<T: Copy + Default>(values: &mut Vec<T>, more: usize, address: u64, count: usize) -> Result<()> {
    values.try_reserve_exact(more).map_err(|_| {
        let given = format!("{count} at {address:#010x}");
        TargetError::from(InvalidArgument::new(
            "number of elements",
            "as many as fit into this program's memory",
            given,
        ))
    })?;
    values.resize(values.len() + more, T::default());
    Ok(())
}

/// Where the first `count` items of a range end. At the end of the address space that is 0.
fn end_of<T>(address: u64, count: usize) -> u64 {
    address.wrapping_add(bytes_of::<T>(count))
}

fn bytes_of<T>(count: usize) -> u64 {
    (count * size_of::<T>()) as u64
}
