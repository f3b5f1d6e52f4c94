//! Reading image files, bounded.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::ImageError;
use crate::file_kind::describe;

/// The largest file that is read, in bytes. ELF files with debug information are the largest
/// images.
pub(super) const LIMIT: u64 = 256 << 20;

/// Reads a regular file of at most [`LIMIT`] bytes.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ImageError> {
    let failed = |source: io::Error| ImageError::Read { path: path.to_owned(), source };
    let too_large = || ImageError::TooLarge { path: path.to_owned(), limit: LIMIT };
    // Before the file is opened: opening a FIFO waits for a writer.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(ImageError::NotAFile { path: path.to_owned(), kind: describe(metadata.file_type()), limit: LIMIT });
    }
    if metadata.len() > LIMIT {
        return Err(too_large());
    }
    let mut contents = Vec::new();
    // The file may grow while it is read, and files of pseudo file systems claim a length of 0.
    File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut contents)).map_err(failed)?;
    if contents.len() as u64 > LIMIT { Err(too_large()) } else { Ok(contents) }
}
