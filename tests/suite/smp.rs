//! Groups of targets that OpenOCD halts and resumes together.

use std::thread;
use std::time::{Duration, Instant};

use openocd::{
    BreakpointKind, Image, OnClose, OpenOcdProcess, RamStart, RunGroup, RunUntil, Session, Target, TargetState,
};
use virtual_chip::{CoreState, Model, VirtualBoard};

use crate::board::{INSTALL, PATIENCE};

const NAMES: [&str; 2] = ["pair0.cpu0", "pair0.cpu1"];
const LOOPS: [u64; 2] = [0x8000_1000, 0x8000_1100];
/// Where a program is put that neither hart runs yet.
const ELSEWHERE: u64 = 0x8000_1200;
/// addi a0, a0, 1; nop; and back.
const COUNT: [u32; 3] = [0x0015_0513, 0x0000_0013, 0xff9f_f06f];
/// li a1, 42; j .
const ANSWER: [u32; 2] = [0x02a0_0593, 0x0000_006f];
const KINDS: [BreakpointKind; 2] = [BreakpointKind::Software, BreakpointKind::Hardware];

struct Group {
    board: VirtualBoard,
    session: Session,
}

impl Group {
    /// Two harts, each of which is halted before its own loop.
    fn start() -> Group {
        Group::of(VirtualBoard::openocd_config_smp)
    }

    fn of(config: impl Fn(&VirtualBoard) -> String) -> Group {
        let board = VirtualBoard::start(&[Model::RiscvPair]).unwrap();
        let openocd = OpenOcdProcess::builder().config(config(&board)).ready_timeout(PATIENCE);
        let session = Session::builder().timeout(PATIENCE).start(openocd);
        let session = session.unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
        session.halt_all().unwrap();
        session.memory().write_u32_slice(ELSEWHERE, &ANSWER).unwrap();
        let group = Group { board, session };
        for (number, place) in LOOPS.into_iter().enumerate() {
            group.session.memory().write_u32_slice(place, &COUNT).unwrap();
            group.hart(number).registers().write("pc", place).unwrap();
        }
        group
    }

    fn hart(&self, number: usize) -> Target<'_> {
        self.session.target_named(NAMES[number]).unwrap()
    }

    /// How often each hart has gone round its loop.
    fn counts(&self) -> [u32; 2] {
        [0, 1].map(|number: usize| self.board.harts()[number].x(10))
    }

    fn wait_until_halted(&self) {
        for number in [0, 1] {
            self.hart(number).wait_halt(PATIENCE).unwrap();
        }
    }
}

#[test]
fn a_hart_that_is_resumed_elsewhere_leaves_the_others_where_they_are() {
    for number in [0, 1] {
        let group = Group::start();
        group.hart(number).resume_at(ELSEWHERE).unwrap();
        thread::sleep(Duration::from_millis(20));
        let answers = [0, 1].map(|number: usize| group.board.harts()[number].x(11));
        assert_eq!((answers[number], answers[1 - number]), (42, 0), "{number}");
        assert!(group.counts()[1 - number] > 0, "{number}: {:?}", group.counts());
        assert!(group.board.harts().iter().all(|hart| hart.state() != CoreState::Halted));
        group.session.halt_all().unwrap();
    }
}

#[test]
fn a_program_in_ram_is_started_on_one_hart_of_a_group() {
    let group = Group::start();
    let image = Image::bin(ELSEWHERE, ANSWER.map(u32::to_le_bytes).concat()).unwrap();
    group.hart(0).run_in_ram_from(&image, RamStart::at(ELSEWHERE)).unwrap();
    thread::sleep(Duration::from_millis(20));
    assert_eq!([0, 1].map(|number: usize| group.board.harts()[number].x(11)), [42, 0]);
}

#[test]
fn each_hart_of_a_group_gets_past_the_breakpoint_at_its_program_counter() {
    for kind in KINDS {
        for (owner, resumed) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let group = Group::start();
            group.hart(owner).breakpoints().add(LOOPS[owner], kind).unwrap();
            for round in 1..4 {
                let case = format!("{kind:?} of {owner}, {resumed} is resumed, {round}");
                group.hart(resumed).resume().unwrap();
                thread::sleep(Duration::from_millis(20));
                group.wait_until_halted();
                assert_eq!(group.counts()[owner], round, "{case}");
                assert_eq!(group.hart(owner).registers().pc().unwrap(), LOOPS[owner], "{case}");
                assert_eq!(group.hart(owner).breakpoints().list().unwrap().len(), 1, "{case}");
            }
        }
    }
}

