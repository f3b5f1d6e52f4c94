//! Debug information that is compressed, and that stands for far more than its bytes.

use super::*;

const CODE: u32 = 0x0800_0000;

/// The debug information of a 32-bit little-endian file.
fn info(sections: &[(&str, Vec<u8>)]) -> DebugInfo {
    let sections = sections.iter().map(|(name, data)| ((*name).to_owned(), data.as_slice().into())).collect();
    DebugInfo { sections, address_size: 4, ..DebugInfo::default() }
}

fn problem(info: &DebugInfo) -> &'static str {
    info.locations(CODE.into()).unwrap_err()
}

/// A unit of DWARF 4 whose abbreviations begin at `table`.
fn unit(table: u32, entries: &[u8]) -> Vec<u8> {
    let length = 7 + u32::try_from(entries.len()).unwrap();
    let mut unit = length.to_le_bytes().to_vec();
    unit.extend([4, 0]);
    unit.extend(table.to_le_bytes());
    unit.push(4);
    unit.extend(entries);
    unit
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// `depth` functions, each inlined into the one before; the outermost one has a name.
fn nested(depth: usize, name: &str) -> DebugInfo {
    let abbreviations = [
        &[1, 0x11, 1, 0x11, 1, 0x12, 6, 0, 0][..], // a compilation unit: low_pc, high_pc
        &[2, 0x2e, 1, 0x11, 1, 0x12, 6, 3, 0xe, 0, 0], // a subprogram: low_pc, high_pc, name
        &[3, 0x1d, 1, 0x11, 1, 0x12, 6, 0x31, 0x13, 0, 0, 0], // inlined: low_pc, high_pc, abstract_origin
    ];
    let mut entries = [&[1][..], &words(&[CODE, 4]), &[2], &words(&[CODE, 4, 0])].concat();
    for _ in 0..depth {
        entries.push(3);
        entries.extend(words(&[CODE, 4, 20]));
    }
    entries.resize(entries.len() + depth + 2, 0);
    let texts = [name.as_bytes(), &[0]].concat();
    info(&[(".debug_abbrev", abbreviations.concat()), (".debug_info", unit(0, &entries)), (".debug_str", texts)])
}

const CRASH: &[u8] = include_bytes!("../../../tests/images/crash/crash.elf");
const COMPRESSED: [(&str, &[u8]); 3] = [
    ("zlib", include_bytes!("../../../tests/images/crash/crash-zlib.elf")),
    ("zlib-gnu", include_bytes!("../../../tests/images/crash/crash-zlib-gnu.elf")),
    ("zstd", include_bytes!("../../../tests/images/crash/crash-zstd.elf")),
];

/// Where `.debug_info` is in these files.
const INFO: usize = 0x130;
const UNREADABLE: &str = "has compressed debug information that cannot be decompressed";

/// The file with another word in it.
fn with_u32(file: &[u8], at: usize, value: u32) -> Vec<u8> {
    let mut file = file.to_vec();
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
    file
}

#[test]
fn compressed_sections_are_those_that_were_compressed() {
    let plain = Image::parse(CRASH).unwrap();
    assert!(!plain.debug_info.sections.is_empty());
    for (form, file) in COMPRESSED {
        let image = Image::parse(file).unwrap();
        assert_eq!(image.debug_info.sections, plain.debug_info.sections, "{form}");
        assert_eq!(image.debug_info.locations(CODE.into()), plain.debug_info.locations(CODE.into()), "{form}");
    }
}

#[test]
fn compressed_sections_that_are_damaged_are_refused() {
    let problem = |file: &[u8]| problem(&Image::parse(file).unwrap().debug_info);
    let [(_, zlib), _, (_, zstd)] = COMPRESSED;
    // The first section: the form, the length and the alignment, and the compressed bytes.
    let [size, data] = [INFO + 4, INFO + 20];
    for file in [zlib, zstd] {
        let length = u32::from_le_bytes(file[size..size + 4].try_into().unwrap());
        for wrong in [0, length - 1, length + 1] {
            assert_eq!(problem(&with_u32(file, size, wrong)), UNREADABLE);
        }
        assert_eq!(problem(&with_u32(file, size, u32::MAX)), debug_limits::TOO_MUCH);
        assert_eq!(problem(&with_u32(file, data, 0)), UNREADABLE);
        assert!(problem(&with_u32(file, INFO, 77)).contains("in a compression that is not read"));
    }
}

#[test]
fn functions_that_are_nested_too_deep_are_refused() {
    assert_eq!(nested(400, "main").locations(CODE.into()).unwrap().len(), 401);
    assert_eq!(problem(&nested(20_000, "main")), "has debug information that is nested more than 500 deep");
}

#[test]
fn a_long_name_of_many_functions_is_refused() {
    assert_eq!(problem(&nested(400, &"n".repeat(100_000))), debug_limits::TOO_MUCH);
}

/// A table of one abbreviation, whose entry has one attribute of a form.
fn abbreviation(tag: u8, attribute: u8, form: u8) -> Vec<u8> {
    vec![1, tag, 0, attribute, form, 0, 0, 0]
}

#[test]
fn a_list_of_ranges_that_many_units_share_is_refused() {
    let units = |count: usize, ranges: u32| {
        let list: Vec<u32> = (0..ranges).flat_map(|at| [CODE + 2 * at, CODE + 2 * at + 1]).chain([0, 0]).collect();
        info(&[
            (".debug_abbrev", abbreviation(0x11, 0x55, 0x17)), // DW_AT_ranges, a section offset
            (".debug_info", unit(0, &[1, 0, 0, 0, 0]).repeat(count)),
            (".debug_ranges", words(&list)),
        ])
    };
    assert!(units(100, 100).locations(CODE.into()).is_ok());
    assert_eq!(problem(&units(4000, 8000)), debug_limits::TOO_MUCH);
}

#[test]
fn a_line_table_that_many_units_share_is_refused() {
    let units = |count: usize, rows: usize| {
        // Version 3: an opcode base of 1, no directory, no file, and then special opcodes.
        let program = vec![20; rows];
        let header = [&[1, 1, 0xfb, 14, 1, 0, 0][..]].concat();
        let mut table = words(&[u32::try_from(2 + 4 + header.len() + rows).unwrap()]);
        table.extend([3, 0]);
        table.extend(words(&[u32::try_from(header.len()).unwrap()]));
        table.extend(header);
        table.extend(program);
        info(&[
            (".debug_abbrev", abbreviation(0x11, 0x10, 0x17)), // DW_AT_stmt_list, a section offset
            (".debug_info", unit(0, &[1, 0, 0, 0, 0]).repeat(count)),
            (".debug_line", table),
        ])
    };
    assert!(units(10, 1000).locations(CODE.into()).is_ok());
    assert_eq!(problem(&units(4000, 50_000)), debug_limits::TOO_MUCH);
}

#[test]
fn tables_of_abbreviations_that_overlap_are_refused() {
    // Each unit has a table of its own, which begins one abbreviation after that of the unit
    // before.
    let units = |count: u32| {
        let mut table: Vec<u8> = (0..count).flat_map(|_| [1, 0x11, 0, 0, 0]).collect();
        table.push(0);
        let units: Vec<u8> = (0..count).flat_map(|at| unit(5 * at, &[1])).collect();
        info(&[(".debug_abbrev", table), (".debug_info", units)])
    };
    assert!(units(10).locations(CODE.into()).is_ok());
    assert_eq!(problem(&units(20_000)), debug_limits::TOO_MUCH);
}
