//! Lines of RTT.

use std::thread;
use std::time::Duration;

use openocd::{Error, OutputSource, ResetMode, RttError, RunUntil, TargetState, Verdict};
use virtual_chip::firmware;

use super::{run, texts};
use crate::board::{Board, PATIENCE};

/// The RTT firmware, started once so that its control block is known, and halted.
pub(super) fn talking() -> Board {
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
    assert_eq!(texts(&outcome), [firmware::rtt::GREETING.trim(), "one", "two"]);
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
        assert_eq!(texts(&outcome), [firmware::rtt::GREETING.trim()]);
        assert_eq!(outcome.pc(), Some(firmware::rtt::LOOP.into()));
        let line = Verdict::Line(firmware::rtt::GREETING.trim().into());
        assert_eq!(
            outcome.verdict,
            if wanted { line } else { Verdict::Breakpoint { address: firmware::rtt::LOOP.into() } }
        );
    }
}

#[test]
fn lines_that_wait_in_the_socket_are_collected() {
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

const RAM: std::ops::Range<u64> = 0x2000_0000..0x2000_5000;
/// Where the control block of the firmware is. Over SWD a search of all RAM takes seconds.
pub(super) const BLOCK: std::ops::Range<u64> = 0x2000_2400..0x2000_2500;

/// Writes a control block at `address`, with an unread line in its ring, as earlier firmware leaves
/// it in RAM.
pub(super) fn leave_block(board: &Board, address: u32, line: &str) {
    let (name, ring) = (address + 0x80, address + 0x90);
    let chip = &board.chip;
    chip.write_memory(address, b"SEGGER RTT\0\0\0\0\0\0").unwrap();
    let words = [1, 0, name, ring, 0x40, u32::try_from(line.len()).unwrap(), 0, 0];
    for (index, word) in (0..).zip(words) {
        chip.write_u32(address + 16 + 4 * index, word).unwrap();
    }
    chip.write_memory(name, b"old\0").unwrap();
    chip.write_memory(ring, line.as_bytes()).unwrap();
}

#[test]
fn a_block_of_earlier_firmware_gives_no_verdict() {
    let board = super::loaded(firmware::IMAGE);
    leave_block(&board, 0x2000_0400, "PASS\n");
    let until = RunUntil::new().rtt_line(RAM, 0, |line| line.contains("PASS"));
    let outcome = board.session.target().run_until(until, Duration::from_millis(300)).unwrap();
    assert_eq!((outcome.verdict.clone(), texts(&outcome)), (Verdict::Deadline, vec![]));
}

#[test]
fn a_block_of_earlier_firmware_at_a_lower_address_does_not_win() {
    let board = super::loaded(firmware::rtt::IMAGE);
    leave_block(&board, 0x2000_0400, "PASS\n");
    let until = RunUntil::new().rtt_line(RAM, 0, |_| true);
    let outcome = run(&board, until);
    let greeting = firmware::rtt::GREETING.trim();
    assert_eq!((outcome.verdict.clone(), texts(&outcome)), (Verdict::Line(greeting.to_owned()), vec![greeting]));
    assert_eq!(outcome.lines[0].source, OutputSource::Rtt(0));
    // RTT is free for another use.
    board.session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT").unwrap();
}

#[test]
fn lines_of_firmware_that_halts_before_rtt_is_found_count() {
    let board = super::loaded(firmware::rtt::IMAGE);
    for wanted in [true, false] {
        board.session.target().reset(ResetMode::Halt).unwrap();
        let until = RunUntil::new().breakpoint(firmware::rtt::LOOP.into()).rtt_line(RAM, 0, |_| wanted);
        let outcome = run(&board, until);
        let line = Verdict::Line(firmware::rtt::GREETING.trim().to_owned());
        let halt = Verdict::Breakpoint { address: firmware::rtt::LOOP.into() };
        assert_eq!(outcome.verdict, if wanted { line } else { halt });
        assert_eq!(texts(&outcome), [firmware::rtt::GREETING.trim()]);
    }
}

#[test]
fn what_was_printed_before_the_run_is_no_evidence() {
    // In the target's ring, or already in the socket.
    for is_taken in [false, true] {
        let board = talking();
        let mut terminal = board.session.rtt().channel(0).unwrap();
        if is_taken {
            thread::sleep(Duration::from_millis(300));
        }
        let until = RunUntil::new().line(&mut terminal, |_| true);
        let outcome = board.session.target().run_until(until, Duration::from_millis(300)).unwrap();
        assert_eq!(outcome.verdict, Verdict::Deadline);
        assert_eq!(texts(&outcome), [firmware::rtt::GREETING.trim()]);
        assert_eq!(outcome.lines[0].at, None);
    }
}

#[test]
fn a_line_that_was_begun_before_the_run_is_no_evidence() {
    let board = talking();
    let mut terminal = board.session.rtt().channel(0).unwrap();
    terminal.write_text("PA").unwrap();
    let target = board.session.target();
    target.resume().unwrap();
    thread::sleep(Duration::from_millis(300));
    target.halt().unwrap();
    terminal.write_text("SS\nPASS, too\n").unwrap();
    let outcome = run(&board, RunUntil::new().line(&mut terminal, |line| line.contains("PASS")));
    assert_eq!(outcome.verdict, Verdict::Line("PASS, too".to_owned()));
    assert_eq!(texts(&outcome), [firmware::rtt::GREETING.trim(), "PASS", "PASS, too"]);
    assert_eq!(outcome.lines.iter().map(|line| line.at.is_some()).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn one_range_is_for_all_channels_of_a_run() {
    let board = super::loaded(firmware::rtt::IMAGE);
    for (range, other) in [(RAM, 0x2000_0000..0x2000_4000), (RAM.start..RAM.start, RAM.start..RAM.start)] {
        let until = RunUntil::new().rtt_line(range, 0, |_| true).rtt_line(other, 2, |_| true);
        let error = board.session.target().run_until(until, PATIENCE).unwrap_err();
        assert!(matches!(error, Error::Rtt(RttError::InvalidArgument(_))), "{error:?}");
    }
}

#[test]
fn a_channel_that_is_open_already_takes_nothing_from_a_run() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/rust/prebuilt/rtt_plain.elf");
    let image = openocd::Image::open(file).unwrap();
    let block = image.symbol("_SEGGER_RTT").unwrap().range();
    let board = Board::halted();
    board.session.flash().write_image(&image).unwrap();
    for _ in 0..3 {
        board.session.target().reset(ResetMode::Run).unwrap();
        let rtt = board.session.rtt();
        rtt.setup(block.start, (block.end - block.start).try_into().unwrap(), "SEGGER RTT").unwrap();
        rtt.start_wait(PATIENCE).unwrap();
        let mut other = rtt.channel(0).unwrap();
        other.set_read_timeout(Some(PATIENCE));
        assert_eq!(other.lines().next().unwrap().unwrap(), "hello over RTT");
        board.session.target().reset(ResetMode::Halt).unwrap();
        let until = RunUntil::new().rtt_line(block.clone(), 0, |line| line == "hello over RTT");
        let outcome = board.session.target().run_until(until, PATIENCE).unwrap();
        assert_eq!(outcome.verdict, Verdict::Line("hello over RTT".to_owned()), "{outcome:?}");
        assert_eq!(other.lines().next().unwrap().unwrap(), "hello over RTT");
    }
}
