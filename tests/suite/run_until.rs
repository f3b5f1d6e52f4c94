//! Verdicts, each with firmware that brings it about.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use openocd::{
    BreakpointKind, Error, HaltReason, ResetMode, RunOutcome, RunUntil, SemihostingError, Session, TargetError,
    TargetState, Verdict,
};
use virtual_chip::{CoreState, VirtualHart, firmware};

use crate::board::{Board, INSTALL, PATIENCE};

/// A chip that stands at the start of a program.
fn loaded(image: &[u8]) -> Board {
    let board = Board::start();
    board.chip.load_firmware(image);
    board.session.target().reset(ResetMode::Halt).unwrap();
    board
}

/// The semihosting firmware, told how to exit.
fn exiting(mode: u32, status: u32) -> Board {
    let board = loaded(firmware::semihosting::IMAGE);
    board.chip.write_u32(firmware::semihosting::MODE, mode).unwrap();
    board.chip.write_u32(firmware::semihosting::STATUS, status).unwrap();
    board
}

fn run(board: &Board, until: RunUntil<'_>) -> RunOutcome {
    board.session.target().run_until(until, PATIENCE).unwrap()
}

#[test]
fn an_exit_with_its_status_and_what_was_printed() {
    for (mode, given, status, reason) in [
        (0, 0, 0, 0x20026),
        (0, 7, 7, 0x20026),
        (0, u32::MAX, -1, 0x20026),
        (1, 0, 0, 0x20026),
        (2, 0x20023, 1, 0x20023),
    ] {
        let board = exiting(mode, given);
        board.chip.write_u32(firmware::semihosting::CLOCK, u32::MAX).unwrap();
        let outcome = run(&board, RunUntil::new().semihosting());
        assert_eq!(outcome.verdict, Verdict::Exit { status, reason });
        assert_eq!(outcome.output_text(), firmware::semihosting::OUTPUT);
        assert_eq!(outcome.status.state, TargetState::Halted);
        let pc = u32::try_from(outcome.pc().unwrap()).unwrap();
        assert_eq!(board.chip.read_u32(pc & !3).unwrap() >> (8 * (pc & 2)) & 0xffff, 0xbeab, "it stands at the call");
        assert_eq!(board.chip.read_u32(firmware::semihosting::NOT_WRITTEN), Ok(0));
        assert!(board.chip.read_u32(firmware::semihosting::CLOCK).unwrap() < 100_000, "centiseconds");
        assert!(outcome.refused_calls.is_empty());
        assert!(!board.session.semihosting().is_enabled().unwrap());
    }
}

#[test]
fn an_openocd_that_serves_semihosting_survives_the_exit_and_serves_it_afterwards() {
    let board = exiting(0, 3);
    board.session.semihosting().enable().unwrap();
    let outcome = run(&board, RunUntil::new().semihosting());
    assert_eq!(outcome.verdict, Verdict::Exit { status: 3, reason: 0x20026 });
    assert!(board.session.semihosting().is_enabled().unwrap());
}

/// Runs again and again, as long as `limit`, until the firmware exits; what it printed in all.
fn run_to_the_exit(board: &Board, limit: Duration) -> String {
    let mut output = String::new();
    for _ in 0..1000 {
        let outcome = board.session.target().run_until(RunUntil::new().semihosting(), limit).unwrap();
        output += &outcome.output_text();
        assert_eq!((outcome.refused_calls, outcome.status.state), (vec![], TargetState::Halted), "after {output:?}");
        match outcome.verdict {
            Verdict::Deadline => {}
            verdict => {
                assert_eq!(verdict, Verdict::Exit { status: 3, reason: 0x20026 }, "after {output:?}");
                return output;
            }
        }
    }
    panic!("no exit, after {output:?}");
}

/// Where the first call stands.
fn first_call(board: &Board) -> u64 {
    let outcome = run(board, RunUntil::new());
    assert_eq!(outcome.verdict, Verdict::Halt(HaltReason::Breakpoint));
    outcome.pc().unwrap()
}

#[test]
fn a_deadline_loses_no_call() {
    let board = exiting(0, 3);
    for limit in 0..24 {
        assert_eq!(run_to_the_exit(&board, Duration::from_millis(limit)), firmware::semihosting::OUTPUT, "{limit} ms");
        // It stands at that call.
        assert_eq!(run_to_the_exit(&board, Duration::ZERO), "");
        board.session.target().reset(ResetMode::Halt).unwrap();
    }
}

