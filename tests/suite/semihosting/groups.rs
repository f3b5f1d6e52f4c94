//! Harts of an SMP group, one of which makes calls that this crate serves.

use std::thread;
use std::time::{Duration, Instant};

use openocd::{OpenOcdProcess, Session};
use virtual_chip::{Model, VirtualBoard};

use crate::board::{INSTALL, PATIENCE};

const NAMES: [&str; 2] = ["pair0.cpu0", "pair0.cpu1"];
const CODE: [u32; 2] = [0x8000_1000, 0x8000_1100];
const COUNTERS: [u32; 2] = [0x8000_1200, 0x8000_1204];

/// Counts in memory: addi s1, s1, 1; sw s1, 0(s2); and back.
const COUNT: [u32; 3] = [0x0014_8493, 0x0099_2023, 0xff9f_f06f];

/// The same after `SYS_WRITEC`: li a0, 3; the three instructions of a call.
const CALL: [u32; 7] = [0x0030_0513, 0x01f0_1013, 0x0010_0073, 0x4070_5013, 0x0014_8493, 0x0099_2023, 0xfe9f_f06f];

#[test]
fn halt_of_one_hart_remains_while_calls_of_the_other_are_served() {
    let board = VirtualBoard::start(&[Model::RiscvPair]).unwrap();
    let openocd = OpenOcdProcess::builder().config(board.openocd_config_smp()).ready_timeout(PATIENCE);
    let session = Session::builder().timeout(PATIENCE).start(openocd);
    let session = session.unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    session.halt_all().unwrap();
    let harts = NAMES.map(|name| session.target_named(name).unwrap());
    for (number, program) in [(0, &COUNT[..]), (1, &CALL)] {
        harts[number].memory().write_u32_slice(CODE[number].into(), program).unwrap();
        for (register, value) in [("pc", CODE[number]), ("s1", 0), ("s2", COUNTERS[number]), ("a1", CODE[0])] {
            harts[number].registers().write(register, value).unwrap();
        }
    }
    let console = harts[1].semihosting().serve().unwrap();
    harts[0].resume().unwrap();
    let counts = || [0, 1].map(|number| board.harts()[number].read_u32(COUNTERS[number]).unwrap());
    for round in 0..15 {
        let (begin, before) = (Instant::now(), counts());
        while counts()[0] == before[0] || counts()[1] == before[1] {
            assert!(begin.elapsed() < PATIENCE, "{round}: both run: {:?}", session.status_all());
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(round % 5));
        harts[0].halt().unwrap();
        let halted = counts();
        thread::sleep(Duration::from_millis(40));
        assert_eq!(counts(), halted, "{round}: {:?}", session.status_all());
        harts[0].resume().unwrap();
    }
    drop(console);
}
