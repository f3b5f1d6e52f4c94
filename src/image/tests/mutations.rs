//! Damaged images of every format: refused or read, in bounded time and memory, never with a panic.

use std::time::{Duration, Instant};

use super::elf_file::{ALLOC, CODE, ElfFile, GLOBAL_FUNCTION, GLOBAL_OBJECT, Sym, load, section};
use super::{HEX, Random, SREC, elf_of_loads, uf2};
use crate::image::{ElfParts, Image, ImageOptions};

/// Mutated files in one run of the test.
const ROUNDS: usize = 60_000;

fn linked_elf(wide: bool, big: bool) -> Vec<u8> {
    let symbol = |name, value, info| Sym { name, value, size: 4, info, section: 1 };
    ElfFile {
        wide,
        big,
        data: (0..64).collect(),
        loads: vec![load(0, 0x0800_0000, 0x0800_0000, 32), load(32, 0x2000_0000, 0x0800_0020, 32)],
        sections: vec![section(CODE, 0x0800_0000, 0, 32), section(ALLOC, 0x2000_0000, 32, 32)],
        symbols: vec![
            symbol("main", 0x0800_0001, GLOBAL_FUNCTION),
            symbol("_ZN8my_crate7COUNTER17h0123456789abcdefE", 0x2000_0000, GLOBAL_OBJECT),
            symbol("_RNvNtCs1234_7mycrate5state5TICKS", 0x2000_0004, GLOBAL_OBJECT),
            symbol("_ZN3app5startEi", 0x0800_0011, GLOBAL_FUNCTION),
        ],
        ..ElfFile::default()
    }
    .build()
}

#[test]
fn no_input_makes_a_reader_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let loads: [(u64, u64, &[u8]); 2] = [(0x0800_0000, 0x2000_0000, &[1, 2, 3]), (0x0800_0100, 0, &[4])];
    let seeds = [
        HEX.as_bytes().to_vec(),
        SREC.as_bytes().to_vec(),
        elf_of_loads(false, false, &loads),
        elf_of_loads(true, true, &loads),
        linked_elf(false, false),
        linked_elf(true, true),
        [
            uf2::block(0x2000, 0x1000_0000, 0, 2, uf2::RP2040, &[1; 256]),
            uf2::block(0xa000, 0x1000_0100, 1, 2, uf2::RP2040, &[2; 256]),
        ]
        .concat(),
    ];
    let began = Instant::now();
    let mut understood = 0;
    for round in 0..ROUNDS {
        let mut input = seeds[round % seeds.len()].clone();
        for _ in 0..=random.below(4) {
            mutate(&mut input, &mut random);
        }
        let parts = [ElfParts::Auto, ElfParts::Sections, ElfParts::Segments][round / seeds.len() % 3];
        let Ok(image) = Image::parse_with(&input, ImageOptions::new().elf_parts(parts)) else { continue };
        understood += 1;
        check(&image, &input);
    }
    assert!(understood > 1000, "the damage spares some: {understood}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

fn mutate(input: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(input.len());
    match random.below(6) {
        0 => input[at] = u8::try_from(random.below(256)).unwrap(),
        1 => input[at] = [0, 0xff, b':', b'S', b'\n', b'F', 0x1a, b'#'][random.below(8)],
        2 => input.truncate(at.max(1)),
        3 => input.insert(at, u8::try_from(random.below(256)).unwrap()),
        4 => {
            // A number at its limits, where the fields of binary headers are.
            let value = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, u32::MAX][random.below(6)];
            let at = at & !3;
            let length = input.len().min(at + 4) - at;
            input[at..at + length].copy_from_slice(&value.to_le_bytes()[..length]);
        }
        _ => {
            // A piece of the file again.
            let from = random.below(input.len());
            let length = random.below(64).min(input.len() - from);
            let piece = input[from..from + length].to_vec();
            input.splice(at..at, piece);
        }
    }
}

fn check(image: &Image, input: &[u8]) {
    assert_ne!(image.len(), 0);
    assert!(image.len() <= 16 * input.len() as u64, "{} bytes of a file of {}", image.len(), input.len());
    for pair in image.segments().windows(2) {
        assert!(pair[0].address + (pair[0].data.len() as u64) < pair[1].address);
    }
    for symbol in image.symbols().take(20) {
        let _ = (image.symbol(&symbol.name), image.symbol_at(symbol.address), symbol.to_string());
    }
    let _ = (image.symbol("my_crate::COUNTER"), image.symbol_at(0x0800_0004), image.to_string());
}
