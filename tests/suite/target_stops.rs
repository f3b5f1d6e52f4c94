//! Where a target stops, and what gets it going again: breakpoints at the program counter,
//! breakpoint instructions, lockup.

use std::time::{Duration, Instant};

use openocd::{BreakpointKind, Error, HaltReason, OpenOcdProcess, ResetMode, Session, Target, TargetState};
use openocd::{RunUntil, TargetStatus, TimeoutError, Verdict};
use virtual_chip::{CoreState, VirtualHart, firmware};

use crate::board::{Board, INSTALL, PATIENCE};

const RAM: u32 = 0x2000_0100;
/// `udf #0` as bytes.
const UDF: [u8; 2] = [0x00, 0xde];
const LOCKUP_PC: u64 = 0xffff_fffe;

fn start(config: String) -> Session {
    let openocd = OpenOcdProcess::builder().config(config).ready_timeout(PATIENCE);
    Session::builder().timeout(PATIENCE).start(openocd).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"))
}

fn halted_at(target: Target<'_>, pc: u64) -> TargetStatus {
    let status = target.wait_halt(PATIENCE).unwrap();
    assert_eq!(status.pc, Some(pc), "{status}");
    status
}

#[test]
fn a_hart_executes_the_instruction_under_a_breakpoint_at_its_pc() {
    use firmware::hart::{COUNTER_ADDRESS, LOOP, STORE};
    for kind in [BreakpointKind::Software, BreakpointKind::Hardware] {
        let hart = VirtualHart::start().unwrap();
        let session = start(hart.openocd_config());
        let target = session.target();
        target.halt().unwrap();
        let set = session.breakpoints().add(LOOP.into(), kind).unwrap();
        session.registers().write("pc", LOOP).unwrap();
        assert_eq!(target.step().unwrap().pc, Some(STORE.into()), "{kind:?}");
        assert_eq!(target.step_at(LOOP.into()).unwrap().pc, Some(STORE.into()), "{kind:?}");
        assert_eq!(session.breakpoints().list().unwrap(), [set]);
        target.resume().unwrap();
        halted_at(target, LOOP.into());
        // Each pass through the loop counts one, so none is reported that did not happen.
        let before = hart.read_u32(COUNTER_ADDRESS).unwrap();
        for pass in 1..=5 {
            target.resume().unwrap();
            halted_at(target, LOOP.into());
            assert_eq!(hart.read_u32(COUNTER_ADDRESS).unwrap(), before + pass, "{kind:?}");
        }
        target.resume_at(LOOP.into()).unwrap();
        halted_at(target, LOOP.into());
        assert_eq!(hart.read_u32(COUNTER_ADDRESS).unwrap(), before + 6, "{kind:?}");
        assert_eq!(session.breakpoints().list().unwrap(), [set]);
    }
}

#[test]
fn a_hart_that_resumes_from_a_breakpoint_stops_at_one_right_behind_it() {
    use firmware::hart::{LOOP, STORE};
    for kind in [BreakpointKind::Software, BreakpointKind::Hardware] {
        let hart = VirtualHart::start().unwrap();
        let session = start(hart.openocd_config());
        let target = session.target();
        target.halt().unwrap();
        session.breakpoints().add(LOOP.into(), kind).unwrap();
        session.breakpoints().add(STORE.into(), kind).unwrap();
        session.registers().write("pc", LOOP).unwrap();
        for _ in 0..2 {
            target.resume().unwrap();
            let status = halted_at(target, STORE.into());
            assert_eq!(status.halt_reason, Some(HaltReason::Breakpoint), "{kind:?}");
            target.resume().unwrap();
            halted_at(target, LOOP.into());
        }
        let outcome = target.run_until(RunUntil::new().breakpoint(STORE.into()), PATIENCE).unwrap();
        assert_eq!(outcome.verdict, Verdict::Breakpoint { address: STORE.into() });
    }
}

#[test]
fn a_hart_that_is_halted_where_a_breakpoint_is_set_then_resumes_past_it() {
    use firmware::hart::{COUNTER_ADDRESS, LOOP};
    let hart = VirtualHart::start().unwrap();
    let session = start(hart.openocd_config());
    let target = session.target();
    target.halt().unwrap();
    while target.step().unwrap().pc != Some(LOOP.into()) {}
    session.breakpoints().add(LOOP.into(), BreakpointKind::Hardware).unwrap();
    let before = hart.read_u32(COUNTER_ADDRESS).unwrap();
    target.resume().unwrap();
    halted_at(target, LOOP.into());
    assert_eq!(hart.read_u32(COUNTER_ADDRESS).unwrap(), before + 1);
}

