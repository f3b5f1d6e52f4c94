//! ELF: what is loaded, and where.
//!
//! The rules are GNU BFD's, so that GDB's `load`, `objcopy -O binary` and this crate agree.

use object::Endianness;
use object::elf::{
    self as raw, DF_1_PIE, DT_FLAGS_1, ET_CORE, ET_DYN, ET_EXEC, ET_REL, FileHeader32, FileHeader64, PT_INTERP,
    PT_LOAD, PT_TLS, SHF_ALLOC, SHF_COMPRESSED, SHF_TLS, SHT_NOBITS, SHT_NULL,
};
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _, SectionHeader as _};

use super::ElfParts;
use super::segment::{Contents, Segment};
use super::symbols::SymbolTable;
use crate::error::ImageError;

pub(super) const MAGIC: &[u8] = b"\x7fELF";

const IDENT_CLASS: usize = 4;
const IDENT_ENDIAN: usize = 5;
const IDENT_VERSION: usize = 6;

/// How many times as many bytes as the file its segments, or its names, may hold.
pub(super) const SHARED_AT_MOST: u64 = 16;

const CUT_SHORT: &str = "ends before its headers do: the file was cut short";
const NOTHING_LOADABLE: &str = "has no loadable segment: is it an object file and not a linked program?";

/// The headers of a file, and its bytes.
pub(super) struct File<'a, Elf: FileHeader> {
    pub(super) bytes: &'a [u8],
    pub(super) header: &'a Elf,
    pub(super) endian: Elf::Endian,
    segments: Vec<LoadSegment>,
}

/// What a program header of type `PT_LOAD` or `PT_TLS` says.
#[derive(Clone, Copy)]
struct LoadSegment {
    thread_local: bool,
    offset: u64,
    virtual_address: u64,
    load_address: u64,
    file_size: u64,
    memory_size: u64,
}

/// A section that has bytes in the file and a place in memory.
#[derive(Clone, Copy)]
struct LoadSection {
    thread_local: bool,
    offset: u64,
    address: u64,
    size: u64,
}

/// What an ELF file holds beside what is loaded.
#[derive(Default)]
pub(super) struct Extra {
    pub(super) symbols: SymbolTable,
    #[cfg(feature = "debuginfo")]
    pub(super) debug_info: super::debug_info::DebugInfo,
}

pub(super) fn read(bytes: &[u8], parts: ElfParts) -> Result<(Contents, Extra), ImageError> {
    let class = bytes.get(IDENT_CLASS).copied().map(raw::FileClass);
    match class {
        Some(raw::ELFCLASS32) => read_as::<FileHeader32<Endianness>>(bytes, parts),
        Some(raw::ELFCLASS64) => read_as::<FileHeader64<Endianness>>(bytes, parts),
        _ => Err("is neither of class 32 nor of class 64"),
    }
    .map_err(|problem| ImageError::Elf { problem })
}

fn read_as<Elf: FileHeader<Endian = Endianness>>(
    bytes: &[u8],
    parts: ElfParts,
) -> Result<(Contents, Extra), &'static str> {
    let file = File::<Elf>::open(bytes)?;
    let segments = match parts {
        ElfParts::Segments => file.whole_segments()?,
        ElfParts::Sections => file.allocated_sections()?.ok_or("has no section headers")?,
        ElfParts::Auto => match file.allocated_sections()? {
            Some(sections) => sections,
            None => file.whole_segments()?,
        },
    };
    let entry = Some(file.header.e_entry(file.endian).into());
    let extra = Extra {
        symbols: SymbolTable::read(&file),
        #[cfg(feature = "debuginfo")]
        debug_info: super::debug_info::DebugInfo::read(&file),
    };
    Ok((Contents { segments, entry }, extra))
}

