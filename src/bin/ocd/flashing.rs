//! Programs a board: the step that `ocd flash` and `ocd run` share.

use std::fmt;
use std::time::{Duration, Instant};

use clap::Args;
use openocd::{
    Error, Flash, FlashError, Image, Phase, Progress, ResetMode, Segment, TargetStatus, WriteOptions, WriteReport,
};
use serde::Serialize;

use crate::board::Board;
use crate::crash::{self, Crash};
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::image_files::leaving_out;
use crate::lost;
use crate::others::{self, Others};
use crate::output::progress::Watch;

/// How flash is written.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Flash")]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct ProgramArgs {
    /// Erase and write all sectors of the image, also those that hold their part already.
    #[arg(long, alias = "force")]
    no_skip: bool,
    /// Read all of the image back besides, and compare it byte by byte. What is written is always
    /// verified by checksum.
    #[arg(long, conflicts_with = "no_verify")]
    verify: bool,
    /// Do not verify what is written.
    #[arg(long)]
    no_verify: bool,
    /// Keep the bytes of erased sectors that the image does not hold, such as calibration data.
    #[arg(long, conflicts_with = "chip_erase")]
    keep_unwritten: bool,
    /// Erase all of each flash bank that the image touches, not only the sectors.
    #[arg(long)]
    chip_erase: bool,
    /// End the write protection of the sectors that the image touches. If the chip obeys that at
    /// its next reset only, it is reset again before it is written.
    #[arg(long)]
    unlock: bool,
}

impl ProgramArgs {
    fn write_options(&self) -> WriteOptions {
        WriteOptions::new()
            .skip_unchanged(!self.no_skip)
            .verify(!self.no_verify)
            .keep_unwritten(self.keep_unwritten)
            .erase_banks(self.chip_erase)
            .unlock(self.unlock)
            // The chip is reset before, and mostly after.
            .restore_ram(false)
    }

    fn verified(&self) -> Verified {
        match (self.no_verify, self.verify) {
            (true, _) => Verified::No,
            (_, false) => Verified::Checksum,
            (_, true) => Verified::ReadBack,
        }
    }
}

/// How a board came to hold its image.
#[derive(Debug, Serialize)]
pub(crate) struct Programmed {
    pub(crate) flash: WriteReport,
    pub(crate) verified: Verified,
    /// The target afterwards.
    pub(crate) status: TargetStatus,
    pub(crate) durations: Durations,
}

/// What is known of the image in flash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verified {
    No,
    /// All of it is confirmed by the chip's own checksum.
    Checksum,
    /// Besides, all of it was read back and compared.
    ReadBack,
}

/// "1024 bytes erased, 108 written, 0 skipped, verified; stm32f1x.cpu is running (0.8 s)"
impl fmt::Display for Programmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verified = match self.verified {
            Verified::No => "not verified",
            Verified::Checksum => "verified",
            Verified::ReadBack => "verified by reading it back",
        };
        let seconds = self.durations.total.as_secs_f64();
        write!(f, "{}, {verified}; {} ({seconds:.1} s)", self.flash, self.status)
    }
}

/// How long each step took.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Durations {
    /// Until the board was open.
    #[serde(rename = "open_seconds", serialize_with = "seconds")]
    open: Duration,
    #[serde(rename = "reset_seconds", serialize_with = "seconds")]
    reset: Duration,
    /// Finding what flash holds already, and what is protected.
    #[serde(rename = "compare_seconds", serialize_with = "seconds")]
    compare: Duration,
    #[serde(rename = "erase_seconds", serialize_with = "seconds")]
    erase: Duration,
    #[serde(rename = "write_seconds", serialize_with = "seconds")]
    write: Duration,
    #[serde(rename = "verify_seconds", serialize_with = "seconds")]
    verify: Duration,
    /// The reset that started the image.
    #[serde(rename = "start_seconds", serialize_with = "seconds")]
    start: Duration,
    #[serde(rename = "total_seconds", serialize_with = "seconds")]
    pub(crate) total: Duration,
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Microseconds are as exact as this can be.
    serializer.serialize_f64((duration.as_secs_f64() * 1e6).round() / 1e6)
}

/// A step of programming.
#[derive(Debug, Clone, Copy)]
enum Step {
    Open,
    Reset,
    Compare,
    Phase(Phase),
    Start,
}

/// Takes the time of the steps.
struct Stopwatch {
    durations: Durations,
    now: (Step, Instant),
}

impl Stopwatch {
    /// The first step has lasted since `begun`.
    fn new(step: Step, begun: Instant) -> Self {
        Stopwatch { durations: Durations::default(), now: (step, begun) }
    }

    fn begin(&mut self, step: Step) {
        let now = Instant::now();
        let (before, begun) = std::mem::replace(&mut self.now, (step, now));
        let durations = &mut self.durations;
        let sum = match before {
            Step::Open => &mut durations.open,
            Step::Reset => &mut durations.reset,
            Step::Compare => &mut durations.compare,
            Step::Phase(Phase::Erase) => &mut durations.erase,
            Step::Phase(Phase::Write) => &mut durations.write,
            Step::Phase(_) => &mut durations.verify,
            Step::Start => &mut durations.start,
        };
        *sum += now - begun;
        durations.total += now - begun;
    }

    fn end(mut self) -> Durations {
        self.begin(Step::Open);
        self.durations
    }
}

