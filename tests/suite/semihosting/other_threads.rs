//! Another thread halts, resets or steps a target whose semihosting calls this crate serves.

use std::io::Write;
use std::time::{Duration, Instant};
use std::{sync::mpsc, thread};

use openocd::{Error, HaltReason, ResetMode, RunUntil, SemihostingConsole, SemihostingError, TargetState, Verdict};
use virtual_chip::{CoreState, Register};

use crate::board::{Board, PATIENCE};

const CODE: u32 = 0x2000_1000;
const TEXT: u32 = 0x2000_1100;
const LONG_ENOUGH: Duration = Duration::from_millis(40);
const ROUNDS: u32 = 12;

/// A chip that is halted before a loop that makes a call and counts it in r6.
pub fn looping(number: u16) -> Board {
    let board = Board::halted();
    // movs r0, #number; bkpt 0xab; adds r6, #1; b CODE
    board.session.memory().write_u16_slice(CODE.into(), &[0x2000 | number, 0xbeab, 0x3601, 0xe7fb]).unwrap();
    board.chip.write_memory(TEXT, &[&[b'x'; 200][..], &[0]].concat()).unwrap();
    begin(&board);
    board
}

fn begin(board: &Board) {
    for (register, value) in [("r1", TEXT), ("r6", 0), ("pc", CODE)] {
        board.session.registers().write(register, value).unwrap();
    }
}

/// A console whose output is read by a thread, which returns the number of bytes in the end.
fn serve(board: &Board) -> (thread::JoinHandle<usize>, mpsc::Sender<()>) {
    let mut console = board.session.semihosting().serve().unwrap();
    console.set_read_timeout(Some(Duration::from_millis(10)));
    let (sender, ended) = mpsc::channel();
    let reader = move |mut console: SemihostingConsole| {
        let mut count = 0;
        loop {
            match console.receive(&mut [0; 256]) {
                Ok(read) => count += read,
                Err(error) if error.is_timeout() => {
                    if ended.try_recv().is_err_and(|error| error == mpsc::TryRecvError::Disconnected) {
                        return count;
                    }
                }
                Err(error) => panic!("the console ended: {error}"),
            }
        }
    };
    (thread::spawn(move || reader(console)), sender)
}

pub fn calls(board: &Board) -> u32 {
    board.chip.register(Register::R(6))
}

