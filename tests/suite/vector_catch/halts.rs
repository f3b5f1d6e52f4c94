//! What a halt by vector catch is told as, and what only looks like one.

use std::time::Duration;

use openocd::crash::ExceptionNumber;
use openocd::{BreakpointKind, HaltReason, ResetMode, RunGroup, RunOutcome, RunUntil, VectorCatch, Verdict};
use virtual_chip::firmware;

use super::{CODE, UDF};
use crate::board::{Board, PATIENCE};

const STOP: u64 = firmware::STOP as u64;
const SHCSR: u64 = 0xe000_ed24;
const VTOR: u64 = 0xe000_ed08;
/// MemManage, BusFault and UsageFault have handlers of their own.
const ALL_ENABLED: u32 = 0b111 << 16;
/// A vector table and a handler in RAM.
const TABLE: u64 = 0x2000_0400;
const HANDLER: u64 = 0x2000_0600;
const BKPT: u16 = 0xbe00;
const NOP: u16 = 0xbf00;
const LOOP: u16 = 0xe7fe;

/// What causes each fault, the exception that it is when that has a handler, code for it, and R1.
const FAULTS: [(VectorCatch, u16, &[u16], u32); 5] = [
    (VectorCatch::MemoryManagement, 4, &[0x4708], 0x4000_0001), // bx r1: nothing may be executed there
    (VectorCatch::NoCoprocessor, 6, &[0xee00, 0x0010], 0),      // mcr p0, #0, r0, c0, c0, #0
    (VectorCatch::CheckError, 6, &[0xe9d1, 0x0200], 0x2000_2001), // ldrd r0, r2, [r1]
    (VectorCatch::StateError, 6, &[UDF], 0),
    (VectorCatch::BusFault, 5, &[0x6808], 0x5000_0000), // ldr r0, [r1]
];

/// A halted board that is about to execute `code`, with R1, and catches `events`.
fn about_to(board: &Board, code: &[u16], r1: u32, events: &[VectorCatch]) {
    let target = board.session.target();
    target.reset(ResetMode::Halt).unwrap();
    for (number, instruction) in code.iter().enumerate() {
        board.session.memory().write_u16(CODE + 2 * number as u64, *instruction).unwrap();
    }
    board.session.registers().write("r1", r1).unwrap();
    board.session.registers().write("pc", CODE as u32).unwrap();
    target.set_vector_catch(events).unwrap();
}

fn run(board: &Board, until: RunUntil<'_>) -> RunOutcome {
    board.session.target().run_until(until, PATIENCE).unwrap()
}

/// Puts these instructions where a HardFault is handled.
fn handle_by(board: &Board, instructions: &[u16]) {
    let memory = board.session.memory();
    for number in 0..16 {
        memory.write_u32(TABLE + 4 * number, HANDLER as u32 | 1).unwrap();
    }
    for (number, instruction) in instructions.iter().enumerate() {
        memory.write_u16(HANDLER + 2 * number as u64, *instruction).unwrap();
    }
    memory.write_u32(VTOR, TABLE as u32).unwrap();
}

#[track_caller]
fn assert_crashed(outcome: &RunOutcome, exception: u16) {
    let exception = ExceptionNumber(exception);
    if let Verdict::Crash { exception: found, fault_pc: Some(_) } = outcome.verdict {
        assert_eq!(found, exception);
    } else {
        panic!("{outcome:?}");
    }
    assert_eq!(outcome.status.halt_reason, Some(HaltReason::ExceptionCatch));
}

#[test]
fn each_kind_of_fault_is_a_crash_by_its_own_event() {
    let board = Board::halted();
    for enabled in [0, ALL_ENABLED] {
        for (event, exception, code, r1) in FAULTS {
            let exception = if enabled == 0 { 3 } else { exception };
            about_to(&board, code, r1, &[event]);
            board.session.memory().write_u32(SHCSR, enabled).unwrap();
            let outcome = run(&board, RunUntil::new());
            assert_crashed(&outcome, exception);
            assert_eq!(outcome.pc(), Some(STOP), "{event}");
            assert_eq!(board.chip.halt_reason(), Some(virtual_chip::HaltReason::VectorCatch));
        }
    }
}

