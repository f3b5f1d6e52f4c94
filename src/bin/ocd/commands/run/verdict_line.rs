//! The line of a test, on which its verdict follows.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use libtest_mimic::{Arguments, FormatSetting, Trial};

use crate::failure::Outcome;
use crate::output::room;
use crate::platform::Stream;

/// `test NAME ... `, which libtest-mimic prints before a test runs; the verdict follows when the test
/// has ended. What the test prints ends the line, which begins again for the verdict.
pub(super) struct VerdictLine {
    /// `None` if no line is open while a test runs.
    begin: Option<String>,
    is_interrupted: AtomicBool,
}

impl VerdictLine {
    /// The line of a test. `width` is that of the longest name.
    pub(super) fn new(name: &str, width: usize, arguments: &Arguments) -> Self {
        let format =
            if arguments.quiet { FormatSetting::Terse } else { arguments.format.unwrap_or(FormatSetting::Pretty) };
        let begin = match format {
            _ if arguments.logfile.is_some() => None,
            FormatSetting::Pretty => Some(format!("test {name:<width$} ... ")),
            // A character for each test that has ended.
            FormatSetting::Terse => Some(String::new()),
            FormatSetting::Json => None,
        };
        VerdictLine { begin, is_interrupted: AtomicBool::new(false) }
    }

    /// Ends the line, before something else is printed.
    pub(super) fn interrupt(&self) -> Outcome<()> {
        if self.begin.is_some() && !self.is_interrupted.swap(true, Ordering::Relaxed) {
            print("\n")?;
        }
        Ok(())
    }

    /// Begins the line again if it was ended.
    pub(super) fn resume(&self) -> Outcome<()> {
        match &self.begin {
            Some(begin) if self.is_interrupted.swap(false, Ordering::Relaxed) => print(begin),
            _ => Ok(()),
        }
    }
}

/// The width of the longest name of the tests that `arguments` choose. Each test is a name, and
/// whether it is ignored.
pub(super) fn width<'t>(arguments: &Arguments, tests: impl IntoIterator<Item = (&'t str, bool)>) -> usize {
    let trial = |(name, is_ignored): (&str, bool)| Trial::test(name, || Ok(())).with_ignored_flag(is_ignored);
    let trials = tests.into_iter().map(trial);
    let chosen = trials.filter(|trial| !arguments.is_filtered_out(trial));
    chosen.map(|trial| trial.name().chars().count()).max().unwrap_or(0)
}

fn print(text: &str) -> Outcome<()> {
    room::wait(Stream::Output)?;
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
