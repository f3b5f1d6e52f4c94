//! The test of RAM: data lines, address lines, every word.

use std::fmt;
use std::ops::Range;

use super::Memory;
use crate::error::{InvalidArgument, Result, TargetError};
use crate::progress::{NoProgress, OneReport, ProgressReport, undone_at_panic};
use crate::types::Hex;

/// How many faults of a step are listed.
const LISTED: usize = 8;

/// What a word gets, by its address.
type Pattern = fn(u32) -> u32;

/// What [`Memory::test_ram`] found. It prints one line a step, and the verdict.
///
/// ```text
/// data lines      ok
/// address lines   ok
/// 0x55555555      1 word wrong
///   0x20000010: wrote 0x55555555, read 0x55555554, bits 0x00000001
/// …
/// 0x20000000..0x20005000: failed, contents restored
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RamTest {
    /// The first address of the RAM that was tested.
    pub start: u64,
    /// The first address after that RAM.
    pub end: u64,
    /// Whether each word held what was written, and holds its former contents again.
    pub passed: bool,
    /// The steps, in their order: the data lines, the address lines, four patterns.
    pub steps: Vec<RamTestStep>,
    /// How many words do not hold their former contents again.
    pub not_restored: u64,
}

/// One step of a [`RamTest`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RamTestStep {
    /// What was tested: `data lines`, `address lines`, `addresses` (each word gets its address),
    /// `inverse` (each gets its inverted address), or the pattern, such as `0x55555555`.
    pub name: &'static str,
    /// How many accesses read another value than was written.
    pub wrong: u64,
    /// The first eight of them.
    pub faults: Vec<RamFault>,
}

/// A word that did not hold what was written.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RamFault {
    /// The address of the word.
    pub address: u64,
    /// The value that was written.
    pub written: u32,
    /// The value that was read.
    pub read: u32,
}

impl<R: ProgressReport> Memory<'_, R> {
    /// Tests RAM: whether each word of a range holds what is written to it.
    ///
    /// Each bit of the first word gets a 1 alone, which finds data lines that are stuck or shorted.
    /// Words at all distances that are a power of two get different values, which finds address
    /// lines with the same faults. Then every word gets `0x55555555`, `0xaaaaaaaa`, its address,
    /// and its inverted address; each pattern is written in full before it is read.
    ///
    /// The target must be halted, as its firmware may use the RAM. The former contents are read
    /// first and written back at the end, also after an error. `range` begins and ends at a
    /// multiple of 4, and has less than 4 GiB. The test needs three times the length of the range
    /// in this program's memory. RAM that does not hold what was written is not an error: it is in
    /// the result. An access that fails is an error.
    ///
    /// # Errors
    /// [`TargetError::InvalidArgument`] for an invalid range, [`TargetError::NotHalted`], also if
    /// another client resumed the target meanwhile; [`TargetError::Resumed`] if it is halted again.
    /// And the errors of [`read_u32`](Self::read_u32) and [`write_u32`](Self::write_u32).
    /// [`TargetError::NotRestored`] if the RAM does not hold its former contents after one of these
    /// errors.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// let test = session.memory().test_ram(0x2000_0000..0x2000_0400)?;
    /// assert!(test.passed, "{test}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn test_ram(&self, range: Range<u64>) -> Result<RamTest> {
        check(&range)?;
        let halt = self.target.mark_halt("test_ram")?;
        // A callback that stops the test must not stop what puts the contents back.
        let quiet = Memory { target: self.target, physical: self.physical, report: NoProgress, timeout: self.timeout };
        let contents = quiet.read_bytes(range.start, range.end - range.start)?;
        let report = OneReport::new(self.report.clone());
        let memory = Memory { target: self.target, physical: self.physical, report, timeout: self.timeout };
        let test = Test { memory: &memory, range: range.clone() };
        let steps = undone_at_panic(|| test.run(), || drop(restore(&quiet, range.start, &contents)));
        let restored = restore(&quiet, range.start, &contents);
        // Firmware that ran meanwhile may have used the RAM.
        let steps = steps.and_then(|steps| halt.check(&self.target).map(|()| steps));
        let (steps, not_restored) = match (steps, restored) {
            (Ok(steps), Ok(wrong)) => (steps, wrong),
            (Err(error), Ok(0)) => return Err(error),
            (Err(cause), _) | (Ok(_), Err(cause)) => {
                let cause = Box::new(cause);
                return Err(TargetError::NotRestored { address: range.start, end: range.end, cause }.into());
            }
        };
        let passed = not_restored == 0 && steps.iter().all(|step| step.wrong == 0);
        Ok(RamTest { start: range.start, end: range.end, passed, steps, not_restored })
    }
}

/// Refuses what is not made of whole words.
fn check(range: &Range<u64>) -> Result<()> {
    let length = range.end.checked_sub(range.start).filter(|&length| length > 0);
    if range.start % 4 != 0 || range.end % 4 != 0 || length.is_none_or(|length| u32::try_from(length).is_err()) {
        let given = format!("{:#010x}..{:#010x}", range.start, range.end);
        let expected = "a start and a greater end that are multiples of 4, and less than 4 GiB";
        return Err(TargetError::from(InvalidArgument::new("range of RAM", expected, given)).into());
    }
    Ok(())
}

