//! Finds the openocd binary.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::ProcessError;

/// The environment variable that names the binary.
pub(super) const VARIABLE: &str = "OPENOCD";

/// The explicit path, else `$OPENOCD`, else `openocd` in PATH. A bare name is looked up in PATH.
pub(super) fn find(explicit: Option<&Path>) -> Result<PathBuf, ProcessError> {
    let (wanted, origin) = match (explicit, env::var_os(VARIABLE).filter(|value| !value.is_empty())) {
        (Some(path), _) => (path.to_owned(), "the path given"),
        (None, Some(value)) => (PathBuf::from(value), "the environment variable OPENOCD"),
        (None, None) => (PathBuf::from("openocd"), "PATH"),
    };
    if wanted.components().count() > 1 && wanted.exists() {
        // If it cannot be executed, the operating system says why.
        return Ok(wanted);
    }
    which::which(&wanted).map_err(|_| {
        let path = env::var_os("PATH").unwrap_or_default();
        let searched = if wanted.components().count() > 1 {
            format!("{} ({origin})", wanted.display())
        } else if origin == "PATH" {
            format!("openocd in PATH ({})", path.to_string_lossy())
        } else {
            format!("{} ({origin}) in PATH ({})", wanted.display(), path.to_string_lossy())
        };
        ProcessError::BinaryNotFound { searched }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_binary_says_where_it_was_looked_for() {
        let text = find(Some(Path::new("/nonexistent/openocd"))).unwrap_err().to_string();
        assert!(text.contains("/nonexistent/openocd (the path given)"), "{text}");
        let text = find(Some(Path::new("no-such-openocd"))).unwrap_err().to_string();
        assert!(text.contains("no-such-openocd (the path given) in PATH ("), "{text}");
    }

    #[test]
    fn an_explicit_path_is_taken_as_it_is() {
        let program = env::current_exe().unwrap();
        assert_eq!(find(Some(&program)).unwrap(), program);
    }
}
