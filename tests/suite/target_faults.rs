//! Run control and registers when the core's debug registers can't be accessed, which OpenOCD does
//! not always notice.

use std::time::{Duration, Instant};

use openocd::{BreakpointKind, Error, ResetMode, RunUntil, Session, Target, TargetError, TargetState, TargetStatus};
use virtual_chip::{CoreState, Register, firmware};

use crate::board::{Board, PATIENCE};

/// Halt and step are ordered here.
const DHCSR: std::ops::Range<u32> = 0xe000_edf0..0xe000_edf4;
/// Which register is to be moved to or from DCRDR is written here.
const DCRSR: std::ops::Range<u32> = 0xe000_edf4..0xe000_edf8;
/// The value of a register.
const DCRDR: std::ops::Range<u32> = 0xe000_edf8..0xe000_edfc;

fn resume(target: Target<'_>, address: Option<u64>) -> Result<(), Error> {
    address.map_or_else(|| target.resume(), |address| target.resume_at(address))
}

fn step(target: Target<'_>, address: Option<u64>) -> Result<TargetStatus, Error> {
    address.map_or_else(|| target.step(), |address| target.step_at(address))
}

fn pc(board: &Board) -> u32 {
    board.chip.register(Register::Pc)
}

/// What OpenOCD said of the failure; a number of 0 is a success that was none.
fn said(error: &Error) -> (&str, i32, &str) {
    let failure = error.failure().unwrap_or_else(|| panic!("{error:?}"));
    (failure.command(), failure.code(), failure.log())
}

#[test]
fn a_resume_that_never_happened_is_an_error() {
    for address in [None, Some(u64::from(firmware::LOOP))] {
        let board = Board::halted();
        board.session.target().step_at(u64::from(firmware::LOOP)).unwrap();
        board.chip.faults().bus_fault_on_write_at(DHCSR);
        let error = resume(board.session.target(), address).unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::Resume(_))), "{error:?}");
        assert!(said(&error).0.starts_with("resume"), "{error}");
        assert_eq!(board.chip.state(), CoreState::Halted);
        board.chip.faults().clear();
        board.session.target().reset(ResetMode::Halt).unwrap();
        board.session.target().resume().unwrap();
        assert_eq!(board.chip.state(), CoreState::Running);
    }
}

#[test]
fn a_step_that_never_happened_is_an_error() {
    for address in [None, Some(u64::from(firmware::LOOP))] {
        let board = Board::halted();
        board.session.target().step_at(u64::from(firmware::LOOP)).unwrap();
        board.chip.faults().bus_fault_on_write_at(DHCSR);
        let error = step(board.session.target(), address).unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::Step(_))), "{error:?}");
        assert!(said(&error).0.starts_with("step"), "{error}");
        let stands = if address.is_some() { firmware::LOOP } else { firmware::STORE };
        assert_eq!((board.chip.state(), pc(&board)), (CoreState::Halted, stands));
    }
}

#[test]
fn steps_and_resumes_that_do_not_move_succeed() {
    let board = Board::halted();
    let target = board.session.target();
    let here = 0x2000_0100;
    board.chip.write_u32(here, 0xe7fe_e7fe).unwrap(); // b .
    for address in [Some(u64::from(here)), None] {
        assert_eq!(step(target, address).unwrap().pc, Some(u64::from(here)));
    }
    target.resume().unwrap();
    assert_eq!(target.halt().unwrap().pc, Some(u64::from(here)));
    board.chip.write_u32(here, 0xbe00_be00).unwrap(); // bkpt
    target.resume_at(u64::from(here)).unwrap();
    assert_eq!(target.wait_halt(PATIENCE).unwrap().pc, Some(u64::from(here)));
}

#[test]
fn a_pending_write_that_is_lost_is_an_error_of_what_lets_the_target_run() {
    type Call = fn(&Board) -> Result<(), Error>;
    let calls: [(&str, Call); 4] = [
        ("step", |board| board.session.target().step().map(drop)),
        ("resume", |board| board.session.target().resume()),
        ("step", |board| board.session.target().step_at(u64::from(firmware::LOOP)).map(drop)),
        ("resume", |board| board.session.target().run_until(RunUntil::new(), Duration::ZERO).map(drop)),
    ];
    for (number, (command, call)) in calls.into_iter().enumerate() {
        let board = Board::halted();
        board.session.registers().write("r5", 0x55_u32).unwrap();
        board.chip.faults().bus_fault_on_write_at(DCRDR);
        let error = call(&board).unwrap_err();
        let Error::Target(TargetError::Register { name, .. }) = &error else { panic!("call {number}: {error:?}") };
        // With an address the pc is written, too, and whichever comes first is told.
        assert!(name == "r5" || (number == 2 && name == "pc"), "call {number}: {error}");
        assert!(said(&error).0.starts_with(command), "call {number}: {error}");
        assert!(said(&error).2.contains("Error setting register"), "call {number}: {error}");
        assert_eq!(board.chip.register(Register::R(5)), 0);
    }
}

#[test]
fn a_batch_holds_back_a_register_write_until_a_step_tells() {
    let board = Board::halted();
    let mut batch = board.session.batch();
    let written = batch.registers().write("r5", 0x55_u32);
    batch.run().unwrap();
    written.result().unwrap();
    board.chip.faults().bus_fault_on_write_at(DCRDR);
    let error = board.session.target().step().unwrap_err();
    assert!(matches!(&error, Error::Target(TargetError::Register { name, .. }) if name == "r5"), "{error:?}");
}

