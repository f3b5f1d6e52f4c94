//! What the scan chain of an OpenOCD that runs already says against its configuration.

use openocd::{StartFailure, Tap};

/// The warning that the list of the scan chain gives reason for, as
/// [`start_warnings`](openocd::OpenOcdProcess::start_warnings) words it.
pub(crate) fn warning(taps: &[Tap]) -> Option<String> {
    let wrong: Vec<String> = taps.iter().filter(|tap| !tap.is_expected()).map(wrong).collect();
    (!wrong.is_empty()).then(|| format!("{}: {}", StartFailure::WrongChip, wrong.join("; ")))
}

fn wrong(tap: &Tap) -> String {
    let code = |expected: &u32| match tap.ignore_version {
        true => format!("0x*{:07x}", expected & 0x0fff_ffff),
        false => format!("{expected:#010x}"),
    };
    let expected: Vec<String> = tap.expected_ids.iter().map(code).collect();
    let found = tap.idcode.unwrap_or_default();
    format!("TAP {} has the identification code {found:#010x}, expected {}", tap.name, expected.join(" or "))
}
