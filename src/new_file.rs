//! A file that appears when it is complete.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::file_kind;
use crate::platform::{FIFO, SOCKET};

/// A file under a name of its own, which [`complete`](Self::complete) renames. Without that it is
/// removed.
pub(crate) struct NewFile {
    file: File,
    /// `None` for a device, and for a file that has its name.
    own: Option<PathBuf>,
    path: PathBuf,
}

impl NewFile {
    /// Creates a file in the directory of `path`: a file is renamed in one step only within a file
    /// system. A device or a FIFO is refused: renaming would put a file in its place.
    pub(crate) fn beside(path: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // The file that a symbolic link names is replaced, and not the link.
        let path = &fs::canonicalize(path).or_else(|_| named_by_link(path)).unwrap_or_else(|_| path.to_owned());
        // A rename would put the new file in the place of a device.
        if let Some(kind) = fs::metadata(path).ok().map(|file| file.file_type()).filter(|kind| !kind.is_file()) {
            let problem = format!("it is {}; expected a regular file", file_kind::describe(kind));
            let kind = if kind.is_dir() { io::ErrorKind::IsADirectory } else { io::ErrorKind::InvalidInput };
            return Err(io::Error::new(kind, problem));
        }
        if path.file_name().is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
        }
        let old = fs::metadata(path).ok();
        if old.is_some() {
            // A file that may not be written is not replaced.
            OpenOptions::new().write(true).open(path)?;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Not longer than the file's own name needs to be.
        let own = path.with_file_name(format!(".{}.{number}.part", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).open(&own)?;
        let new = NewFile { file, own: Some(own), path: path.to_owned() };
        if let Some(old) = old {
            // Whoever may not read the old file may not read the new one.
            new.file.set_permissions(old.permissions())?;
        }
        Ok(new)
    }

    /// The same, but a device is written as it is. Opening a FIFO would wait for its reader.
    pub(crate) fn beside_or_into(path: &Path) -> io::Result<Self> {
        let is_device = |file: &fs::Metadata| {
            !file.is_file() && !file.is_dir() && !matches!(file_kind::describe(file.file_type()), FIFO | SOCKET)
        };
        if fs::metadata(path).is_ok_and(|file| is_device(&file)) {
            return Ok(NewFile { file: OpenOptions::new().write(true).open(path)?, own: None, path: path.to_owned() });
        }
        Self::beside(path)
    }

    pub(crate) fn writer(&self) -> &File {
        &self.file
    }

    /// Gives the file its name, in place of a file that has it already.
    pub(crate) fn complete(&mut self) -> io::Result<()> {
        if let Some(own) = &self.own {
            // Otherwise a power failure could leave the name without the contents.
            self.file.sync_all()?;
            fs::rename(own, &self.path)?;
            self.own = None;
        }
        Ok(())
    }
}

/// The file that a symbolic link names which is not there yet.
fn named_by_link(link: &Path) -> io::Result<PathBuf> {
    let file = fs::read_link(link)?;
    Ok(link.parent().map_or_else(|| file.clone(), |folder| folder.join(&file)))
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            if let Err(error) = fs::remove_file(own) {
                log::warn!("cannot remove {}: {error}", own.display());
            }
        }
    }
}
