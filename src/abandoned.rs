//! Files of programs that were killed before they could delete them.

use std::fs::{self, DirEntry, Metadata};
use std::path::Path;
use std::time::Duration;

use crate::platform;

/// How old a file is at least that nobody uses any more. No command takes so long.
pub(crate) const ABANDONED_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether a file of this user belongs to a process that has ended, or is old. `is_here` means that
/// the process had its number on this system.
pub(crate) fn is_abandoned(file: &Metadata, pid: u32, is_here: bool) -> bool {
    let is_old = || file.modified().ok().and_then(|at| at.elapsed().ok()).is_some_and(|age| age > ABANDONED_AGE);
    platform::is_own_file(file) && (is_here && platform::is_gone(pid) || is_old())
}

/// Deletes the wanted files whose names begin with `mark`. Links are none.
pub(crate) fn remove_where(directory: &Path, mark: &str, is_wanted: impl Fn(&str, &Metadata) -> bool) {
    let is_wanted = |entry: &DirEntry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Of a link, this is the link.
        name.starts_with(mark)
            && entry.metadata().is_ok_and(|metadata| metadata.is_file() && is_wanted(&name, &metadata))
    };
    for file in fs::read_dir(directory).into_iter().flatten().flatten().filter(is_wanted) {
        let path = file.path();
        match fs::remove_file(&path) {
            Ok(()) => log::debug!("deleted {}, which a program left behind", path.display()),
            Err(error) => log::warn!("cannot delete {}: {error}", path.display()),
        }
    }
}
