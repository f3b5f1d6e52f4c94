//! Firmware images that cannot be used.

use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use crate::error::text::shown;
use crate::types::{ImageFormat, Symbol};

/// A firmware image is unusable, or lacks a symbol. Nothing was sent to OpenOCD.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file cannot be read.
    #[error("cannot read the image {}: {source}", shown(path))]
    Read {
        /// The path given.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The path names a directory, a device or a FIFO. Nothing was read.
    #[error(
        "the image {} is {kind}; expected a regular file of at most {}",
        shown(path), mebibytes(*limit)
    )]
    NotAFile {
        /// The path given.
        path: PathBuf,
        /// What the path names, such as `a directory`.
        kind: &'static str,
        /// The most bytes that a file may have.
        limit: u64,
    },
    /// The file is larger than any firmware image.
    #[error("the image {} is too large; expected at most {}", shown(path), mebibytes(*limit))]
    TooLarge {
        /// The path given.
        path: PathBuf,
        /// The most bytes that a file may have.
        limit: u64,
    },
    /// The contents of a file are unusable; `problem` says why. [`Error::id`](crate::Error::id) is
    /// that of `problem`, such as `image.unknown_format`.
    #[error("the image {} is not usable: {problem}", shown(path))]
    File {
        /// The path given.
        path: PathBuf,
        /// What is wrong with its contents.
        problem: Box<ImageError>,
    },
    /// The bytes are of no format that is recognised by its contents.
    #[error(
        "the image is neither ELF nor Intel HEX nor S-record nor UF2; a raw binary needs an address: use `Image::open_bin` or `Image::bin`"
    )]
    UnknownFormat,
    /// A text names no image format.
    #[error("unknown image format {name:?}; expected elf, hex, srec, uf2 or bin")]
    UnknownFormatName {
        /// The text given.
        name: String,
    },
    /// A line of an Intel HEX or S-record image is wrong.
    #[error("line {line} of the {format} image {problem}")]
    Record {
        /// Which of the two formats.
        format: ImageFormat,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An ELF file is damaged, or of a kind that holds no program.
    #[error("the ELF image {problem}")]
    Elf {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A block of a UF2 image is wrong or missing.
    #[error("block {block} of the UF2 image {problem}")]
    Uf2 {
        /// The block, counted from 0.
        block: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A UF2 image holds firmware for several families of chips, and none was chosen.
    #[error(
        "the UF2 image is for several families of chips ({}); choose one with `ImageOptions::uf2_family`",
        families_list(families)
    )]
    SeveralUf2Families {
        /// The families in the file. Blocks may also name none.
        families: Vec<u32>,
    },
    /// A UF2 image holds nothing for the family that was chosen.
    #[error("the UF2 image is not for the family {wanted:#010x} but for {}", families_list(families))]
    NoUf2Family {
        /// The family chosen.
        wanted: u32,
        /// The families in the file.
        families: Vec<u32>,
    },
    /// Two parts of the image hold different bytes for one address.
    #[error("two segments of the image hold different bytes for {address:#010x}")]
    Overlap {
        /// The first address where they differ.
        address: u64,
    },
    /// Two images that are to become one hold different bytes for one address.
    #[error(
        "images {} and {} hold different bytes for {address:#010x}: {:#04x} and {:#04x}",
        images.0, images.1, bytes.0, bytes.1
    )]
    Conflict {
        /// The first address where they differ.
        address: u64,
        /// The two images, counted from 0 in the order given.
        images: (usize, usize),
        /// The byte of each.
        bytes: (u8, u8),
    },
    /// A range that is to be filled, or the file that is to be written, is larger than any image.
    #[error("{length:#x} bytes are too many for an image; expected at most {}", mebibytes(*limit))]
    TooSparse {
        /// The length in bytes.
        length: u64,
        /// The most bytes.
        limit: u64,
    },
    /// The format cannot be written, or has no room for an address of the image.
    #[error(
        "an image cannot be saved as {format}{}",
        address.map(|address| format!(": the address {address:#x} exceeds 32 bits")).unwrap_or_default()
    )]
    CannotSave {
        /// The format.
        format: ImageFormat,
        /// The address, if that is the cause.
        address: Option<u64>,
    },
    /// The file cannot be written.
    #[error("cannot write the image {}: {source}", shown(path))]
    Write {
        /// The path given.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A part of the image ends beyond the last address.
    #[error("a segment of the image of {length:#x} bytes at {address:#x} ends beyond the 64-bit address space")]
    OutOfAddressSpace {
        /// The address of its first byte.
        address: u64,
        /// Its length in bytes.
        length: u64,
    },
    /// Moved by this offset, a part of the image would have no address.
    #[error(
        "a segment of the image of {length:#x} bytes at {address:#x} cannot be moved by {}: it would begin outside of the 64-bit address space",
        signed_hex(*offset)
    )]
    CannotMove {
        /// The present address of its first byte.
        address: u64,
        /// Its length in bytes.
        length: u64,
        /// The offset given.
        offset: i64,
    },
    /// The range of addresses ends before it begins.
    #[error("the range {start:#010x}..{end:#010x} ends before it begins")]
    ReversedRange {
        /// Its first address.
        start: u64,
        /// The address behind it.
        end: u64,
    },
    /// The image holds no byte.
    #[error("the image holds no bytes to load")]
    Empty,
    /// The image has no symbol table.
    #[error("the {format} image has no symbols{}", no_symbols_reason(*format))]
    NoSymbols {
        /// The format of the image.
        format: ImageFormat,
    },
    /// No symbol has this name.
    #[error("the image has no symbol {name:?}{}", or_near(name, near))]
    UnknownSymbol {
        /// The name given.
        name: String,
        /// Similar names that exist, the most similar first.
        near: Vec<String>,
    },
    /// Several symbols at different addresses have this name.
    #[error("the symbol {name:?} is ambiguous: {}", candidates_list(candidates))]
    AmbiguousSymbol {
        /// The name given.
        name: String,
        /// The symbols that have the name.
        candidates: Vec<Symbol>,
    },
}

