//! Leaving a target, and what closing a session does to it.

use std::time::Duration;

use openocd::{BreakpointKind, Error, OnClose, OpenOcdProcess, Session, TargetState, WatchpointAccess};
use virtual_chip::{CoreState, Model, Register, VirtualBoard, VirtualHart};

use crate::board::{Board, INSTALL, PATIENCE};

const DHCSR: u32 = 0xe000_edf0;
const FP_COMP5: u32 = 0xe000_201c;
const RAM_CODE: u64 = 0x2000_0100;
/// In the RAM of a hart.
const CODE: u32 = 0x8000_0800;

fn debug_enabled(board: &Board) -> bool {
    board.chip.read_u32(DHCSR).unwrap() & 1 == 1
}

/// Longer than OpenOCD takes between two polls, so that it has polled several times.
fn let_openocd_poll() {
    std::thread::sleep(Duration::from_millis(500));
}

#[test]
fn breakpoints_and_debug_mode_are_gone() {
    let board = Board::halted();
    let (target, breakpoints) = (board.session.target(), board.session.breakpoints());
    board.session.memory().write_u16(RAM_CODE, 0xbf00).unwrap();
    breakpoints.add(0x0800_004e, BreakpointKind::Hardware).unwrap();
    breakpoints.add(RAM_CODE, BreakpointKind::Software).unwrap();
    breakpoints.add_watchpoint(0x2000_2000, 4, WatchpointAccess::Write).unwrap();
    // Of a debugger before.
    board.chip.write_u32(FP_COMP5, 0x4800_004d).unwrap();
    assert!(debug_enabled(&board));
    target.leave().unwrap();
    assert!(breakpoints.list().unwrap().is_empty() && breakpoints.list_watchpoints().unwrap().is_empty());
    assert_eq!(board.held(RAM_CODE, 2), [0x00, 0xbf]);
    for comparator in (0xe000_2008..=FP_COMP5).step_by(4) {
        assert_eq!(board.chip.read_u32(comparator).unwrap() & 1, 0, "{comparator:#x}");
    }
    let_openocd_poll();
    assert_eq!((board.chip.state(), debug_enabled(&board)), (CoreState::Running, false));
    assert_eq!(target.status().unwrap().state, TargetState::Running);
}

#[test]
fn comparator_that_remaps_stays() {
    let board = Board::halted();
    board.chip.write_u32(FP_COMP5, 0x0800_0101).unwrap();
    board.session.target().leave().unwrap();
    assert_eq!(board.chip.read_u32(FP_COMP5).unwrap(), 0x0800_0101);
}

#[test]
fn running_target_is_left_without_a_halt() {
    let board = Board::halted();
    board.session.breakpoints().add(0x0800_0200, BreakpointKind::Hardware).unwrap();
    board.session.target().resume().unwrap();
    board.chip.watch_accesses(DHCSR..DHCSR + 4);
    board.session.target().leave().unwrap();
    let writes = board.chip.take_accesses().into_iter().filter(|access| access.is_write).count();
    assert_eq!((writes, debug_enabled(&board)), (1, false), "only the write that turns debug mode off");
}

#[test]
fn target_that_was_left_can_be_halted_again() {
    let board = Board::halted();
    board.session.target().leave().unwrap();
    let status = board.session.target().halt().unwrap();
    assert!(status.pc.is_some() && debug_enabled(&board));
}

#[test]
fn reset_makes_openocd_enable_debug_mode_again() {
    let board = Board::halted();
    board.session.target().leave().unwrap();
    board.chip.reset();
    let_openocd_poll();
    assert!(debug_enabled(&board), "as the documentation says");
}

#[test]
fn breakpoint_instruction_of_the_firmware_is_a_fault() {
    let board = Board::halted();
    let memory = board.session.memory();
    memory.write_u16(RAM_CODE, 0xbe00).unwrap();
    board.session.registers().write("pc", RAM_CODE).unwrap();
    board.session.target().leave().unwrap();
    assert_ne!(board.chip.state(), CoreState::Halted);
    assert_eq!(board.chip.register(Register::Xpsr) & 0x1ff, 3, "HardFault");
}

