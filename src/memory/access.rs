//! The commands that read and write elements of one width, and their answers.

use std::marker::PhantomData;

use super::Memory;
use super::display;
use super::numbers::{Element, fault_address};
use crate::command::{Request, Script};
use crate::error::{Error, Failure, Result, TargetError};
use crate::progress::ProgressReport;
use crate::types::Phase;
use crate::wire::tcl;

/// What every reply to a read should hold.
pub(crate) const ALL_ELEMENTS: &str = "as many numbers as were asked for";

/// How a transfer accesses memory: elements of one width, or bytes by the widest access.
///
/// All addresses are whole items, and a command moves any number of them.
pub(crate) trait Access {
    /// What values in this program are made of.
    type Item: Copy + Default;
    /// Bytes of one access of the target.
    const ACCESS_BYTES: usize;
    /// Appends the script that reads `count` items. `option` follows the arguments of each memory
    /// command.
    fn read(script: Script, address: u64, count: usize, option: &'static str) -> Script;
    /// Reads the answer to that script.
    fn decode(answer: &[u8], address: u64, values: &mut [Self::Item]) -> Option<()>;
    /// The script that writes items, and the command that a user would type.
    fn write(address: u64, values: &[Self::Item], option: &'static str) -> (Script, String);
}

/// Accesses of exactly the width of `T`.
pub(crate) struct Elements<T>(PhantomData<T>);

impl<T: Element> Access for Elements<T> {
    type Item = T;
    const ACCESS_BYTES: usize = T::BITS as usize / 8;

    fn read(script: Script, address: u64, count: usize, option: &'static str) -> Script {
        match (T::BITS, count) {
            (64, _) => script.and_call("display64").hex(address).number(count as u64).literal(option),
            // Without the procedure: it has nothing to check about one element.
            (bits, 1) => script.and(display_command(bits)).literal(option).hex(address).number(1_u32),
            (bits, _) => {
                let script = script.and_call("display").literal(display_command(bits));
                script.hex(address).number(count as u64).literal(option)
            }
        }
    }

    fn decode(answer: &[u8], address: u64, values: &mut [T]) -> Option<()> {
        if T::BITS == 64 { decode_halves(answer, address, values) } else { display::decode(answer, address, values) }
    }

    fn write(address: u64, values: &[T], option: &'static str) -> (Script, String) {
        let numbers = values.iter().map(|value| value.to_u64());
        let script = if T::BITS == 64 {
            let halves = values.iter().flat_map(|value| low_and_high(value.to_u64()));
            Script::call("write64").hex(address).hex_list(numbers).hex_list(halves).literal(option)
        } else {
            let script = Script::command("write_memory").hex(address).number(T::BITS).hex_list(numbers);
            script.literal(option).and_call("check_write")
        };
        (script, write_command(address, T::BITS, values, option))
    }
}

impl<R: ProgressReport> Memory<'_, R> {
    /// Refuses `length` bytes at `address` unless the target can have them.
    pub(super) fn check(&self, address: u64, width: u64, length: u64) -> Result<()> {
        self.target.check_range(address, width, length / width, self.physical)
    }

    /// Refuses elements at `address` unless the target can have them.
    pub(super) fn check_items<A: Access>(&self, address: u64, count: usize) -> Result<()> {
        let width = size_of::<A::Item>() as u64;
        self.check(address, width, (count as u64).saturating_mul(width))
    }

    /// The option that follows the arguments of a memory command.
    pub(super) fn option(&self) -> &'static str {
        if self.physical { "phys" } else { "" }
    }

    /// A request on this view's target, in this view's time.
    pub(super) fn request(&self, script: Script) -> Request<'_> {
        Request { timeout: self.timeout, ..self.target.request(script) }
    }
}

impl<R: ProgressReport> Memory<'_, R> {
    pub(super) fn read_elements<T: Element>(&self, address: u64, values: &mut [T]) -> Result<()> {
        self.check_items::<Elements<T>>(address, values.len())?;
        let mut tracker = self.begin(Phase::Read, size_of_val(values) as u64, address)?;
        let shown = read_command(address, T::BITS, values.len(), self.option());
        let mut pace = self.read_pace::<Elements<T>>();
        self.fill::<Elements<T>>(address, values, &shown, &mut pace, &mut tracker)
    }

    pub(super) fn read_element_vec<T: Element>(&self, address: u64, count: usize) -> Result<Vec<T>> {
        self.check_items::<Elements<T>>(address, count)?;
        let mut tracker = self.begin(Phase::Read, count as u64 * (u64::from(T::BITS) / 8), address)?;
        let shown = read_command(address, T::BITS, count, self.option());
        self.read_vec::<Elements<T>>(address, count, &shown, &mut tracker)
    }

    pub(super) fn write_elements<T: Element>(&self, address: u64, values: &[T]) -> Result<()> {
        self.check_items::<Elements<T>>(address, values.len())?;
        let mut tracker = self.begin(Phase::Write, size_of_val(values) as u64, address)?;
        self.write_all::<Elements<T>>(address, values, &mut self.write_pace::<Elements<T>>(), &mut tracker)
    }
}

/// The script that reads `count` elements.
#[cfg(feature = "svd")]
pub(crate) fn read_script<T: Element>(address: u64, count: usize, option: &'static str) -> Script {
    Elements::<T>::read(Script::default(), address, count, option)
}

