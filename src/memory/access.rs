//! Reads and writes of elements of one width: checks, chunks, commands and their answers.

use std::cell::RefCell;
use std::fmt::Write as _;

use super::Memory;
use super::pace::{Pace, Series};
use crate::command::{Reply, Request};
use crate::error::{Error, Failure, InvalidArgument, Result, TargetError, UnexpectedReply};
use crate::memory::display;
use crate::memory::numbers::{Element, fault_address};
use crate::wire::tcl;

/// How many elements one command writes: this many take a slow probe (a few kB/s) a few seconds, well within the default timeout,
/// and the round trip between two chunks costs a fast one next to nothing.
pub(super) const CHUNK: usize = 4096;

/// Room for `count` elements; an error, not an abort, for a count that no machine has room for.
pub(super) fn room<T: Element>(address: u64, count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| {
        TargetError::InvalidArgument(InvalidArgument {
            argument: "the number of elements to read",
            given: format!("{count} at {address:#010x}"),
            expected: "one that there is room for in this program's memory",
        })
    })?;
    values.resize(count, T::default());
    Ok(values)
}

/// The bytes that an element of this type takes.
pub(crate) const fn width<T: Element>() -> u64 {
    T::BITS as u64 / 8
}

impl Memory<'_> {
    pub(super) fn check(&self, address: u64, width: u64, count: usize) -> Result<()> {
        self.target.check_range(address, width, count, self.physical)
    }

    pub(super) fn read_elements<T: Element>(&self, address: u64, values: &mut [T]) -> Result<()> {
        self.check(address, width::<T>(), values.len())?;
        if values.is_empty() {
            return Ok(());
        }
        let request = self.target().request("").shown(read_command(address, T::BITS, values.len(), self.suffix()));
        let mut done = 0;
        while done < values.len() {
            let address = address.wrapping_add(done as u64 * width::<T>());
            done += self.read_series(&request, address, &mut values[done..])?;
        }
        Ok(())
    }

    /// Reads the first of the values, and tells how many.
    fn read_series<T: Element>(&self, request: &Request<'_>, address: u64, values: &mut [T]) -> Result<usize> {
        let (session, width) = (self.target().session(), size_of::<T>());
        let pace = Pace::of(session);
        let series = RefCell::new(Series::new(size_of_val(values), 0, &pace));
        let at = |begin: usize| address.wrapping_add(begin as u64);
        let prepare = |script: &mut String| {
            let asked = series.borrow_mut().ask();
            if let Some((begin, length)) = asked {
                push_read::<T>(script, at(begin), length / width, self.suffix());
            }
            asked.is_some()
        };
        let read = session.run_series(request, prepare, |reply| {
            let (begin, length) = series.borrow_mut().answered();
            take_elements(request, reply, at(begin), &mut values[begin / width..(begin + length) / width])
        });
        read.inspect_err(|_| pace.forget())?;
        Ok(series.into_inner().end() / width)
    }

    pub(super) fn write_elements<T: Element>(&self, address: u64, values: &[T]) -> Result<()> {
        self.check(address, width::<T>(), values.len())?;
        for (index, chunk) in values.chunks(CHUNK).enumerate() {
            let address = address + (index * CHUNK) as u64 * width::<T>();
            let request = write_request(address, chunk, self.suffix()).on(self.target().name());
            self.run_write(&request, address, chunk.len() as u64 * width::<T>())?;
        }
        Ok(())
    }

    /// Sends a command that writes the `length` bytes from `address`.
    pub(super) fn run_write(&self, request: &Request<'_>, address: u64, length: u64) -> Result<()> {
        self.target().session().run(request, |reply| take_written(request, reply, address, length))?
    }

    /// The option that follows the arguments of a memory command.
    pub(super) fn suffix(&self) -> &'static str {
        if self.physical { " phys" } else { "" }
    }

    /// A request of a transfer of bytes, on this view's target and in its time.
    pub(super) fn in_its_time<'r>(&'r self, request: Request<'r>) -> Request<'r> {
        Request { timeout: self.timeout, ..request.on(self.target.name()) }
    }

    pub(super) fn target(&self) -> crate::Target<'_> {
        self.target
    }
}

/// Appends the script that reads elements.
pub(crate) fn push_read<T: Element>(script: &mut String, address: u64, count: usize, suffix: &str) {
    match T::BITS {
        64 => {
            let _ = write!(script, "_openocd_rs_1_display64 {address:#x} {count}{suffix}");
        }
        bits => push_display(script, address, bits, count, suffix),
    }
}

