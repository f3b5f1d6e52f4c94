//! Hexadecimal digits, eight at once in the lanes of a 64-bit integer: several times as fast as one
//! by one, and the answers are megabytes.

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x80 * ONES;

/// The top bit of each lane: whether its byte is no digit as OpenOCD writes them, `0` to `9` and
/// `a` to `f`.
#[inline]
pub(super) fn no_digits(lanes: u64) -> u64 {
    let low = lanes & !TOPS;
    // The top bit of a lane: whether its byte, without its own top bit, is at least `least`.
    let at_least = |least: u8| low + u64::from(0x80 - least) * ONES;
    // A digit is past an odd number of these bounds, everything else past an even one.
    let past = at_least(b'0') ^ at_least(b'9' + 1) ^ at_least(b'a') ^ at_least(b'f' + 1);
    (!past | lanes) & TOPS
}

/// The value of eight digits, of which the first is in the lowest lane and may be zero.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the lower half has all of it")]
pub(super) fn value(digits: u64) -> u32 {
    // A letter has bit 6, and its low four bits are 9 too few.
    let nibbles = (digits & (0x0f * ONES)) + 9 * (digits >> 6 & ONES);
    // A lane joins the next, which is worth less: two digits in 16 bits, four in 32, eight. Shifts,
    // because SSE2 has no product of this width.
    let pairs = (nibbles << 12 | nibbles) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs << 24 | pairs) >> 16 & 0x0000_ffff_0000_ffff;
    (fours << 16 | fours >> 32) as u32
}

/// The eight digits of a number.
#[inline]
pub(super) fn digits(value: u32) -> [u8; 8] {
    let fours = (u64::from(value) << 16 | u64::from(value)) & 0x0000_ffff_0000_ffff;
    let pairs = (fours << 8 | fours) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (pairs << 4 | pairs) & (0x0f * ONES);
    let letters = (nibbles + 6 * ONES) >> 4 & ONES;
    (nibbles + u64::from(b'0') * ONES + u64::from(b'a' - b'9' - 1) * letters).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_of_a_number() {
        for value in [0, 0x0123_4567, 0x89ab_cdef, u32::MAX, 0x2000_0000, 0xfedc_ba98] {
            assert_eq!(std::str::from_utf8(&digits(value)), Ok(&*format!("{value:08x}")));
        }
    }

    #[test]
    fn every_byte_in_every_lane() {
        for lane in 0..8 {
            for byte in 0..=255_u8 {
                let mut text = *b"09afb1c2";
                text[lane] = byte;
                let lanes = u64::from_le_bytes(text);
                if byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte) {
                    assert_eq!(no_digits(lanes), 0, "{byte:#x} in {lane}");
                    let text = std::str::from_utf8(&text).unwrap();
                    assert_eq!(value(lanes), u32::from_str_radix(text, 16).unwrap(), "{text}");
                } else {
                    assert_eq!(no_digits(lanes), 0x80 << (8 * lane), "{byte:#x} in {lane}");
                }
            }
        }
        assert_eq!(value(u64::from_le_bytes(*b"\0\0\0\0\x0012f")), 0x12f, "zeros before the digits");
    }
}
