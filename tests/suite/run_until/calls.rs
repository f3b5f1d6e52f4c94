//! Single semihosting calls.

use openocd::{HaltReason, RunOutcome, RunUntil, Verdict};

use super::run;
use crate::board::Board;

/// A program in RAM that makes one semihosting call, with its block behind it, and halts.
fn calling(number: u32, block: &[u32]) -> (Board, RunOutcome) {
    calling_on(Board::halted(), number, block)
}

fn calling_on(board: Board, number: u32, block: &[u32]) -> (Board, RunOutcome) {
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
fn console_calls_are_served_and_other_calls_are_refused() {
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
        (0x05, [OUTPUT, 0x0800_0000, u32::MAX], u32::MAX - 65536),
        (0x06, [INPUT, 0x2000_0200, u32::MAX], u32::MAX - 2),
        (0x31, [0, 0, 0], 1_000_000),
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
fn the_features_of_the_host_can_be_read() {
    const FEATURES: u32 = 0x7f00_0004;
    let name = b":semihosting-features";
    let answer = |board: &Board| board.chip.register(virtual_chip::Register::R(0));
    let board = Board::halted();
    board.session.memory().write_bytes(0x2000_0200, name).unwrap();
    let (board, _) = calling_on(board, 0x01, &[0x2000_0200, 0, name.len() as u32]);
    assert_eq!(answer(&board), FEATURES);
    let (board, _) = calling(0x0c, &[FEATURES]);
    assert_eq!(answer(&board), 5);
    let (board, _) = calling(0x06, &[FEATURES, 0x2000_0200, 16]);
    assert_eq!(answer(&board), 11, "bytes that are left");
    assert_eq!(board.session.memory().read_bytes(0x2000_0200, 5).unwrap(), b"SHFB\x03");
    for (number, block, expected) in [
        (0x0a, [FEATURES, 4, 0], 0),
        (0x0a, [FEATURES, 6, 0], u32::MAX),
        (0x02, [FEATURES, 0, 0], 0),
        (0x09, [FEATURES, 0, 0], 0),
    ] {
        let (board, _) = calling(number, &block);
        assert_eq!(answer(&board), expected, "{number:#x}");
    }
}
