//! Opening files of the caller's.

use std::fs::{File, FileType};
use std::io::{self, Write};
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

/// Writes all bytes, as `Write::write_all` does, and counts those that were written also if it fails.
pub(crate) fn write_counted(to: &mut impl Write, bytes: &[u8], written: &mut u64) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match to.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                *written += count as u64;
                rest = rest.get(count..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
