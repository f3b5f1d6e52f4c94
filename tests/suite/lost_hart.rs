//! A RISC-V hart that no longer answers: OpenOCD goes on with a state of it, and says so only in
//! its log.

use std::time::{Duration, Instant};

use openocd::{BreakpointKind, Error, Session, TargetError, TargetState, TimeoutError};
use virtual_chip::{CoreState, Model, VirtualBoard, VirtualHart};

use crate::board::INSTALL;

/// Each call is to end by its deadline plus a little.
const TIMEOUT: Duration = Duration::from_secs(8);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Loss {
    /// Of the other chip, which breaks the chain.
    Power,
    Probe,
}

/// The hart is behind a chip or before it: what the chain gives without the chip's power differs.
const BEHIND: [Model; 2] = [Model::Stm32f103, Model::RiscvHart];
const BEFORE: [Model; 2] = [Model::RiscvHart, Model::Stm32f103];

fn board(models: &[Model]) -> (Session, VirtualBoard) {
    let board = VirtualBoard::start(models).unwrap();
    let session = Session::builder().timeout(TIMEOUT).start(board.openocd_config());
    let session = session.unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    session.target_named("chip0.cpu").unwrap().halt().unwrap();
    session.command("targets hart0.cpu").unwrap();
    (session, board)
}

fn lose(board: &VirtualBoard, loss: Loss) {
    match loss {
        Loss::Power => board.chips()[0].faults().power_off(),
        Loss::Probe => board.chips()[0].faults().disconnect(),
    }
    // OpenOCD polls meanwhile.
    std::thread::sleep(Duration::from_millis(300));
}

fn port(session: &Session) -> (&'static str, u16) {
    ("127.0.0.1", session.process().unwrap().tcl_port())
}

/// The error of a call that is to end in time.
#[track_caller]
fn fails<T: std::fmt::Debug>(what: &str, call: impl FnOnce() -> Result<T, Error>) -> Error {
    let begun = Instant::now();
    let error = call().expect_err(what);
    assert!(begun.elapsed() < TIMEOUT + Duration::from_millis(500), "{what} took {:?}: {error}", begun.elapsed());
    error
}

fn each_loss(check: impl Fn(&str, &Session)) {
    let losses = [
        (BEHIND, Loss::Power, true),
        (BEHIND, Loss::Power, false),
        (BEHIND, Loss::Probe, true),
        (BEHIND, Loss::Probe, false),
        (BEFORE, Loss::Power, true),
    ];
    for (models, loss, is_halted) in losses {
        let (session, board) = board(&models);
        if is_halted {
            session.target().halt().unwrap();
        }
        lose(&board, loss);
        check(&format!("{models:?}, {loss:?}, halted: {is_halted}"), &session);
    }
}

#[test]
fn a_hart_that_does_not_answer_has_no_state() {
    each_loss(|what, session| {
        let target = session.target();
        for _ in 0..2 {
            let error = fails(what, || target.status());
            assert!(matches!(error, Error::Target(TargetError::Poll(_))), "{what}: {error:?}");
            let error = fails(what, || target.reexamine());
            assert!(matches!(error, Error::Target(TargetError::Examine(_))), "{what}: {error:?}");
        }
        let error = fails(what, || session.status_all());
        assert!(matches!(error, Error::Target(TargetError::Poll(_))), "{what}: {error:?}");
        let error = fails(what, || target.wait_halt(Duration::from_millis(100)));
        let is_right = match &error {
            Error::Target(TargetError::Poll(_)) => true,
            // The first poll takes longer where the chain reads as busy.
            Error::Timeout(TimeoutError::Halt { state, .. }) => *state == TargetState::Unknown,
            _ => false,
        };
        assert!(is_right, "{what}: {error:?}");
    });
}

#[test]
fn calls_on_a_hart_that_does_not_answer_fail_in_time() {
    each_loss(|what, session| {
        let (target, registers) = (session.target(), session.registers());
        let errors = [
            fails(what, || registers.pc()),
            fails(what, || registers.read_all()),
            fails(what, || registers.read_many(&["ra", "sp", "s0", "s1"])),
            fails(what, || session.breakpoints().add(0x8000_0010, BreakpointKind::Hardware)),
            fails(what, || target.step()),
            fails(what, || target.resume()),
            fails(what, || target.crash_report()),
            fails(what, || target.halt()),
        ];
        for error in errors {
            assert!(!matches!(error, Error::Target(TargetError::NotHalted { .. })), "{what}: {error:?}");
            assert!(!error.is_timeout(), "{what}: {error:?}");
        }
    });
}

