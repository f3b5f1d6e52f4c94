//! The symbols of a large image, without a target.

use std::collections::HashMap;

use object::read::elf::ElfFile32;
use object::{Object, ObjectSymbol};
use openocd::Image;

use crate::measure::{Goal, Table};

const SYMBOLS: u32 = 50_000;
const LOOKED_UP: u32 = 10_000;
const FILE_SIZE: usize = 10 << 20;
const FLASH: u32 = 0x0800_0000;

pub(crate) fn run(table: &mut Table) {
    let case = "50,000 symbols of 10 MB and 10,000 names, over `object` and a map";
    if !table.wants(case) {
        return;
    }
    let file = elf();
    // Spread over the table, as names in a program are.
    let numbers = || (0..LOOKED_UP).map(|n| n.wrapping_mul(7919) % SYMBOLS);
    let wanted: Vec<_> = numbers().map(|number| (name(number), address(number))).collect();
    table.time(
        case,
        20,
        Goal::AtMost(1.5),
        || {
            let image = Image::parse(&file).expect("a sound image");
            for (name, address) in &wanted {
                assert_eq!(image.symbol(name).expect("it is there").address, u64::from(*address));
            }
        },
        || {
            let elf = ElfFile32::<object::Endianness>::parse(&*file).expect("a sound image");
            let symbols = elf.symbols().map(|symbol| (symbol.name().expect("a name"), symbol.address() & !1));
            let symbols: HashMap<_, _> = symbols.collect();
            assert_eq!(symbols.len(), SYMBOLS as usize);
            for (name, address) in &wanted {
                assert_eq!(symbols[name.as_str()], u64::from(*address));
            }
        },
    );
}

/// As long as names are that compilers make.
fn name(number: u32) -> String {
    format!("_ZN8firmware6module{:03}8function17h{:016x}E", number % 1000, u64::from(number) * 0x9e37_79b9_7f4a)
}

fn address(number: u32) -> u32 {
    FLASH + 2 * number
}

/// An ELF file of 10 MB, most of which is debug information.
fn elf() -> Vec<u8> {
    const HEADER: usize = 52;
    let (mut symbols, mut names) = (vec![0; 16], vec![0]);
    for number in 0..SYMBOLS {
        let words = [u32::try_from(names.len()).expect("short names"), address(number) | 1, 2];
        symbols.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        // A global function of the first section.
        symbols.extend([0x12, 0, 1, 0]);
        names.extend(name(number).bytes());
        names.push(0);
    }
    let code = vec![0; 2 * SYMBOLS as usize];
    let section_names = b"\0.text\0.debug_info\0.symtab\0.strtab\0".to_vec();
    let rest = HEADER + code.len() + symbols.len() + names.len() + section_names.len();
    let debug_info = vec![0; FILE_SIZE - rest - 6 * 40];
    // Name, type, flags, address, link and entry size; then the contents.
    let sections = [
        ([1, 1, 6, FLASH, 0, 0], code),
        ([7, 1, 0, 0, 0, 0], debug_info),
        ([19, 2, 0, 0, 4, 16], symbols),
        ([27, 3, 0, 0, 0, 0], names),
        ([0, 3, 0, 0, 0, 0], section_names),
    ];
    let mut headers = vec![0; 40];
    let mut contents = Vec::with_capacity(FILE_SIZE);
    let word = |value: usize| u32::try_from(value).expect("a small file").to_le_bytes();
    for ([name, kind, flags, address, link, entry_size], bytes) in sections {
        let (offset, size) = (word(HEADER + contents.len()), word(bytes.len()));
        for field in [name, kind, flags, address].map(u32::to_le_bytes) {
            headers.extend(field);
        }
        headers.extend([offset, size].concat());
        for field in [link, 1, 1, entry_size].map(u32::to_le_bytes) {
            headers.extend(field);
        }
        contents.extend(bytes);
    }
    let mut file = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x28\0\x01\0\0\0".to_vec();
    file.extend([FLASH | 1, 0].iter().flat_map(|word| word.to_le_bytes()));
    file.extend(word(HEADER + contents.len()));
    file.extend(0x0500_0200_u32.to_le_bytes());
    file.extend([52, 32, 0, 40, 6, 5].iter().flat_map(|half: &u16| half.to_le_bytes()));
    file.extend(contents);
    file.extend(headers);
    file
}