#[test]
fn a_call_at_which_the_target_stands_already_is_served() {
    let board = exiting(0, 3);
    let call = first_call(&board);
    assert_eq!(run_to_the_exit(&board, PATIENCE), firmware::semihosting::OUTPUT);

    // A breakpoint at the call comes first, and is not in its way then.
    board.session.target().reset(ResetMode::Halt).unwrap();
    for (nth, text) in [(0, ""), (1, firmware::semihosting::OUTPUT)] {
        let outcome = run(&board, RunUntil::new().semihosting().breakpoint(call));
        assert_eq!((outcome.output_text().as_str(), outcome.refused_calls), (text, vec![]));
        if nth == 0 {
            assert_eq!(outcome.verdict, Verdict::Breakpoint { address: call });
        } else {
            assert_eq!(outcome.verdict, Verdict::Exit { status: 3, reason: 0x20026 });
        }
    }

    // Nor is one of another's.
    board.session.target().reset(ResetMode::Halt).unwrap();
    board.session.breakpoints().add(call, BreakpointKind::Hardware).unwrap();
    assert_eq!(run_to_the_exit(&board, PATIENCE), firmware::semihosting::OUTPUT);
}

#[test]
fn what_stands_behind_a_call_is_not_passed_over() {
    let board = exiting(0, 3);
    let behind = first_call(&board) + 2;
    board.session.target().reset(ResetMode::Halt).unwrap();
    let outcome = run(&board, RunUntil::new().semihosting().breakpoint(behind));
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: behind });
    let printed = outcome.output_text();
    let outcome = run(&board, RunUntil::new().semihosting().breakpoint(behind));
    assert_eq!(printed + &outcome.output_text(), firmware::semihosting::OUTPUT);
    assert_eq!(outcome.verdict, Verdict::Exit { status: 3, reason: 0x20026 });

    // Two calls, and a BKPT that is none.
    board.session.memory().write_u16_slice(0x2000_0000, &[0xbeab, 0xbeab, 0xbe00]).unwrap();
    board.session.memory().write_u8(0x2000_0100, b'x').unwrap();
    for (register, value) in [("r0", 3_u32), ("r1", 0x2000_0100), ("pc", 0x2000_0000)] {
        board.session.registers().write(register, value).unwrap();
    }
    let outcome = run(&board, RunUntil::new().semihosting());
    // The answer to the first is the number of the second.
    assert_eq!((outcome.output_text().as_str(), outcome.refused_calls), ("x", vec![0]));
    assert_eq!((outcome.verdict, outcome.status.pc), (Verdict::Halt(HaltReason::Breakpoint), Some(0x2000_0004)));
}

/// A program in RAM that makes one semihosting call, with its block behind it, and halts.
fn calling(number: u32, block: &[u32]) -> (Board, RunOutcome) {
    let board = Board::halted();
    board.session.memory().write_u16_slice(0x2000_0000, &[0xbeab, 0xbe00]).unwrap();
    board.session.memory().write_u32_slice(0x2000_0100, block).unwrap();
    for (register, value) in [("r0", number), ("r1", 0x2000_0100), ("pc", 0x2000_0000)] {
        board.session.registers().write(register, value).unwrap();
    }
    let outcome = run(&board, RunUntil::new().input("in"));
    assert_eq!((&outcome.verdict, outcome.pc()), (&Verdict::Halt(HaltReason::Breakpoint), Some(0x2000_0002)));
    (board, outcome)
}

#[test]
fn a_crash_that_is_reported_as_an_exit_is_no_success() {
    for (block, status) in [([0x20026, 0], 0), ([0x20023, 0], 1), ([0x20023, 5], 5), ([0x20000, 0], 1)] {
        let board = Board::halted();
        board.session.memory().write_u16(0x2000_0000, 0xbeab).unwrap();
        board.session.memory().write_u32_slice(0x2000_0100, &block).unwrap();
        // SYS_EXIT_EXTENDED
        for (register, value) in [("r0", 0x20_u32), ("r1", 0x2000_0100), ("pc", 0x2000_0000)] {
            board.session.registers().write(register, value).unwrap();
        }
        assert_eq!(run(&board, RunUntil::new().semihosting()).verdict, Verdict::Exit { status, reason: block[0] });
    }
}

