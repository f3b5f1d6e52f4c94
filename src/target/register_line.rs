//! Lines of the `reg` command.

use crate::types::RegisterValue;

/// One line: `pc (/32): 0x80000010`, `(0) r0 (/32): 0x12345678 (dirty)`, or without a value
/// `(72) utvt (/32)`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) bits: u32,
    pub(crate) value: Option<RegisterValue>,
}

/// Reads one line; `None` for a heading (`===== arm v7m registers`) and anything else.
pub(crate) fn line(text: &str) -> Option<Line<'_>> {
    let text = text.trim();
    let rest = match text.strip_prefix('(') {
        Some(rest) => {
            let (number, rest) = rest.split_once(") ")?;
            number.parse::<u32>().ok()?;
            rest
        }
        None => text,
    };
    let (name, rest) = rest.split_once(" (/")?;
    let (bits, rest) = rest.split_once(')')?;
    let bits = bits.parse().ok().filter(|bits| (1..=RegisterValue::MAX_BITS).contains(bits))?;
    let value = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        None => return None,
        Some(value) => {
            let value = value.trim();
            let value = value.strip_suffix(" (dirty)").unwrap_or(value);
            let digits = value.strip_prefix("0x")?;
            // Two for each byte (`buf_to_hex_str` in src/helper/binarybuffer.c).
            if digits.len() != 2 * bits.div_ceil(8) as usize {
                return None;
            }
            Some(RegisterValue::parse_hex(digits, bits)?)
        }
    };
    Some(Line { name, bits, value })
}

/// The number in a line, if it takes at most 64 bits.
pub(crate) fn number(text: &str) -> Option<u64> {
    line(text)?.value?.to_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(hex: &str, bits: u32) -> Option<RegisterValue> {
        let value = RegisterValue::parse_hex(hex, bits);
        assert!(value.is_some(), "{hex}");
        value
    }

    #[test]
    fn lines_of_the_listing_are_read() {
        assert_eq!(
            line("(0) r0 (/32): 0x12345678 (dirty)"),
            Some(Line { name: "r0", bits: 32, value: value("12345678", 32) })
        );
        assert_eq!(line("(72) utvt (/32)"), Some(Line { name: "utvt", bits: 32, value: None }));
    }

    #[test]
    fn single_registers_are_read() {
        assert_eq!(line("pc (/32): 0x80000010\n"), Some(Line { name: "pc", bits: 32, value: value("80000010", 32) }));
        assert_eq!(line("primask (/1): 0x00").unwrap().value, value("00", 1));
        let vector = line("v1 (/128): 0x112233445566778899aabbccddeeff00").unwrap();
        assert_eq!(vector.value.unwrap().to_string(), "0x112233445566778899aabbccddeeff00");
    }

    #[test]
    fn other_lines_are_none() {
        for text in [
            "===== arm v7m registers",
            "",
            "register x not found in current target",
            "pc (/32): 80000010",
            "pc (/32): 0xzz",
            "pc (/32): ",
            "pc (/x): 0x0",
            "pc (/0): 0x0",
            "pc (/9999): 0x0",
            "pc (/32) 0x0",
            "primask (/1): 0x02",
            "r7 (/62): 0x00000000",
            "r7 (/12): 0x00000000",
            "r7 (/32): 0x0000000",
            "r7 (/32): 0x000000000",
            "(x) r0 (/32): 0x0",
        ] {
            assert_eq!(line(text), None, "{text:?}");
        }
    }
}
