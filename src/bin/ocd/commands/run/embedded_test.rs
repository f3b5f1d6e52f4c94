//! Test binaries of `embedded-test`: the options and the output of `cargo test`, one run a test.
//!
//! The list of tests is in the ELF file, so `--list` needs no board. Before each test the target is
//! reset; the firmware asks for its command line by semihosting and gets `run_addr ADDRESS`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Parser as _;
use clap::error::ErrorKind;
use libtest_mimic::{Arguments, Failed, Trial};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use openocd::{OnClose, RunInput};
use serde::{Deserialize, Serialize};

use super::Runner;
use super::firmware::{Firmware, TEST_SECTION};
use super::output::Sink;
use super::verdict_line::{self, VerdictLine};
use crate::board::Board;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::Done;
use crate::{exit_status, panics, platform};

/// The version of the list that is understood.
const VERSION: u32 = 1;

/// The size of a test in the list: its function, and the name of its module.
const ITEM: u64 = 12;

/// How long a test without a time of its own may take.
const DEFAULT_LIMIT: Duration = Duration::from_secs(60);

/// The status with which `embedded-test` ends a test that panics or fails.
const PANICKED: i32 = 134;

/// What the symbol of a test says.
#[derive(Deserialize)]
struct Description {
    name: String,
    #[serde(default)]
    ignored: bool,
    #[serde(default)]
    should_panic: bool,
    timeout: Option<u32>,
}

#[derive(Clone)]
struct Test {
    name: String,
    address: u32,
    is_ignored: bool,
    should_panic: bool,
    limit: Duration,
}

/// The result of one test, as an event in JSON.
#[derive(Serialize)]
struct Event<'a> {
    name: &'a str,
    passed: bool,
    reason: &'a str,
}

/// The result of all tests, in JSON.
#[derive(Serialize)]
struct Report {
    passed: u64,
    failed: u64,
    ignored: u64,
    filtered_out: u64,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} ignored", self.passed, self.failed, self.ignored)
    }
}

/// The tests that the arguments choose, in JSON.
#[derive(Serialize)]
struct List {
    tests: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    ignored: bool,
}

impl List {
    fn of(arguments: &Arguments, trials: &[Trial]) -> List {
        let chosen = trials.iter().filter(|trial| !arguments.is_filtered_out(trial));
        let listed = |trial: &Trial| Listed { name: trial.name().to_owned(), ignored: trial.has_ignored_flag() };
        List { tests: chosen.map(listed).collect() }
    }
}

impl std::fmt::Display for List {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.tests.iter().try_for_each(|test| writeln!(f, "{}: test", test.name))
    }
}