#[test]
fn calls_that_are_served_and_calls_that_are_not() {
    const OUTPUT: u32 = 0x7f00_0002;
    const INPUT: u32 = 0x7f00_0001;
    let answer = |board: &Board| board.chip.register(virtual_chip::Register::R(0));
    // A file, a file's handle, the shell, and a number that means nothing.
    for (number, block) in
        [(0x01, [0x2000_0100, 0, 8]), (0x05, [3, 0x2000_0100, 1]), (0x12, [0x2000_0100, 1, 0]), (0x77, [0; 3])]
    {
        let (board, outcome) = calling(number, &block);
        assert_eq!((answer(&board), outcome.refused_calls), (u32::MAX, vec![number]));
    }
    for (number, block, expected) in [
        (0x02, [OUTPUT, 0, 0], 0),
        (0x09, [OUTPUT, 0, 0], 1),
        (0x0a, [OUTPUT, 0, 0], u32::MAX),
        (0x0c, [INPUT, 0, 0], 0),
        (0x13, [0, 0, 0], 0),
        (0x08, [u32::MAX, 0, 0], 1),
        (0x06, [INPUT, 0x2000_0200, 5], 3),
        (0x05, [OUTPUT, 0x0800_0000, 100_000], 100_000 - 65536),
    ] {
        let (board, outcome) = calling(number, &block);
        assert_eq!((answer(&board), outcome.refused_calls), (expected, vec![]), "{number:#x}");
        if number == 0x06 {
            assert_eq!(board.session.memory().read_bytes(0x2000_0200, 3).unwrap(), b"in\0");
        }
    }
    let (board, _) = calling(0x16, &[0x2000_0200, 0, 0]);
    assert_eq!(board.session.memory().read_u32_vec(0x2000_0200, 4).unwrap(), [0; 4]);
    let (board, _) = calling(0x11, &[0; 3]);
    assert!(answer(&board) > 1_700_000_000);
}

#[test]
fn input_goes_to_the_firmware_and_ends() {
    for (input, expected) in [(&b"x"[..], u32::from(b'x')), (b"", u32::MAX), (b"\xff", 0xff)] {
        let board = exiting(3, 0);
        let outcome = run(&board, RunUntil::new().input(input));
        assert!(matches!(outcome.verdict, Verdict::Exit { status: 0, .. }));
        assert_eq!(board.chip.read_u32(firmware::semihosting::CHARACTER), Ok(expected));
    }
}

#[test]
fn a_call_that_points_nowhere_is_an_error() {
    let board = Board::halted();
    // `bkpt 0xab` with SYS_WRITE0 of what is beyond the RAM.
    board.session.memory().write_u16(0x2000_0000, 0xbeab).unwrap();
    board.session.registers().write("r0", 4_u32).unwrap();
    board.session.registers().write("r1", 0x3000_0000_u32).unwrap();
    board.session.registers().write("pc", 0x2000_0000_u32).unwrap();
    let error = board.session.target().run_until(RunUntil::new().semihosting(), PATIENCE).unwrap_err();
    assert!(matches!(error, Error::Target(_)), "{error:?}");
}

#[test]
fn a_breakpoint_is_there_for_the_run_only() {
    let board = Board::halted();
    let outcome = run(&board, RunUntil::new().breakpoint(firmware::STOP.into()).breakpoint(firmware::WORK.into()));
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: firmware::WORK.into() });
    assert_eq!(outcome.pc(), Some(firmware::WORK.into()));
    assert!(board.session.breakpoints().list().unwrap().is_empty());
    // Once more from there: it comes round.
    let outcome = run(&board, RunUntil::new().breakpoint(firmware::WORK.into()));
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: firmware::WORK.into() });
}

#[test]
fn a_breakpoint_that_was_there_stays() {
    let board = Board::halted();
    board.session.breakpoints().add(firmware::WORK.into(), BreakpointKind::Hardware).unwrap();
    let outcome = run(&board, RunUntil::new().breakpoint(firmware::WORK.into()));
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: firmware::WORK.into() });
    assert_eq!(board.session.breakpoints().list().unwrap().len(), 1);
    // Of another's breakpoint it is a halt.
    let outcome = run(&board, RunUntil::new().breakpoint(firmware::STOP.into()));
    assert_eq!(outcome.verdict, Verdict::Halt(HaltReason::Breakpoint));
}

#[test]
fn a_breakpoint_in_ram_is_one_in_software() {
    let board = Board::halted();
    // nop; nop; b .
    board.session.memory().write_u16_slice(0x2000_0000, &[0xbf00, 0xbf00, 0xe7fe]).unwrap();
    board.session.registers().write("pc", 0x2000_0000_u32).unwrap();
    let outcome = run(&board, RunUntil::new().breakpoint(0x2000_0002));
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: 0x2000_0002 });
    assert_eq!(board.session.memory().read_u16(0x2000_0002).unwrap(), 0xbf00);
}

