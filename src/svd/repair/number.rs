//! Numbers as vendors write them.

/// A number of which some bits may not matter: `0b1x`, `#1x0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pattern {
    /// The bits that matter, those that don't being 0.
    pub(super) value: u64,
    /// A 1 for each bit that does not matter.
    pub(super) any: u64,
}

/// Reads a number in any notation that the standard has or a vendor uses: decimal, `0x`, `0X`, `0b`, `0B`, `#` with `x` for
/// bits that don't matter, digits parted by `_`, C's suffixes `U` and `L`, the scales `k`, `m`, `g`, hexadecimal digits without
/// a prefix.
pub(super) fn number(text: &str) -> Option<Pattern> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text).replace('_', "").to_ascii_lowercase();
    if let Some(digits) = text.strip_prefix("0x") {
        return digits_of(digits.trim_end_matches(['u', 'l']), 4);
    }
    if let Some(digits) = text.strip_prefix('#').or_else(|| text.strip_prefix("0b")) {
        return digits_of(digits, 1);
    }
    let plain = text.trim_end_matches(['u', 'l']);
    let exact = |value| Pattern { value, any: 0 };
    let scaled = |scale: char, factor: u64| plain.strip_suffix(scale)?.parse::<u64>().ok()?.checked_mul(factor);
    plain
        .parse()
        .ok()
        .or_else(|| scaled('k', 1 << 10))
        .or_else(|| scaled('m', 1 << 20))
        .or_else(|| scaled('g', 1 << 30))
        .map(exact)
        .or_else(|| digits_of(plain, 4).filter(|pattern| pattern.any == 0))
}

fn digits_of(digits: &str, bits: u32) -> Option<Pattern> {
    let mut pattern = Pattern { value: 0, any: 0 };
    for digit in digits.chars() {
        if (pattern.value | pattern.any) >> (64 - bits) != 0 {
            return None;
        }
        let (value, any) = match digit {
            'x' => (0, (1 << bits) - 1),
            digit => (digit.to_digit(1 << bits)?, 0),
        };
        pattern.value = pattern.value << bits | u64::from(value);
        pattern.any = pattern.any << bits | any;
    }
    (!digits.is_empty()).then_some(pattern)
}

/// `svd-parser` reads this number as it stands.
pub(super) fn is_plain(text: &str) -> bool {
    let all = |digits: &str, allowed: fn(&u8) -> bool| !digits.is_empty() && digits.bytes().all(|b| allowed(&b));
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => all(digits, u8::is_ascii_hexdigit),
        None => all(text, u8::is_ascii_digit),
    }
}

/// The number has no more than so many bits.
pub(super) fn fits(text: &str, bits: u32) -> bool {
    // Nearly all are too short to be too large: 4294967296 has ten digits.
    text.len() < 10 || number(text).is_some_and(|number| number.value >> (bits - 1) <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notations() {
        for (text, value) in [
            ("12", 12),
            ("0x1F", 0x1f),
            ("0X1f", 0x1f),
            (" +7 ", 7),
            ("0x4000_0000", 0x4000_0000),
            ("0x10UL", 0x10),
            ("10u", 10),
            ("#101", 5),
            ("0b11", 3),
            ("0B10", 2),
            ("4k", 4096),
            ("1F", 0x1f),
            ("0xffffffffffffffff", u64::MAX),
        ] {
            assert_eq!(number(text), Some(Pattern { value, any: 0 }), "{text:?}");
        }
    }

    #[test]
    fn bits_that_do_not_matter() {
        assert_eq!(number("0b1x"), Some(Pattern { value: 2, any: 1 }));
        assert_eq!(number("#1X0"), Some(Pattern { value: 4, any: 2 }));
        assert_eq!(number("0x0000xxxx"), Some(Pattern { value: 0, any: 0xffff }));
    }

    #[test]
    fn invalid_numbers() {
        for text in
            ["", "0x", "#", "0b", "#2", "0b12", "-1", "x", "zz", "0x1_0000_0000_0000_0000", "99999999999999999999999"]
        {
            assert_eq!(number(text), None, "{text:?}");
        }
    }
}