#[test]
fn a_step_passes_a_breakpoint_instruction_however_the_target_came_there() {
    let board = Board::halted();
    let target = board.session.target();
    // nop; bkpt #0; nop; b .
    board.chip.write_memory(RAM, &[0x00, 0xbf, 0x00, 0xbe, 0x00, 0xbf, 0xfe, 0xe7]).unwrap();
    let [nop, bkpt, behind] = [0, 2, 4].map(|offset| u64::from(RAM) + offset);

    assert_eq!(target.step_at(nop).unwrap().pc, Some(bkpt));
    let status = target.step().unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(behind), Some(HaltReason::SingleStep)));

    target.resume_at(nop).unwrap();
    assert_eq!(halted_at(target, bkpt).halt_reason, Some(HaltReason::Breakpoint));
    assert_eq!(target.step().unwrap().pc, Some(behind));

    assert_eq!(target.step_at(bkpt).unwrap().pc, Some(behind));
    // The instruction behind it is executed next.
    assert_eq!(target.step().unwrap().pc, Some(behind + 2));
}

#[test]
fn a_step_of_a_hart_passes_an_ebreak_of_its_program() {
    let hart = VirtualHart::start().unwrap();
    let session = start(hart.openocd_config());
    let target = session.target();
    target.halt().unwrap();
    let code = 0x8000_1000;
    hart.write_u32(code, 0x0000_0013).unwrap(); // nop
    hart.write_u32(code + 4, 0x0010_0073).unwrap(); // ebreak
    hart.write_u32(code + 8, 0x0000_0013).unwrap();
    let [nop, ebreak, behind] = [0, 4, 8].map(|offset| u64::from(code + offset));
    assert_eq!(target.step_at(nop).unwrap().pc, Some(ebreak));
    assert_eq!(target.step().unwrap().pc, Some(behind));
    assert_eq!(target.step().unwrap().pc, Some(behind + 4));
    target.resume_at(nop).unwrap();
    halted_at(target, ebreak);
    assert_eq!(target.step().unwrap().pc, Some(behind));
}

/// A halted chip whose `HardFault` handler faults, which OpenOCD does not poll by itself.
fn board_that_locks_up() -> Board {
    let board = Board::halted();
    board.chip.write_memory(firmware::STOP, &UDF).unwrap();
    board
}

#[track_caller]
fn assert_locked_up(status: &TargetStatus) {
    assert_eq!(
        (status.state, status.pc, status.halt_reason),
        (TargetState::Halted, Some(LOCKUP_PC), Some(HaltReason::Lockup)),
        "{status}"
    );
}

#[test]
fn a_lockup_is_a_halt_with_that_reason() {
    let board = board_that_locks_up();
    let pause = board.session.pause_polling().unwrap();
    let target = board.session.target();
    target.resume_at(0x6000_0000).unwrap();
    assert_locked_up(&target.wait_halt(PATIENCE).unwrap());
    for status in [target.status(), target.halt(), target.wait_halt(Duration::ZERO)] {
        assert_locked_up(&status.unwrap());
    }
    // It locks up again at once, and did run.
    target.resume().unwrap();
    assert_locked_up(&target.wait_halt(PATIENCE).unwrap());
    assert_eq!(target.wait_halt(PATIENCE).unwrap().to_string(), "stm32f1x.cpu is halted at 0xfffffffe (lockup)");
    let status = target.reset(ResetMode::Halt).unwrap();
    assert_eq!(status.halt_reason, Some(HaltReason::DebugRequest));
    drop(pause);
}

