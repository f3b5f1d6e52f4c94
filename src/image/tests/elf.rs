//! Which bytes of an ELF file are loaded, and where.

use super::elf_file::{ALLOC, CODE, ElfFile, Load, NOBITS, Section, load, section};
use super::{elf_of_loads, problem, segments};
use crate::image::{ElfParts, Image, ImageFormat, ImageOptions};

fn by(parts: ElfParts, file: &[u8]) -> Result<Image, String> {
    Image::parse_with(file, ImageOptions::new().elf_parts(parts)).map_err(|error| error.to_string())
}

#[test]
fn elf_of_every_class_and_byte_order_is_read() {
    for (wide, big) in [(false, false), (false, true), (true, false), (true, true)] {
        let loads: [(u64, u64, &[u8]); 3] =
            [(0x0800_1000, 0x2000_0000, &[9, 8, 7]), (0x0800_0000, 0x0800_0000, &[1, 2]), (7, 7, &[])];
        let image = Image::parse(&elf_of_loads(wide, big, &loads)).unwrap();
        assert_eq!(segments(&image), [(0x0800_0000, vec![1, 2]), (0x0800_1000, vec![9, 8, 7])]);
        assert_eq!((image.entry(), image.format()), (Some(0x41), ImageFormat::Elf));
        let file = ElfFile {
            wide,
            big,
            data: vec![1, 2, 3, 4, 5, 6],
            loads: vec![load(0, 0x2000_0000, 0x0800_0000, 6)],
            sections: vec![section(CODE, 0x2000_0000, 0, 2), section(ALLOC, 0x2000_0004, 4, 2)],
            ..ElfFile::default()
        };
        let image = Image::parse(&file.build()).unwrap();
        assert_eq!(segments(&image), [(0x0800_0000, vec![1, 2]), (0x0800_0004, vec![5, 6])]);
    }
}

#[test]
fn elf_without_physical_addresses_loads_at_its_virtual_ones() {
    let image = Image::parse(&elf_of_loads(false, false, &[(0, 0x2000_0000, &[1]), (0, 0x2000_0100, &[2])])).unwrap();
    assert_eq!(segments(&image), [(0x2000_0000, vec![1]), (0x2000_0100, vec![2])]);
}

/// `.text 0x10000000 : AT(0)`.
#[test]
fn load_address_zero_of_a_single_segment_is_meant() {
    let image = Image::parse(&elf_of_loads(false, false, &[(0, 0x1000_0000, &[1])])).unwrap();
    assert_eq!(segments(&image), [(0, vec![1])]);
    let mut file = ElfFile {
        data: vec![1, 2, 3, 4],
        loads: vec![load(0, 0x1000_0000, 0, 4)],
        sections: vec![section(CODE, 0x1000_0000, 0, 4)],
        ..ElfFile::default()
    };
    assert_eq!(segments(&Image::parse(&file.build()).unwrap()), [(0, vec![1, 2, 3, 4])]);
    // With another segment elsewhere, as `.data : AT(0x100)`.
    file.data.extend([5, 6]);
    file.loads.push(load(4, 0x2000_0000, 0x100, 2));
    file.sections.push(section(ALLOC, 0x2000_0000, 4, 2));
    assert_eq!(segments(&Image::parse(&file.build()).unwrap()), [(0, vec![1, 2, 3, 4]), (0x100, vec![5, 6])]);
}

/// `ld.lld` puts the headers of the file into the first segment, below the first section.
#[test]
fn bytes_that_no_section_holds_are_not_loaded() {
    let headers = 52 + 32;
    let file = ElfFile {
        data: vec![0xaa, 0xaa, 1, 2, 3, 0xbb],
        loads: vec![load(-headers, 0x0800_0000, 0x0800_0000, 84 + 6)],
        sections: vec![section(CODE, 0x0800_0000 + 84 + 2, 2, 3)],
        ..ElfFile::default()
    }
    .build();
    for parts in [ElfParts::Auto, ElfParts::Sections] {
        assert_eq!(segments(&by(parts, &file).unwrap()), [(0x0800_0056, vec![1, 2, 3])]);
    }
    let whole = by(ElfParts::Segments, &file).unwrap();
    assert_eq!((whole.segments()[0].address, whole.len()), (0x0800_0000, 90));
    assert!(whole.segments()[0].data.starts_with(b"\x7fELF"));
}

#[test]
fn sections_without_content_or_memory_are_not_loaded() {
    let bss = Section { kind: NOBITS, flags: 3, address: 0x2000_0002, offset: 2, size: u64::from(u32::MAX) };
    let debug = section(0, 0, 2, 2);
    let file = ElfFile {
        data: vec![1, 2, 3, 4],
        loads: vec![Load { memory_size: 0x100, ..load(0, 0x2000_0000, 0x0800_0000, 2) }],
        sections: vec![section(ALLOC, 0x2000_0000, 0, 2), bss, debug],
        ..ElfFile::default()
    };
    assert_eq!(segments(&Image::parse(&file.build()).unwrap()), [(0x0800_0000, vec![1, 2])]);
}

#[test]
fn section_outside_every_segment_loads_at_its_own_address() {
    let file = ElfFile {
        data: vec![1, 2, 3, 4],
        loads: vec![load(0, 0x2000_0000, 0x0800_0000, 2)],
        sections: vec![section(ALLOC, 0x2000_0000, 0, 2), section(ALLOC, 0x3000_0000, 2, 2)],
        ..ElfFile::default()
    };
    let image = Image::parse(&file.build()).unwrap();
    assert_eq!(segments(&image), [(0x0800_0000, vec![1, 2]), (0x3000_0000, vec![3, 4])]);
}

