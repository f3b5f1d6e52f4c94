//! Debug information (DWARF) of an ELF image: the source line of an address, and how to unwind a
//! stack.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use addr2line::Context;
use gimli::{EndianArcSlice, RunTimeEndian, SectionId};
use object::Endianness;
use object::elf::SHT_NOBITS;
use object::read::elf::{FileHeader, SectionHeader as _};

use super::Image;
use super::compressed;
use super::debug_limits::{self, INVALID};
use super::elf::{File, SHARED_AT_MOST};
use crate::error::{ImageError, Result};
use crate::types::SymbolKind;

pub(crate) type Reader = EndianArcSlice<RunTimeEndian>;

const NONE: &str = "has no debug information: build it with -g, or `debug = true` in Cargo's profile";

/// What is read of a file: each name once, however many sections have it.
const SECTIONS: [&str; 13] = [
    ".debug_abbrev",
    ".debug_addr",
    ".debug_aranges",
    ".debug_frame",
    ".debug_info",
    ".debug_line",
    ".debug_line_str",
    ".debug_loclists",
    ".debug_ranges",
    ".debug_rnglists",
    ".debug_str",
    ".debug_str_offsets",
    ".eh_frame",
];

/// Where in the sources an address belongs: one function, which may be inlined into the next one of
/// the list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CodeLocation {
    /// The function, as the sources have it if the feature `demangle` is on. If the debug
    /// information does not name it, the name of the symbol.
    pub function: Option<String>,
    /// The source file, as the compiler was given it.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column, from 1.
    pub column: Option<u32>,
    /// The function is inlined, and the next location of the list is where.
    pub is_inlined: bool,
}

impl CodeLocation {
    /// A function of which only the name is known.
    pub(crate) fn of_symbol(function: String) -> Self {
        CodeLocation { function: Some(function), file: None, line: None, column: None, is_inlined: false }
    }
}

impl CodeLocation {
    fn text_bytes(&self) -> u64 {
        [&self.function, &self.file].into_iter().flatten().map(|text| text.len() as u64).sum()
    }
}

/// `inner at crash.c:14`, `blink at main.rs:7:5 (inlined)`
impl fmt::Display for CodeLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.function.as_deref().unwrap_or("an unknown function").escape_debug())?;
        self.file.as_deref().map_or(Ok(()), |file| write!(f, " at {}", file.escape_debug()))?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))?;
        self.column.map_or(Ok(()), |column| write!(f, ":{column}"))?;
        f.write_str(if self.is_inlined { " (inlined)" } else { "" })
    }
}

/// The sections of a file that are about its sources, and what was made of them when it was first
/// asked for.
#[derive(Default)]
pub(crate) struct DebugInfo {
    sections: Vec<(String, Arc<[u8]>)>,
    is_big_endian: bool,
    address_size: u8,
    /// Where `.eh_frame` is in memory: its addresses are relative to that.
    eh_frame_address: Option<u64>,
    /// Why one of the sections is left out.
    problem: Option<&'static str>,
    /// A lock, because a context fills itself while it is asked.
    context: OnceLock<Result<Mutex<Context<Reader>>, &'static str>>,
}

impl DebugInfo {
    pub(super) fn read<Elf: FileHeader<Endian = Endianness>>(file: &File<'_, Elf>) -> Self {
        let mut info = DebugInfo {
            is_big_endian: file.endian == Endianness::Big,
            address_size: if file.header.is_type_64() { 8 } else { 4 },
            ..DebugInfo::default()
        };
        let Ok(sections) = file.header.sections(file.endian, file.bytes) else { return info };
        let mut compressed = compressed::Sections::of(file.bytes.len());
        for section in sections.iter() {
            let name = sections.section_name(file.endian, section).unwrap_or_default();
            let name = String::from_utf8_lossy(name);
            // GNU's older form of compression has names of its own: `.zdebug_info`.
            let gnu_name = name.strip_prefix(".zdebug_").map(|rest| format!(".debug_{rest}"));
            let is_gnu = gnu_name.is_some();
            let name = gnu_name.map_or(name, Cow::Owned);
            let is_known = info.sections.iter().any(|(known, _)| *known == name);
            if is_known || !SECTIONS.contains(&&*name) || section.sh_type(file.endian) == SHT_NOBITS {
                continue;
            }
            match compressed.contents(file, section, is_gnu) {
                Ok(data) => {
                    if name == ".eh_frame" {
                        info.eh_frame_address = Some(section.sh_addr(file.endian).into());
                    }
                    info.sections.push((name.into_owned(), data.into()));
                }
                Err(problem) => info.problem = Some(problem),
            }
        }
        info
    }

