//! Test binaries of `embedded-test`: the options and the output of `cargo test`, one run a test.
//!
//! The list of tests is in the ELF file, so `--list` needs no board. Before each test the target is
//! reset; the firmware asks for its command line by semihosting and gets `run_addr ADDRESS`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use openocd::{OnClose, RunInput};
use serde::Serialize;

use super::Runner;
use super::output::Sink;
use super::test_arguments::{self, Read};
use super::test_list::{self, Test};
use super::verdict_line::{self, VerdictLine};
use crate::board::Board;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::escape::escaped;
use crate::output::{Done, Output, Whose};
use crate::time_limit::TimeLimit;
use crate::{exit_status, panics};

/// The status with which `embedded-test` ends a test that panics or fails.
const PANICKED: i32 = 134;

/// The result of one test, as an event in JSON.
#[derive(Serialize)]
struct Event<'a> {
    name: &'a str,
    passed: bool,
    reason: &'a str,
}

/// The result of all tests, in JSON.
#[derive(Clone, Serialize)]
struct Report {
    /// One line: how the tests ended.
    reason: String,
    passed: u64,
    failed: u64,
    ignored: u64,
    filtered_out: u64,
    /// Tests that had not begun when the time was over.
    not_run: u64,
    /// The test that ran when the time was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    unfinished: Option<String>,
}

impl Report {
    /// What is known before the first test.
    fn planned(arguments: &Arguments, tests: &[Test]) -> Report {
        let runs_ignored = arguments.ignored || arguments.include_ignored;
        let mut report = Report {
            reason: String::new(),
            passed: 0,
            failed: 0,
            ignored: 0,
            filtered_out: 0,
            not_run: 0,
            unfinished: None,
        };
        for Test { name, is_ignored, .. } in tests {
            let trial = Trial::test(name, || Ok(())).with_ignored_flag(*is_ignored);
            *match arguments.is_filtered_out(&trial) {
                true => &mut report.filtered_out,
                false if *is_ignored && !runs_ignored => &mut report.ignored,
                false => &mut report.not_run,
            } += 1;
        }
        report
    }

    fn finished(conclusion: &Conclusion) -> Report {
        let (passed, failed, ignored) = (conclusion.num_passed, conclusion.num_failed, conclusion.num_ignored);
        let verdict = match conclusion.has_failed() {
            true => "tests failed",
            false if passed == 0 => "no test ran",
            false => "the tests passed",
        };
        Report {
            reason: format!("{verdict}: {passed} passed, {failed} failed, {ignored} ignored"),
            passed,
            failed,
            ignored,
            filtered_out: conclusion.num_filtered_out,
            not_run: 0,
            unfinished: None,
        }
    }

    /// `next` is the test that runs, or would be the next one.
    fn over(mut self, limit: Duration, next: &str, is_running: bool) -> Report {
        self.reason = format!("the time of {limit:?} is over {}", self.so_far(next, is_running));
        self.unfinished = Some(next.to_owned()).filter(|_| is_running);
        self
    }

    /// When all ended, and what was known by then.
    fn so_far(&self, next: &str, is_running: bool) -> String {
        let Report { passed, failed, not_run, .. } = self;
        let when = if is_running { format!("while the test {next} ran") } else { format!("before the test {next}") };
        format!("{when}: {passed} passed, {failed} failed, {not_run} did not run")
    }