#[test]
fn segments_decide_where_there_are_no_section_headers() {
    let file = elf_of_loads(false, false, &[(0x0800_0000, 0, &[1, 2])]);
    assert_eq!(segments(&by(ElfParts::Auto, &file).unwrap()), [(0x0800_0000, vec![1, 2])]);
    assert_eq!(by(ElfParts::Sections, &file).unwrap_err(), "the ELF image has no section headers");
}

#[test]
fn sections_that_load_nothing_are_refused_with_the_way_out() {
    let file = ElfFile {
        data: vec![1, 2],
        loads: vec![load(0, 0, 0x0800_0000, 2)],
        sections: vec![section(0, 0, 0, 2)],
        ..ElfFile::default()
    }
    .build();
    assert_eq!(problem(&file), "the ELF image has no section to load, only segments: `ElfParts::Segments` loads those");
    assert_eq!(segments(&by(ElfParts::Segments, &file).unwrap()), [(0x0800_0000, vec![1, 2])]);
}

#[test]
fn files_that_are_no_programs_are_refused() {
    let file = |kind, data: &[u8], loads: &[Load]| {
        let mut loads = loads.to_vec();
        loads.push(load(0, 0, 0x0800_0000, data.len() as u64));
        ElfFile { kind, data: data.to_vec(), loads, ..ElfFile::default() }.build()
    };
    for (kind, expected) in [
        (0, "the ELF image is not an executable"),
        (1, "the ELF image is a relocatable object file, not a linked program"),
        (3, "the ELF image is a shared object, not a program"),
        (4, "the ELF image is a core dump, not a program"),
        (0xff00, "the ELF image is not an executable"),
    ] {
        assert_eq!(problem(&file(kind, &[1, 2], &[])), expected);
    }
    // DT_FLAGS_1 with DF_1_PIE, then DT_NULL.
    let dynamic: Vec<u8> = [0x6fff_fffb, 0x0800_0000, 0, 0_u32].iter().flat_map(|word| word.to_le_bytes()).collect();
    let pie = Load { kind: 2, ..load(0, 0, 0, 16) };
    assert_eq!(Image::parse(&file(3, &dynamic, &[pie])).unwrap().len(), 16);
    let interpreter = Load { kind: 3, ..load(0, 0, 0, 1) };
    assert_eq!(
        problem(&file(3, &dynamic, &[pie, interpreter])),
        "the ELF image is a program for an operating system with a dynamic loader, not firmware"
    );
}

#[test]
fn damaged_elf_is_refused() {
    let good = elf_of_loads(false, false, &[(0x0800_0000, 0, &[1, 2, 3, 4])]);
    assert_eq!(problem(&good[..good.len() - 1]), "the ELF image ends before its segments do: the file was cut short");
    assert_eq!(problem(&good[..60]), "the ELF image ends before its headers do: the file was cut short");
    assert_eq!(problem(&good[..10]), "the ELF image ends before its headers do: the file was cut short");
    assert_eq!(problem(b"\x7fELF"), "the ELF image is neither of class 32 nor of class 64");
    assert!(problem(&elf_of_loads(true, false, &[])).contains("no loadable segment"));
    let mut odd = good.clone();
    odd[5] = 3;
    assert_eq!(problem(&odd), "the ELF image has an unknown byte order");
    let mut short = good.clone();
    short[42] = 8;
    assert_eq!(problem(&short), "the ELF image has program headers that are too short");
    let huge = elf_of_loads(true, false, &[(u64::MAX, 0, &[1, 2])]);
    assert!(problem(&huge).contains("ends beyond the 64-bit address space"));
}

#[test]
fn elf_that_was_cut_short_in_its_sections_is_refused() {
    let file = ElfFile {
        data: vec![1, 2],
        loads: vec![load(0, 0, 0x0800_0000, 2)],
        sections: vec![section(ALLOC, 0, 0, 2)],
        ..ElfFile::default()
    };
    let whole = file.build();
    let cut = &whole[..whole.len() - 1];
    assert_eq!(problem(cut), "the ELF image ends before its headers do: the file was cut short");
    assert_eq!(by(ElfParts::Segments, cut).unwrap().len(), 2, "the segments are all there");
    let beyond = ElfFile { sections: vec![section(ALLOC, 0, 1, 0x1000)], ..file };
    assert_eq!(problem(&beyond.build()), "the ELF image ends before its sections do: the file was cut short");
}

#[test]
fn compressed_section_is_refused() {
    let file = ElfFile {
        data: vec![1, 2],
        loads: vec![load(0, 0, 0x0800_0000, 2)],
        sections: vec![section(ALLOC | 1 << 11, 0, 0, 2)],
        ..ElfFile::default()
    };
    assert_eq!(problem(&file.build()), "the ELF image has a compressed section among those to load");
}

#[test]
fn elf_that_would_take_many_times_its_size_is_refused() {
    let whole = 52 + 32 * 1000;
    let loads = (1..=1000).map(|index| load(-whole, 0, index << 20, 52 + 32 * 1000)).collect();
    let file = ElfFile { loads, ..ElfFile::default() };
    assert_eq!(problem(&file.build()), "the ELF image has segments that hold many times as many bytes as the file");
    let sections = (1..=100).map(|index| section(ALLOC, index << 20, 0, 4000)).collect();
    let file = ElfFile { data: vec![1; 4000], sections, ..ElfFile::default() };
    assert!(problem(&file.build()).contains("many times as many bytes as the file"));
}
