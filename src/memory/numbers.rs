//! Reads answers of `read_memory`, and the address at which a memory access failed.

use super::lanes::{no_digits, value};

/// A memory element: what OpenOCD prints as one number.
pub(crate) trait Element: Copy + Default + std::fmt::LowerHex {
    /// Its width in bits, as the memory commands take it.
    const BITS: u32;
    /// The digits that the memory commands display it with.
    const DIGITS: usize = Self::BITS as usize / 4;
    /// From a number that fits.
    fn from_u64(value: u64) -> Option<Self>;
    /// From a number of no more than its own digits.
    fn of_digits(value: u64) -> Self;
    /// As a number.
    fn to_u64(self) -> u64;
}

macro_rules! element {
    ($($type:ty),*) => {$(
        impl Element for $type {
            const BITS: u32 = <$type>::BITS;
            fn from_u64(value: u64) -> Option<Self> {
                value.try_into().ok()
            }
            #[allow(clippy::cast_possible_truncation, reason = "its digits are no more than fit")]
            fn of_digits(value: u64) -> Self {
                value as $type
            }
            fn to_u64(self) -> u64 {
                self.into()
            }
        }
    )*};
}
element!(u8, u16, u32, u64);

/// Reads the answer of `read_memory`, `0x297 0x2028293`, into `values`: exactly as many numbers as
/// there is room for, each within its type. `None` for anything else.
///
/// OpenOCD separates by blanks; master has written other lists with newlines, so any white space
/// does.
pub(crate) fn decode<T: Element>(text: &[u8], values: &mut [T]) -> Option<()> {
    let mut rest = text;
    for value in values {
        let number;
        (number, rest) = match short_number(rest) {
            Some(found) => found,
            None => any_number(rest)?,
        };
        *value = T::from_u64(number)?;
    }
    rest.iter().all(u8::is_ascii_whitespace).then_some(())
}

/// The common case, without a check per byte: a number of up to eight digits with one separator
/// after it, and more to come.
#[inline]
fn short_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let [b'0', b'x', digits @ ..] = text.first_chunk::<11>()? else { return None };
    let lanes = u64::from_le_bytes(*digits.first_chunk()?);
    let others = no_digits(lanes);
    // Most numbers have eight digits. A branch of their own lets the processor go on to the next
    // one before it knows.
    if others == 0 && digits[8].is_ascii_whitespace() {
        return Some((value(lanes).into(), &text[11..]));
    }
    let (number, length) = hex_digits(*digits.first_chunk()?);
    (length > 0 && digits[length].is_ascii_whitespace()).then(|| (number, &text[3 + length..]))
}

/// White space, `0x`, 1 to 16 digits, and white space or the end, which are what it gives of the
/// rest.
fn any_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut rest = text.trim_ascii_start().strip_prefix(b"0x")?;
    let mut number = 0;
    let mut total = 0;
    loop {
        // Missing bytes are 0, which is no digit.
        let mut bytes = [0; 8];
        let there = rest.len().min(8);
        bytes[..there].copy_from_slice(&rest[..there]);
        let (digits, length) = hex_digits(bytes);
        total += length;
        if total > 16 {
            return None;
        }
        number = number << (4 * length) | digits;
        rest = &rest[length..];
        if length < 8 {
            let ended = rest.first().is_none_or(u8::is_ascii_whitespace);
            return (total > 0 && ended).then_some((number, rest));
        }
    }
}

/// The value of the hexadecimal digits that eight bytes begin with, and their number.
fn hex_digits(bytes: [u8; 8]) -> (u64, usize) {
    let lanes = u64::from_le_bytes(bytes);
    let length = no_digits(lanes).trailing_zeros() / 8;
    // The digits go to the upper lanes, zeros before them.
    (value(lanes.checked_shl(64 - 8 * length).unwrap_or(0)).into(), length as usize)
}

