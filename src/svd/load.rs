//! From a file to a device.

mod encoding;

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::device::{Device, Guard, Peripheral};
use super::expand;
use super::register::Register;
use super::source::{self, Source};
use super::warnings::Warnings;
use super::xml::{Malformed, Xml, position};
use crate::error::SvdError;
use crate::error::text::shown;
use crate::file_kind;

/// Several times the size of the largest vendors' files.
const LARGEST_FILE: u64 = 64 << 20;

pub(super) fn file(path: &Path) -> Result<Device, SvdError> {
    let unreadable = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => SvdError::NotFound { path: path.to_owned() },
        _ => SvdError::Unreadable { path: path.to_owned(), source },
    };
    let document = shown(path);
    let file = file_kind::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    if length > LARGEST_FILE {
        return Err(too_large(document));
    }
    let mut bytes = Vec::new();
    // A device file has no length that could be asked for.
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(too_large(document));
    }
    let mut warnings = Warnings::default();
    let text = encoding::decode(&bytes, &mut warnings);
    device(&text, &document, warnings)
}

pub(super) fn text(svd: &str, document: &str) -> Result<Device, SvdError> {
    device(svd, document, Warnings::default())
}

fn device(svd: &str, document: &str, mut warnings: Warnings) -> Result<Device, SvdError> {
    // Twice as much as bytes: text that was UTF-16 or Latin-1 has grown.
    if svd.len() as u64 > 2 * LARGEST_FILE {
        return Err(too_large(document.to_owned()));
    }
    let svd = svd.strip_prefix('\u{feff}').unwrap_or(svd);
    let malformed = |Malformed { offset, message }| {
        let (line, column) = position(svd, offset);
        SvdError::Parse { document: document.to_owned(), line, column, message }
    };
    let xml = Xml::parse(svd).map_err(malformed)?;
    let source = source::read(&xml, &mut warnings).map_err(malformed)?;
    let peripherals = expand::peripherals(&source, &mut warnings)
        .map_err(|reason| SvdError::Impossible { document: document.to_owned(), reason })?;
    let warnings = warnings.finish(svd);
    for warning in &warnings {
        log::warn!(target: "openocd::svd", "{document}: {warning}");
    }
    Ok(index(&source, peripherals, warnings))
}

fn too_large(document: String) -> SvdError {
    SvdError::TooLarge { document, limit: LARGEST_FILE }
}

fn index(source: &Source<'_>, peripherals: Vec<Peripheral>, warnings: Vec<String>) -> Device {
    let device = Device {
        name: source.name.clone().into_owned(),
        description: source.description.clone().into_owned(),
        version: source.version.clone().into_owned(),
        big_endian: source.big_endian,
        warnings,
        ..empty()
    };
    with_peripherals(device, peripherals)
}

/// A device without anything.
pub(super) fn empty() -> Device {
    Device {
        name: String::new(),
        description: String::new(),
        version: String::new(),
        big_endian: false,
        peripherals: Vec::new(),
        peripheral_by_name: HashMap::new(),
        by_address: Vec::new(),
        widest: 1,
        guarded: Vec::new(),
        warnings: Vec::new(),
    }
}

/// A device with more peripherals than it had.
pub(super) fn with_peripherals(device: Device, more: Vec<Peripheral>) -> Device {
    let mut peripherals = device.peripherals;
    peripherals.extend(more);
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
                let (first, last) = (register.address, register.address.saturating_add(register.bytes() - 1));
                guarded.push(Guard { first, last, register: (number, place), action });
            }
        }
    }
    by_address.sort_unstable();
    guarded.sort_by_key(|guard| guard.first);
    let all = peripherals.iter().flat_map(|peripheral| &peripheral.registers);
    let widest = all.map(Register::bytes).max().unwrap_or(1);
    let mut device = Device { peripherals, peripheral_by_name, by_address, widest, guarded, ..device };
    note_shared_reads(&mut device);
    device
}

/// Notes in each register whether a read of it changes another one at its addresses.
fn note_shared_reads(device: &mut Device) {
    if device.guarded.is_empty() {
        return;
    }
    let mut noted = Vec::new();
    for &(address, peripheral, place) in &device.by_address {
        let register = &device.peripherals[peripheral as usize].registers[place as usize];
        if register.read_action().is_some() {
            continue;
        }
        if let Some((other, action)) = device.read_action_within(address, register.bytes()) {
            noted.push((peripheral, place, Arc::new((other.path(), action))));
        }
    }
    for (peripheral, place, other) in noted {
        device.peripherals[peripheral as usize].registers[place as usize].changes_other = Some(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An independent reader agrees on a file that is as the standard has it.
    #[test]
    fn a_clean_file_is_read_as_svd_parser_reads_it() {
        let file = include_str!("../../tests/virtual-chip/svd/virtual-stm32f103.svd");
        let (ours, theirs) = (text(file, "the chip").unwrap(), svd_parser::parse(file).unwrap());
        let mut compared = 0;
        for peripheral in theirs.peripherals.iter().filter(|peripheral| peripheral.derived_from.is_none()) {
            for register in peripheral.registers().filter(|register| register.is_single()) {
                let own = ours.peripheral(&peripheral.name).unwrap().register(&register.name).unwrap();
                assert_eq!(
                    own.address(),
                    peripheral.base_address + u64::from(register.address_offset),
                    "{}",
                    own.path()
                );
                for field in register.fields().filter(|field| field.is_single()) {
                    let own = own.field(&field.name).unwrap();
                    assert_eq!((own.bit_offset(), own.bit_width()), (field.bit_offset(), field.bit_width()));
                    compared += 1;
                }
            }
        }
        assert!(compared > 200, "{compared} fields were compared");
    }
}
