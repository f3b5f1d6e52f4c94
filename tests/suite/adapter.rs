//! What the adapter tells of itself, its speed and its reset lines.

use std::time::{Duration, Instant};

use openocd::{AdapterError, Error, OpenOcdProcess, ResetSignal, Session, TargetError};
use virtual_chip::{CoreState, Transport};

use crate::board::{Board, INSTALL, dummy, interpreter, transport};

fn adapter_error<T: std::fmt::Debug>(result: Result<T, Error>) -> AdapterError {
    match result {
        Err(Error::Adapter(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// An adapter with a clock, past `init`.
fn clocked() -> Session {
    // There is no chip whose TAPs could be found.
    let openocd = dummy().command("proc jtag_init {} {}; adapter speed 100; init");
    Session::builder().start(openocd).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"))
}

/// OpenOCD has sent the new level by the time it answers; the chip reads it a little later, and has
/// no way to say so.
#[track_caller]
fn comes_true(condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(60), "the chip does not hear of it");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn name_and_transport_of_the_run() {
    let board = Board::start();
    let adapter = board.session.adapter();
    assert_eq!(adapter.name().unwrap(), "remote_bitbang");
    let (name, wire) = match transport() {
        Transport::Jtag => ("jtag", Transport::Jtag),
        Transport::Swd => ("swd", Transport::Swd),
    };
    assert_eq!(adapter.transport().unwrap(), name);
    assert_eq!(board.chip.transport(), wire);
}

#[test]
fn drivers_and_transports_that_are_built_in() {
    let session = interpreter();
    let transports = session.adapter().transports().unwrap();
    assert!(["jtag", "swd"].iter().all(|name| transports.iter().any(|known| known == name)), "{transports:?}");
    let drivers = session.adapter().list_drivers().unwrap();
    let driver = drivers.iter().find(|driver| driver.name == "remote_bitbang").unwrap();
    assert!(drivers.len() > 10 && drivers.iter().any(|driver| driver.name == "cmsis-dap"), "{drivers:?}");
    match &driver.transports {
        Some(transports) => assert_eq!(transports, &["jtag", "swd"]),
        None => assert!(drivers.iter().all(|driver| driver.transports.is_none()), "{drivers:?}"),
    }
}

#[test]
fn without_a_driver_there_is_no_adapter() {
    let session = Session::builder().start(OpenOcdProcess::builder().command("noinit")).unwrap();
    let adapter = session.adapter();
    let errors = [
        adapter_error(adapter.name()),
        adapter_error(adapter.transport()),
        adapter_error(adapter.speed()),
        adapter_error(adapter.set_speed(1000)),
    ];
    for error in errors {
        assert!(matches!(error, AdapterError::NoDriver), "{error:?}");
        assert_eq!(error.to_string(), "OpenOCD has no adapter: the configuration has no `adapter driver`");
    }
    assert_eq!(adapter.serial().unwrap(), None);
    assert!(!adapter.transports().unwrap().is_empty());
}

#[test]
fn the_speed_is_what_the_adapter_makes_of_it() {
    let session = clocked();
    let adapter = session.adapter();
    assert_eq!(adapter.speed().unwrap(), Some(100));
    assert_eq!(adapter.set_speed(250).unwrap(), Some(250));
    // This one divides 64 MHz by a whole number.
    assert_eq!(adapter.set_speed(1001).unwrap(), Some(1015));
    assert_eq!(adapter.speed().unwrap(), Some(1015));
    assert_eq!(adapter.set_speed(0).unwrap(), None);
    assert_eq!(adapter.speed().unwrap(), None, "adaptive clocking has no speed");
}

#[test]
fn a_speed_that_turns_into_adaptive_clocking_is_an_error() {
    let session = clocked();
    let error = adapter_error(session.adapter().set_speed(70_000));
    assert!(matches!(error, AdapterError::AdaptiveSpeed { khz: 70_000 }), "{error:?}");
    assert_eq!(error.to_string(), "70000 kHz was reported as set, but the adapter uses adaptive clocking (RCLK)");
}

#[test]
fn a_speed_that_openocd_cannot_count_is_not_sent() {
    let session = clocked();
    let error = adapter_error(session.adapter().set_speed(1 << 31));
    assert!(matches!(error, AdapterError::InvalidArgument(_)), "{error:?}");
    assert!(
        error.to_string().contains("2147483648 kHz") && error.to_string().contains("at most 2147483647"),
        "{error}"
    );
    assert_eq!(session.adapter().speed().unwrap(), Some(100));
}

#[test]
fn before_init_the_speed_is_what_was_asked_for_or_none() {
    let session = interpreter();
    assert_eq!(session.adapter().speed().unwrap(), None, "none is chosen yet");
    assert_eq!(session.adapter().set_speed(1001).unwrap(), Some(1001));
    assert_eq!(session.adapter().speed().unwrap(), Some(1001));
}

#[test]
fn an_adapter_without_a_clock_has_no_speed_and_takes_none() {
    let board = Board::start();
    assert_eq!(board.session.adapter().speed().unwrap(), None);
    let error = adapter_error(board.session.adapter().set_speed(500));
    let AdapterError::FixedSpeed { driver, khz: 500, .. } = &error else { panic!("{error:?}") };
    assert_eq!(driver, "remote_bitbang");
    assert!(error.to_string().starts_with("cannot set the speed of adapter remote_bitbang to 500 kHz: "), "{error}");
    let error = Error::from(error);
    assert_eq!((error.command(), error.code()), (Some("adapter speed 500"), Some(-4)));
}

/// A board with an SRST line, and a debug port that can be reached while that is down.
fn with_srst() -> Board {
    let board = Board::start();
    board.session.command("reset_config srst_only srst_nogate").unwrap();
    board
}

#[test]
fn srst_holds_the_chip_until_it_is_let_go() {
    let board = with_srst();
    let (adapter, before) = (board.session.adapter(), board.chip.reset_count());
    adapter.assert_reset(ResetSignal::Srst).unwrap();
    comes_true(|| board.chip.state() == CoreState::Reset);
    adapter.assert_reset(ResetSignal::Srst).unwrap();
    assert_eq!((board.chip.state(), board.chip.reset_count()), (CoreState::Reset, before));
    adapter.deassert_reset(ResetSignal::Srst).unwrap();
    comes_true(|| board.chip.state() == CoreState::Running);
    assert_eq!(board.chip.reset_count(), before + 1);
    adapter.deassert_reset(ResetSignal::Srst).unwrap();
    board.session.target().halt().unwrap();
    assert_eq!(board.chip.reset_count(), before + 1);
}

/// Lets the boundary scan TAP drive the pins, which a reset of the TAPs ends.
fn select_extest(board: &Board) {
    // OpenOCD's polling would scan other things meanwhile.
    board.session.command("poll off; irscan stm32f1x.bs 0").unwrap();
    scan_pins(board);
    assert!(board.chip.boundary().driven(0).is_some());
}

/// A scan has an answer, so everything before it has reached the chip.
fn scan_pins(board: &Board) {
    board.session.command("drscan stm32f1x.bs 232 0").unwrap();
}

#[test]
fn a_line_that_is_not_there_is_an_error_and_nothing_moves() {
    let board = Board::jtag();
    select_extest(&board);
    let (adapter, before) = (board.session.adapter(), board.chip.reset_count());
    for signal in [ResetSignal::Srst, ResetSignal::Trst, ResetSignal::Both] {
        for result in [adapter.assert_reset(signal), adapter.deassert_reset(signal)] {
            let error = adapter_error(result);
            let missing = if signal == ResetSignal::Srst { ResetSignal::Srst } else { ResetSignal::Trst };
            assert!(matches!(error, AdapterError::NoSignal { signal, .. } if signal == missing), "{error:?}");
            assert_eq!(
                error.to_string(),
                format!("there is no {missing} line: `reset_config` is \"none separate\", the transport jtag")
            );
        }
    }
    scan_pins(&board);
    assert!(board.chip.boundary().driven(0).is_some(), "no reset by TMS in place of TRST");
    assert_eq!((board.chip.state(), board.chip.reset_count()), (CoreState::Running, before));
}

#[test]
fn one_missing_line_keeps_the_other_from_moving() {
    let board = with_srst();
    let error = adapter_error(board.session.adapter().assert_reset(ResetSignal::Both));
    assert!(matches!(error, AdapterError::NoSignal { signal: ResetSignal::Trst, .. }), "{error:?}");
    // An answer of the target: everything before it has reached the chip.
    board.session.memory().read_u32(0x2000_0000).unwrap();
    assert_eq!(board.chip.state(), CoreState::Running);
}

#[test]
fn trst_resets_the_taps() {
    let board = Board::jtag();
    board.session.command("reset_config trst_and_srst srst_nogate").unwrap();
    select_extest(&board);
    board.session.adapter().assert_reset(ResetSignal::Trst).unwrap();
    comes_true(|| board.chip.boundary().driven(0).is_none());
    assert_eq!(board.chip.state(), CoreState::Running, "the core goes on");
    board.session.adapter().deassert_reset(ResetSignal::Trst).unwrap();
    board.session.command("poll on").unwrap();
    board.session.target().halt().unwrap();
}

#[test]
fn there_is_no_trst_over_swd() {
    if transport() == Transport::Jtag {
        // The other half of the rule, so that either run has one.
        return trst_is_a_line_of_jtag();
    }
    let board = Board::start();
    board.session.command("reset_config trst_and_srst srst_nogate").unwrap();
    let error = adapter_error(board.session.adapter().assert_reset(ResetSignal::Trst));
    assert!(
        matches!(&error, AdapterError::NoSignal { signal: ResetSignal::Trst, transport, .. } if transport == "swd"),
        "{error:?}"
    );
}

fn trst_is_a_line_of_jtag() {
    let board = Board::jtag();
    board.session.command("reset_config trst_and_srst srst_nogate").unwrap();
    board.session.adapter().assert_reset(ResetSignal::Trst).unwrap();
    board.session.adapter().deassert_reset(ResetSignal::Trst).unwrap();
}

#[test]
fn a_line_that_does_not_follow_is_an_error() {
    let board = Board::jtag();
    // One line pulls the other, so OpenOCD moves neither alone; it reports success and logs why
    // not.
    board.session.command("reset_config trst_and_srst srst_pulls_trst srst_nogate").unwrap();
    let (adapter, before) = (board.session.adapter(), board.chip.reset_count());
    let error = adapter_error(adapter.assert_reset(ResetSignal::Srst));
    assert!(matches!(error, AdapterError::WrongState { signal: ResetSignal::Srst, asserted: false, .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "OpenOCD reports `adapter assert srst` as done, but srst is not asserted: BUG: can't assert only SRST"
    );
    assert_eq!((board.chip.state(), board.chip.reset_count()), (CoreState::Running, before));
    adapter.assert_reset(ResetSignal::Both).unwrap();
    comes_true(|| board.chip.state() == CoreState::Reset);
    adapter.deassert_reset(ResetSignal::Both).unwrap();
    comes_true(|| board.chip.state() == CoreState::Running);
    assert_eq!(board.chip.reset_count(), before + 1);
}

#[test]
fn before_init_the_lines_cannot_be_driven() {
    let session = interpreter();
    let error = adapter_error(session.adapter().assert_reset(ResetSignal::Srst));
    assert!(
        matches!(&error, AdapterError::Refused(refused) if refused.failure.command() == "adapter assert srst"),
        "{error:?}"
    );
    assert!(error.to_string().contains("must be used after 'init'"), "{error}");
}

#[test]
fn a_held_target_is_not_taken_for_a_halted_one() {
    let board = with_srst();
    board.session.target().halt().unwrap();
    board.session.adapter().assert_reset(ResetSignal::Srst).unwrap();
    comes_true(|| board.chip.state() == CoreState::Reset);
    let error = board.session.registers().read("pc").unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::NotHalted { .. } | TargetError::Poll(_))), "{error:?}");
    board.session.adapter().deassert_reset(ResetSignal::Srst).unwrap();
    board.session.target().halt().unwrap();
    assert_eq!(board.chip.state(), CoreState::Halted);
}
