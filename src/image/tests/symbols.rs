//! Symbols by name and by address.

use super::elf_file::{
    CODE, ElfFile, GLOBAL_FUNCTION, GLOBAL_LABEL, GLOBAL_OBJECT, LOCAL_FUNCTION, LOCAL_LABEL, LOCAL_OBJECT, Sym, load,
    section,
};
use crate::error::{Error, ImageError};
use crate::image::{Image, ImageFormat};
use crate::types::SymbolKind;

fn sym(name: &'static str, value: u64, size: u64, info: u8) -> Sym {
    Sym { name, value, size, info, section: 1 }
}

fn file(symbols: Vec<Sym>) -> ElfFile {
    ElfFile {
        data: vec![0; 0x100],
        loads: vec![load(0, 0x0800_0000, 0x0800_0000, 0x100)],
        // The second is not in memory, as `.defmt`; the third is empty.
        sections: vec![section(CODE, 0x0800_0000, 0, 0x100), section(0, 0, 0, 0x20), section(0, 0x0800_0100, 0, 0)],
        symbols,
        ..ElfFile::default()
    }
}

fn image(symbols: Vec<Sym>) -> Image {
    Image::parse(&file(symbols).build()).unwrap()
}

fn firmware() -> Image {
    image(vec![
        sym("$t", 0x0800_0000, 0, LOCAL_LABEL),
        sym("main", 0x0800_0011, 8, GLOBAL_FUNCTION),
        sym("$d", 0x0800_0018, 0, LOCAL_LABEL),
        sym("arm_code", 0x0800_0020, 4, LOCAL_FUNCTION),
        sym("COUNTER", 0x2000_0001, 4, GLOBAL_OBJECT),
        Sym { section: 0xfff1, ..sym("_estack", 0x2000_5000, 0, GLOBAL_LABEL) },
        Sym { section: 0, ..sym("undefined", 0, 0, GLOBAL_LABEL) },
        Sym { section: 3, ..sym("__end", 0x0800_0100, 0, GLOBAL_LABEL) },
        sym("file.c", 0, 0, 0x04),
        Sym { section: 2, ..sym("{\"package\":\"app\",\"data\":\"hello\"}", 2, 1, GLOBAL_OBJECT) },
        sym("thread_local", 4, 4, 0x16),
    ])
}

#[test]
fn symbol_is_found_by_name() {
    for (wide, big) in [(false, false), (false, true), (true, false), (true, true)] {
        let counter = sym("COUNTER", 0x2000_0000, 4, GLOBAL_OBJECT);
        let image = Image::parse(&ElfFile { wide, big, ..file(vec![counter]) }.build()).unwrap();
        let found = image.symbol("COUNTER").unwrap();
        assert_eq!((found.address, found.size, found.kind, found.thumb), (0x2000_0000, 4, SymbolKind::Object, false));
        assert_eq!(found.to_string(), "COUNTER at 0x20000000");
    }
}

#[test]
fn thumb_bit_is_no_part_of_a_functions_address() {
    let image = firmware();
    let main = image.symbol("main").unwrap();
    assert_eq!((main.address, main.kind, main.thumb), (0x0800_0010, SymbolKind::Function, true));
    assert_eq!(format!("{main:?}"), "Symbol { \"main\": function of 8 bytes at 0x08000010, Thumb }");
    let arm = image.symbol("arm_code").unwrap();
    assert_eq!((arm.address, arm.thumb), (0x0800_0020, false));
    assert_eq!(image.symbol("COUNTER").unwrap().address, 0x2000_0001, "variables may be at odd addresses");
    // On RISC-V, bit 0 of a function's address means nothing.
    let riscv = ElfFile { machine: 243, ..file(vec![sym("f", 0x0800_0011, 1, GLOBAL_FUNCTION)]) };
    let f = Image::parse(&riscv.build()).unwrap().symbol("f").unwrap();
    assert_eq!((f.address, f.thumb), (0x0800_0011, false));
}

#[test]
fn only_definitions_with_an_address_are_symbols() {
    let image = firmware();
    let names: Vec<_> = image.symbols().map(|symbol| symbol.name).collect();
    assert_eq!(names, ["main", "arm_code", "COUNTER", "_estack", "__end"]);
    assert_eq!(image.symbol("_estack").unwrap().kind, SymbolKind::Other);
}

#[test]
fn unknown_name_is_refused_with_similar_names() {
    let error = firmware().symbol("countr").unwrap_err();
    assert!(matches!(&error, Error::Image(ImageError::UnknownSymbol { near, .. }) if near == &["COUNTER"]), "{error}");
    assert_eq!(error.to_string(), "the image has no symbol \"countr\"; near: COUNTER");
    let error = firmware().symbol("nothing_like_it").unwrap_err();
    assert_eq!(error.to_string(), "the image has no symbol \"nothing_like_it\"");
}

