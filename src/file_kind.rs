//! Opening files of the caller's.

use std::fs::{File, FileType};
use std::io;
use std::path::Path;

/// Opens a file to read it. Opening a FIFO would wait for its writer.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    match describe(std::fs::metadata(path)?.file_type()) {
        kind @ (FIFO | SOCKET) => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {kind}; expected a regular file")))
        }
        _ => File::open(path),
    }
}

const FIFO: &str = "a FIFO";
const SOCKET: &str = "a socket";

/// What a path names, if it is no regular file.
pub(crate) fn describe(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return FIFO;
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
        if kind.is_socket() {
            return SOCKET;
        }
    }
    if kind.is_dir() { "a directory" } else { "a special file" }
}
