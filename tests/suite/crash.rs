//! Crash reports of every fault that the virtual chip can produce.

mod causes;

use openocd::crash::{Fault, FrameSource, StackedFrame, StackedState};
use openocd::{CrashReport, Error, TargetError, VectorCatch};
use virtual_chip::{CoreState, Register, VirtualHart, firmware};

use crate::board::{Board, PATIENCE};

const CODE: u64 = 0x2000_0100;
/// The stack pointer of the programs here.
const SP: u32 = 0x2000_4000;
const UNMAPPED: u32 = 0x6000_0000;
const CCR: u64 = 0xe000_ed14;
const VTOR: u64 = 0xe000_ed08;
const UDF: [u16; 1] = [0xde00];
const LOAD: [u16; 1] = [0x6801]; // ldr r1, [r0]
const BRANCH: [u16; 1] = [0x4700]; // bx r0
const SVC: [u16; 1] = [0xdf00];
const ENDLESS: [u16; 1] = [0xe7fe]; // b .

/// A halted chip, with these instructions at [`CODE`] and the stack pointer and R0 set.
fn board(code: &[u16], r0: u32) -> Board {
    let board = Board::halted();
    load(&board, code, r0);
    board
}

fn load(board: &Board, code: &[u16], r0: u32) {
    board.session.memory().write_u16_slice(CODE, code).unwrap();
    let registers = board.session.registers();
    registers.write("sp", SP).unwrap();
    registers.write("r0", r0).unwrap();
    registers.write("r12", 0x1212_1212_u32).unwrap();
}

/// Makes these instructions the handler of every exception.
fn handle_with(board: &Board, handler: &[u16]) {
    let (table, code) = (0x2000_0200, 0x2000_0300_u32);
    board.session.memory().write_u32_slice(table, &[code | 1; 16]).unwrap();
    board.session.memory().write_u16_slice(code.into(), handler).unwrap();
    board.session.memory().write_u32(VTOR, table as u32).unwrap();
}

fn run(board: &Board) {
    board.session.command(&format!("resume {CODE:#x}")).unwrap();
}

/// Runs into the fault with vector catch, and reports it.
fn caught(board: &Board) -> CrashReport {
    board.session.target().set_vector_catch(&VectorCatch::FAULTS).unwrap();
    run(board);
    board.session.target().wait_halt(PATIENCE).unwrap();
    board.session.target().crash_report().unwrap()
}

fn faults(report: &CrashReport) -> Vec<Fault> {
    report.cortex_m().unwrap().faults()
}

fn frame(report: &CrashReport) -> StackedFrame {
    match report.cortex_m().unwrap().stacked {
        StackedState::Found(frame) => frame,
        other => panic!("{other:?}\n{report}"),
    }
}

#[test]
fn each_fault_is_named_with_its_place() {
    let divide: &[u16] = &[0xfbb1, 0xf0f2]; // udiv r0, r1, r2
    let coprocessor: &[u16] = &[0xee00, 0x0a10]; // vmov s0, r0
    let cases: [(&[u16], u32, Fault, u64); 8] = [
        (&UDF, 0, Fault::UndefinedInstruction, CODE),
        (&LOAD, UNMAPPED, Fault::PreciseData, CODE),
        (&BRANCH, 0x2000_0200, Fault::InvalidState, 0x2000_0200),
        (&BRANCH, 0x1000_0001, Fault::InstructionBus, 0x1000_0000),
        (&BRANCH, 0x4000_0001, Fault::InstructionAccess, 0x4000_0000),
        (coprocessor, 0, Fault::NoCoprocessor, CODE),
        (&LOAD, 0x2000_0201, Fault::Unaligned, CODE),
        (divide, 0, Fault::DivideByZero, CODE),
    ];
    for (code, r0, fault, pc) in cases {
        let board = board(code, r0);
        board.session.memory().write_u32(CCR, 0x18).unwrap(); // traps of unaligned accesses and of divisions by zero
        board.session.registers().write("r2", 0_u32).unwrap();
        let report = caught(&board);
        assert_eq!(faults(&report), [fault, Fault::Forced], "{report}");
        assert_eq!(report.fault_pc(), Some(pc), "{report}");
        let state = report.cortex_m().unwrap();
        assert_eq!((state.exception.to_string().as_str(), state.is_fault()), ("HardFault", true));
        assert_eq!(state.active_exception(), Some(state.exception));
        let frame = frame(&report);
        assert_eq!((frame.source, frame.address, frame.sp), (FrameSource::StackPointer, SP - 0x20, SP));
        assert_eq!((frame.r0, frame.r12), (r0, 0x1212_1212));
        assert!(frame.exception().is_thread());
        let line = report.summary();
        assert!(
            line.starts_with(&format!("HardFault: {fault}")) && line.ends_with(&format!("at {pc:#010x}")),
            "{line}"
        );
    }
}

