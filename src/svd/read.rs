//! Reading a whole peripheral: what to read, in which accesses, and what came of it.

use std::fmt::{self, Write as _};

use super::decode::{DecodedField, DecodedRegister};
use super::device::{Device, Peripheral};
use super::properties::SkipReason;
use super::register::{Register, hex_digits};
use crate::command::Request;
use crate::error::{Error, Failure, Result, SvdError, TargetError};
use crate::parse::memory::decode;
use crate::target::Target;
use crate::tcl;

/// How many elements one command reads at most: enough for nearly any peripheral, and few enough that a slow probe is through with them well
/// within the default timeout.
const MOST_AT_ONCE: usize = 2048;

/// A peripheral's registers with their values, from [`Svd::read_peripheral`](super::Svd::read_peripheral).
///
/// It prints every register as [`DecodedRegister`] does, and below them a line for each one that is not there, with the reason.
#[derive(Debug)]
#[non_exhaustive]
pub struct PeripheralReading {
    /// The peripheral's name.
    pub peripheral: String,
    /// The registers that were read, in the order of the file.
    pub registers: Vec<DecodedRegister>,
    /// Those that were not, in the order of the file.
    pub unread: Vec<UnreadRegister>,
}

/// A register without a value.
#[derive(Debug)]
#[non_exhaustive]
pub struct UnreadRegister {
    /// The register.
    pub register: Register,
    /// Why it has none.
    pub reason: UnreadReason,
}

/// Why a register has no value.
#[derive(Debug)]
#[non_exhaustive]
pub enum UnreadReason {
    /// It was left alone.
    Skipped(SkipReason),
    /// It could not be read: OpenOCD's refusal.
    Failed(Box<Failure>),
}

impl PeripheralReading {
    /// The value of a register.
    ///
    /// # Errors
    /// [`SvdError::NotReadable`] if it was skipped, [`TargetError::MemoryRead`] if it could not be read,
    /// [`SvdError::UnknownRegister`] if the peripheral has no such register.
    pub fn register(&self, name: &str) -> Result<&DecodedRegister> {
        if let Some(found) = self.registers.iter().find(|decoded| decoded.register.name() == name) {
            return Ok(found);
        }
        let Some(unread) = self.unread.iter().find(|unread| unread.register.name() == name) else {
            let known = self.registers.iter().map(|decoded| decoded.register.name());
            let near = super::lookup::near_names(name, known);
            return Err(
                SvdError::UnknownRegister { peripheral: self.peripheral.clone(), name: name.to_owned(), near }.into()
            );
        };
        Err(match &unread.reason {
            UnreadReason::Skipped(reason) => {
                SvdError::NotReadable { name: unread.register.path(), reason: reason.clone() }.into()
            }
            UnreadReason::Failed(failure) => {
                TargetError::MemoryRead { address: unread.register.address(), failure: failure.clone() }.into()
            }
        })
    }
}

impl fmt::Display for PeripheralReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for decoded in &self.registers {
            write!(f, "{separator}{decoded}")?;
            separator = "\n";
        }
        for unread in &self.unread {
            write!(f, "{separator}{unread}")?;
            separator = "\n";
        }
        Ok(())
    }
}

/// `USART1.DR @ 0x40013804 not read: …`
impl fmt::Display for UnreadRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (peripheral, name) = (self.register.peripheral(), self.register.name());
        write!(f, "{peripheral}.{name} @ {:#010x} not read: {}", self.register.address(), self.reason)
    }
}

impl fmt::Display for UnreadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnreadReason::Skipped(reason) => reason.fmt(f),
            UnreadReason::Failed(failure) => failure.fmt(f),
        }
    }
}

/// A peripheral compared with its reset values, from [`Svd::diff`](super::Svd::diff).
#[derive(Debug)]
#[non_exhaustive]
pub struct ResetDiff {
    /// The registers that differ from their reset value, in the order of the file.
    pub changed: Vec<ChangedRegister>,
    /// Registers whose description has no reset value.
    pub without_reset_value: Vec<Register>,
    /// Registers that were not read.
    pub unread: Vec<UnreadRegister>,
}

/// A register that has not its reset value.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChangedRegister {
    /// The register and its value.
    pub decoded: DecodedRegister,
    /// Its value after a reset.
    pub reset_value: u64,
    /// A 1 for each bit that differs, among those whose value after a reset is known.
    pub changed_bits: u64,
}

impl ChangedRegister {
    /// The fields that differ, with their present value.
    pub fn fields(&self) -> impl Iterator<Item = DecodedField<'_>> {
        self.decoded.fields().filter(|decoded| decoded.field.mask() & self.changed_bits != 0)
    }
}

