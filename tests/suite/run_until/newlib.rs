//! C programs with newlib.

use openocd::{OutputSource, ResetMode, RunOutcome, RunUntil, Verdict};
use virtual_chip::firmware::newlib;

use super::{run, texts};
use crate::board::Board;

/// Runs a program with this input until it exits.
fn run_program(program: &[u8], input: &str) -> RunOutcome {
    let board = Board::start();
    board.chip.load_elf(program);
    board.session.target().reset(ResetMode::Halt).unwrap();
    let outcome = run(&board, RunUntil::new().input(input));
    assert!(outcome.refused_calls.is_empty(), "{outcome:?}");
    outcome
}

fn of(outcome: &RunOutcome, source: OutputSource) -> String {
    outcome
        .lines
        .iter()
        .filter(|line| line.source == source)
        .flat_map(|line| [line.to_string(), "\n".to_owned()])
        .collect()
}

#[test]
fn the_status_of_exit_is_reported() {
    let outcome = run_program(newlib::EXIT7, "");
    assert_eq!(outcome.verdict, Verdict::Exit { status: 7, reason: 0x20026 });
    assert_eq!((outcome.output_text().as_str(), texts(&outcome)), (newlib::EXIT7_OUTPUT, vec![newlib::EXIT7_OUTPUT]));
}

#[test]
fn standard_output_and_standard_error_are_told_apart() {
    let outcome = run_program(newlib::HELLO, "");
    assert_eq!(outcome.verdict, Verdict::Exit { status: 0, reason: 0x20026 });
    assert_eq!(of(&outcome, OutputSource::Output), newlib::HELLO_OUTPUT);
    assert_eq!(of(&outcome, OutputSource::Error), newlib::HELLO_ERRORS);
    assert_eq!(outcome.output.len(), newlib::HELLO_OUTPUT.len() + newlib::HELLO_ERRORS.len());
}

#[test]
fn fgets_and_scanf_read_the_input() {
    let outcome = run_program(newlib::ECHO, "Ada\n3 4\n");
    assert_eq!(outcome.verdict, Verdict::Exit { status: 7, reason: 0x20026 });
    assert_eq!(texts(&outcome), ["name? ", "hello, Ada", "numbers? ", "3 + 4 = 7"]);
    for (input, status) in [("", 101), ("Ada\n", 102), ("Ada\nthree\n", 102)] {
        assert_eq!(run_program(newlib::ECHO, input).verdict, Verdict::Exit { status, reason: 0x20026 }, "{input:?}");
    }
}

#[test]
fn a_failed_assertion_and_abort_are_no_success() {
    let outcome = run_program(newlib::ASSERT, "");
    assert!(matches!(outcome.verdict, Verdict::Exit { status: 1.., .. }), "{outcome:?}");
    assert_eq!(of(&outcome, OutputSource::Output), newlib::ASSERT_OUTPUT);
    assert!(of(&outcome, OutputSource::Error).starts_with(newlib::ASSERT_MESSAGE), "{outcome:?}");
    let outcome = run_program(newlib::ABORT, "");
    assert!(matches!(outcome.verdict, Verdict::Exit { status: 1.., .. }), "{outcome:?}");
    assert_eq!(outcome.output_text(), newlib::ABORT_OUTPUT);
}
