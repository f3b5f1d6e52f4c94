//! Several targets run at once: cores of a board, and boards.

use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use openocd::{
    Error, OpenOcdProcess, ResetMode, RttError, RunGroup, RunUntil, Session, StopToken, TargetError, TargetState,
    Verdict,
};
use virtual_chip::{CoreState, Model, VirtualBoard, firmware};

use super::loaded;
use super::rtt::BLOCK;
use super::stops::signal_openocd;
use crate::board::{Board, PATIENCE};

const WORK: u64 = firmware::WORK as u64;
const STOP: u64 = firmware::STOP as u64;

fn session(config: String) -> Session {
    let openocd = OpenOcdProcess::builder().config(config).ready_timeout(PATIENCE);
    Session::builder().timeout(PATIENCE).start(openocd).unwrap()
}

/// Two chips of one OpenOCD, halted at the beginning of their program.
fn pair() -> (Session, VirtualBoard) {
    let board = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103]).unwrap();
    let session = session(board.openocd_config());
    session.reset_all(ResetMode::Halt).unwrap();
    (session, board)
}

#[test]
fn boards_run_each_until_its_own_end() {
    let boards = [loaded(firmware::IMAGE), loaded(firmware::rtt::IMAGE), super::semihosting::exiting(0, 3)];
    let [counting, talking, exiting] = boards.each_ref().map(|board| board.session.target());
    let group = RunGroup::new()
        .add(counting, || RunUntil::new().breakpoint(WORK))
        .add(talking, || RunUntil::new().rtt_line(BLOCK, 0, |line| line.ends_with("ready")))
        .add(exiting, || RunUntil::new().semihosting());
    let verdicts: Vec<_> = group.run_all(PATIENCE).into_iter().map(|outcome| outcome.unwrap().verdict).collect();
    let line = Verdict::Line(firmware::rtt::GREETING.trim().to_owned());
    assert_eq!(verdicts, [Verdict::Breakpoint { address: WORK }, line, Verdict::Exit { status: 3, reason: 0x20026 }]);
}

#[test]
fn board_whose_openocd_hangs_does_not_hold_up_the_others() {
    let boards = [loaded(firmware::IMAGE), loaded(firmware::IMAGE)];
    let [healthy, hanging] = boards.each_ref().map(|board| board.session.target());
    let group = RunGroup::new()
        .add(healthy, || RunUntil::new().breakpoint(WORK))
        .add(hanging, || RunUntil::new().breakpoint(WORK));
    signal_openocd(&boards[1], "-STOP");
    let outcomes = group.run_all(Duration::from_secs(5));
    signal_openocd(&boards[1], "-CONT");
    let verdicts: Vec<_> = outcomes.into_iter().map(|outcome| outcome.map(|outcome| outcome.verdict)).collect();
    let [Ok(Verdict::Breakpoint { address: WORK }), Err(error)] = &verdicts[..] else { panic!("{verdicts:?}") };
    assert!(error.is_timeout(), "{error:?}");
    assert!(boards[0].session.breakpoints().list().unwrap().is_empty());
}

#[test]
fn cores_of_one_openocd_run_each_until_its_own_end() {
    let (session, board) = pair();
    let (a, b) = (session.target_named("chip0.cpu").unwrap(), session.target_named("chip1.cpu").unwrap());
    let mut group = RunGroup::new().add(a, || RunUntil::new().breakpoint(WORK));
    group = group.add(b, || RunUntil::new().breakpoint(u64::from(firmware::STORE)));
    assert_eq!(format!("{group:?}"), "RunGroup([Target(chip0.cpu), Target(chip1.cpu)])");
    let outcomes: Vec<_> = group.run_all(PATIENCE).into_iter().map(Result::unwrap).collect();
    let ends: Vec<_> = outcomes.iter().map(|outcome| (&*outcome.status.name, outcome.pc())).collect();
    assert_eq!(ends, [("chip0.cpu", Some(WORK)), ("chip1.cpu", Some(firmware::STORE.into()))]);
    assert!(board.chips().iter().all(|chip| chip.state() == CoreState::Halted));
    assert!(session.breakpoints().list().unwrap().is_empty());
}