#[test]
fn every_call_that_finds_a_lockup_takes_it_for_a_halt() {
    type Call = fn(Target<'_>) -> Result<TargetStatus, Error>;
    let calls: [(&str, Call); 4] = [
        ("halt", |target| target.halt()),
        ("status", |target| target.status()),
        ("wait_halt", |target| target.wait_halt(PATIENCE)),
        ("resume", |target| target.resume().and_then(|()| target.wait_halt(PATIENCE))),
    ];
    for (name, call) in calls {
        let board = board_that_locks_up();
        let _pause = board.session.pause_polling().unwrap();
        // Not by `resume`, which polls the target.
        board.session.command("resume 0x60000000").unwrap();
        let begin = Instant::now();
        while board.chip.state() != virtual_chip::CoreState::LockedUp {
            assert!(begin.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
        let status = call(board.session.target()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_locked_up(&status);
    }
}

#[test]
fn a_firmware_that_locks_up_at_once_does_not_fail_the_reset() {
    let board = board_that_locks_up();
    board.chip.write_memory(firmware::MAIN, &UDF).unwrap();
    let _pause = board.session.pause_polling().unwrap();
    for _ in 0..3 {
        board.session.target().reset(ResetMode::Run).unwrap();
        assert_locked_up(&board.session.target().wait_halt(PATIENCE).unwrap());
        board.session.reset_all(ResetMode::Run).unwrap();
        assert_locked_up(&board.session.target().wait_halt(PATIENCE).unwrap());
    }
    let status = board.session.target().reset(ResetMode::Halt).unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(firmware::MAIN.into()), Some(HaltReason::DebugRequest)));
}

#[test]
fn a_step_into_a_lockup_says_so() {
    let board = board_that_locks_up();
    let target = board.session.target();
    target.step_at(0x6000_0000).unwrap();
    let status = target.step().unwrap();
    assert_locked_up(&status);
}

#[test]
fn a_breakpoint_at_the_first_instruction_is_the_reason_after_a_reset_that_runs() {
    let board = Board::halted();
    let target = board.session.target();
    let main = u64::from(firmware::MAIN);
    board.session.breakpoints().add(main, BreakpointKind::Hardware).unwrap();
    for _ in 0..2 {
        target.reset(ResetMode::Run).unwrap();
        assert_eq!(halted_at(target, main).halt_reason, Some(HaltReason::Breakpoint));
        assert_eq!(target.status().unwrap().halt_reason, Some(HaltReason::Breakpoint));
        let status = target.reset(ResetMode::Halt).unwrap();
        assert_eq!((status.pc, status.halt_reason), (Some(main), Some(HaltReason::DebugRequest)));
    }
    target.resume().unwrap();
    assert_eq!(target.halt().unwrap().halt_reason, Some(HaltReason::DebugRequest));
}

#[test]
fn firmware_that_begins_with_a_bkpt_is_halted_by_a_breakpoint_after_a_reset_that_runs() {
    let board = Board::halted();
    let target = board.session.target();
    let main = u64::from(firmware::MAIN);
    // bkpt 0
    board.chip.write_memory(firmware::MAIN, &[0x00, 0xbe]).unwrap();
    for _ in 0..2 {
        target.reset(ResetMode::Run).unwrap();
        assert_eq!(halted_at(target, main).halt_reason, Some(HaltReason::Breakpoint));
        assert_eq!(target.halt().unwrap().halt_reason, Some(HaltReason::Breakpoint));
        let status = target.reset(ResetMode::Halt).unwrap();
        assert_eq!((status.pc, status.halt_reason), (Some(main), Some(HaltReason::DebugRequest)));
    }
}

#[test]
fn wait_halt_ends_by_its_deadline_whatever_openocd_does() {
    let board = Board::start_with(Session::builder().timeout(Duration::from_secs(5)), |openocd| openocd);
    let target = board.session.target();
    board.chip.faults().stop_answering(true);
    let begin = Instant::now();
    let error = target.wait_halt(Duration::from_millis(300)).unwrap_err();
    let elapsed = begin.elapsed();
    board.chip.faults().stop_answering(false);
    assert!(matches!(error, Error::Timeout(TimeoutError::Halt { .. })), "{error:?}");
    assert!(elapsed >= Duration::from_millis(300) && elapsed < Duration::from_millis(1500), "{elapsed:?}");

    let lock = board.session.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || lock.command_within("sleep 2000", PATIENCE).unwrap());
        std::thread::sleep(Duration::from_millis(200));
        let begin = Instant::now();
        let error = target.wait_halt(Duration::from_millis(300)).unwrap_err();
        assert!(matches!(error, Error::Timeout(TimeoutError::Halt { .. })), "{error:?}");
        assert!(begin.elapsed() < Duration::from_millis(1500), "{:?}", begin.elapsed());
    });
}

