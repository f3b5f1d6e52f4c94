use super::*;

fn problem(contents: &[u8]) -> String {
    Image::parse(contents).unwrap_err().to_string()
}

fn segments(image: &Image) -> Vec<(u64, Vec<u8>)> {
    image.segments().iter().map(|segment| (segment.address, segment.data.clone())).collect()
}

/// Numbers that look random and are the same in every run (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }
}

const HEX: &str =
    ":020000040800F2\n:0400000001020304F2\n:0400040005060708DE\r\n:02100000AABB89\n:0400000508000041AE\n:00000001FF\n";

const SREC: &str =
    "S00600004844521B\nS107000001020304EE\nS2060800040506E2\nS3090800100007080910B6\nS5030003F9\nS70508000041B1\n";

/// A minimal ELF with the given (physical, virtual, bytes) segments.
fn elf(wide: bool, big: bool, loads: &[(u64, u64, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    let put = |file: &mut Vec<u8>, value: u64, length: usize| {
        let bytes = value.to_be_bytes();
        let mut bytes = bytes[8 - length..].to_vec();
        if !big {
            bytes.reverse();
        }
        file.extend(bytes);
    };
    let word = if wide { 8 } else { 4 };
    let (header, entry) = if wide { (64, 56) } else { (52, 32) };
    file.extend(identification(wide, big));
    put(&mut file, 2, 2); // type: executable
    put(&mut file, 40, 2); // machine
    put(&mut file, 1, 4);
    put(&mut file, 0x41, word); // entry
    put(&mut file, header, word); // program headers
    put(&mut file, 0, word);
    put(&mut file, 0, 4);
    for value in [header, entry, loads.len() as u64, 0, 0, 0] {
        put(&mut file, value, 2);
    }
    let mut offset = header + entry * loads.len() as u64;
    for (physical, virtual_address, data) in loads {
        put(&mut file, 1, 4);
        if wide {
            put(&mut file, 5, 4);
        }
        for value in [offset, *virtual_address, *physical, data.len() as u64, data.len() as u64 + 16] {
            put(&mut file, value, word);
        }
        if !wide {
            put(&mut file, 5, 4);
        }
        put(&mut file, 4, word);
        offset += data.len() as u64;
    }
    for (_, _, data) in loads {
        file.extend(*data);
    }
    file
}

fn identification(wide: bool, big: bool) -> [u8; 16] {
    let mut identification = [0; 16];
    identification[..4].copy_from_slice(elf::MAGIC);
    identification[4..7].copy_from_slice(&[1 + u8::from(wide), 1 + u8::from(big), 1]);
    identification
}

#[test]
fn valid_hex() {
    let image = Image::parse(HEX.as_bytes()).unwrap();
    assert_eq!(image.format(), ImageFormat::IntelHex);
    assert_eq!(segments(&image), [(0x0800_0000, vec![1, 2, 3, 4, 5, 6, 7, 8]), (0x0800_1000, vec![0xaa, 0xbb])]);
    assert_eq!((image.entry(), image.len()), (Some(0x0800_0041), 10));
}

#[test]
fn hex_of_real_mode_wraps_within_its_segment() {
    let image = Image::parse(b":020000021000EC\n:04FFFE00010203 04F5\n".as_slice());
    assert!(image.is_err(), "a blank inside a record");
    let image = Image::parse(b":020000021000EC\n:04FFFE0001020304F5\n:0400000310000010D9\n:00000001FF").unwrap();
    assert_eq!(segments(&image), [(0x1_0000, vec![3, 4]), (0x1_fffe, vec![1, 2])]);
    assert_eq!(image.entry(), Some(0x1_0010));
}

#[test]
fn invalid_hex() {
    for (contents, expected) in [
        (":0400000001020304F3\n:00000001FF", "line 1 of the Intel HEX image has a wrong checksum"),
        (":0500000001020304F1\n", "line 1 of the Intel HEX image does not hold as many bytes as it says"),
        (
            ":0400000001020304F2\n",
            "line 1 of the Intel HEX image is the last, but no end record: the file was cut short",
        ),
        (":00000001FF\n\n:00000001FF", "line 3 of the Intel HEX image comes after the end record"),
        (":00000006FA\n", "line 1 of the Intel HEX image is of an unknown type"),
        (":0100000400FB\n", "line 1 of the Intel HEX image has a length that its type does not allow"),
        (":0000\n", "line 1 of the Intel HEX image is too short for a record"),
        (":000000F\n", "line 1 of the Intel HEX image is not made of pairs of hexadecimal digits"),
        (":00000001FF\n", "the image holds no bytes to load"),
        (
            ":02000004FFFFFC\n:02FFFF000102FD\n:00000001FF",
            "line 2 of the Intel HEX image ends beyond the 32-bit address space",
        ),
        (":00000001FF\nzz", "line 2 of the Intel HEX image comes after the end record"),
        (":0100000001FE\n0100000001FE", "line 2 of the Intel HEX image does not begin with a colon"),
        (":0100000001FE\n:0100000001FE\n:00000001FF", "two segments of the image hold the byte at 0x00000000"),
    ] {
        assert_eq!(problem(contents.as_bytes()), expected, "{contents}");
    }
}

#[test]
fn valid_srec() {
    let image = Image::parse(SREC.as_bytes()).unwrap();
    assert_eq!(image.format(), ImageFormat::SRecord);
    assert_eq!(segments(&image), [(0, vec![1, 2, 3, 4]), (0x08_0004, vec![5, 6]), (0x0800_1000, vec![7, 8, 9, 0x10])]);
    assert_eq!(image.entry(), Some(0x0800_0041));
}

#[test]
fn invalid_srec() {
    for (contents, expected) in [
        ("S107000001020304EF\nS9030000FC", "line 1 of the S-record image has a wrong checksum"),
        ("S108000001020304ED\n", "line 1 of the S-record image does not hold as many bytes as it says"),
        ("S107000001020304EE\n", "line 1 of the S-record image is the last, but no end record: the file was cut short"),
        (
            "S107000001020304EE\nS5030002FA",
            "line 2 of the S-record image counts another number of data records than there are: some are missing",
        ),
        ("S9030000FC\nS9030000FC", "line 2 of the S-record image comes after the end record"),
        ("S4030000FC\n", "line 1 of the S-record image is of an unknown type"),
        ("S10200FD\n", "line 1 of the S-record image is too short for its address"),
        ("S9030000FC", "the image holds no bytes to load"),
        ("S105FFFF0102F9\nS9030000FC", "line 1 of the S-record image ends beyond the addresses of its type"),
        ("S0\n", "line 1 of the S-record image is too short for a record"),
        ("S9030000FC\nx", "line 2 of the S-record image comes after the end record"),
    ] {
        assert_eq!(problem(contents.as_bytes()), expected, "{contents}");
    }
}

#[test]
fn elf_of_every_class_and_byte_order() {
    for (wide, big) in [(false, false), (false, true), (true, false), (true, true)] {
        let file =
            elf(wide, big, &[(0x0800_1000, 0x2000_0000, &[9, 8, 7]), (0x0800_0000, 0x0800_0000, &[1, 2]), (7, 7, &[])]);
        let image = Image::parse(&file).unwrap();
        assert_eq!(segments(&image), [(0x0800_0000, vec![1, 2]), (0x0800_1000, vec![9, 8, 7])]);
        assert_eq!((image.entry(), image.format()), (Some(0x41), ImageFormat::Elf));
    }
}

#[test]
fn elf_without_physical_addresses_loads_at_its_virtual_ones() {
    let image = Image::parse(&elf(false, false, &[(0, 0x2000_0000, &[1]), (0, 0x2000_0100, &[2])])).unwrap();
    assert_eq!(segments(&image), [(0x2000_0000, vec![1]), (0x2000_0100, vec![2])]);
}

#[test]
fn invalid_elf() {
    let good = elf(false, false, &[(0x0800_0000, 0, &[1, 2, 3, 4])]);
    assert_eq!(problem(&good[..good.len() - 1]), "the ELF image ends before its segments do: the file was cut short");
    assert_eq!(problem(&good[..60]), "the ELF image ends before its headers do: the file was cut short");
    assert_eq!(problem(&good[..10]), "the ELF image ends before its headers do: the file was cut short");
    assert_eq!(problem(elf::MAGIC), "the ELF image is neither of class 32 nor of class 64");
    assert!(problem(&elf(true, false, &[])).contains("no loadable segment"));
    let mut odd = good.clone();
    odd[5] = 3;
    assert_eq!(problem(&odd), "the ELF image has an unknown byte order");
    let mut short = good.clone();
    short[42] = 8;
    assert_eq!(problem(&short), "the ELF image has program headers that are too short");
    let huge = elf(true, false, &[(u64::MAX, 0, &[1, 2])]);
    assert!(problem(&huge).contains("ends beyond the 64-bit address space"));
}

#[test]
fn an_elf_that_would_take_a_thousand_times_its_size() {
    let mut bomb = identification(true, false).to_vec();
    bomb.resize(64, 0);
    bomb[32] = 64;
    bomb[54] = 56;
    bomb[56..58].copy_from_slice(&1000_u16.to_le_bytes());
    for index in 1..=1000_u64 {
        // PT_LOAD, offset 0, an address of its own, and the whole file.
        for value in [1, 0, 0, index << 32, 64 + 56 * 1000, 0, 0] {
            bomb.extend(value.to_le_bytes());
        }
    }
    assert_eq!(problem(&bomb), "the ELF image has segments that hold many times as many bytes as the file");
}

#[test]
fn other_contents() {
    assert!(problem(b"just text").contains("a raw binary needs an address"));
    assert_eq!(problem(b""), "the image holds no bytes to load");
    assert_eq!(Image::bin(0, Vec::new()).unwrap_err().to_string(), "the image holds no bytes to load");
    assert!(Image::bin(u64::MAX, vec![0]).is_ok());
    assert!(Image::bin(u64::MAX, vec![0, 0]).is_err());
}

#[test]
fn segments_are_sorted_and_joined() {
    let piece = |address, data: &[u8]| Segment { address, data: data.to_vec() };
    let image = Image::from_segments([piece(8, &[3]), piece(0, &[1, 2]), piece(5, &[]), piece(2, &[9])]).unwrap();
    assert_eq!(segments(&image), [(0, vec![1, 2, 9]), (8, vec![3])]);
    let overlapping = Image::from_segments([piece(8, &[3, 3]), piece(9, &[1])]).unwrap_err();
    assert_eq!(overlapping.to_string(), "two segments of the image hold the byte at 0x00000009");
}

/// Damaged images of every format are refused or understood, but never make the reader panic.
#[test]
fn no_input_makes_a_reader_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let seeds = [
        HEX.as_bytes().to_vec(),
        SREC.as_bytes().to_vec(),
        elf(false, false, &[(0x0800_0000, 0x2000_0000, &[1, 2, 3]), (0x0800_0100, 0, &[4])]),
        elf(true, true, &[(0x0800_0000, 0x2000_0000, &[1, 2, 3]), (0x0800_0100, 0, &[4])]),
    ];
    let mut understood = 0;
    for round in 0..40_000 {
        let mut input = seeds[round % seeds.len()].clone();
        for _ in 0..=random.below(4) {
            let at = random.below(input.len());
            match random.below(4) {
                0 => input[at] = u8::try_from(random.below(256)).unwrap(),
                1 => input[at] = [0, 0xff, b':', b'S', b'\n', b'F'][random.below(6)],
                2 => input.truncate(at.max(1)),
                _ => input.insert(at, u8::try_from(random.below(256)).unwrap()),
            }
        }
        if let Ok(image) = Image::parse(&input) {
            understood += 1;
            assert_ne!(image.len(), 0);
            for pair in image.segments().windows(2) {
                assert!(pair[0].address + (pair[0].data.len() as u64) < pair[1].address);
            }
        }
    }
    assert!(understood > 1000, "the damage spares some: {understood}");
}
