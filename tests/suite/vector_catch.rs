//! Vector catch, in the chip's own register and in what it does.

mod halts;

use openocd::{Error, HaltReason, OpenOcdProcess, ResetMode, TargetError, VectorCatch};
use virtual_chip::{VirtualChip, VirtualHart, firmware};

use crate::board::{Board, PATIENCE, config};

const DEMCR: u64 = 0xe000_edfc;
const CODE: u64 = 0x2000_0100;
const UDF: u16 = 0xde00;

fn demcr(board: &Board) -> u32 {
    u32::from_le_bytes(board.held(DEMCR, 4).try_into().unwrap()) & 0x7f1
}

#[test]
fn each_event_sets_its_own_bit() {
    let board = Board::start();
    let target = board.session.target();
    assert_eq!(target.vector_catch().unwrap(), []);
    let bits = [0, 4, 5, 6, 7, 8, 9, 10];
    for (event, bit) in VectorCatch::ALL.into_iter().zip(bits) {
        target.set_vector_catch(&[event]).unwrap();
        assert_eq!(demcr(&board), 1 << bit, "{event}");
        assert_eq!(target.vector_catch().unwrap(), [event]);
    }
    target.set_vector_catch(&VectorCatch::ALL).unwrap();
    assert_eq!((demcr(&board), target.vector_catch().unwrap()), (0x7f1, VectorCatch::ALL.to_vec()));
    target.set_vector_catch(&[]).unwrap();
    assert_eq!((demcr(&board), target.vector_catch().unwrap()), (0, vec![]));
}

#[test]
fn trace_enable_bit_is_kept() {
    let board = Board::start();
    let before = board.session.memory().read_u32(DEMCR).unwrap();
    board.session.target().set_vector_catch(&VectorCatch::FAULTS).unwrap();
    let after = board.session.memory().read_u32(DEMCR).unwrap();
    assert_eq!(after & !0x7f1, before & !0x7f1);
}

#[test]
fn reading_finds_what_another_client_set() {
    let board = Board::start();
    board.session.command("cortex_m vector_catch reset int_err").unwrap();
    let caught = board.session.target().vector_catch().unwrap();
    assert_eq!(caught, [VectorCatch::Reset, VectorCatch::InterruptError]);
}

#[test]
fn setting_survives_resets() {
    let board = Board::start();
    let target = board.session.target();
    let faults = [VectorCatch::BusFault, VectorCatch::HardFault, VectorCatch::CheckError];
    target.set_vector_catch(&faults).unwrap();
    for mode in [ResetMode::Halt, ResetMode::Run, ResetMode::Init] {
        target.reset(mode).unwrap();
        target.halt().unwrap();
        let caught = target.vector_catch().unwrap();
        assert_eq!(caught, [VectorCatch::CheckError, VectorCatch::BusFault, VectorCatch::HardFault], "{mode:?}");
    }
    board.chip.reset();
    target.status().unwrap();
    assert_eq!(target.vector_catch().unwrap().len(), 3);
}

#[test]
fn core_halts_at_a_caught_fault() {
    let board = Board::halted();
    let target = board.session.target();
    target.set_vector_catch(&[VectorCatch::HardFault]).unwrap();
    board.session.memory().write_u16(CODE, UDF).unwrap();
    board.session.command(&format!("resume {CODE:#x}")).unwrap();
    let status = target.wait_halt(PATIENCE).unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(u64::from(firmware::STOP)), Some(HaltReason::ExceptionCatch)));
}

#[test]
fn core_runs_on_at_a_fault_that_is_not_caught() {
    let board = Board::halted();
    let target = board.session.target();
    target.set_vector_catch(&[VectorCatch::BusFault]).unwrap();
    board.session.memory().write_u16(CODE, UDF).unwrap();
    board.session.command(&format!("resume {CODE:#x}")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(board.chip.state(), virtual_chip::CoreState::Running);
}

#[test]
fn core_halts_after_a_caught_reset() {
    let board = Board::start();
    board.session.target().set_vector_catch(&[VectorCatch::Reset]).unwrap();
    board.chip.reset();
    let status = board.session.target().wait_halt(PATIENCE).unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(u64::from(firmware::MAIN)), Some(HaltReason::ExceptionCatch)));
}

#[test]
fn core_without_an_event_is_an_error_that_names_it() {
    let board = Board::start();
    board.session.target().set_vector_catch(&[VectorCatch::HardFault]).unwrap();
    // What the core lacks reads as 0: here OpenOCD's own command is made to write less.
    let less = "rename {cortex_m vector_catch} real_catch; \
                proc {cortex_m vector_catch} {args} { \
                    set kept {}; foreach name $args { if {$name ne {mm_err}} { lappend kept $name } }; \
                    real_catch {*}$kept }";
    board.session.command(less).unwrap();
    let error =
        board.session.target().set_vector_catch(&[VectorCatch::MemoryManagement, VectorCatch::BusFault]).unwrap_err();
    let Error::Target(TargetError::NoVectorCatch { missing, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(missing, &[VectorCatch::MemoryManagement]);
    assert_eq!(error.to_string(), "stm32f1x.cpu has no vector catch for memory management fault");
    assert_eq!(board.session.target().vector_catch().unwrap(), [VectorCatch::HardFault]);
}

#[test]
fn register_that_cannot_be_accessed_is_an_error() {
    let board = Board::halted();
    board.chip.faults().bus_fault_at(0xe000_edfc..0xe000_ee00);
    for error in [
        board.session.target().vector_catch().unwrap_err(),
        board.session.target().set_vector_catch(&[VectorCatch::HardFault]).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Target(TargetError::Refused(_))), "{error:?}");
        assert!(error.to_string().contains("the vector catch: OpenOCD refused `cortex_m vector_catch"), "{error}");
    }
    board.chip.faults().clear();
    board.session.target().halt().unwrap();
}

#[test]
fn riscv_hart_has_no_vector_catch() {
    let hart = VirtualHart::start().unwrap();
    let session = openocd::Session::start(hart.openocd_config()).unwrap();
    for error in [
        session.target().vector_catch().unwrap_err(),
        session.target().set_vector_catch(&[VectorCatch::HardFault]).unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "hart0.cpu is a target of type riscv, for which there is no vector catch");
    }
}

#[test]
fn target_that_was_never_examined_is_an_error() {
    // Of such a target OpenOCD 0.12.0 has no access port, and would crash in `cortex_m
    // vector_catch`.
    let chip = VirtualChip::start().unwrap();
    let openocd = OpenOcdProcess::builder().config(config(&chip)).command("stm32f1x.cpu configure -defer-examine");
    let session = openocd::Session::builder().timeout(PATIENCE).start(openocd).unwrap();
    for error in [
        session.target().vector_catch().unwrap_err(),
        session.target().set_vector_catch(&[VectorCatch::HardFault]).unwrap_err(),
    ] {
        assert_eq!(error.code(), Some(-311), "{error}");
    }
    assert_eq!(session.command("expr 1").unwrap(), "1");
}
