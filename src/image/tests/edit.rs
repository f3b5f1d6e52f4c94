//! Images made of images, and files that read as what was saved.

use crate::error::{Error, ImageError};
use crate::image::{Image, ImageOptions, Segment};
use crate::types::ImageFormat;

fn image(pieces: &[(u64, &[u8])]) -> Image {
    let segment = |(address, data): &(u64, &[u8])| Segment { address: *address, data: data.to_vec() };
    Image::from_segments(pieces.iter().map(segment)).unwrap()
}

fn pieces(image: &Image) -> Vec<(u64, &[u8])> {
    image.segments().iter().map(|segment| (segment.address, &*segment.data)).collect()
}

#[test]
fn merged_images_keep_all_bytes_and_what_the_first_knows() {
    let elf = Image::open(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf")).unwrap();
    let merged = Image::merge([&elf, &image(&[(0x0800_4000, &[1, 2])]), &image(&[(0x0800_4001, &[2, 3])])]).unwrap();
    assert_eq!(merged.len(), elf.len() + 3);
    assert_eq!((merged.entry(), merged.format()), (elf.entry(), ImageFormat::Elf));
    assert_eq!(merged.symbol("main").unwrap(), elf.symbol("main").unwrap());
    assert!(matches!(Image::merge([]), Err(Error::Image(ImageError::Empty))));
}

#[test]
fn conflict_names_both_images() {
    let images = [image(&[(0x10, &[1])]), image(&[(0x20, &[1, 2, 3])]), image(&[(0x10, &[1]), (0x22, &[4])])];
    let Err(Error::Image(ImageError::Conflict { address, images, bytes })) = Image::merge(&images) else { panic!() };
    assert_eq!((address, images, bytes), (0x22, (1, 2), (3, 4)));
}

#[test]
fn moved_image_has_no_symbols_and_another_entry_point() {
    let elf = Image::open(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf")).unwrap();
    let moved = elf.moved_by(0x1000).unwrap();
    assert_eq!(moved.entry(), elf.entry().map(|entry| entry + 0x1000));
    assert_eq!(moved.segments()[0].address, elf.segments()[0].address + 0x1000);
    assert!(moved.symbol("main").is_err());
    assert!(elf.moved_by(-0x0900_0000).is_err());
    let refused = image(&[(0x10, &[1, 2])]).moved_by(-0x11).unwrap_err().to_string();
    assert_eq!(
        refused,
        "a segment of the image of 0x2 bytes at 0x10 cannot be moved by -0x11: it would begin outside of the 64-bit address space"
    );
    assert!(image(&[(u64::MAX - 1, &[1, 2])]).moved_by(1).is_err());
}

#[test]
fn parts_are_cut_at_the_bounds_of_a_range() {
    let whole = image(&[(0, &[1]), (0x10, &[2, 3, 4, 5]), (u64::MAX, &[6])]);
    assert_eq!(pieces(&whole.within(0x11..0x13).unwrap()), [(0x11, &[3, 4][..])]);
    assert_eq!(pieces(&whole.within(0..u64::MAX).unwrap()), [(0, &[1][..]), (0x10, &[2, 3, 4, 5])]);
    let rest = whole.without(0..0x12).unwrap();
    assert_eq!(pieces(&rest), [(0x12, &[4, 5][..]), (u64::MAX, &[6])]);
    assert_eq!(whole.without(5..5).unwrap(), whole);
    #[allow(clippy::reversed_empty_ranges, reason = "what a caller may give")]
    let turned = 9..2;
    for refused in [whole.within(turned.clone()), whole.without(turned.clone()), whole.filled(turned, 0)] {
        assert_eq!(refused.unwrap_err().to_string(), "the range 0x00000009..0x00000002 ends before it begins");
    }
    assert!(whole.within(0x20..0x30).is_err());
}

#[test]
fn only_gaps_of_the_range_are_filled() {
    let filled = image(&[(0xff, &[1, 2]), (0x103, &[3]), (0x200, &[4])]).filled(0x100..0x105, 0xee).unwrap();
    assert_eq!(pieces(&filled), [(0xff, &[1, 2, 0xee, 0xee, 3, 0xee][..]), (0x200, &[4])]);
    let refused = image(&[(0, &[1])]).filled(0..u64::MAX, 0).unwrap_err();
    assert!(refused.to_string().contains("expected at most 256 MiB"), "{refused}");
}

#[test]
fn saved_image_reads_as_the_same() {
    let long: Vec<u8> = (0..70_000_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
    let mut original = image(&[(0x0800_fffb, &long), (0x2000_0001, &[1]), (0xffff_fff0, &[9; 16])]);
    original.entry = Some(0x0800_ffff);
    for format in [ImageFormat::IntelHex, ImageFormat::SRecord] {
        let read = Image::parse(&original.to_bytes(format).unwrap()).unwrap();
        assert_eq!((read.segments(), read.entry(), read.format()), (original.segments(), original.entry(), format));
    }
    let whole_blocks = image(&[(0x1000_0000, &long[..512]), (0x1000_0300, &long[512..768])]);
    let file = whole_blocks.to_uf2(0xe48b_ff56).unwrap();
    let read = Image::parse_with(&file, ImageOptions::new().uf2_family(0xe48b_ff56)).unwrap();
    assert_eq!((read.segments(), file.len()), (whole_blocks.segments(), 3 * 512));
    let read = Image::parse(&image(&[(0x102, &[1]), (0x104, &[2])]).to_bytes(ImageFormat::Uf2).unwrap()).unwrap();
    assert_eq!((read.segments()[0].address, read.len()), (0x100, 256));
    assert_eq!(read.segments()[0].data[..6], [0xff, 0xff, 1, 0xff, 2, 0xff]);
}

#[test]
fn text_formats_are_as_their_definitions_say() {
    let small = image(&[(0x0800_0000, &[0xde, 0xad])]);
    let hex = String::from_utf8(small.to_bytes(ImageFormat::IntelHex).unwrap()).unwrap();
    assert_eq!(hex, ":020000040800F2\n:02000000DEAD73\n:00000001FF\n");
    let srec = String::from_utf8(small.to_bytes(ImageFormat::SRecord).unwrap()).unwrap();
    assert_eq!(srec, "S0030000FC\nS30708000000DEAD65\nS70500000000FA\n");
}

#[test]
fn what_a_format_cannot_hold_is_refused() {
    let high = image(&[(0xffff_ffff, &[1, 2])]);
    for format in [ImageFormat::IntelHex, ImageFormat::SRecord, ImageFormat::Uf2] {
        let error = high.to_bytes(format).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("an image cannot be saved as {format}: the address 0x100000000 exceeds 32 bits")
        );
    }
    assert_eq!(high.to_bytes(ImageFormat::Elf).unwrap_err().to_string(), "an image cannot be saved as ELF");
    let sparse = image(&[(0, &[1]), (u64::MAX, &[2])]);
    assert!(matches!(sparse.to_bytes(ImageFormat::Bin), Err(Error::Image(ImageError::TooSparse { .. }))));
    let error = high.save("/nowhere/at/all.bin", ImageFormat::Bin).unwrap_err();
    assert!(error.to_string().contains("cannot write the image /nowhere/at/all.bin: "), "{error}");
}

#[cfg(unix)]
#[test]
fn image_is_not_saved_into_a_fifo() {
    let directory = std::env::temp_dir().join(format!("openocd-save-fifo-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let fifo = directory.join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let (path, (done, wait)) = (fifo.clone(), std::sync::mpsc::channel());
    std::thread::spawn(move || done.send(image(&[(0, &[1; 50])]).save(path, ImageFormat::IntelHex)));
    let saved = wait.recv_timeout(std::time::Duration::from_secs(5)).expect("`save` ends");
    let error = saved.unwrap_err().to_string();
    assert!(error.ends_with("it is a FIFO; expected a regular file"), "{error}");
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn saved_image_takes_the_place_of_a_file_when_it_is_whole() {
    let directory = std::env::temp_dir().join(format!("openocd-save-whole-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let [path, other_name] = ["image.bin", "other name"].map(|name| directory.join(name));
    std::fs::write(&path, "earlier").unwrap();
    std::fs::hard_link(&path, &other_name).unwrap();
    image(&[(0, &[1; 50])]).save(&path, ImageFormat::Bin).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), [1; 50]);
    assert_eq!(std::fs::read(&other_name).unwrap(), b"earlier", "the old file was not written to");
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 2);
    std::fs::remove_dir_all(directory).unwrap();
}
