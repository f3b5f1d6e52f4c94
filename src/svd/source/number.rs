//! Numbers as vendors write them.

/// A number of which some bits may not matter: `0b1x`, `#1x0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::svd) struct Number {
    /// The bits that matter. The others are 0.
    pub(in crate::svd) value: u64,
    /// A 1 for each bit that does not matter.
    pub(in crate::svd) any: u64,
}

/// Reads a number in any notation that the standard has or a vendor uses: decimal, `0x`, `0X`,
/// `0b`, `0B`, `#`, with `x` for bits that do not matter, `_` between digits, C's suffixes `U` and
/// `L`, the scales `k`, `m`, `g`, and hexadecimal digits without a prefix.
pub(super) fn number(text: &str) -> Option<Number> {
    let text = text.strip_prefix('+').unwrap_or(text).replace('_', "").to_ascii_lowercase();
    if let Some(digits) = text.strip_prefix("0x") {
        return digits_of(digits.trim_end_matches(['u', 'l']), 4);
    }
    if let Some(digits) = text.strip_prefix('#').or_else(|| text.strip_prefix("0b")) {
        let hexadecimal = || digits_of(digits.strip_prefix("0x")?, 4);
        return digits_of(digits, 1).or_else(hexadecimal);
    }
    let plain = text.trim_end_matches(['u', 'l']);
    let exact = |value| Number { value, any: 0 };
    let scaled = |scale: char, factor: u64| plain.strip_suffix(scale)?.parse::<u64>().ok()?.checked_mul(factor);
    let is_digits = plain.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'k' | b'm' | b'g'));
    if !is_digits {
        return None;
    }
    plain
        .parse()
        .ok()
        .or_else(|| scaled('k', 1 << 10))
        .or_else(|| scaled('m', 1 << 20))
        .or_else(|| scaled('g', 1 << 30))
        .map(exact)
        .or_else(|| digits_of(&text, 4).filter(|number| number.any == 0))
}

/// Reads a number all of whose bits matter. After `#`, `0x` begins a hexadecimal number: `#0x10` is
/// 16, not a pattern.
pub(super) fn exact(text: &str) -> Option<u64> {
    let hexadecimal = text.strip_prefix('#').filter(|rest| rest.starts_with("0x") || rest.starts_with("0X"));
    number(hexadecimal.unwrap_or(text)).filter(|number| number.any == 0).map(|number| number.value)
}

fn digits_of(digits: &str, bits: u32) -> Option<Number> {
    let mut number = Number { value: 0, any: 0 };
    for digit in digits.chars() {
        if (number.value | number.any) >> (64 - bits) != 0 {
            return None;
        }
        let (value, any) = match digit {
            'x' => (0, (1 << bits) - 1),
            digit => (digit.to_digit(1 << bits)?, 0),
        };
        number.value = number.value << bits | u64::from(value);
        number.any = number.any << bits | any;
    }
    (!digits.is_empty()).then_some(number)
}

/// The notation is one of the standard's, and means what it seems to. `#0x10` is a pattern to the
/// standard, but hardly to who wrote it.
pub(super) fn is_standard(text: &str) -> bool {
    let all = |digits: &str, allowed: fn(u8) -> bool| !digits.is_empty() && digits.bytes().all(allowed);
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let binary = text.strip_prefix('#').or_else(|| text.strip_prefix("0b")).or_else(|| text.strip_prefix("0B"));
    match (hexadecimal, binary) {
        (Some(digits), _) => all(digits, |byte| byte.is_ascii_hexdigit()),
        (_, Some(digits)) => {
            all(digits, |byte| matches!(byte, b'0' | b'1' | b'x' | b'X'))
                && !digits.to_ascii_lowercase().starts_with("0x")
        }
        _ => all(text, |byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_is_read() {
        for (text, value) in [
            ("12", 12),
            ("0x1F", 0x1f),
            ("0X1f", 0x1f),
            ("+7", 7),
            ("0x4000_0000", 0x4000_0000),
            ("0x10UL", 0x10),
            ("10u", 10),
            ("#101", 5),
            ("0b11", 3),
            ("0B10", 2),
            ("4k", 4096),
            ("1F", 0x1f),
            ("#0x1F", 0x1f),
            ("0xffffffffffffffff", u64::MAX),
        ] {
            assert_eq!(number(text), Some(Number { value, any: 0 }), "{text:?}");
        }
    }

    #[test]
    fn bits_that_do_not_matter_are_kept_apart() {
        assert_eq!(number("0b1x"), Some(Number { value: 2, any: 1 }));
        assert_eq!(number("#1X0"), Some(Number { value: 4, any: 2 }));
        assert_eq!(number("0x0000xxxx"), Some(Number { value: 0, any: 0xffff }));
        assert_eq!(exact("0b1x"), None);
        assert_eq!(exact("#0x10"), Some(16));
    }

    #[test]
    fn invalid_numbers_are_none() {
        for text in [
            "",
            "+",
            "0x",
            "#",
            "0b",
            "#2",
            "0b12",
            "-1",
            "x",
            "zz",
            "all",
            "++1",
            "0x1_0000_0000_0000_0000",
            "99999999999999999999999",
        ] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_unusual_notation_is_recognized() {
        for standard in ["1", "0x1F", "0X1", "#1x", "0b01"] {
            assert!(is_standard(standard), "{standard}");
        }
        for unusual in ["", "+1", "0x1_0", "1F", "4k", "#0x10", "0xXX", "10u"] {
            assert!(!is_standard(unusual), "{unusual}");
        }
    }
}
