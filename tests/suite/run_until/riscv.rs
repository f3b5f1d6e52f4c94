//! Verdicts about a RISC-V hart.

use std::io::Write;
use std::time::Duration;

use openocd::{BreakpointKind, HaltReason, OpenOcdProcess, RunUntil, Session, Verdict};
use virtual_chip::{VirtualHart, firmware};

use crate::board::{INSTALL, PATIENCE};

fn halted() -> (Session, VirtualHart) {
    let hart = VirtualHart::start().unwrap();
    let openocd = OpenOcdProcess::builder().config(hart.openocd_config()).ready_timeout(PATIENCE);
    let session = Session::builder().timeout(PATIENCE).start(openocd);
    let session = session.unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    session.target().halt().unwrap();
    (session, hart)
}

#[test]
fn a_hart_reaches_a_breakpoint_or_the_deadline() {
    let (session, _hart) = halted();
    let until = RunUntil::new().breakpoint(firmware::hart::STORE.into());
    let outcome = session.target().run_until(until, PATIENCE).unwrap();
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: firmware::hart::STORE.into() });
    let outcome = session.target().run_until(RunUntil::new(), Duration::from_millis(20)).unwrap();
    assert_eq!(outcome.verdict, Verdict::Deadline);
}

#[test]
fn a_breakpoint_at_the_pc_is_reached_only_by_running() {
    let (session, hart) = halted();
    let target = session.target();
    let until = || RunUntil::new().breakpoint(firmware::hart::LOOP.into());
    target.run_until(until(), PATIENCE).unwrap();
    let before = hart.read_u32(firmware::hart::COUNTER_ADDRESS).unwrap();
    for pass in 1..=5 {
        let outcome = target.run_until(until(), PATIENCE).unwrap();
        assert_eq!(outcome.verdict, Verdict::Breakpoint { address: firmware::hart::LOOP.into() });
        assert_eq!(hart.read_u32(firmware::hart::COUNTER_ADDRESS).unwrap(), before + pass);
    }
}

const CODE: u32 = 0x8000_1000;
const DATA: u32 = 0x8000_1200;
const SLLI: u32 = 0x01f0_1013;
const EBREAK: u32 = 0x0010_0073;
const SRAI: u32 = 0x4070_5013;

/// A program that makes the call that is in a0 and a1, and exits with status 5.
fn calling(number: u32, argument: u32) -> (Session, VirtualHart) {
    let (session, hart) = halted();
    let program = [
        SLLI,
        EBREAK,
        SRAI,
        0x0200_0513, // li a0, 0x20 (SYS_EXIT_EXTENDED)
        0x8000_15b7, // lui a1, 0x80001
        0x2005_8593, // addi a1, a1, 0x200
        SLLI,
        EBREAK,
        SRAI,
        0x0000_006f, // j .
    ];
    let memory = session.memory();
    memory.write_u32_slice(CODE.into(), &program).unwrap();
    memory.write_u32_slice(DATA.into(), &[0x20026, 5]).unwrap();
    memory.write_bytes(u64::from(DATA) + 0x10, b"hello hart\n\0").unwrap();
    for (register, value) in [("a0", number), ("a1", argument), ("pc", CODE)] {
        session.registers().write(register, value).unwrap();
    }
    (session, hart)
}

#[test]
fn a_hart_prints_and_exits_by_semihosting() {
    let (session, _hart) = calling(4, DATA + 0x10);
    session.semihosting().enable().unwrap();
    let outcome = session.target().run_until(RunUntil::new().semihosting(), PATIENCE).unwrap();
    assert_eq!(outcome.verdict, Verdict::Exit { status: 5, reason: 0x20026 });
    assert_eq!((outcome.output_text().as_str(), outcome.pc()), ("hello hart\n", Some(u64::from(CODE) + 28)));
    assert!(session.semihosting().is_enabled().unwrap());
}

