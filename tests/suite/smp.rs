//! Groups of targets that OpenOCD halts and resumes together.

use std::thread;
use std::time::Duration;

use openocd::{Image, OpenOcdProcess, RamStart, Session, Target};
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

struct Group {
    board: VirtualBoard,
    session: Session,
}

impl Group {
    /// Two harts, each of which is halted before its own loop.
    fn start() -> Group {
        let board = VirtualBoard::start(&[Model::RiscvPair]).unwrap();
        let openocd = OpenOcdProcess::builder().config(board.openocd_config_smp()).ready_timeout(PATIENCE);
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