    /// The contents of a section; empty if the file lacks it.
    pub(crate) fn section(&self, id: SectionId) -> Reader {
        let found = self.sections.iter().find(|(name, _)| name == id.name());
        let endian = if self.is_big_endian { RunTimeEndian::Big } else { RunTimeEndian::Little };
        EndianArcSlice::new(found.map_or_else(|| Arc::from([]), |(_, data)| Arc::clone(data)), endian)
    }

    pub(crate) fn address_size(&self) -> u8 {
        self.address_size
    }

    pub(crate) fn eh_frame_address(&self) -> Option<u64> {
        self.eh_frame_address
    }

    /// How many bytes of debug information the file holds.
    fn length(&self) -> u64 {
        self.sections.iter().map(|(_, data)| data.len() as u64).sum()
    }

    fn has(&self, id: SectionId) -> bool {
        self.sections.iter().any(|(name, _)| name == id.name())
    }

    fn locations(&self, address: u64) -> Result<Vec<CodeLocation>, &'static str> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        if !self.has(SectionId::DebugInfo) {
            return Err(NONE);
        }
        // No code is at the last address, and addr2line overflows there.
        if address == u64::MAX {
            return Ok(Vec::new());
        }
        let context = self.context.get_or_init(|| {
            let mut dwarf = gimli::Dwarf::load(|id| Ok::<_, gimli::Error>(self.section(id))).map_err(|_| INVALID)?;
            debug_limits::check(&mut dwarf, self.length())?;
            Context::from_dwarf(dwarf).map(Mutex::new).map_err(|_| INVALID)
        });
        let context = context.as_ref().map_err(|problem| *problem)?.lock().unwrap_or_else(PoisonError::into_inner);
        let mut frames = context.find_frames(address).skip_all_loads().map_err(|_| INVALID)?;
        let mut locations = Vec::new();
        let mut texts = 0;
        while let Some(frame) = frames.next().map_err(|_| INVALID)? {
            let function = frame.function.as_ref().and_then(|function| function.raw_name().ok());
            let location = frame.location.as_ref();
            locations.push(CodeLocation {
                function: function.map(|name| readable(&name)),
                file: location.and_then(|location| location.file).map(str::to_owned),
                line: location.and_then(|location| location.line),
                column: location.and_then(|location| location.column).filter(|column| *column != 0),
                is_inlined: true,
            });
            // One long name may be that of many inlined functions.
            texts += locations.last().map_or(0, CodeLocation::text_bytes);
            if texts > self.length().saturating_mul(SHARED_AT_MOST).saturating_add(1 << 20) {
                return Err(debug_limits::TOO_MUCH);
            }
        }
        if let Some(outermost) = locations.last_mut() {
            outermost.is_inlined = false;
        }
        Ok(locations)
    }
}

fn readable(name: &str) -> String {
    #[cfg(feature = "demangle")]
    if let Some(name) = super::symbols::demangled(name) {
        return name;
    }
    name.to_owned()
}

/// The same file has the same sections.
impl PartialEq for DebugInfo {
    fn eq(&self, other: &Self) -> bool {
        self.sections == other.sections
    }
}

impl Eq for DebugInfo {}

impl Image {
    /// Finds where in the sources an address belongs: the innermost function first, and each
    /// function into which it is inlined after it. The list is empty for an address of which the
    /// debug information says nothing.
    ///
    /// Bit 0, which marks Thumb code, must be 0. A return address belongs to the call before it:
    /// subtract 1.
    ///
    /// # Errors
    /// [`ImageError::Elf`] if the file has no debug information, or the information is damaged.
    ///
    /// ```
    /// let image = openocd::Image::open("tests/images/crash/crash.elf")?;
    /// let locations = image.location(image.symbol("hard_fault")?.address)?;
    /// println!("{}", locations[0]); // hard_fault at ./crash.c:34:1
    /// assert_eq!(locations[0].function.as_deref(), Some("hard_fault"));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn location(&self, address: u64) -> Result<Vec<CodeLocation>> {
        let mut locations = self.debug_info.locations(address).map_err(|problem| ImageError::Elf { problem })?;
        // Line tables alone name few functions.
        if let Some(outermost @ CodeLocation { function: None, .. }) = locations.last_mut() {
            outermost.function = self.function_at(address);
        }
        Ok(locations)
    }

    /// The name of the symbol around an address in code.
    pub(crate) fn function_at(&self, address: u64) -> Option<String> {
        self.symbol_at(address).filter(|symbol| symbol.kind != SymbolKind::Object).map(|symbol| readable(&symbol.name))
    }

    pub(crate) fn debug_info(&self) -> &DebugInfo {
        &self.debug_info
    }
}

#[cfg(test)]
mod tests;