#[test]
fn one_breakpoint_too_many_leaves_none() {
    let board = Board::halted();
    let until = (0..7).fold(RunUntil::new(), |until, n| until.breakpoint(0x0800_0100 + 2 * n));
    let error = board.session.target().run_until(until, PATIENCE).unwrap_err();
    assert!(matches!(error, Error::Breakpoint(openocd::BreakpointError::NoComparator { .. })), "{error:?}");
    assert!(board.session.breakpoints().list().unwrap().is_empty());
    assert_eq!(board.chip.state(), CoreState::Halted);
}

#[test]
fn a_halt_with_its_reason() {
    let board = Board::halted();
    // bkpt 0x01, which is no semihosting.
    board.session.memory().write_u16_slice(0x2000_0000, &[0xbf00, 0xbe01]).unwrap();
    board.session.registers().write("pc", 0x2000_0000_u32).unwrap();
    let outcome = run(&board, RunUntil::new().semihosting());
    assert_eq!((outcome.verdict, outcome.status.pc), (Verdict::Halt(HaltReason::Breakpoint), Some(0x2000_0002)));

    // Without `semihosting`, a semihosting call is a halt as any other.
    let board = exiting(0, 0);
    let outcome = run(&board, RunUntil::new());
    assert_eq!(outcome.verdict, Verdict::Halt(HaltReason::Breakpoint));
    assert!(outcome.output.is_empty());
}

#[test]
fn a_hard_fault_that_is_caught() {
    let board = Board::halted();
    board.session.command("cortex_m vector_catch hard_err").unwrap();
    // udf #0
    board.session.memory().write_u16(0x2000_0000, 0xde00).unwrap();
    board.session.registers().write("pc", 0x2000_0000_u32).unwrap();
    let outcome = run(&board, RunUntil::new().semihosting().breakpoint(firmware::WORK.into()));
    // OpenOCD's name for what a vector catch halts on a Cortex-M.
    assert_eq!(outcome.verdict, Verdict::Halt(HaltReason::Breakpoint));
    assert_eq!(outcome.pc(), Some(firmware::STOP.into()));
}

#[test]
fn a_halt_by_another_client() {
    let board = Board::halted();
    let halted = AtomicBool::new(false);
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            while board.chip.state() != CoreState::Running {
                thread::yield_now();
            }
            halted.store(true, Ordering::Release);
            board.session.command("halt").unwrap();
        });
        run(&board, RunUntil::new())
    });
    assert!(halted.load(Ordering::Acquire));
    assert_eq!(outcome.verdict, Verdict::Halt(HaltReason::DebugRequest));
}

#[test]
fn a_deadline_halts_the_target() {
    let board = Board::halted();
    let begin = std::time::Instant::now();
    let outcome = board
        .session
        .target()
        .run_until(RunUntil::new().breakpoint(firmware::STOP.into()), Duration::from_millis(80))
        .unwrap();
    assert_eq!(outcome.verdict, Verdict::Deadline);
    assert!(begin.elapsed() >= Duration::from_millis(80) && outcome.elapsed >= Duration::from_millis(80));
    assert_eq!((outcome.status.state, board.chip.state()), (TargetState::Halted, CoreState::Halted));
    assert!(outcome.pc().is_some());
    assert!(board.session.breakpoints().list().unwrap().is_empty());
}

/// The RTT firmware, started once so that its control block is known, and halted.
fn talking() -> Board {
    let board = Board::start();
    board.chip.load_firmware(firmware::rtt::IMAGE);
    board.session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT").unwrap();
    board.session.rtt().start_wait(PATIENCE).unwrap();
    board.session.target().halt().unwrap();
    board
}

#[test]
fn a_line_ends_the_run_and_the_target_goes_on() {
    let board = talking();
    let mut terminal = board.session.rtt().channel(0).unwrap();
    terminal.write_text("one\ntwo\n").unwrap();
    let outcome =
        run(&board, RunUntil::new().breakpoint(0x0800_0100).line(&mut terminal, |line| line.starts_with("two")));
    assert_eq!(outcome.verdict, Verdict::Line("two".into()));
    assert_eq!(outcome.lines, [firmware::rtt::GREETING.trim(), "one", "two"]);
    assert_eq!((outcome.status.state, outcome.pc()), (TargetState::Running, None));
    assert!(board.session.breakpoints().list().unwrap().is_empty());
    terminal.write_text("three\n").unwrap();
    assert_eq!(terminal.lines().next().unwrap().unwrap(), "three");
}

