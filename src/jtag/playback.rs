//! Files of test vectors: SVF and XSVF.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ask::Operation;
use super::{Bits, Jtag, Tap, svf, xsvf};
use crate::command::{Request, Script};
use crate::error::text::shown;
use crate::error::{Failure, JtagError, Result};
use crate::file_kind;
use crate::session::ServerFile;
use crate::wire::{Deadline, tcl};

/// The largest file that is read: more than any file of test vectors takes, and less than what
/// fills a machine.
const LARGEST_FILE: u64 = 256 * 1024 * 1024;

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

/// The result of running an SVF file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SvfReport {
    /// Number of commands that ran, which is all of the file.
    pub commands: u32,
    /// Number of failed comparisons. It is 0 without [`SvfFile::ignore_errors`].
    pub errors: u32,
    /// The failed comparisons, in the order of the file: those that OpenOCD's log has.
    pub mismatches: Vec<SvfMismatch>,
    /// What OpenOCD logged. A "line" in it is the number of a command: OpenOCD runs a copy of the
    /// file with a command on each line.
    pub log: String,
}

/// A failed comparison of an SVF file, from [`SvfReport::mismatches`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SvfMismatch {
    /// The line of the file where the command begins, from 1.
    pub line: u32,
    /// What was expected, in hexadecimal, of the TAP that the file is for, or else of the whole
    /// chain.
    pub wanted: String,
    /// What was read, in hexadecimal.
    pub read: String,
    /// Which bits were compared.
    pub mask: String,
}

/// `line 10 expected 0x8, read 0x9`
impl fmt::Display for SvfMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} expected {}, read {}", self.line, self.wanted, self.read)
    }
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
    /// Prepares an SVF file (Serial Vector Format, Asset InterTech, revision E) to run through the
    /// chain (OpenOCD: `svf`). The file is on this machine. [`SvfFile::run`] runs it.
    ///
    /// The run begins with a reset of the chain. Afterwards the targets may need
    /// [`reexamine`](crate::Target::reexamine).
    ///
    /// Commands may be split into lines in any way. OpenOCD itself silently skips a command that
    /// follows another one on the same line, and a last line without a line end.
    ///
    /// All commands are checked before the first is sent: OpenOCD takes a number that it cannot read
    /// for 0. Comparisons are made as SVF defines them. OpenOCD itself forgets the mask at a scan
    /// without a TDO, and drops comparisons of headers and trailers there.
    ///
    /// OpenOCD ignores the time after `MAXIMUM`. `FREQUENCY` changes the
    /// [speed](crate::Adapter::set_speed) of the adapter, which stays changed after the file, and
    /// an adapter that cannot set its speed ignores the command. OpenOCD does not support `PIO`,
    /// `PIOMAP` and the clock `SCK`.
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

    /// Prepares an XSVF file (Xilinx XAPP503) to run through the chain (OpenOCD: `xsvf`). The file
    /// is on this machine. [`XsvfFile::run`] runs it.
    ///
    /// OpenOCD supports only a part of XSVF, and recommends SVF. It reports success for a truncated
    /// file, so this crate checks the whole file first.
    pub fn xsvf(&self, path: impl Into<PathBuf>) -> XsvfFile<'a> {
        XsvfFile { jtag: *self, path: path.into(), tap: None, virt2: false, quiet: true, timeout: None }
    }

    /// The TAP that a file is for. `None` for a TAP that is not there, which is refused later.
    fn one_tap(&self, tap: Option<&str>) -> Result<Option<svf::OneTap>> {
        let Some(tap) = tap.filter(|tap| !tap.is_empty()) else { return Ok(None) };
        let taps = self.scan_chain()?;
        let Some(at) = taps.iter().position(|listed| listed.name == tap) else { return Ok(None) };
        let bits = |taps: &[Tap]| {
            let enabled = taps.iter().filter(|tap| tap.enabled);
            [u32::try_from(enabled.clone().count()).unwrap_or(u32::MAX), enabled.map(|tap| tap.ir_length).sum()]
        };
        let ([hdr, hir], [tdr, tir]) = (bits(&taps[..at]), bits(&taps[at + 1..]));
        Ok(Some(svf::OneTap { ir_length: taps[at].ir_length, around: [hdr, hir, tdr, tir] }))
    }
}

