//! The symbol table: read once, found by name and by address.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Range;
use std::sync::OnceLock;

use object::Endianness;
use object::elf::{
    EM_AARCH64, EM_ARM, EM_RISCV, SHF_ALLOC, SHF_EXECINSTR, SHN_ABS, SHN_COMMON, SHN_UNDEF, SHT_SYMTAB, STB_LOCAL,
    STT_ARM_TFUNC, STT_COMMON, STT_FILE, STT_FUNC, STT_GNU_IFUNC, STT_OBJECT, STT_SECTION, STT_TLS,
};
use object::pod::slice_from_all_bytes;
use object::read::elf::{FileHeader, SectionHeader as _, Sym as _};

use crate::error::near_names;
use crate::image::elf::{File, SHARED_AT_MOST};
use crate::types::{Symbol, SymbolKind};

/// The symbols of an image. Names stay in one string table, and the indices are built when they are
/// first used.
#[derive(Default)]
pub(in crate::image) struct SymbolTable {
    names: Vec<u8>,
    entries: Vec<Entry>,
    /// The address ranges of sections that hold code.
    code: Vec<Range<u64>>,
    problem: Option<&'static str>,
    by_name: OnceLock<NameIndex>,
    by_address: OnceLock<AddressIndex>,
    #[cfg(feature = "demangle")]
    pub(super) by_source: OnceLock<std::collections::HashMap<String, Vec<u32>>>,
}

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    address: u64,
    size: u64,
    name_start: u32,
    name_length: u32,
    kind: SymbolKind,
    thumb: bool,
    local: bool,
}

/// A hash table of chains: `first` has an entry a bucket, `next` one a symbol.
struct NameIndex {
    hasher: RandomState,
    first: Vec<u32>,
    next: Vec<u32>,
}

/// Symbols in ascending order of their addresses.
struct AddressIndex {
    order: Vec<u32>,
    /// The highest end among the symbols up to each position.
    highest_end: Vec<u64>,
}

const NONE: u32 = u32::MAX;
const DAMAGED: &str = "has a damaged symbol table";

impl SymbolTable {
    /// Reads the symbol table of a file. A damaged one does not keep the file from being loaded.
    pub(in crate::image) fn read<Elf: FileHeader<Endian = Endianness>>(file: &File<'_, Elf>) -> SymbolTable {
        Self::try_read(file).unwrap_or_else(|problem| SymbolTable { problem: Some(problem), ..SymbolTable::default() })
    }

