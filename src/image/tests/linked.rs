//! What real linkers make, compared with what GNU objcopy loads of it. `tests/images/build.sh`
//! builds the files.

use std::path::PathBuf;

use crate::image::Image;
use crate::types::SymbolKind;

fn linked(name: &str) -> Image {
    Image::open(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/images").join(name)).unwrap()
}

#[test]
fn linked_elf_loads_what_objcopy_loads() {
    for name in ["at_zero", "headers_in_segment", "big_endian", "riscv64"] {
        let (elf, copied) = (linked(&format!("{name}.elf")), linked(&format!("{name}.srec")));
        assert!(elf.segments() == copied.segments(), "{name}: {elf}, objcopy: {copied}");
        assert_eq!(elf.entry(), copied.entry(), "{name}");
    }
    assert_eq!(linked("at_zero.elf").segments()[0].address, 0);
    assert_eq!(linked("no_sections.elf").segments(), linked("at_zero.elf").segments());
}

#[test]
fn linked_elf_has_the_symbols_of_its_source() {
    for (name, main) in [("at_zero.elf", 0x1000_0008), ("big_endian.elf", 0x0800_4008), ("riscv64.elf", 0x0800_4008)] {
        let image = linked(name);
        let main_found = image.symbol("main").unwrap();
        assert_eq!((main_found.address, main_found.size, main_found.kind), (main, 16, SymbolKind::Function), "{name}");
        assert_eq!(image.symbol_at(main + 15).unwrap(), main_found);
        assert_eq!(image.symbol("buffer").unwrap().size, 64);
    }
    let stack = linked("headers_in_segment.elf").symbol("_estack").unwrap();
    assert_eq!((stack.address, stack.kind), (0x2000_5000, SymbolKind::Other));
    let names: Vec<_> = linked("riscv64.elf").symbols().map(|symbol| symbol.name).collect();
    assert!(!names.iter().any(|name| name.starts_with('$')), "{names:?}");
}