/// The address in a line such as `Failed to read memory at 0x2000500c` (`src/target/arm_adi_v5.c`),
/// which tells where an ARM bus faulted, or `Failed to read memory (addr=0x80100000)`
/// (`src/target/riscv/riscv-013.c`), which tells where the access began. `range` is what was
/// accessed: an address elsewhere is of something else.
pub(crate) fn fault_address(log: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let lines =
        log.lines().filter_map(|line| line.split_once("memory at 0x").or_else(|| line.split_once("memory (addr=0x")));
    let mut addresses = lines.filter_map(|(_, address)| {
        let end = address.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(address.len());
        u64::from_str_radix(&address[..end], 16).ok()
    });
    addresses.find(|address| range.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded<T: Element>(text: &str, count: usize) -> Option<Vec<T>> {
        let mut values = vec![T::default(); count];
        decode(text.as_bytes(), &mut values).map(|()| values)
    }

    #[test]
    fn valid_replies_are_read() {
        assert_eq!(decoded::<u32>("0x297 0x2028293", 2), Some(vec![0x297, 0x202_8293]));
        assert_eq!(decoded::<u8>("0x0\n0xff\n", 2), Some(vec![0, 0xff]));
        assert_eq!(decoded::<u64>("0xffffffffffffffff", 1), Some(vec![u64::MAX]));
        assert_eq!(decoded::<u16>("0xabcd", 1), Some(vec![0xabcd]));
        assert_eq!(decoded::<u64>("0x123456789 0xabcdef01", 2), Some(vec![0x1_2345_6789, 0xabcd_ef01]));
        assert_eq!(decoded::<u64>("0x0000000000000001", 1), Some(vec![1]));
        assert_eq!(decoded::<u32>("", 0), Some(vec![]));
    }

    #[test]
    fn digits_of_every_length_and_nothing_else() {
        for length in 0..=8 {
            let digits = &"89abcdef"[..length];
            let value = u64::from_str_radix(digits, 16).unwrap_or(0);
            for byte in 0..=255_u8 {
                let mut text = digits.as_bytes().to_vec();
                text.push(byte);
                let expected = match char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase() && length < 8)
                {
                    Some(digit) => (value << 4 | u64::from(digit), length + 1),
                    None => (value, length),
                };
                text.resize(8.max(text.len()), b' ');
                assert_eq!(hex_digits(*text.first_chunk().unwrap()), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn another_count_of_numbers_is_refused() {
        assert_eq!(decoded::<u32>("0x1", 2), None);
        assert_eq!(decoded::<u32>("0x1 0x2", 1), None);
        assert_eq!(decoded::<u32>("", 1), None);
    }

    #[test]
    fn invalid_numbers_are_refused() {
        for text in ["1", "0x", "0xg", "x1", "0x1zz", "-0x1", "0x0failed to read memory", "0x11111111111111111"] {
            assert_eq!(decoded::<u64>(text, 1), None, "{text:?}");
        }
        assert_eq!(decoded::<u8>("0x100", 1), None);
        assert_eq!(decoded::<u16>("0x10000", 1), None);
        assert_eq!(decoded::<u32>("0x100000000", 1), None);
    }

    #[test]
    fn the_address_of_a_fault() {
        let log = "JTAG-DP STICKY ERROR\nFailed to read memory at 0x2000500c\n";
        assert_eq!(fault_address(log, 0x2000_5000..=0x2000_5fff), Some(0x2000_500c));
        assert_eq!(fault_address(log, 0..=0xff), None);
        let log = "Target hart0.cpu: Failed to read memory (addr=0x80100004)\n  progbuf=failed, sysbus=failed, abstract=failed\n";
        assert_eq!(fault_address(log, 0x8010_0000..=0x8010_0007), Some(0x8010_0004));
        assert_eq!(fault_address("Failed to write memory and, additionally, failed to find out where", 0..=9), None);
        assert_eq!(fault_address("Failed to read memory at 0x", 0..=9), None);
    }
}