#[test]
fn bus_fault_has_the_address_of_the_access() {
    let report = caught(&board(&LOAD, UNMAPPED));
    let state = report.cortex_m().unwrap();
    assert_eq!(state.fault_status.bus_fault_address(), Some(UNMAPPED));
    assert_eq!(state.fault_status.memory_fault_address(), None);
    assert_eq!(report.summary(), "HardFault: a data access failed on the bus, to address 0x60000000, at 0x20000100");
    let text = report.to_string();
    for line in [
        "stm32f1x.cpu: HardFault: a data access failed on the bus, to address 0x60000000, at 0x20000100\n",
        "  halted at 0x08000054 (exception-catch)\n",
        "  EXC_RETURN 0xfffffff9: to thread mode, main stack\n",
        "  CFSR  0x00008200\n    PRECISERR    a data access failed on the bus, to address 0x60000000\n",
        "  HFSR  0x40000000\n    FORCED       another fault escalated to a HardFault\n",
        "  BFAR  0x60000000\n",
        "stored state at 0x20003fe0, from thread mode:\n  pc   0x20000100",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn fault_with_a_handler_of_its_own_is_not_escalated() {
    for (code, r0, number, name) in
        [(&LOAD, UNMAPPED, 17, "BusFault"), (&UDF, 0, 18, "UsageFault"), (&BRANCH, 0x4000_0001, 16, "MemManage")]
    {
        let board = board(code, r0);
        board.session.memory().write_u32(0xe000_ed24, 1 << number).unwrap();
        let report = caught(&board);
        assert!(report.summary().starts_with(name), "{report}");
        assert_eq!(faults(&report).len(), 1, "{report}");
        assert_eq!(report.cortex_m().unwrap().shcsr.unwrap() & 1 << number, 1 << number);
    }
}

#[test]
fn program_on_the_process_stack_is_found_there() {
    let board = Board::halted();
    board.session.memory().write_u16(CODE, UDF[0]).unwrap();
    // Past OpenOCD, which would write its `sp` to the stack that CONTROL selects.
    board.chip.set_register(Register::Control, 2);
    board.chip.set_register(Register::Psp, 0x2000_3004);
    let report = caught(&board);
    let exc_return = report.cortex_m().unwrap().exc_return.unwrap();
    assert!(exc_return.uses_psp() && exc_return.to_thread_mode());
    let frame = frame(&report);
    assert_eq!((frame.source, frame.pc, frame.sp), (FrameSource::StackPointer, CODE as u32, 0x2000_3004));
}

#[test]
fn fault_in_a_handler_says_which_exception_it_interrupted() {
    let board = board(&SVC, 0xffff_fff5);
    handle_with(&board, &ENDLESS);
    run(&board);
    board.session.target().halt().unwrap();
    let report = board.session.target().crash_report().unwrap();
    assert_eq!(report.summary(), "no fault; in the handler of SVCall");
    assert_eq!(report.fault_pc(), Some(CODE + 2)); // an SVC returns to the next instruction
    board.session.memory().write_u16(CODE, BRANCH[0]).unwrap();
    let report = caught(&board);
    assert_eq!(faults(&report), [Fault::InvalidReturn, Fault::Forced], "{report}");
    let frame = frame(&report);
    assert_eq!(frame.exception().to_string(), "SVCall");
    assert!(!report.cortex_m().unwrap().exc_return.unwrap().to_thread_mode());
}

#[test]
fn return_from_an_exception_with_a_wrong_stack_is_reported() {
    let board = board(&SVC, 0xffff_fff9);
    handle_with(&board, &ENDLESS);
    run(&board);
    board.session.target().halt().unwrap();
    board.session.memory().write_u16(CODE, BRANCH[0]).unwrap();
    board.session.registers().write("sp", UNMAPPED).unwrap();
    let report = caught(&board);
    assert!(faults(&report).contains(&Fault::BusUnstacking), "{report}");
}

#[test]
fn wrong_stack_pointer_is_in_the_report() {
    let board = board(&UDF, 0);
    board.session.registers().write("sp", 0x1000_0020_u32).unwrap();
    let report = caught(&board);
    let state = report.cortex_m().unwrap();
    assert!(state.faults().contains(&Fault::BusStacking), "{report}");
    assert_eq!(state.stacked, StackedState::Unreadable { address: 0x1000_0000 });
    assert_eq!(report.fault_pc(), None);
    let text = report.to_string();
    assert!(text.contains("stored state: the stack pointer is wrong; memory at 0x10000000 cannot be read\n"), "{text}");
}

#[test]
fn stack_that_has_grown_out_of_ram_is_a_stack_overflow() {
    // A wrong stack pointer far from any memory is none.
    for (sp, is_overflow) in [(0x2000_0010, true), (0x1fff_fff0, true), (0x1fff_fc20, true), (0x1000_0020, false)] {
        let board = board(&UDF, 0);
        board.session.registers().write("sp", sp).unwrap();
        let report = caught(&board);
        assert_eq!(report.cortex_m().unwrap().is_stack_overflow(), is_overflow, "{sp:#x}: {report}");
        let begin = if is_overflow { "HardFault: stack overflow: " } else { "HardFault: the entry to an exception" };
        assert!(report.summary().starts_with(begin), "{sp:#x}: {report}");
    }
    // A fault with room on the stack.
    assert!(!caught(&board(&UDF, 0)).cortex_m().unwrap().is_stack_overflow());
}

#[test]
fn vector_table_that_cannot_be_read_is_reported() {
    let board = board(&UDF, 0);
    board.session.target().set_vector_catch(&VectorCatch::FAULTS).unwrap();
    board.session.memory().write_u32(VTOR, 0x3000_0000).unwrap();
    run(&board);
    // No handler can be entered, so the core locks up.
    while board.chip.state() == CoreState::Running {
        std::thread::yield_now();
    }
    let _ = board.session.target().halt();
    let report = board.session.target().crash_report().unwrap();
    assert!(report.cortex_m().unwrap().is_locked_up, "{report}");
    assert!(report.summary().starts_with("locked up: an undefined instruction was executed"), "{report}");
}

#[test]
fn lockup_is_reported_with_the_fault_before_it() {
    let board = board(&UDF, 0);
    let report = caught(&board);
    assert!(!report.cortex_m().unwrap().is_locked_up);
    board.session.memory().write_u16(CODE, LOAD[0]).unwrap();
    board.session.registers().write("r0", UNMAPPED).unwrap();
    board.session.target().set_vector_catch(&[]).unwrap();
    // In the handler of a HardFault: newer OpenOCD reports this resume as failed.
    let _ = board.session.command(&format!("resume {CODE:#x}"));
    let _ = board.session.target().halt();
    let report = board.session.target().crash_report().unwrap();
    let state = report.cortex_m().unwrap();
    assert!(state.is_locked_up && state.is_fault(), "{report}");
    assert_eq!(state.exception.to_string(), "HardFault");
    assert_eq!(state.fault_status.bus_fault_address(), Some(UNMAPPED));
    assert!(report.summary().starts_with("locked up: "), "{report}");
}

#[test]
fn handler_that_used_its_stack_leaves_a_frame_to_be_guessed() {
    let board = board(&UDF, 0);
    // push {r4, lr}; sub sp, #8; movs r0, #0; mov lr, r0; b .
    handle_with(&board, &[0xb510, 0xb082, 0x2000, 0x4686, 0xe7fe]);
    run(&board);
    std::thread::sleep(std::time::Duration::from_millis(20));
    board.session.target().halt().unwrap();
    let report = board.session.target().crash_report().unwrap();
    let frame = frame(&report);
    assert_eq!((frame.source, frame.address, frame.pc), (FrameSource::Search, SP - 0x20, CODE as u32), "{report}");
    assert_eq!(report.cortex_m().unwrap().exc_return, None);
    assert!(report.to_string().contains("stored state at 0x20003fe0, which is a guess, from thread mode:"), "{report}");
}

#[test]
fn target_without_a_fault_has_a_report_that_says_so() {
    let board = Board::halted();
    let report = board.session.target().crash_report().unwrap();
    assert_eq!(report.summary(), "no fault; in thread mode");
    let state = report.cortex_m().unwrap();
    assert_eq!((state.stacked, state.is_fault(), state.faults()), (StackedState::None, false, vec![]));
    assert_eq!((state.primask, state.faultmask, state.basepri, state.control), (Some(0), Some(0), Some(0), Some(0)));
    assert_eq!(state.fault_status.sfsr, None);
    // OpenOCD 0.12.0 calls it `xPSR`.
    let names: Vec<_> = report.registers.registers.iter().map(|register| &*register.name).collect();
    assert!(names.contains(&"xpsr") && !names.contains(&"xPSR"), "{names:?}");
    assert_eq!(report.registers.get("sp").unwrap().value.to_u64(), Some(u64::from(board.chip.register(Register::Msp))));
    assert!(report.unreadable.is_empty() && report.registers.unreadable.is_empty(), "{report:?}");
}

#[test]
fn fault_that_is_over_is_said_to_be_earlier() {
    let board = board(&LOAD, UNMAPPED);
    caught(&board);
    // As after a return from the handler.
    board
        .session
        .registers()
        .write("xPSR", 0x0100_0000_u32)
        .or_else(|_| board.session.registers().write("xpsr", 0x0100_0000_u32))
        .unwrap();
    let report = board.session.target().crash_report().unwrap();
    assert!(report.summary().starts_with("no fault now; in thread mode; earlier: "), "{report}");
}

#[test]
fn report_changes_nothing_on_the_target() {
    let board = board(&LOAD, UNMAPPED);
    caught(&board);
    let registers: Vec<_> = [0xe000_ed04, 0xe000_ed28, 0xe000_ed2c, 0xe000_ed38, 0xe000_ed30, 0xe000_edfc]
        .map(|address| board.held(address, 4))
        .into_iter()
        .collect();
    let ram = board.held(0x2000_0000, 0x5000);
    board.chip.watch_accesses(0..u32::MAX);
    board.session.target().crash_report().unwrap();
    let writes: Vec<_> = board.chip.take_accesses().into_iter().filter(|access| access.is_write).collect();
    // A read of a core register is requested in DCRSR.
    assert!(writes.iter().all(|access| access.address == 0xe000_edf4), "{writes:x?}");
    assert_eq!(board.held(0x2000_0000, 0x5000), ram);
    for (address, before) in
        [0xe000_ed04, 0xe000_ed28, 0xe000_ed2c, 0xe000_ed38, 0xe000_ed30, 0xe000_edfc].iter().zip(registers)
    {
        assert_eq!(board.held(*address, 4), before, "{address:#x}");
    }
}

#[test]
fn register_in_memory_that_cannot_be_read_is_in_the_report() {
    let board = board(&LOAD, UNMAPPED);
    caught(&board);
    board.chip.faults().bus_fault_at(0xe000_ed28..0xe000_ed2c);
    let report = board.session.target().crash_report().unwrap();
    let state = report.cortex_m().unwrap();
    assert_eq!((state.fault_status.cfsr, state.fault_status.hfsr), (None, Some(0x4000_0000)));
    assert_eq!(report.unreadable.iter().map(|(address, _)| *address).collect::<Vec<_>>(), [0xe000_ed28]);
    assert!(report.to_string().contains("the register at 0xe000ed28 cannot be read: OpenOCD refused"), "{report}");
    assert_eq!(report.fault_pc(), Some(CODE));
}

#[test]
fn running_target_is_refused() {
    let board = Board::start();
    let error = board.session.target().crash_report().unwrap_err();
    let Error::Target(TargetError::NotHalted { operation, target, .. }) = &error else { panic!("{error:?}") };
    assert_eq!((operation.as_str(), target.as_str()), ("crash_report", "stm32f1x.cpu"));
}

#[test]
fn trap_of_a_riscv_hart_is_decoded() {
    let hart = VirtualHart::start().unwrap();
    let session = openocd::Session::start(hart.openocd_config()).unwrap();
    let target = session.target();
    target.halt().unwrap();
    // lw a0, 0(a1); the handler: j .
    session.memory().write_u32(0x8000_0100, 0x0005_a503).unwrap();
    session.memory().write_u32(0x8000_0200, 0x0000_006f).unwrap();
    session.registers().write("mtvec", 0x8000_0200_u32).unwrap();
    session.registers().write("a1", 0x10_u32).unwrap();
    session.command("resume 0x80000100").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    target.halt().unwrap();
    let report = target.crash_report().unwrap();
    let trap = report.riscv().unwrap().machine_trap.unwrap();
    assert_eq!(trap.cause.to_string(), "load access fault");
    assert_eq!(report.fault_pc(), Some(0x8000_0100));
    assert!(report.summary().starts_with("last trap: load access fault at 0x80000100"), "{report}");
    assert!(report.registers.get("a1").is_some_and(|a1| a1.value.to_u64() == Some(0x10)));
    assert!(report.registers.unreadable.is_empty(), "{report}");
    assert!(report.to_string().contains("the hart is in machine mode"), "{report}");
}

#[test]
fn breakpoint_in_the_handler_stops_after_the_frame_is_stored() {
    let board = board(&UDF, 0);
    board.session.command(&format!("bp {:#x} 2 hw", firmware::STOP)).unwrap();
    run(&board);
    board.session.target().wait_halt(PATIENCE).unwrap();
    assert_eq!(board.session.target().crash_report().unwrap().fault_pc(), Some(CODE));
}

#[test]
fn a_stack_at_the_end_of_ram_leaves_no_error_in_the_log() {
    let board = board(&UDF, 0);
    let level = board.session.command("debug_level").unwrap();
    board.session.registers().write("sp", 0x2000_4ff0_u32).unwrap();
    board.session.target().set_vector_catch(&VectorCatch::FAULTS).unwrap();
    run(&board);
    board.session.target().wait_halt(PATIENCE).unwrap();
    let report = board.session.target().crash_report().unwrap();
    assert!(report.to_string().contains("0x20004fd0"), "{report}");
    // A line of our own is the last, so that all before it have come.
    board.session.command("echo {the end of the report}").unwrap();
    let begun = std::time::Instant::now();
    let mut log = board.session.process().unwrap().log_tail();
    while !log.iter().any(|line| line.contains("the end of the report")) && begun.elapsed() < PATIENCE {
        std::thread::yield_now();
        log = board.session.process().unwrap().log_tail();
    }
    assert!(!log.iter().any(|line| line.starts_with("Error: ")), "{log:#?}");
    assert_eq!(board.session.command("debug_level").unwrap(), level);
}