/// `RCC.CR = 0x03000083, 0x00000083 after reset: PLLRDY 0x0 -> 0x1, PLLON 0x0 -> 0x1`
impl fmt::Display for ChangedRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (register, value) = (&self.decoded.register, self.decoded.value);
        let digits = hex_digits(register.size()) + 2;
        write!(f, "{}.{} = {value:#0digits$x}", register.peripheral(), register.name())?;
        write!(f, ", {:#0digits$x} after reset", self.reset_value)?;
        for (index, decoded) in self.fields().enumerate() {
            let before = decoded.field.extract(self.reset_value);
            let separator = if index == 0 { ":" } else { "," };
            write!(f, "{separator} {} {before:#x} -> {:#x}", decoded.field.name(), decoded.value)?;
        }
        Ok(())
    }
}

impl ResetDiff {
    pub(super) fn of(reading: PeripheralReading) -> Self {
        let mut diff = ResetDiff { changed: Vec::new(), without_reset_value: Vec::new(), unread: reading.unread };
        for decoded in reading.registers {
            let Some(reset_value) = decoded.register.reset_value() else {
                diff.without_reset_value.push(decoded.register);
                continue;
            };
            let hidden = decoded.register.fields().iter().filter(|field| !field.access().can_read());
            let known = hidden.fold(decoded.register.reset_mask(), |known, field| known & !field.mask());
            let changed_bits = (decoded.value ^ reset_value) & known;
            if changed_bits != 0 {
                diff.changed.push(ChangedRegister { decoded, reset_value, changed_bits });
            }
        }
        diff
    }
}

impl fmt::Display for ResetDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, changed) in self.changed.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{changed}")?;
        }
        Ok(())
    }
}

/// Consecutive elements of one width, read by one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    address: u64,
    bits: u32,
    count: usize,
}

impl Run {
    fn bytes(&self) -> u64 {
        u64::from(self.bits / 8)
    }

    fn end(&self) -> u64 {
        self.address.saturating_add(self.bytes() * self.count as u64)
    }
}

/// Where a register's value comes from: an element of a run, and in that, how many bits to shift.
#[derive(Debug, PartialEq, Eq)]
enum Origin {
    Element { run: usize, index: usize, shift: u32 },
    Skipped(SkipReason),
}

/// Which addresses to read for a peripheral, each once, and where its registers' values are in that.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    runs: Vec<Run>,
    /// One for each register of the peripheral.
    origins: Vec<Origin>,
}

/// Why a register must not be read unless asked for.
pub(super) fn refusal(device: &Device, register: &Register) -> Option<SkipReason> {
    if !register.access().can_read() {
        return Some(SkipReason::WriteOnly);
    }
    let (path, action) = device.read_action_within(register.address(), register.bytes())?;
    Some(SkipReason::ReadChangesState { register: path.to_owned(), action })
}

/// Why a register cannot be read in one access.
pub(super) fn obstacle(register: &Register) -> Option<SkipReason> {
    let Some(bits) = register.access_bits() else {
        return Some(SkipReason::UnsupportedSize { bits: register.size() });
    };
    let address = register.address();
    (address % u64::from(bits / 8) != 0).then_some(SkipReason::Misaligned { address, bits })
}

fn plan(device: &Device, peripheral: &Peripheral, unguarded: bool) -> Plan {
    let registers = peripheral.registers();
    let mut order: Vec<_> = (0..registers.len()).collect();
    // Of views of one address the widest is read, and the narrower ones are cut out of it. Aligned accesses are nested or apart.
    order.sort_by_key(|&index| (registers[index].address(), std::cmp::Reverse(registers[index].bytes())));
    let mut runs: Vec<Run> = Vec::new();
    let mut origins: Vec<Option<Origin>> = registers.iter().map(|_| None).collect();
    for index in order {
        let register = &registers[index];
        let refused = if unguarded { None } else { refusal(device, register) };
        if let Some(reason) = obstacle(register).or(refused) {
            origins[index] = Some(Origin::Skipped(reason));
            continue;
        }
        let (address, bytes) = (register.address(), register.bytes());
        let bits = register.access_bits().unwrap_or(64);
        let shares_run = match runs.last_mut() {
            Some(run) if address < run.end() => true,
            Some(run) if address == run.end() && bits == run.bits && run.count < MOST_AT_ONCE => {
                run.count += 1;
                true
            }
            _ => false,
        };
        if !shares_run {
            runs.push(Run { address, bits, count: 1 });
        }
        let number = runs.len() - 1;
        let run = runs[number];
        let within = address - run.address;
        let element = usize::try_from(within / run.bytes()).unwrap_or(usize::MAX);
        let byte = within % run.bytes();
        let byte = if device.big_endian { run.bytes() - bytes - byte } else { byte };
        let shift = u32::try_from(byte * 8).unwrap_or(0);
        origins[index] = Some(Origin::Element { run: number, index: element, shift });
    }
    Plan { runs, origins: origins.into_iter().flatten().collect() }
}

/// What became of a run: its elements, each with its value or OpenOCD's refusal.
type Elements = Vec<Result<u64, Box<Failure>>>;

