//! What the firmware reads from its semihosting console, or by RTT.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use openocd::RunInput;

use super::RunArgs;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::input::{self, Reader};
use crate::platform;

/// Nothing, a file, or standard input as it comes, with its reader.
pub(super) fn input(context: &Context, arguments: &RunArgs) -> Outcome<(RunInput, Option<Reader>)> {
    let Some(path) = arguments.input.as_ref().or(arguments.rtt_input.as_ref()) else {
        return Ok((RunInput::from(Vec::new()), None));
    };
    if path.as_os_str() != "-" {
        return Ok((of_file(path)?, None));
    }
    if context.is_script {
        let problem = "standard input has the lines of the repl, and cannot be the firmware's input";
        return Err(Failure::usage(problem).help("name a file in place of -"));
    }
    let (input, reader) = input::for_run();
    Ok((input, Some(reader)))
}

fn of_file(path: &Path) -> Outcome<RunInput> {
    let failed = |error| Failure::file("read", path, &error);
    let kind = std::fs::metadata(path).map_err(failed)?.file_type();
    // Opening a folder succeeds.
    if kind.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    if platform::is_fifo(kind) {
        // Opening it waits for its writer.
        return Ok(as_it_comes(Late { path: path.to_owned(), file: None }));
    }
    Ok(as_it_comes(File::open(path).map_err(failed)?))
}

/// A file that is opened by the first read.
struct Late {
    path: PathBuf,
    file: Option<File>,
}

impl Read for Late {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let file = match self.file.take() {
            Some(file) => file,
            None => File::open(&self.path)?,
        };
        self.file.insert(file).read(buffer)
    }
}

/// Reads no faster than the target: a file may have no end.
fn as_it_comes(mut from: impl Read + Send + 'static) -> RunInput {
    let (sender, receiver) = mpsc::sync_channel(16);
    // Ends with the program: nothing else can interrupt a read.
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) if sender.send(buffer[..length].to_vec()).is_ok() => {}
                // The run has ended.
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // Nothing is left where a failure of this could be told.
                    let _ = writeln!(io::stderr(), "warning: the input ends too early: {error}");
                    break;
                }
            }
        }
    });
    RunInput::from(receiver)
}