#[test]
fn crash_says_the_exception_and_where_the_firmware_crashed() {
    let board = Board::halted();
    about_to(&board, &[NOP, UDF], 0, &VectorCatch::FAULTS);
    let outcome = run(&board, RunUntil::new());
    assert_eq!(outcome.verdict, Verdict::Crash { exception: ExceptionNumber(3), fault_pc: Some(CODE + 2) });
    assert_eq!(outcome.verdict.to_string(), "crashed (HardFault) at 0x20000102");
    let report = board.session.target().crash_report().unwrap();
    assert_eq!((report.status.halt_reason, report.fault_pc()), (Some(HaltReason::ExceptionCatch), Some(CODE + 2)));
}

#[test]
fn fault_while_registers_are_stacked_is_a_crash() {
    for event in [VectorCatch::InterruptError, VectorCatch::HardFault] {
        let board = Board::halted();
        about_to(&board, &[0xdf01], 0, &[event]); // svc #1
        board.session.registers().write("sp", 0x6000_0100_u32).unwrap();
        let outcome = run(&board, RunUntil::new());
        let Verdict::Crash { exception: ExceptionNumber(3), fault_pc: None } = outcome.verdict else {
            panic!("{event}: {outcome:?}");
        };
        assert_eq!(outcome.verdict.to_string(), "crashed (HardFault)");
    }
}

#[test]
fn reason_is_the_same_by_wait_halt_status_and_halt_after_any_reset() {
    let board = Board::start();
    let target = board.session.target();
    handle_at_once(&board);
    for mode in [ResetMode::Run, ResetMode::Halt] {
        target.set_vector_catch(&[VectorCatch::HardFault]).unwrap();
        target.reset(mode).unwrap();
        if mode == ResetMode::Halt {
            target.resume().unwrap();
        }
        let status = target.wait_halt(PATIENCE).unwrap();
        assert_eq!(status.halt_reason, Some(HaltReason::ExceptionCatch), "{mode}");
        assert_eq!(target.status().unwrap(), status, "{mode}");
        assert_eq!(target.halt().unwrap(), status, "{mode}");
    }
}

/// Firmware that faults after each reset.
fn handle_at_once(board: &Board) {
    let mut image = firmware::IMAGE.to_vec();
    let main = (firmware::MAIN - firmware::START) as usize;
    image[main..main + 2].copy_from_slice(&UDF.to_le_bytes());
    board.session.target().halt().unwrap();
    board.chip.load_firmware(&image);
}

#[test]
fn halt_in_a_handler_that_loops_is_a_debug_request() {
    let board = Board::start();
    let target = board.session.target();
    handle_at_once(&board);
    target.reset(ResetMode::Run).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(board.chip.state(), virtual_chip::CoreState::Running);
    target.set_vector_catch(&VectorCatch::ALL).unwrap();
    let status = target.halt().unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(STOP), Some(HaltReason::DebugRequest)));
    assert_eq!(target.status().unwrap(), status);
}

#[test]
fn breakpoint_at_a_handler_is_no_crash() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    for events in [&[][..], &VectorCatch::FAULTS] {
        about_to(&board, &[UDF], 0, events);
        breakpoints.add(STOP, BreakpointKind::Hardware).unwrap();
        assert_eq!(run(&board, RunUntil::new()).verdict, Verdict::Halt(HaltReason::Breakpoint));
        breakpoints.remove(STOP).unwrap();
        about_to(&board, &[UDF], 0, events);
        assert_eq!(run(&board, RunUntil::new().breakpoint(STOP)).verdict, Verdict::Breakpoint { address: STOP });
    }
}

#[test]
fn bkpt_in_a_handler_is_no_crash_unless_the_fault_is_caught_before_it() {
    let board = Board::halted();
    // Not caught: the instruction halts the core.
    for code in [&[BKPT, LOOP][..], &[NOP, BKPT, LOOP]] {
        about_to(&board, &[UDF], 0, &[VectorCatch::BusFault, VectorCatch::Reset]);
        handle_by(&board, code);
        assert_eq!(run(&board, RunUntil::new()).verdict, Verdict::Halt(HaltReason::Breakpoint));
    }
    // Caught: at the first instruction, whatever it is; then the core runs into the second.
    for code in [&[BKPT, BKPT, LOOP][..], &[NOP, BKPT, LOOP]] {
        about_to(&board, &[UDF], 0, &VectorCatch::FAULTS);
        handle_by(&board, code);
        assert_crashed(&run(&board, RunUntil::new()), 3);
        assert_eq!(board.chip.halt_reason(), Some(virtual_chip::HaltReason::VectorCatch));
        let outcome = run(&board, RunUntil::new());
        assert_eq!((outcome.verdict, outcome.status.pc), (Verdict::Halt(HaltReason::Breakpoint), Some(HANDLER + 2)));
    }
}

