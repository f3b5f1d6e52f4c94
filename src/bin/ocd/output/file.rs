//! Files that are opened before OpenOCD is: one that takes what is written while a command runs,
//! and one that another program reads.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::failure::{Failure, Outcome};
use crate::platform;

/// Creates a file, or empties it.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    refuse_fifo(path)?;
    File::create(path)
}

/// Fails unless a file can be read.
pub(crate) fn check_readable(path: &Path) -> Outcome<()> {
    let opened = refuse_fifo(path).and_then(|()| File::open(path));
    opened.map(drop).map_err(|error| Failure::file("read", path, &error))
}

/// Opening a FIFO waits for its other end, and no signal ends that.
fn refuse_fifo(path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|file| platform::is_fifo(file.file_type())) {
        let problem = "it is a FIFO; expected a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    Ok(())
}
