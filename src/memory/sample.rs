//! Samples of memory at a steady rate, while the target runs.

use std::fmt;
use std::time::{Duration, Instant};

use super::Memory;
use super::numbers::{decode, fault_address};
use super::variable::{SampleValue, Variable};
use crate::command::Script;
use crate::error::{InvalidArgument, Result, TargetError};
use crate::progress::ProgressReport;
use crate::target::KeptTarget;
use crate::wire::Deadline;

/// How many variables a sample may have.
const MOST_VARIABLES: usize = 1024;

/// Values of variables at one time, from [`Memory::sample`].
#[derive(Debug, Clone, PartialEq)]
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
    /// The values, in the order of the variables.
    pub values: Vec<SampleValue>,
}

/// "0.120 s: 18 -0.5"
impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s:", self.at.as_secs_f64())?;
        self.values.iter().try_for_each(|value| write!(f, " {value}"))
    }
}

/// Iterator over samples, from [`Memory::sample`]. It has no end, and continues after an error.
///
/// It keeps the session open, so a struct can hold both.
pub struct Samples {
    target: KeptTarget,
    physical: bool,
    variables: Vec<Variable>,
    period: Duration,
    begin: Option<Instant>,
    /// The number of the next sample, from 0.
    next: u64,
    /// The number after that of the last sample given.
    given: u64,
}

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.variables.first().map_or(0, |variable| variable.address);
        write!(f, "Samples({} variables from {first:#010x}, every {:?})", self.variables.len(), self.period)
    }
}

impl<R: ProgressReport> Memory<'_, R> {
    /// Reads variables again and again, without halting the target. An address is a 32-bit word;
    /// see [`Variable`] for other types, symbols and registers.
    ///
    /// Each sample is one command. Sample number n is scheduled n periods after the first, so the
    /// rate does not drift. A sample that is late by more than a period is skipped;
    /// [`Sample::missed`] counts skipped and failed samples. Each step of the iterator sleeps until
    /// its sample's time. The variables of a sample are read one after the other, not at one
    /// instant, and a Cortex-M reads the halves of a 64-bit variable one after the other. There are
    /// at most 1024 variables; each address is a multiple of the variable's width.
    ///
    /// A step of the iterator ends within the session's timeout after its sample's time, even if
    /// other threads use the session meanwhile.
    ///
    /// # Errors
    /// [`TargetError::InvalidArgument`] for no variables, too many, or a period of zero;
    /// [`TargetError::Misaligned`]. The iterator gives [`TargetError::MemoryRead`],
    /// [`TargetError::NotHalted`] and [`Error::Timeout`](crate::Error::Timeout).
    ///
    /// ```
    /// # use virtual_chip::firmware::COUNTER_ADDRESS;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    /// use openocd::Variable;
    ///
    /// let counter = u64::from(COUNTER_ADDRESS);
    /// for sample in session.memory().sample(&[counter], Duration::from_millis(10))?.take(3) {
    ///     println!("{}", sample?); // 0.010 s: 4660
    /// }
    /// let speed = Variable::f32(0x2000_0100).named("speed");
    /// let limit = Variable::u8(0x2000_0104).named("limit");
    /// let sample = session.memory().sample(&[speed, limit], Duration::from_millis(10))?.next();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sample<V: Into<Variable> + Clone>(&self, variables: &[V], period: Duration) -> Result<Samples> {
        let invalid = |argument| Err(TargetError::from(argument).into());
        if variables.is_empty() || variables.len() > MOST_VARIABLES {
            return invalid(InvalidArgument::new("number of variables to sample", "1 to 1024", variables.len()));
        }
        if period.is_zero() {
            return invalid(InvalidArgument::new("sampling period", "more than zero", "zero"));
        }
        let variables: Vec<Variable> = variables.iter().cloned().map(V::into).collect();
        for variable in &variables {
            let bytes = u64::from(variable.kind.bits() / 8);
            self.check(variable.address, bytes, bytes)?;
        }
        let (target, physical) = (self.target.keep(), self.physical);
        Ok(Samples { target, physical, variables, period, begin: None, next: 0, given: 0 })
    }
}

impl Samples {
    /// Returns the variables, in the order of the values.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Returns how long the next step of the iterator will sleep: zero before the first sample, and
    /// if the next one is late.
    ///
    /// For a program that waits by itself, so that something else can end the wait.
    ///
    /// ```
    /// # use virtual_chip::firmware::COUNTER_ADDRESS;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    ///
    /// let counter = u64::from(COUNTER_ADDRESS);
    /// let mut samples = session.memory().sample(&[counter], Duration::from_secs(5))?;
    /// assert_eq!(samples.time_to_next(), Duration::ZERO);
    /// samples.next();
    /// assert!(samples.time_to_next() > Duration::from_secs(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn time_to_next(&self) -> Duration {
        let now = self.begin.map_or(Duration::ZERO, |begin| begin.elapsed());
        time_of(due(now, self.period, self.next), self.period).saturating_sub(now)
    }

    fn read(&self) -> Result<Vec<SampleValue>> {
        let option = if self.physical { "phys" } else { "" };
        let Some(first) = self.variables.first() else { return Ok(Vec::new()) };
        let shown = |variable: &Variable| {
            let (address, bits) = (variable.address, variable.kind.bits());
            format!("read_memory {address:#x} {bits} 1 {option}").trim_end().to_owned()
        };
        let accesses = self.variables.iter().flat_map(|variable| [variable.address, variable.kind.bits().into()]);
        let script = Script::call("sample").hex_list(accesses).literal(option);
        let (session, target) = (self.target.session(), self.target.view());
        let request = target.request(script).shown(shown(first));
        let request = request.before(Deadline::after(session.timeout())).expecting("a number for each variable");
        let refused = |failure: Box<crate::error::Failure>| {
            let last = self.variables.iter().map(|variable| variable.address).max().unwrap_or(0).saturating_add(7);
            let Some(address) = fault_address(failure.log(), 0..=last) else {
                return TargetError::MemoryRead { address: first.address, failure };
            };
            let holds = |variable: &&Variable| {
                address.checked_sub(variable.address).is_some_and(|offset| offset < u64::from(variable.kind.bits() / 8))
            };
            let failed = self.variables.iter().find(holds).unwrap_or(first);
            TargetError::MemoryRead { address, failure: Box::new(failure.of_command(shown(failed))) }
        };
        session.ask_or(&request, refused, |answer| {
            let mut numbers = vec![0_u64; self.variables.len()];
            decode(answer, &mut numbers)?;
            let values = self.variables.iter().zip(numbers);
            Some(values.map(|(variable, bits)| SampleValue::of(variable.kind, bits)).collect())
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
        let sample = Sample { at, took, missed: 0, values: vec![SampleValue::Unsigned(18), SampleValue::F32(-0.5)] };
        assert_eq!(sample.to_string(), "0.120 s: 18 -0.5");
    }
}
