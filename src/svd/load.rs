//! From a file to a device.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use svd_parser::{Config, ValidateLevel};

use super::device::{Device, Peripheral};
use super::expand;
use super::register::Register;
use super::repair::{self, Malformed, repair};
use crate::error::SvdError;

pub(super) fn file(path: &Path) -> Result<Device, SvdError> {
    let bytes = std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => SvdError::NotFound { path: path.to_owned() },
        _ => SvdError::Unreadable { path: path.to_owned(), source },
    })?;
    text(&decode(&bytes), &path.display().to_string())
}

pub(super) fn text(svd: &str, document: &str) -> Result<Device, SvdError> {
    let svd = svd.strip_prefix('\u{feff}').unwrap_or(svd);
    let at = |offset, message| {
        let (line, column) = repair::position(svd, offset);
        SvdError::Parse { document: document.to_owned(), line, column, message }
    };
    let (repaired, mut warnings) = repair(svd).map_err(|Malformed { offset, message }| at(offset, message))?;
    let config = Config::default().validate_level(ValidateLevel::Disabled);
    let parsed = svd_parser::parse_with_config(&repaired, &config).map_err(|error| {
        let (position, message) = explain(error.chain().map(ToString::to_string));
        let (line, column) = position.unwrap_or((1, 1));
        SvdError::Parse { document: document.to_owned(), line, column, message }
    })?;
    let peripherals = expand::peripherals(&parsed, &mut warnings)
        .map_err(|reason| SvdError::Impossible { document: document.to_owned(), reason })?;
    for warning in &warnings {
        log::warn!(target: "openocd::svd", "{document}: {warning}");
    }
    Ok(index(&parsed, peripherals, warnings))
}

/// Text in the encodings that vendors use. The XML declaration is not asked: it is wrong as often as not.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<_> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes).into(),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes).into(),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect::<String>().into(),
        },
    }
}

/// Where and what of an error of the parser. It comes as a chain of texts, of which one ends with ` at LINE:COLUMN`; the parser
/// hands out no number.
fn explain(chain: impl Iterator<Item = String>) -> (Option<(u32, u32)>, String) {
    let mut position = None;
    let mut parts = Vec::new();
    for text in chain {
        let found = text.rsplit_once(" at ").and_then(|(before, at)| {
            let (line, column) = at.split_once(':')?;
            Some((before.to_owned(), (line.parse().ok()?, column.parse().ok()?)))
        });
        match found {
            Some((before, at)) => {
                position.get_or_insert(at);
                parts.push(before);
            }
            None => parts.push(text),
        }
    }
    parts.dedup();
    (position, parts.join(": "))
}

fn index(parsed: &svd_parser::svd::Device, peripherals: Vec<Peripheral>, warnings: Vec<String>) -> Device {
    let mut peripheral_by_name = HashMap::with_capacity(peripherals.len());
    let registers: usize = peripherals.iter().map(|peripheral| peripheral.registers.len()).sum();
    let mut by_address = Vec::with_capacity(registers);
    let mut guarded = Vec::new();
    // Both fit: the number of all registers is limited.
    for (number, peripheral) in (0_u32..).zip(&peripherals) {
        peripheral_by_name.entry(peripheral.name.clone()).or_insert(number as usize);
        for (place, register) in (0_u32..).zip(&peripheral.registers) {
            by_address.push((register.address, number, place));
            if let Some(action) = register.read_action() {
                let last = register.address.saturating_add(register.bytes() - 1);
                guarded.push((register.address, last, register.path(), action));
            }
        }
    }
    by_address.sort_unstable();
    guarded.sort_by_key(|(start, ..)| *start);
    let widest =
        peripherals.iter().flat_map(|peripheral| &peripheral.registers).map(Register::bytes).max().unwrap_or(1);
    let big_endian = parsed.cpu.as_ref().is_some_and(|cpu| cpu.endian == svd_parser::svd::Endian::Big);
    Device {
        name: parsed.name.clone(),
        description: parsed.description.clone(),
        version: parsed.version.clone(),
        big_endian,
        peripherals,
        peripheral_by_name,
        by_address,
        widest,
        guarded,
        warnings,
    }
}
