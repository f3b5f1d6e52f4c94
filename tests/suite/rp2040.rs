//! Two Cortex-M0+ cores of one chip, on one serial wire: an RP2040. Only an OpenOCD that is newer
//! than 0.12.0 can drive it over `remote_bitbang`; 0.12.0 has to say that it cannot.

mod calls;
mod crash;
mod group;
mod run;

use std::time::Instant;

use openocd::{
    BreakpointError, BreakpointKind, Error, OpenOcdProcess, ProcessError, ResetMode, Session, Target, TargetError,
    TargetState, VectorCatch, WatchpointAccess,
};
use virtual_chip::firmware::rp2040 as program;
use virtual_chip::{CoreState, HaltReason, Model, Register, VirtualBoard};

use crate::board::{INSTALL, PATIENCE};

const LOOP: u64 = program::LOOP as u64;
const STORE: u64 = program::STORE as u64;
const WORK: u64 = program::WORK as u64;

/// A session and the chip; the session ends first.
struct Pair {
    session: Session,
    board: VirtualBoard,
}

impl Pair {
    fn core(&self, number: usize) -> Target<'_> {
        self.session.target_named(self.board.cores()[number].target_name()).expect("the target is there")
    }

    fn halted(&self) -> &Self {
        self.core(0).halt().expect("core 0 halts");
        self.core(1).halt().expect("core 1 halts");
        self
    }

    fn states(&self) -> [CoreState; 2] {
        [0, 1].map(|number: usize| self.board.cores()[number].state())
    }

    fn counters(&self) -> [u32; 2] {
        program::COUNTER_ADDRESSES.map(|address| self.board.cores()[0].read_u32(address).expect("it is RAM"))
    }

    /// Waits until core 0 has launched core 1.
    fn wait_until_both_count(&self) {
        wait_until(|| !self.counters().contains(&0));
    }
}

/// A chip whose cores count, with the cores as independent targets or as a group; none with OpenOCD
/// 0.12.0.
fn start(smp: bool) -> Option<Pair> {
    let board = VirtualBoard::start(&[Model::Rp2040]).expect("a free port");
    let config = if smp { board.openocd_config_smp() } else { board.openocd_config() };
    let openocd = OpenOcdProcess::builder().config(config).ready_timeout(PATIENCE);
    match Session::builder().timeout(PATIENCE).start(openocd) {
        Ok(session) => {
            let pair = Pair { session, board };
            pair.wait_until_both_count();
            Some(pair)
        }
        Err(Error::Process(ProcessError::ExitedDuringStartup { report })) => {
            let too_old = report.log_tail.iter().any(|line| line.contains("Can't change session's transport"));
            assert!(too_old, "{:#?}", report.log_tail);
            None
        }
        Err(error) => panic!("{INSTALL}\n{error}"),
    }
}

#[track_caller]
fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it did not happen in {PATIENCE:?}");
        std::thread::yield_now();
    }
}

fn pair() -> Option<Pair> {
    start(false)
}

#[test]
fn both_cores_are_targets() {
    let Some(pair) = pair() else { return };
    for number in 0..2 {
        assert_eq!(pair.core(number).status().unwrap().state, TargetState::Running);
    }
    let targets = pair.session.targets().unwrap();
    let listed: Vec<_> = targets.iter().map(|target| (&*target.name, &*target.kind, target.examined)).collect();
    assert_eq!(listed, [("rp2040.core0", "cortex_m", true), ("rp2040.core1", "cortex_m", true)]);
    // The session's own target is the one that the configuration selects.
    assert_eq!(pair.session.target().status().unwrap().name, "rp2040.core0");
}

#[test]
fn each_core_halts_steps_and_resumes_alone() {
    let Some(pair) = pair() else { return };
    let target = pair.core(1);
    target.halt().unwrap();
    assert_eq!(pair.states(), [CoreState::Running, CoreState::Halted]);
    let [before, _] = pair.counters();
    let from = target.registers().read("pc").unwrap().value.to_u64();
    let stepped = target.step().unwrap();
    assert_ne!(stepped.pc, from);
    assert_eq!(pair.states(), [CoreState::Running, CoreState::Halted]);
    wait_until(|| pair.counters()[0] != before);
    pair.core(0).halt().unwrap();
    target.resume().unwrap();
    assert_eq!(pair.states(), [CoreState::Halted, CoreState::Running]);
}

