//! Files below one directory, for the firmware's calls.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Error, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

/// The first handle of a file.
const FIRST_HANDLE: u64 = 0x7f01_0000;

/// Most files that are open at a time.
const OPEN_FILES: usize = 64;

/// The files of a directory. Nothing outside of it can be reached.
#[derive(Debug)]
pub(crate) struct Files {
    /// Without symbolic links.
    root: PathBuf,
    open: BTreeMap<u64, File>,
}

impl Files {
    pub(crate) fn below(directory: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(directory)?;
        if !root.is_dir() {
            return Err(Error::new(ErrorKind::NotADirectory, "not a directory"));
        }
        Ok(Files { root, open: BTreeMap::new() })
    }

    /// Opens a file in a mode of the specification, which are those of `fopen` in this order: r,
    /// rb, r+, r+b, w, and so on. `None` if the name leads out of the directory.
    pub(super) fn open(&mut self, name: &[u8], mode: u64) -> Option<io::Result<u64>> {
        let path = self.path(name)?;
        let updates = mode & 2 != 0;
        let mut options = OpenOptions::new();
        match mode / 4 {
            0 => options.read(true).write(updates),
            1 => options.write(true).read(updates).create(true).truncate(true),
            _ => options.append(true).read(updates).create(true),
        };
        Some(self.open_path(&path, &options))
    }

    fn open_path(&mut self, path: &Path, options: &OpenOptions) -> io::Result<u64> {
        if self.open.len() >= OPEN_FILES {
            return Err(Error::from(ErrorKind::QuotaExceeded));
        }
        // To open a pipe or a device could wait for ever.
        if path.exists() && !path.is_file() {
            return Err(Error::from(ErrorKind::InvalidInput));
        }
        let file = options.open(path)?;
        let handle = (FIRST_HANDLE..=FIRST_HANDLE + OPEN_FILES as u64)
            .find(|handle| !self.open.contains_key(handle))
            .unwrap_or(FIRST_HANDLE);
        self.open.insert(handle, file);
        Ok(handle)
    }

    pub(super) fn close(&mut self, handle: u64) -> io::Result<()> {
        self.open.remove(&handle).map(drop).ok_or_else(no_file)
    }

    pub(super) fn length(&self, handle: u64) -> io::Result<u64> {
        Ok(self.open.get(&handle).ok_or_else(no_file)?.metadata()?.len())
    }

    pub(super) fn seek(&mut self, handle: u64, position: u64) -> io::Result<()> {
        self.file(handle)?.seek(SeekFrom::Start(position)).map(drop)
    }

    /// Reads up to `limit` bytes. Fewer are the end of the file.
    pub(super) fn read(&mut self, handle: u64, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file(handle)?.take(limit as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn write(&mut self, handle: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(handle)?.write_all(bytes)
    }

    /// `None` if the name leads out of the directory.
    pub(super) fn remove(&self, name: &[u8]) -> Option<io::Result<()>> {
        self.path(name).map(fs::remove_file)
    }

    /// `None` if a name leads out of the directory.
    pub(super) fn rename(&self, from: &[u8], to: &[u8]) -> Option<io::Result<()>> {
        Some(fs::rename(self.path(from)?, self.path(to)?))
    }

    fn file(&mut self, handle: u64) -> io::Result<&mut File> {
        self.open.get_mut(&handle).ok_or_else(no_file)
    }

    /// The path of a name, `None` if it leads out of the directory: an absolute name, a name with
    /// `..`, or a symbolic link on the way. The firmware cannot make links itself.
    fn path(&self, name: &[u8]) -> Option<PathBuf> {
        let name = Path::new(std::str::from_utf8(name).ok()?);
        let mut path = self.root.clone();
        let mut has_name = false;
        for component in name.components() {
            match component {
                Component::CurDir => {}
                Component::Normal(part) => {
                    path.push(part);
                    has_name = true;
                    if path.is_symlink() {
                        return None;
                    }
                }
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        has_name.then_some(path)
    }
}

fn no_file() -> Error {
    // EBADF
    Error::from_raw_os_error(9)
}
