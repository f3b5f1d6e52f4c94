//! A run ends in time and takes bounded memory, whatever the firmware and OpenOCD do.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use openocd::{BreakpointError, BreakpointKind, Error, Evidence, ResetMode, RunUntil, Session, StopToken, Verdict};
use virtual_chip::CoreState;
use virtual_chip::firmware::rtt;

use super::rtt::talking;
use super::run;
use crate::board::Board;

const LIMIT: Duration = Duration::from_millis(400);
/// Where the firmware never comes.
const NEVER: u64 = 0x0800_0100;
/// What is done after a run may take 5 s; the rest is for a busy machine.
const PROMISED: Duration = Duration::from_secs(5 + 5);

/// Firmware that prints 64 KiB at a time by semihosting, without end.
fn flooding() -> Board {
    let board = Board::halted();
    let memory = board.session.memory();
    // movs r0, #5 (SYS_WRITE); bkpt 0xab; b to the beginning
    memory.write_u16_slice(0x2000_0000, &[0x2005, 0xbeab, 0xe7fc]).unwrap();
    memory.write_u32_slice(0x2000_0100, &[0x7f00_0002, 0x0800_0000, u32::MAX]).unwrap();
    for (register, value) in [("r1", 0x2000_0100_u32), ("pc", 0x2000_0000)] {
        board.session.registers().write(register, value).unwrap();
    }
    board
}

#[test]
fn a_flood_by_semihosting_ends_at_the_deadline_and_is_kept_in_part() {
    let board = flooding();
    let begin = Instant::now();
    let mut seen = 0;
    let until = RunUntil::new().semihosting().keep(10_000).on_output(|output| seen += output.bytes.len());
    let outcome = board.session.target().run_until(until, 2 * LIMIT).unwrap();
    assert!(begin.elapsed() < PROMISED, "{:?}", begin.elapsed());
    assert_eq!(outcome.verdict, Verdict::Deadline);
    let kept = outcome.output.len() + outcome.lines.iter().map(|line| line.text.len()).sum::<usize>();
    assert!(kept <= 10_000 && seen > 10_000, "{kept} of {seen}");
    assert!(outcome.dropped > 0);
}

/// Firmware that prints 120 KiB of flash as one string, which has no end.
fn printing_flash() -> Board {
    let board = Board::halted();
    board.chip.write_memory(FLASH, &vec![b'a'; FLASH_BYTES]).unwrap();
    // bkpt 0xab; nop; b .
    board.session.memory().write_u16_slice(0x2000_0000, &[0xbeab, 0xbf00, 0xe7fe]).unwrap();
    for (register, value) in [("r0", 4), ("r1", FLASH), ("pc", 0x2000_0000)] {
        board.session.registers().write(register, value).unwrap();
    }
    board
}

const FLASH: u32 = 0x0800_2000;
const FLASH_BYTES: usize = 0x2_0000 - 0x2000;

#[test]
fn a_string_without_end_ends_at_the_deadline_or_with_a_stop() {
    let board = printing_flash();
    let short = Duration::from_millis(200);
    let outcome = board.session.target().run_until(RunUntil::new().semihosting(), short).unwrap();
    assert_eq!(outcome.verdict, Verdict::Deadline);
    assert!(!outcome.output.is_empty() && outcome.output.len() < FLASH_BYTES, "{}", outcome.output.len());

    let board = printing_flash();
    let token = StopToken::new();
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(short);
            token.stop();
        });
        run(&board, RunUntil::new().semihosting().stop_token(&token))
    });
    assert_eq!(outcome.verdict, Verdict::Stopped);
    assert!(!outcome.output.is_empty() && outcome.output.len() < FLASH_BYTES, "{}", outcome.output.len());

    let board = printing_flash();
    let outcome = run(&board, RunUntil::new().semihosting().on_output(|_| ControlFlow::Break(())));
    assert_eq!((outcome.verdict, outcome.output), (Verdict::Stopped, vec![b'a'; 64]));
}

#[test]
fn a_string_that_leads_out_of_memory_is_printed_and_its_call_is_refused() {
    let board = printing_flash();
    let start = FLASH + FLASH_BYTES as u32 - 100;
    board.session.registers().write("r1", start).unwrap();
    let outcome = run(&board, RunUntil::new().semihosting().breakpoint(0x2000_0002));
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: 0x2000_0002 });
    assert_eq!((outcome.output, outcome.refused_calls), (vec![b'a'; 100], vec![4]));
}

#[test]
fn a_flood_by_rtt_ends_at_the_deadline_and_is_kept_in_part() {
    let board = talking();
    board.session.rtt().set_polling_interval(Duration::from_millis(1)).unwrap();
    let mut flood = board.session.rtt().channel(2).unwrap();
    board.chip.write_u32(rtt::FLOOD_REQUEST, u32::MAX).unwrap();
    let begin = Instant::now();
    let mut lines = 0;
    let until = RunUntil::new().keep(1000).line(&mut flood, |_| {
        lines += 1;
        false
    });
    let outcome = board.session.target().run_until(until, LIMIT).unwrap();
    assert!(begin.elapsed() < PROMISED, "{:?}", begin.elapsed());
    assert_eq!(outcome.verdict, Verdict::Deadline);
    assert!(outcome.lines.iter().map(|line| line.text.len()).sum::<usize>() <= 1000);
    assert!(lines > outcome.lines.len() && outcome.dropped > 0, "{lines} lines, {} dropped", outcome.dropped);
}