impl ImageError {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            ImageError::Read { .. } => "image.read",
            ImageError::NotAFile { .. } => "image.not_a_file",
            ImageError::TooLarge { .. } => "image.too_large",
            ImageError::File { problem, .. } => problem.id(),
            ImageError::UnknownFormat => "image.unknown_format",
            ImageError::UnknownFormatName { .. } => "image.unknown_format_name",
            ImageError::Record { .. } => "image.record",
            ImageError::Elf { .. } => "image.elf",
            ImageError::Uf2 { .. } => "image.uf2",
            ImageError::SeveralUf2Families { .. } => "image.several_uf2_families",
            ImageError::NoUf2Family { .. } => "image.no_uf2_family",
            ImageError::Overlap { .. } => "image.overlap",
            ImageError::Conflict { .. } => "image.conflict",
            ImageError::TooSparse { .. } => "image.too_sparse",
            ImageError::CannotSave { .. } => "image.cannot_save",
            ImageError::Write { .. } => "image.write",
            ImageError::OutOfAddressSpace { .. } => "image.out_of_address_space",
            ImageError::CannotMove { .. } => "image.cannot_move",
            ImageError::ReversedRange { .. } => "image.reversed_range",
            ImageError::Empty => "image.empty",
            ImageError::NoSymbols { .. } => "image.no_symbols",
            ImageError::UnknownSymbol { .. } => "image.unknown_symbol",
            ImageError::AmbiguousSymbol { .. } => "image.ambiguous_symbol",
        }
    }
}

/// `-0x10`
fn signed_hex(number: i64) -> String {
    format!("{}{:#x}", if number < 0 { "-" } else { "" }, number.unsigned_abs())
}

/// How many candidates a text lists.
const LISTED: usize = 8;

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn families_list(families: &[u32]) -> String {
    match families {
        [] => "no family".to_owned(),
        families => join(families.iter().map(|family| format!("{family:#010x}")), families.len()),
    }
}

fn candidates_list(candidates: &[Symbol]) -> String {
    join(candidates.iter().map(Symbol::to_string), candidates.len())
}

fn join(items: impl Iterator<Item = String>, count: usize) -> String {
    let mut text = items.take(LISTED).collect::<Vec<_>>().join(", ");
    if count > LISTED {
        let _ = write!(text, " and {} more", count - LISTED);
    }
    text
}

fn no_symbols_reason(format: ImageFormat) -> &'static str {
    if format == ImageFormat::Elf { ": the file was stripped" } else { ": only ELF files have symbols" }
}

fn or_near(name: &str, near: &[String]) -> String {
    let mut text = String::new();
    if !near.is_empty() {
        let near: Vec<_> = near.iter().map(|name| name.escape_debug().to_string()).collect();
        let _ = write!(text, "; near: {}", near.join(", "));
    }
    if cfg!(not(feature = "demangle")) && name.contains("::") {
        text.push_str("; names of Rust and C++ sources need the feature `demangle`");
    }
    text
}
