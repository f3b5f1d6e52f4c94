//! The test of RAM. `tests/ocd/ram_test.rs` has what the tool makes of it.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use openocd::{Error, TargetError};

use super::RAM;
use crate::board::Board;

#[test]
fn ram_that_holds_what_is_written_passes_and_has_its_contents_again() {
    let board = Board::halted();
    let held = board.fill_ram(3);
    let test = board.session.memory().test_ram(RAM + 0x100..RAM + 0x300).unwrap();
    assert!(test.passed, "{test}");
    let names: Vec<_> = test.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["data lines", "address lines", "0x55555555", "0xaaaaaaaa", "addresses", "inverse"]);
    assert_eq!((test.start, test.end, test.not_restored), (RAM + 0x100, RAM + 0x300, 0));
    assert_eq!(board.ram(0, held.len()), held);
}

#[test]
fn words_that_lack_bits_fail() {
    let board = Board::halted();
    // GPIOA.ODR has 16 bits.
    let test = board.session.memory().test_ram(0x4001_080c..0x4001_0810).unwrap();
    assert!(!test.passed);
    let step = &test.steps[0];
    assert_eq!((step.wrong, step.faults.len()), (16, 8));
    assert_eq!((step.faults[0].address, step.faults[0].written, step.faults[0].read), (0x4001_080c, 0x1_0000, 0));
    assert!(test.to_string().contains("0x55555555      1 word wrong"), "{test}");
}

#[test]
fn the_contents_are_put_back_after_a_callback_that_stops_the_test() {
    let board = Board::halted();
    let held = board.fill_ram(4);
    let mut calls = 0;
    let stop = |_| {
        calls += 1;
        if calls < 40 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let error = board.session.memory().with_progress(stop).test_ram(RAM..RAM + 0x200).unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error:?}");
    assert_eq!(board.ram(0, held.len()), held);
}

#[test]
fn a_break_that_comes_once_ends_the_test_wherever_it_comes() {
    let board = Board::halted();
    let held = board.fill_ram(7);
    // In the data lines, at the end of a word, in the address lines, in the patterns.
    for break_at in [2, 12, 20, 64, 131, 170] {
        let mut calls = 0;
        let break_once = |_| {
            calls += 1;
            if calls == break_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let ended = board.session.memory().with_progress(break_once).test_ram(RAM..RAM + 0x200);
        assert!(matches!(ended, Err(Error::Cancelled { .. })), "{break_at}: {ended:?}");
        assert_eq!(calls, break_at, "it is not called again");
        assert!(board.ram(0, held.len()) == held);
    }
}

#[test]
fn ram_of_a_target_that_another_client_resumed_is_not_called_bad() {
    // The firmware counts in this RAM. It may be halted again before the test ends.
    for commands in [&["resume"][..], &["resume", "sleep 20", "halt"]] {
        let board = Board::halted();
        let mut calls = 0;
        let resume = |_| {
            calls += 1;
            if calls == 150 {
                for command in commands {
                    board.session.command(command).unwrap();
                }
            }
        };
        let counter = u64::from(virtual_chip::firmware::COUNTER_ADDRESS);
        let memory = board.session.memory().with_progress(resume);
        let error = memory.test_ram(counter - 0x100..counter + 0x100).unwrap_err();
        let text = error.to_string();
        if commands.len() == 1 {
            assert!(text.contains("must be halted for this, and is running (`test_ram`)"), "{text}");
        } else {
            assert!(text.contains("was resumed during this call (`test_ram`)"), "{text}");
        }
        // All but the counter.
        let around: Vec<_> = board.ram(0x1f00, 0x100).into_iter().chain(board.ram(0x2004, 0xfc)).collect();
        assert!(around.iter().all(|byte| *byte == 0), "the contents are put back");
    }
}

#[test]
fn the_test_of_a_target_that_stays_halted_leaves_its_registers() {
    let board = Board::halted();
    let before = board.session.registers().read_all().unwrap();
    assert!(board.session.memory().test_ram(RAM + 0x100..RAM + 0x300).unwrap().passed);
    board.session.target().resume().unwrap();
    board.session.target().halt().unwrap();
    assert_eq!(
        board.session.registers().read("r0").unwrap().value,
        before.get("r0").unwrap().value,
        "which holds the address of the counter"
    );
}

#[test]
fn the_contents_are_put_back_after_a_callback_that_panics() {
    let board = Board::halted();
    let contents = board.fill_ram(4);
    let mut calls = 0;
    let memory = board.session.memory().with_progress(|_| {
        calls += 1;
        assert!(calls < 3, "this callback fails");
    });
    catch_unwind(AssertUnwindSafe(|| memory.test_ram(RAM..RAM + 0x200))).unwrap_err();
    assert!(board.ram(0, contents.len()) == contents);
}

#[test]
fn contents_that_were_put_back_are_not_called_lost() {
    let board = Board::halted();
    let held = board.fill_ram(5);
    board.chip.faults().bus_fault_on_write_at(0x2000_0008..0x2000_000c);
    let error = board.session.memory().test_ram(RAM..RAM + 16).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::MemoryWrite { .. })), "{error:?}");
    assert_eq!(board.ram(0, held.len()), held);
}

#[test]
fn contents_that_could_not_be_put_back_are_named_with_the_cause() {
    let board = Board::halted();
    board.fill_ram(6);
    // The first word was written by then.
    let mut calls = 0;
    let fail_late = |_| {
        calls += 1;
        if calls == 20 {
            board.chip.faults().bus_fault_on_write_at(0x2000_0000..0x2000_0004);
        }
    };
    let error = board.session.memory().with_progress(fail_late).test_ram(RAM..RAM + 16).unwrap_err();
    let Error::Target(TargetError::NotRestored { address, end, cause }) = &error else { panic!("{error:?}") };
    assert_eq!((*address, *end), (RAM, RAM + 16));
    assert!(matches!(**cause, Error::Target(TargetError::MemoryWrite { .. })), "{cause:?}");
    assert_eq!(error.id(), "target.not_restored");
    assert!(error.failure().is_some());
}

#[test]
fn nothing_is_written_for_a_range_or_a_target_that_cannot_be_tested() {
    let board = Board::start();
    board.chip.watch_accesses(0x2000_0000..0x2000_0020);
    let memory = board.session.memory();
    #[allow(clippy::reversed_empty_ranges, reason = "this is what is refused")]
    for range in [RAM..RAM, RAM + 4..RAM, RAM + 2..RAM + 8, RAM..RAM + 7, 0..1 << 33] {
        let error = memory.test_ram(range).unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::InvalidArgument(_))), "{error:?}");
    }
    let error = memory.test_ram(RAM..RAM + 16).unwrap_err();
    assert!(
        matches!(&error, Error::Target(TargetError::NotHalted { target, .. }) if target == "stm32f1x.cpu"),
        "{error:?}"
    );
    assert!(board.chip.take_accesses().is_empty());
}
