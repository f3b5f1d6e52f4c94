//! `ocd run`: flash, reset, and show what the firmware prints until it ends. Made to be a cargo
//! runner: `runner = "ocd run"`.

mod catch;
mod console_input;
mod embedded_test;
mod ending;
mod firmware;
mod log;
mod log_filter;
mod log_format;
mod misplaced;
mod output;
mod test_arguments;
mod test_list;
mod until;
mod verdict_line;

use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use openocd::{
    Event, Events, ImageFormat, OnClose, ResetMode, RttMode, RunChannel, RunInput, RunOutcome, RunUntil, StopToken,
    TargetState, Verdict,
};

use crate::board::Board;
use crate::context::Context;
use crate::control_block;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::flashing::{self, ProgramArgs};
use crate::image_files;
use crate::number;
use crate::output::progress::Watch;
use crate::output::{Output, room};
use crate::settings::Key;
use crate::signals::{POLL, Signals};
use catch::Catch;
use ending::Ending;
pub(crate) use ending::{as_exit_status, exit};
pub(crate) use firmware::{Firmware, other_firmware};
pub(crate) use log::LogArgs;
pub(crate) use misplaced::options_among;
pub(crate) use output::{DEFMT_CHANNEL, Sink};
use until::Until;

#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    /// The firmware: an ELF file.
    file: PathBuf,
    /// Arguments for the firmware, which it gets by semihosting; for a test binary, those of
    /// `cargo test` and nextest. Options of ocd go before them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
    /// Whether `--` stands before the arguments.
    #[arg(skip)]
    is_separated: bool,
    /// Run what is in flash already. If it differs from FILE, a warning says so, the log of defmt
    /// is not decoded, and addresses have no names. --until SYMBOL and the tests of FILE then fail
    /// with 75 before anything runs.
    #[arg(long, conflicts_with_all = ["no_skip", "verify", "no_verify", "keep_unwritten", "chip_erase", "unlock"])]
    no_flash: bool,
    /// End with success at the first line that this regular expression matches. If the firmware
    /// exits with 0 before that, the status is 77.
    #[arg(long, value_name = "REGEX")]
    until_line: Option<regex::Regex>,
    /// End with success when the firmware reaches this symbol or address. If the firmware exits
    /// with 0 before that, the status is 77. The place where the run begins counts only when it is
    /// reached again.
    #[arg(long, value_name = "SYMBOL")]
    until: Vec<String>,
    /// The only exceptions that end the run, besides lockup [default: hard-fault, and those that
    /// OpenOCD catches already].
    #[arg(long, value_enum, value_delimiter = ',', value_name = "EXCEPTIONS")]
    catch: Option<Vec<Catch>>,
    /// What the firmware reads from its semihosting console: a file, or - for standard input. Not
    /// for a test binary.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// What the firmware reads from its RTT down-channel 0, or the one of the first --channel: a
    /// file, or - for standard input. What it has not read at the end of the run is dropped. Not
    /// for a test binary.
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    rtt_input: Option<PathBuf>,
    /// Let the firmware access files below this folder by semihosting.
    #[arg(long, value_name = "FOLDER")]
    files: Option<PathBuf>,
    /// When to show the calls that led to the end.
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    backtrace: Backtrace,
    #[command(flatten)]
    program: ProgramArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl RunArgs {
    pub(crate) fn writes_flash(&self) -> bool {
        !self.no_flash
    }

    /// Takes over from the command line what clap does not tell.
    pub(crate) fn note_separator(&mut self, words: &[OsString]) {
        // The arguments are the last words.
        let before = words.len().saturating_sub(self.args.len());
        self.is_separated = words.iter().take(before).any(|word| word == "--");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backtrace {
    /// After a crash.
    Auto,
    Always,
    Never,
}

/// How long the report of a reset may take that happened before the end of the run.
const LAST_EVENT: Duration = Duration::from_millis(50);

/// What a run needs besides the board and what is shown.
pub(crate) struct Runner {
    output: Output,
    signals: Signals,
    arguments: RunArgs,
    firmware: Firmware,
    /// Where the firmware's RTT is, if it is wanted.
    rtt: Option<Range<u64>>,
    until: Until,
}

pub(crate) fn run(context: &Context, arguments: RunArgs) -> Outcome<u8> {
    let firmware = Firmware::read(&arguments.file)?;
    // What cannot be found is told before the board is opened.
    let rtt = arguments.log.range(&firmware, &context.one_settings()?)?;
    let until = Until::read(context, &firmware, &arguments.until)?;
    if let Some(folder) = &arguments.files {
        check_folder(folder)?;
    }
    if arguments.rtt_input.is_some() && rtt.is_none() {
        return Err(Failure::configuration("--rtt-input needs firmware with RTT").help(firmware.without_rtt()));
    }
    let (output, signals) = (context.output.clone(), context.signals.clone());
    let runner = Runner { output, signals, arguments, firmware, rtt, until };
    if runner.firmware.is_test {
        return embedded_test::run(context, runner);
    }
    if !runner.arguments.is_separated {
        misplaced::refuse(&runner.arguments.args)?;
    }
    let (input, _reader) = console_input::input(context, &runner.arguments)?;
    runner.firmware.note_missing_places(&runner.output);
    let mut sink = runner.sink();

    let board = context.one_board()?;
    context.signals.attend();
    let ended = runner.prepare(&board).and_then(|is_described| {
        if !is_described {
            sink.expect_other_firmware();
        }
        let limit = board.time_limit()?.unwrap_or(number::LONGEST);
        room::limit(Instant::now().checked_add(limit));
        runner.run_once(&board, &mut sink, &command_line(&runner.arguments), input, limit)
    });
    // The target is left as it should be also after a failure, which then counts.
    let closed = board.close(OnClose::Halt);
    let ending = match (ended, closed) {
        (Ok(ending), Ok(())) => ending,
        (Err(failure), Ok(())) | (Ok(_), Err(failure)) => return Err(failure),
        (Err(failure), Err(left)) => {
            let note = "the target was not left as it should be";
            // Without OpenOCD there is nothing more to tell.
            let is_gone = [failure.status, left.status] == [exit_status::CONNECTION; 2];
            return Err(failure.note(if is_gone { note.to_owned() } else { format!("{note}: {left}") }));
        }
    };
    ending.tell(&runner.output)
}

impl Runner {
    fn sink(&self) -> Sink<'_> {
        Sink::new(self.output.clone(), &self.firmware, &self.arguments.log, self.arguments.until_line.clone())
    }

    /// Writes the flash, if wanted. Returns whether the file is that of the firmware. Fails if it
    /// is not, and success would be what the file says: its tests, or a place that it names.
    fn prepare(&self, board: &Board) -> Outcome<bool> {
        if self.firmware.image.format() == ImageFormat::Elf {
            if let Some(text) = image_files::other_machine(&self.firmware.path, board)? {
                return Err(Failure::configuration(text));
            }
        }
        let is_trusted = self.arguments.log.trusts_file();
        let is_described = match self.arguments.no_flash {
            true => {
                let is_needed = self.firmware.is_test || self.until.needs_file();
                self.firmware.compare(&self.output, board, is_trusted, is_needed)?
            }
            false => self.write(board)?,
        };
        self.until.compare(&self.output, board, is_trusted)?;
        self.warn_of_other_start(board)?;
        Ok(is_described)
    }

    /// Warns if the reset, at which the target is halted, begins in flash of which the file holds
    /// nothing: a boot loader, or firmware that was there before and runs in its place.
    fn warn_of_other_start(&self, board: &Board) -> Outcome<()> {
        let target = board.target()?;
        let Some(pc) = target.status()?.pc else { return Ok(()) };
        let holds = |begin: u64, length: u64| pc.checked_sub(begin).is_some_and(|offset| offset < length);
        let in_file = self.firmware.image.segments().iter().any(|part| holds(part.address, part.data.len() as u64));
        // The boot ROM of a chip is no flash.
        if in_file || !target.flash().banks()?.iter().any(|bank| holds(bank.base, bank.size)) {
            return Ok(());
        }
        let text = format!(
            "the reset begins at {pc:#010x}, where {} has nothing: another program runs first",
            self.firmware.path.display()
        );
        self.output.warning(board.name(), &text)
    }

    fn write(&self, board: &Board) -> Outcome<bool> {
        let mut watch = Watch::new(&self.output, board.name(), &self.signals);
        let image = &self.firmware.image;
        let programmed = flashing::program(board, image, &self.arguments.program, Some(ResetMode::Halt), &mut watch)?;
        drop(watch);
        self.output.note(None, format_args!("flash: {}", programmed.flash));
        Ok(true)
    }

    /// Fails if another client of the same OpenOCD has written other firmware during the run: the
    /// outcome would be that firmware's.
    fn check_same_firmware(&self, board: &Board, outcome: &RunOutcome) -> Outcome<()> {
        let is_shared = board.settings.value(Key::Connect).is_some();
        // What was in flash before a run without flashing is compared, and told, at its beginning.
        if !is_shared || self.arguments.no_flash || outcome.status.state != TargetState::Halted {
            return Ok(());
        }
        let Some(mismatch) = board.target()?.flash().verify_image_at(&self.firmware.image)? else { return Ok(()) };
        let message = "another program wrote other firmware during the run, so its outcome says nothing";
        Err(Failure::new(exit_status::TARGET, "ocd.run.other_firmware", message)
            .cause(mismatch.to_string())
            .help("let one program at a time use the OpenOCD of --connect"))
    }

    /// Resets the target and runs it until the firmware ends.
    fn run_once(
        &self,
        board: &Board,
        sink: &mut Sink<'_>,
        command_line: &str,
        input: RunInput,
        limit: Duration,
    ) -> Outcome<Ending> {
        let target = board.target()?;
        target.reset(ResetMode::Halt)?;
        // From here on all resets are of other programs; the firmware's own are no commands of
        // OpenOCD.
        let is_shared = board.settings.value(Key::Connect).is_some();
        let others = if is_shared { Some(board.session.events()?) } else { None };
        let before = catch::set(&target, self.arguments.catch.as_deref())?;
        let ended = self.run_to_end(board, sink, command_line, input, limit, others);
        // Also after a failure, which counts, such as output that nobody reads: an OpenOCD of
        // others goes on.
        let restored = before.map_or(Ok(()), |before| target.set_vector_catch(&before));
        let ending = ended?;
        restored?;
        Ok(ending)
    }

    /// Runs the target, which is halted at its reset, until the firmware ends. `others` reports
    /// what other clients do.
    fn run_to_end(
        &self,
        board: &Board,
        sink: &mut Sink<'_>,
        command_line: &str,
        input: RunInput,
        limit: Duration,
        others: Option<Events>,
    ) -> Outcome<Ending> {
        let (arguments, firmware) = (&self.arguments, &self.firmware);
        let target = board.target()?;
        let begins_at_place = !self.until.addresses().is_empty()
            && target.status()?.pc.is_some_and(|pc| self.until.addresses().contains(&pc));
        let (console, mut by_rtt) = match arguments.rtt_input {
            Some(_) => (RunInput::from(Vec::new()), Some(input)),
            None => (input, None),
        };
        let mut until = RunUntil::new().input(console).command_line(command_line).keep(0);
        for &place in self.until.addresses() {
            until = until.breakpoint(place);
        }
        if let Some(folder) = &arguments.files {
            until = until.files(folder);
        }
        if let Some(range) = &self.rtt {
            // So that nothing is lost that the firmware prints before a channel waits for its
            // reader.
            if let Ok(main) = firmware.image.symbol("main") {
                until = until.rtt_from(main.address);
            }
            for &number in arguments.log.channels() {
                let mut channel = RunChannel::new(number).mode(RttMode::Block).binary();
                // For the first one.
                if let Some(input) = by_rtt.take() {
                    channel = channel.input(input);
                }
                until = until.rtt(range.clone(), channel);
            }
        }
        let stop = StopToken::new();
        let run = || {
            let until = until.stop_token(&stop).on_output(|output| sink.take(output));
            target.run_until(until, limit)
        };
        let outcome = board.within(limit, || stopping(&self.signals, &stop, run));
        if outcome.is_err() {
            // The beginning of a line is all that may have come. The failure counts.
            let _ = sink.finish(false);
        }
        let outcome = outcome?;
        sink.finish(matches!(outcome.verdict, Verdict::Exit { .. }))?;
        if let Some(range) = self.rtt.as_ref().filter(|_| !outcome.missing_channels.is_empty()) {
            // That the search fails is no reason to lose the outcome.
            let flaw = control_block::start(&target, range).map_or(None, |started| started.err().flatten());
            sink.missing(&outcome.missing_channels, arguments.log.asks_for_rtt(), flaw.as_deref())?;
        }
        self.check_same_firmware(board, &outcome)?;
        if others.is_some_and(|events| events.timeout_iter(LAST_EVENT).any(|event| is_reset(&event))) {
            let message = "another program reset the target during the run, so its outcome says nothing";
            return Err(Failure::new(exit_status::TARGET, "ocd.run.reset", message)
                .help("let one program at a time use the OpenOCD of --connect"));
        }
        Ending::of(self, &target, sink, outcome, begins_at_place)
    }
}

fn is_reset(event: &openocd::Result<Event>) -> bool {
    matches!(event, Ok(Event::Reset(_)))
}

/// Runs `action`, which `stop` can end, and stops it at a signal.
pub(crate) fn stopping(
    signals: &Signals,
    stop: &StopToken,
    action: impl FnOnce() -> openocd::Result<RunOutcome>,
) -> Outcome<RunOutcome> {
    let (done, ended) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while ended.recv_timeout(POLL) == Err(mpsc::RecvTimeoutError::Timeout) {
                if signals.caught().is_some() {
                    stop.stop();
                    return;
                }
            }
        });
        let outcome = action();
        drop(done);
        Ok(outcome?)
    })
}

/// Fails unless the folder that the firmware may use can be read.
pub(crate) fn check_folder(folder: &Path) -> Outcome<()> {
    std::fs::read_dir(folder).map(drop).map_err(|error| Failure::file("read the folder", folder, &error))
}

/// The command line that the firmware gets, program name first.
fn command_line(arguments: &RunArgs) -> String {
    let name = arguments.file.file_name().unwrap_or_default().to_string_lossy();
    let words = std::iter::once(&*name).chain(arguments.args.iter().map(String::as_str));
    words.collect::<Vec<_>>().join(" ")
}