impl<'a, Elf: FileHeader<Endian = Endianness>> File<'a, Elf> {
    fn open(bytes: &'a [u8]) -> Result<Self, &'static str> {
        if !matches!(bytes.get(IDENT_ENDIAN).copied().map(raw::DataEncoding), Some(raw::ELFDATA2LSB | raw::ELFDATA2MSB))
        {
            return Err(if bytes.len() > IDENT_ENDIAN { "has an unknown byte order" } else { CUT_SHORT });
        }
        if bytes.get(IDENT_VERSION).is_some_and(|version| *version != raw::EV_CURRENT.0) {
            return Err("has an unknown version");
        }
        let header = Elf::parse(bytes).map_err(|_| CUT_SHORT)?;
        let endian = header.endian().map_err(|_| "has an unknown byte order")?;
        let headers = header.program_headers(endian, bytes);
        let headers = headers.map_err(|_| {
            if usize::from(header.e_phentsize(endian)) < size_of::<Elf::ProgramHeader>() {
                "has program headers that are too short"
            } else {
                CUT_SHORT
            }
        })?;
        check_kind::<Elf>(header, headers, endian, bytes)?;
        Ok(File { bytes, header, endian, segments: load_segments::<Elf>(headers, endian) })
    }

    /// Reads the section headers; `None` where the file has none.
    pub(super) fn section_headers(&self) -> Result<Option<&'a [Elf::SectionHeader]>, &'static str> {
        let headers = self.header.section_headers(self.endian, self.bytes);
        let headers = headers.map_err(|_| {
            let short = usize::from(self.header.e_shentsize(self.endian)) < size_of::<Elf::SectionHeader>();
            if short { "has section headers that are too short" } else { CUT_SHORT }
        })?;
        let real = headers.iter().any(|header| header.sh_type(self.endian) != SHT_NULL);
        Ok(real.then_some(headers))
    }

    /// Collects the sections that occupy memory and have bytes in the file.
    fn allocated_sections(&self) -> Result<Option<Vec<Segment>>, &'static str> {
        let Some(headers) = self.section_headers()? else { return Ok(None) };
        let mut sections = Vec::new();
        for header in headers {
            let flags = header.sh_flags(self.endian);
            let size = header.sh_size(self.endian).into();
            let kind = header.sh_type(self.endian);
            if !flags.contains(SHF_ALLOC) || kind == SHT_NULL || kind == SHT_NOBITS || size == 0 {
                continue;
            }
            if flags.contains(SHF_COMPRESSED) {
                return Err("has a compressed section among those to load");
            }
            sections.push(LoadSection {
                thread_local: flags.contains(SHF_TLS),
                offset: header.sh_offset(self.endian).into(),
                address: header.sh_addr(self.endian).into(),
                size,
            });
        }
        if sections.is_empty() {
            return Err(if self.segments.iter().any(LoadSegment::is_loaded) {
                "has no section to load, only segments: `ElfParts::Segments` loads those"
            } else {
                NOTHING_LOADABLE
            });
        }
        let pieces = sections.into_iter().map(|section| (section.offset, section.size, self.load_address(section)));
        self.copy(pieces, "ends before its sections do: the file was cut short").map(Some)
    }

    /// Collects the segments of type `PT_LOAD` that have bytes in the file.
    fn whole_segments(&self) -> Result<Vec<Segment>, &'static str> {
        let loaded = self.segments.iter().filter(|segment| segment.is_loaded());
        let pieces: Vec<_> = loaded.map(|segment| (segment.offset, segment.file_size, segment.load_address)).collect();
        if pieces.is_empty() {
            return Err(NOTHING_LOADABLE);
        }
        self.copy(pieces.into_iter(), "ends before its segments do: the file was cut short")
    }

    /// Derives a section's load address from the program header that holds the section, as BFD
    /// does. A section that no program header holds loads at its own address.
    fn load_address(&self, section: LoadSection) -> u64 {
        let holds = |segment: &&LoadSegment| {
            (section.thread_local || !segment.thread_local)
                && within(section.offset, section.size, segment.offset, segment.file_size)
                && within(section.address, section.size, segment.virtual_address, segment.memory_size)
        };
        match self.segments.iter().find(holds) {
            Some(segment) => segment.load_address.wrapping_add(section.offset - segment.offset),
            None => section.address,
        }
    }

    fn copy(
        &self,
        pieces: impl Iterator<Item = (u64, u64, u64)> + Clone,
        cut_short: &'static str,
    ) -> Result<Vec<Segment>, &'static str> {
        // Pieces may share bytes of the file, but so many that do are an attack on this program's
        // memory.
        let total = pieces.clone().fold(0_u64, |total, (_, size, _)| total.saturating_add(size));
        if total > SHARED_AT_MOST.saturating_mul(self.bytes.len() as u64) {
            let each_fits = pieces.clone().all(|(offset, size, _)| self.slice(offset, size).is_some());
            return Err(if each_fits {
                "has segments that hold many times as many bytes as the file"
            } else {
                cut_short
            });
        }
        pieces
            .map(|(offset, size, address)| {
                let data = self.slice(offset, size).ok_or(cut_short)?.to_vec();
                Ok(Segment { address, data })
            })
            .collect()
    }

    pub(super) fn slice(&self, offset: u64, length: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        self.bytes.get(start..end)
    }
}

