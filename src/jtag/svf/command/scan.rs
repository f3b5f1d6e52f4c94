//! Scans of SVF: `SDR`, `SIR`, and their headers and trailers.
//!
//! `SDR length [TDI (tdi)] [TDO (tdo)] [MASK (mask)] [SMASK (smask)]`. A mask stays in force for
//! later scans of the same kind and length.

use super::super::OneTap;
use super::{Problem, is_one_of, short};

const NAMES: [&str; 6] = ["SDR", "SIR", "HDR", "HIR", "TDR", "TIR"];
/// The header and the trailer of `SDR` and of `SIR`.
const SURROUNDINGS: [[usize; 2]; 2] = [[2, 4], [3, 5]];
const SIR: usize = 1;
const VALUES: [&str; 4] = ["TDI", "TDO", "MASK", "SMASK"];
const TDI: usize = 0;
const TDO: usize = 1;
const MASK: usize = 2;

/// The kind of scan that has this name.
pub(super) fn kind(name: &str) -> Option<usize> {
    NAMES.iter().position(|kind| *kind == name)
}

/// What earlier scans of each kind leave for the next.
#[derive(Debug, Default)]
pub(super) struct Scans {
    /// The only TAP that the file is for.
    tap: Option<OneTap>,
    last: [Last; NAMES.len()],
    has_surroundings: bool,
}

#[derive(Debug, Default)]
struct Last {
    length: u32,
    /// `None` is a mask in which all bits count.
    mask: Option<String>,
    /// It has a TDO, and bits of it count.
    compares: bool,
}

impl Scans {
    pub(super) fn new(tap: Option<OneTap>) -> Self {
        Scans { tap, ..Scans::default() }
    }

    /// Whether there was a header or a trailer.
    pub(super) fn have_surroundings(&self) -> bool {
        self.has_surroundings
    }

    /// Checks a scan. `words` follow its name.
    ///
    /// A length that is negative, or larger than the last of its kind and without a TDI, makes
    /// OpenOCD crash; what is no number is 0 for it.
    pub(super) fn check(&mut self, kind: usize, words: &[&str]) -> Result<Option<String>, Problem> {
        let (length_word, rest) = words.split_first().ok_or("has no length")?;
        let is_number = length_word.bytes().all(|byte| byte.is_ascii_digit());
        let length = Some(length_word).filter(|_| is_number).and_then(|word| word.parse::<i32>().ok());
        let length = length.and_then(|length| u32::try_from(length).ok());
        let length = length.ok_or_else(|| format!("has `{}` where its number of bits belongs", short(length_word)))?;
        let values = values(rest, length)?;
        let last = &mut self.last[kind];
        if length > last.length && values[TDI].is_none() {
            return Err("has no TDI, although it is longer than the last of its kind".to_owned());
        }
        if let Some(tap) = self.tap.filter(|tap| kind == SIR && length != tap.ir_length) {
            return Err(format!("is an instruction of {length} bits, and the TAP takes {}", tap.ir_length));
        }
        if let Some(tap) = self.tap.filter(|_| kind > SIR) {
            if length > 0 {
                return Err(format!(
                    "is for a whole chain: for one TAP, {} is as the other TAPs need it; play the file without `tap`, or remove the command",
                    NAMES[kind]
                ));
            }
            return Ok(Some(tap.surrounding(kind)));
        }
        self.has_surroundings |= kind > SIR && length > 0;
        if length != last.length {
            *last = Last { length, ..Last::default() };
        }
        if let Some(mask) = values[MASK] {
            last.mask = Some(mask.to_owned());
        }
        let counts = last
            .mask
            .as_ref()
            .is_none_or(|mask| mask.bytes().any(|digit| matches!(digit, b'1'..=b'9' | b'a'..=b'f' | b'A'..=b'F')));
        last.compares = values[TDO].is_some() && counts && length > 0;
        Ok(self.replaced(kind, values))
    }

