//! Numbers as people type them: `0x2000_0000`, `0b1010`, `0o17`, `64K`, `1M`.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Reads a number in any base, with underscores, and with `K`, `M` or `G` for 1024 and its powers.
/// Hexadecimal digits have no such suffix: `0x2000000g` is a mistyped address.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "").to_ascii_lowercase();
    let (digits, base) = match digits.get(..2) {
        Some("0x") => (&digits[2..], 16),
        Some("0b") => (&digits[2..], 2),
        Some("0o") => (&digits[2..], 8),
        _ => (&digits[..], 10),
    };
    let (digits, unit) = match digits.char_indices().next_back().filter(|_| base != 16) {
        Some((at, 'k')) => (&digits[..at], 1 << 10),
        Some((at, 'm')) => (&digits[..at], 1 << 20),
        Some((at, 'g')) => (&digits[..at], 1 << 30),
        _ => (digits, 1),
    };
    if digits.starts_with('+') || digits.is_empty() {
        return Err(format!("{text:?} is not a number, such as 4096, 0x1000 or 4K"));
    }
    let value = u64::from_str_radix(digits, base)
        .map_err(|_| format!("{text:?} is not a number, such as 4096, 0x1000 or 4K"))?;
    value.checked_mul(unit).ok_or_else(|| format!("{text:?} is more than 64 bits"))
}

/// Reads a number that fits 32 bits.
pub(crate) fn number_u32(text: &str) -> Result<u32, String> {
    number(text)?.try_into().map_err(|_| format!("{text} is more than 32 bits"))
}

/// Reads a number that fits 16 bits.
pub(crate) fn number_u16(text: &str) -> Result<u16, String> {
    number(text)?.try_into().map_err(|_| format!("{text} is more than 16 bits"))
}

/// Reads ports: `9000`, or the first and the last as `9000-9003`.
pub(crate) fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port != 0);
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(format!("{text:?} is no range of ports, such as 9000 or 9000-9003")),
    }
}

/// Checks that a text has the form of a host and port: `localhost:6666`.
pub(crate) fn address(text: &str) -> Result<(), String> {
    let port = |port: &str| port.parse::<u16>().is_ok_and(|port| port != 0);
    match text.rsplit_once(':') {
        Some((host, number)) if !host.is_empty() && port(number) => Ok(()),
        _ => Err(format!("{text:?} is no host and port, such as localhost:6666")),
    }
}

/// `1 sample`, `2 samples`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Reads a value of `bits` bits. A negative one is taken as its two's complement.
pub(crate) fn value(text: &str, bits: u32) -> Result<u64, String> {
    let too_wide = || format!("{text} does not fit {bits} bits");
    let mask = u64::MAX >> (64 - bits);
    match text.strip_prefix('-') {
        Some(digits) => {
            let magnitude = number(digits)?;
            let least = 1 << (bits - 1);
            if magnitude > least { Err(too_wide()) } else { Ok(magnitude.wrapping_neg() & mask) }
        }
        None => Some(number(text)?).filter(|value| value & !mask == 0).ok_or_else(too_wide),
    }
}

/// The longest time: a hundred years. The system's clocks do not count much further.
pub(crate) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Reads a time: `10` and `10s` are seconds, `500ms`, `2m`. What is longer than [`LONGEST`] is that.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time, such as 10, 0.5, 500ms, 10s or 2m");
    let unit = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let value: f64 = text[..unit].parse().map_err(|_| wrong())?;
    let seconds = match &text[unit..] {
        "" | "s" => value,
        "ms" => value / 1000.0,
        "m" | "min" => value * 60.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(seconds).map(|time| time.min(LONGEST)).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_bases_underscores_and_units() {
        for (text, value) in [
            ("0", 0),
            ("4096", 4096),
            ("0x2000_0000", 0x2000_0000),
            ("0XfF", 255),
            ("0b1010", 10),
            ("0o17", 15),
            ("64K", 65536),
            ("1m", 1 << 20),
            ("0xffff_ffff_ffff_ffff", u64::MAX),
        ] {
            assert_eq!(number(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["", "0x", "K", "-1", "+1", "0x+1", "1.5", "12g4", "0xg", "0x10k", "0x2000000g", "99999999999G", "é", "0é"]
        {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ports_are_one_or_a_range() {
        assert_eq!((ports("9000"), ports("9000-9003")), (Ok(9000..=9000), Ok(9000..=9003)));
        for text in ["", "0", "0-9", "9-8", "9000-", "-9000", "65536", "9000..9003", "x"] {
            assert!(ports(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_fit_their_width() {
        assert_eq!((value("255", 8), value("-1", 8), value("-128", 8)), (Ok(255), Ok(255), Ok(128)));
        assert_eq!((value("-1", 64), value("0x8000_0000", 32)), (Ok(u64::MAX), Ok(0x8000_0000)));
        for (text, bits) in [("256", 8), ("-129", 8), ("0x1_0000_0000", 32), ("--1", 8), ("-", 8)] {
            assert!(value(text, bits).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("10"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("9999999999999999999"), Ok(LONGEST));
        for text in ["", "s", "-1", "1h30", "1e999", "ten"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
