//! C programs with newlib and semihosting. OpenOCD serves the calls, and ends when the program
//! exits.

use std::fs::File;
use std::process::Stdio;

use virtual_chip::{CoreState, HaltReason, Register, VirtualChip, firmware::newlib};

use crate::openocd::{Run, run_with_input};

const SYS_EXIT: u32 = 0x18;
const SYS_EXIT_EXTENDED: u32 = 0x20;
const APPLICATION_EXIT: u32 = 0x20026;
const RUN_TIME_ERROR: u32 = 0x20023;

/// Runs a program until it exits.
fn run(chip: &VirtualChip, program: &[u8], input: impl Into<Stdio>) -> Run {
    run_after(chip, program, "echo started", input)
}

fn run_after(chip: &VirtualChip, program: &[u8], first: &str, input: impl Into<Stdio>) -> Run {
    chip.load_elf(program);
    let commands = [first, "reset halt", "arm semihosting enable", "resume", "wait_halt 60000"];
    let run = run_with_input(chip.openocd_args(), &commands, input);
    assert_eq!((chip.state(), chip.halt_reason()), (CoreState::Halted, Some(HaltReason::Breakpoint)), "{run}");
    run
}

/// The number and the argument of the call at which the program halted.
fn call(chip: &VirtualChip) -> [u32; 2] {
    [0, 1].map(|number| chip.register(Register::R(number)))
}

#[test]
fn a_program_prints_numbers_and_returns_from_main() {
    let chip = VirtualChip::start().unwrap();
    let run = run(&chip, newlib::HELLO, Stdio::null());
    assert!(run.success, "{run}");
    run.assert_says(newlib::HELLO_OUTPUT);
    run.assert_says(newlib::HELLO_ERRORS);
    assert_eq!(call(&chip), [SYS_EXIT, APPLICATION_EXIT]);
}

#[test]
fn openocd_itself_loses_the_status_of_exit() {
    let chip = VirtualChip::start().unwrap();
    let run = run(&chip, newlib::EXIT7, Stdio::null());
    run.assert_says(newlib::EXIT7_OUTPUT);
    assert!(run.success, "{run}");
    assert_eq!(call(&chip), [SYS_EXIT, APPLICATION_EXIT]);
}

/// OpenOCD opens the file that newlib asks for in its current directory.
#[test]
fn the_status_of_exit_arrives_where_the_host_has_the_features_file() {
    let chip = VirtualChip::start().unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(":semihosting-features"), b"SHFB\x03").unwrap();
    let run = run_after(&chip, newlib::EXIT7, &format!("cd {}", directory.path().display()), Stdio::null());
    run.assert_says(newlib::EXIT7_OUTPUT);
    assert!(!run.success, "OpenOCD ends with the program's status:\n{run}");
    let [number, block] = call(&chip);
    let arguments = [0, 4].map(|offset| chip.read_u32(block + offset).unwrap());
    assert_eq!((number, arguments), (SYS_EXIT_EXTENDED, [APPLICATION_EXIT, 7]));
}

#[test]
fn a_program_reads_lines_and_numbers() {
    let chip = VirtualChip::start().unwrap();
    let input = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(input.path(), "Ada\n3 4\n").unwrap();
    let run = run(&chip, newlib::ECHO, File::open(input.path()).unwrap());
    run.assert_says("hello, Ada\n");
    run.assert_says("3 + 4 = 7\n");
}

#[test]
fn a_failed_assertion_names_itself_and_aborts() {
    let chip = VirtualChip::start().unwrap();
    let run = run(&chip, newlib::ASSERT, Stdio::null());
    run.assert_says(newlib::ASSERT_OUTPUT);
    run.assert_says(newlib::ASSERT_MESSAGE);
    assert!(!run.log.contains("not reached"), "{run}");
    assert!(!run.success, "{run}");
    assert_eq!(call(&chip), [SYS_EXIT, RUN_TIME_ERROR]);
}

#[test]
fn abort_exits_with_a_run_time_error() {
    let chip = VirtualChip::start().unwrap();
    let run = run(&chip, newlib::ABORT, Stdio::null());
    run.assert_says(newlib::ABORT_OUTPUT);
    assert!(!run.success, "{run}");
    assert_eq!(call(&chip), [SYS_EXIT, RUN_TIME_ERROR]);
}
