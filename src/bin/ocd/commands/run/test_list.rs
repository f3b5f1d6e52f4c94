//! The tests of a test binary of `embedded-test`, which its ELF file lists.

use std::time::Duration;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use serde::Deserialize;

use super::firmware::{Firmware, TEST_SECTION};
use crate::failure::Outcome;
use crate::output::escape::escaped_line;

/// The version of the list that is understood.
const VERSION: u32 = 1;

/// The size of a test in the list: its function, and the name of its module.
const ITEM: u64 = 12;

/// How long a test without a time of its own may take.
const DEFAULT_LIMIT: Duration = Duration::from_secs(60);

/// What the symbol of a test says.
#[derive(Deserialize)]
struct Description {
    name: String,
    #[serde(default)]
    ignored: bool,
    #[serde(default)]
    should_panic: bool,
    timeout: Option<u32>,
}

/// A test of the list.
#[derive(Clone)]
pub(super) struct Test {
    /// With control characters escaped: libtest prints it as it is.
    pub(super) name: String,
    pub(super) address: u32,
    pub(super) is_ignored: bool,
    pub(super) should_panic: bool,
    /// How long it may take, by itself.
    pub(super) limit: Duration,
}

/// Reads the list of tests from the ELF file.
pub(super) fn read(firmware: &Firmware) -> Outcome<Vec<Test>> {
    let wrong = |problem: &str| firmware.wrong(&format!("cannot read the list of its tests: {problem}"));
    let file = object::File::parse(&*firmware.bytes).map_err(|error| wrong(&error.to_string()))?;
    let section = file.section_by_name(TEST_SECTION).ok_or_else(|| wrong("the section is gone"))?;
    let data = section.data().map_err(|error| wrong(&error.to_string()))?;
    let word = |address: u64| -> Option<u32> {
        let at = usize::try_from(address.checked_sub(section.address())?).ok()?;
        let bytes = data.get(at..)?.first_chunk::<4>()?;
        Some(if file.is_little_endian() { u32::from_le_bytes(*bytes) } else { u32::from_be_bytes(*bytes) })
    };
    let mut tests = Vec::new();
    let mut has_version = false;
    for symbol in file.symbols().filter(|symbol| symbol.section_index() == Some(section.index())) {
        let name = symbol.name().map_err(|error| wrong(&error.to_string()))?;
        if name == "EMBEDDED_TEST_VERSION" {
            match word(symbol.address()) {
                Some(VERSION) => has_version = true,
                other => return Err(wrong(&format!("its version is {other:?}, but this ocd knows {VERSION}"))),
            }
        }
        if !name.starts_with('{') {
            continue;
        }
        let description: Description = serde_json::from_str(name).map_err(|error| wrong(&error.to_string()))?;
        let part = |offset| symbol.address().checked_add(offset).and_then(word);
        let item = (part(0), part(4), part(8));
        let (Some(address), Some(module), Some(length)) = item else { return Err(wrong("an item is cut short")) };
        let module = text(firmware, module, length).ok_or_else(|| wrong("a module has no name"))?;
        // As libtest names tests: without the crate.
        let module = module.split_once("::").map_or("", |(_, module)| module);
        let name = if module.is_empty() { description.name } else { format!("{module}::{}", description.name) };
        let name = escaped_line(&name);
        let limit = description.timeout.map_or(DEFAULT_LIMIT, |seconds| Duration::from_secs(seconds.into()));
        let (is_ignored, should_panic) = (description.ignored, description.should_panic);
        tests.push(Test { name, address, is_ignored, should_panic, limit });
    }
    if !has_version {
        return Err(wrong("the symbol EMBEDDED_TEST_VERSION is missing"));
    }
    // A test that is not seen would be a test that passes. Room for less than one more is padding.
    if section.size() >= ITEM * (tests.len() as u64 + 1) + size_of_val(&VERSION) as u64 {
        return Err(wrong("some have no symbol that names them: were symbols stripped?"));
    }
    tests.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(tests)
}

/// Text in the image.
fn text(firmware: &Firmware, address: u32, length: u32) -> Option<String> {
    let (start, length) = (u64::from(address), usize::try_from(length).ok()?);
    firmware.image.segments().iter().find_map(|segment| {
        let at = usize::try_from(start.checked_sub(segment.address)?).ok()?;
        let bytes = segment.data.get(at..)?.get(..length)?;
        String::from_utf8(bytes.to_vec()).ok()
    })
}