#[test]
fn all_harts_of_a_group_get_past_their_breakpoints() {
    for kind in KINDS {
        let group = Group::start();
        for (number, place) in LOOPS.into_iter().enumerate() {
            group.hart(number).breakpoints().add(place, kind).unwrap();
        }
        for round in 1..4 {
            let before = group.counts();
            group.hart(round % 2).resume().unwrap();
            thread::sleep(Duration::from_millis(20));
            group.wait_until_halted();
            // The first that comes by halts the other, wherever that is.
            let after = group.counts();
            for number in [0, 1] {
                assert!(after[number] - before[number] <= 1, "{kind:?}, {round}: {before:?}, {after:?}");
            }
            assert_ne!(after, before, "{kind:?}, {round}");
        }
        assert!(group.counts().iter().all(|count| *count > 0), "{kind:?}: {:?}", group.counts());
    }
}

#[test]
fn a_group_is_halted_again_by_a_breakpoint_right_behind_another() {
    for kind in KINDS {
        let group = Group::start();
        for place in [LOOPS[1], LOOPS[1] + 4] {
            group.hart(1).breakpoints().add(place, kind).unwrap();
        }
        for expected in [4, 0, 4] {
            group.hart(0).resume().unwrap();
            thread::sleep(Duration::from_millis(20));
            group.wait_until_halted();
            assert_eq!(group.hart(1).registers().pc().unwrap(), LOOPS[1] + expected, "{kind:?}");
        }
        assert_eq!(group.counts()[1], 2, "{kind:?}");
    }
}

#[test]
fn a_hart_of_no_group_stays_at_its_breakpoint_when_another_is_resumed() {
    let [software, hardware] = KINDS;
    for breakpoints in [&[(1, software)][..], &[(1, hardware)], &[(0, software)], &[(0, hardware), (1, hardware)]] {
        let group = Group::of(VirtualBoard::openocd_config);
        for &(owner, kind) in breakpoints {
            group.hart(owner).breakpoints().add(LOOPS[1], kind).unwrap();
        }
        let listed = [0, 1].map(|number| group.hart(number).breakpoints().list().unwrap());
        group.hart(0).resume().unwrap();
        thread::sleep(Duration::from_millis(20));
        let status = group.hart(1).status().unwrap();
        assert_eq!((status.state, status.pc), (TargetState::Halted, Some(LOOPS[1])), "{breakpoints:?}");
        assert!(group.counts()[0] > 0 && group.counts()[1] == 0, "{breakpoints:?}: {:?}", group.counts());
        group.hart(0).halt().unwrap();
        assert_eq!([0, 1].map(|number| group.hart(number).breakpoints().list().unwrap()), listed);
        group.hart(1).resume().unwrap();
        group.hart(1).wait_halt(PATIENCE).unwrap();
        assert_eq!(group.counts()[1], 1, "{breakpoints:?}");
    }
}

/// Each way to resume everything, with the breakpoint of one hart: the hart goes round its loop
/// once.
fn assert_resumed_once(what: &str, resume: impl Fn(&Group)) {
    for kind in KINDS {
        for owner in [0, 1] {
            let group = Group::start();
            group.hart(owner).breakpoints().add(LOOPS[owner], kind).unwrap();
            resume(&group);
            thread::sleep(Duration::from_millis(20));
            group.wait_until_halted();
            assert_eq!(group.counts()[owner], 1, "{what}, {kind:?} of {owner}");
        }
    }
}

#[test]
fn resume_all_resumes_a_group_once() {
    assert_resumed_once("resume_all", |group| {
        let statuses = group.session.resume_all().unwrap();
        assert_eq!(statuses.len(), 2);
        // Once more: halted again, the group is resumed again.
        group.wait_until_halted();
    });
    let group = Group::start();
    group.hart(1).breakpoints().add(LOOPS[1], BreakpointKind::Hardware).unwrap();
    for round in 1..4 {
        group.session.resume_all().unwrap();
        group.wait_until_halted();
        assert_eq!(group.counts()[1], round);
    }
}

#[test]
fn resume_all_does_not_pass_a_breakpoint_right_behind_another() {
    for kind in KINDS {
        for owner in [0, 1] {
            let group = Group::start();
            for place in [LOOPS[owner], LOOPS[owner] + 4] {
                group.hart(owner).breakpoints().add(place, kind).unwrap();
            }
            group.session.resume_all().unwrap();
            thread::sleep(Duration::from_millis(20));
            group.wait_until_halted();
            assert_eq!(group.hart(owner).registers().pc().unwrap(), LOOPS[owner] + 4, "{kind:?} of {owner}");
        }
    }
}

