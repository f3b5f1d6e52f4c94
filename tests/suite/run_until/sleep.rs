//! A core that sleeps has its program counter behind the instruction for it, at what it has not
//! reached.

use std::time::Duration;

use openocd::{RunUntil, Verdict};
use virtual_chip::CoreState;

use crate::board::Board;

const CODE: u64 = 0x2000_0000;
const LIMIT: Duration = Duration::from_millis(300);

/// A board that is halted at this code in RAM, with `SYS_EXIT` of success in r0 and r1.
fn at(code: &[u16]) -> Board {
    let board = Board::halted();
    board.session.memory().write_u16_slice(CODE, code).unwrap();
    for (register, value) in [("r0", 0x18), ("r1", 0x2_0026), ("pc", CODE)] {
        board.session.registers().write(register, value).unwrap();
    }
    board
}

#[test]
fn what_is_behind_a_sleep_is_not_reached_at_the_deadline() {
    for (sleep, code) in
        [("wfi", &[0xbf30][..]), ("wfe", &[0xbf20]), ("wfi.w", &[0xf3af, 0x8003]), ("wfe.w", &[0xf3af, 0x8002])]
    {
        let behind = CODE + 2 * code.len() as u64;
        let board = at(&[code, &[0xbf00, 0xe7fe]].concat());
        let outcome = board.session.target().run_until(RunUntil::new().breakpoint(behind), LIMIT).unwrap();
        assert_eq!(outcome.verdict, Verdict::Deadline, "{sleep}: {outcome}");
        let board = at(&[code, &[0xbeab, 0xe7fe]].concat());
        let outcome = board.session.target().run_until(RunUntil::new().semihosting(), LIMIT).unwrap();
        assert_eq!(outcome.verdict, Verdict::Deadline, "{sleep}: {outcome}");
        assert_eq!(outcome.pc(), Some(behind), "{sleep}");
    }
}

#[test]
fn what_is_behind_a_sleep_that_ended_is_reached() {
    // A SysTick that wakes the core without an exception: PRIMASK is set.
    let wakes = |board: &Board| {
        let memory = board.session.memory();
        memory.write_u32_slice(0xe000_e014, &[100_000, 0]).unwrap();
        board.session.registers().write("primask", 1).unwrap();
        memory.write_u32(0xe000_e010, 7).unwrap();
    };
    let board = at(&[0xbf30, 0xbf00, 0xe7fe]);
    wakes(&board);
    let outcome =
        board.session.target().run_until(RunUntil::new().breakpoint(CODE + 2), Duration::from_secs(10)).unwrap();
    assert_eq!(outcome.verdict, Verdict::Breakpoint { address: CODE + 2 });
    assert_ne!(board.chip.state(), CoreState::Running);
    let board = at(&[0xbf30, 0xbeab, 0xe7fe]);
    wakes(&board);
    let outcome = board.session.target().run_until(RunUntil::new().semihosting(), Duration::from_secs(10)).unwrap();
    assert!(matches!(outcome.verdict, Verdict::Exit { status: 0, .. }), "{outcome}");
}