/// Appends the script that displays elements. Not `read_memory`: newer OpenOCD copies its whole answer once more for each number (`command_vprint` in
/// `src/helper/command.c`), and `mdw` for each line only, so that 16384 words take 1.6 s and not 3.5; nor does `read_memory` of 0.12.0 have error numbers.
pub(super) fn push_display(script: &mut String, address: u64, bits: u32, count: usize, suffix: &str) {
    let command = display_command(bits);
    let _ = match count {
        1 => write!(script, "{command}{suffix} {address:#x} 1"),
        _ => write!(script, "_openocd_rs_1_display {command} {address:#x} {count}{suffix}"),
    };
}

/// The command that a user would type for a read.
pub(crate) fn read_command(address: u64, bits: u32, count: usize, suffix: &str) -> String {
    format!("{}{suffix} {address:#x} {count}", display_command(bits))
}

fn display_command(bits: u32) -> &'static str {
    match bits {
        8 => "mdb",
        16 => "mdh",
        32 => "mdw",
        _ => "mdd",
    }
}

pub(crate) fn take_elements<T: Element>(
    request: &Request<'_>,
    reply: &Reply<'_>,
    address: u64,
    values: &mut [T],
) -> Result<()> {
    let length = values.len() as u64 * width::<T>();
    let answer = reply.success(request).map_err(|failure| read_refused(address, length, failure))?;
    decode(answer, address, values).ok_or_else(|| unexpected(request, "as many numbers as asked for", reply))
}

/// Reads the answer to the script of [`push_read`].
pub(crate) fn decode<T: Element>(answer: &[u8], address: u64, values: &mut [T]) -> Option<()> {
    if T::BITS == 64 { decode_halves(answer, address, values) } else { display::decode(answer, address, values) }
}

pub(crate) fn write_request<T: Element>(address: u64, values: &[T], suffix: &str) -> Request<'static> {
    let bits = T::BITS;
    let list = hex_list(values.iter().copied());
    let script = match bits {
        64 => {
            let halves = hex_list(values.iter().flat_map(|value| low_and_high(*value)));
            format!("_openocd_rs_1_write64 {address:#x} {{{list}}} {{{halves}}}{suffix}")
        }
        _ => format!("write_memory {address:#x} {bits} {{{list}}}{suffix}\n_openocd_rs_1_check_write"),
    };
    Request::new(script).shown(format!("write_memory {address:#x} {bits} {{{}}}{suffix}", abridged(&list)))
}

pub(crate) fn take_written(request: &Request<'_>, reply: &Reply<'_>, address: u64, length: u64) -> Result<()> {
    match reply.success(request) {
        Ok(_) => Ok(()),
        Err(failure) => Err(write_refused(address, length, failure)),
    }
}

/// The answer of `_openocd_rs_1_display64`: `64 ELEMENTS`, or `32 little WORDS`, displayed.
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

fn low_and_high<T: Element>(value: T) -> [u32; 2] {
    let value: u64 = value.to_u64();
    #[allow(clippy::cast_possible_truncation, reason = "the two halves are what is wanted")]
    [value as u32, (value >> 32) as u32]
}

/// `0x1 0x2 0x3`
pub(crate) fn hex_list<T: Element>(values: impl Iterator<Item = T>) -> String {
    let mut list = String::new();
    for value in values {
        let _ = write!(list, "{value:#x} ");
    }
    list.pop();
    list
}

/// The first few values, for a message.
pub(super) fn abridged(list: &str) -> String {
    match list.char_indices().filter(|(_, c)| *c == ' ').nth(7) {
        Some((at, _)) => format!("{} …", &list[..at]),
        None => list.to_owned(),
    }
}

pub(super) fn read_refused(address: u64, length: u64, failure: Box<Failure>) -> Error {
    Error::refused(failure, |failure| {
        let address = fault_address(failure.log(), address..=address + (length - 1)).unwrap_or(address);
        TargetError::MemoryRead { address, failure }.into()
    })
}

fn write_refused(address: u64, length: u64, failure: Box<Failure>) -> Error {
    Error::refused(failure, |failure| {
        let fault = fault_address(failure.log(), address..=address + (length - 1));
        TargetError::MemoryWrite { address: fault.unwrap_or(address), written_to: address, failure }.into()
    })
}

pub(super) fn unexpected(request: &Request<'_>, expected: &'static str, reply: &Reply<'_>) -> Error {
    let (command, reply) = (request.name().to_owned(), String::from_utf8_lossy(&reply.result).into_owned());
    TargetError::UnexpectedReply(UnexpectedReply { command, expected, reply }).into()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn invalid_halves() {
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
    fn lists_for_commands_and_for_messages() {
        assert_eq!(hex_list([1_u8, 0xff].into_iter()), "0x1 0xff");
        assert_eq!(abridged("0x1 0x2"), "0x1 0x2");
        assert_eq!(abridged("1 2 3 4 5 6 7 8 9"), "1 2 3 4 5 6 7 8 …");
    }
}