pub(super) fn run(context: &Context, runner: Runner) -> Outcome<u8> {
    let words = std::iter::once("ocd run".to_owned()).chain(runner.arguments.args.iter().cloned());
    let mut arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => return Err(wrong_usage(&error)),
        Err(error) => return Ok(crate::usage::answer(&error, &[], false)),
    };
    // One board runs one test at a time.
    arguments.test_threads = Some(1);
    if context.output.is_json() && !arguments.list {
        arguments.logfile = Some(platform::NULL_DEVICE.into());
    }
    if runner.arguments.until_line.is_some() || !runner.arguments.until.is_empty() {
        return Err(Failure::usage("--until and --until-line end a run, but a test ends by itself")
            .help("leave them out for a test binary"));
    }
    let tests = tests(&runner.firmware)?;
    let width = verdict_line::width(&arguments, tests.iter().map(|test| (&*test.name, test.is_ignored)));
    let board = if arguments.list { None } else { Some(context.one_board()?) };
    let prepared = board.as_ref().map_or(Ok(true), |board| {
        context.signals.attend();
        runner.firmware.note_missing_places(&runner.output);
        runner.prepare(board)
    });
    let is_described = match prepared {
        Ok(is_described) => is_described,
        Err(failure) => {
            // The target is left as it should be also after a failure, which counts.
            let _ = board.map(|board| board.close(OnClose::Halt));
            return Err(failure);
        }
    };
    let shared = Arc::new((runner, Mutex::new(board)));
    let trials = tests.into_iter().map(|test| {
        let (shared, is_ignored) = (Arc::clone(&shared), test.is_ignored);
        let line = VerdictLine::new(&test.name, width, &arguments);
        Trial::test(test.name.clone(), move || {
            let (runner, board) = &*shared;
            let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
            let ended = board.as_ref().map_or(Ok(()), |board| run_one(runner, board, &test, is_described, &line));
            ended.map_err(|problem| match problem {
                Problem::Test(failed) => failed,
                Problem::Run(failure) => end_run(runner, board.take(), &failure),
            })
        })
        .with_ignored_flag(is_ignored)
    });
    let trials: Vec<Trial> = trials.collect();
    if arguments.list && context.output.is_json() {
        context.output.done(None, &Done::from(List::of(&arguments, &trials)))?;
        return Ok(exit_status::DONE);
    }
    let conclusion = panics::caught(|| libtest_mimic::run(&arguments, trials));
    let board = shared.1.lock().unwrap_or_else(PoisonError::into_inner).take();
    board.map_or(Ok(()), |board| board.close(OnClose::Halt))?;
    if let Some(status) = context.signals.caught() {
        return Err(Failure::new(status, "ocd.interrupted", "interrupted: the tests after this one did not run"));
    }
    let conclusion = conclusion.map_err(|panic| unprinted(&panic))?;
    let status = if conclusion.has_failed() { exit_status::FAILED_TESTS } else { exit_status::DONE };
    if context.output.is_json() && !arguments.list {
        let report = Report {
            passed: conclusion.num_passed,
            failed: conclusion.num_failed,
            ignored: conclusion.num_ignored,
            filtered_out: conclusion.num_filtered_out,
        };
        context.output.done(None, &Done::with(report, status))?;
    }
    Ok(status)
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
fn unprinted(panic: &str) -> Failure {
    match panic.contains("BrokenPipe") {
        true => std::io::Error::from(std::io::ErrorKind::BrokenPipe).into(),
        false => Failure::new(exit_status::FAILED, "ocd.output", "cannot write to standard output")
            .cause(panics::unwrapped(panic)),
    }
}

/// Why a test has not passed.
enum Problem {
    Test(Failed),
    /// OpenOCD cannot be reached: this says nothing of the test, and no other one can run.
    Run(Failure),
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Problem::Test(failure.to_string().into())
    }
}

/// Ends the program in the middle of a test: libtest knows no test without a verdict.
fn end_run(runner: &Runner, board: Option<Board>, failure: &Failure) -> ! {
    // The failure counts.
    let _ = board.map(|board| board.close(OnClose::Halt));
    std::process::exit(runner.output.failure(None, failure).into())
}

/// Runs one test. What it prints is shown; a log of defmt only if the file describes it.
fn run_one(runner: &Runner, board: &Board, test: &Test, is_described: bool, line: &VerdictLine) -> Result<(), Problem> {
    if runner.signals.caught().is_some() {
        return Err(Problem::Test("interrupted".into()));
    }
    let mut sink = runner.sink();
    sink.interrupt(line);
    if !is_described {
        sink.expect_other_firmware();
    }
    let result = match verdict(runner, board, test, &mut sink, line) {
        Err(failure) if failure.status == exit_status::CONNECTION && runner.signals.caught().is_none() => {
            line.interrupt()?;
            return Err(Problem::Run(failure));
        }
        Err(failure) => Err(failure.to_string()),
        Ok(verdict) => verdict,
    };
    line.resume()?;
    let reason = result.as_ref().map_or_else(ToString::to_string, Clone::clone);
    let event = Event { name: &test.name, passed: result.is_ok(), reason: &reason };
    runner.output.event(None, "test", &event)?;
    result.map(drop).map_err(|reason| Problem::Test(reason.into()))
}