#[test]
fn step_into_and_in_a_handler_is_a_step() {
    let board = Board::halted();
    about_to(&board, &[UDF], 0, &VectorCatch::FAULTS);
    let target = board.session.target();
    let status = target.step().unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(STOP), Some(HaltReason::SingleStep)));
    let status = target.step().unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(STOP), Some(HaltReason::SingleStep)));
}

#[test]
fn handler_that_is_called_as_a_function_is_no_crash() {
    let board = Board::halted();
    about_to(&board, &[0x4708], HANDLER as u32 | 1, &VectorCatch::ALL); // bx r1
    handle_by(&board, &[BKPT, LOOP]);
    let outcome = run(&board, RunUntil::new());
    assert_eq!((outcome.verdict, outcome.status.pc), (Verdict::Halt(HaltReason::Breakpoint), Some(HANDLER)));
}

#[test]
fn deadline_in_a_handler_is_no_crash() {
    let board = Board::halted();
    about_to(&board, &[UDF], 0, &[VectorCatch::MemoryManagement]);
    let outcome = board.session.target().run_until(RunUntil::new(), Duration::from_millis(50)).unwrap();
    assert_eq!((outcome.verdict, outcome.status.pc), (Verdict::Deadline, Some(STOP)));
}

#[test]
fn caught_reset_is_a_caught_exception_and_no_crash() {
    let board = Board::halted();
    let target = board.session.target();
    about_to(&board, &[LOOP], 0, &VectorCatch::ALL);
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            board.chip.reset();
        });
        run(&board, RunUntil::new())
    });
    assert_eq!(outcome.verdict, Verdict::Halt(HaltReason::ExceptionCatch));
    assert_eq!(outcome.pc(), Some(firmware::MAIN.into()));
    // OpenOCD halts the core by the same event for this one.
    assert_eq!(target.reset(ResetMode::Halt).unwrap().halt_reason, Some(HaltReason::DebugRequest));
}

#[test]
fn crash_ends_a_group() {
    let board = Board::halted();
    about_to(&board, &[UDF], 0, &VectorCatch::FAULTS);
    let ended = RunGroup::new().add(board.session.target(), RunUntil::new).run_first(PATIENCE);
    assert_eq!(ended.first, Some(0));
    assert_crashed(ended.outcomes[0].as_ref().unwrap(), 3);
}

#[test]
fn vector_table_that_cannot_be_read_leaves_openocds_reason() {
    let board = Board::halted();
    about_to(&board, &[UDF], 0, &VectorCatch::FAULTS);
    board.chip.faults().bus_fault_at(0xe000_ed08..0xe000_ed0c);
    let outcome = run(&board, RunUntil::new());
    assert_eq!(outcome.verdict, Verdict::Halt(HaltReason::Breakpoint));
    board.chip.faults().clear();
    assert_eq!(board.session.target().status().unwrap().halt_reason, Some(HaltReason::ExceptionCatch));
}

#[test]
fn a_fault_whose_handler_begins_with_a_semihosting_call_is_a_crash() {
    let board = Board::start();
    about_to(&board, &[UDF], 0, &[VectorCatch::HardFault]);
    // A call that this host refuses.
    board.session.registers().write("r0", 0x105_u32).unwrap();
    handle_by(&board, &[0xbeab, BKPT]);
    let outcome = run(&board, RunUntil::new().semihosting());
    assert_eq!(outcome.verdict, Verdict::Crash { exception: ExceptionNumber(3), fault_pc: Some(CODE) });
    assert_eq!((outcome.status.pc, outcome.refused_calls), (Some(HANDLER), vec![]));
    let outcome = run(&board, RunUntil::new().semihosting());
    assert_eq!((outcome.status.pc, outcome.refused_calls), (Some(HANDLER + 2), vec![0x105]));
}