#[test]
fn what_was_printed_before_a_halt_is_collected_and_counts() {
    // It greets and is in its loop before anybody can look.
    for wanted in [false, true] {
        let board = talking();
        let mut terminal = board.session.rtt().channel(0).unwrap();
        assert_eq!(terminal.lines().next().unwrap().unwrap(), firmware::rtt::GREETING.trim());
        board.session.target().reset(ResetMode::Halt).unwrap();
        let until = RunUntil::new().breakpoint(firmware::rtt::LOOP.into()).line(&mut terminal, |_| wanted);
        let outcome = run(&board, until);
        assert_eq!(outcome.lines, [firmware::rtt::GREETING.trim()]);
        assert_eq!(outcome.pc(), Some(firmware::rtt::LOOP.into()));
        let line = Verdict::Line(firmware::rtt::GREETING.trim().into());
        assert_eq!(
            outcome.verdict,
            if wanted { line } else { Verdict::Breakpoint { address: firmware::rtt::LOOP.into() } }
        );
    }
}

#[test]
fn a_running_target_is_refused() {
    let board = Board::start();
    let error = board.session.target().run_until(RunUntil::new(), PATIENCE).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{error:?}");
}

#[test]
fn a_hart_gives_verdicts_except_of_semihosting() {
    let hart = VirtualHart::start().unwrap();
    let session =
        Session::builder().timeout(PATIENCE).start(openocd::OpenOcdProcess::builder().config(hart.openocd_config()));
    let session = session.unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    session.target().halt().unwrap();
    let outcome =
        session.target().run_until(RunUntil::new().breakpoint(firmware::hart::STORE.into()), PATIENCE).unwrap();
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: firmware::hart::STORE.into() });
    let outcome = session.target().run_until(RunUntil::new(), Duration::from_millis(20)).unwrap();
    assert_eq!(outcome.verdict, Verdict::Deadline);
    let error = session.target().run_until(RunUntil::new().semihosting(), PATIENCE).unwrap_err();
    assert!(matches!(error, Error::Semihosting(SemihostingError::Unsupported { .. })), "{error:?}");
}

#[test]
fn the_end_of_openocd_is_a_connection_error() {
    let board = Board::halted();
    let error = thread::scope(|scope| {
        let running = scope.spawn(|| board.session.target().run_until(RunUntil::new(), PATIENCE));
        while board.chip.state() != CoreState::Running {
            thread::yield_now();
        }
        board.kill_openocd();
        running.join().unwrap().unwrap_err()
    });
    assert!(matches!(error, Error::Connection(_)), "{error:?}");
}

#[test]
fn verdicts_read_well() {
    for (verdict, text) in [
        (Verdict::Halt(HaltReason::Watchpoint), "halted (watchpoint)"),
        (Verdict::Breakpoint { address: 0x0800_0040 }, "breakpoint at 0x08000040"),
        (Verdict::Exit { status: -1, reason: 0x20026 }, "exit with status -1"),
        (Verdict::Line("a\"b".into()), "line \"a\\\"b\""),
        (Verdict::Deadline, "deadline passed"),
    ] {
        assert_eq!(verdict.to_string(), text);
    }
}

#[test]
fn lines_that_wait_in_the_socket_are_not_left_behind() {
    use firmware::rtt;
    const LENGTH: u32 = 100_000;
    let board = Board::start();
    board.chip.load_firmware(rtt::IMAGE);
    board.session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT").unwrap();
    board.session.rtt().start_wait(PATIENCE).unwrap();
    board.session.rtt().set_polling_interval(Duration::from_millis(1)).unwrap();
    let mut flood = board.session.rtt().channel(2).unwrap();
    board.chip.write_u32(rtt::FLOOD_REQUEST, LENGTH).unwrap();
    while board.chip.read_u32(rtt::FLOOD_WRITTEN).unwrap() < LENGTH {
        thread::sleep(Duration::from_millis(1));
    }
    board.session.target().halt().unwrap();
    // It stands again before much can be read.
    let until = RunUntil::new().breakpoint(rtt::LOOP.into()).line(&mut flood, |_| false);
    let outcome = board.session.target().run_until(until, PATIENCE).unwrap();
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: rtt::LOOP.into() });
    let ends = (0..LENGTH).filter(|&number| rtt::flood_byte(number) == b'\n').count();
    assert_eq!(outcome.lines.len(), ends);
}