#[test]
fn a_register_that_cannot_be_read_comes_with_openocds_number_and_log() {
    for range in [DCRSR, DCRDR] {
        let board = Board::halted();
        board.chip.faults().bus_fault_at(range.clone());
        let registers = board.session.registers().forced();
        for error in [
            registers.read("r3").unwrap_err(),
            registers.read_many(&["r3", "r4"]).unwrap_err(),
            registers.pc().unwrap_err(),
        ] {
            assert!(matches!(error, Error::Target(TargetError::Register { .. })), "{error:?}");
            let (command, code, log) = said(&error);
            assert!(command == "reg r3" || command == "reg pc", "{error}");
            // -107 of JTAG, -401 of SWD.
            assert!(code < -1, "{error}");
            assert!(log.contains("Could not read register '"), "{log:?}");
        }
        let dump = registers.read_all().unwrap();
        let (_, failure) = dump.unreadable.iter().find(|(name, _)| name == "r3").unwrap();
        assert!(failure.code() < -1 && failure.log().contains("Could not read register 'r3'"), "{failure:?}");
        board.chip.faults().clear();
    }
}

#[test]
fn a_register_that_cannot_be_written_comes_with_openocds_number_and_log() {
    let board = Board::start();
    board.chip.faults().bus_fault_at(DCRDR);
    // The core halts, but OpenOCD can't read its registers, which it does before it writes one.
    // Whether `halt` or the background polling is told depends on which of them looks first.
    let halted = board.session.target().halt();
    assert!(matches!(halted, Ok(_) | Err(Error::Target(TargetError::Halt(_)))), "{halted:?}");
    let status = board.session.target().status().unwrap();
    assert_eq!((status.state, status.pc), (TargetState::Halted, None));
    let error = board.session.registers().write("r3", 1_u32).unwrap_err();
    let Error::Target(TargetError::Register { name, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(name, "r3");
    let (command, code, log) = said(&error);
    assert_eq!(command, "reg r3 0x00000001");
    assert!(code < -1 && log.contains("Could not read register 'r3'"), "{error}");
}

#[test]
fn a_reset_that_does_not_leave_the_target_halted_is_in_the_wrong_state() {
    let resume = "stm32f1x.cpu configure -event reset-end {resume}";
    let board = Board::start_with(Session::builder().timeout(PATIENCE), |openocd| openocd.command(resume));
    for mode in [ResetMode::Halt, ResetMode::Init] {
        let error = board.session.target().reset(mode).unwrap_err();
        let Error::Target(TargetError::WrongState { operation, target, state }) = &error else { panic!("{error:?}") };
        let expected = if mode == ResetMode::Halt { "reset halt" } else { "reset init" };
        assert_eq!((*operation, &**target, *state), (expected, "stm32f1x.cpu", TargetState::Running));
    }
    assert!(matches!(board.session.reset_all(ResetMode::Halt), Err(Error::Target(TargetError::WrongState { .. }))));
}

#[test]
fn a_breakpoint_of_an_earlier_run_is_no_verdict_when_the_core_cannot_be_resumed() {
    // Over SWD the reset fails before the core runs.
    let board = Board::jtag();
    board.session.target().halt().unwrap();
    board.session.breakpoints().add(firmware::WORK.into(), BreakpointKind::Hardware).unwrap();
    board.chip.faults().bus_fault_on_write_at(DHCSR.start..0xe000_ee00);
    // The core runs from the reset to the breakpoint, and cannot be resumed there.
    board.session.target().reset(ResetMode::Run).unwrap_err();
    assert_eq!((board.chip.state(), pc(&board)), (CoreState::Halted, firmware::WORK));
    let until = RunUntil::new().breakpoint(firmware::LOOP.into());
    let error = board.session.target().run_until(until, Duration::from_millis(300)).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::Resume(_))), "{error:?}");
}

#[test]
fn power_lost_between_two_polls_ends_the_next_access_with_an_error() {
    let ram = 0x2000_1000;
    let board = Board::halted();
    let memory = board.session.memory();
    // Otherwise a poll may come first, which sets the access port up anew.
    board.session.command("poll off").unwrap();
    // OpenOCD knows how it has set the access port up.
    memory.write_bytes(ram, &[0xaa; 16]).unwrap();
    let accesses: [&dyn Fn() -> openocd::Result<()>; 4] = [
        &|| memory.write_bytes(ram, &[7, 8, 9, 10, 11, 12, 13, 14]),
        &|| memory.read_bytes(ram, 16).map(drop),
        &|| memory.write_u32(ram, 1),
        &|| memory.read_u32(ram).map(drop),
    ];
    for access in accesses {
        board.chip.faults().power_off();
        board.chip.faults().power_on();
        let error = access().unwrap_err();
        assert!(matches!(error, Error::Target(_)), "{error:?}");
        // Examining the target gives the debug domain its power back.
        let begin = Instant::now();
        while board.session.target().reexamine().is_err() || access().is_err() {
            assert!(begin.elapsed() < PATIENCE);
        }
    }
}