#[test]
fn a_run_ends_in_time_when_openocd_hangs() {
    let board = Board::halted();
    let address = board.session.process().unwrap().tcl_address();
    let begin = Instant::now();
    let error = thread::scope(|scope| {
        let run = scope.spawn(|| board.session.target().run_until(RunUntil::new(), LIMIT));
        while board.chip.state() != CoreState::Running {
            thread::yield_now();
        }
        let mut other = TcpStream::connect(address).unwrap();
        other.write_all(b"exec sleep 20\x1a").unwrap();
        let error = run.join().unwrap().unwrap_err();
        assert!(begin.elapsed() < PROMISED, "{:?}", begin.elapsed());
        other.read_exact(&mut [0]).unwrap();
        error
    });
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
}

/// RAM that no firmware uses, where only software breakpoints can be set.
const UNUSED_RAM: u32 = 0x2000_0000;

#[test]
fn breakpoints_that_take_too_long_to_set_leave_no_trace() {
    let board = Board::halted();
    let before = board.held(UNUSED_RAM.into(), 4800);
    let until = (0..2400).fold(RunUntil::new(), |until, n| until.breakpoint(u64::from(UNUSED_RAM + 2 * n)));
    let begin = Instant::now();
    let error = board.session.target().run_until(until, Duration::from_millis(300)).unwrap_err();
    // Removing takes longer than setting, also on a busy machine.
    assert!(begin.elapsed() < 9 * PROMISED, "{:?}", begin.elapsed());
    let Error::Breakpoint(BreakpointError::TooSlow { set, wanted, .. }) = &error else { panic!("{error:?}") };
    assert!(*set > 8 && *set < 2400 && *wanted == 2400, "{error}");
    assert!(board.held(UNUSED_RAM.into(), 4800) == before, "breakpoint instructions stay in RAM");
    assert!(board.session.breakpoints().list().unwrap().is_empty());
    assert_eq!(board.chip.state(), CoreState::Halted);
}

#[test]
fn more_breakpoints_than_comparators_exist_for_the_run_only() {
    let board = Board::halted();
    let before = board.held(UNUSED_RAM.into(), 400);
    let until = (0..100).fold(RunUntil::new(), |until, n| until.breakpoint(u64::from(UNUSED_RAM + 4 * n)));
    let outcome = board.session.target().run_until(until, Duration::from_millis(300)).unwrap();
    assert_eq!(outcome.verdict, Verdict::Deadline);
    assert!(board.held(UNUSED_RAM.into(), 400) == before, "breakpoint instructions stay in RAM");
    assert!(board.session.breakpoints().list().unwrap().is_empty());
}

#[test]
fn breakpoints_that_cannot_be_removed_are_named() {
    let board = Board::halted();
    let addresses: Vec<u64> = (0..3).map(|n| u64::from(UNUSED_RAM) + 0x100 * n).collect();
    let error = thread::scope(|scope| {
        let run = scope.spawn(|| {
            let until = addresses.iter().fold(RunUntil::new(), |until, address| until.breakpoint(*address));
            board.session.target().run_until(until, LIMIT)
        });
        while board.chip.state() != CoreState::Running {
            thread::yield_now();
        }
        board.chip.faults().bus_fault_on_write_at(UNUSED_RAM + 0x80..UNUSED_RAM + 0x300);
        run.join().unwrap().unwrap_err()
    });
    let Error::Breakpoint(BreakpointError::Left { addresses: left, cause }) = &error else { panic!("{error:?}") };
    assert_eq!(left, &addresses[1..]);
    assert!(matches!(**cause, Error::Breakpoint(_)), "{cause:?}");
    assert!(error.to_string().contains("0x20000100, 0x20000200"), "{error}");
}

/// Otherwise a deadline would say that the address was not reached.
#[test]
fn a_breakpoint_that_the_firmware_has_switched_off_is_an_error_at_the_deadline() {
    let board = Board::halted();
    // str r1, [r0]; nop; nop; b .
    let code: u64 = 0x0800_3000;
    board.chip.write_memory(code as u32, &[0x01, 0x60, 0x00, 0xbf, 0x00, 0xbf, 0xfe, 0xe7]).unwrap();
    // FP_CTRL without its enable bit; KEY is beside it.
    for (register, value) in [("r0", 0xe000_2000_u64), ("r1", 2), ("pc", code)] {
        board.session.registers().write(register, value).unwrap();
    }
    let error = board.session.target().run_until(RunUntil::new().breakpoint(code + 4), LIMIT).unwrap_err();
    let is_told =
        matches!(error, Error::Breakpoint(BreakpointError::NotInEffect { address, .. }) if address == code + 4);
    assert!(is_told, "{error:?}");
    assert_eq!(board.session.breakpoints().list().unwrap().len(), 0);
}

#[test]
fn a_breakpoint_that_another_client_has_removed_is_an_error_at_the_deadline() {
    let board = Board::halted();
    // The run's own, and one that was there before.
    for is_own in [true, false] {
        if !is_own {
            board.session.breakpoints().add(NEVER, BreakpointKind::Hardware).unwrap();
        }
        let error = thread::scope(|scope| {
            scope.spawn(|| {
                while board.chip.state() != CoreState::Running {
                    thread::yield_now();
                }
                let address = board.session.process().unwrap().tcl_address();
                Session::connect(address).unwrap().breakpoints().remove_all().unwrap();
            });
            let until = RunUntil::new().breakpoint(NEVER);
            board.session.target().run_until(until, Duration::from_secs(1)).unwrap_err()
        });
        let Error::Breakpoint(BreakpointError::NotInEffect { address: NEVER, evidence, .. }) = error else {
            panic!("{error:?}")
        };
        assert_eq!(evidence, Evidence::List);
        assert!(error.to_string().ends_with("another client may have removed it"), "{error}");
        assert_eq!(board.chip.state(), CoreState::Halted);
        board.session.target().reset(ResetMode::Halt).unwrap();
    }
}
