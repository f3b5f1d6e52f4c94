//! A file that takes data: it has its name only when it is whole.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// What the names of files begin and end with that are not whole, as those of the library:
/// `.openocd-rs-PID-NAMESPACE-BOOT-NUMBER.part`. Each of the two removes what the other one left.
const MARK: &str = ".openocd-rs-";
const END: &str = ".part";

/// How old a file is at least that nobody writes any more.
const ABANDONED_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// A name for a file that is not whole.
fn part_name() -> String {
    let pid = std::process::id();
    // A process that left a file behind may have had the same number.
    format!("{MARK}{pid}-{}-{:016x}{END}", platform::process_space(), RandomState::new().hash_one(pid))
}

/// The process that a file belongs to, and where that is its number.
fn owner(name: &str) -> Option<(u32, &str)> {
    let (rest, number) = name.strip_prefix(MARK)?.strip_suffix(END)?.rsplit_once('-')?;
    let (pid, space) = rest.split_once('-')?;
    let is_ours = number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_space = space.split('-').count() == 2;
    (is_ours && is_space).then_some((pid.parse().ok()?, space))
}

/// Removes the files of programs that were killed before a file was whole.
fn remove_abandoned(folder: &Path) {
    let space = platform::process_space();
    let is_abandoned = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let Some((pid, its_space)) = name.to_str().and_then(owner) else { return false };
        // Of a link, this is the link.
        let Ok(file) = entry.metadata() else { return false };
        let is_old = || file.modified().ok().and_then(|at| at.elapsed().ok()).is_some_and(|age| age > ABANDONED_AGE);
        let is_gone = || its_space == space && platform::is_gone(pid);
        file.is_file() && platform::is_own_file(&file) && (is_gone() || is_old())
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().filter(is_abandoned) {
        // Another program may be faster.
        let _ = fs::remove_file(entry.path());
    }
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
            _ => Some(path.with_file_name(part_name())),
        };
        if let Some(folder) = part.as_deref().and_then(Path::parent) {
            remove_abandoned(if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_owner() {
        let name = part_name();
        assert_eq!(owner(&name), Some((std::process::id(), &*platform::process_space())));
        for other in ["notes", ".123.0.part", &name.replace(END, ""), &format!("x{name}"), &name.replace(MARK, ".")] {
            assert_eq!(owner(other), None, "{other}");
        }
    }
}
