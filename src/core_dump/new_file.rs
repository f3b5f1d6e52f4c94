//! A file that appears when it is complete.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::file_kind;

/// A file under a name of its own, which [`complete`](Self::complete) renames. Without that it is
/// removed.
pub(super) struct NewFile {
    file: File,
    own: PathBuf,
    path: PathBuf,
    is_complete: bool,
}

impl NewFile {
    /// Creates a file in the directory of `path`: a file is renamed in one step only within a file
    /// system. A device or a FIFO is refused: renaming would put a file in its place.
    pub(super) fn beside(path: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // The file that a symbolic link names is replaced, and not the link.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        // A rename would put the new file in the place of a device.
        if let Some(kind) = fs::metadata(path).ok().map(|file| file.file_type()).filter(|kind| !kind.is_file()) {
            let problem = format!("it is {}; expected a regular file", file_kind::describe(kind));
            let kind = if kind.is_dir() { io::ErrorKind::IsADirectory } else { io::ErrorKind::InvalidInput };
            return Err(io::Error::new(kind, problem));
        }
        let name =
            path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut own = std::ffi::OsString::from(".");
        own.push(name);
        own.push(format!(".{}.{number}.part", std::process::id()));
        let own = path.with_file_name(own);
        let file = OpenOptions::new().write(true).create_new(true).open(&own)?;
        Ok(NewFile { file, own, path: path.to_owned(), is_complete: false })
    }

    pub(super) fn writer(&self) -> &File {
        &self.file
    }

    /// Gives the file its name, in place of a file that has it already.
    pub(super) fn complete(&mut self) -> io::Result<()> {
        // Otherwise a power failure could leave the name without the contents.
        self.file.sync_all()?;
        fs::rename(&self.own, &self.path)?;
        self.is_complete = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_complete {
            if let Err(error) = fs::remove_file(&self.own) {
                log::warn!("cannot remove {}: {error}", self.own.display());
            }
        }
    }
}
