//! OpenOCD's version.

use std::fmt;

/// The version of an OpenOCD, as its `version` command tells it.
///
/// Builds between releases carry the number of the last release, and vendors add their own suffix (`v0.12.0-esp32-20260831`): two
/// servers of one number can differ much. This crate therefore never decides by this number what a server can do; it
/// asks the server (`src/prelude`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    text: String,
    number: Option<(u32, u32, u32)>,
}

impl Version {
    pub(crate) fn parse(text: &str) -> Self {
        // "Open On-Chip Debugger 0.12.0+dev-01234-gabcdef (2024-05-04-12:00)"
        let text = text.trim();
        let number = text.split_whitespace().find_map(|word| number(word.strip_prefix('v').unwrap_or(word)));
        Version { text: text.to_owned(), number }
    }

    /// Major number, minor number and patch level; `None` if the text has no such numbers.
    pub fn number(&self) -> Option<(u32, u32, u32)> {
        self.number
    }

    /// Whether the number is at least `major.minor`; false if there is none.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        self.number.is_some_and(|(own_major, own_minor, _)| (own_major, own_minor) >= (major, minor))
    }

    /// The whole text, such as `Open On-Chip Debugger 0.12.0`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
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
    fn versions_of_releases_development_and_vendors() {
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
    fn comparing() {
        let version = Version::parse("Open On-Chip Debugger 0.12.0");
        assert!(version.at_least(0, 11) && version.at_least(0, 12));
        assert!(!version.at_least(0, 13) && !version.at_least(1, 0));
        assert!(!Version::parse("?").at_least(0, 0));
    }
}