    fn try_read<Elf: FileHeader<Endian = Endianness>>(file: &File<'_, Elf>) -> Result<SymbolTable, &'static str> {
        let endian = file.endian;
        let sections = file.section_headers()?.unwrap_or_default();
        let Some(section) = sections.iter().find(|section| section.sh_type(endian) == SHT_SYMTAB) else {
            return Ok(SymbolTable::default());
        };
        let data = |section: &Elf::SectionHeader| {
            file.slice(section.sh_offset(endian).into(), section.sh_size(endian).into()).ok_or(DAMAGED)
        };
        let symbols: &[Elf::Sym] = slice_from_all_bytes(data(section)?).map_err(|()| DAMAGED)?;
        let strings = usize::try_from(section.sh_link(endian)).ok().and_then(|link| sections.get(link));
        let names = data(strings.ok_or(DAMAGED)?)?;
        let machine = file.header.e_machine(endian);
        let mut entries = Vec::with_capacity(symbols.len());
        let mut name_bytes = 0_u64;
        for symbol in symbols {
            let section = symbol.st_shndx(endian);
            let kind = match symbol.st_type() {
                STT_FUNC | STT_GNU_IFUNC => SymbolKind::Function,
                STT_ARM_TFUNC if machine == EM_ARM => SymbolKind::Function,
                STT_OBJECT => SymbolKind::Object,
                STT_SECTION | STT_FILE | STT_TLS | STT_COMMON => continue,
                _ => SymbolKind::Other,
            };
            if section == SHN_UNDEF || section == SHN_COMMON {
                continue;
            }
            // A value in a section that is not in memory is no address, such as defmt's numbers of
            // its strings. Linkers leave the flag out of sections that turn out empty, too, and their
            // labels are addresses. Reserved numbers such as `SHN_ABS` are those of no section.
            let is_outside = |section: &Elf::SectionHeader| {
                !section.sh_flags(endian).contains(SHF_ALLOC) && section.sh_size(endian).into() > 0
            };
            if sections.get(usize::from(section.0)).is_some_and(is_outside) {
                continue;
            }
            let name_start = symbol.st_name(endian);
            let name = usize::try_from(name_start).ok().and_then(|start| names.get(start..)).ok_or(DAMAGED)?;
            let length = memchr::memchr(0, name).ok_or(DAMAGED)?;
            // Names may share bytes, but so many that do are an attack on this program's time.
            name_bytes += length as u64;
            if name_bytes > SHARED_AT_MOST * file.bytes.len() as u64 {
                return Err(DAMAGED);
            }
            let name = &name[..length];
            let local = symbol.st_bind() == STB_LOCAL;
            let marks = machine == EM_ARM || machine == EM_AARCH64 || machine == EM_RISCV;
            if name.is_empty() || marks && local && kind == SymbolKind::Other && is_mapping_symbol(name) {
                continue;
            }
            let value: u64 = symbol.st_value(endian).into();
            let arm_function = machine == EM_ARM && kind == SymbolKind::Function && section != SHN_ABS;
            let thumb = arm_function && (value & 1 == 1 || symbol.st_type() == STT_ARM_TFUNC);
            entries.push(Entry {
                address: if arm_function { value & !1 } else { value },
                size: symbol.st_size(endian).into(),
                name_start,
                name_length: u32::try_from(length).map_err(|_| DAMAGED)?,
                kind,
                thumb,
                local,
            });
        }
        let code = sections.iter().filter(|section| section.sh_flags(endian).contains(SHF_EXECINSTR));
        let code = code.map(|section| {
            let start: u64 = section.sh_addr(endian).into();
            start..start.saturating_add(section.sh_size(endian).into())
        });
        Ok(SymbolTable { names: names.to_vec(), entries, code: code.collect(), ..SymbolTable::default() })
    }

    pub(super) fn problem(&self) -> Option<&'static str> {
        self.problem
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn symbols(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.entries.iter().map(|entry| self.symbol(entry))
    }

    /// Finds the symbols that have this name, the most telling first.
    pub(super) fn named(&self, name: &str) -> Vec<Symbol> {
        let index = self.by_name.get_or_init(|| NameIndex::of(self));
        let mut found = Vec::new();
        let mut position = index.first[index.bucket(name.as_bytes())];
        while let Some(entry) = usize::try_from(position).ok().and_then(|position| self.entries.get(position)) {
            if self.name(entry) == name.as_bytes() {
                found.push(position);
            }
            position = index.next[position as usize];
        }
        self.best_first(found)
    }

    /// Finds the symbols at these positions of the table: typed before untyped, global before
    /// local.
    pub(super) fn best_first(&self, mut positions: Vec<u32>) -> Vec<Symbol> {
        if positions.len() > 1 {
            positions.sort_by_key(|&position| self.rank(position));
        }
        positions.into_iter().map(|position| self.symbol(&self.entries[position as usize])).collect()
    }

    fn rank(&self, position: u32) -> impl Ord + use<> {
        let entry = &self.entries[position as usize];
        (entry.kind == SymbolKind::Other, entry.size == 0, entry.local, position)
    }

    pub(super) fn covering(&self, address: u64) -> Option<Symbol> {
        let index = self.by_address.get_or_init(|| AddressIndex::of(self));
        let entry = |at: usize| &self.entries[index.order[at] as usize];
        let after = index.order.partition_point(|&position| self.entries[position as usize].address <= address);
        let before = (0..after).rev().take_while(|&at| index.highest_end[at] > address);
        let around = |entry: &Entry| address - entry.address < entry.size;
        if let Some(found) = before.map(entry).find(|entry| around(entry)) {
            return Some(self.symbol(found));
        }
        let label = entry(after.checked_sub(1)?);
        let code = self.code.iter().find(|code| code.contains(&label.address))?;
        (label.size == 0 && code.contains(&address)).then(|| self.symbol(label))
    }

    pub(super) fn near(&self, name: &str) -> Vec<String> {
        let names = self.entries.iter().map(|entry| String::from_utf8_lossy(self.name(entry)));
        #[cfg(feature = "demangle")]
        let names = names.map(|name| match super::demangle::without_parameters(&name) {
            Some(demangled) => demangled.into(),
            None => name,
        });
        near_names(name, names)
    }

    #[cfg(feature = "demangle")]
    pub(super) fn names(&self) -> impl Iterator<Item = (u32, std::borrow::Cow<'_, str>)> {
        (0..).zip(self.entries.iter().map(|entry| String::from_utf8_lossy(self.name(entry))))
    }

    fn name(&self, entry: &Entry) -> &[u8] {
        // Both were checked to lie within the table.
        let start = entry.name_start as usize;
        &self.names[start..start + entry.name_length as usize]
    }

    fn symbol(&self, entry: &Entry) -> Symbol {
        let name = String::from_utf8_lossy(self.name(entry)).into_owned();
        Symbol { name, address: entry.address, size: entry.size, kind: entry.kind, thumb: entry.thumb }
    }
}

impl PartialEq for SymbolTable {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names && self.entries == other.entries && self.problem == other.problem
    }
}

