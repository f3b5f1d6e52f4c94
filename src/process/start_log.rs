//! What the log of a start that succeeded says against the configuration. OpenOCD goes on where it
//! can, and the user would not know. No I/O.

use super::StartFailure;
use super::start_failure::message as without_place;

/// A part of a line, and what it means. What OpenOCD's own defaults cause is not here.
const SIGNS: &[(&str, &str)] = &[
    ("target voltage may be too low", StartFailure::TargetUnpowered.sentence()),
    ("Target voltage too low", StartFailure::TargetUnpowered.sentence()),
    ("JTAG scan chain interrogation failed", NO_CHAIN),
    ("Unexpected idcode after end of chain", OTHER_CHAIN),
    ("IR capture error", OTHER_CHAIN),
    ("already configured, ignoring", "the configuration names several debug probes, and the first one is used"),
    ("ignoring supply voltage", IGNORED),
    ("ignoring request", IGNORED),
    ("ignoring extra IDs", IGNORED),
];

const NO_CHAIN: &str = "the JTAG chain does not answer";
const OTHER_CHAIN: &str = "the JTAG chain is not as the configuration describes it";
const IGNORED: &str = "OpenOCD ignores a part of the configuration";

/// A TAP with another identification code than those that are expected of it.
#[derive(Debug, PartialEq, Eq)]
struct Wrong<'a> {
    tap: &'a str,
    found: String,
    expected: Vec<String>,
}

/// The warnings that the log of a start gives reason for.
pub(super) fn warnings(log: &[String]) -> Vec<String> {
    let mut warnings = Vec::from_iter(wrong_chip(&wrong_in_log(log)));
    for (sign, meaning) in SIGNS {
        let is_new = !warnings.iter().any(|warning| warning.starts_with(meaning));
        if let Some(line) = log.iter().find(|line| line.contains(sign)).filter(|_| is_new) {
            warnings.push(format!("{meaning}: OpenOCD says: {}", message(line)));
        }
    }
    warnings
}

/// Whether [`warnings`] needs the line.
pub(super) fn may_tell(line: &str) -> bool {
    line.contains("JTAG tap: ") || SIGNS.iter().any(|(sign, _)| line.contains(sign))
}

fn wrong_chip(wrong: &[Wrong<'_>]) -> Option<String> {
    let tap = |Wrong { tap, found, expected }: &Wrong| {
        format!("TAP {tap} has the identification code {found}, expected {}", expected.join(" or "))
    };
    let taps: Vec<String> = wrong.iter().map(tap).collect();
    (!taps.is_empty()).then(|| format!("{}: {}", StartFailure::WrongChip.sentence(), taps.join("; ")))
}

/// ```text
/// Warn : JTAG tap: stm32f4x.cpu       UNEXPECTED: 0x3ba00477 (mfg: 0x23b (ARM Ltd), part: 0xba00, ver: 0x3)
/// Error: JTAG tap: stm32f4x.cpu  expected 1 of 1: 0x4ba00477 (mfg: 0x23b (ARM Ltd), part: 0xba00, ver: 0x4)
/// ```
fn wrong_in_log(log: &[String]) -> Vec<Wrong<'_>> {
    let mut wrong: Vec<Wrong<'_>> = Vec::new();
    for line in log {
        let Some((_, text)) = line.split_once("JTAG tap: ") else { continue };
        let code = |rest: &str| rest.split_whitespace().next().unwrap_or_default().to_owned();
        if let Some((tap, found)) = text.split_once(" UNEXPECTED: ") {
            let (tap, found) = (tap.trim_end(), code(found));
            // OpenOCD examines the chain again after a failure.
            wrong.retain(|before| before.tap != tap);
            wrong.push(Wrong { tap, found, expected: Vec::new() });
        } else if let Some((tap, rest)) = text.split_once(" expected ") {
            let Some((_, expected)) = rest.split_once(": ") else { continue };
            if let Some(entry) = wrong.iter_mut().find(|entry| entry.tap == tap.trim_end()) {
                entry.expected.push(code(expected));
            }
        }
    }
    wrong.retain(|entry| !entry.expected.is_empty());
    wrong
}

/// The line without its level.
fn message(line: &str) -> &str {
    without_place(line.strip_prefix("Warn : ").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(log: &str) -> Vec<String> {
        warnings(&log.lines().filter(|line| may_tell(line)).map(str::to_owned).collect::<Vec<_>>())
    }

    /// As OpenOCD 0.12.0 and a development version of August 2026 write it.
    const WRONG: &str = "\
        Info : JTAG tap: a.cpu tap/device found: 0x3ba00477 (mfg: 0x23b (ARM Ltd), part: 0xba00, ver: 0x3)\n\
        Warn : JTAG tap: a.cpu       UNEXPECTED: 0x3ba00477 (mfg: 0x23b (ARM Ltd), part: 0xba00, ver: 0x3)\n\
        Error: JTAG tap: a.cpu  expected 1 of 2: 0x4ba00477 (mfg: 0x23b (ARM Ltd), part: 0xba00, ver: 0x4)\n\
        Error: JTAG tap: a.cpu  expected 2 of 2: 0x5ba00477 (mfg: 0x23b (ARM Ltd), part: 0xba00, ver: 0x5)\n\
        Error: Trying to use configured scan chain anyway...\n\
        Warn : Bypassing JTAG setup events due to errors\n";

    #[test]
    fn identification_codes_that_are_not_expected_are_one_warning() {
        let expected = "the configuration describes another chip: TAP a.cpu has the identification \
                        code 0x3ba00477, expected 0x4ba00477 or 0x5ba00477";
        assert_eq!(of(WRONG), [expected]);
        assert_eq!(of(&WRONG.repeat(2)), [expected]);
        let two = WRONG.to_owned() + &WRONG.replace("a.cpu", "b.cpu");
        assert_eq!(
            of(&two),
            [format!("{expected}; {}", &expected[expected.find("TAP").unwrap()..]).replacen("; TAP a.", "; TAP b.", 1)]
        );
    }

    #[test]
    fn what_openocd_says_of_all_boards_is_no_warning() {
        for line in [
            "Warn : Transport \"jtag\" was already selected",
            "Warn : DEPRECATED: auto-selecting transport \"swd\". Use 'transport select swd' to suppress this message.",
            "Warn : An adapter speed is not selected in the init scripts. OpenOCD will try to run the adapter at very low speed (100 kHz).",
            "Warn : gdb services need one or more targets defined",
            "Info : JTAG tap: a.cpu tap/device found: 0x3ba00477 (mfg: 0x23b (ARM Ltd), part: 0xba00, ver: 0x3)",
            "JTAG tap: a.cpu       UNEXPECTED: ",
            "JTAG tap: a.cpu  expected ",
        ] {
            assert_eq!(of(line), [""; 0], "{line}");
        }
    }

    #[test]
    fn signs_are_told_once_with_openocds_words() {
        let log = "Warn : Unexpected idcode after end of chain: 21 0xfffff800\n\
                   Error: auto0.tap: IR capture error; saw 0x0003 not 0x0001\n\
                   Error: target voltage may be too low for reliable debugging\n";
        assert_eq!(
            of(log),
            [
                "the target seems to have no power: OpenOCD says: target voltage may be too low for reliable debugging",
                "the JTAG chain is not as the configuration describes it: OpenOCD says: Unexpected idcode after end of chain: 21 0xfffff800",
            ]
        );
    }
}
