//! Firmware images that cannot be used.

use std::io;
use std::path::PathBuf;

use crate::image::ImageFormat;

/// A file or a piece of bytes is not a usable firmware image. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file could not be read.
    #[error("cannot read the image {}", path.display())]
    Read {
        /// The path given.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file that was opened has a fault. What it is follows.
    #[error("the image {} is not usable: {problem}", path.display())]
    File {
        /// The path given.
        path: PathBuf,
        /// What is wrong with its contents.
        problem: Box<ImageError>,
    },
    /// The bytes are neither ELF nor Intel HEX nor S-record.
    #[error(
        "the image is neither ELF nor Intel HEX nor S-record; a raw binary needs an address: use `Image::open_bin` or `Image::bin`"
    )]
    UnknownFormat,
    /// A line of an Intel HEX or S-record image is wrong.
    #[error("line {line} of the {format} image {problem}")]
    Record {
        /// Which of the two.
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
    /// Two parts of the image say what is at an address.
    #[error("two segments of the image hold the byte at {address:#010x}")]
    Overlap {
        /// The first address that both hold.
        address: u64,
    },
    /// A part of the image ends beyond the last address there is.
    #[error("a segment of the image of {length:#x} bytes at {address:#x} ends beyond the 64-bit address space")]
    OutOfAddressSpace {
        /// Where it begins.
        address: u64,
        /// Its length in bytes.
        length: u64,
    },
    /// The image holds no byte.
    #[error("the image holds no bytes to load")]
    Empty,
}
