//! The text of a snapshot.

use std::fmt;

use super::{Snapshot, SnapshotRegister};
use crate::error::SvdError;

/// What a file begins with. The number is that of the format.
const MAGIC: &str = "openocd-snapshot 1";

const COLUMNS: &str = "path, address, width and value, with tabs between them";

pub(super) fn write(snapshot: &Snapshot, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{MAGIC}\t{}", one_line(&snapshot.device))?;
    for register in &snapshot.registers {
        write!(f, "{}\t{:#010x}\t{}\t", one_line(&register.path), register.address, register.bits)?;
        match (register.value, &register.unread) {
            (Some(value), _) => writeln!(f, "{}", register.hex(value))?,
            (None, Some(reason)) => writeln!(f, "-\t{}", one_line(reason))?,
            (None, None) => writeln!(f, "-")?,
        }
    }
    Ok(())
}

/// A text without the characters that separate columns and lines.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
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
    Ok(Snapshot { device: device.to_owned(), registers })
}

fn register(columns: &[&str]) -> Option<SnapshotRegister> {
    let (path, address, bits, value, unread) = match *columns {
        [path, address, bits, value] => (path, address, bits, value, None),
        [path, address, bits, "-", reason] => (path, address, bits, "-", Some(reason.to_owned())),
        _ => return None,
    };
    let hex = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    let (address, bits) = (hex(address)?, bits.parse().ok().filter(|bits| *bits > 0)?);
    let value = if value == "-" { None } else { Some(hex(value)?) };
    let fits = value.is_none_or(|value| bits >= 64 || value >> bits == 0);
    (fits && !path.is_empty()).then(|| SnapshotRegister {
        path: path.to_owned(),
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
            "\t0x4\t32\t0x1",
            "P.R\t0x4\t32\t0x1\tmore",
            "P.R\t0x4\t4294967296\t0x1",
            "P.R\t0x10000000000000000\t32\t0x1",
        ] {
            let error = parse(&format!("{MAGIC}\tD\n# x\n{line}\n"), "a").unwrap_err();
            assert!(error.to_string().starts_with("a:3:1: expected path, address"), "{line:?}: {error}");
        }
        assert!(parse("", "a").is_err() && parse("openocd-snapshot 2\tD\n", "a").is_err());
    }
}
