//! Reads answers of `mdb`, `mdh`, `mdw` and `mdd` (`src/target/target.c`,
//! `target_handle_md_output`).

use super::lanes::{digits, no_digits, value};
use super::numbers::Element;

/// The bytes that a line shows.
const LINE: usize = 32;

/// Reads the answer to a command that displays as many elements from `address` on as there is room
/// for: lines such as `0x20000000: 00000297 02028293 `. `None` for anything else, also if an
/// address is another than the one asked for.
pub(crate) fn decode<T: Element>(text: &[u8], address: u64, values: &mut [T]) -> Option<()> {
    let mut rest = text;
    let mut address = address;
    let mut full = values.chunks_exact_mut(LINE / (T::DIGITS / 2));
    for values in &mut full {
        rest = line(rest, address, values)?;
        address = address.wrapping_add(LINE as u64);
    }
    let last = full.into_remainder();
    if !last.is_empty() {
        rest = line(rest, address, last)?;
    }
    rest.is_empty().then_some(())
}

/// What follows a line.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "most lines have a number of values that the compiler knows then: a third faster"
)]
fn line<'t, T: Element>(text: &'t [u8], address: u64, values: &mut [T]) -> Option<&'t [u8]> {
    let after = after_address(text, address)?;
    let (numbers, end) = after.split_at_checked(values.len() * (T::DIGITS + 1))?;
    if !numbers_of(numbers, values) {
        return None;
    }
    // OpenOCD 0.12.0 ends the last line too.
    if end.is_empty() { Some(end) } else { end.strip_prefix(b"\n") }
}

/// What follows `0x20000000: `, which has eight digits, or as many more as the address needs.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
fn after_address(line: &[u8], address: u64) -> Option<&[u8]> {
    let mut rest = line.strip_prefix(b"0x")?;
    if let high @ 1.. = address >> 32 {
        rest = rest.strip_prefix(format!("{high:x}").as_bytes())?;
    }
    rest.strip_prefix(&digits(address as u32))?.strip_prefix(b": ")
}

/// Reads as many numbers as there are values, each with a blank after it. Without a branch for
/// each, so that the compiler can read several at once.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as above")]
fn numbers_of<T: Element>(numbers: &[u8], values: &mut [T]) -> bool {
    let mut unfit = 0;
    let mut blanks = 0;
    for (number, value) in numbers.chunks_exact(T::DIGITS + 1).zip(values) {
        let (digits, blank) = number.split_at(T::DIGITS);
        let (high, low) = digits.split_at(T::DIGITS.saturating_sub(8));
        let ((high, unfit_high), (low, unfit_low)) = (eight(high), eight(low));
        *value = T::of_digits(u64::from(high) << 32 | u64::from(low));
        unfit |= unfit_high | unfit_low;
        blanks |= blank[0] ^ b' ';
    }
    unfit == 0 && blanks == 0
}

/// The value of at most eight digits, and not 0 if there is anything else among them.
#[inline]
fn eight(digits: &[u8]) -> (u32, u64) {
    let mut bytes = [b'0'; 8];
    bytes[8 - digits.len()..].copy_from_slice(digits);
    let lanes = u64::from_le_bytes(bytes);
    (value(lanes), no_digits(lanes))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// What OpenOCD writes.
    fn display<T: Element>(address: u64, values: &[T]) -> String {
        let mut text = String::new();
        for (index, line) in values.chunks(LINE / (T::DIGITS / 2)).enumerate() {
            write!(text, "{:#010x}: ", address + (index * LINE) as u64).unwrap();
            for value in line {
                write!(text, "{:0digits$x} ", value.to_u64(), digits = T::DIGITS).unwrap();
            }
            text.push('\n');
        }
        text
    }

    fn there_and_back<T: Element + PartialEq + std::fmt::Debug>(address: u64) {
        for count in 0..70 {
            let values: Vec<_> = (0..count).map(|n| T::of_digits(0x9e37_79b9_7f4a_7c15_u64.rotate_left(n))).collect();
            let text = display(address, &values);
            for text in [&*text, text.trim_end_matches('\n')] {
                let mut read = vec![T::default(); values.len()];
                assert_eq!(decode(text.as_bytes(), address, &mut read), Some(()), "{text}");
                assert_eq!(read, values, "{text}");
            }
        }
    }

    #[test]
    fn all_widths_and_counts_at_addresses_of_any_length() {
        for address in [0, 0x20, 0x2000_0000, 0xffff_ffe0, 0x1_0000_0000, 0x1234_5678_9abc_def0] {
            there_and_back::<u8>(address);
            there_and_back::<u16>(address);
            there_and_back::<u32>(address);
            there_and_back::<u64>(address);
        }
    }

    #[test]
    fn no_other_byte_anywhere() {
        let values: Vec<u32> = (0..9).map(|n| n * 0x1357_9bdf).collect();
        let text = display(0x2000_0000, &values).into_bytes();
        let mut read = [0_u32; 9];
        for at in 0..text.len() - 1 {
            for byte in 0..=255 {
                let mut other = text.clone();
                other[at] = byte;
                let is_digit = byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
                // Another digit of a number is another number, and no digit of an address may
                // change.
                let is_of_a_number = (12..84).contains(&at) && (at - 12) % 9 < 8 || (97..105).contains(&at);
                let expected = byte == text[at] || (is_digit && is_of_a_number);
                assert_eq!(decode(&other, 0x2000_0000, &mut read).is_some(), expected, "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn neither_more_nor_less_than_asked_for() {
        let text = b"0x20000000: 00000297 02028293 \n";
        let decode = |text: &[u8], count| decode(text, 0x2000_0000, &mut vec![0_u32; count]);
        assert_eq!(decode(text, 2), Some(()));
        for count in [0, 1, 3, 8, 9] {
            assert_eq!(decode(text, count), None, "{count}");
        }
        for end in 0..text.len() - 1 {
            assert_eq!(decode(&text[..end], 2), None, "{end}");
        }
        assert_eq!(decode(b"0x20000000: 00000297 02028293 \n\n", 2), None);
        assert_eq!(decode(b"", 0), Some(()));
    }
}