    /// The scan in other words, if OpenOCD would not compare what it should.
    ///
    /// A scan without a TDO makes OpenOCD forget the mask, so that the next one compares no bit. And
    /// OpenOCD compares what comes back for a header and a trailer only if the scan between them has
    /// a TDO (`svf_xxr_common` in `src/svf/svf.c`).
    fn replaced(&self, kind: usize, values: [Option<&str>; VALUES.len()]) -> Option<String> {
        let Last { length, mask, .. } = &self.last[kind];
        let all;
        // The same with a shorter life.
        let mut values: [Option<&str>; VALUES.len()] = values;
        if *length == 0 {
            return self.compares_around(kind).then(|| format!("{} 0 TDI (0) TDO (0) MASK (0)", NAMES[kind]));
        }
        if values[TDO].is_some() && values[MASK].is_none() {
            all = ones(*length);
            values[MASK] = Some(mask.as_deref().unwrap_or(&all));
        } else if values[TDO].is_none() && self.compares_around(kind) {
            (values[TDO], values[MASK]) = (Some("(0)"), Some("(0)"));
        } else {
            return None;
        }
        let mut text = format!("{} {length}", NAMES[kind]);
        for (name, value) in VALUES.iter().zip(values) {
            if let Some(value) = value {
                text.extend([" ", name, " ", value]);
            }
        }
        Some(text)
    }

    fn compares_around(&self, kind: usize) -> bool {
        SURROUNDINGS.get(kind).is_some_and(|around| around.iter().any(|kind| self.last[*kind].compares))
    }
}

impl OneTap {
    /// The header or trailer that puts the other TAPs into BYPASS, and shifts through that.
    fn surrounding(&self, kind: usize) -> String {
        let length = self.around[kind - SIR - 1];
        let all = if kind % 2 == SIR { ones(length) } else { "(0)".to_owned() };
        if length == 0 { format!("{} 0", NAMES[kind]) } else { format!("{} {length} TDI {all}", NAMES[kind]) }
    }

    /// All of them.
    pub(in crate::jtag::svf) fn surroundings(&self) -> impl Iterator<Item = String> {
        (SIR + 1..NAMES.len()).map(|kind| self.surrounding(kind))
    }
}

/// The values of a scan, with their parentheses, in the order of [`VALUES`].
fn values<'w>(words: &[&'w str], length: u32) -> Result<[Option<&'w str>; VALUES.len()], Problem> {
    let mut values = [None; VALUES.len()];
    for pair in words.chunks(2) {
        let name = pair[0];
        let Some(index) = VALUES.iter().position(|known| is_one_of(name, &[known])) else {
            return Err(format!("has `{}` where TDI, TDO, MASK or SMASK belongs", short(name)));
        };
        let value = pair.get(1).copied().unwrap_or_default();
        let Some(digits) = value.strip_prefix('(').and_then(|value| value.strip_suffix(')')) else {
            return Err(format!("has no value in parentheses after {}", VALUES[index]));
        };
        let mut significant = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).peekable();
        if significant.peek().is_none() || !significant.clone().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("has the {} `{}`, which is not hexadecimal", VALUES[index], short(digits)));
        }
        if bits(significant) > u64::from(length) {
            return Err(format!("has the {} `{}`, which exceeds {length} bits", VALUES[index], short(digits)));
        }
        if values[index].replace(value).is_some() {
            return Err(format!("has two values for {}", VALUES[index]));
        }
    }
    Ok(values)
}

/// The number of bits that hexadecimal digits take.
fn bits(digits: impl Iterator<Item = u8>) -> u64 {
    let mut digits = digits.skip_while(|digit| *digit == b'0');
    let Some(first) = digits.next().and_then(|digit| char::from(digit).to_digit(16)) else { return 0 };
    u64::from(u32::BITS - first.leading_zeros()) + 4 * digits.count() as u64
}

/// A mask in which all bits count.
fn ones(length: u32) -> String {
    let first = ["", "1", "3", "7"][(length % 4) as usize];
    format!("({first}{})", "f".repeat((length / 4) as usize))
}

#[cfg(test)]
mod tests {
    use super::super::Commands;
    use super::*;

    /// Its header is another TAP of 4 bits.
    const TAP: OneTap = OneTap { ir_length: 5, around: [1, 4, 0, 0] };

    /// What the last of some commands is replaced by.
    fn last(commands: &[&str], tap: Option<OneTap>) -> Result<Option<String>, Problem> {
        let mut checks = Commands::new(tap);
        let (last, first) = commands.split_last().unwrap();
        for command in first {
            checks.check(command).unwrap();
        }
        checks.check(last).map(|mut played| played.pop())
    }

