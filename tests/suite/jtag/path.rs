//! `pathmove` and `runtest`.

use openocd::TapState::*;
use openocd::{JtagError, PathEnd};

use super::{BS, EXTEST, IDCODE, SAMPLE, bits, jtag_board, jtag_error, until_driven};

#[test]
fn a_path_goes_where_it_says() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    let pause = board.session.pause_polling().unwrap();
    jtag.scan(BS, SAMPLE, &[bits(1, 232)]).unwrap();
    jtag.irscan(BS, EXTEST).unwrap();
    until_driven(&board, 0, Some(true));
    // Once through the data column without a shift: what is captured (the pins, all low) is
    // updated.
    jtag.pathmove(&[RunTestIdle, SelectDrScan, CaptureDr, Exit1Dr, UpdateDr, RunTestIdle]).unwrap();
    until_driven(&board, 0, Some(false));
    // Through the instruction column: what is captured there, 1, is IDCODE.
    jtag.pathmove(&[RunTestIdle, SelectDrScan, SelectIrScan, CaptureIr, Exit1Ir, UpdateIr, RunTestIdle]).unwrap();
    until_driven(&board, 0, None);
    pause.resume().unwrap();
}

#[test]
fn a_long_path_makes_every_one_of_its_clocks() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    let pause = board.session.pause_polling().unwrap();
    // The pins are what is captured. Each stay in Shift-DR, or way into it, shifts them by one
    // towards cell 0.
    for distance in [1, 6, 7, 8, 30, 100] {
        let pin = distance;
        board.chip.boundary().set_level(pin, true);
        jtag.irscan(BS, EXTEST).unwrap();
        let mut path = vec![RunTestIdle, SelectDrScan, CaptureDr];
        path.extend(std::iter::repeat_n(ShiftDr, distance));
        path.extend([Exit1Dr, PauseDr, PauseDr, Exit2Dr, UpdateDr, RunTestIdle]);
        jtag.pathmove(&path).unwrap();
        until_driven(&board, 0, Some(true));
        let driven: Vec<_> = (0..232).filter(|cell| board.chip.boundary().driven(*cell) == Some(true)).collect();
        assert!(!driven.contains(&1), "{distance}: {driven:?}");
        board.chip.boundary().set_level(pin, false);
        jtag.pathmove(&[RunTestIdle, SelectDrScan, CaptureDr, Exit1Dr, UpdateDr, RunTestIdle]).unwrap();
        until_driven(&board, 0, Some(false));
    }
    pause.resume().unwrap();
}

#[test]
fn a_reset_on_the_way_selects_idcode() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    let pause = board.session.pause_polling().unwrap();
    for path in [
        &[TestLogicReset][..],
        &[TestLogicReset, RunTestIdle],
        &[RunTestIdle, SelectDrScan, SelectIrScan, TestLogicReset, TestLogicReset, RunTestIdle],
        &[
            RunTestIdle,
            RunTestIdle,
            SelectDrScan,
            CaptureDr,
            Exit1Dr,
            PauseDr,
            Exit2Dr,
            UpdateDr,
            SelectDrScan,
            SelectIrScan,
            TestLogicReset,
        ],
    ] {
        jtag.irscan(BS, EXTEST).unwrap();
        until_driven(&board, 0, Some(false));
        jtag.pathmove(path).unwrap();
        until_driven(&board, 0, None);
        assert!(matches!(jtag_error(jtag.drscan(BS, &[bits(0, 1)])), JtagError::Bypass { .. }));
    }
    pause.resume().unwrap();
    board.session.target().halt().unwrap();
}

#[test]
fn single_stable_states_can_be_gone_to() {
    let board = jtag_board();
    for state in [PauseDr, PauseIr, RunTestIdle, ShiftDr, ShiftIr, TestLogicReset, RunTestIdle] {
        board.session.jtag().pathmove(&[state]).unwrap_or_else(|error| panic!("{state}: {error}"));
    }
    // A way through Update-DR with DPACC in the instruction register writes what was captured, which
    // is an acknowledge that means CTRL/STAT: the debug domain may have lost its power.
    board.session.target().reexamine().unwrap();
    board.session.target().halt().unwrap();
}

#[test]
fn impossible_paths_are_refused_before_anything_is_sent() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    let pause = board.session.pause_polling().unwrap();
    let flushes = || board.session.command("flush_count").unwrap();
    let before = flushes();
    assert!(matches!(jtag_error(jtag.pathmove(&[])), JtagError::EmptyPath));
    let error = jtag_error(jtag.pathmove(&[RunTestIdle, SelectDrScan, ShiftDr]));
    assert!(matches!(error, JtagError::IllegalTransition { step: 2, from: SelectDrScan, to: ShiftDr }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "step 2 of the path, from DRSELECT to DRSHIFT, is not a transition of IEEE 1149.1: DRSELECT leads to DRCAPTURE and IRSELECT"
    );
    assert!(matches!(
        jtag_error(jtag.pathmove(&[CaptureDr, ShiftDr])),
        JtagError::UnstablePath { end: PathEnd::First, .. }
    ));
    let open = jtag_error(jtag.pathmove(&[RunTestIdle, SelectDrScan]));
    assert!(matches!(open, JtagError::UnstablePath { end: PathEnd::Last, state: SelectDrScan }));
    let round = [SelectDrScan, CaptureDr, Exit1Dr, UpdateDr];
    let path: Vec<_> = [RunTestIdle].into_iter().chain(round).chain(round).chain([RunTestIdle]).collect();
    assert!(matches!(jtag_error(jtag.pathmove(&path)), JtagError::LongPath { .. }));
    assert_eq!(flushes(), before, "nothing was sent to the adapter");
    pause.resume().unwrap();
}

#[test]
fn clocks_in_run_test_idle_leave_the_instruction() {
    let board = jtag_board();
    let jtag = board.session.jtag();
    jtag.irscan(BS, IDCODE).unwrap();
    for clocks in [0, 1, 1000] {
        jtag.runtest(clocks).unwrap();
        assert_eq!(jtag.drscan(BS, &[bits(0, 32)]).unwrap()[0].to_u64(), Some(0x1641_0041));
    }
}

#[test]
fn more_clocks_than_openocd_can_count_are_refused() {
    let board = jtag_board();
    for clocks in [0x8000_0000, u32::MAX] {
        let error = jtag_error(board.session.jtag().runtest(clocks));
        assert!(matches!(error, JtagError::InvalidArgument { .. }), "{error:?}");
    }
}

#[test]
fn an_adapter_that_is_gone_is_an_error() {
    let board = jtag_board();
    board.chip.faults().disconnect();
    let jtag = board.session.jtag();
    for error in [
        jtag_error(jtag.runtest(100)),
        jtag_error(jtag.pathmove(&[RunTestIdle, SelectDrScan, CaptureDr, Exit1Dr, PauseDr])),
        jtag_error(jtag.scan(BS, IDCODE, &[bits(0, 32)])),
    ] {
        assert!(matches!(error, JtagError::Refused { .. }), "{error:?}");
    }
}