#[test]
fn ambiguous_name_is_refused_with_the_candidates() {
    let two = image(vec![sym("count", 0x2000_0000, 4, LOCAL_OBJECT), sym("count", 0x2000_0010, 2, LOCAL_OBJECT)]);
    let error = two.symbol("count").unwrap_err();
    assert_eq!(error.to_string(), "the symbol \"count\" is ambiguous: count at 0x20000000, count at 0x20000010");
    let aliases = image(vec![sym("f", 0x0800_0011, 0, GLOBAL_LABEL), sym("f", 0x0800_0011, 8, GLOBAL_FUNCTION)]);
    assert!(aliases.symbol("f").is_err(), "a label at an odd address is not the Thumb function before it");
    let aliases = image(vec![sym("f", 0x0800_0010, 0, GLOBAL_LABEL), sym("f", 0x0800_0011, 8, GLOBAL_FUNCTION)]);
    assert_eq!(aliases.symbol("f").unwrap().kind, SymbolKind::Function);
}

#[test]
fn image_without_symbols_says_so() {
    let stripped = super::elf_of_loads(false, false, &[(0x0800_0000, 0, &[1])]);
    let error = Image::parse(&stripped).unwrap().symbol("main").unwrap_err();
    assert_eq!(error.to_string(), "the ELF image has no symbols: the file was stripped");
    let raw = Image::bin(0, [1]).unwrap();
    let error = raw.symbol("main").unwrap_err();
    assert!(matches!(error, Error::Image(ImageError::NoSymbols { format: ImageFormat::Bin })), "{error}");
    assert_eq!((raw.symbols().count(), raw.symbol_at(0)), (0, None));
}

#[test]
fn damaged_symbol_table_does_not_keep_an_image_from_loading() {
    let good = file(vec![sym("main", 0x0800_0011, 8, GLOBAL_FUNCTION)]);
    let mut bytes = good.build();
    // `st_name` of the second symbol.
    let at = 52 + 32 + 0x100 + 16;
    bytes[at..at + 4].copy_from_slice(&0x00ff_ffff_u32.to_le_bytes());
    let damaged = Image::parse(&bytes).unwrap();
    assert_eq!(damaged.len(), 0x100);
    assert_eq!(damaged.symbol("main").unwrap_err().to_string(), "the ELF image has a damaged symbol table");
    assert_eq!(damaged.symbol_at(0x0800_0010), None);
}

#[test]
fn names_that_share_too_many_bytes_are_damage() {
    const LONG: &str = include_str!("symbols.rs");
    let mut names = vec![sym(LONG, 0, 0, GLOBAL_LABEL)];
    names.extend((0..1000).map(|_| sym("", 0, 0, GLOBAL_LABEL)));
    let mut bytes = file(names).build();
    // Every symbol gets the long name, which begins at 1.
    for index in 1..=1001 {
        bytes[52 + 32 + 0x100 + 16 * index] = 1;
        bytes[52 + 32 + 0x100 + 16 * index + 1..][..3].fill(0);
    }
    let error = Image::parse(&bytes).unwrap().symbol("main").unwrap_err();
    assert_eq!(error.to_string(), "the ELF image has a damaged symbol table");
}

#[test]
fn address_is_found_within_the_innermost_symbol() {
    let image = image(vec![
        sym("outer", 0x0800_0000, 0x40, GLOBAL_FUNCTION),
        sym("alias", 0x0800_0010, 8, LOCAL_FUNCTION),
        sym("inner", 0x0800_0010, 8, GLOBAL_FUNCTION),
        sym("mark", 0x0800_0010, 0, GLOBAL_LABEL),
        sym("bare", 0x0800_0080, 0, GLOBAL_LABEL),
        sym("COUNTER", 0x2000_0000, 4, GLOBAL_OBJECT),
        sym("_ebss", 0x2000_0010, 0, GLOBAL_LABEL),
        sym("last", u64::from(u32::MAX), 1, GLOBAL_OBJECT),
    ]);
    let at = |address| image.symbol_at(address).map(|symbol| symbol.name);
    for (address, expected) in [
        (0x07ff_ffff, None),
        (0x0800_0000, Some("outer")),
        (0x0800_0010, Some("inner")),
        (0x0800_0017, Some("inner")),
        (0x0800_0018, Some("outer")),
        (0x0800_0040, None),
        (0x0800_0080, Some("bare")),
        (0x0800_00ff, Some("bare")),
        (0x0800_0100, None),
        (0x2000_0003, Some("COUNTER")),
        (0x2000_0004, None),
        (0x2000_0010, None),
        (0xffff_ffff, Some("last")),
        (u64::MAX, None),
    ] {
        assert_eq!(at(address).as_deref(), expected, "{address:#x}");
    }
}

