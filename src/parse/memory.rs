//! Answers of the memory commands.

/// A memory element: what OpenOCD prints as one number.
pub(crate) trait Element: Copy + Default + std::fmt::LowerHex {
    /// Its width in bits, as the memory commands take it.
    const BITS: u32;
    /// From a number that fits.
    fn from_u64(value: u64) -> Option<Self>;
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
            fn to_u64(self) -> u64 {
                self.into()
            }
        }
    )*};
}
element!(u8, u16, u32, u64);

/// Reads the answer of `read_memory`, `0x297 0x2028293`, into `values`: exactly as many numbers as there is room for, each within
/// its type. `None` for anything else.
///
/// OpenOCD separates by blanks; master has written other lists with newlines, so any white space does.
pub(crate) fn decode<T: Element>(text: &[u8], values: &mut [T]) -> Option<()> {
    let mut rest = text;
    for value in values {
        let start = rest.iter().position(|b| !b.is_ascii_whitespace())?;
        let (number, after) = hex_number(&rest[start..])?;
        if after.first().is_some_and(|b| !b.is_ascii_whitespace()) {
            return None;
        }
        *value = T::from_u64(number)?;
        rest = after;
    }
    rest.iter().all(u8::is_ascii_whitespace).then_some(())
}

/// `0x` and 1 to 16 digits; gives what follows.
fn hex_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.strip_prefix(b"0x")?;
    let mut value = 0_u64;
    let mut length = 0;
    while let Some(digit) = digits.get(length).and_then(|&b| char::from(b).to_digit(16)) {
        if value >> 60 != 0 {
            return None;
        }
        value = value << 4 | u64::from(digit);
        length += 1;
    }
    (length > 0).then_some((value, &digits[length..]))
}

/// The address in a line such as `Failed to read memory at 0x2000500c` (`src/target/arm_adi_v5.c`), which tells where an
/// ARM bus faulted. `range` is what was accessed: an address elsewhere is of something else.
pub(crate) fn fault_address(log: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let lines = log.lines().filter_map(|line| line.split_once("memory at 0x"));
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
    fn valid_answers() {
        assert_eq!(decoded::<u32>("0x297 0x2028293", 2), Some(vec![0x297, 0x202_8293]));
        assert_eq!(decoded::<u8>("0x0\n0xff\n", 2), Some(vec![0, 0xff]));
        assert_eq!(decoded::<u64>("0xffffffffffffffff", 1), Some(vec![u64::MAX]));
        assert_eq!(decoded::<u16>("0xABCD", 1), Some(vec![0xabcd]));
        assert_eq!(decoded::<u32>("", 0), Some(vec![]));
    }

    #[test]
    fn invalid_count() {
        assert_eq!(decoded::<u32>("0x1", 2), None);
        assert_eq!(decoded::<u32>("0x1 0x2", 1), None);
        assert_eq!(decoded::<u32>("", 1), None);
    }

    #[test]
    fn invalid_numbers() {
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
        assert_eq!(fault_address("Failed to write memory and, additionally, failed to find out where", 0..=9), None);
        assert_eq!(fault_address("Failed to read memory at 0x", 0..=9), None);
    }
}
