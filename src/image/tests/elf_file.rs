//! Builds ELF files, sound and unsound ones.

/// An ELF file: a header, program headers, `data`, a symbol table and section headers.
pub(super) struct ElfFile {
    pub(super) wide: bool,
    pub(super) big: bool,
    pub(super) kind: u16,
    pub(super) machine: u16,
    pub(super) entry: u64,
    pub(super) data: Vec<u8>,
    pub(super) loads: Vec<Load>,
    pub(super) sections: Vec<Section>,
    pub(super) symbols: Vec<Sym>,
}

/// A program header. Offsets count from the beginning of the data.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) kind: u32,
    pub(super) offset: i64,
    pub(super) virt: u64,
    pub(super) phys: u64,
    pub(super) file_size: u64,
    pub(super) memory_size: u64,
}

#[derive(Clone, Copy)]
pub(super) struct Section {
    pub(super) kind: u32,
    pub(super) flags: u64,
    pub(super) address: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
}

#[derive(Clone, Copy)]
pub(super) struct Sym {
    pub(super) name: &'static str,
    pub(super) value: u64,
    pub(super) size: u64,
    /// Binding in the high nibble, type in the low one.
    pub(super) info: u8,
    pub(super) section: u16,
}

pub(super) const PROGBITS: u32 = 1;
pub(super) const NOBITS: u32 = 8;
pub(super) const ALLOC: u64 = 2;
pub(super) const CODE: u64 = 6;
pub(super) const GLOBAL_FUNCTION: u8 = 0x12;
pub(super) const LOCAL_FUNCTION: u8 = 0x02;
pub(super) const GLOBAL_OBJECT: u8 = 0x11;
pub(super) const LOCAL_OBJECT: u8 = 0x01;
pub(super) const LOCAL_LABEL: u8 = 0x00;
pub(super) const GLOBAL_LABEL: u8 = 0x10;

pub(super) fn load(offset: i64, virt: u64, phys: u64, size: u64) -> Load {
    Load { kind: 1, offset, virt, phys, file_size: size, memory_size: size }
}

pub(super) fn section(flags: u64, address: u64, offset: u64, size: u64) -> Section {
    Section { kind: PROGBITS, flags, address, offset, size }
}

impl Default for ElfFile {
    /// A little-endian Arm executable of 32 bits that holds nothing.
    fn default() -> Self {
        ElfFile {
            wide: false,
            big: false,
            kind: 2,
            machine: 40,
            entry: 0x41,
            data: Vec::new(),
            loads: Vec::new(),
            sections: Vec::new(),
            symbols: Vec::new(),
        }
    }
}

impl ElfFile {
    fn put(&self, file: &mut Vec<u8>, value: u64, length: usize) {
        let bytes = value.to_be_bytes();
        let mut bytes = bytes[8 - length..].to_vec();
        if !self.big {
            bytes.reverse();
        }
        file.extend(bytes);
    }

    pub(super) fn build(&self) -> Vec<u8> {
        let word = if self.wide { 8 } else { 4 };
        let (header, entry, section_entry) = if self.wide { (64, 56, 64) } else { (52, 32, 40) };
        let data_at = header + entry * self.loads.len() as u64;
        let mut symbols = Vec::new();
        let mut names = vec![0];
        self.put_symbol(&mut symbols, 0, Sym { name: "", value: 0, size: 0, info: 0, section: 0 });
        for symbol in &self.symbols {
            self.put_symbol(&mut symbols, names.len() as u64, *symbol);
            names.extend(symbol.name.bytes());
            names.push(0);
        }
        let symbols_at = data_at + self.data.len() as u64;
        let names_at = symbols_at + symbols.len() as u64;
        let headers_at = names_at + names.len() as u64;
        let with_sections = !self.sections.is_empty() || !self.symbols.is_empty();
        let section_count = if with_sections { self.sections.len() as u64 + 3 } else { 0 };

        let mut file = vec![0x7f, b'E', b'L', b'F', 1 + u8::from(self.wide), 1 + u8::from(self.big), 1];
        file.resize(16, 0);
        self.put(&mut file, u64::from(self.kind), 2);
        self.put(&mut file, u64::from(self.machine), 2);
        self.put(&mut file, 1, 4);
        self.put(&mut file, self.entry, word);
        self.put(&mut file, if self.loads.is_empty() { 0 } else { header }, word);
        self.put(&mut file, if with_sections { headers_at } else { 0 }, word);
        self.put(&mut file, 0, 4);
        for value in [header, entry, self.loads.len() as u64, section_entry, section_count, 0] {
            self.put(&mut file, value, 2);
        }
        for load in &self.loads {
            self.put(&mut file, u64::from(load.kind), 4);
            if self.wide {
                self.put(&mut file, 5, 4);
            }
            let offset = data_at.wrapping_add_signed(load.offset);
            for value in [offset, load.virt, load.phys, load.file_size, load.memory_size] {
                self.put(&mut file, value, word);
            }
            if !self.wide {
                self.put(&mut file, 5, 4);
            }
            self.put(&mut file, 4, word);
        }
        file.extend(&self.data);
        if with_sections {
            file.extend(&symbols);
            file.extend(&names);
            let null = Section { kind: 0, flags: 0, address: 0, offset: 0, size: 0 };
            self.put_section(&mut file, null, 0, 0);
            for section in &self.sections {
                self.put_section(&mut file, Section { offset: data_at + section.offset, ..*section }, 0, 0);
            }
            let names_index = self.sections.len() as u64 + 2;
            let symbols = Section { kind: 2, flags: 0, address: 0, offset: symbols_at, size: symbols.len() as u64 };
            self.put_section(&mut file, symbols, names_index, if self.wide { 24 } else { 16 });
            let names = Section { kind: 3, flags: 0, address: 0, offset: names_at, size: names.len() as u64 };
            self.put_section(&mut file, names, 0, 0);
        }
        file
    }

    fn put_section(&self, file: &mut Vec<u8>, section: Section, link: u64, entry_size: u64) {
        let word = if self.wide { 8 } else { 4 };
        self.put(file, 0, 4);
        self.put(file, u64::from(section.kind), 4);
        for value in [section.flags, section.address, section.offset, section.size] {
            self.put(file, value, word);
        }
        self.put(file, link, 4);
        self.put(file, 0, 4);
        self.put(file, 1, word);
        self.put(file, entry_size, word);
    }

    fn put_symbol(&self, file: &mut Vec<u8>, name: u64, symbol: Sym) {
        self.put(file, name, 4);
        if !self.wide {
            self.put(file, symbol.value, 4);
            self.put(file, symbol.size, 4);
        }
        file.extend([symbol.info, 0]);
        self.put(file, u64::from(symbol.section), 2);
        if self.wide {
            self.put(file, symbol.value, 8);
            self.put(file, symbol.size, 8);
        }
    }
}
