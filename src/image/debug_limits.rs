//! What reading debug information may cost, in proportion to what the file holds of it.
//!
//! A few bytes of a file can stand for gigabytes: thousands of compilation units can share one list
//! of ranges, one line table or one long name, and inlined functions that are nested thousands deep
//! overflow the stack of `addr2line`, which descends into them by recursion. So all of it is
//! counted before `addr2line` reads it.

use std::collections::BTreeSet;

use gimli::{AttributeValue, DW_AT_ranges, DW_FORM_implicit_const, DebugAbbrevOffset, Reader as _, Section as _};
use gimli::{Dwarf, Unit};

use super::debug_info::Reader;

/// How many bytes of memory a byte of debug information may take, beside the first mebibyte.
const PER_BYTE: u64 = 64;
/// The deepest nesting of entries. A level takes `addr2line` half a kilobyte of stack.
const DEEPEST: isize = 500;

/// About how many bytes of memory each thing takes.
const OF_A_RANGE: u64 = 32;
const OF_A_BYTE_OF_ABBREVIATIONS: u64 = 16;
const OF_A_BYTE_OF_A_LINE_HEADER: u64 = 48;
const OF_A_BYTE_OF_A_LINE_PROGRAM: u64 = 24;

pub(super) const INVALID: &str = "has debug information that cannot be read";
pub(super) const TOO_MUCH: &str = "has debug information that stands for far more than the file holds";
const TOO_DEEP: &str = "has debug information that is nested more than 500 deep";

type Checked = Result<(), &'static str>;

/// Counts what `addr2line` would make of a file with `length` bytes of debug information.
pub(super) fn check(dwarf: &mut Dwarf<Reader>, length: u64) -> Checked {
    let mut budget = Budget(PER_BYTE.saturating_mul(length).saturating_add(1 << 20));
    let mut tables = BTreeSet::new();
    let mut headers = dwarf.units();
    while let Ok(Some(header)) = headers.next() {
        if tables.insert(header.debug_abbrev_offset().0) {
            budget.spend(abbreviations(dwarf, header.debug_abbrev_offset()), OF_A_BYTE_OF_ABBREVIATIONS)?;
        }
    }
    // Units that share a table then share what is made of it.
    dwarf.populate_abbreviations_cache(gimli::AbbreviationsCacheStrategy::Duplicates);
    let mut headers = dwarf.units();
    while let Ok(Some(header)) = headers.next() {
        // What cannot be read, addr2line leaves out.
        let Ok(unit) = dwarf.unit(header) else { continue };
        lines(dwarf, &unit, &mut budget)?;
        entries(dwarf, &unit, &mut budget)?;
    }
    Ok(())
}

/// The bytes of memory that are left.
struct Budget(u64);

impl Budget {
    fn spend(&mut self, count: u64, each: u64) -> Checked {
        self.0 = count.checked_mul(each).and_then(|bytes| self.0.checked_sub(bytes)).ok_or(TOO_MUCH)?;
        Ok(())
    }
}

/// The length of a table of abbreviations; of a damaged one, up to the damage.
fn abbreviations(dwarf: &Dwarf<Reader>, offset: DebugAbbrevOffset) -> u64 {
    let whole = dwarf.debug_abbrev.reader();
    let mut rest = whole.clone();
    if rest.skip(offset.0).is_err() {
        return 0;
    }
    let before = rest.len();
    let mut table = || -> gimli::Result<()> {
        while rest.read_uleb128()? != 0 {
            rest.read_uleb128()?;
            rest.read_u8()?;
            loop {
                let (name, form) = (rest.read_uleb128()?, rest.read_uleb128()?);
                if form == u64::from(DW_FORM_implicit_const.0) {
                    rest.read_sleb128()?;
                }
                if (name, form) == (0, 0) {
                    break;
                }
            }
        }
        Ok(())
    };
    // The length is the same.
    let _ = table();
    (before - rest.len()) as u64
}

/// Counts the line table of a unit, and the paths of its files, each of which is made whole.
fn lines(dwarf: &Dwarf<Reader>, unit: &Unit<Reader>, budget: &mut Budget) -> Checked {
    let Some(program) = &unit.line_program else { return Ok(()) };
    let header = program.header();
    budget.spend(header.header_length() as u64, OF_A_BYTE_OF_A_LINE_HEADER)?;
    budget.spend(header.raw_program_buf().len() as u64, OF_A_BYTE_OF_A_LINE_PROGRAM)?;
    let text = |value: Option<AttributeValue<Reader>>| {
        value.and_then(|value| dwarf.attr_string(unit, value).ok()).map_or(0, |text| text.len() as u64)
    };
    let folder = unit.comp_dir.as_ref().map_or(0, |folder| folder.len() as u64);
    for file in header.file_names() {
        budget.spend(folder + text(file.directory(header)) + text(Some(file.path_name())), 1)?;
    }
    Ok(())
}

/// Counts the ranges of a unit's entries, and looks at how deep they are nested.
fn entries(dwarf: &Dwarf<Reader>, unit: &Unit<Reader>, budget: &mut Budget) -> Checked {
    let Ok(mut entries) = unit.entries_raw(None) else { return Ok(()) };
    while !entries.is_empty() {
        if entries.next_depth() > DEEPEST {
            return Err(TOO_DEEP);
        }
        let Ok(abbreviation) = entries.read_abbreviation() else { return Ok(()) };
        for specification in abbreviation.map_or(&[][..], |found| found.attributes()) {
            let Ok(attribute) = entries.read_attribute(*specification) else { return Ok(()) };
            if attribute.name() == DW_AT_ranges {
                if let Ok(Some(offset)) = dwarf.attr_ranges_offset(unit, attribute.value()) {
                    let Ok(mut ranges) = dwarf.raw_ranges(unit, offset) else { continue };
                    while let Ok(Some(_)) = ranges.next() {
                        budget.spend(1, OF_A_RANGE)?;
                    }
                }
            }
        }
    }
    Ok(())
}