#[test]
fn a_core_that_does_not_halt_is_named() {
    let Some(pair) = pair() else { return };
    pair.board.cores()[1].refuse_halt(true);
    let error = pair.core(1).halt().unwrap_err();
    assert!(error.to_string().contains("rp2040.core1"), "{error}");
    pair.core(0).halt().unwrap();
    assert_eq!(pair.states(), [CoreState::Halted, CoreState::Running]);
    pair.board.cores()[1].refuse_halt(false);
    pair.core(1).halt().unwrap();
}

#[test]
fn memory_is_shared_and_registers_are_not() {
    let Some(pair) = pair() else { return };
    let (first, second) = (pair.core(0), pair.core(1));
    first.memory().write_u32(0x2000_1000, 0x1234_5678).unwrap();
    assert_eq!(second.memory().read_u32(0x2000_1000).unwrap(), 0x1234_5678);
    let bytes: Vec<u8> = (0..1023_u32).map(|index| ((index * 7) >> 2) as u8).collect();
    second.memory().write_bytes(0x2000_1001, &bytes).unwrap();
    assert_eq!(first.memory().read_bytes(0x2000_1001, 1023).unwrap(), bytes);
    let cpuids = [&first, &second].map(|core| core.memory().read_u32(0xd000_0000).unwrap());
    assert_eq!(cpuids, [0, 1]);

    pair.halted();
    for (number, core) in [&first, &second].into_iter().enumerate() {
        core.registers().write("r7", 0x77 + number as u32).unwrap();
        core.registers().write("primask", 1_u32).unwrap();
    }
    for (number, core) in [&first, &second].into_iter().enumerate() {
        assert_eq!(core.registers().read("r7").unwrap().value.to_u64(), Some(0x77 + number as u64));
        core.step().unwrap();
        let core = &pair.board.cores()[number];
        assert_eq!((core.register(Register::R(7)), core.register(Register::Primask)), (0x77 + number as u32, 1));
    }
}

#[test]
fn an_m0_plus_has_neither_basepri_nor_faultmask() {
    let Some(pair) = pair() else { return };
    pair.halted();
    let names: Vec<_> =
        pair.core(1).registers().read_all().unwrap().registers.into_iter().map(|register| register.name).collect();
    for name in ["pc", "xpsr", "msp", "psp", "primask", "control"] {
        assert!(names.iter().any(|known| known == name), "{name} is missing: {names:?}");
    }
    for name in ["basepri", "faultmask"] {
        assert!(!names.iter().any(|known| known == name), "{names:?}");
        assert!(pair.core(1).registers().read(name).is_err());
    }
}

#[test]
fn each_core_has_four_breakpoint_comparators() {
    let Some(pair) = pair() else { return };
    pair.halted();
    for number in 0..2 {
        let breakpoints = pair.core(number).breakpoints();
        for index in 0..4 {
            let set = breakpoints.add(0x1000_0400 + 4 * u64::from(index), BreakpointKind::Hardware).unwrap();
            assert_eq!(set.comparator, Some(index), "{number}");
        }
        let error = breakpoints.add(0x1000_0500, BreakpointKind::Hardware).unwrap_err();
        assert!(matches!(error, Error::Breakpoint(BreakpointError::NoComparator { .. })), "{error:?}");
    }
    for number in 0..2 {
        let breakpoints = pair.core(number).breakpoints();
        assert_eq!(breakpoints.list().unwrap().len(), 4);
        breakpoints.remove_all().unwrap();
        assert_eq!(breakpoints.list().unwrap(), []);
    }
}

#[test]
fn a_breakpoint_halts_the_core_that_has_it() {
    let Some(pair) = pair() else { return };
    for number in [1, 0] {
        let target = pair.core(number);
        target.halt().unwrap();
        let breakpoint = target.breakpoints().scoped(STORE, BreakpointKind::Hardware).unwrap();
        target.resume().unwrap();
        assert_eq!(target.wait_halt(PATIENCE).unwrap().pc, Some(STORE));
        assert_eq!(pair.board.cores()[number].halt_reason(), Some(HaltReason::Breakpoint));
        assert_eq!(pair.board.cores()[1 - number].state(), CoreState::Running);
        breakpoint.remove().unwrap();
        target.resume().unwrap();
    }
}

/// The flash of an RP2040 takes a write and ignores it, without a fault.
#[test]
fn a_software_breakpoint_in_flash_is_refused() {
    let Some(pair) = pair() else { return };
    pair.halted();
    let error = pair.core(0).breakpoints().add(LOOP, BreakpointKind::Software).unwrap_err();
    assert!(matches!(error, Error::Breakpoint(BreakpointError::NotInEffect { .. })), "{error:?}");
}

