//! Watching memory while the target runs.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::Memory;
use crate::error::{Error, InvalidArgument, Result, TargetError, UnexpectedReply};
use crate::memory::numbers::decode;

/// How many addresses a sample may have.
const MOST_ADDRESSES: usize = 1024;

/// Values of 32-bit words at one time, from [`Memory::sample`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// When it was taken: the middle between command and answer, counted from the first sample's due time.
    pub at: Duration,
    /// How long command and answer took: the values are from within this span around `at`.
    pub took: Duration,
    /// How many due samples there are not, between the one given before and this one: as the one before was not there in time, or as reading failed. So the number
    /// of a sample is the count of those given before, and the sum of all `missed` up to its own.
    pub missed: u64,
    /// The values, in the order of the addresses.
    pub values: Vec<u32>,
}

/// Iterator of [`Memory::sample`]. It never ends by itself; after an error it can go on.
#[derive(Debug)]
pub struct Samples<'a> {
    memory: Memory<'a>,
    script: String,
    addresses: Vec<u64>,
    period: Duration,
    begin: Option<Instant>,
    /// The number of the next sample, from 0.
    next: u64,
    /// The number behind that of the last sample given.
    given: u64,
}

impl<'a> Memory<'a> {
    /// Reads the 32-bit words at `addresses` again and again, while the target runs, without halting it.
    ///
    /// Each sample is one command. Sample number n is due n periods after the first, whatever the others took, so the rate does not drift; a sample whose time passed
    /// before the one before was there is left out, and counted in [`Sample::missed`], as is one that failed. Each step of the iterator sleeps until its sample is due. Addresses are multiples of 4,
    /// at most 1024; what reading does to a register, it does here. The words are read one after the other, not at one instant.
    ///
    /// # Errors
    /// [`TargetError::InvalidArgument`] for no addresses, too many, or a period of zero, [`TargetError::Misaligned`] and [`OutOfAddressSpace`](TargetError::OutOfAddressSpace),
    /// all before anything is read. The iterator gives [`TargetError::MemoryRead`] and those of [`Session::command`](crate::Session::command).
    ///
    /// ```
    /// # use virtual_chip::firmware::COUNTER_ADDRESS;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    ///
    /// let counter = u64::from(COUNTER_ADDRESS);
    /// for sample in session.memory().sample(&[counter], Duration::from_millis(10))?.take(3) {
    ///     let sample = sample?;
    ///     println!("{:?}: {}", sample.at, sample.values[0]);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sample(self, addresses: &[u64], period: Duration) -> Result<Samples<'a>> {
        let invalid = |argument, given, expected| {
            Err(TargetError::InvalidArgument(InvalidArgument { argument, given, expected }).into())
        };
        if addresses.is_empty() || addresses.len() > MOST_ADDRESSES {
            return invalid("the number of addresses to sample", addresses.len().to_string(), "1 to 1024");
        }
        if period.is_zero() {
            return invalid("the period of samples", "0".to_owned(), "more than that");
        }
        let mut list = String::new();
        for &address in addresses {
            self.check(address, 4, 1)?;
            let _ = write!(list, "{address:#x} ");
        }
        let script = format!("_openocd_rs_1_sample {{{}}}{}", list.trim_end(), self.suffix());
        Ok(Samples { memory: self, script, addresses: addresses.to_vec(), period, begin: None, next: 0, given: 0 })
    }
}

impl Samples<'_> {
    fn read(&self) -> Result<Vec<u32>> {
        let request = self.memory.target().request(&*self.script).shown("read_memory");
        self.memory.target().session().run(&request, |reply| {
            let answer = reply.success(&request).map_err(|failure| {
                let last = self.addresses.iter().max().copied().unwrap_or(0).saturating_add(3);
                let fault = crate::memory::numbers::fault_address(failure.log(), 0..=last);
                let address = fault.unwrap_or(self.addresses[0]);
                Error::refused(failure, |failure| TargetError::MemoryRead { address, failure }.into())
            })?;
            let mut values = vec![0; self.addresses.len()];
            decode(answer, &mut values).ok_or_else(|| {
                let reply = String::from_utf8_lossy(answer).into_owned();
                TargetError::UnexpectedReply(UnexpectedReply {
                    command: self.script.clone(),
                    expected: "a word for each address",
                    reply,
                })
            })?;
            Ok(values)
        })?
    }
}

impl Iterator for Samples<'_> {
    type Item = Result<Sample>;

    fn next(&mut self) -> Option<Result<Sample>> {
        let now = Instant::now();
        let begin = *self.begin.get_or_insert(now);
        let number = due(now - begin, self.period, self.next);
        self.next = number + 1;
        let wait = time_of(number, self.period).saturating_sub(begin.elapsed());
        std::thread::sleep(wait);
        let sent = begin.elapsed();
        let values = match self.read() {
            Ok(values) => values,
            Err(error) => return Some(Err(error)),
        };
        let took = begin.elapsed().saturating_sub(sent);
        let missed = number - self.given;
        self.given = number + 1;
        Some(Ok(Sample { at: sent + took / 2, took, missed, values }))
    }
}

/// The number of the sample to take at `now`: the next one, unless more than one period has passed since it was due.
fn due(now: Duration, period: Duration, next: u64) -> u64 {
    let current = u64::try_from(now.as_nanos() / period.as_nanos().max(1)).unwrap_or(u64::MAX - 1);
    next.max(current)
}

/// When a sample is due.
fn time_of(number: u64, period: Duration) -> Duration {
    let nanos = period.as_nanos().saturating_mul(number.into());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(10);

    #[test]
    fn samples_are_due_by_the_clock_and_not_after_each_other() {
        let at = |milliseconds| Duration::from_millis(milliseconds);
        assert_eq!(due(at(0), PERIOD, 0), 0);
        assert_eq!(due(at(3), PERIOD, 1), 1, "early: it waits");
        assert_eq!(due(at(14), PERIOD, 1), 1, "a little late");
        assert_eq!(due(at(47), PERIOD, 2), 4, "too late for two of them");
        assert_eq!(due(Duration::MAX, Duration::from_nanos(1), 5), u64::MAX - 1);
        assert_eq!(time_of(4, PERIOD), at(40));
        assert_eq!(time_of(u64::MAX, Duration::MAX), Duration::from_nanos(u64::MAX));
    }
}
