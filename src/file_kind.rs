//! Opening files of the caller's.

use std::fs::{File, FileType};
use std::io;
use std::path::Path;

use crate::platform::{self, FIFO, SOCKET};

/// Opens a file to read it. Opening a FIFO would wait for its writer.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    match describe(std::fs::metadata(path)?.file_type()) {
        kind @ (FIFO | SOCKET) => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {kind}; expected a regular file")))
        }
        _ => File::open(path),
    }
}

/// What a path names, if it is no regular file.
pub(crate) fn describe(kind: FileType) -> &'static str {
    match platform::special_file(kind) {
        Some(kind) => kind,
        None if kind.is_dir() => "a directory",
        None => "a special file",
    }
}