/// Reads the reply to [`read_script`].
#[cfg(feature = "svd")]
pub(crate) fn decode<T: Element>(answer: &[u8], address: u64, values: &mut [T]) -> Option<()> {
    Elements::<T>::decode(answer, address, values)
}

/// The command that a user would type for a read.
pub(crate) fn read_command(address: u64, bits: u32, count: usize, option: &str) -> String {
    let blank = if option.is_empty() { "" } else { " " };
    format!("{}{blank}{option} {address:#x} {count}", display_command(bits))
}

/// The command that a user would type for a write, with the first few values.
pub(super) fn write_command<T: Element>(address: u64, bits: u32, values: &[T], option: &str) -> String {
    const SHOWN: usize = 8;
    let first: Vec<_> = values.iter().take(SHOWN).map(|value| format!("{value:#x}")).collect();
    let more = if values.len() > SHOWN { " …" } else { "" };
    let blank = if option.is_empty() { "" } else { " " };
    format!("write_memory {address:#x} {bits} {{{}{more}}}{blank}{option}", first.join(" "))
}

/// The command that displays elements. Not `read_memory`: newer OpenOCD copies its whole answer
/// once more for each number (`command_vprint` in `src/helper/command.c`), and `mdw` for each line
/// only, so that 16384 words take 1.6 s and not 3.5. `read_memory` of 0.12.0 lacks error numbers,
/// too.
pub(super) fn display_command(bits: u32) -> &'static str {
    match bits {
        8 => "mdb",
        16 => "mdh",
        32 => "mdw",
        _ => "mdd",
    }
}

/// The answer of `display64`: `64 ELEMENTS`, or `32 little WORDS`, displayed.
fn decode_halves<T: Element>(answer: &[u8], address: u64, values: &mut [T]) -> Option<()> {
    let mut elements = tcl::elements(answer);
    let [bits, next] = elements.take_array()?;
    match &*bits {
        b"64" => display::decode(&next, address, values),
        b"32" => {
            let [numbers] = elements.take_array()?;
            let mut halves = vec![0_u32; values.len() * 2];
            display::decode(&numbers, address, &mut halves)?;
            for (value, half) in values.iter_mut().zip(halves.chunks_exact(2)) {
                let (low, high) = if *next == *b"big" { (half[1], half[0]) } else { (half[0], half[1]) };
                *value = T::from_u64(u64::from(high) << 32 | u64::from(low))?;
            }
            Some(())
        }
        _ => None,
    }
}

fn low_and_high(value: u64) -> [u32; 2] {
    #[allow(clippy::cast_possible_truncation, reason = "the two halves are what is wanted")]
    [value as u32, (value >> 32) as u32]
}

/// The error of a refused read of `length` bytes from `address`.
pub(crate) fn read_refused(address: u64, length: u64, failure: Box<Failure>) -> Error {
    let at = fault_address(failure.log(), address..=last_of(address, length)).unwrap_or(address);
    refused(failure, |failure| TargetError::MemoryRead { address: at, failure })
}

/// The error of a refused write of `length` bytes from `address`.
pub(crate) fn write_refused(address: u64, length: u64, failure: Box<Failure>) -> Error {
    let at = fault_address(failure.log(), address..=last_of(address, length)).unwrap_or(address);
    refused(failure, |failure| TargetError::MemoryWrite { address: at, written_to: address, failure })
}

fn refused(failure: Box<Failure>, specific: impl FnOnce(Box<Failure>) -> TargetError) -> Error {
    Error::refused(failure, |failure| specific(failure).into())
}

fn last_of(address: u64, length: u64) -> u64 {
    address.saturating_add(length.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(answer: &[u8], address: u64, values: &mut [u64]) -> Option<()> {
        Elements::<u64>::decode(answer, address, values)
    }

    #[test]
    fn two_halves_make_a_value_in_either_byte_order() {
        let mut values = [0_u64; 2];
        decode(b"32 little {0x00000100: 00000001 00000002 00000003 00000000 }", 0x100, &mut values).unwrap();
        assert_eq!(values, [0x2_0000_0001, 3]);
        decode(b"32 big {0x00000100: 00000001 00000002 00000003 00000000 \n}", 0x100, &mut values).unwrap();
        assert_eq!(values, [0x1_0000_0002, 0x3_0000_0000]);
        decode(b"64 {0x00000100: ffffffffffffffff 0000000000000000 }", 0x100, &mut values).unwrap();
        assert_eq!(values, [u64::MAX, 0]);
    }

    #[test]
    fn invalid_halves_are_refused() {
        for answer in [
            "",
            "64",
            "64 1",
            "32 little {0x00000000: 00000001 00000002 00000003 }",
            "16 {0x00000000: 00000001 00000002 }",
        ] {
            assert_eq!(decode(answer.as_bytes(), 0, &mut [0_u64; 2]), None, "{answer:?}");
        }
    }

    #[test]
    fn messages_show_the_first_few_values() {
        assert_eq!(write_command(0x10, 8, &[1_u8, 0xff], ""), "write_memory 0x10 8 {0x1 0xff}");
        assert_eq!(
            write_command(0x10, 16, &[1_u16, 2, 3, 4, 5, 6, 7, 8, 9], "phys"),
            "write_memory 0x10 16 {0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8 …} phys"
        );
        assert_eq!(read_command(0x10, 32, 4, "phys"), "mdw phys 0x10 4");
    }
}
