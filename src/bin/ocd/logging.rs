//! The log: on standard error OpenOCD's own lines with `-v` and everything with `-vv`; everything in
//! a file with `--log-file`.

use std::fs::File;

use env_logger::{Builder, Target, WriteStyle};
use log::LevelFilter;

use crate::arguments::OutputArgs;
use crate::failure::{Failure, Outcome};

pub(crate) fn install(arguments: &OutputArgs) -> Outcome<()> {
    let mut builder = Builder::new();
    if let Some(path) = &arguments.log_file {
        let file = File::create(path).map_err(|error| Failure::file("write", path, &error))?;
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
