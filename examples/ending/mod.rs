//! How the examples end: with a message for people and a status for scripts.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::process::ExitCode;

/// Success, also if whoever reads the output has seen enough (`| head -1`); otherwise the error
/// with its causes, and failure.
pub(crate) fn report(result: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    eprintln!("{error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because {error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}