pub(super) fn peripheral(
    target: Target<'_>,
    device: &Device,
    peripheral: &Peripheral,
    unguarded: bool,
) -> Result<PeripheralReading> {
    let Plan { runs, origins } = plan(device, peripheral, unguarded);
    // Beyond 4 GiB OpenOCD may read elsewhere; the last run is the farthest.
    if let Some(run) = runs.last() {
        target.memory().check(run.address, run.bytes(), run.count)?;
    }
    let mut readings = read(target, &runs)?;
    // A run fails as a whole. Its elements are read one by one then, so that the one at fault does not take the others with it.
    let failed: Vec<_> = (0..runs.len()).filter(|&run| runs[run].count > 1 && readings[run].is_err()).collect();
    let single = |run: &usize| {
        let Run { address, bits, count } = runs[*run];
        (0..count as u64).map(move |index| Run { address: address + index * u64::from(bits / 8), bits, count: 1 })
    };
    let singles: Vec<_> = failed.iter().flat_map(single).collect();
    let mut again = read(target, &singles)?.into_iter().map(|reading| reading.map(|values| values[0]));
    let mut elements: Vec<Elements> = Vec::with_capacity(runs.len());
    for (run, reading) in readings.drain(..).enumerate() {
        elements.push(match reading {
            Ok(values) => values.into_iter().map(Ok).collect(),
            Err(_) if runs[run].count > 1 => again.by_ref().take(runs[run].count).collect(),
            Err(failure) => vec![Err(failure)],
        });
    }
    let mut result =
        PeripheralReading { peripheral: peripheral.name().to_owned(), registers: Vec::new(), unread: Vec::new() };
    for (register, origin) in peripheral.registers().iter().zip(origins) {
        let register = register.clone();
        let reason = match origin {
            Origin::Skipped(reason) => UnreadReason::Skipped(reason),
            Origin::Element { run, index, shift } => match &elements[run][index] {
                Ok(value) => {
                    let value = (value >> shift) & register.mask();
                    result.registers.push(DecodedRegister { register, value });
                    continue;
                }
                Err(failure) => UnreadReason::Failed(failure.clone()),
            },
        };
        result.unread.push(UnreadRegister { register, reason });
    }
    Ok(result)
}

/// Reads runs, as many as possible with one command.
fn read(target: Target<'_>, runs: &[Run]) -> Result<Vec<Result<Vec<u64>, Box<Failure>>>> {
    let mut readings = Vec::with_capacity(runs.len());
    let mut rest = runs;
    while !rest.is_empty() {
        let mut elements = 0;
        let fitting = rest.iter().take_while(|run| {
            elements += run.count;
            elements <= MOST_AT_ONCE
        });
        let (now, later) = rest.split_at(fitting.count().max(1));
        read_at_once(target, now, &mut readings)?;
        rest = later;
    }
    Ok(readings)
}

fn read_at_once(target: Target<'_>, runs: &[Run], readings: &mut Vec<Result<Vec<u64>, Box<Failure>>>) -> Result<()> {
    let mut script = String::from("_openocd_rs_1_read_runs {");
    for run in runs {
        let _ = write!(script, "{{{:#x} {} {}}} ", run.address, run.bits, run.count);
    }
    script.push('}');
    let request = target.request(script).shown(runs.first().map_or_else(String::new, command));
    target.session().run(&request, |reply| {
        let answer = reply.success(&request).map_err(|failure| Error::refused(failure, Error::from_failure))?;
        let mut answers = tcl::elements(answer);
        for run in runs {
            let reading = answers.next().and_then(Result::ok).and_then(|reading| outcome(run, &reading));
            let reading = reading.ok_or_else(|| unexpected(&request, answer))?;
            // The target must be halted for any access: then nothing was read, and that is for the caller to mend.
            if let Err(failure) = &reading {
                if failure.is_not_halted() {
                    return Err(Error::refused(failure.clone(), Error::from_failure));
                }
            }
            readings.push(reading);
        }
        Ok(())
    })?
}

fn command(run: &Run) -> String {
    format!("read_memory {:#x} {} {}", run.address, run.bits, run.count)
}

/// `CODE RESULT LOG` of a run.
fn outcome(run: &Run, reading: &[u8]) -> Option<Result<Vec<u64>, Box<Failure>>> {
    let [code, result, log] = tcl::elements(reading).take_array()?;
    let code = std::str::from_utf8(&code).ok()?.parse().ok()?;
    if code != 0 {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        return Some(Err(Box::new(Failure::new(command(run), code, text(&result), text(&log)))));
    }
    let mut values = vec![0; run.count];
    if run.bits == 64 {
        crate::memory::decode_halves(&result, &mut values)?;
    } else {
        decode(&result, &mut values)?;
        if values.iter().any(|value| value >> run.bits != 0) {
            return None;
        }
    }
    Some(Ok(values))
}

fn unexpected(request: &Request<'_>, answer: &[u8]) -> Error {
    let (command, reply) = (request.name().to_owned(), String::from_utf8_lossy(answer).into_owned());
    TargetError::UnexpectedReply { command, expected: "the outcome of each read", reply }.into()
}

#[cfg(test)]
mod tests;
