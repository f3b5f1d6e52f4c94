//! Samples of memory at a steady rate, while the target runs.

use std::fmt;
use std::time::{Duration, Instant};

use super::Memory;
use super::numbers::{decode, fault_address};
use crate::command::Script;
use crate::error::{InvalidArgument, Result, TargetError};
use crate::progress::ProgressReport;
use crate::target::KeptTarget;
use crate::wire::Deadline;

/// How many addresses a sample may have.
const MOST_ADDRESSES: usize = 1024;

/// Values of 32-bit words at one time, from [`Memory::sample`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Sample {
    /// Time of the sample, from the scheduled time of the first sample: the middle between command
    /// and reply.
    #[cfg_attr(feature = "serde", serde(rename = "at_seconds", serialize_with = "crate::types::form::seconds"))]
    pub at: Duration,
    /// Time from command to reply. The values were read within this span around `at`.
    #[cfg_attr(feature = "serde", serde(rename = "took_seconds", serialize_with = "crate::types::form::seconds"))]
    pub took: Duration,
    /// Number of samples skipped since the previous one, because a read overran its period or
    /// failed. So the number of a sample, from 0, is the count of those before it plus the sum of
    /// all `missed` up to its own.
    pub missed: u64,
    /// The values, in the order of the addresses.
    pub values: Vec<u32>,
}

/// "0.120 s: 0x00000012 0xcafef00d"
impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s:", self.at.as_secs_f64())?;
        self.values.iter().try_for_each(|value| write!(f, " {value:#010x}"))
    }
}

/// Iterator over samples, from [`Memory::sample`]. It has no end, and continues after an error.
///
/// It keeps the session open, so a struct can hold both.
pub struct Samples {
    target: KeptTarget,
    physical: bool,
    addresses: Vec<u64>,
    period: Duration,
    begin: Option<Instant>,
    /// The number of the next sample, from 0.
    next: u64,
    /// The number after that of the last sample given.
    given: u64,
}

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.addresses.first().copied().unwrap_or_default();
        write!(f, "Samples({} words from {first:#010x}, every {:?})", self.addresses.len(), self.period)
    }
}

impl<R: ProgressReport> Memory<'_, R> {
    /// Reads the 32-bit words at `addresses` again and again, without halting the target.
    ///
    /// Each sample is one command. Sample number n is scheduled n periods after the first, so the
    /// rate does not drift. A sample that is late by more than a period is skipped;
    /// [`Sample::missed`] counts skipped and failed samples. Each step of the iterator sleeps until
    /// its sample's time. The words of a sample are read one after the other, not at one instant.
    /// Addresses are multiples of 4, at most 1024.
    ///
    /// A step of the iterator ends within the session's timeout after its sample's time, even if
    /// other threads use the session meanwhile.
    ///
    /// # Errors
    /// [`TargetError::InvalidArgument`] for no addresses, too many, or a period of zero;
    /// [`TargetError::Misaligned`]. The iterator gives [`TargetError::MemoryRead`],
    /// [`TargetError::NotHalted`] and [`Error::Timeout`](crate::Error::Timeout).
    ///
    /// ```
    /// # use virtual_chip::firmware::COUNTER_ADDRESS;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    ///
    /// let counter = u64::from(COUNTER_ADDRESS);
    /// for sample in session.memory().sample(&[counter], Duration::from_millis(10))?.take(3) {
    ///     println!("{}", sample?); // 0.010 s: 0x00001234
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sample(&self, addresses: &[u64], period: Duration) -> Result<Samples> {
        let invalid = |argument| Err(TargetError::from(argument).into());
        if addresses.is_empty() || addresses.len() > MOST_ADDRESSES {
            return invalid(InvalidArgument::new("number of addresses to sample", "1 to 1024", addresses.len()));
        }
        if period.is_zero() {
            return invalid(InvalidArgument::new("sampling period", "more than zero", "zero"));
        }
        for &address in addresses {
            self.check(address, 4, 4)?;
        }
        let (target, physical, addresses) = (self.target.keep(), self.physical, addresses.to_vec());
        Ok(Samples { target, physical, addresses, period, begin: None, next: 0, given: 0 })
    }
}

impl Samples {
    fn read(&self) -> Result<Vec<u32>> {
        let (option, first) = (if self.physical { "phys" } else { "" }, self.addresses[0]);
        let script = Script::call("sample").hex_list(self.addresses.iter().copied()).literal(option);
        let blank = if self.physical { " " } else { "" };
        let (session, target) = (self.target.session(), self.target.view());
        let request = target.request(script).shown(format!("read_memory {first:#x} 32 1{blank}{option}"));
        let request = request.before(Deadline::after(session.timeout())).expecting("a word for each address");
        let refused = |failure: Box<crate::error::Failure>| {
            let last = self.addresses.iter().max().copied().unwrap_or(0).saturating_add(3);
            let address = fault_address(failure.log(), 0..=last).unwrap_or(first);
            TargetError::MemoryRead { address, failure }
        };
        session.ask_or(&request, refused, |answer| {
            let mut values = vec![0; self.addresses.len()];
            decode(answer, &mut values).map(|()| values)
        })
    }
}

impl Iterator for Samples {
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

/// The number of the sample to take at `now`: the next one, or a later one if the next is late by
/// more than a period.
fn due(now: Duration, period: Duration, next: u64) -> u64 {
    let current = u64::try_from(now.as_nanos() / period.as_nanos().max(1)).unwrap_or(u64::MAX - 1);
    next.max(current)
}

/// The scheduled time of a sample.
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

    #[test]
    fn a_sample_is_shown_with_its_time() {
        let (at, took) = (Duration::from_millis(120), Duration::ZERO);
        let sample = Sample { at, took, missed: 0, values: vec![0x12, 0xcafe_f00d] };
        assert_eq!(sample.to_string(), "0.120 s: 0x00000012 0xcafef00d");
    }
}