    /// Tells people and programs.
    fn tell(self, output: &Output, status: u8) -> Outcome<()> {
        if output.is_json() {
            return output.done(None, &Done::with(self, status));
        }
        output.note(None, format_args!("{self} (exit status {status}, {})", Whose::Ocd));
        Ok(())
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
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
    let arguments = match test_arguments::read(&runner.arguments, context.output.is_json())? {
        Read::Arguments(arguments) => arguments,
        Read::Answered(status) => return Ok(status),
    };
    let tests = test_list::read(&runner.firmware)?;
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
    let limit = board.as_ref().map(TimeLimit::begin).transpose()?.unwrap_or_default();
    let report = Mutex::new(Report::planned(&arguments, &tests));
    let shared = Arc::new(Shared { runner, board: Mutex::new(board), is_described, limit, report });
    let trials = tests.into_iter().map(|test| {
        let (shared, is_ignored) = (Arc::clone(&shared), test.is_ignored);
        let line = VerdictLine::new(&test.name, width, &arguments);
        Trial::test(test.name.clone(), move || {
            let mut board = shared.board();
            let ended = board.as_ref().map_or(Ok(()), |board| run_one(&shared, board, &test, &line));
            ended.map_err(|problem| match problem {
                Problem::Test(failed) => failed,
                Problem::Run(failure) => end_run(board.take(), || shared.runner.output.failure(None, &failure)),
                Problem::TimeOver(report) => end_over(&shared.runner, board.take(), report),
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
    let board = shared.board().take();
    board.map_or(Ok(()), |board| board.close(OnClose::Halt))?;
    if let Some(status) = context.signals.caught() {
        // The last test had ended.
        return Err(Failure::interrupted(status));
    }
    let conclusion = conclusion.map_err(|panic| test_arguments::unprinted(&arguments, &panic))?;
    let status = if conclusion.has_failed() { exit_status::FAILED_TESTS } else { exit_status::DONE };
    if !arguments.list {
        Report::finished(&conclusion).tell(&context.output, status)?;
    }
    Ok(status)
}

/// What the tests have in common.
struct Shared {
    runner: Runner,
    /// `None` for a list, and once the board is closed.
    board: Mutex<Option<Board>>,
    /// Whether the file is that of the firmware.
    is_described: bool,
    /// The time of all tests together.
    limit: TimeLimit,
    report: Mutex<Report>,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Option<Board>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The signal, if one came: no test has failed by it.
    fn interrupted(&self, next: &str, is_running: bool) -> Option<Problem> {
        let status = self.runner.signals.caught()?;
        let message = format!("interrupted {}", self.report().so_far(next, is_running));
        Some(Problem::Run(Failure { message, ..Failure::interrupted(status) }))
    }

    /// Fails if the time of all tests is over.
    fn check_time(&self, next: &str, is_running: bool) -> Result<(), Problem> {
        let Some(limit) = self.limit.over() else { return Ok(()) };
        Err(Problem::TimeOver(self.report().clone().over(limit, next, is_running)))
    }
}

/// Why a test has not passed.
enum Problem {
    Test(Failed),
    /// The test could not be run to its end: OpenOCD or the target cannot be reached, a signal came,
    /// or standard output takes no more. This says nothing of the test, nor of those after it.
    Run(Failure),
    /// The time of `--timeout` is over, which says nothing of the test either.
    TimeOver(Report),
}

/// What is printed about a test could not be written.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Problem::Run(failure)
    }
}

/// Ends the program in the middle of a test: libtest knows no test without a verdict. `tell` returns
/// the exit status.
fn end_run(board: Option<Board>, tell: impl FnOnce() -> u8) -> ! {
    // The failure counts.
    let _ = board.map(|board| board.close(OnClose::Halt));
    std::process::exit(tell().into())
}

/// The same, as the time is over. The target is left as it should be, or that failure counts.
fn end_over(runner: &Runner, board: Option<Board>, report: Report) -> ! {
    let closed = board.map_or(Ok(()), |board| board.close(OnClose::Halt));
    let told = closed.and_then(|()| report.tell(&runner.output, exit_status::TIMEOUT));
    end_run(None, || told.map_or_else(|failure| runner.output.failure(None, &failure), |()| exit_status::TIMEOUT))
}

/// Runs one test. What it prints is shown; a log of defmt only if the file describes it.
fn run_one(shared: &Shared, board: &Board, test: &Test, line: &VerdictLine) -> Result<(), Problem> {
    let runner = &shared.runner;
    if let Some(interrupted) = shared.interrupted(&test.name, false) {
        line.interrupt()?;
        return Err(interrupted);
    }
    if let Err(over) = shared.check_time(&test.name, false) {
        line.interrupt()?;
        return Err(over);
    }
    shared.report().not_run -= 1;
    let mut sink = runner.sink();
    sink.interrupt(line);
    if !shared.is_described {
        sink.expect_other_firmware();
    }
    let limit = shared.limit.shorten(test.limit);
    let result = match verdict(runner, board, test, limit, &mut sink, line) {
        Err(failure) if failure.is_of_output() => return Err(Problem::Run(failure)),
        // Such as a call for memory that is not there: the next test can run.
        Err(failure) if is_of_test(&failure, board) && runner.signals.caught().is_none() => Err(failure.to_string()),
        Err(failure) => {
            line.interrupt()?;
            let so_far = shared.report().so_far(&test.name, true);
            return Err(shared.interrupted(&test.name, true).unwrap_or(Problem::Run(failure.note(so_far))));
        }
        Ok(Verdict::Interrupted) => {
            line.interrupt()?;
            return Err(shared.interrupted(&test.name, true).unwrap_or_else(|| Problem::Test("stopped".into())));
        }
        Ok(Verdict::TimeOver) if limit < test.limit => {
            line.interrupt()?;
            shared.check_time(&test.name, true)?;
            Err("the time is over".to_owned())
        }
        Ok(Verdict::TimeOver) => Err(format!("the time of {limit:?} is over")),
        Ok(Verdict::Ended(result)) => result,
    };
    line.resume()?;
    let reason = result.as_ref().map_or_else(ToString::to_string, Clone::clone);
    let event = Event { name: &test.name, passed: result.is_ok(), reason: &reason };
    runner.output.event(None, "test", &event)?;
    let mut report = shared.report();
    *(if result.is_ok() { &mut report.passed } else { &mut report.failed }) += 1;
    drop(report);
    result.map(drop).map_err(|reason| Problem::Test(escaped(&reason).into()))
}

/// Whether a failure is the test's own: the target answers, and nobody else has used it.
fn is_of_test(failure: &Failure, board: &Board) -> bool {
    let is_of_others = failure.id.starts_with("ocd.run.");
    failure.status == exit_status::TARGET && !is_of_others && board.target().is_ok_and(|target| target.status().is_ok())
}

/// How a test ended.
enum Verdict {
    /// Whether it passes, and why.
    Ended(Result<String, String>),
    TimeOver,
    /// By a signal.
    Interrupted,
}

/// Runs the test for at most so long; a failure where it could not be run.
fn verdict<'s>(
    runner: &'s Runner,
    board: &Board,
    test: &Test,
    limit: Duration,
    sink: &mut Sink<'s>,
    line: &VerdictLine,
) -> Outcome<Verdict> {
    let command_line = format!("run_addr {}", test.address);
    let input = RunInput::from(Vec::new());
    let ending = runner.run_once(board, sink, &command_line, input, limit)?;
    if ending.needs_explanation() {
        line.interrupt()?;
    }
    ending.explain(&runner.output);
    let passed = match ending.exited() {
        Some(status) if test.should_panic => status == PANICKED,
        Some(status) => status == 0,
        None if ending.status == exit_status::TIMEOUT => return Ok(Verdict::TimeOver),
        None if runner.signals.caught() == Some(ending.status) => return Ok(Verdict::Interrupted),
        None => false,
    };
    Ok(Verdict::Ended(match passed {
        true => Ok(ending.reason),
        false if test.should_panic => Err(format!("the test should panic, but {}", ending.reason)),
        false => Err(ending.reason),
    }))
}
