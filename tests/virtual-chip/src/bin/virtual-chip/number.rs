//! Numbers and bytes as people type them.

/// Reads a number: decimal, or hexadecimal with `0x`; underscores may separate digits.
pub(crate) fn number<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let digits = text.replace('_', "");
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        // `from_str_radix` would take a sign.
        Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => u64::from_str_radix(hex, 16),
        None if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse(),
        _ => return Err(format!("{text:?} is not a number")),
    };
    let value = value.map_err(|_| format!("{text:?} is not a number"))?;
    T::try_from(value).map_err(|_| format!("{text} is out of range"))
}

/// Reads bytes: two hexadecimal digits each.
pub(crate) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs
        .collect::<Option<_>>()
        .ok_or_else(|| format!("{text:?} is not a row of bytes with two hexadecimal digits each"))
}

/// Writes bytes with two hexadecimal digits each.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for nibble in bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]) {
        text.extend(char::from_digit(nibble.into(), 16));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!(number::<u32>("0x2000_0000"), Ok(0x2000_0000));
        assert_eq!(number::<u32>("010"), Ok(10));
        for text in ["", "0x", "-1", "+1", "0x+1", "1k", "0x1g", "99999999999999999999"] {
            assert_eq!(number::<u32>(text), Err(format!("{text:?} is not a number")));
        }
        assert_eq!(number::<u8>("256"), Err("256 is out of range".to_string()));
    }

    #[test]
    fn bytes_are_pairs_of_digits() {
        assert_eq!(bytes("00fFa5"), Ok(vec![0, 0xff, 0xa5]));
        assert_eq!(hex(&[0, 0xff, 0xa5]), "00ffa5");
        for text in ["0", "0g", "+1", "é"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