#[test]
fn a_breakpoint_at_a_call_of_a_hart_is_a_halt_and_the_call_is_served_afterwards() {
    let (session, _hart) = calling(4, DATA + 0x10);
    let call = u64::from(CODE) + 4;
    session.breakpoints().add(call, BreakpointKind::Hardware).unwrap();
    let outcome = session.target().run_until(RunUntil::new().semihosting(), PATIENCE).unwrap();
    // OpenOCD 0.12.0 does not know the reason.
    assert!(matches!(outcome.verdict, Verdict::Halt(HaltReason::Breakpoint | HaltReason::Unknown)), "{outcome:?}");
    assert_eq!((outcome.status.pc, &*outcome.output), (Some(call), &b""[..]));
    let outcome = session.target().run_until(RunUntil::new().semihosting(), PATIENCE).unwrap();
    assert_eq!((outcome.output_text().as_str(), outcome.pc()), ("hello hart\n", Some(u64::from(CODE) + 28)));
    assert_eq!(outcome.verdict, Verdict::Exit { status: 5, reason: 0x20026 });
}

#[test]
fn a_refused_call_of_a_hart_is_answered_with_minus_one() {
    let (session, hart) = calling(0x12, DATA + 0x10);
    // To see the answer before it is overwritten.
    session.memory().write_u32(u64::from(CODE) + 12, EBREAK).unwrap();
    let outcome = session.target().run_until(RunUntil::new().semihosting(), PATIENCE).unwrap();
    assert!(matches!(outcome.verdict, Verdict::Halt(HaltReason::Breakpoint | HaltReason::Unknown)), "{outcome:?}");
    assert_eq!((outcome.refused_calls, hart.x(10)), (vec![0x12], u32::MAX));
}

#[test]
fn an_ebreak_alone_is_no_call() {
    let (session, _hart) = calling(4, DATA);
    session.registers().write("pc", CODE + 4).unwrap();
    session.memory().write_u32(CODE.into(), 0x13).unwrap();
    let outcome = session.target().run_until(RunUntil::new().semihosting(), PATIENCE).unwrap();
    assert!(matches!(outcome.verdict, Verdict::Halt(_)), "{outcome:?}");
    assert_eq!(outcome.pc(), Some(u64::from(CODE) + 4));
}

#[test]
fn a_call_that_nobody_serves_is_a_halt_with_its_reason() {
    // SYS_READC
    let (session, _hart) = calling(7, 0);
    let outcome = session.target().run_until(RunUntil::new(), PATIENCE).unwrap();
    let Verdict::Halt(reason) = outcome.verdict else { panic!("{}", outcome.verdict) };
    // OpenOCD 0.12.0 knows no reason of a hart.
    assert!(matches!(reason, HaltReason::Semihosting | HaltReason::Unknown), "{reason}");
    let knows_reasons =
        session.command("info commands \"[target current] debug_reason\"").is_ok_and(|found| !found.is_empty());
    assert_eq!(reason == HaltReason::Semihosting, knows_reasons);
    assert_eq!(outcome.status.pc, Some(u64::from(CODE) + 4));
}

#[test]
fn what_is_behind_a_sleep_of_a_hart_is_not_reached_at_the_deadline() {
    let (session, _hart) = halted();
    // wfi; nop; j .
    session.memory().write_u32_slice(CODE.into(), &[0x1050_0073, 0x0000_0013, 0x0000_006f]).unwrap();
    session.registers().write("pc", CODE).unwrap();
    let until = RunUntil::new().breakpoint(u64::from(CODE) + 4);
    let outcome = session.target().run_until(until, Duration::from_millis(200)).unwrap();
    assert_eq!(outcome.verdict, Verdict::Deadline, "{outcome}");
    assert_eq!(outcome.pc(), Some(u64::from(CODE) + 4));
}

#[test]
fn a_hart_that_is_halted_while_it_waits_for_input_gets_it_after_it_is_resumed() {
    // SYS_READC
    let (session, _hart) = calling(7, 0);
    let target = session.target();
    let mut console = session.semihosting().serve().unwrap();
    target.resume().unwrap();
    target.wait_halt(PATIENCE).unwrap();
    std::thread::sleep(Duration::from_millis(40));
    let status = target.halt().unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(u64::from(CODE) + 4), Some(HaltReason::DebugRequest)));
    console.write_all(b"a").unwrap();
    std::thread::sleep(Duration::from_millis(40));
    assert_eq!(target.status().unwrap(), status);
    target.resume().unwrap();
    assert_eq!(console.wait_exit(PATIENCE).unwrap().status, 5);
}
