//! Backtraces of calls of every kind, compared with GDB's of the same state.

use std::fs;
use std::process::Command;

use openocd::crash::{Backtrace, BacktraceEnd};
use openocd::{Image, ResetMode, RunUntil, Session, VectorCatch};

use super::{Calls, calls, calls_in, calls_of_gdb};
use crate::board::{Board, PATIENCE};

/// `tests/images/calls`, whose scenarios these constants number.
const CALLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/calls/calls.elf");
const RECURSION: u32 = 0;
const TAIL_CALL: u32 = 1;
const ARRAY: u32 = 2;
const LAST_INSTRUCTION_IS_A_CALL: u32 = 3;
const FAULT_IN_AN_INTERRUPT: u32 = 4;
const STOP_IN_AN_INTERRUPT: u32 = 5;
const PROCESS: u32 = 6;
const OVERFLOW: u32 = 7;
const ASSEMBLER: u32 = 8;
const NO_INFORMATION: u32 = 9;

fn image() -> Image {
    Image::open(CALLS).unwrap()
}

/// A chip that has run a scenario, halted at its end.
fn board_after(scenario: u32) -> Board {
    let board = Board::start_with(Session::builder().timeout(PATIENCE), |openocd| openocd.gdb_port(0));
    run(&board, scenario);
    board
}

fn run(board: &Board, scenario: u32) {
    let (session, image) = (&board.session, image());
    session.target().set_vector_catch(&VectorCatch::FAULTS).unwrap();
    board.chip.load_elf(&fs::read(CALLS).unwrap());
    session.target().reset(ResetMode::Halt).unwrap();
    session.memory().write_u32(image.symbol("scenario").unwrap().address, scenario).unwrap();
    let stop = image.symbol("stop").unwrap().address;
    session.target().run_until(RunUntil::new().breakpoint(stop), PATIENCE).unwrap();
}

fn backtrace(board: &Board) -> Backtrace {
    board.session.target().backtrace(&image()).unwrap()
}

fn names(calls: &Calls) -> Vec<&str> {
    calls.iter().map(|(name, _)| name.as_str()).collect()
}

/// The calls that GDB finds on the chip itself. Unlike a core file it has both stack pointers.
fn calls_of_live_gdb(board: &Board) -> Calls {
    let port = board.session.process().unwrap().gdb_ports()[0];
    let mut gdb = Command::new("gdb-multiarch");
    gdb.args(["-nx", "-batch", "-iex", "set debuginfod enabled off", "-ex", &format!("file {CALLS}")]);
    gdb.args(["-ex", &format!("target extended-remote localhost:{port}"), "-ex", "echo calls\\n", "-ex", "bt"]);
    let output = gdb.output().expect("gdb-multiarch; on Debian: apt-get install gdb-multiarch");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, listing) = text.split_once("calls\n").unwrap_or_else(|| panic!("{text}"));
    calls_in(listing)
}

#[test]
fn calls_are_those_of_gdb() {
    for (scenario, depth) in [
        (RECURSION, 21),
        (ARRAY, 3),
        (LAST_INSTRUCTION_IS_A_CALL, 4),
        (FAULT_IN_AN_INTERRUPT, 5),
        (STOP_IN_AN_INTERRUPT, 7),
        (ASSEMBLER, 7),
    ] {
        let board = board_after(scenario);
        let backtrace = backtrace(&board);
        assert_eq!(calls(&backtrace), calls_of_gdb(&board, CALLS), "{scenario}\n{backtrace}");
        assert_eq!(backtrace.frames.len(), depth, "{scenario}\n{backtrace}");
        assert_eq!(backtrace.end, BacktraceEnd::Outermost, "{scenario}\n{backtrace}");
        assert!(backtrace.frames.iter().all(|frame| !frame.is_guess), "{scenario}\n{backtrace}");
    }
}

#[test]
fn exceptions_are_crossed_twice() {
    let backtrace = backtrace(&board_after(FAULT_IN_AN_INTERRUPT));
    assert_eq!(names(&calls(&backtrace)), ["hard_fault", "fault", "interrupt", "trigger", "reset"]);
    let interrupted: Vec<_> = backtrace.frames.iter().map(|frame| frame.is_interrupted).collect();
    assert_eq!(interrupted, [false, true, false, true, false]);
}