/// The breakpoint unit of an M0+ covers only addresses below 0x20000000.
#[test]
fn in_ram_a_breakpoint_of_either_core_is_a_software_one() {
    let Some(pair) = pair() else { return };
    pair.halted();
    let code = 0x2000_1000;
    // adds r0, #1; b .-2
    pair.session.memory().write_u16_slice(code, &[0x3001, 0xe7fd]).unwrap();
    for number in 0..2 {
        let target = pair.core(number);
        assert!(target.breakpoints().add(code, BreakpointKind::Hardware).is_err());
        target.breakpoints().add(code, BreakpointKind::Software).unwrap();
        target.resume_at(code + 2).unwrap();
        assert_eq!(target.wait_halt(PATIENCE).unwrap().pc, Some(code));
        target.breakpoints().remove(code).unwrap();
        assert_eq!(pair.board.cores()[0].read_u32(code as u32).unwrap(), 0xe7fd_3001);
    }
}

/// The second core would save the breakpoint instruction of the first one as the original.
#[test]
fn a_software_breakpoint_where_the_other_core_has_one_is_refused() {
    let Some(pair) = pair() else { return };
    pair.halted();
    let code = 0x2000_1000;
    pair.session.memory().write_u16_slice(code, &[0x3001, 0xe7fd]).unwrap();
    pair.core(0).breakpoints().add(code, BreakpointKind::Software).unwrap();
    let error = pair.core(1).breakpoints().add(code, BreakpointKind::Software).unwrap_err();
    assert!(matches!(error, Error::Breakpoint(BreakpointError::Duplicate { .. })), "{error:?}");
    pair.core(0).breakpoints().remove(code).unwrap();
    assert_eq!(pair.board.cores()[0].read_u32(code as u32).unwrap(), 0xe7fd_3001);
}

#[test]
fn a_watchpoint_halts_the_core_that_has_it() {
    let Some(pair) = pair() else { return };
    let counter = u64::from(program::COUNTER_ADDRESSES[1]);
    for number in [0, 1] {
        let target = pair.core(number);
        target.halt().unwrap();
        target.breakpoints().add_watchpoint(counter, 4, WatchpointAccess::Write).unwrap();
        target.resume().unwrap();
    }
    let status = pair.core(1).wait_halt(PATIENCE).unwrap();
    assert_eq!(status.pc, Some(program::CALL.into()));
    assert_eq!(pair.states(), [CoreState::Running, CoreState::Halted], "core 0 writes another counter");
}

#[test]
fn a_reset_halts_both_cores_in_the_boot_rom_and_lets_both_start_again() {
    let Some(pair) = pair() else { return };
    pair.session.reset_all(ResetMode::Halt).unwrap();
    for (number, core) in pair.board.cores().iter().enumerate() {
        assert_eq!((core.state(), core.register(Register::Pc)), (CoreState::Halted, program::RESET));
        assert_eq!(pair.core(number).status().unwrap().pc, Some(program::RESET.into()));
    }
    let before = pair.counters();
    pair.session.reset_all(ResetMode::Run).unwrap();
    wait_until(|| pair.counters().iter().zip(before).any(|(now, before)| *now < before));
    pair.wait_until_both_count();
}

/// The stock configuration calls a function of the boot ROM at `reset init`.
#[test]
fn a_reset_init_reports_that_the_handler_failed() {
    let Some(pair) = pair() else { return };
    let error = pair.core(0).reset(ResetMode::Init).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::EventHandler { .. })), "{error:?}");
}

#[test]
fn vector_catch_of_what_armv6_m_lacks_is_refused() {
    let Some(pair) = pair() else { return };
    let target = pair.core(1);
    target.set_vector_catch(&[VectorCatch::Reset, VectorCatch::HardFault]).unwrap();
    let error = target.set_vector_catch(&VectorCatch::FAULTS).unwrap_err();
    let Error::Target(TargetError::NoVectorCatch { target: name, missing }) = error else { panic!("{error:?}") };
    assert_eq!((&*name, missing.len()), ("rp2040.core1", 7 - 1));
    assert_eq!(target.vector_catch().unwrap(), [VectorCatch::Reset, VectorCatch::HardFault], "as before");
    assert_eq!(pair.core(0).vector_catch().unwrap(), []);
}