/// Programs `image` into the board's target: resets and halts it, writes what flash does not hold
/// yet, and resets it again as `after` says; with `None` it stays halted as it is then.
///
/// A signal ends it between two sectors; the failure says how far it came.
pub(crate) fn program(
    board: &Board,
    image: &Image,
    arguments: &ProgramArgs,
    after: Option<ResetMode>,
    watch: &mut Watch,
) -> Outcome<Programmed> {
    let time = Stopwatch::new(Step::Open, board.opened);
    watch.interrupted("nothing was changed")?;
    others::check_has_flash(&board.target()?)?;
    let others = Others::of(board, &board.target()?)?;
    let programmed = reset_and_write(board, image, arguments, after, time, watch);
    others.after(watch.output(), board, programmed)
}

/// The same, for a target that has flash.
fn reset_and_write(
    board: &Board,
    image: &Image,
    arguments: &ProgramArgs,
    after: Option<ResetMode>,
    mut time: Stopwatch,
    watch: &mut Watch,
) -> Outcome<Programmed> {
    let target = board.target()?;
    time.begin(Step::Reset);
    watch.step("resetting");
    board.reset_before_writing(&target, "flash was not changed")?;
    watch.interrupted("flash was not changed, and the target is halted")?;
    time.begin(Step::Compare);
    watch.step("comparing");
    let flash = target.flash();
    let mut written = write(flash, image, arguments, &mut time, watch);
    let mut protected = None;
    while let Err(Error::Flash(FlashError::StillProtected { address, .. })) = written {
        // Nothing is written yet. Many chips load their protection at a reset only, and some
        // unprotect one part at each.
        if protected.replace(address) == Some(address) {
            break;
        }
        watch.interrupted("flash was not written, its protection ends at the next reset, and the target is halted")?;
        time.begin(Step::Reset);
        watch.step("resetting");
        board.reset_before_writing(&target, "flash was not written")?;
        watch.interrupted("flash was not written, and the target is halted")?;
        time.begin(Step::Compare);
        watch.step("comparing");
        written = write(flash, image, arguments, &mut time, watch);
    }
    let report = written.map_err(|error| {
        let help = leaving_out(image, &error);
        help.into_iter().fold(unfinished(error, board, watch), Failure::help)
    })?;
    if arguments.verified() == Verified::ReadBack {
        watch.step("reading back");
        time.begin(Step::Phase(Phase::Verify));
        read_back(board, flash, image, watch)?;
    }
    time.begin(Step::Start);
    let mut crash = None;
    let status = match after {
        Some(mode) => {
            watch.step("starting");
            let failed = |error| Failure::from(error).within("flash is written, but the reset after it failed");
            let mut status = target.reset(mode).map_err(failed)?;
            if mode == ResetMode::Run {
                let unknown = "flash is written, but it is unknown whether the target crashed";
                (status, crash) = crash::after_start(&target).map_err(|failure| failure.within(unknown))?;
            }
            status
        }
        None => target.status()?,
    };
    let programmed = Programmed { flash: report, verified: arguments.verified(), status, durations: time.end() };
    match crash {
        Some(crash @ Crash::Lockup) => Err(not_started(&programmed, "ocd.flash.lockup", crash)),
        Some(crash @ Crash::Fault) => Err(not_started(&programmed, "ocd.flash.crash", crash)),
        None => Ok(programmed),
    }
}

/// Writes what flash does not hold yet.
fn write(
    flash: Flash<'_>,
    image: &Image,
    arguments: &ProgramArgs,
    time: &mut Stopwatch,
    watch: &mut Watch,
) -> openocd::Result<WriteReport> {
    let told = |progress: Progress| {
        if progress.done == 0 {
            time.begin(Step::Phase(progress.phase));
        }
        watch.tell(progress)
    };
    flash.with_progress(told).write_image_with(image, arguments.write_options())
}

/// The target does not run what is in flash: that is no success, though flash holds the image.
fn not_started(programmed: &Programmed, id: &str, crash: Crash) -> Failure {
    let message = format!("flash is written, but the target {crash} when it was started");
    Failure::new(exit_status::CRASH, id, message)
        .cause(programmed.to_string())
        .help("is the image for this chip, and are the vectors where the chip starts? `ocd halt`, then `ocd crash` tell more")
        .help("for bytes that are no program: --reset halt")
}

/// Compares flash with an image in this program, without the chip's help.
fn read_back(board: &Board, flash: Flash<'_>, image: &Image, watch: &mut Watch) -> Outcome<()> {
    for Segment { address, data, .. } in image.segments() {
        let held = watch.flash(flash).read(*address, data.len() as u64);
        let held = held.map_err(|error| unfinished(error, board, watch))?;
        if let Some(at) = held.iter().zip(data).position(|(held, wanted)| held != wanted) {
            let (address, held, wanted) = (address + at as u64, held[at], data[at]);
            let message = format!(
                "flash has the image's checksum, but {address:#010x} holds {held:#04x} in place of {wanted:#04x}"
            );
            return Err(Failure::new(exit_status::MISMATCH, "flash.mismatch", message));
        }
    }
    Ok(())
}

/// Says what a call that ended before it was done leaves behind.
fn unfinished(error: Error, board: &Board, watch: &Watch) -> Failure {
    let is_cancelled = matches!(error, Error::Cancelled { .. });
    let saved = match &error {
        Error::Flash(FlashError::NotKept { lost, .. }) => Some(lost::save(lost, board.name())),
        _ => None,
    };
    let is_erased = matches!(&error, Error::Flash(FlashError::Write { cause, .. })
        if matches!(**cause, Error::Flash(FlashError::Verify { .. })));
    let mut failure = watch.failure(error);
    if is_erased {
        failure.notes.push("the sectors of the image are erased, and nothing was written".into());
    }
    if is_cancelled {
        failure
            .help
            .push("flash may hold a part of the image only: flash it again before the target is started".into());
    }
    saved.into_iter().fold(failure, |failure, saved| saved.tell(failure))
}