/// Waits until the firmware has made one more call.
pub fn wait_for_a_call(board: &Board) {
    let (begin, before) = (Instant::now(), calls(board));
    while calls(board) == before {
        assert!(begin.elapsed() < PATIENCE, "the firmware goes on: {:?}", board.session.target().status());
        thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until a run has begun: before, OpenOCD alone knows the program counter that was written.
fn wait_for_the_run(board: &Board) {
    let begin = Instant::now();
    while !(CODE..CODE + 8).contains(&board.chip.register(Register::Pc)) {
        assert!(begin.elapsed() < PATIENCE, "the run begins: {:?}", board.session.target().status());
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn halt_of_firmware_that_prints_remains_until_it_is_resumed() {
    let board = looping(3);
    let target = board.session.target();
    let (reader, ended) = serve(&board);
    target.resume().unwrap();
    for round in 0..ROUNDS {
        wait_for_a_call(&board);
        thread::sleep(Duration::from_millis((round % 5).into()));
        let status = target.halt().unwrap();
        let made = calls(&board);
        thread::sleep(LONG_ENOUGH);
        assert_eq!((board.chip.state(), calls(&board)), (CoreState::Halted, made), "{round}: {status}");
        assert_eq!(target.status().unwrap().halt_reason, Some(HaltReason::DebugRequest), "{round}: {status}");
        if round % 3 == 0 {
            // Runs a program in the target, and puts the registers back.
            board.session.flash().info(0_u32).unwrap();
        }
        target.resume().unwrap();
    }
    wait_for_a_call(&board);
    target.halt().unwrap();
    thread::sleep(LONG_ENOUGH);
    // Each call is served once. The last may have got its answer without having gone on.
    let (made, pc) = (calls(&board), board.session.registers().pc().unwrap());
    drop(ended);
    let printed = reader.join().unwrap();
    assert_eq!(printed as u64, u64::from(made) + u64::from(pc == u64::from(CODE) + 4), "at {pc:#x}");
}

#[test]
fn reset_of_firmware_that_prints_remains() {
    let board = looping(4);
    let target = board.session.target();
    let _served = serve(&board);
    for round in 0..ROUNDS {
        target.resume().unwrap();
        wait_for_a_call(&board);
        thread::sleep(Duration::from_millis((round % 5).into()));
        let status = target.reset(ResetMode::Halt).unwrap();
        thread::sleep(LONG_ENOUGH);
        assert_eq!(target.status().unwrap(), status, "{round}");
        assert_eq!(board.chip.state(), CoreState::Halted, "{round}");
        begin(&board);
    }
}

#[test]
fn steps_and_written_registers_are_not_undone_by_an_answer() {
    let board = looping(4);
    let target = board.session.target();
    let _served = serve(&board);
    target.resume().unwrap();
    for round in 0..ROUNDS {
        wait_for_a_call(&board);
        target.halt().unwrap();
        let expected = if round % 2 == 0 {
            target.step().unwrap();
            target.step().unwrap().pc
        } else {
            board.session.registers().write("pc", CODE).unwrap();
            Some(CODE.into())
        };
        thread::sleep(LONG_ENOUGH);
        let status = target.status().unwrap();
        assert_eq!((status.state, status.pc), (TargetState::Halted, expected), "{round}");
        target.resume().unwrap();
    }
}

#[test]
fn firmware_that_is_halted_while_it_waits_for_input_gets_it_after_it_is_resumed() {
    let board = looping(7);
    let target = board.session.target();
    let mut console = board.session.semihosting().serve().unwrap();
    target.resume().unwrap();
    target.wait_halt(PATIENCE).unwrap();
    thread::sleep(LONG_ENOUGH);
    let error = console.wait_exit(Duration::from_millis(5)).unwrap_err();
    assert_eq!(error.to_string(), "the firmware did not exit within 5ms");
    let status = target.halt().unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(u64::from(CODE) + 2), Some(HaltReason::DebugRequest)));
    console.write_all(b"a").unwrap();
    thread::sleep(LONG_ENOUGH);
    assert_eq!(target.status().unwrap(), status);
    target.resume().unwrap();
    wait_for_a_call(&board);
    // Whoever serves no calls halts and resumes as without a console.
    drop(console);
    target.wait_halt(PATIENCE).unwrap();
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(target.halt().unwrap().halt_reason, Some(HaltReason::Semihosting));
    let made = calls(&board);
    target.resume().unwrap();
    target.wait_halt(PATIENCE).unwrap();
    assert_eq!(calls(&board), made + 1, "the call is passed");
}

#[test]
fn halt_and_reset_by_another_thread_are_the_verdict_of_a_run() {
    for (number, resets) in [(3, false), (3, true), (7, false)] {
        for round in 0..4 {
            let board = looping(number);
            let target = board.session.target();
            let (_input, receiver) = mpsc::channel::<Vec<u8>>();
            let outcome = thread::scope(|scope| {
                let run = scope.spawn(|| {
                    let until = RunUntil::new().input(receiver);
                    target.run_until(until, Duration::from_secs(2)).unwrap()
                });
                wait_for_the_run(&board);
                thread::sleep(Duration::from_millis(round * 3));
                if resets {
                    target.reset(ResetMode::Halt).unwrap()
                } else {
                    target.halt().unwrap()
                };
                run.join().unwrap()
            });
            assert_eq!(outcome.verdict, Verdict::Halt(HaltReason::DebugRequest), "{number}, resets: {resets}");
            let status = target.status().unwrap();
            thread::sleep(LONG_ENOUGH);
            assert_eq!(target.status().unwrap(), status);
        }
    }
}

#[test]
fn calls_of_a_target_have_one_server() {
    let board = looping(4);
    let target = board.session.target();
    let console = board.session.semihosting().serve().unwrap();
    let second = board.session.semihosting().serve().unwrap_err();
    let run = target.run_until(RunUntil::new().semihosting(), Duration::from_millis(10)).unwrap_err();
    for error in [second, run] {
        assert!(matches!(error, Error::Semihosting(SemihostingError::InUse { .. })), "{error:?}");
    }
    // The first one goes on.
    target.resume().unwrap();
    wait_for_a_call(&board);
    drop(console);
    target.halt().unwrap();
    let outcome = target.run_until(RunUntil::new().semihosting(), Duration::from_millis(50)).unwrap();
    assert_eq!(outcome.verdict, Verdict::Deadline);
    drop(board.session.semihosting().serve().unwrap());
}

#[test]
fn breakpoint_at_a_call_that_waits_for_input_does_not_keep_the_input_from_it() {
    let board = Board::start();
    // As `looping`, in flash, where a breakpoint takes a comparator: SYS_READC.
    let code = [0x2007_u16, 0xbeab, 0x3601, 0xe7fb];
    let words = [0x2000_5000_u32, 0x0800_0041].map(u32::to_le_bytes).concat();
    let image = [words, vec![0; 56], code.map(u16::to_le_bytes).concat()].concat();
    board.chip.load_firmware(&image);
    let target = board.session.target();
    target.reset(ResetMode::Halt).unwrap();
    let mut console = board.session.semihosting().serve().unwrap();
    target.resume().unwrap();
    target.wait_halt(PATIENCE).unwrap();
    thread::sleep(LONG_ENOUGH);
    let call = 0x0800_0042;
    let breakpoint = target.breakpoints().scoped(call, openocd::BreakpointKind::Hardware).unwrap();
    thread::sleep(LONG_ENOUGH);
    let made = calls(&board);
    console.write_all(b"a").unwrap();
    let begin = Instant::now();
    while calls(&board) == made {
        assert!(begin.elapsed() < PATIENCE, "the call is not answered");
        thread::sleep(Duration::from_millis(1));
    }
    // The next time the breakpoint is before the call.
    assert_eq!(target.wait_halt(PATIENCE).unwrap().halt_reason, Some(HaltReason::Breakpoint));
    let made = calls(&board);
    console.write_all(b"b").unwrap();
    thread::sleep(LONG_ENOUGH);
    assert_eq!(calls(&board), made);
    target.resume().unwrap();
    // It is executed, and gets the input.
    let begin = Instant::now();
    while calls(&board) == made {
        assert!(begin.elapsed() < PATIENCE, "the call is not answered");
        thread::sleep(Duration::from_millis(1));
    }
    breakpoint.remove().unwrap();
}

#[test]
fn halt_and_resume_after_a_run_that_served_calls_pass_one() {
    // SYS_EXIT, for a reason that is no success.
    let board = looping(0x18);
    let target = board.session.target();
    let outcome = target.run_until(RunUntil::new().semihosting(), PATIENCE).unwrap();
    assert!(matches!(outcome.verdict, Verdict::Exit { .. }), "{outcome}");
    target.halt().unwrap();
    let made = calls(&board);
    target.resume().unwrap();
    target.wait_halt(PATIENCE).unwrap();
    assert_eq!(calls(&board), made + 1);
}

#[test]
fn next_server_takes_over_from_one_that_ends_and_the_last_restores_openocds() {
    let board = looping(4);
    let semihosting = || board.session.semihosting();
    semihosting().enable().unwrap();
    for _ in 0..5 {
        let first = semihosting().serve().unwrap();
        let second = thread::scope(|scope| {
            let second = scope.spawn(|| semihosting().serve());
            thread::sleep(Duration::from_millis(20));
            drop(first);
            second.join().unwrap().unwrap()
        });
        assert!(!semihosting().is_enabled().unwrap(), "OpenOCD would serve the calls, too");
        drop(second);
        assert!(semihosting().is_enabled().unwrap(), "as it was");
    }
}

#[test]
fn server_that_takes_its_time_for_a_call_keeps_the_calls() {
    let board = looping(3);
    let target = board.session.target();
    let (go_on, waits) = mpsc::channel::<()>();
    let (outcome, second) = thread::scope(|scope| {
        let run = scope.spawn(move || {
            let until = RunUntil::new().semihosting().on_output(move |_| {
                let _ = waits.recv_timeout(PATIENCE);
                std::ops::ControlFlow::Break(())
            });
            target.run_until(until, PATIENCE)
        });
        wait_for_the_run(&board);
        thread::sleep(LONG_ENOUGH);
        // This waits for longer than OpenOCD takes a server that is silent for one that was killed.
        let second = board.session.semihosting().serve().map(drop);
        drop(go_on);
        (run.join().unwrap().unwrap(), second)
    });
    assert!(matches!(second, Err(Error::Semihosting(SemihostingError::InUse { .. }))), "{second:?}");
    assert_eq!(outcome.verdict, Verdict::Stopped);
}

#[test]
fn target_that_was_halted_at_a_call_runs_on_when_nobody_serves_any_more() {
    let board = looping(3);
    let target = board.session.target();
    let (reader, ended) = serve(&board);
    target.resume().unwrap();
    wait_for_a_call(&board);
    target.halt().unwrap();
    drop(ended);
    reader.join().unwrap();
    let made = calls(&board);
    target.resume().unwrap();
    target.wait_halt(PATIENCE).unwrap();
    target.resume().unwrap();
    target.wait_halt(PATIENCE).unwrap();
    assert!(calls(&board) > made, "{:?}", target.status());
}
