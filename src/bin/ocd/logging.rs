//! The log on standard error: OpenOCD's own lines with `-v`, everything with `-vv`.

use env_logger::{Builder, WriteStyle};
use log::LevelFilter;

pub(crate) fn install(verbosity: u8) {
    let mut builder = Builder::new();
    match verbosity {
        0 => return,
        1 => builder.filter_module("openocd::server", LevelFilter::Debug),
        _ => builder.filter_level(LevelFilter::Trace),
    };
    builder.format_timestamp_millis().format_target(verbosity > 1).write_style(WriteStyle::Auto).init();
}
