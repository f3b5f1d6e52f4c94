//! A file that takes data: it has its name only when it is whole.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};
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

/// A file under another name until [`finish`](Self::finish). What is not finished is removed.
///
/// Devices and links are written as they are.
pub(crate) struct OutputFile {
    path: PathBuf,
    part: Option<PathBuf>,
    file: File,
}

impl OutputFile {
    /// Opens the file before the data is there: a folder that cannot be written comes to light at
    /// once.
    pub(crate) fn create(path: &Path) -> Outcome<OutputFile> {
        let part = match fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.is_file() => None,
            _ => Some(path.with_file_name(format!(".{}.part", std::process::id()))),
        };
        let file = create(part.as_deref().unwrap_or(path)).and_then(|file| {
            if let Some(old) = fs::metadata(path).ok().filter(|old| part.is_some() && old.is_file()) {
                // A file that may not be written is not replaced, and whoever may not read the old
                // one may not read the new one.
                fs::OpenOptions::new().write(true).open(path)?;
                file.set_permissions(old.permissions())?;
            }
            Ok(file)
        });
        let file = file.map_err(|error| Failure::file("write", path, &error))?;
        Ok(OutputFile { path: path.to_owned(), part, file })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.file.write_all(bytes).map_err(|error| Failure::file("write", &self.path, &error))
    }

    /// Gives the file its name.
    pub(crate) fn finish(mut self) -> Outcome<()> {
        let Some(part) = &self.part else { return Ok(()) };
        fs::rename(part, &self.path).map_err(|error| Failure::file("write", &self.path, &error))?;
        self.part = None;
        Ok(())
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            // It may be gone already.
            let _ = fs::remove_file(part);
        }
    }
}
