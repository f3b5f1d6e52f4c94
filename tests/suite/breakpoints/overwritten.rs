//! A program that is written over a software breakpoint stays.

use openocd::{BreakpointKind, Image, RunUntil, Verdict};

use super::shared::{NOP, PLACE, pair, word};
use super::{BKPT, HALTS, PROGRAM, PROGRAM_ADDRESS, SECOND, half_word};
use crate::board::Board;

/// `movs r0, #3`, which [`PROGRAM`] has not.
const NEW: u16 = 0x2003;

fn new_program() -> Image {
    let code = [PROGRAM[0], NEW, PROGRAM[2], PROGRAM[3]];
    let bytes: Vec<u8> = code.iter().flat_map(|half_word| half_word.to_le_bytes()).collect();
    Image::bin(PROGRAM_ADDRESS.into(), bytes).unwrap()
}

/// A board with a breakpoint at [`SECOND`] and then another program there.
fn overwritten() -> Board {
    let board = Board::with_program();
    board.session.breakpoints().add(SECOND, BreakpointKind::Software).unwrap();
    load(&board);
    board
}

fn load(board: &Board) {
    board.session.memory().load_image(&new_program()).unwrap();
    board.session.memory().verify_image(&new_program()).unwrap();
    assert_eq!(half_word(&board.chip, SECOND), NEW);
}

#[test]
fn removing_a_breakpoint_keeps_a_program_written_over_it() {
    let board = overwritten();
    let listed = board.session.breakpoints().list().unwrap();
    assert_eq!(listed[0].in_effect, Some(false));
    assert_eq!(listed[0].to_string(), "software breakpoint at 0x20000102, not in effect");
    board.session.breakpoints().remove(SECOND).unwrap();
    assert_eq!(half_word(&board.chip, SECOND), NEW);

    board.session.breakpoints().add(SECOND, BreakpointKind::Software).unwrap();
    load(&board);
    board.session.breakpoints().remove_all().unwrap();
    assert_eq!(half_word(&board.chip, SECOND), NEW);

    drop(board.session.breakpoints().scoped(SECOND, BreakpointKind::Software).unwrap());
    let scoped = board.session.breakpoints().scoped(SECOND, BreakpointKind::Software).unwrap();
    load(&board);
    drop(scoped);
    assert_eq!(half_word(&board.chip, SECOND), NEW);
}

#[test]
fn leaving_a_target_keeps_a_program_written_over_a_breakpoint() {
    let board = overwritten();
    board.session.target().leave().unwrap();
    assert_eq!(half_word(&board.chip, SECOND), NEW);
}

#[test]
fn run_until_stops_at_a_breakpoint_that_a_program_was_written_over() {
    let board = overwritten();
    let outcome = board.session.target().run_until(RunUntil::new().breakpoint(SECOND), HALTS).unwrap();
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: SECOND });
    board.session.breakpoints().remove(SECOND).unwrap();
    assert_eq!(half_word(&board.chip, SECOND), NEW);
}

#[test]
fn step_and_resume_execute_a_program_written_over_a_breakpoint() {
    let board = overwritten();
    let (target, registers) = (board.session.target(), board.session.registers());
    assert_eq!(target.step_at(SECOND).unwrap().pc, Some(SECOND + 2));
    assert_eq!(registers.read_u64("r0").unwrap(), 3);
    // OpenOCD sets the breakpoint again when it has stepped over it.
    assert_eq!(half_word(&board.chip, SECOND), BKPT);

    load(&board);
    registers.write("r0", 0u32).unwrap();
    target.resume_at(SECOND).unwrap();
    assert_eq!(target.wait_halt(HALTS).unwrap().pc, Some(SECOND));
    board.session.breakpoints().remove(SECOND).unwrap();
    assert_eq!(half_word(&board.chip, SECOND), NEW);
}

#[test]
fn harts_keep_a_program_written_over_a_breakpoint() {
    // `addi a0, zero, 3`
    const NEW: u32 = 0x0030_0513;
    for smp in [false, true] {
        let (_board, session) = pair(smp);
        let [one, other] = ["pair0.cpu0", "pair0.cpu1"].map(|name| session.target_named(name).unwrap());
        for setter in [one, other] {
            one.memory().write_u32(PLACE, NOP).unwrap();
            setter.breakpoints().add(PLACE, BreakpointKind::Software).unwrap();
            one.memory().write_u32(PLACE, NEW).unwrap();
            // 0.12.0 lists the breakpoints of a group for its first target only.
            let owner = if smp { one } else { setter };
            assert_eq!(owner.breakpoints().list().unwrap()[0].in_effect, Some(false), "smp {smp}");
            setter.registers().write("a0", 0u32).unwrap();
            assert_eq!(setter.step_at(PLACE).unwrap().pc, Some(PLACE + 4), "smp {smp}");
            assert_eq!(setter.registers().read_u64("a0").unwrap(), 3, "smp {smp}");

            one.memory().write_u32(PLACE, NOP).unwrap();
            owner.breakpoints().remove(PLACE).unwrap();
            assert_eq!(word(one), NOP, "smp {smp}");
        }
    }
}