/// Writes the contents back. Returns how many words differ then. A write that fails does no harm if
/// nothing differs: the test itself failed there, and changed nothing behind it.
fn restore(memory: &Memory<'_>, start: u64, contents: &[u8]) -> Result<u64> {
    let written = memory.write_bytes(start, contents);
    let held = memory.read_bytes(start, contents.len() as u64)?;
    if held != contents {
        written?;
    }
    Ok(held.chunks(4).zip(contents.chunks(4)).filter(|(held, wanted)| held != wanted).count() as u64)
}

struct Test<'m, 'a, R> {
    memory: &'m Memory<'a, R>,
    range: Range<u64>,
}

impl<R: ProgressReport> Test<'_, '_, R> {
    fn run(&self) -> Result<Vec<RamTestStep>> {
        let mut steps = vec![self.data_lines()?, self.address_lines()?];
        let patterns: [(&'static str, Pattern); 4] = [
            ("0x55555555", |_| 0x5555_5555),
            ("0xaaaaaaaa", |_| 0xaaaa_aaaa),
            ("addresses", |address| address),
            ("inverse", |address| !address),
        ];
        for (name, pattern) in patterns {
            steps.push(self.pattern(name, pattern)?);
        }
        Ok(steps)
    }

    fn data_lines(&self) -> Result<RamTestStep> {
        let mut step = RamTestStep::new("data lines");
        for bit in 0..32 {
            let written = 1 << bit;
            self.memory.write_u32(self.range.start, written)?;
            step.compare(self.range.start, written, self.memory.read_u32(self.range.start)?);
        }
        Ok(step)
    }

    /// Of two words that are the same memory, the first one reads as the second one. The lowest
    /// address lines are left to the patterns.
    fn address_lines(&self) -> Result<RamTestStep> {
        let length = self.range.end - self.range.start;
        let distances = (2..64).map(|bit| 1_u64 << bit).take_while(|&distance| distance < length);
        let marks: Vec<(u64, u32)> =
            [0].into_iter().chain(distances).map(|distance| self.range.start + distance).zip(0x5a5a_0001..).collect();
        for &(address, mark) in &marks {
            self.memory.write_u32(address, mark)?;
        }
        let mut step = RamTestStep::new("address lines");
        for &(address, mark) in &marks {
            step.compare(address, mark, self.memory.read_u32(address)?);
        }
        Ok(step)
    }

    #[allow(clippy::cast_possible_truncation, reason = "the pattern is made of the low bits of the address")]
    fn pattern(&self, name: &'static str, pattern: Pattern) -> Result<RamTestStep> {
        let addresses = || self.range.clone().step_by(4);
        let written: Vec<u32> = addresses().map(|address| pattern(address as u32)).collect();
        self.memory.write_u32_slice(self.range.start, &written)?;
        let read = self.memory.read_u32_vec(self.range.start, written.len())?;
        let mut step = RamTestStep::new(name);
        for ((address, written), read) in addresses().zip(written).zip(read) {
            step.compare(address, written, read);
        }
        Ok(step)
    }
}

impl RamTestStep {
    fn new(name: &'static str) -> Self {
        RamTestStep { name, wrong: 0, faults: Vec::new() }
    }

    fn compare(&mut self, address: u64, written: u32, read: u32) {
        if written != read {
            self.wrong += 1;
            if self.faults.len() < LISTED {
                self.faults.push(RamFault { address, written, read });
            }
        }
    }
}

impl fmt::Display for RamTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            let verdict = match step.wrong {
                0 => "ok".to_owned(),
                1 => "1 word wrong".to_owned(),
                count => format!("{count} words wrong"),
            };
            writeln!(f, "{:14}  {verdict}", step.name)?;
            for fault in &step.faults {
                writeln!(f, "  {fault}")?;
            }
        }
        let verdict = if self.passed { "passed" } else { "failed" };
        write!(f, "{:#010x}..{:#010x}: {verdict}", self.start, self.end)?;
        match self.not_restored {
            0 => write!(f, ", contents restored"),
            1 => write!(f, ", 1 word could not be restored"),
            count => write!(f, ", {count} words could not be restored"),
        }
    }
}

/// "0x20000010: wrote 0x55555555, read 0x55555554, bits 0x00000001"
impl fmt::Display for RamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RamFault { address, written, read } = self;
        write!(f, "{address:#010x}: wrote {written:#010x}, read {read:#010x}, bits {:#010x}", written ^ read)
    }
}

/// Addresses and values in hexadecimal.
impl fmt::Debug for RamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RamFault")
            .field("address", &Hex(self.address))
            .field("written", &Hex(self.written.into()))
            .field("read", &Hex(self.read.into()))
            .finish()
    }
}
