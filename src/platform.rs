//! What differs between operating systems: every `cfg` of the library.
//!
//! Linux is tested by the whole suite, Windows under Wine by `.ci/windows`. macOS is compiled by
//! `.ci/macos` and untested; what it does here, all Unix does.

use std::fs::FileType;
use std::io;
use std::process::{Child, Command};

/// Whether an OpenOCD ends when its standard input closes, if it is told to.
///
/// On Unix it can wait for its standard input (both generations). OpenOCD for Windows waits for
/// sockets alone; see [`SharedEnd`].
pub(crate) const OPENOCD_WATCHES_STDIN: bool = cfg!(unix);

/// Whether OpenOCD takes a name for its temporary files.
///
/// Jim Tcl takes a path on Unix, and on Windows three letters at most: there it makes paths that do
/// not exist out of longer names, so it chooses the names itself (seen with 0.12.0 under Wine). The
/// files of an OpenOCD that was killed stay there.
pub(crate) const OPENOCD_TAKES_FILE_NAMES: bool = cfg!(unix);

/// Keeps Ctrl-C for this program, which may have to do something through OpenOCD before the end.
#[cfg(unix)]
pub(crate) fn keep_interrupt_from(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Keeps Ctrl-C for this program, which may have to do something through OpenOCD before the end.
#[cfg(windows)]
pub(crate) fn keep_interrupt_from(command: &mut Command) {
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP);
}

/// What ends OpenOCD together with this program, however that ends. On Unix OpenOCD does it by
/// itself ([`OPENOCD_WATCHES_STDIN`]).
#[cfg(not(windows))]
pub(crate) struct SharedEnd;

#[cfg(not(windows))]
impl SharedEnd {
    #[allow(clippy::unnecessary_wraps, reason = "it can fail on Windows")]
    pub(crate) fn of(_: &Child) -> io::Result<SharedEnd> {
        Ok(SharedEnd)
    }
}

/// A job object: when its last handle is closed, as by the end of this program, Windows ends
/// OpenOCD and what OpenOCD started.
#[cfg(windows)]
pub(crate) struct SharedEnd {
    _job: win32job::Job,
}

#[cfg(windows)]
impl SharedEnd {
    pub(crate) fn of(child: &Child) -> io::Result<SharedEnd> {
        use std::os::windows::io::AsRawHandle;
        let mut limits = win32job::ExtendedLimitInfo::new();
        limits.limit_kill_on_job_close();
        let job = win32job::Job::create_with_limit_info(&limits).map_err(io::Error::other)?;
        job.assign_process(child.as_raw_handle() as isize).map_err(io::Error::other)?;
        Ok(SharedEnd { _job: job })
    }
}

pub(crate) const FIFO: &str = "a FIFO";
pub(crate) const SOCKET: &str = "a socket";

/// What a path names that is neither a regular file nor a directory.
#[cfg(unix)]
pub(crate) fn special_file(kind: FileType) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_fifo() {
        return Some(FIFO);
    }
    if kind.is_char_device() || kind.is_block_device() {
        return Some("a device");
    }
    kind.is_socket().then_some(SOCKET)
}

/// The standard library knows no kinds of files here.
#[cfg(not(unix))]
pub(crate) fn special_file(_: FileType) -> Option<&'static str> {
    None
}

/// Who runs, as far as files of programs that are gone are concerned.
#[cfg(target_os = "linux")]
mod process_numbers {
    use std::fs::{self, Metadata};
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    /// The namespace of process numbers: containers may share a directory of temporary files, but
    /// not these.
    pub(crate) fn pid_namespace() -> String {
        let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        link.to_string_lossy().chars().filter(char::is_ascii_digit).collect()
    }

    /// A number of this machine and of its start: machines may share a directory, but not these.
    pub(crate) fn boot_id() -> String {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        id.chars().filter(char::is_ascii_hexdigit).collect()
    }

    /// Whether no process has this number.
    pub(crate) fn is_gone(pid: u32) -> bool {
        Path::new("/proc/self").exists() && !Path::new("/proc").join(pid.to_string()).exists()
    }

    /// Whether the file belongs to the user of this program.
    pub(crate) fn is_own_file(file: &Metadata) -> bool {
        fs::metadata("/proc/self").is_ok_and(|own| own.uid() == file.uid())
    }
}

#[cfg(target_os = "linux")]
pub(crate) use process_numbers::{boot_id, is_gone, is_own_file, pid_namespace};

#[cfg(not(target_os = "linux"))]
pub(crate) fn pid_namespace() -> String {
    String::new()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn boot_id() -> String {
    String::new()
}

/// The standard library does not tell whether a process exists: a file is abandoned when it is old.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_gone(_: u32) -> bool {
    false
}

/// The directory belongs to the user, or the system lets only the owner delete the file.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_own_file(_: &std::fs::Metadata) -> bool {
    true
}
