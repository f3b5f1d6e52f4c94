//! Calls about a halted target that another client resumes in the middle of them.

#![allow(clippy::single_range_in_vec_init, reason = "a range is what a core file holds")]

use std::fs;

use openocd::{Error, Image, Result, TargetError};
use virtual_chip::VirtualHart;

use crate::board::Board;
use crate::core_dump::{CRASH, RAM, crashed};
use crate::directory::Directory;

/// From now on, what reads memory from `start` on also runs `commands`, as another client does
/// between two commands. That happens once.
fn meddle(session: &openocd::Session, start: u64, commands: &str) {
    session.command("set meddled 0").unwrap();
    for name in ["read_memory", "mdb", "mdh", "mdw"] {
        session.command(&format!("rename {name} meddled_{name}")).unwrap();
        session
            .command(&format!(
                "proc {name} {{address args}} {{
                    set values [meddled_{name} $address {{*}}$args]
                    if {{!$::meddled && $address >= {start:#x} && $address < {start:#x} + 0x10000}} {{
                        set ::meddled 1
                        {commands}
                    }}
                    return $values
                }}"
            ))
            .unwrap();
    }
}

fn was_resumed<T: std::fmt::Debug>(board: &Board, outcome: Result<T>, operation: &str) {
    assert_eq!(board.session.command("set meddled").unwrap().trim(), "1");
    let error = outcome.unwrap_err();
    let text = format!("stm32f1x.cpu was resumed during this call (`{operation}`), so its result means nothing");
    assert_eq!(error.to_string(), text);
}

const RESUME_AND_HALT: &str = "resume; sleep 20; halt";

#[test]
fn core_dump_of_two_states_is_refused() {
    let board = crashed();
    let directory = Directory::new();
    let core = directory.path().join("core");
    meddle(&board.session, RAM.start, RESUME_AND_HALT);
    let ranges = [RAM];
    was_resumed(&board, board.session.target().core_dump(&core, &ranges), "core_dump");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    board.session.target().core_dump(&core, &ranges).unwrap();
}

#[test]
fn crash_report_and_backtrace_of_two_states_are_refused() {
    let board = crashed();
    meddle(&board.session, RAM.start, RESUME_AND_HALT);
    was_resumed(&board, board.session.target().crash_report(), "crash_report");
    board.session.target().crash_report().unwrap();
    board.session.command("set meddled 0").unwrap();
    let image = Image::open(CRASH).unwrap();
    was_resumed(&board, board.session.target().backtrace(&image), "backtrace");
    board.session.target().backtrace(&image).unwrap();
    board.session.command("set meddled 0; proc halt {args} {}").unwrap();
    let error = board.session.target().crash_report().unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{error:?}");
}

#[test]
fn a_step_of_another_client_is_noticed() {
    let board = crashed();
    meddle(&board.session, RAM.start, "step");
    was_resumed(&board, board.session.target().crash_report(), "crash_report");
}

#[test]
fn core_dump_of_a_hart_that_ran_is_refused() {
    let hart = VirtualHart::start().unwrap();
    let session = openocd::Session::start(hart.openocd_config()).unwrap();
    session.target().halt().unwrap();
    let directory = Directory::new();
    let core = directory.path().join("core");
    let ranges = [0x8000_0f00..0x8000_1100];
    session.target().core_dump(&core, &ranges[..]).unwrap();
    meddle(&session, 0x8000_0f00, RESUME_AND_HALT);
    let error = session.target().core_dump(&core, &ranges[..]).unwrap_err();
    assert!(error.to_string().contains("was resumed during this call (`core_dump`)"), "{error}");
}
