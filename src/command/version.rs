//! OpenOCD's version.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::error::text::excerpt;

/// The version of an OpenOCD, as its `version` command gives it.
///
/// Versions are ordered by their numbers, and equal numbers by their texts. A text without a number
/// comes first.
///
/// Builds between releases carry the number of the last release, and vendors add a suffix of their
/// own (`v0.12.0-esp32-20260831`), so two servers with one number can differ much. This crate
/// therefore never decides by the number what a server can do: it asks the server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    // First, because it decides the order.
    number: Option<(u32, u32, u32)>,
    text: String,
}

impl Version {
    pub(crate) fn parse(text: &str) -> Self {
        // "Open On-Chip Debugger 0.12.0+dev-01234-gabcdef (2024-05-04-12:00)"
        let text = text.trim();
        let number = text.split_whitespace().find_map(|word| number(word.strip_prefix('v').unwrap_or(word)));
        Version { number, text: text.to_owned() }
    }

    /// Returns major number, minor number and patch level; `None` if the text contains no such
    /// numbers.
    pub fn number(&self) -> Option<(u32, u32, u32)> {
        self.number
    }

    /// Whether the number is at least `major.minor`; false if the text contains no number.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        self.number.is_some_and(|(own_major, own_minor, _)| (own_major, own_minor) >= (major, minor))
    }

    /// The whole text, such as `Open On-Chip Debugger 0.12.0`, as OpenOCD gives it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The text on one line, with control characters escaped.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&excerpt(self.text.as_bytes(), 200))
    }
}

/// `Version(Open On-Chip Debugger 0.12.0)`
impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({self})")
    }
}

/// Reads a version's text, such as `0.12.0`, for comparisons. Any text is a version.
///
/// ```
/// let oldest: openocd::Version = "0.11.0".parse()?;
/// assert!(oldest < "Open On-Chip Debugger 0.12.0".parse()?);
/// # Ok::<(), std::convert::Infallible>(())
/// ```
impl FromStr for Version {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Version::parse(text))
    }
}

/// `0.12.0`, with anything after the third number.
fn number(word: &str) -> Option<(u32, u32, u32)> {
    let mut parts = word.splitn(3, '.');
    let (major, minor, patch) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = patch.find(|c: char| !c.is_ascii_digit()).unwrap_or(patch.len());
    Some((major.parse().ok()?, minor.parse().ok()?, patch[..digits].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn versions_of_releases_development_and_vendors_are_read() {
        for (text, number) in [
            ("Open On-Chip Debugger 0.12.0", Some((0, 12, 0))),
            ("Open On-Chip Debugger 0.12.0+dev-01850-g1c22c5a82 (2024-12-13-09:10)", Some((0, 12, 0))),
            ("Open On-Chip Debugger v0.12.0-esp32-20260831 (2026-08-31-22:04)", Some((0, 12, 0))),
            ("Open On-Chip Debugger 0.11.0-rc2", Some((0, 11, 0))),
            ("something else", None),
            ("", None),
            ("1.2", None),
            ("99999999999.1.1", None),
        ] {
            assert_eq!(Version::parse(text).number(), number, "{text:?}");
        }
    }

    #[test]
    fn a_hostile_version_is_shown_on_one_line() {
        let version = Version::parse("0.12.0\x1b[2J\nx");
        assert_eq!(version.to_string(), "0.12.0\\u{1b}[2J; x");
        assert_eq!(format!("{version:?}"), "Version(0.12.0\\u{1b}[2J; x)");
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let version = Version::parse("Open On-Chip Debugger 0.12.0");
        assert!(version.at_least(0, 11) && version.at_least(0, 12));
        assert!(!version.at_least(0, 13) && !version.at_least(1, 0));
        assert!(!Version::parse("?").at_least(0, 0));
        assert!(
            Version::parse("0.9.0") < Version::parse("v0.12.0-esp32") && Version::parse("?") < Version::parse("0.0.1")
        );
    }
}
