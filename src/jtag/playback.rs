//! Files of test vectors: SVF and XSVF.

use std::path::PathBuf;
use std::time::Duration;

use super::{Jtag, Outcome, Refusal};
use crate::command::Request;
use crate::command::server_file::ServerFile;
use crate::error::{Error, Failure, JtagError, Result};
use crate::wire::tcl;

/// An SVF file to run, from [`Jtag::svf`].
#[derive(Debug, Clone)]
#[must_use = "a file does nothing until `run`"]
pub struct SvfFile<'a> {
    jtag: Jtag<'a>,
    path: PathBuf,
    tap: Option<String>,
    quiet: bool,
    progress: bool,
    ignore_error: bool,
    timeout: Option<Duration>,
}

/// What running an SVF file came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SvfReport {
    /// How many commands ran: all of the file.
    pub commands: u32,
    /// How many comparisons failed; not 0 only with [`SvfFile::ignore_error`].
    pub errors: u32,
    /// What OpenOCD logged.
    pub log: String,
}

/// An XSVF file to run, from [`Jtag::xsvf`].
#[derive(Debug, Clone)]
#[must_use = "a file does nothing until `run`"]
pub struct XsvfFile<'a> {
    jtag: Jtag<'a>,
    path: PathBuf,
    tap: Option<String>,
    virt2: bool,
    quiet: bool,
    timeout: Option<Duration>,
}

impl<'a> Jtag<'a> {
    /// An SVF file (Serial Vector Format, Asset InterTech, revision E) to run through the chain (OpenOCD: `svf`). The file is on this machine.
    ///
    /// It takes whatever SVF allows in the way of lines: OpenOCD itself would leave out, without a word, what follows a semicolon on its line, and a last line without an end.
    /// The chain is reset first; after it the targets may need [`reexamine`](crate::Target::reexamine).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    ///
    /// let file = std::env::temp_dir().join(format!("idcode-{}.svf", std::process::id()));
    /// std::fs::write(&file, "SIR 5 TDI (01); SDR 32 TDI (00000000) TDO (16410041) MASK (0FFFFFFF);")?;
    /// let report = session.jtag().svf(&file).tap("stm32f1x.bs").timeout(Duration::from_secs(30)).run()?;
    /// assert_eq!((report.commands, report.errors), (2, 0));
    /// # std::fs::remove_file(file)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn svf(&self, path: impl Into<PathBuf>) -> SvfFile<'a> {
        let (tap, timeout) = (None, None);
        SvfFile { jtag: *self, path: path.into(), tap, quiet: true, progress: false, ignore_error: false, timeout }
    }

    /// An XSVF file (Xilinx XAPP503) to run through the chain (OpenOCD: `xsvf`). The file is on this machine.
    ///
    /// OpenOCD supports a part of XSVF only, and recommends SVF. It takes a file that was cut off for one that ran to its end, so all of
    /// the file is looked through first.
    pub fn xsvf(&self, path: impl Into<PathBuf>) -> XsvfFile<'a> {
        XsvfFile { jtag: *self, path: path.into(), tap: None, virt2: false, quiet: true, timeout: None }
    }
}

impl SvfFile<'_> {
    /// The TAP that the file is for; all others are put into BYPASS. None of them may be disabled. By default the file is for the whole chain.
    pub fn tap(mut self, tap: impl Into<String>) -> Self {
        self.tap = Some(tap.into());
        self
    }

    /// Does not log each command. True by default: the log of a long file would be longer than a reply may be.
    pub fn quiet(mut self, quiet: bool) -> Self {
        self.quiet = quiet;
        self
    }

    /// Logs how far it has come, in percent, while it runs; [`on_log`](crate::OpenOcdBuilder::on_log) hears it. False by default.
    pub fn progress(mut self, progress: bool) -> Self {
        self.progress = progress;
        self
    }

    /// Goes on after a comparison that failed, and counts them in [`SvfReport::errors`]. False by default.
    pub fn ignore_error(mut self, ignore: bool) -> Self {
        self.ignore_error = ignore;
        self
    }

    /// How long the file may take, in place of the session's timeout, which is the default. OpenOCD can't be stopped: after a timeout it goes on to the
    /// file's end, and only then takes the next command.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Runs the file.
    ///
    /// # Errors
    /// Before anything is sent: [`JtagError::File`] if it can't be read, [`Unterminated`](JtagError::Unterminated) for a command without its semicolon, [`InvalidScan`](JtagError::InvalidScan) for one that
    /// would crash OpenOCD.
    /// Then [`SvfMismatch`](JtagError::SvfMismatch) with the line if something else came out than the file says, [`Playback`](JtagError::Playback) for a command that OpenOCD
    /// refuses, [`UnknownTap`](JtagError::UnknownTap), [`OthersDisabled`](JtagError::OthersDisabled), [`Incomplete`](JtagError::Incomplete), [`WrongTransport`](JtagError::WrongTransport), [`TimeoutError::Reply`](crate::TimeoutError::Reply), and
    /// those of [`Session::command`](crate::Session::command).
    pub fn run(&self) -> Result<SvfReport> {
        let failed = |source| JtagError::File { path: self.path.clone(), source };
        let file = std::fs::read(&self.path).map_err(failed)?;
        let svf = crate::jtag::svf::normalize(&file).map_err(|fault| {
            let path = self.path.clone();
            match fault {
                crate::jtag::svf::Fault::Unterminated(line) => JtagError::Unterminated { path, line },
                crate::jtag::svf::Fault::Scan(line, problem) => JtagError::InvalidScan { path, line, problem },
            }
        })?;
        let commands = u32::try_from(svf.lines.len()).unwrap_or(u32::MAX);
        let copy = ServerFile::with(self.jtag.session, &svf.text)?.into_word();
        let options = self.options();
        let tap = self.tap.as_deref().unwrap_or("");
        let script = format!("_openocd_rs_1_svf {copy} {}{options}", tcl::quote(tap));
        let on_tap = if tap.is_empty() { String::new() } else { format!(" -tap {tap}") };
        let mut request = Request::new(format!("_openocd_rs_1_jtag_with_file {copy} {}", tcl::quote(&script)));
        request.timeout = self.timeout;
        let request = request.shown(format!("svf{on_tap}{options} {}", self.path.display()));
        let (outcome, result) = play(&self.jtag, &request, tap, |failure| self.failed(failure, &svf.lines))?;
        let (ran, errors) = crate::jtag::svf::counts(&result)
            .ok_or_else(|| super::unexpected(&request, "the number of commands and errors", result.as_bytes()))?;
        if ran != commands {
            return Err(JtagError::Incomplete { path: self.path.clone(), ran, commands }.into());
        }
        Ok(SvfReport { commands, errors, log: outcome.log })
    }

    fn options(&self) -> String {
        let options = [("-quiet", self.quiet), ("-progress", self.progress), ("-ignore_error", self.ignore_error)];
        options.into_iter().filter(|(_, on)| *on).flat_map(|(option, _)| [" ", option]).collect()
    }

    /// OpenOCD's numbers are those of its copy, where each command has one line.
    fn failed(&self, failure: Box<Failure>, lines: &[u32]) -> JtagError {
        let path = self.path.clone();
        let line_of = |command: u32| lines.get((command as usize).checked_sub(1)?).copied();
        if let Some(mismatch) = crate::jtag::svf::mismatches(failure.log()).into_iter().next() {
            if let Some(line) = line_of(mismatch.command) {
                let crate::jtag::svf::Mismatch { wanted, read, mask, .. } = mismatch;
                return JtagError::SvfMismatch { path, line, wanted, read, mask, failure };
            }
        }
        let line = crate::jtag::svf::failed_command(failure.log()).and_then(line_of);
        JtagError::Playback { path, line, failure }
    }
}