#[test]
fn a_close_that_resumes_resumes_a_group_once() {
    assert_resumed_once("close_with", |group| {
        let address = group.session.process().unwrap().tcl_address();
        Session::connect(address).unwrap().close_with(OnClose::Resume).unwrap();
    });
}

#[test]
fn runs_of_a_group_resume_it_once() {
    for _ in 0..4 {
        assert_resumed_once("RunGroup", |group| {
            let mut runs = RunGroup::new();
            for number in [0, 1] {
                runs = runs.add(group.hart(number), RunUntil::new);
            }
            for outcome in runs.run_all(PATIENCE) {
                assert_eq!(outcome.unwrap().status.state, TargetState::Halted);
            }
        });
    }
}

#[test]
fn an_answer_to_one_hart_does_not_pass_what_another_has_reached() {
    /// li a0, 3 (`SYS_WRITEC`); the three instructions of a call; and back.
    const CALL: [u32; 5] = [0x0030_0513, 0x01f0_1013, 0x0010_0073, 0x4070_5013, 0xff1f_f06f];
    /// addi a0, a0, -1; bnez a0, .-4; nop; j .
    const LINE: [u32; 4] = [0xfff5_0513, 0xfe05_1ee3, 0x0000_0013, 0x0000_006f];

    let group = Group::start();
    group.session.memory().write_u32_slice(LOOPS[0], &LINE).unwrap();
    group.session.memory().write_u32_slice(LOOPS[1], &CALL).unwrap();
    group.hart(1).registers().write("a1", ELSEWHERE).unwrap();
    let place = LOOPS[0] + 8;
    group.hart(0).breakpoints().add(place, BreakpointKind::Hardware).unwrap();
    let console = group.hart(1).semihosting().serve().unwrap();
    for round in 0..60 {
        group.hart(0).registers().write("a0", 500_u32 + 79 * round).unwrap();
        group.hart(0).resume_at(LOOPS[0]).unwrap();
        let begin = Instant::now();
        while group.board.harts()[0].x(10) != 0 {
            assert!(begin.elapsed() < PATIENCE, "{round}: it counts");
            thread::sleep(Duration::from_millis(1));
        }
        // Each call halts the group, too.
        group.hart(0).wait_halt(PATIENCE).unwrap();
        thread::sleep(Duration::from_millis(20));
        let status = group.hart(0).status().unwrap();
        assert_eq!((status.state, status.pc), (TargetState::Halted, Some(place)), "{round}");
    }
    drop(console);
}

#[test]
fn every_hart_of_a_group_is_left() {
    const FLAG: u64 = 0x8000_1300;
    /// auipc t0, 0; addi t0, t0, 0x40; csrw mtvec, t0; lw t1, 0(s2); beqz t1, .-4; ebreak.
    const WAIT: [u32; 6] = [0x0000_0297, 0x0402_8293, 0x3052_9073, 0x0009_2303, 0xfe03_0ee3, 0x0010_0073];

    for session_is_own in [false, true] {
        let group = Group::start();
        group.session.memory().write_u32(FLAG, 0).unwrap();
        for (number, place) in LOOPS.into_iter().enumerate() {
            group.session.memory().write_u32_slice(place, &WAIT).unwrap();
            group.session.memory().write_u32_slice(place + 0x40, &ANSWER).unwrap();
            group.hart(number).registers().write("s2", FLAG).unwrap();
            group.hart(number).breakpoints().add(place + 8, BreakpointKind::Hardware).unwrap();
        }
        let Group { board, session } = group;
        let leaving = if session_is_own {
            session.clone()
        } else {
            Session::connect(session.process().unwrap().tcl_address()).unwrap()
        };
        leaving.close_with(OnClose::Leave).unwrap();
        thread::sleep(Duration::from_millis(150));
        board.harts()[0].write_u32(FLAG as u32, 1).unwrap();
        thread::sleep(Duration::from_millis(150));
        let harts = [0, 1].map(|number: usize| (board.harts()[number].x(11), board.harts()[number].state()));
        assert!(harts.iter().all(|(answer, state)| *answer == 42 && *state != CoreState::Halted), "{harts:?}");
    }
}