#[test]
fn memory_of_a_hart_that_does_not_answer_needs_no_halt() {
    // Newer OpenOCD waits 5 s for each of two ways to access it.
    let patience = Duration::from_secs(15);
    let lost = |is_halted: bool, read: fn(&Session) -> Result<u64, Error>| {
        let (first, board) = board(&BEHIND);
        if is_halted {
            first.target().halt().unwrap();
        }
        lose(&board, Loss::Power);
        let session = Session::builder().timeout(patience).connect(port(&first)).unwrap();
        let error = read(&session).unwrap_err();
        assert!(!error.is_not_halted() && !error.is_timeout(), "halted: {is_halted}: {error:?}");
        assert!(matches!(first.target().status(), Err(Error::Target(TargetError::Poll(_)))));
    };
    std::thread::scope(|scope| {
        scope.spawn(|| lost(false, |session| session.memory().read_u32(0x8000_0000).map(u64::from)));
        // Once it has waited, no other width is tried.
        scope.spawn(|| lost(true, |session| session.memory().read_u64(0x8000_0000)));
    });
}

#[test]
fn a_hart_that_answers_again_has_its_state() {
    for is_halted in [true, false] {
        let (session, board) = board(&BEHIND);
        let target = session.target();
        let expected = if is_halted { TargetState::Halted } else { TargetState::Running };
        if is_halted {
            target.halt().unwrap();
        }
        lose(&board, Loss::Power);
        target.status().unwrap_err();
        board.chips()[0].faults().power_on();
        assert_eq!(target.reexamine().unwrap().state, expected);
        assert_eq!(target.status().unwrap().state, expected);
        let really = if is_halted { CoreState::Halted } else { CoreState::Running };
        assert_eq!(board.harts()[0].state(), really);
        assert_eq!(target.halt().unwrap().state, TargetState::Halted);
        session.registers().read_all().unwrap();
    }
}

/// From here on OpenOCD waits for each register, as for those of a hart whose debug module answers
/// and whose registers do not.
fn silence_registers(session: &Session) {
    let slow = "rename reg openocd_reg; proc reg {args} { if {[llength $args]} { sleep 1100 busy; \
        error {Timed out waiting for busy to go low} }; openocd_reg }";
    session.command(slow).unwrap();
}

#[test]
fn registers_that_are_waited_for_in_vain_end_a_call_in_time() {
    let hart = VirtualHart::start().unwrap();
    let timeout = Duration::from_millis(3500);
    let session = Session::builder().timeout(timeout).start(hart.openocd_config()).unwrap();
    let (target, registers) = (session.target(), session.registers().forced());
    target.halt().unwrap();
    silence_registers(&session);
    let in_time = |what: &str, begun: Instant| {
        assert!(begun.elapsed() < timeout + Duration::from_millis(500), "{what} took {:?}", begun.elapsed());
        // Nor is OpenOCD busy with the others.
        session.command("list").unwrap();
        assert!(begun.elapsed() < timeout + Duration::from_millis(500), "{what} took {:?}", begun.elapsed());
    };
    let begun = Instant::now();
    let error = registers.read_all().unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::Register { .. })), "{error:?}");
    assert!(error.message().is_some_and(|message| message.contains("Timed out waiting")), "{error}");
    in_time("read_all", begun);
    let begun = Instant::now();
    let error = registers.read_many(&["ra", "sp", "gp", "tp", "t0", "t1", "t2"]).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::Register { .. })), "{error:?}");
    in_time("read_many", begun);
    let begun = Instant::now();
    let mut batch = session.batch();
    let batched = batch.registers().read_many(&["ra", "sp", "gp", "tp", "t0", "t1", "t2"]);
    batch.run().unwrap();
    drop(batched.result());
    in_time("a batch", begun);
    let begun = Instant::now();
    drop(target.crash_report());
    in_time("crash_report", begun);
}