/// Whether the test passes, and why; a failure where it could not be run.
fn verdict<'s>(
    runner: &'s Runner,
    board: &Board,
    test: &Test,
    sink: &mut Sink<'s>,
    line: &VerdictLine,
) -> Outcome<Result<String, String>> {
    let command_line = format!("run_addr {}", test.address);
    let input = RunInput::from(Vec::new());
    let ending = runner.run_once(board, sink, &command_line, input, test.limit)?;
    if ending.needs_explanation() {
        line.interrupt()?;
    }
    ending.explain(&runner.output);
    let passed = match ending.exited() {
        Some(status) if test.should_panic => status == PANICKED,
        Some(status) => status == 0,
        None => false,
    };
    Ok(match passed {
        true => Ok(ending.reason),
        false if test.should_panic => Err(format!("the test should panic, but {}", ending.reason)),
        false => Err(ending.reason),
    })
}

/// Reads the list of tests from the ELF file.
fn tests(firmware: &Firmware) -> Outcome<Vec<Test>> {
    let wrong = |problem: &str| firmware.wrong(&format!("cannot read the list of its tests: {problem}"));
    let file = object::File::parse(&*firmware.bytes).map_err(|error| wrong(&error.to_string()))?;
    let section = file.section_by_name(TEST_SECTION).ok_or_else(|| wrong("the section is gone"))?;
    let data = section.data().map_err(|error| wrong(&error.to_string()))?;
    let word = |address: u64| -> Option<u32> {
        let at = usize::try_from(address.checked_sub(section.address())?).ok()?;
        let bytes = data.get(at..)?.first_chunk::<4>()?;
        Some(if file.is_little_endian() { u32::from_le_bytes(*bytes) } else { u32::from_be_bytes(*bytes) })
    };
    let mut tests = Vec::new();
    let mut has_version = false;
    for symbol in file.symbols().filter(|symbol| symbol.section_index() == Some(section.index())) {
        let name = symbol.name().map_err(|error| wrong(&error.to_string()))?;
        if name == "EMBEDDED_TEST_VERSION" {
            match word(symbol.address()) {
                Some(VERSION) => has_version = true,
                other => return Err(wrong(&format!("its version is {other:?}, but this ocd knows {VERSION}"))),
            }
        }
        if !name.starts_with('{') {
            continue;
        }
        let description: Description = serde_json::from_str(name).map_err(|error| wrong(&error.to_string()))?;
        let part = |offset| symbol.address().checked_add(offset).and_then(word);
        let item = (part(0), part(4), part(8));
        let (Some(address), Some(module), Some(length)) = item else { return Err(wrong("an item is cut short")) };
        let module = text(firmware, module, length).ok_or_else(|| wrong("a module has no name"))?;
        // As libtest names tests: without the crate.
        let module = module.split_once("::").map_or("", |(_, module)| module);
        let name = if module.is_empty() { description.name } else { format!("{module}::{}", description.name) };
        let limit = description.timeout.map_or(DEFAULT_LIMIT, |seconds| Duration::from_secs(seconds.into()));
        let (is_ignored, should_panic) = (description.ignored, description.should_panic);
        tests.push(Test { name, address, is_ignored, should_panic, limit });
    }
    if !has_version {
        return Err(wrong("the symbol EMBEDDED_TEST_VERSION is missing"));
    }
    // A test that is not seen would be a test that passes. Room for less than one more is padding.
    if section.size() >= ITEM * (tests.len() as u64 + 1) + size_of_val(&VERSION) as u64 {
        return Err(wrong("some have no symbol that names them: were symbols stripped?"));
    }
    tests.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(tests)
}

/// Text in the image.
fn text(firmware: &Firmware, address: u32, length: u32) -> Option<String> {
    let (start, length) = (u64::from(address), usize::try_from(length).ok()?);
    firmware.image.segments().iter().find_map(|segment| {
        let at = usize::try_from(start.checked_sub(segment.address)?).ok()?;
        let bytes = segment.data.get(at..)?.get(..length)?;
        String::from_utf8(bytes.to_vec()).ok()
    })
}
