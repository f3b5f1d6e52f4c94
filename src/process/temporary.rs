//! The temporary files of an OpenOCD. It deletes them itself, but cannot when it is killed or
//! crashes.

use std::env::temp_dir;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Once;

use crate::abandoned::{is_abandoned, remove_where};
use crate::platform;

/// What every name begins with.
const MARK: &str = "openocd-rs-";

/// The files of one OpenOCD: `openocd-rs-PID-NAMESPACE-NUMBER.` and six letters, where the process
/// is the one that started it.
#[derive(Debug, Clone)]
pub(super) struct TemporaryFiles {
    prefix: String,
}

impl TemporaryFiles {
    pub(super) fn new() -> Self {
        let (pid, namespace) = (std::process::id(), platform::pid_namespace());
        TemporaryFiles { prefix: format!("{MARK}{pid}-{namespace}-{:016x}.", RandomState::new().hash_one(pid)) }
    }

    /// What `file tempfile` makes their names of; `None` for a directory that OpenOCD cannot be
    /// told of, and where OpenOCD takes no name.
    pub(super) fn template(&self) -> Option<String> {
        if !platform::OPENOCD_TAKES_FILE_NAMES {
            return None;
        }
        temp_dir().join(format!("{}XXXXXX", self.prefix)).into_os_string().into_string().ok()
    }

    /// Deletes what is left of them.
    pub(super) fn remove(&self) {
        remove_where(&temp_dir(), MARK, |name, _| name.starts_with(&self.prefix));
    }
}

/// Deletes, once in the life of this program, what earlier programs have left behind that were
/// killed.
pub(super) fn remove_abandoned() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| remove_abandoned_in(&temp_dir()));
}

fn remove_abandoned_in(directory: &Path) {
    let namespace = platform::pid_namespace();
    remove_where(directory, MARK, |name, file| {
        owner(name).is_some_and(|(pid, its_namespace)| is_abandoned(file, pid, its_namespace == namespace))
    });
}

/// The process that a file belongs to, and the namespace in which that is its number.
fn owner(name: &str) -> Option<(u32, &str)> {
    let (pid, rest) = name.strip_prefix(MARK)?.split_once('-')?;
    let (namespace, rest) = rest.split_once('-')?;
    let (number, letters) = rest.split_once('.')?;
    let is_ours = number.len() == 16 && letters.len() == 6;
    is_ours.then_some((pid.parse().ok()?, namespace))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::abandoned::ABANDONED_AGE;

    #[test]
    #[cfg(target_os = "linux")]
    fn only_files_of_processes_that_are_gone_are_abandoned() {
        let directory = temp_dir().join(format!("openocd temporary {}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (ns, number) = (platform::pid_namespace(), "0123456789abcdef");
        // Linux has no process with this number: it is above the highest
        // (`/proc/sys/kernel/pid_max`).
        let gone = 1 << 30;
        let own = std::process::id();
        let file = |name: String, age: Duration| {
            let file = fs::File::create(directory.join(&name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - age).unwrap();
            name
        };
        let new = Duration::ZERO;
        let abandoned = [
            file(format!("{MARK}{gone}-{ns}-{number}.abcdef"), new),
            file(format!("{MARK}{own}-{ns}-{number}.abcdef"), 2 * ABANDONED_AGE),
        ];
        let others = [
            file(format!("{MARK}{own}-{ns}-{number}.ABCDEF"), new),
            file(format!("{MARK}{gone}-1{ns}-{number}.abcdef"), new),
            file(format!("{MARK}{gone}-{ns}-{number}.abcdefg"), 2 * ABANDONED_AGE),
            file(format!("{MARK}notes.txt"), 2 * ABANDONED_AGE),
            file(format!("my-{MARK}{gone}-{ns}-{number}.abcdef"), new),
        ];
        let link = directory.join(format!("{MARK}{gone}-{ns}-{number}.link.."));
        std::os::unix::fs::symlink(directory.join(&others[0]), &link).unwrap();
        remove_abandoned_in(&directory);
        assert_eq!(abandoned.map(|name| directory.join(name).exists()), [false; 2]);
        assert_eq!(others.map(|name| directory.join(name).exists()), [true; 5]);
        assert!(link.exists());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn names_tell_their_owner() {
        let files = TemporaryFiles::new();
        let name = format!("{}abcdef", files.prefix);
        assert_eq!(owner(&name), Some((std::process::id(), &*platform::pid_namespace())));
    }
}
