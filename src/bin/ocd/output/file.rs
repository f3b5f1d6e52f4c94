//! A file that takes what is written while a command runs.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::platform;

/// Creates a file, or empties it. Opening a FIFO would wait for its reader, and no signal would end
/// that.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|file| platform::is_fifo(file.file_type())) {
        let problem = "it is a FIFO; expected a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    File::create(path)
}