#[test]
fn ebreak_of_a_hart_that_was_left_traps() {
    let hart = VirtualHart::start().unwrap();
    let session = start(hart.openocd_config());
    let target = session.target();
    target.halt().unwrap();
    // auipc t0, 0; addi t0, t0, 0x40; csrw mtvec, t0; ebreak
    for (address, word) in (CODE..).step_by(4).zip([0x0000_0297, 0x0402_8293, 0x3052_9073, 0x0010_0073]) {
        hart.write_u32(address, word).unwrap();
    }
    // The handler: li a0, 42; j .
    hart.write_u32(CODE + 0x40, 0x02a0_0513).unwrap();
    hart.write_u32(CODE + 0x44, 0x0000_006f).unwrap();
    let run = || {
        hart.set_x(10, 0);
        session.registers().write("pc", u64::from(CODE)).unwrap();
    };
    // As OpenOCD runs a program, `ebreak` halts it.
    run();
    target.resume().unwrap();
    target.wait_halt(PATIENCE).unwrap();
    run();
    session.breakpoints().add(u64::from(CODE) + 0x44, BreakpointKind::Hardware).unwrap();
    target.leave().unwrap();
    let_openocd_poll();
    assert_ne!(hart.state(), CoreState::Halted);
    assert_eq!(hart.x(10), 42, "the handler ran");
    assert!(session.breakpoints().list().unwrap().is_empty());
    // OpenOCD's own setting is as it was: its next `resume` makes `ebreak` halt again.
    target.halt().unwrap();
    run();
    target.resume().unwrap();
    target.wait_halt(PATIENCE).unwrap();
}

#[test]
fn closing_does_to_the_target_what_was_chosen() {
    for (on_close, halted, state, powered) in [
        (OnClose::AsIs, true, CoreState::Halted, true),
        (OnClose::AsIs, false, CoreState::Running, true),
        (OnClose::Halt, false, CoreState::Halted, true),
        (OnClose::Halt, true, CoreState::Halted, true),
        (OnClose::Resume, true, CoreState::Running, true),
        (OnClose::Resume, false, CoreState::Running, true),
        (OnClose::Leave, true, CoreState::Running, false),
        (OnClose::Leave, false, CoreState::Running, false),
    ] {
        let Board { session, chip, .. } = Board::halted();
        session.breakpoints().add(0x0800_0200, BreakpointKind::Hardware).unwrap();
        if !halted {
            session.target().resume().unwrap();
        }
        session.close_with(on_close).unwrap();
        let case = format!("{on_close:?}, halted before: {halted}");
        assert_eq!((chip.state(), chip.is_debug_powered()), (state, powered), "{case}");
        let debugged = chip.read_u32(DHCSR).unwrap() & 1 == 1;
        assert_eq!(debugged, on_close != OnClose::Leave, "{case}");
    }
}

#[test]
fn every_target_is_left() {
    let board = VirtualBoard::start(&[Model::Stm32f103, Model::RiscvHart, Model::Stm32f103]).unwrap();
    let session = start(board.openocd_config());
    for target in session.targets().unwrap() {
        session.target_named(&target.name).unwrap().halt().unwrap();
    }
    session.close_with(OnClose::Leave).unwrap();
    for chip in board.chips() {
        assert_eq!((chip.state(), chip.is_debug_powered()), (CoreState::Running, false));
    }
}

#[test]
fn openocd_that_runs_on_keeps_its_target() {
    let board = Board::halted();
    let address = board.session.process().unwrap().tcl_address();
    let other = Session::connect(address).unwrap();
    other.close_with(OnClose::Leave).unwrap();
    let_openocd_poll();
    assert!(!debug_enabled(&board) && board.chip.is_debug_powered());
    board.session.target().halt().unwrap();
}

#[test]
fn session_is_closed_also_if_its_target_cannot_be_left() {
    let Board { session, chip, .. } = Board::halted();
    let pid = session.process().unwrap().pid();
    let other = session.clone();
    chip.faults().power_off();
    let error = session.close_with(OnClose::Leave).unwrap_err();
    assert!(matches!(error, Error::Target(_)), "{error}");
    assert!(other.command("version").is_err());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

fn start(config: String) -> Session {
    let openocd = OpenOcdProcess::builder().config(config).ready_timeout(PATIENCE);
    let session = Session::builder().timeout(PATIENCE).start(openocd);
    session.unwrap_or_else(|error| panic!("{INSTALL}\n{error}"))
}
