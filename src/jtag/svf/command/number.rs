//! Numbers of SVF, which OpenOCD reads by `atoi` and `atof`.

use super::{Problem, short};

/// What OpenOCD waits at least, if it waits: its sleep takes whole microseconds.
pub(super) const SHORTEST_WAIT: f64 = 1e-6;

/// A number of clocks: decimal digits. OpenOCD has 31 bits for it.
pub(super) fn clocks(word: &str) -> Result<(), Problem> {
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit()) && word.parse::<i32>().is_ok();
    if is_number {
        return Ok(());
    }
    Err(format!("has `{}` where a number of clocks belongs, at most {}", short(word), i32::MAX))
}

/// A time. OpenOCD has 32 bits for its microseconds, which it computes with single precision.
pub(super) fn seconds(word: &str) -> Result<f64, Problem> {
    let seconds = real(word).ok_or_else(|| format!("has `{}` where a time in seconds belongs", short(word)))?;
    if seconds < 4294.967 {
        return Ok(seconds);
    }
    Err(format!("has the time {} s, and OpenOCD waits for less than 4294.967 s", short(word)))
}

/// A frequency. OpenOCD sets whole kilohertz, takes 0 kHz for the adapter's own clock (RTCK), and
/// has 31 bits for the hertz.
pub(super) fn frequency(word: &str) -> Result<(), Problem> {
    let hertz = real(word).ok_or_else(|| format!("has `{}` where a frequency in hertz belongs", short(word)))?;
    if (1e3..=2e9).contains(&hertz) {
        return Ok(());
    }
    Err(format!("has the frequency {} Hz, and OpenOCD can set 1 kHz to 2 GHz", short(word)))
}

/// A real number without a sign: digits, perhaps a decimal point, perhaps an exponent.
fn real(word: &str) -> Option<f64> {
    let (mantissa, exponent) = word.split_once(['e', 'E']).unwrap_or((word, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let lacks_digits = exponent.is_empty() || whole.is_empty() && fraction.is_empty();
    if lacks_digits || ![whole, fraction, exponent].into_iter().all(is_digits) {
        return None;
    }
    word.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reals_are_digits_with_a_point_and_an_exponent() {
        for (word, value) in [("1", 1.0), ("1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("1.00E-002", 0.01), ("2e+3", 2e3)] {
            assert_eq!(real(word), Some(value), "{word}");
        }
        for word in ["", ".", "E5", "1E", "1E+", "1,5", "-1", "+1", "nan", "inf", "0x10", "1.2.3", "1E5.5", "1 ", "O.3"]
        {
            assert_eq!(real(word), None, "{word}");
        }
    }

    /// As OpenOCD does it: `uint32_t min_usec = 1000000 * min_time`, with a `float`.
    #[test]
    #[allow(clippy::cast_possible_truncation, reason = "it is what OpenOCD does")]
    fn times_that_pass_are_times_that_openocd_can_hold() {
        for word in ["0", "0.000001", "1E-6", "4294.966", "4294.9669"] {
            let seconds = seconds(word).unwrap();
            let micros = 1_000_000_f32 * seconds as f32;
            assert!(micros < 4_294_967_296.0 && (seconds == 0.0 || micros >= 1.0), "{word}: {micros}");
        }
        for word in ["4294.967", "4294.967296", "1E99", "99999999999"] {
            assert!(seconds(word).is_err(), "{word}");
        }
    }

    #[test]
    fn clocks_fit_into_31_bits() {
        for word in ["0", "2147483647", "00010"] {
            assert_eq!(clocks(word), Ok(()), "{word}");
        }
        for word in ["", "2147483648", "3000000000", "-1", "+1", "1.0", "1E3", "0x1"] {
            assert!(clocks(word).is_err(), "{word}");
        }
    }

    #[test]
    fn frequencies_are_those_of_an_adapter() {
        for word in ["1000", "1.00E+06", "25E6", "2E9"] {
            assert_eq!(frequency(word), Ok(()), "{word}");
        }
        for word in ["0", "999", "1E-3", "2147483648", "junk"] {
            assert!(frequency(word).is_err(), "{word}");
        }
    }
}
