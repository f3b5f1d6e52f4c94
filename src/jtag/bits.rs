//! Bit vectors of any length: what goes into a register of a TAP and what comes out.

use std::fmt;

use crate::error::{InvalidArgument, JtagError, Result};

/// The bits that a scan shifts through a register. Their number is arbitrary, and bit 0 is the
/// first one in and out.
///
/// ```
/// use openocd::Bits;
///
/// let request = Bits::from_u64(0b101, 5)?;
/// assert_eq!((request.len(), request.to_string()), (5, "0x05".to_owned()));
///
/// let pins = Bits::from_le_bytes(&[0xff, 0x01], 9)?;
/// assert_eq!((pins.to_u64(), pins.bit(8), pins.bit(9)), (Some(0x1ff), Some(true), None));
/// assert!(Bits::from_u64(32, 5).is_err(), "32 takes six bits");
/// # Ok::<(), openocd::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Bits {
    length: usize,
    /// The lowest byte first; zero beyond `length`.
    bytes: Vec<u8>,
}

impl Bits {
    /// The largest number of bits: OpenOCD accepts no command that could hold more.
    pub const MAX_LENGTH: usize = 1 << 24;

    /// Creates `length` zeros.
    ///
    /// # Errors
    /// [`JtagError::InvalidArgument`] for no bits, or more than [`MAX_LENGTH`](Self::MAX_LENGTH).
    pub fn zeros(length: usize) -> Result<Self> {
        if !(1..=Self::MAX_LENGTH).contains(&length) {
            let given = format!("{length} bits");
            return Err(JtagError::from(InvalidArgument::new("length of a field", "1 to 2^24 bits", given)).into());
        }
        Ok(Bits { length, bytes: vec![0; length.div_ceil(8)] })
    }

    /// Creates `length` bits from a number.
    ///
    /// # Errors
    /// [`JtagError::ValueTooWide`] if it does not fit, and the errors of [`zeros`](Self::zeros).
    pub fn from_u64(value: u64, length: usize) -> Result<Self> {
        Self::from_le_bytes(&value.to_le_bytes(), length)
    }

    /// Creates `length` bits from bytes, the lowest first. Missing bytes are zero.
    ///
    /// # Errors
    /// [`JtagError::ValueTooWide`] if a 1 does not fit, and the errors of [`zeros`](Self::zeros).
    pub fn from_le_bytes(bytes: &[u8], length: usize) -> Result<Self> {
        let mut bits = Bits::zeros(length)?;
        let highest = bytes.iter().rposition(|byte| *byte != 0);
        let significant = highest.map_or(0, |at| at * 8 + 8 - bytes[at].leading_zeros() as usize);
        if significant > length {
            let value = hex(&bytes[..significant.div_ceil(8)]);
            return Err(JtagError::ValueTooWide { what: "the field".to_owned(), value, bits: length }.into());
        }
        let taken = bytes.len().min(bits.bytes.len());
        bits.bytes[..taken].copy_from_slice(&bytes[..taken]);
        Ok(bits)
    }

    /// The number of bits; never 0.
    #[allow(clippy::len_without_is_empty, reason = "there is no empty one")]
    pub fn len(&self) -> usize {
        self.length
    }

    /// The bit of this number, 0 being the lowest and the first to be shifted; `None` beyond the
    /// end.
    pub fn bit(&self, index: usize) -> Option<bool> {
        (index < self.length).then(|| self.bytes[index / 8] >> (index % 8) & 1 != 0)
    }

    /// Sets a bit; false, and nothing happens, if there is no such bit.
    #[must_use]
    pub fn set(&mut self, index: usize, bit: bool) -> bool {
        if index >= self.length {
            return false;
        }
        let byte = &mut self.bytes[index / 8];
        *byte = *byte & !(1 << (index % 8)) | u8::from(bit) << (index % 8);
        true
    }

    /// `length` bits from the one of this number on; `None` if they are not all there.
    pub(super) fn part(&self, first: usize, length: usize) -> Option<Self> {
        let end = first.checked_add(length).filter(|end| *end <= self.length)?;
        let mut part = Bits::zeros(length).ok()?;
        for index in first..end {
            part.bytes[(index - first) / 8] |= u8::from(self.bit(index)?) << ((index - first) % 8);
        }
        Some(part)
    }