#[cfg(feature = "demangle")]
mod demangled {
    use super::*;

    fn mangled() -> Image {
        image(vec![
            sym("_ZN8my_crate7COUNTER17h0123456789abcdefE", 0x2000_0000, 4, GLOBAL_OBJECT),
            sym("_RNvNtCs1234_7mycrate5state5TICKS", 0x2000_0004, 4, GLOBAL_OBJECT),
            sym("_RNvXCs1234_7mycrateNtB2_3FooNtB2_5Trait3run", 0x0800_0001, 4, GLOBAL_FUNCTION),
            sym("_ZN3app5startEi", 0x0800_0011, 4, GLOBAL_FUNCTION),
            sym("_ZN3app4stopEv", 0x0800_0021, 4, GLOBAL_FUNCTION),
            sym("_ZN3app4stopEi", 0x0800_0031, 4, GLOBAL_FUNCTION),
            sym("_ZN3app5levelE", 0x2000_0008, 4, GLOBAL_OBJECT),
        ])
    }

    #[test]
    fn symbol_is_found_by_the_name_of_its_source() {
        let image = mangled();
        let found = |name: &str| image.symbol(name).map(|symbol| symbol.address).map_err(|error| error.to_string());
        assert_eq!(found("my_crate::COUNTER"), Ok(0x2000_0000));
        assert_eq!(found("mycrate::state::TICKS"), Ok(0x2000_0004));
        assert_eq!(found("<mycrate::Foo as mycrate::Trait>::run"), Ok(0x0800_0000));
        assert_eq!(found("app::start"), Ok(0x0800_0010));
        assert_eq!(found("app::start(int)"), Ok(0x0800_0010));
        assert_eq!(found("app::stop(int)"), Ok(0x0800_0030));
        assert_eq!(found("app::level"), Ok(0x2000_0008));
        assert_eq!(found("_ZN3app5levelE"), Ok(0x2000_0008));
        let several = "the symbol \"app::stop\" is ambiguous: app::stop() at 0x08000020, app::stop(int) at 0x08000030";
        assert_eq!(found("app::stop"), Err(several.to_owned()));
        assert_eq!(found("COUNTR"), Err("the image has no symbol \"COUNTR\"; near: my_crate::COUNTER".to_owned()));
        assert!(found("app::start(char)").is_err());
    }

    #[test]
    fn symbol_is_found_by_the_end_of_its_path() {
        let image = mangled();
        let found = |name: &str| image.symbol(name).map(|symbol| symbol.address).map_err(|error| error.to_string());
        assert_eq!(found("COUNTER"), Ok(0x2000_0000));
        assert_eq!(found("state::TICKS"), Ok(0x2000_0004));
        assert_eq!(found("TICKS"), Ok(0x2000_0004));
        assert_eq!(found("run"), Ok(0x0800_0000));
        assert_eq!(found("stop(int)"), Ok(0x0800_0030));
        let several = "the symbol \"stop\" is ambiguous: app::stop() at 0x08000020, app::stop(int) at 0x08000030";
        assert_eq!(found("stop"), Err(several.to_owned()));
        for part_of_a_name in ["OUNTER", "tate::TICKS", "start(char)", "", "::TICKS"] {
            assert!(found(part_of_a_name).is_err(), "{part_of_a_name}");
        }
    }

    #[test]
    fn whole_name_comes_before_the_end_of_a_path() {
        let image = image(vec![
            sym("_ZN3app4mainE", 0x0800_0011, 4, GLOBAL_FUNCTION),
            sym("main", 0x0800_0021, 4, GLOBAL_FUNCTION),
            sym("_ZN3sub3app4mainE", 0x0800_0031, 4, GLOBAL_FUNCTION),
        ]);
        assert_eq!(image.symbol("main").unwrap().address, 0x0800_0020);
        assert_eq!(image.symbol("app::main").unwrap().address, 0x0800_0010);
        assert_eq!(image.symbol("sub::app::main").unwrap().address, 0x0800_0030);
    }

    #[test]
    fn demangled_name_is_bounded() {
        // Each substitution doubles the text.
        let name = "_Z1fI1AIS_S_EE".to_owned() + &"S0_".repeat(50);
        for name in [name.as_str(), "_R", "_Z", "_ZN", "_RNvNtB2_B2_3abc"] {
            let symbol = Symbol { name: name.to_owned(), ..mangled().symbols().next().unwrap() };
            assert!(symbol.demangled().len() <= 4096);
        }
    }

    use crate::types::Symbol;
}

#[cfg(not(feature = "demangle"))]
#[test]
fn path_of_the_sources_needs_the_feature() {
    let error = firmware().symbol("my_crate::COUNTER").unwrap_err().to_string();
    assert!(error.contains("near: COUNTER; names of Rust and C++ sources need the feature `demangle`"), "{error}");
}
