//! UF2, Microsoft's USB Flashing Format: blocks of 512 bytes, each with its own target address.
//!
//! ```text
//!   0 magic  4 magic  8 flags  12 address  16 payload length  20 block number  24 block count  28 family
//!   32 payload of up to 476 bytes, then extension tags  508 magic; all little-endian
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::segment::Contents;
use crate::error::ImageError;

pub(super) const MAGIC: &[u8] = b"UF2\n";

const SECOND_MAGIC: u32 = 0x9e5d_5157;
const END_MAGIC: u32 = 0x0ab1_6f30;
const BLOCK_BYTES: usize = 512;
const HEADER_BYTES: usize = 32;
const PAYLOAD_BYTES: usize = 476;

const NOT_MAIN_FLASH: u32 = 0x1;
const FILE_CONTAINER: u32 = 0x1000;
const HAS_FAMILY: u32 = 0x2000;
const HAS_TAGS: u32 = 0x8000;

/// A tag of four bytes in all: picotool marks blocks with it that the RP2350 needs (erratum E10)
/// and every other reader must ignore.
const IGNORE_BLOCK_TAG: u32 = 0x9957_e304;

#[derive(Clone, Copy)]
struct Block<'a> {
    flags: u32,
    address: u32,
    number: u32,
    count: u32,
    /// The family of chips, or `None` where the block names none.
    family: Option<u32>,
    payload: &'a [u8],
    tags: &'a [u8],
}

pub(super) fn read(contents: &[u8], wanted: Option<u32>) -> Result<Contents, ImageError> {
    let blocks = read_blocks(contents)?;
    let family = choose_family(&blocks, wanted)?;
    let mut image = Contents::default();
    // Files of one family may be concatenated. Each has a count, perhaps that of another one, and a
    // block of every number below it. A block may be repeated.
    let mut seen: BTreeMap<u32, BTreeMap<u32, BTreeSet<u32>>> = BTreeMap::new();
    for block in blocks.iter().filter(|block| block.family == family) {
        seen.entry(block.count).or_default().entry(block.number).or_default().insert(block.address);
        if block.flags & NOT_MAIN_FLASH == 0 {
            image.push(u64::from(block.address), block.payload);
        }
    }
    for (count, numbers) in seen {
        let files = numbers.values().map(BTreeSet::len).max();
        let missing = (0..count).find(|number| numbers.get(number).map(BTreeSet::len) != files);
        if let Some(block) = missing {
            return Err(wrong(block.into(), "is missing: the file was cut short"));
        }
    }
    Ok(image)
}

fn read_blocks(contents: &[u8]) -> Result<Vec<Block<'_>>, ImageError> {
    let mut blocks = Vec::new();
    for (index, bytes) in (0_u64..).zip(contents.chunks(BLOCK_BYTES)) {
        let block = read_block(bytes).map_err(|problem| wrong(index, problem))?;
        if !is_ignored(block.tags) {
            blocks.push(block);
        }
    }
    Ok(blocks)
}

fn read_block(bytes: &[u8]) -> Result<Block<'_>, &'static str> {
    if bytes.len() != BLOCK_BYTES {
        return Err("is shorter than 512 bytes: the file was cut short");
    }
    let word = |offset: usize| little_endian(&bytes[offset..]);
    if !bytes.starts_with(MAGIC) || word(4) != SECOND_MAGIC || word(BLOCK_BYTES - 4) != END_MAGIC {
        return Err("lacks a magic number of UF2");
    }
    let flags = word(8);
    if flags & FILE_CONTAINER != 0 {
        return Err("belongs to a file container, not to an image");
    }
    let length = usize::try_from(word(16)).unwrap_or(usize::MAX);
    if length > PAYLOAD_BYTES {
        return Err("claims a payload of more than 476 bytes");
    }
    let (number, count) = (word(20), word(24));
    if number >= count {
        return Err("has a number beyond the count of blocks");
    }
    let (payload, rest) = bytes[HEADER_BYTES..BLOCK_BYTES - 4].split_at(length);
    let address = word(12);
    if u64::from(address) + payload.len() as u64 > 1 << 32 {
        return Err("ends beyond the 32-bit address space");
    }
    let family = (flags & HAS_FAMILY != 0).then(|| word(28));
    let tags = if flags & HAS_TAGS == 0 { &[] } else { &rest[(4 - length % 4) % 4..] };
    Ok(Block { flags, address, number, count, family, payload, tags })
}

/// Looks for the tag that tells readers to ignore the block. Each tag begins with its length,
/// itself included.
fn is_ignored(mut tags: &[u8]) -> bool {
    while tags.len() >= 4 {
        let length = usize::from(tags[0]);
        if length < 4 {
            return false;
        }
        if little_endian(tags) == IGNORE_BLOCK_TAG {
            return true;
        }
        // Tags are aligned to 4 bytes.
        tags = tags.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

fn choose_family(blocks: &[Block<'_>], wanted: Option<u32>) -> Result<Option<u32>, ImageError> {
    let mut families: Vec<_> = blocks.iter().map(|block| block.family).collect();
    families.sort_unstable();
    families.dedup();
    let named = || families.iter().flatten().copied().collect();
    match (wanted, families.as_slice()) {
        (Some(wanted), families) if families.contains(&Some(wanted)) => Ok(Some(wanted)),
        (Some(wanted), _) => Err(ImageError::NoUf2Family { wanted, families: named() }),
        (None, []) => Err(ImageError::Empty),
        (None, [family]) => Ok(*family),
        (None, _) => Err(ImageError::SeveralUf2Families { families: named() }),
    }
}

fn wrong(block: u64, problem: &'static str) -> ImageError {
    ImageError::Uf2 { block, problem }
}

fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |value, &byte| value << 8 | u32::from(byte))
}

/// Payload of the blocks that are written: what bootloaders take.
const WRITTEN_BYTES: u32 = 256;

/// Writes segments, which are in order, as a file. A block begins at a multiple of its length, and
/// bytes of a block that no segment holds are 0xff.
pub(super) fn write(segments: &[(u32, &[u8])], family: Option<u32>) -> Vec<u8> {
    let mut blocks: BTreeMap<u32, [u8; WRITTEN_BYTES as usize]> = BTreeMap::new();
    for (address, data) in segments {
        for (address, byte) in (u64::from(*address)..).zip(*data) {
            // The addresses have 32 bits.
            let address = u32::try_from(address).unwrap_or(u32::MAX);
            let block = blocks.entry(address & !(WRITTEN_BYTES - 1)).or_insert([0xff; WRITTEN_BYTES as usize]);
            block[(address % WRITTEN_BYTES) as usize] = *byte;
        }
    }
    let count = u32::try_from(blocks.len()).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(blocks.len() * BLOCK_BYTES);
    for (number, (address, payload)) in (0_u32..).zip(blocks) {
        let flags = if family.is_some() { HAS_FAMILY } else { 0 };
        file.extend_from_slice(MAGIC);
        for word in [SECOND_MAGIC, flags, address, WRITTEN_BYTES, number, count, family.unwrap_or(0)] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(&payload);
        file.resize(file.len() + PAYLOAD_BYTES - payload.len(), 0);
        file.extend_from_slice(&END_MAGIC.to_le_bytes());
    }
    file
}