#[test]
fn function_that_ended_in_a_tail_call_has_no_frame() {
    let board = board_after(TAIL_CALL);
    let backtrace = backtrace(&board);
    // GDB infers it from the calls that the compiler noted.
    let mut expected = calls_of_gdb(&board, CALLS);
    expected.retain(|(name, _)| name != "middle_of_three");
    assert_eq!(calls(&backtrace), expected, "{backtrace}");
    assert_eq!(names(&expected), ["stop", "last_of_three", "first_of_three", "reset"]);
}

#[test]
fn calls_on_the_stack_of_a_process_are_those_of_gdb() {
    let board = board_after(PROCESS);
    let backtrace = backtrace(&board);
    assert_eq!(names(&calls(&backtrace)), ["hard_fault", "fault", "process", "as_a_process"], "{backtrace}");
    assert!(backtrace.frames[0].sp > 0x2000_4000 && backtrace.frames[1].sp <= 0x2000_1000, "{backtrace:?}");
    assert_eq!(backtrace.end, BacktraceEnd::Outermost);
    assert_eq!(calls(&backtrace), calls_of_live_gdb(&board));
}

#[test]
fn overflowed_stack_ends_the_backtrace_where_gdb_ends() {
    let board = board_after(OVERFLOW);
    let backtrace = backtrace(&board);
    assert_eq!(calls(&backtrace), calls_of_gdb(&board, CALLS), "{backtrace}");
    assert!(matches!(backtrace.end, BacktraceEnd::UnreadableStack { address: 0x1fff_ff00.. }), "{backtrace}");
}

#[test]
fn many_calls_end_the_backtrace_at_a_limit() {
    let board = board_after(OVERFLOW);
    // The stack has room for 300 levels.
    board.session.target().reset(ResetMode::Halt).unwrap();
    board.session.memory().write_u32(image().symbol("scenario").unwrap().address, RECURSION).unwrap();
    let recurse = image().symbol("recurse").unwrap().address;
    board.session.target().run_until(RunUntil::new().breakpoint(recurse), PATIENCE).unwrap();
    board.session.registers().write("r0", 280_u32).unwrap();
    let stop = image().symbol("stop").unwrap().address;
    board.session.target().run_until(RunUntil::new().breakpoint(stop), PATIENCE).unwrap();
    let backtrace = backtrace(&board);
    assert_eq!((backtrace.frames.len(), &backtrace.end), (256, &BacktraceEnd::TooDeep));
}

#[test]
fn code_without_unwind_information_ends_the_backtrace() {
    let backtrace = backtrace(&board_after(NO_INFORMATION));
    assert_eq!(names(&calls(&backtrace)), ["stop", "without_information"]);
    assert!(matches!(backtrace.end, BacktraceEnd::NoUnwindInfo { .. }), "{backtrace}");
}

#[test]
fn corrupt_stacks_end_with_a_reason() {
    let board = board_after(FAULT_IN_AN_INTERRUPT);
    let (session, image) = (&board.session, image());
    let sp = session.registers().sp().unwrap();
    let held = board.held(sp, 0x2000_5000 - sp as usize);
    let reset = image.symbol("reset").unwrap().address as u32;
    let mut ends = std::collections::BTreeSet::new();
    for (address, held) in (sp as u32..).step_by(4).zip(held.chunks(4)) {
        for value in [0, u32::MAX, 0xffff_fff1, 0xffff_fffd, sp as u32, reset | 1, 0x0800_0061] {
            board.chip.write_u32(address, value).unwrap();
            let backtrace = session.target().backtrace(&image).unwrap();
            assert!((1..=256).contains(&backtrace.frames.len()), "{address:#x} {value:#x}\n{backtrace}");
            ends.insert(backtrace.end.to_string().split(" 0x").next().unwrap().to_owned());
        }
        board.chip.write_memory(address, held).unwrap();
    }
    // The innermost frame is in registers; all other ends come from the stack.
    assert!(ends.len() >= 4, "{ends:?}");
}
