//! Writes of any length.

use std::time::Instant;

use super::Memory;
use super::access::{Access, write_refused};
use super::bytes::offset_in_word;
use super::pace::Pace;
use crate::command::{Reply, Request};
use crate::error::Result;
use crate::progress::{ProgressReport, Tracker};

impl<R: ProgressReport> Memory<'_, R> {
    /// How much each command of one call writes.
    pub(super) fn write_pace<A: Access>(&self) -> Pace {
        Pace::of_writes(A::ACCESS_BYTES, self.report.is_watched())
    }

    /// Writes `values`, whose range has been checked.
    pub(super) fn write_all<A: Access>(
        &self,
        address: u64,
        values: &[A::Item],
        pace: &mut Pace,
        tracker: &mut Tracker<'_>,
    ) -> Result<()> {
        let width = size_of::<A::Item>();
        let (mut at, mut rest) = (address, values);
        while !rest.is_empty() {
            let count = (pace.next(offset_in_word(at)) / width).min(rest.len());
            let (now, after) = rest.split_at(count);
            let length = size_of_val(now) as u64;
            let (script, shown) = A::write(at, now, self.option());
            let request = self.request(script).shown(shown);
            let begun = Instant::now();
            let session = self.target.session();
            session
                .run(&request, |reply| take_written(&request, reply, at, length))?
                .map_err(|error| session.name_target(&request, error))?;
            pace.learn(size_of_val(now), begun.elapsed());
            at = at.wrapping_add(length);
            tracker.advance(length, at, true)?;
            rest = after;
        }
        Ok(())
    }
}

/// Reads the reply to a write of `length` bytes at `address`.
pub(crate) fn take_written(request: &Request<'_>, reply: &Reply<'_>, address: u64, length: u64) -> Result<()> {
    match reply.success(request) {
        Ok(_) => Ok(()),
        Err(failure) => Err(write_refused(address, length, failure)),
    }
}