    /// The number, if it fits into 64 bits.
    pub fn to_u64(&self) -> Option<u64> {
        let (low, high) = self.bytes.split_at(self.bytes.len().min(8));
        let mut bytes = [0; 8];
        bytes[..low.len()].copy_from_slice(low);
        high.iter().all(|byte| *byte == 0).then(|| u64::from_le_bytes(bytes))
    }

    /// Its bytes, the lowest first; unused bits of the last one are zero.
    pub fn to_le_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Hexadecimal digits, the highest first, without `0x`; `None` if they are no number of so many
    /// bits.
    pub(crate) fn parse_hex(digits: &str, length: usize) -> Option<Self> {
        if digits.is_empty() {
            return None;
        }
        let mut bits = Bits::zeros(length).ok()?;
        for (at, digit) in digits.bytes().rev().enumerate() {
            let digit = u8::try_from(char::from(digit).to_digit(16)?).ok()?;
            match bits.bytes.get_mut(at / 2) {
                Some(byte) => *byte |= digit << (at % 2 * 4),
                None if digit == 0 => {}
                None => return None,
            }
        }
        let unused = bits.bytes.len() * 8 - length;
        (usize::try_from(bits.bytes.last()?.leading_zeros()).ok()? >= unused).then_some(bits)
    }
}

/// `0x` and two digits for each byte, which OpenOCD's `drscan` takes at any length.
impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.bytes))
    }
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({} bits)", self.length)
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("0x");
    for byte in bytes.iter().rev() {
        for nibble in [byte >> 4, byte & 0xf] {
            text.extend(char::from_digit(nibble.into(), 16));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn numbers_and_bytes_of_any_length() {
        for (value, length, text) in [
            (0, 1, "0x00"),
            (1, 1, "0x01"),
            (0x1f, 5, "0x1f"),
            (0x1ff, 9, "0x01ff"),
            (u64::MAX, 64, "0xffffffffffffffff"),
            (5, 232, &*format!("0x{}05", "0".repeat(56))),
        ] {
            let bits = Bits::from_u64(value, length).unwrap();
            assert_eq!((bits.to_string(), bits.to_u64(), bits.len()), (text.to_owned(), Some(value), length));
            assert_eq!(Bits::parse_hex(&text[2..], length), Some(bits));
        }
        let wide = Bits::from_le_bytes(&[0xff; 100], 800).unwrap();
        assert_eq!((wide.to_u64(), wide.bit(799), wide.bit(800)), (None, Some(true), None));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (value, length) in [(2, 1), (32, 5), (0x100, 8), (u64::MAX, 63)] {
            assert!(
                matches!(Bits::from_u64(value, length), Err(Error::Jtag(JtagError::ValueTooWide { .. }))),
                "{value} {length}"
            );
        }
        for length in [0, Bits::MAX_LENGTH + 1, usize::MAX] {
            assert!(matches!(Bits::from_u64(0, length), Err(Error::Jtag(JtagError::InvalidArgument(_)))), "{length}");
        }
        assert!(Bits::from_le_bytes(&[1, 0, 0, 0], 1).is_ok(), "zeros above the end do not count");
        assert!(Bits::from_le_bytes(&[1, 0, 1], 16).is_err());
    }

    #[test]
    fn invalid_hexadecimal_is_refused() {
        for (digits, length) in [("", 8), ("zz", 8), ("0x10", 8), ("100", 8), ("02", 1), ("-1", 8), ("é", 8)] {
            assert_eq!(Bits::parse_hex(digits, length), None, "{digits} {length}");
        }
        assert_eq!(Bits::parse_hex("0001", 1).unwrap().to_u64(), Some(1));
    }

    #[test]
    fn a_single_bit_can_be_set() {
        let mut bits = Bits::zeros(10).unwrap();
        assert!(bits.set(9, true) && bits.set(0, true) && bits.set(0, false) && !bits.set(10, true));
        assert_eq!(bits.to_le_bytes(), [0, 2]);
    }
}