    #[test]
    fn scans_that_openocd_does_not_survive_are_refused() {
        for scans in [
            &["SDR -1 TDI (0)"][..],
            &["sir x TDI (0)"],
            &["SDR"],
            &["HDR 99999999999 TDI (0)"],
            &["SDR 8"],
            &["SDR 8 TDO (TDI)"],
            &["SDR 4 TDI(f)", "SDR 8 TDO(00)"],
            &["SIR 8 TDI (00)", "SDR 8"],
        ] {
            assert!(last(scans, None).is_err(), "{scans:?}");
        }
        for scans in [&["SDR 0"][..], &["SDR 8 TDI(00)", "SDR 8", "SDR 4"], &["SDR 8 tdi (0 )"]] {
            assert_eq!(last(scans, None), Ok(None), "{scans:?}");
        }
    }

    #[test]
    fn values_are_hexadecimal_and_fit() {
        for (scan, is_right) in [
            ("SDR 5 TDI (1f)", true),
            ("SDR 5 TDI (0000 1\tf)", true),
            ("SDR 5 TDI (20)", false),
            ("SDR 5 TDI (0x1)", false),
            ("SDR 5 TDI ( )", false),
            ("SDR 5 TDI (1", false),
            ("SDR 0 TDI (0)", true),
            ("SDR 0 TDI (1)", false),
        ] {
            assert_eq!(last(&[scan], None).is_ok(), is_right, "{scan}");
        }
    }

    #[test]
    fn a_comparison_has_its_mask_with_it() {
        for (scans, replaced) in [
            (&["SDR 8 TDI (0) TDO (1)"][..], "SDR 8 TDI (0) TDO (1) MASK (ff)"),
            (&["sdr 9 smask (1) tdo (1) tdi (0)"], "SDR 9 TDI (0) TDO (1) MASK (1ff) SMASK (1)"),
            (&["SDR 8 TDI (0) TDO (1) MASK (f)", "SDR 8", "SDR 8 TDO (2)"], "SDR 8 TDO (2) MASK (f)"),
            (&["SDR 8 TDI (0) MASK (f)", "SIR 8 TDI (0)", "SIR 8 TDO (2)"], "SIR 8 TDO (2) MASK (ff)"),
            (&["SDR 8 TDI (0) MASK (f)", "SDR 7", "SDR 7 TDO (2)"], "SDR 7 TDO (2) MASK (7f)"),
            (&["HIR 6 TDI (0) TDO (1)"], "HIR 6 TDI (0) TDO (1) MASK (3f)"),
        ] {
            assert_eq!(last(scans, None).unwrap().as_deref(), Some(replaced), "{scans:?}");
        }
        assert_eq!(last(&["SDR 8 TDI (0) TDO (1) MASK (f)"], None), Ok(None));
    }

    #[test]
    fn a_scan_takes_part_in_the_comparison_of_what_is_around_it() {
        let compared = Ok(Some("SDR 8 TDI (0) TDO (0) MASK (0)".to_owned()));
        for around in ["HDR 1 TDI (0) TDO (1)", "TDR 1 TDI (0) TDO (1) MASK (1)"] {
            assert_eq!(last(&[around, "SDR 8 TDI (0)"], None), compared, "{around}");
            assert_eq!(last(&[around, "SIR 8 TDI (0)"], None), Ok(None), "{around}");
        }
        for around in ["HDR 1 TDI (0)", "TDR 1 TDI (0) TDO (1) MASK (0)", "HDR 0"] {
            assert_eq!(last(&[around, "SDR 8 TDI (0)"], None), Ok(None), "{around}");
        }
    }

    #[test]
    fn an_instruction_for_a_tap_has_the_width_of_its_register() {
        for (scan, is_right) in [("SIR 5 TDI (01)", true), ("SIR 8 TDI (01)", false), ("SIR 4 TDI (1)", false)] {
            assert_eq!(last(&[scan], Some(TAP)).is_ok(), is_right, "{scan}");
            assert_eq!(last(&[scan], None), Ok(None), "{scan}");
        }
        assert_eq!(last(&["SDR 8 TDI (01)"], Some(TAP)), Ok(None));
    }

    #[test]
    fn headers_and_trailers_are_for_the_whole_chain() {
        assert!(last(&["HDR 1 TDI (0)"], Some(TAP)).unwrap_err().contains("HDR"));
        assert_eq!(last(&["HDR 0"], Some(TAP)), Ok(Some("HDR 1 TDI (0)".to_owned())));
        assert_eq!(last(&["HDR 1 TDI (0)"], None), Ok(None));
    }
}