impl Eq for SymbolTable {}

impl fmt::Debug for SymbolTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} symbols", self.entries.len())
    }
}

impl NameIndex {
    fn of(table: &SymbolTable) -> NameIndex {
        // Long chains cost a miss of the processor's cache a symbol.
        let buckets = (2 * table.entries.len()).next_power_of_two();
        let mut index =
            NameIndex { hasher: RandomState::new(), first: vec![NONE; buckets], next: vec![NONE; table.entries.len()] };
        for (position, entry) in (0_u32..).zip(&table.entries) {
            let bucket = index.bucket(table.name(entry));
            index.next[position as usize] = std::mem::replace(&mut index.first[bucket], position);
        }
        index
    }

    fn bucket(&self, name: &[u8]) -> usize {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(name);
        #[allow(clippy::cast_possible_truncation, reason = "the low bits choose the bucket")]
        let hash = hasher.finish() as usize;
        hash & (self.first.len() - 1)
    }
}

impl AddressIndex {
    fn of(table: &SymbolTable) -> AddressIndex {
        let entries = &table.entries;
        let mut order: Vec<u32> = (0_u32..).zip(entries).map(|(position, _)| position).collect();
        // A search goes backwards: of symbols at one address, the last is found first.
        order.sort_unstable_by_key(|&position| {
            (entries[position as usize].address, std::cmp::Reverse(table.rank(position)))
        });
        let mut highest = 0;
        let highest_end = order.iter().map(|&position| {
            let entry = &entries[position as usize];
            highest = highest.max(entry.address.saturating_add(entry.size));
            highest
        });
        let highest_end = highest_end.collect();
        AddressIndex { order, highest_end }
    }
}

/// Whether a local, untyped symbol only marks where code of one kind (`$a`, `$t`, `$x`) or data
/// (`$d`) begins.
fn is_mapping_symbol(name: &[u8]) -> bool {
    match name {
        [b'$', b'a' | b't' | b'd' | b'x', rest @ ..] => rest.is_empty() || rest[0] == b'.' || name.starts_with(b"$xrv"),
        _ => false,
    }
}