#[test]
fn the_first_verdict_stops_the_others() {
    let (session, board) = pair();
    let (a, b) = (session.target_named("chip0.cpu").unwrap(), session.target_named("chip1.cpu").unwrap());
    let group = RunGroup::new().add(a, || RunUntil::new().breakpoint(STOP)).add(b, || RunUntil::new().breakpoint(WORK));
    let begun = std::time::Instant::now();
    let ended = group.run_first(PATIENCE);
    assert!(begun.elapsed() < PATIENCE / 2);
    let verdicts: Vec<_> = ended.outcomes.into_iter().map(|outcome| outcome.unwrap().verdict).collect();
    assert_eq!((ended.first, verdicts), (Some(1), vec![Verdict::Stopped, Verdict::Breakpoint { address: WORK }]));
    assert!(board.chips().iter().all(|chip| chip.state() == CoreState::Halted));
}

#[test]
fn a_token_stops_all() {
    let boards = [Board::halted(), Board::halted()];
    let token = StopToken::new();
    let mut group = RunGroup::new();
    for board in &boards {
        let token = token.clone();
        group = group.add(board.session.target(), move || RunUntil::new().stop_token(&token));
    }
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        token.stop();
    });
    let ended = group.run_first(PATIENCE);
    assert_eq!(ended.first, None);
    assert!(ended.outcomes.into_iter().all(|outcome| outcome.unwrap().verdict == Verdict::Stopped));
    assert!(RunGroup::new().run_all(PATIENCE).is_empty());
}

#[test]
fn a_run_that_fails_does_not_stop_the_others() {
    let (session, _board) = pair();
    let (a, b) = (session.target_named("chip0.cpu").unwrap(), session.target_named("chip1.cpu").unwrap());
    a.resume().unwrap();
    let group = RunGroup::new().add(a, RunUntil::new).add(b, || RunUntil::new().breakpoint(WORK));
    let mut outcomes = group.run_all(PATIENCE).into_iter();
    let error = outcomes.next().unwrap().unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{error:?}");
    assert_eq!(outcomes.next().unwrap().unwrap().verdict, Verdict::Breakpoint { address: WORK });
}

#[test]
fn only_one_run_of_a_session_uses_rtt() {
    let (session, board) = pair();
    for chip in board.chips() {
        chip.load_firmware(firmware::rtt::IMAGE);
    }
    session.reset_all(ResetMode::Halt).unwrap();
    let mut group = RunGroup::new();
    for name in ["chip0.cpu", "chip1.cpu"] {
        let target = session.target_named(name).unwrap();
        group = group.add(target, || RunUntil::new().rtt_line(BLOCK, 0, |line| line.ends_with("ready")));
    }
    let outcomes = group.run_all(PATIENCE);
    let failed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(matches!(failed[..], [Error::Rtt(RttError::InUse)]), "{outcomes:?}");
    assert_eq!(outcomes.iter().flatten().filter(|outcome| matches!(outcome.verdict, Verdict::Line(_))).count(), 1);
}

#[test]
fn harts_of_an_smp_group_run_and_halt_together() {
    let board = VirtualBoard::start(&[Model::RiscvPair]).unwrap();
    let session = session(board.openocd_config_smp());
    let statuses = session.halt_all().unwrap();
    assert!(statuses.len() == 2 && statuses.iter().all(|status| status.state == TargetState::Halted), "{statuses:?}");
    let names = ["pair0.cpu0", "pair0.cpu1"];
    let mut group = RunGroup::new();
    for name in names {
        group = group.add(session.target_named(name).unwrap(), RunUntil::new);
    }
    let before = board.harts()[1].read_u32(firmware::harts::COUNTER_ADDRESSES[1]).unwrap();
    let outcomes = group.run_all(Duration::from_millis(300));
    for outcome in &outcomes {
        let outcome = outcome.as_ref().unwrap();
        // The halt of one at its deadline halts the other.
        assert!(matches!(outcome.verdict, Verdict::Deadline | Verdict::Halt(_)), "{outcome:?}");
        assert_eq!(outcome.status.state, TargetState::Halted);
    }
    assert!(board.harts()[1].read_u32(firmware::harts::COUNTER_ADDRESSES[1]).unwrap() > before);
}

