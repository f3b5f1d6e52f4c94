//! Opening files of the caller's.

use std::fs::{File, FileType};
use std::io;
use std::path::Path;

/// Opens a regular file. Opening a FIFO would wait for its writer, and a device may have no end.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let kind = std::fs::metadata(path)?.file_type();
    if !kind.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("it is {}; expected a regular file", describe(kind)),
        ));
    }
    File::open(path)
}

/// What a path names that is no regular file.
pub(crate) fn describe(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a FIFO";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    if kind.is_dir() { "a directory" } else { "a special file" }
}