#[test]
fn a_status_does_not_fill_the_log() {
    let board = Board::halted();
    for _ in 0..3 {
        board.session.target().halt().unwrap();
        board.session.target().status().unwrap();
    }
    let log = board.session.process().unwrap().log_tail();
    let usage: Vec<_> =
        log.iter().filter(|line| line.contains("debug_reason") || line.contains("arp_examine")).collect();
    assert!(usage.is_empty(), "{} lines: {:?}", usage.len(), usage.first());
}

#[test]
fn halt_stops_a_core_that_has_just_been_reset() {
    let board = Board::halted();
    for pause in [0, 30, 60, 100] {
        board.session.target().resume().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        board.chip.reset();
        board.session.target().halt().unwrap();
        assert_eq!(board.chip.state(), CoreState::Halted);
    }
    // OpenOCD still takes it for halted.
    board.chip.reset();
    board.session.target().halt().unwrap();
    assert_eq!(board.chip.state(), CoreState::Halted);
    board.chip.reset();
    assert_eq!(board.session.halt_all().unwrap()[0].state, TargetState::Halted);
    assert_eq!(board.chip.state(), CoreState::Halted);
}

#[test]
fn a_firmware_that_resets_itself_without_end_is_halted_by_the_deadline_of_its_run() {
    let board = Board::halted();
    for loops in [300, 30_000] {
        let mut image = vec![0; 0x40];
        image[..8].copy_from_slice(&[0x00, 0x40, 0x00, 0x20, 0x41, 0x00, 0x00, 0x08]);
        // ldr r0, =loops; subs r0, #1; bne .-2; ldr r0, =AIRCR; ldr r1, =SYSRESETREQ; str r1, [r0]; b .
        for code in [0x4803_u16, 0x3801, 0xd1fd, 0x4803, 0x4903, 0x6001, 0xe7fe, 0xbf00] {
            image.extend(code.to_le_bytes());
        }
        for word in [loops, 0xe000_ed0c, 0x05fa_0004_u32] {
            image.extend(word.to_le_bytes());
        }
        board.chip.load_firmware(&image);
        board.session.target().reset(ResetMode::Halt).unwrap();
        let resets = board.chip.reset_count();
        let outcome = board.session.target().run_until(RunUntil::new(), Duration::from_millis(300)).unwrap();
        assert_eq!((outcome.verdict, outcome.status.state), (Verdict::Deadline, TargetState::Halted));
        assert!(board.chip.reset_count() > resets + 2);
        assert_eq!(board.chip.state(), CoreState::Halted);
    }
}

/// 0.12.0 tells the reason in its log alone.
#[test]
fn a_quiet_log_hides_no_reason() {
    let board = Board::halted();
    let target = board.session.target();
    // bkpt 0; b .
    board.session.memory().write_bytes(0x2000_1000, &[0x00, 0xbe, 0xfe, 0xe7]).unwrap();
    for level in ["2", "0", "-1", "-2", "-3"] {
        if board.session.command(&format!("debug_level {level}")).is_err() {
            continue; // OpenOCD 0.12.0 has fewer levels.
        }
        board.session.registers().write("pc", 0x2000_1000_u32).unwrap();
        target.halt().unwrap();
        target.resume().unwrap();
        let status = target.wait_halt(PATIENCE).unwrap();
        assert_eq!(status.halt_reason, Some(HaltReason::Breakpoint), "debug_level {level}");
        target.step().unwrap();
    }
}

/// After a reset, a BKPT at the program counter tells that it was executed, but not behind a sleep.
#[test]
fn a_core_that_slept_before_a_breakpoint_instruction_was_halted_by_the_request() {
    let board = Board::halted();
    // The vectors, and from 0x08000040 on: wfi; bkpt 1; b .
    board.chip.write_memory(0x0800_0040, &[0x30, 0xbf, 0x01, 0xbe, 0xfe, 0xe7]).unwrap();
    board.session.target().reset(ResetMode::Run).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    board.session.command("halt").unwrap();
    let status = board.session.target().status().unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(0x0800_0042), Some(HaltReason::DebugRequest)));
}
