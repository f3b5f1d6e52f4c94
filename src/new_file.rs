//! A file that appears when it is complete.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use crate::abandoned::{is_abandoned, remove_where};
use crate::platform::{FIFO, SOCKET};
use crate::{file_kind, platform};

/// What the names of files begin and end with that are not complete:
/// `.openocd-rs-PID-NAMESPACE-BOOT-NUMBER.part`. A directory may be shared by containers and by
/// machines.
const MARK: &str = ".openocd-rs-";
const END: &str = ".part";

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
        // A rename would put the new file in the place of a device. A link such as /dev/stdout may
        // lead to what has no path.
        if let Some(kind) = fs::metadata(path).ok().map(|file| file.file_type()).filter(|kind| !kind.is_file()) {
            let problem = format!("it is {}; expected a regular file", file_kind::describe(kind));
            let kind = if kind.is_dir() { io::ErrorKind::IsADirectory } else { io::ErrorKind::InvalidInput };
            return Err(io::Error::new(kind, problem));
        }
        // The file that a symbolic link names is replaced, and not the link.
        let path = &fs::canonicalize(path).or_else(|_| end_of_links(path))?;
        if path.file_name().is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
        }
        let old = fs::metadata(path).ok();
        if old.is_some() {
            // A file that may not be written is not replaced.
            OpenOptions::new().write(true).open(path)?;
        }
        let own = path.with_file_name(name());
        remove_abandoned_beside(&own);
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

/// A name of its own for a file that is not complete.
fn name() -> String {
    let (pid, namespace, boot) = (std::process::id(), platform::pid_namespace(), platform::boot_id());
    // A process that left a file behind may have had the same number.
    format!("{MARK}{pid}-{namespace}-{boot}-{:016x}{END}", RandomState::new().hash_one(pid))
}

/// The process that a file belongs to, and where that is its number: namespace and boot.
fn owner(name: &str) -> Option<(u32, (&str, &str))> {
    let mut parts = name.strip_prefix(MARK)?.strip_suffix(END)?.split('-');
    let (pid, namespace, boot, number) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_ours = number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit()) && parts.next().is_none();
    is_ours.then_some((pid.parse().ok()?, (namespace, boot)))
}

/// Deletes the files in the directory of `own` that programs left behind which were killed.
fn remove_abandoned_beside(own: &Path) {
    let directory = own.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (namespace, boot) = (platform::pid_namespace(), platform::boot_id());
    remove_where(directory, MARK, |name, file| {
        owner(name).is_some_and(|(pid, space)| is_abandoned(file, pid, space == (&namespace, &boot)))
    });
}

/// The most symbolic links that are followed, as by Linux.
const MOST_LINKS: usize = 40;

/// The file that is not there yet, and which symbolic links may name, one after the other.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(file) = fs::read_link(&path) else { return Ok(path) };
        path = path.parent().map_or_else(|| file.clone(), |folder| folder.join(&file));
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "too many symbolic links"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn only_files_of_processes_that_are_gone_are_removed() {
        use crate::abandoned::ABANDONED_AGE;
        let directory = std::env::temp_dir().join(format!("openocd new file {}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (ns, boot, number) = (platform::pid_namespace(), platform::boot_id(), "0123456789abcdef");
        // Above the highest that Linux gives (`/proc/sys/kernel/pid_max`).
        let gone = 1 << 30;
        let own = std::process::id();
        let file = |name: String, is_old: bool| {
            let file = File::create(directory.join(&name)).unwrap();
            let age = if is_old { 2 * ABANDONED_AGE } else { std::time::Duration::ZERO };
            file.set_modified(std::time::SystemTime::now() - age).unwrap();
            name
        };
        let abandoned = [
            file(format!("{MARK}{gone}-{ns}-{boot}-{number}{END}"), false),
            file(format!("{MARK}{gone}-{ns}-2{boot}-{number}{END}"), true),
        ];
        let others = [
            file(format!("{MARK}{own}-{ns}-{boot}-{number}{END}"), false),
            file(format!("{MARK}{gone}-1{ns}-{boot}-{number}{END}"), false),
            file(format!("{MARK}{gone}-{ns}-1{boot}-{number}{END}"), false),
            file(format!("{MARK}{gone}-{ns}-{boot}-{number}0{END}"), true),
            file(format!("{MARK}{gone}-{ns}-{boot}-{number}-1{END}"), true),
            file(format!("{MARK}{gone}-{ns}-{boot}-{number}"), true),
            file(format!("{MARK}notes{END}"), true),
            file(format!(".{gone}.0{END}"), true),
        ];
        let mut new = NewFile::beside(&directory.join("new")).unwrap();
        assert_eq!(abandoned.map(|name| directory.join(name).exists()), [false; 2]);
        assert_eq!(others.map(|name| directory.join(name).exists()), [true; 8]);
        new.complete().unwrap();
        assert!(directory.join("new").exists());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn names_tell_their_owner() {
        let name = name();
        let space = (&*platform::pid_namespace(), &*platform::boot_id());
        assert_eq!(owner(&name), Some((std::process::id(), space)));
    }
}