impl SvfFile<'_> {
    /// Sets the TAP that the file is for. All other TAPs are put into BYPASS.
    /// By default the file is for the whole chain.
    ///
    /// A file with headers or trailers (`HDR`, `HIR`, `TDR`, `TIR` of more than 0 bits) is for a
    /// whole chain, and [`run`](Self::run) refuses it. It also refuses an instruction (`SIR`) of
    /// another width than that of the TAP's register.
    ///
    /// OpenOCD's own `-tap` is not used: once it was, OpenOCD leaves out the headers and trailers
    /// of all later files.
    pub fn tap(mut self, tap: impl Into<String>) -> Self {
        self.tap = Some(tap.into());
        self
    }

    /// Makes OpenOCD log each command. By default the crate sets OpenOCD's `-quiet`: the log of a
    /// long file exceeds the limit of a reply.
    pub fn log_commands(mut self) -> Self {
        self.quiet = false;
        self
    }

    /// Makes OpenOCD log its progress in percent (OpenOCD: `-progress`);
    /// [`on_log`](crate::OpenOcdBuilder::on_log) receives the lines while the file runs.
    pub fn log_progress(mut self) -> Self {
        self.progress = true;
        self
    }

    /// Continues after a failed comparison, and reports the failures in [`SvfReport::mismatches`]
    /// (OpenOCD: `-ignore_error`). By default the first failed comparison ends the run.
    pub fn ignore_errors(mut self) -> Self {
        self.ignore_error = true;
        self
    }

    /// Sets how long the file may take. The default is the session's timeout. OpenOCD cannot be
    /// interrupted: after a timeout it continues to the end of the file, and executes the next
    /// command only then.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Runs the file.
    ///
    /// # Errors
    /// [`JtagError::SvfMismatch`] with the line of a failed comparison, [`JtagError::Playback`] for
    /// a command that OpenOCD refuses, [`TimeoutError::Reply`](crate::TimeoutError::Reply). Before
    /// anything is sent: [`JtagError::File`] if the file cannot be read,
    /// [`JtagError::Unterminated`] for a command without its semicolon, [`JtagError::InvalidSvf`]
    /// for a command that is wrong, or that OpenOCD would not run as it is written,
    /// [`JtagError::SurroundingsDropped`] for a file with headers or trailers after somebody has
    /// played one with OpenOCD's `svf -tap`.
    pub fn run(&self) -> Result<SvfReport> {
        let file = read(&self.path)?;
        let tap = self.tap.as_deref().unwrap_or("");
        let file = svf::normalize(&file, self.jtag.one_tap(self.tap.as_deref())?).map_err(|fault| {
            let path = self.path.clone();
            match fault {
                svf::Fault::Unterminated(line) => JtagError::Unterminated { path, line },
                svf::Fault::Command(line, problem) => JtagError::InvalidSvf { path, line, problem },
            }
        })?;
        let commands = u32::try_from(file.lines.len()).unwrap_or(u32::MAX);
        let options = [("-quiet", self.quiet), ("-progress", self.progress), ("-ignore_error", self.ignore_error)];
        let options: Vec<_> = options.into_iter().filter(|(_, on)| *on).map(|(option, _)| option).collect();
        let on_tap = if tap.is_empty() { String::new() } else { format!(" -tap {tap}") };
        let shown = format!("svf{on_tap} {} {}", options.join(" "), shown(&self.path));
        let deadline = Deadline::after(self.timeout);
        let script = Script::call("svf").file().word(tap).number(u8::from(file.has_surroundings));
        let script = options.iter().fold(script, |script, option| script.literal(option));
        let copy = ServerFile::new(self.jtag.session, &file.text, &Script::call("play").script(&script), deadline)?;
        let request = play(&copy, &shown, self.timeout).before(deadline);
        let played = self.jtag.run(
            &request,
            &Operation::on(tap, "play a file on"),
            |failure| self.failed(failure, &file),
            |result, log| {
                Some((svf::counts(tcl::text(result)?)?, svf::log_of_file(&String::from_utf8_lossy(log)).to_owned()))
            },
        );
        let ((ran, errors), log) = played.map_err(|error| self.without_bypass_bits(error, &file))?;
        if ran != commands {
            let own = file.own_commands;
            let (ran, commands) = (ran.saturating_sub(own), commands - own);
            return Err(JtagError::Incomplete { path: self.path.clone(), ran, commands }.into());
        }
        let found = if errors == 0 { Vec::new() } else { svf::mismatches(&log) };
        let mismatches = self.of_own_tap(found, &file).into_iter().filter_map(|found| placed(found, &file)).collect();
        Ok(SvfReport { commands: commands - file.own_commands, errors, mismatches, log })
    }

    fn failed(&self, failure: Box<Failure>, file: &svf::Normalized) -> JtagError {
        let path = self.path.clone();
        let first = svf::mismatches(failure.log()).into_iter().next();
        if let Some(SvfMismatch { line, wanted, read, mask }) = first.and_then(|first| placed(first, file)) {
            return JtagError::SvfMismatch { path, line, wanted, read, mask, failure };
        }
        let line = svf::failed_command(failure.log()).and_then(|command| file.line_of(command));
        JtagError::Playback { path, line, failure }
    }

    /// The same error with the values of the file's own TAP.
    fn without_bypass_bits(&self, mut error: crate::error::Error, file: &svf::Normalized) -> crate::error::Error {
        if let crate::error::Error::Jtag(JtagError::SvfMismatch { wanted, read, mask, failure, .. }) = &mut error {
            let found = svf::mismatches(failure.log()).into_iter().take(1).collect();
            if let Some(own) = self.of_own_tap(found, file).pop() {
                (*wanted, *read, *mask) = (own.wanted, own.read, own.mask);
            }
        }
        error
    }

    /// The values of the file's own TAP: OpenOCD reports those of the whole chain, where the bits of
    /// the other TAPs, which are in BYPASS, are below and above.
    fn of_own_tap(&self, mut found: Vec<svf::Mismatch>, file: &svf::Normalized) -> Vec<svf::Mismatch> {
        let Some(tap) = self.tap.as_deref().filter(|_| !found.is_empty()) else { return found };
        let Ok(taps) = self.jtag.scan_chain() else { return found };
        let scans = file.scans();
        for svf::Mismatch { command, wanted, read, mask } in &mut found {
            let cut = || {
                let scan = scans.get((*command as usize).checked_sub(1)?)?.as_ref()?;
                let before = taps.iter().take_while(|listed| listed.name != tap).filter(|listed| listed.enabled);
                let below: u32 = before.map(|other| if scan.is_instruction { other.ir_length } else { 1 }).sum();
                let cut = |value: &str| {
                    let bits = Bits::parse_hex(value.strip_prefix("0x")?, Bits::MAX_LENGTH)?;
                    Some(bits.part(usize::try_from(below).ok()?, scan.length)?.to_string())
                };
                Some([cut(wanted)?, cut(read)?, cut(mask)?])
            };
            if let Some(values) = cut() {
                [*wanted, *read, *mask] = values;
            }
        }
        found
    }
}