#[test]
fn breakpoint_that_an_smp_group_reaches_at_once_is_not_passed() {
    let board = VirtualBoard::start(&[Model::RiscvPair]).unwrap();
    let session = session(board.openocd_config_smp());
    for order in [[0, 1], [1, 0]] {
        session.halt_all().unwrap();
        let harts = order.map(|number: usize| session.target_named(["pair0.cpu0", "pair0.cpu1"][number]).unwrap());
        for hart in harts {
            hart.registers().write("pc", 0x8000_0014_u32).unwrap();
        }
        let [here, elsewhere] = harts;
        let loops = || board.harts()[order[0]].x(6);
        let before = loops();
        let group = RunGroup::new()
            .add(here, || RunUntil::new().breakpoint(0x8000_0018))
            .add(elsewhere, || RunUntil::new().breakpoint(0x8000_0000));
        let mut outcomes = group.run_all(PATIENCE).into_iter();
        let verdict = outcomes.next().unwrap().unwrap().verdict;
        assert_eq!(verdict, Verdict::Breakpoint { address: 0x8000_0018 }, "{order:?}");
        assert!(loops().wrapping_sub(before) <= 1, "{order:?}: the breakpoint was passed");
        // They halt together.
        let _ = outcomes.next().unwrap();
    }
}

#[test]
fn target_that_halts_with_another_of_its_smp_group_is_not_the_first() {
    let board = VirtualBoard::start(&[Model::RiscvPair]).unwrap();
    let session = session(board.openocd_config_smp());
    for order in [[0, 1], [1, 0]] {
        session.halt_all().unwrap();
        let [idle, busy] =
            order.map(|number: usize| session.target_named(["pair0.cpu0", "pair0.cpu1"][number]).unwrap());
        // j to itself; nop; nop; j to itself
        session.memory().write_u32_slice(0x8000_1000, &[0x6f, 0x13, 0x13, 0x6f]).unwrap();
        idle.registers().write("pc", 0x8000_1000_u32).unwrap();
        busy.registers().write("pc", 0x8000_1004_u32).unwrap();
        let group = RunGroup::new().add(idle, RunUntil::new).add(busy, || RunUntil::new().breakpoint(0x8000_100c));
        let ended = group.run_first(PATIENCE);
        let verdicts: Vec<_> = ended.outcomes.into_iter().map(|outcome| outcome.unwrap().verdict).collect();
        assert_eq!(verdicts[1], Verdict::Breakpoint { address: 0x8000_100c }, "{order:?}");
        assert!(matches!(verdicts[0], Verdict::Halt(_) | Verdict::Stopped), "{order:?}: {verdicts:?}");
        assert_eq!(ended.first, Some(1), "{order:?}: {verdicts:?}");
    }
}

#[test]
fn run_that_its_handler_stops_is_the_first() {
    let boards = [loaded(firmware::IMAGE), loaded(firmware::rtt::IMAGE)];
    let [counting, talking] = boards.each_ref().map(|board| board.session.target());
    let group = RunGroup::new()
        .add(counting, RunUntil::new)
        .add(talking, || RunUntil::new().rtt(BLOCK, 0).on_line(|_| ControlFlow::Break(())));
    let ended = group.run_first(PATIENCE);
    assert!(ended.outcomes.iter().all(|outcome| outcome.as_ref().unwrap().verdict == Verdict::Stopped), "{ended:?}");
    assert_eq!(ended.first, Some(1));
}
