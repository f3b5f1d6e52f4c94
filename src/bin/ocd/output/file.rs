//! A file that takes data: it has its name only when it is whole.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};

/// A file under another name until [`finish`](Self::finish). What is not finished is removed.
///
/// Devices, FIFOs and links are written as they are.
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
            _ => {
                let mut name = path.as_os_str().to_owned();
                name.push(format!(".{}.part", std::process::id()));
                Some(PathBuf::from(name))
            }
        };
        let file = File::create(part.as_deref().unwrap_or(path));
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
