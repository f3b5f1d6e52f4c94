//! The arguments of a test binary, which are those of `cargo test`.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use clap::Parser as _;
use clap::error::ErrorKind;
use libtest_mimic::Arguments;

use super::RunArgs;
use crate::failure::{Failure, Outcome};
use crate::{exit_status, panics, platform};

/// What was read.
pub(super) enum Read {
    Arguments(Box<Arguments>),
    /// Help: there is nothing to run.
    Answered(u8),
}

/// Reads the arguments, and refuses options of ocd that mean nothing for tests.
pub(super) fn read(run: &RunArgs, is_json: bool) -> Outcome<Read> {
    let words = std::iter::once("ocd run").chain(run.args.iter().map(String::as_str));
    let mut arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => return Err(wrong_usage(&error)),
        Err(error) => return Ok(Read::Answered(crate::command_line::answer(&error, &[], false))),
    };
    if run.until_line.is_some() || !run.until.is_empty() {
        return Err(Failure::usage("--until and --until-line end a run, but a test ends by itself")
            .help("leave them out for a test binary"));
    }
    if run.input.is_some() || run.rtt_input.is_some() {
        return Err(Failure::usage(
            "--input and --rtt-input are for firmware that is no test binary: tests read nothing",
        )
        .help("leave it out for a test binary"));
    }
    if let Some(path) = &arguments.logfile {
        check_logfile(path.as_ref())?;
    }
    // One board runs one test at a time.
    arguments.test_threads = Some(1);
    if is_json && !arguments.list {
        arguments.logfile.get_or_insert_with(|| platform::NULL_DEVICE.to_owned());
    }
    Ok(Read::Arguments(Box::new(arguments)))
}

/// Fails unless the file can be written. libtest-mimic panics then, and only after the board is
/// open.
fn check_logfile(path: &Path) -> Outcome<()> {
    if std::fs::metadata(path).is_ok_and(|file| platform::is_fifo(file.file_type())) {
        // Opening it waits for its reader.
        return Ok(());
    }
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    opened.map(drop).map_err(|error| Failure::file("write", path, &error))
}

/// What libtest does not know. Its advice, to put `--` before an option, helps nobody here.
fn wrong_usage(error: &clap::Error) -> Failure {
    let text = error.to_string();
    let message = text.lines().next().unwrap_or_default();
    let failure = Failure::usage(message.strip_prefix("error: ").unwrap_or(message));
    match error.kind() {
        ErrorKind::UnknownArgument => {
            failure.help("options of ocd go before the filter: ocd run FILE --timeout 5 FILTER")
        }
        _ => failure,
    }
}

/// The results could not be printed: libtest-mimic panics then.
pub(super) fn unprinted(arguments: &Arguments, panic: &str) -> Failure {
    if panic.contains("BrokenPipe") {
        return io::Error::from(io::ErrorKind::BrokenPipe).into();
    }
    let (status, id, place) = match &arguments.logfile {
        Some(path) => (exit_status::CONFIGURATION, "ocd.file", path.as_str()),
        None => (exit_status::FAILED, "ocd.output", "to standard output"),
    };
    Failure::new(status, id, format!("cannot write {place}")).cause(panics::unwrapped(panic))
}