impl XsvfFile<'_> {
    /// The TAP that the file is for; all others are put into BYPASS. By default the file is for the whole chain.
    pub fn tap(mut self, tap: impl Into<String>) -> Self {
        self.tap = Some(tap.into());
        self
    }

    /// Takes the times of `XRUNTEST` for clocks in place of microseconds (OpenOCD: `virt2`). False by default.
    pub fn virt2(mut self, virt2: bool) -> Self {
        self.virt2 = virt2;
        self
    }

    /// Does not log each command. True by default.
    pub fn quiet(mut self, quiet: bool) -> Self {
        self.quiet = quiet;
        self
    }

    /// How long the file may take, in place of the session's timeout, which is the default. OpenOCD can't be stopped: after a timeout it goes on to the
    /// file's end, and only then takes the next command.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Runs the file.
    ///
    /// # Errors
    /// Before anything is sent: [`JtagError::File`] if it can't be read, [`InvalidXsvf`](JtagError::InvalidXsvf) if it has no `XCOMPLETE` at its end (as an empty or a cut one), or holds an
    /// instruction that OpenOCD does not know, or not as it is meant.
    /// Then [`Playback`](JtagError::Playback) if OpenOCD can't play it or something else came out than it says, [`UnknownTap`](JtagError::UnknownTap), [`WrongTransport`](JtagError::WrongTransport),
    /// [`TimeoutError::Reply`](crate::TimeoutError::Reply), and those of [`Session::command`](crate::Session::command).
    pub fn run(&self) -> Result<()> {
        let failed = |source| JtagError::File { path: self.path.clone(), source };
        let file = std::fs::read(&self.path).map_err(failed)?;
        crate::jtag::xsvf::check(&file).map_err(|crate::jtag::xsvf::Fault { offset, problem }| {
            JtagError::InvalidXsvf { path: self.path.clone(), offset, problem }
        })?;
        let copy = ServerFile::with(self.jtag.session, &file)?.into_word();
        let tap = self.tap.as_deref().unwrap_or("");
        let virt2 = if self.virt2 { " virt2" } else { "" };
        let quiet = if self.quiet { " quiet" } else { "" };
        let script = format!("_openocd_rs_1_xsvf {copy} {}{virt2}{quiet}", tcl::quote(tap));
        let on = if tap.is_empty() { "plain" } else { tap };
        let mut request = Request::new(format!("_openocd_rs_1_jtag_with_file {copy} {}", tcl::quote(&script)));
        request.timeout = self.timeout;
        let request = request.shown(format!("xsvf {on} {}{virt2}{quiet}", self.path.display()));
        let path = self.path.clone();
        play(&self.jtag, &request, tap, |failure| JtagError::Playback { path, line: None, failure }).map(drop)
    }
}

/// Runs a file: what came back, and the result of the command.
fn play(
    jtag: &Jtag<'_>,
    request: &Request<'_>,
    tap: &str,
    failed: impl FnOnce(Box<Failure>) -> JtagError,
) -> Result<(Outcome, String)> {
    let outcome = jtag.outcome(request)?;
    if outcome.code != 0 {
        return Err(failed(outcome.failure(request)).into());
    }
    let mut words = tcl::elements(&outcome.result).map(|word| word.map(|word| super::text(&word)).unwrap_or_default());
    let (word, rest): (String, Vec<String>) = (words.next().unwrap_or_default(), words.collect());
    if let ("done", [result]) = (word.as_str(), &rest[..]) {
        let result = result.clone();
        return Ok((outcome, result));
    }
    let refusal = Refusal { doing: "run a file", tap, value: 0 };
    Err(Error::from(refusal.obstacle(word.as_bytes(), rest, request, &outcome)))
}
