use super::*;

mod edit;
mod elf;
mod elf_file;
mod linked;
mod mutations;
mod symbols;
mod uf2;

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

/// A minimal ELF with the given (physical, virtual, bytes) segments, and without section headers.
fn elf_of_loads(wide: bool, big: bool, loads: &[(u64, u64, &[u8])]) -> Vec<u8> {
    let mut file = elf_file::ElfFile { wide, big, ..elf_file::ElfFile::default() };
    for &(physical, virtual_address, data) in loads {
        let offset = i64::try_from(file.data.len()).unwrap();
        let size = data.len() as u64;
        let load = elf_file::load(offset, virtual_address, physical, size);
        file.loads.push(elf_file::Load { memory_size: size + 16, ..load });
        file.data.extend(data);
    }
    file.build()
}

#[test]
fn valid_hex_is_read() {
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
fn invalid_hex_is_refused() {
    for (contents, expected) in [
        (":0400000001020304F3\n:00000001FF", "line 1 of the Intel HEX image has a wrong checksum"),
        (":0500000001020304F1\n", "line 1 of the Intel HEX image does not hold as many bytes as it says"),
        (
            ":0400000001020304F2\n",
            "line 1 of the Intel HEX image is the last, but no end record: the file was cut short",
        ),
        (":00000006FA\n", "line 1 of the Intel HEX image is of an unknown type"),
        (":0100000400FB\n", "line 1 of the Intel HEX image has a length that its type does not allow"),
        (":0000\n", "line 1 of the Intel HEX image is too short for a record"),
        (":000000F\n", "line 1 of the Intel HEX image is not made of pairs of hexadecimal digits"),
        (":00000001FF\n", "the image holds no bytes to load"),
        (
            ":02000004FFFFFC\n:02FFFF000102FD\n:00000001FF",
            "line 2 of the Intel HEX image ends beyond the 32-bit address space",
        ),
        (
            ":0100000001FE\n0100000001FE",
            "line 2 of the Intel HEX image does not begin with a colon; a comment begins with #",
        ),
        (":0100000001FE\n:0100000002FD\n:00000001FF", "two segments of the image hold different bytes for 0x00000000"),
        (
            ";0100000001FE\n:00000001FF",
            "line 1 of the Intel HEX image does not begin with a colon; a comment begins with #",
        ),
        (
            ":0100000001FE\n;0100000001FE\n:00000001FF",
            "line 2 of the Intel HEX image does not begin with a colon; a comment begins with #",
        ),
        (":0100000001FE\x1a\n:00000001FF", "line 1 of the Intel HEX image is not made of pairs of hexadecimal digits"),
    ] {
        assert_eq!(problem(contents.as_bytes()), expected, "{contents}");
    }
}

#[test]
fn valid_srec_is_read() {
    let image = Image::parse(SREC.as_bytes()).unwrap();
    assert_eq!(image.format(), ImageFormat::SRecord);
    assert_eq!(segments(&image), [(0, vec![1, 2, 3, 4]), (0x08_0004, vec![5, 6]), (0x0800_1000, vec![7, 8, 9, 0x10])]);
    assert_eq!(image.entry(), Some(0x0800_0041));
}

#[test]
fn invalid_srec_is_refused() {
    for (contents, expected) in [
        ("S107000001020304EF\nS9030000FC", "line 1 of the S-record image has a wrong checksum"),
        ("S108000001020304ED\n", "line 1 of the S-record image does not hold as many bytes as it says"),
        ("S107000001020304EE\n", "line 1 of the S-record image is the last, but no end record: the file was cut short"),
        (
            "S107000001020304EE\nS5030002FA",
            "line 2 of the S-record image counts another number of data records than there are: some are missing",
        ),
        ("S4030000FC\n", "line 1 of the S-record image is of an unknown type"),
        ("S10200FD\n", "line 1 of the S-record image is too short for its address"),
        ("S9030000FC", "the image holds no bytes to load"),
        ("S105FFFF0102F9\nS9030000FC", "line 1 of the S-record image ends beyond the addresses of its type"),
        ("S0\n", "line 1 of the S-record image is too short for a record"),
    ] {
        assert_eq!(problem(contents.as_bytes()), expected, "{contents}");
    }
}

#[test]
fn contents_without_an_address_are_refused() {
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
    assert_eq!(overlapping.to_string(), "two segments of the image hold different bytes for 0x00000009");
}

#[test]
fn the_same_bytes_twice_are_no_conflict() {
    let piece = |address, data: &[u8]| Segment { address, data: data.to_vec() };
    let image = Image::from_segments([piece(0, &[1, 2, 3]), piece(1, &[2, 3, 4]), piece(1, &[2])]).unwrap();
    assert_eq!(segments(&image), [(0, vec![1, 2, 3, 4])]);
    let inside = Image::from_segments([piece(0, &[1, 2, 3, 4]), piece(1, &[2, 9])]).unwrap_err();
    assert_eq!(inside.to_string(), "two segments of the image hold different bytes for 0x00000002");
    let image = Image::parse(b":0400000001020304F2\n:0400000001020304F2\n:00000001FF\n").unwrap();
    assert_eq!(segments(&image), [(0, vec![1, 2, 3, 4])]);
}

/// Each of these files is what GNU objcopy 2.40 reads as the bytes 1, 2, 3, 4.
#[test]
fn hex_ends_where_objcopy_ends_it() {
    for contents in [
        ":0400000001020304F2\n:00000001FF\n:0400040005060708DE\n",
        ":0400000001020304F2\n:00000001FF\n:0400000009020304EA\n",
        ":0400000001020304F2\n:00000001FF\njunk\n# more\n",
        ":0400000001020304F2\n:00000001FF\n\x1a",
        ":0400000001020304F2\n:00000001FF\x1a",
        ":0400000001020304F2\r\n:00000001FF\r\n\x1a\x1a\x1a",
        ":0400000001020304F2\n:00000001FF\n\0\0",
        ":0400000001020304f2\n:00000001ff\n",
        ":0400000001020304F2\r:00000001FF\r",
        ":0400000001020304F2\r\n\r\n:00000001FF\r\n",
        ":0400000001020304F2\n:00800001", /* an end record may have an address */
    ] {
        let contents =
            contents.strip_suffix(":00800001").map_or(contents.to_owned(), |rest| format!("{rest}:008000017F"));
        let image = Image::parse(contents.as_bytes()).unwrap();
        assert_eq!(segments(&image), [(0, vec![1, 2, 3, 4])], "{contents:?}");
    }
}

#[test]
fn srec_ends_where_objcopy_ends_it() {
    for contents in [
        "S107000001020304EE\nS9030000FC\nS107000405060708DA\n",
        "S107000001020304EE\nS9030000FC\njunk",
        "S107000001020304EE\nS9030000FC\n\x1a",
        "S107000001020304EE\nS9030000FC\x1a",
        "S107000001020304EE\rS9030000FC\r",
        "S107000001020304EE\r\n\r\nS9030000FC\r\n",
        "S107000001020304ee\nS9030000fc\n",
    ] {
        assert_eq!(segments(&Image::parse(contents.as_bytes()).unwrap()), [(0, vec![1, 2, 3, 4])], "{contents:?}");
    }
}

#[test]
fn comment_lines_are_skipped_as_openocd_skips_them() {
    let hex = "# built today\n:0400000001020304F2\n  # :0400000009020304EA\n:00000001FF\n";
    let srec = "# built today\nS107000001020304EE\n#\nS9030000FC\n";
    for contents in [hex, srec] {
        assert_eq!(segments(&Image::parse(contents.as_bytes()).unwrap()), [(0, vec![1, 2, 3, 4])]);
    }
}

#[test]
fn line_that_is_no_record_is_named_where_records_follow() {
    for (contents, line, of) in [
        ("; built today\n:0400000001020304F2\n:00000001FF\n", 1, "Intel HEX"),
        ("\r\n# ok\r\n// built by an assembler \u{e9}\r\n\r\n:00000001FF\r\n", 3, "Intel HEX"),
        ("\t/* built today\n\ttoday */\nS107000001020304EE\nS9030000FC\n", 1, "S-record"),
        ("Sections:\nS107000001020304EE\nS9030000FC\n", 1, "S-record"),
    ] {
        let expected = format!("line {line} of the {of} image does not begin with ");
        let problem = problem(contents.as_bytes());
        assert!(problem.starts_with(&expected) && problem.ends_with("; a comment begins with #"), "{problem}");
    }
    for other in
        ["no record\n", "a\n: b\n", "a\n:00000001FG\n", "a\n:000001\n", "a\0\n:00000001FF\n", "\x01\n:00000001FF"]
    {
        assert!(problem(other.as_bytes()).starts_with("the image is neither ELF nor Intel HEX"), "{other:?}");
    }
}

#[test]
fn image_prints_in_one_line() {
    let image = Image::parse(HEX.as_bytes()).unwrap();
    assert_eq!(image.to_string(), "Intel HEX, 10 bytes in 2 segments, 0x08000000 to 0x08001001");
    assert_eq!(format!("{image:?}"), "Image { Intel HEX, 10 bytes in 2 segments, 0x08000000 to 0x08001001 }");
    let last = Image::bin(u64::MAX, vec![0]).unwrap();
    assert_eq!(last.to_string(), "BIN, 1 byte in 1 segment, 0xffffffffffffffff to 0xffffffffffffffff");
    assert_eq!(format!("{:?}", last.segments()[0]), "Segment { 1 bytes at 0xffffffffffffffff }");
}

#[test]
fn format_is_read_from_its_name() {
    use ImageFormat::{Bin, Elf, IntelHex, SRecord, Uf2};
    for format in [Elf, IntelHex, SRecord, Uf2, Bin] {
        assert_eq!(format.to_string().parse::<ImageFormat>().unwrap(), format);
    }
    for (name, format) in [("HEX", IntelHex), ("s19", SRecord), ("elf", Elf), ("uf2", Uf2), ("bin", Bin)] {
        assert_eq!(name.parse::<ImageFormat>().unwrap(), format);
    }
    let error = "exe".parse::<ImageFormat>().unwrap_err();
    assert_eq!(error.to_string(), "unknown image format \"exe\"; expected elf, hex, srec, uf2 or bin");
}

#[test]
fn directory_is_refused() {
    let directory = std::env::temp_dir();
    let error = Image::open(&directory).unwrap_err().to_string();
    assert!(error.contains("is a directory; expected a regular file of at most 256 MiB"), "{error}");
    assert!(error.contains(directory.to_str().unwrap()), "{error}");
}

#[cfg(unix)]
#[test]
fn endless_and_enormous_files_are_refused_at_once() {
    let directory = std::env::temp_dir().join(format!("openocd-images-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let fifo = directory.join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let enormous = directory.join("enormous.bin");
    std::fs::File::create(&enormous).unwrap().set_len(1 << 40).unwrap();
    let began = std::time::Instant::now();
    for (path, expected) in [
        (Path::new("/dev/zero"), "is a device; expected a regular file of at most 256 MiB"),
        (&fifo, "is a FIFO; expected a regular file of at most 256 MiB"),
        (&enormous, "is too large; expected at most 256 MiB"),
    ] {
        for error in [Image::open(path).unwrap_err(), Image::open_bin(path, 0).unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains(expected) && error.contains(path.to_str().unwrap()), "{error}");
        }
    }
    assert!(began.elapsed().as_secs() < 5);
    std::fs::remove_dir_all(&directory).unwrap();
}
