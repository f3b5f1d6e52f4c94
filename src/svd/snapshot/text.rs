//! The text of a snapshot.

use std::fmt;

use super::{Snapshot, SnapshotRegister};
use crate::error::SvdError;
use crate::svd::register::hex_digits;

/// What a file begins with. The number is that of the format.
const MAGIC: &str = "openocd-snapshot 1";

const COLUMNS: &str = "path, address, width and value, with tabs between them";

pub(super) fn write(snapshot: &Snapshot, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{MAGIC}\t{}", escaped(&snapshot.device))?;
    for register in &snapshot.registers {
        // Not to be taken for a comment.
        let escape = if register.path.starts_with('#') { "\\" } else { "" };
        write!(f, "{escape}{}\t{:#010x}\t{}\t", escaped(&register.path), register.address, register.bits)?;
        match (register.value, &register.unread) {
            (Some(value), _) => writeln!(f, "{}", register.hex(value))?,
            (None, Some(reason)) => writeln!(f, "-\t{}", escaped(reason))?,
            (None, None) => writeln!(f, "-")?,
        }
    }
    Ok(())
}

/// A text without the characters that separate columns and lines, as [`unescaped`] reads it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\\' || c.is_control() {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Reads `\\`, `\#`, `\t`, `\r`, `\n` and `\u{1b}`. Any other backslash stands for itself.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut unescaped = parts.next().unwrap_or_default().to_owned();
    while let Some(part) = parts.next() {
        let mut rest = part.chars();
        let (c, rest) = match rest.next() {
            // A second backslash, behind which nothing is an escape.
            None => match parts.next() {
                Some(literal) => ('\\', literal),
                None => ('\\', ""),
            },
            Some('#') => ('#', rest.as_str()),
            Some('t') => ('\t', rest.as_str()),
            Some('r') => ('\r', rest.as_str()),
            Some('n') => ('\n', rest.as_str()),
            _ => code_point(part).unwrap_or(('\\', part)),
        };
        unescaped.push(c);
        unescaped.push_str(rest);
    }
    unescaped
}

/// The character of `u{1b}`, and what is behind it.
fn code_point(text: &str) -> Option<(char, &str)> {
    let (digits, rest) = text.strip_prefix("u{")?.split_once('}')?;
    Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, rest))
}

pub(super) fn parse(text: &str, document: &str) -> Result<Snapshot, SvdError> {
    let malformed = |line: usize, message: &str| SvdError::Parse {
        document: document.to_owned(),
        line: u32::try_from(line + 1).unwrap_or(u32::MAX),
        column: 1,
        message: message.to_owned(),
    };
    let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate();
    let first = lines.next().map(|(_, line)| line.split_once('\t').unwrap_or((line, "")));
    let first = first.filter(|(_, device)| !device.contains(char::is_control));
    let Some((MAGIC, device)) = first else {
        return Err(malformed(0, &format!("this is no snapshot: expected `{MAGIC}`")));
    };
    let mut registers = Vec::new();
    for (number, line) in lines {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let columns: Vec<_> = line.split('\t').collect();
        let register = register(&columns).ok_or_else(|| malformed(number, &format!("expected {COLUMNS}")))?;
        registers.push(register);
    }
    Ok(Snapshot { device: unescaped(device), registers })
}

fn register(columns: &[&str]) -> Option<SnapshotRegister> {
    let (path, address, bits, value, unread) = match *columns {
        [path, address, bits, value] => (path, address, bits, value, None),
        [path, address, bits, "-", reason] => (path, address, bits, "-", Some(unescaped(reason))),
        _ => return None,
    };
    let hex = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    let (address, bits) = (hex(address)?, bits.parse().ok().filter(|bits: &u32| *bits > 0)?);
    // A value that was cut has fewer digits.
    let is_whole = value == "-" || value.len() == hex_digits(bits) + 2;
    let value = if value == "-" { None } else { Some(hex(value)?) };
    let fits = is_whole && value.is_none_or(|value| bits >= 64 || value >> bits == 0);
    (fits && !path.is_empty()).then(|| SnapshotRegister {
        path: unescaped(path),
        address,
        bits,
        value,
        unread,
        description: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_back_as_it_was_written() {
        let text = "openocd-snapshot 1\tDevice A\nP.R[0]\t0x40021000\t32\t0x00000083\nP.B\t0x00000004\t8\t0xff\n\
                    P.S\t0x40000000\t32\t-\tit is write-only\nP.T\t0x40000004\t128\t-\n";
        let snapshot = parse(text, "a").unwrap();
        assert_eq!(snapshot.to_string(), text);
        assert_eq!((snapshot.device.as_str(), snapshot.registers.len()), ("Device A", 4));
        let with_comments = text.replace("P.B", "# a comment\n\nP.B").replace('\n', "\r\n");
        assert_eq!(parse(&with_comments, "a").unwrap(), snapshot);
    }

    #[test]
    fn a_text_that_is_no_snapshot_is_refused_with_its_line() {
        let error = parse("<device>", "a.txt").unwrap_err();
        assert_eq!(error.to_string(), "a.txt:1:1: this is no snapshot: expected `openocd-snapshot 1`");
        for line in [
            "P.R",
            "P.R\t0x4\t32",
            "P.R\t4\t32\t0x1",
            "P.R\t0x4\t0\t0x1",
            "P.R\t0x4\t8\t0x100",
            "P.R\t0x4\t32\t1",
            "P.R\t0x4\t32\t0x0000008",
            "P.R\t0x4\t12\t0x08",
            "\t0x4\t32\t0x1",
            "P.R\t0x4\t32\t0x1\tmore",
            "P.R\t0x4\t4294967296\t0x1",
            "P.R\t0x10000000000000000\t32\t0x1",
        ] {
            let error = parse(&format!("{MAGIC}\tD\n# x\n{line}\n"), "a").unwrap_err();
            assert!(error.to_string().starts_with("a:3:1: expected path, address"), "{line:?}: {error}");
        }
        let old_ends = format!("{MAGIC}\tD\nP.R\t0x4\t32\t0x00000001\n").replace('\n', "\r");
        assert!(parse(&old_ends, "a").is_err());
        assert!(parse("", "a").is_err() && parse("openocd-snapshot 2\tD\n", "a").is_err());
    }

    #[test]
    fn every_text_is_read_back_as_it_was() {
        let register = |path: &str, unread: Option<&str>| SnapshotRegister {
            path: path.to_owned(),
            address: 4,
            bits: 32,
            value: unread.is_none().then_some(1),
            unread: unread.map(str::to_owned),
            description: None,
        };
        let paths = [
            "#Q.B",
            "# Q.B",
            "\\#Q.B",
            "a\tb.c\nd\r",
            "\\t\\u{9}.\\",
            " .\u{b} ",
            "\u{85}.\u{2028}é",
            "\\u{110000}.\\u{",
        ];
        let mut registers: Vec<_> = paths.iter().map(|path| register(path, None)).collect();
        registers.push(register("P.C", Some("C:\\temp\\new\nis\tfull")));
        let snapshot = Snapshot { device: "a\t#\\\n".to_owned(), registers };
        let text = snapshot.to_string();
        assert_eq!(text.lines().count(), snapshot.registers.len() + 1, "{text}");
        assert_eq!(parse(&text, "a").unwrap(), snapshot, "{text}");
    }
}
