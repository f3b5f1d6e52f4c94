//! UF2 images.

use super::{problem, segments};
use crate::image::{Image, ImageFormat, ImageOptions};

pub(super) const RP2040: u32 = 0xe48b_ff56;
const ABSOLUTE: u32 = 0xe48b_ff57;
const NOT_MAIN_FLASH: u32 = 1;
const CONTAINER: u32 = 0x1000;
const FAMILY: u32 = 0x2000;
const TAGS: u32 = 0x8000;

pub(super) fn block(flags: u32, address: u32, number: u32, count: u32, family: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    let mut block: Vec<u8> = [0x0a32_4655, 0x9e5d_5157, flags, address, length, number, count, family]
        .iter()
        .flat_map(|word: &u32| word.to_le_bytes())
        .collect();
    block.extend(payload);
    block.resize(508, 0);
    block.extend(0x0ab1_6f30_u32.to_le_bytes());
    block
}

fn with_family(number: u32, count: u32, family: u32, payload: &[u8]) -> Vec<u8> {
    block(FAMILY, 0x1000_0000 + 256 * number, number, count, family, payload)
}

#[test]
fn valid_uf2_is_read() {
    let file = [with_family(1, 2, RP2040, &[2; 256]), with_family(0, 2, RP2040, &[1; 256])].concat();
    let image = Image::parse(&file).unwrap();
    assert_eq!((image.format(), image.entry(), image.len()), (ImageFormat::Uf2, None, 512));
    assert_eq!(segments(&image), [(0x1000_0000, [[1; 256], [2; 256]].concat())]);
    // Without a family, the field is the size of a file.
    let image = Image::parse(&block(0, 0x2000, 0, 1, 99, &[7; 476])).unwrap();
    assert_eq!(segments(&image), [(0x2000, vec![7; 476])]);
}

#[test]
fn uf2_block_beside_the_main_flash_is_skipped() {
    let file = [block(0, 0x2000, 0, 2, 0, &[1, 2]), block(NOT_MAIN_FLASH, 0x2000, 1, 2, 0, &[3, 4])].concat();
    assert_eq!(segments(&Image::parse(&file).unwrap()), [(0x2000, vec![1, 2])]);
    assert_eq!(problem(&block(NOT_MAIN_FLASH, 0, 0, 1, 0, &[1])), "the image holds no bytes to load");
}

#[test]
fn uf2_for_several_families_needs_a_choice() {
    let file = [with_family(0, 1, RP2040, &[1]), with_family(0, 1, 0x1234_5678, &[2])].concat();
    assert_eq!(
        problem(&file),
        "the UF2 image is for several families of chips (0x12345678, 0xe48bff56); choose one with \
         `ImageOptions::uf2_family`"
    );
    let choose = |family| Image::parse_with(&file, ImageOptions::new().uf2_family(family));
    assert_eq!(segments(&choose(RP2040).unwrap()), [(0x1000_0000, vec![1])]);
    assert_eq!(
        choose(5).unwrap_err().to_string(),
        "the UF2 image is not for the family 0x00000005 but for 0x12345678, 0xe48bff56"
    );
}

/// The first block that picotool writes for the RP2350 (erratum E10): block 0 of 2, of a family of
/// its own.
#[test]
fn uf2_block_with_the_tag_to_ignore_it_is_ignored() {
    let mut payload = vec![0xef; 256];
    payload.extend(0x9957_e304_u32.to_le_bytes());
    let mut ignored = block(FAMILY | TAGS, 0x10ff_ff00, 0, 2, ABSOLUTE, &payload);
    ignored[16..20].copy_from_slice(&256_u32.to_le_bytes());
    let file = [ignored, with_family(0, 1, 0xe48b_ff59, &[1])].concat();
    assert_eq!(segments(&Image::parse(&file).unwrap()), [(0x1000_0000, vec![1])]);
}

#[test]
fn concatenated_uf2_files_are_one_image() {
    let file = [
        with_family(0, 1, RP2040, &[1]),
        block(FAMILY, 0x1001_0000, 0, 2, RP2040, &[2]),
        block(FAMILY, 0x1001_0001, 1, 2, RP2040, &[3]),
    ]
    .concat();
    assert_eq!(segments(&Image::parse(&file).unwrap()), [(0x1000_0000, vec![1]), (0x1001_0000, vec![2, 3])]);
}

#[test]
fn concatenated_uf2_file_that_was_cut_short_is_refused() {
    let files = |blocks: &[(u32, u32)]| {
        let blocks = blocks.iter().map(|&(number, address)| block(0, address, number, 2, 0, &[7]));
        blocks.collect::<Vec<_>>().concat()
    };
    // Two files with the same count; a block that is repeated is no other file.
    let both = files(&[(0, 0x100), (1, 0x200), (0, 0x300), (1, 0x400), (1, 0x400)]);
    assert_eq!(Image::parse(&both).unwrap().len(), 4);
    let cut = files(&[(0, 0x100), (1, 0x200), (0, 0x300)]);
    assert_eq!(problem(&cut), "block 1 of the UF2 image is missing: the file was cut short");
}

#[test]
fn damaged_uf2_is_refused() {
    let good = block(0, 0x2000, 0, 1, 0, &[1, 2]);
    let with = |offset: usize, value: u32| {
        let mut block = good.clone();
        block[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        problem(&block)
    };
    assert_eq!(problem(&good[..511]), "block 0 of the UF2 image is shorter than 512 bytes: the file was cut short");
    assert_eq!(with(4, 0), "block 0 of the UF2 image lacks a magic number of UF2");
    assert_eq!(with(508, 0), "block 0 of the UF2 image lacks a magic number of UF2");
    assert_eq!(with(16, 477), "block 0 of the UF2 image claims a payload of more than 476 bytes");
    assert_eq!(with(12, u32::MAX), "block 0 of the UF2 image ends beyond the 32-bit address space");
    assert_eq!(with(20, 1), "block 0 of the UF2 image has a number beyond the count of blocks");
    assert_eq!(with(24, 2), "block 1 of the UF2 image is missing: the file was cut short");
    assert_eq!(with(24, u32::MAX), "block 1 of the UF2 image is missing: the file was cut short");
    assert_eq!(with(8, CONTAINER), "block 0 of the UF2 image belongs to a file container, not to an image");
    let second = [good.clone(), vec![0; 512]].concat();
    assert_eq!(problem(&second), "block 1 of the UF2 image lacks a magic number of UF2");
    let gap = [with_family(0, 3, RP2040, &[1]), with_family(2, 3, RP2040, &[2])].concat();
    assert_eq!(problem(&gap), "block 1 of the UF2 image is missing: the file was cut short");
    let conflict = [block(0, 0x2000, 0, 2, 0, &[1, 2]), block(0, 0x2001, 1, 2, 0, &[3])].concat();
    assert_eq!(problem(&conflict), "two segments of the image hold different bytes for 0x00002001");
}
