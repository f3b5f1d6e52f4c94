//! Where the lines of a repl without a person come from.

use std::io::{self, BufRead as _, BufReader, StdinLock};

/// Lines from the command line or from standard input.
pub(super) enum Source {
    Arguments(std::vec::IntoIter<String>),
    Input(BufReader<StdinLock<'static>>),
}

impl Source {
    /// An argument may have several lines.
    pub(super) fn arguments(texts: &[String]) -> Self {
        let lines: Vec<String> = texts.iter().flat_map(|text| text.lines()).map(str::to_owned).collect();
        Source::Arguments(lines.into_iter())
    }

    pub(super) fn input() -> Self {
        Source::Input(BufReader::new(io::stdin().lock()))
    }

    /// The next line, `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<String>> {
        match self {
            Source::Arguments(lines) => Ok(lines.next()),
            Source::Input(reader) => reader.lines().next().transpose(),
        }
    }

    /// The lines that are left. Of standard input these are the ones that were read already: who
    /// holds the other end of a pipe may wait for the end of this program.
    pub(super) fn left(self) -> Vec<String> {
        match self {
            Source::Arguments(lines) => lines.collect(),
            Source::Input(reader) => String::from_utf8_lossy(reader.buffer()).lines().map(str::to_owned).collect(),
        }
    }
}
