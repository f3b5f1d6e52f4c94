//! Register values of 1 to 512 bits.

use std::fmt;

/// The value of a register: an unsigned number of 1 to 512 bits.
///
/// ```
/// use openocd::RegisterValue;
///
/// let value = RegisterValue::from(0x0800_0101_u32);
/// assert_eq!(value.to_u64(), Some(0x0800_0101));
/// assert_eq!(value.to_string(), "0x08000101");
///
/// let vector = RegisterValue::from_le_bytes(&[0xff; 16]).unwrap();
/// assert_eq!((vector.bits(), vector.to_u64(), vector.to_u128()), (128, None, Some(u128::MAX)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RegisterValue {
    bits: u32,
    /// Little-endian; zero beyond `bits`.
    bytes: [u8; Self::MAX_BITS as usize / 8],
}

impl RegisterValue {
    /// The widest register that a value can hold, in bits.
    pub const MAX_BITS: u32 = 512;

    /// Makes a value from its bytes, the lowest byte first; `None` for no bytes or more than 64.
    pub fn from_le_bytes(bytes: &[u8]) -> Option<Self> {
        let bits = u32::try_from(bytes.len()).ok()?.checked_mul(8)?;
        if bits == 0 || bits > Self::MAX_BITS {
            return None;
        }
        let mut value = RegisterValue { bits, bytes: [0; 64] };
        value.bytes[..bytes.len()].copy_from_slice(bytes);
        Some(value)
    }

    /// Reads a value of `bits` bits from hexadecimal digits, the highest first; `None` if it does
    /// not fit or is no number.
    pub(crate) fn parse_hex(digits: &str, bits: u32) -> Option<Self> {
        let mut value = RegisterValue { bits, bytes: [0; 64] };
        if digits.is_empty() {
            return None;
        }
        for (at, digit) in digits.bytes().rev().enumerate() {
            let digit = u8::try_from(char::from(digit).to_digit(16)?).ok()?;
            match value.bytes.get_mut(at / 2) {
                Some(byte) => *byte |= digit << (at % 2 * 4),
                None if digit == 0 => {}
                None => return None,
            }
        }
        (value.significant_bits() <= bits).then_some(value)
    }

    /// Returns the width of the register, in bits.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// The number of bits that the number takes: the position of its highest 1, counted from 1.
    pub(crate) fn significant_bits(&self) -> u32 {
        let numbered = (1_u32..).zip(&self.bytes).filter(|(_, byte)| **byte != 0);
        numbered.last().map_or(0, |(count, byte)| count * 8 - byte.leading_zeros())
    }

    /// Returns the number, if it fits into 64 bits.
    pub fn to_u64(&self) -> Option<u64> {
        self.to_u128()?.try_into().ok()
    }

    /// Returns the number, if it fits into 128 bits.
    pub fn to_u128(&self) -> Option<u128> {
        let (low, high) = self.bytes.split_first_chunk()?;
        high.iter().all(|&byte| byte == 0).then(|| u128::from_le_bytes(*low))
    }

    /// Returns the bytes, the lowest first: as many as the width of the register takes.
    pub fn to_le_bytes(&self) -> &[u8] {
        &self.bytes[..self.bits.div_ceil(8) as usize]
    }
}

/// `0x` and as many hexadecimal digits as the width of the register takes.
impl fmt::Display for RegisterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        let mut bytes = self.to_le_bytes().iter().rev();
        if self.bits.div_ceil(4) % 2 == 1 {
            // The topmost byte has one digit only.
            bytes.next().map_or(Ok(()), |byte| write!(f, "{byte:x}"))?;
        }
        bytes.try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RegisterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({} bits)", self.bits)
    }
}

macro_rules! from_number {
    ($($number:ty),*) => {$(
        impl From<$number> for RegisterValue {
            fn from(number: $number) -> Self {
                let mut bytes = [0; 64];
                let own = number.to_le_bytes();
                bytes[..own.len()].copy_from_slice(&own);
                RegisterValue { bits: <$number>::BITS, bytes }
            }
        }
    )*};
}
from_number!(u8, u16, u32, u64, u128, usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_of_any_width_is_read() {
        for (digits, bits, text) in [
            ("12345678", 32, "0x12345678"),
            ("0", 1, "0x0"),
            ("01", 1, "0x1"),
            ("1f", 5, "0x1f"),
            ("00000fff", 12, "0xfff"),
            ("112233445566778899aabbccddeeff00", 128, "0x112233445566778899aabbccddeeff00"),
        ] {
            assert_eq!(RegisterValue::parse_hex(digits, bits).unwrap().to_string(), text, "{digits} {bits}");
        }
        let widest = RegisterValue::parse_hex(&"f".repeat(128), 512).unwrap();
        assert_eq!(widest.to_string(), format!("0x{}", "f".repeat(128)));
        assert_eq!((widest.to_u64(), widest.to_u128(), widest.to_le_bytes()), (None, None, &[0xff; 64][..]));
    }

    #[test]
    fn invalid_hexadecimal_is_refused() {
        for (digits, bits) in [("", 8), ("g", 8), ("100", 8), ("2", 1), (&*"1".repeat(129), 512), ("-1", 8)] {
            assert_eq!(RegisterValue::parse_hex(digits, bits), None, "{digits} {bits}");
        }
    }

    #[test]
    fn numbers_keep_their_value() {
        assert_eq!(RegisterValue::from(0xabcd_u16).to_u64(), Some(0xabcd));
        assert_eq!(RegisterValue::from(u64::MAX).to_u64(), Some(u64::MAX));
        assert_eq!(RegisterValue::from(1_u128 << 64).to_u64(), None);
        assert_eq!(RegisterValue::from(0_u32).significant_bits(), 0);
        assert_eq!(RegisterValue::from(0x100_u32).significant_bits(), 9);
    }

    #[test]
    fn bytes_are_little_endian() {
        assert_eq!(RegisterValue::from_le_bytes(&[1, 2]).unwrap().to_u64(), Some(0x201));
        assert_eq!(RegisterValue::from_le_bytes(&[]), None);
        assert_eq!(RegisterValue::from_le_bytes(&[0; 65]), None);
    }
}
