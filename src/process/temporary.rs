//! The temporary files of an OpenOCD. It deletes them itself, but cannot when it is killed or crashes.

use std::env::temp_dir;
use std::fs;

/// What `file tempfile` makes their names of; `None` for a directory that OpenOCD cannot be told of.
pub(super) fn template(token: &str) -> Option<String> {
    temp_dir().join(prefix(token) + "XXXXXX").into_os_string().into_string().ok()
}

/// Deletes what is left of them.
pub(super) fn remove(token: &str) {
    let prefix = prefix(token);
    let files = fs::read_dir(temp_dir()).into_iter().flatten().flatten();
    for file in files.filter(|file| file.file_name().to_string_lossy().starts_with(&prefix)) {
        let path = file.path();
        match fs::remove_file(&path) {
            Ok(()) => log::debug!(target: "openocd::process", "deleted {}, which OpenOCD left behind", path.display()),
            Err(error) => log::warn!(target: "openocd::process", "cannot delete {}: {error}", path.display()),
        }
    }
}

fn prefix(token: &str) -> String {
    format!("openocd-rs-{token}.")
}
