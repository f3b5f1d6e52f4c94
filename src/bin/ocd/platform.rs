//! What differs between operating systems: every `cfg` of the tool.
//!
//! Linux is tested through the real binary, Windows under Wine by `.ci/windows`, where a Ctrl-C and
//! the `gdb` command are untested. macOS is compiled by `.ci/macos` and untested.

use std::ffi::c_int;

/// A file that swallows what is written to it.
pub(crate) const NULL_DEVICE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// The signals that end a command in order. Windows has no closed terminal.
pub(crate) const ENDING_SIGNALS: &[c_int] = &[
    signal_hook::consts::SIGINT,
    signal_hook::consts::SIGTERM,
    #[cfg(unix)]
    signal_hook::consts::SIGHUP,
];

/// Whether `wait_for_input` waits.
pub(crate) const WAITS_FOR_INPUT: bool = cfg!(unix);

/// Where this program prints.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Output,
    Error,
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::fs::FileType;
    use std::io;
    use std::os::fd::AsFd as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::process::{Child, ExitStatus};
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::signal::{Signal, kill};
    use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};

    use super::Stream;

    /// The mode before anything was changed.
    static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

    /// Keeps the terminal's mode, before a line editor changes it.
    pub(crate) fn save_terminal() {
        if let Ok(mode) = tcgetattr(io::stdin()) {
            SAVED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(mode);
        }
    }

    /// Puts the terminal's mode back.
    pub(crate) fn restore_terminal() {
        if let Some(mode) = SAVED.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // A terminal that is gone needs no mode.
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, mode);
        }
    }

    /// Takes Ctrl-C back from what else in this program handles it, for good.
    pub(crate) fn take_interrupt(handler: impl FnMut() + Send + 'static) -> io::Result<()> {
        ctrlc::set_handler(handler).map_err(io::Error::other)
    }

    /// Waits for at most so long until reading standard input would not wait. Returns whether that
    /// is so.
    pub(crate) fn wait_for_input(limit: Duration) -> bool {
        let stdin = io::stdin();
        let mut stdin = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        // Of a flaw the read tells.
        !matches!(poll(&mut stdin, PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX)), Ok(0) | Err(Errno::EINTR))
    }

    /// How much a pipe takes at once if it takes anything.
    pub(crate) const PIECE: usize = nix::libc::PIPE_BUF;

    /// Waits for at most so long until a stream takes something. Returns whether that is so.
    pub(crate) fn wait_for_room(stream: Stream, limit: Duration) -> bool {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let stream = match stream {
            Stream::Output => stdout.as_fd(),
            Stream::Error => stderr.as_fd(),
        };
        let mut stream = [PollFd::new(stream, PollFlags::POLLOUT)];
        // Of a flaw the write tells.
        !matches!(
            poll(&mut stream, PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX)),
            Ok(0) | Err(Errno::EINTR)
        )
    }

    /// Asks a program to end.
    pub(crate) fn ask_to_end(child: &mut Child) {
        if let Ok(pid) = i32::try_from(child.id()) {
            // It may have ended already.
            let _ = kill(nix::unistd::Pid::from_raw(pid), Signal::SIGTERM);
        }
    }

    /// Whether opening the file to write to it would wait for a reader.
    pub(crate) fn is_fifo(kind: FileType) -> bool {
        std::os::unix::fs::FileTypeExt::is_fifo(&kind)
    }

    /// Splits at the last ASCII character of this kind, if text follows it.
    pub(crate) fn rsplit_once(text: &OsStr, at: char) -> Option<(&OsStr, &str)> {
        let bytes = text.as_bytes();
        let place = bytes.iter().rposition(|&byte| char::from(byte) == at)?;
        Some((OsStr::from_bytes(&bytes[..place]), std::str::from_utf8(&bytes[place + 1..]).ok()?))
    }

    /// The signal that ended a program.
    pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
        std::os::unix::process::ExitStatusExt::signal(&status)
    }
}

#[cfg(not(unix))]
mod other {
    use std::ffi::OsStr;
    use std::fs::FileType;
    use std::process::{Child, ExitStatus};

    use super::Stream;

    /// The line editor restores the console by itself.
    pub(crate) fn save_terminal() {}

    /// The line editor restores the console by itself.
    pub(crate) fn restore_terminal() {}

    /// Nothing else handles Ctrl-C here.
    pub(crate) fn take_interrupt(_: impl FnMut() + Send + 'static) -> std::io::Result<()> {
        Ok(())
    }

    /// Nothing can be asked: the read waits.
    pub(crate) fn wait_for_input(_: std::time::Duration) -> bool {
        true
    }

    pub(crate) const PIECE: usize = 4096;

    /// Nothing can be asked: the write waits.
    pub(crate) fn wait_for_room(_: Stream, _: std::time::Duration) -> bool {
        true
    }

    /// Ends a program: there is no way to ask.
    pub(crate) fn ask_to_end(child: &mut Child) {
        // It may have ended already.
        let _ = child.kill();
    }

    /// There are no FIFOs among files here.
    pub(crate) fn is_fifo(_: FileType) -> bool {
        false
    }

    /// Splits text at the last character of this kind; what is no text, not at all.
    pub(crate) fn rsplit_once(text: &OsStr, at: char) -> Option<(&OsStr, &str)> {
        text.to_str()?.rsplit_once(at).map(|(before, after)| (OsStr::new(before), after))
    }

    /// A signal ends no program here.
    pub(crate) fn signal_of(_: ExitStatus) -> Option<i32> {
        None
    }
}

#[cfg(not(unix))]
pub(crate) use other::{
    PIECE, ask_to_end, is_fifo, restore_terminal, rsplit_once, save_terminal, signal_of, take_interrupt,
    wait_for_input, wait_for_room,
};
#[cfg(unix)]
pub(crate) use unix::{
    PIECE, ask_to_end, is_fifo, restore_terminal, rsplit_once, save_terminal, signal_of, take_interrupt,
    wait_for_input, wait_for_room,
};

/// Whether this is the signal of a closed terminal, and was ignored when this program began. Only
/// Linux tells.
#[cfg(target_os = "linux")]
pub(crate) fn is_ignored_hangup(signal: c_int) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    signal == signal_hook::consts::SIGHUP && ignored >> (signal - 1) & 1 == 1
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_ignored_hangup(_: c_int) -> bool {
    false
}

/// The programs of this user that have a file open below a folder: `openocd (process 123)`. Only
/// Linux tells.
#[cfg(target_os = "linux")]
pub(crate) fn open_in(folder: &str) -> Vec<String> {
    let entries = |path: &std::path::Path| std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    let is_there = |path: std::path::PathBuf| std::fs::read_link(path).is_ok_and(|file| file.starts_with(folder));
    let processes = entries("/proc".as_ref()).filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        entries(&entry.path().join("fd")).any(|file| is_there(file.path())).then_some(())?;
        let name = std::fs::read_to_string(entry.path().join("comm")).ok()?;
        Some(format!("{} (process {pid})", name.trim()))
    });
    processes.collect()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn open_in(_: &str) -> Vec<String> {
    Vec::new()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn program_that_has_a_file_open_is_named() {
        let folder = std::env::temp_dir().join(format!("ocd-open-in-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        assert!(open_in(folder.to_str().unwrap()).is_empty());
        let file = std::fs::File::create(folder.join("device")).unwrap();
        let named = open_in(folder.to_str().unwrap());
        drop(file);
        std::fs::remove_dir_all(&folder).unwrap();
        let own = format!("(process {})", std::process::id());
        assert!(matches!(&named[..], [one] if one.ends_with(&own)), "{named:?}");
    }
}
