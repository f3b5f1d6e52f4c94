//! What firmware finds on the host.

use std::path::PathBuf;

use super::files::Files;
use super::host::Host;
use crate::error::{Result, SemihostingError};

/// What firmware finds on the host, for [`serve_with`](crate::Semihosting::serve_with).
///
/// ```
/// use openocd::ConsoleOptions;
///
/// let options = ConsoleOptions::new().command_line("firmware --all").files("test-data");
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing until `Semihosting::serve_with`"]
pub struct ConsoleOptions {
    command_line: Vec<u8>,
    directory: Option<PathBuf>,
}

impl ConsoleOptions {
    /// Creates options with an empty command line and without files.
    pub fn new() -> Self {
        ConsoleOptions::default()
    }

    /// Sets the command line, program name first.
    pub fn command_line(mut self, line: impl Into<String>) -> Self {
        self.command_line = line.into().into_bytes();
        self
    }

    /// Allows the firmware to read, write, remove and rename files below `directory`. Absolute
    /// names, names with `..` and symbolic links are refused, so nothing outside of it is
    /// accessible.
    pub fn files(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    pub(crate) fn host(self, input: Vec<u8>) -> Result<Host> {
        let files = match self.directory {
            Some(directory) => match Files::below(&directory) {
                Ok(files) => Some(files),
                Err(source) => return Err(SemihostingError::Directory { directory, source }.into()),
            },
            None => None,
        };
        Ok(Host::new(input, self.command_line, files))
    }
}