impl LoadSegment {
    fn is_loaded(&self) -> bool {
        !self.thread_local && self.file_size > 0
    }
}

/// Whether `length` bytes at `start` lie within `room` bytes at `base`.
fn within(start: u64, length: u64, base: u64, room: u64) -> bool {
    start.checked_sub(base).and_then(|skipped| room.checked_sub(skipped)).is_some_and(|left| length <= left)
}

fn load_segments<Elf: FileHeader<Endian = Endianness>>(
    headers: &[Elf::ProgramHeader],
    endian: Endianness,
) -> Vec<LoadSegment> {
    let loads = || headers.iter().filter(|header| header.p_type(endian) == PT_LOAD);
    // Some linkers fill in no physical address at all. A single segment at physical address 0 is
    // meant, though. BFD and OpenOCD draw the line here.
    let physical = headers.iter().any(|header| header.p_paddr(endian).into() != 0)
        || loads().filter(|header| header.p_memsz(endian).into() != 0).count() <= 1;
    let kept = headers.iter().filter(|header| matches!(header.p_type(endian), PT_LOAD | PT_TLS));
    kept.map(|header| LoadSegment {
        thread_local: header.p_type(endian) == PT_TLS,
        offset: header.p_offset(endian).into(),
        virtual_address: header.p_vaddr(endian).into(),
        load_address: if physical { header.p_paddr(endian).into() } else { header.p_vaddr(endian).into() },
        file_size: header.p_filesz(endian).into(),
        memory_size: header.p_memsz(endian).into(),
    })
    .collect()
}

/// Refuses files that are no firmware.
fn check_kind<Elf: FileHeader<Endian = Endianness>>(
    header: &Elf,
    segments: &[Elf::ProgramHeader],
    endian: Endianness,
    bytes: &[u8],
) -> Result<(), &'static str> {
    match header.e_type(endian) {
        ET_EXEC => Ok(()),
        ET_REL => Err("is a relocatable object file, not a linked program"),
        ET_CORE => Err("is a core dump, not a program"),
        ET_DYN if segments.iter().any(|segment| segment.p_type(endian) == PT_INTERP) => {
            Err("is a program for an operating system with a dynamic loader, not firmware")
        }
        // Firmware that relocates itself, such as U-Boot, is linked as a position-independent
        // executable.
        ET_DYN if is_position_independent::<Elf>(segments, endian, bytes) => Ok(()),
        ET_DYN => Err("is a shared object, not a program"),
        _ => Err("is not an executable"),
    }
}

fn is_position_independent<Elf: FileHeader<Endian = Endianness>>(
    segments: &[Elf::ProgramHeader],
    endian: Endianness,
    bytes: &[u8],
) -> bool {
    let entries = segments.iter().filter_map(|segment| segment.dynamic(endian, bytes).ok().flatten());
    entries.flatten().any(|entry| entry.tag(endian) == DT_FLAGS_1 && entry.d_val(endian).into() & DF_1_PIE.0 != 0)
}