fn placed(found: svf::Mismatch, file: &svf::Normalized) -> Option<SvfMismatch> {
    let svf::Mismatch { command, read, wanted, mask } = found;
    Some(SvfMismatch { line: file.line_of(command)?, wanted, read, mask })
}

impl XsvfFile<'_> {
    /// Sets the TAP that the file is for. All other TAPs are put into BYPASS. By default the file
    /// is for the whole chain.
    pub fn tap(mut self, tap: impl Into<String>) -> Self {
        self.tap = Some(tap.into());
        self
    }

    /// Takes the times of `XRUNTEST` as numbers of clocks (OpenOCD: `virt2`). By default they are
    /// microseconds.
    pub fn virt2(mut self) -> Self {
        self.virt2 = true;
        self
    }

    /// Makes OpenOCD log each instruction. By default the crate sets OpenOCD's `quiet`.
    pub fn log_commands(mut self) -> Self {
        self.quiet = false;
        self
    }

    /// Sets how long the file may take. The default is the session's timeout. OpenOCD cannot be
    /// interrupted: after a timeout it continues to the end of the file, and executes the next
    /// command only then.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Runs the file.
    ///
    /// # Errors
    /// [`JtagError::Playback`] if OpenOCD cannot play the file or a comparison failed,
    /// [`TimeoutError::Reply`](crate::TimeoutError::Reply). Before anything is sent:
    /// [`JtagError::File`] if the file cannot be read, [`JtagError::InvalidXsvf`] if it does not
    /// end with `XCOMPLETE`, or holds an instruction that OpenOCD does not know or does not execute
    /// correctly.
    pub fn run(&self) -> Result<()> {
        let file = read(&self.path)?;
        let bits = self.jtag.one_tap(self.tap.as_deref())?.map(|tap| tap.ir_length);
        xsvf::check(&file, bits).map_err(|xsvf::Fault { offset, problem }| JtagError::InvalidXsvf {
            path: self.path.clone(),
            offset,
            problem,
        })?;
        let tap = self.tap.as_deref().unwrap_or("");
        let (virt2, quiet) = (if self.virt2 { "virt2" } else { "" }, if self.quiet { "quiet" } else { "" });
        let on = if tap.is_empty() { "plain" } else { tap };
        let shown = format!("xsvf {on} {} {virt2} {quiet}", shown(&self.path));
        let deadline = Deadline::after(self.timeout);
        let script = Script::call("xsvf").file().word(tap).literal(virt2).literal(quiet);
        let copy = ServerFile::new(self.jtag.session, &file, &Script::call("play").script(&script), deadline)?;
        let request = play(&copy, &shown, self.timeout).before(deadline);
        let failed = |failure| JtagError::Playback { path: self.path.clone(), line: None, failure };
        self.jtag.run(&request, &Operation::on(tap, "play a file on"), failed, |_, _| Some(()))
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |source| JtagError::File { path: path.to_owned(), source };
    let file = file_kind::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(JtagError::FileTooLarge { path: path.to_owned(), limit: LARGEST_FILE }.into());
    }
    Ok(bytes)
}

/// The request that plays the copy of a file on OpenOCD's machine.
fn play(copy: &ServerFile<'_>, shown: &str, timeout: Option<Duration>) -> Request<'static> {
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    Request { timeout, ..Request::new(copy.script()).shown(shown).expecting("what the command returns") }
}
