//! The log: on standard error OpenOCD's own lines with `-v` and everything with `-vv`; everything in
//! a file with `--log-file`.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use env_logger::{Builder, Target, WriteStyle};
use log::LevelFilter;

use crate::arguments::OutputArgs;
use crate::failure::{Failure, Outcome};
use crate::output::file;

pub(crate) fn install(arguments: &OutputArgs) -> Outcome<()> {
    let mut builder = Builder::new();
    if let Some(path) = &arguments.log_file {
        let file = file::create(path).map_err(|error| Failure::file("write", path, &error))?;
        let file = LogFile { file, path: path.clone(), is_broken: false };
        builder.target(Target::Pipe(Box::new(file))).filter_level(LevelFilter::Trace);
    }
    match arguments.verbose {
        0 if arguments.log_file.is_none() => return Ok(()),
        1 if arguments.log_file.is_none() => builder.filter_module("openocd::server", LevelFilter::Debug),
        _ => builder.filter_level(LevelFilter::Trace),
    };
    let tells_origin = arguments.verbose != 1 || arguments.log_file.is_some();
    builder.format_timestamp_millis().format_target(tells_origin).write_style(WriteStyle::Auto).init();
    Ok(())
}

/// Tells once that the file cannot be written: `env_logger` drops errors.
struct LogFile {
    file: File,
    path: PathBuf,
    is_broken: bool,
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.file.write_all(bytes) {
            if !std::mem::replace(&mut self.is_broken, true) {
                // Nothing is left where a failure of this could be told.
                let _ = writeln!(io::stderr(), "warning: the log in {} is incomplete: {error}", self.path.display());
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
