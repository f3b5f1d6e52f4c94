//! Many boards at once.

use std::thread;
use std::time::{Duration, Instant};

use openocd::Session;
use virtual_chip::VirtualChip;

use crate::measure::{Goal, Table};

const BOARDS: usize = 16;
const READS: usize = 4;

pub(crate) fn run(table: &mut Table) {
    let case = "16 boards reading memory, over one board 16 times";
    if !table.wants(case) {
        return;
    }
    let boards: Vec<_> = (0..BOARDS)
        .map(|_| {
            let chip = VirtualChip::start().expect("a free port");
            let session = Session::start(chip.openocd_config()).expect("OpenOCD starts");
            session.target().halt().expect("the target halts");
            (chip, session)
        })
        .collect();
    let read = |session: &Session| {
        for _ in 0..READS {
            let bytes = session.memory().read_bytes(0x2000_0000, 16 << 10).expect("the chip answers");
            assert_eq!(bytes.len(), 16 << 10);
        }
    };
    let mut one_after_the_other = Vec::new();
    let mut together = Vec::new();
    for _ in 0..3 {
        let begin = Instant::now();
        for _ in 0..BOARDS {
            read(&boards[0].1);
        }
        one_after_the_other.push(begin.elapsed());
        let begin = Instant::now();
        thread::scope(|scope| {
            for (_, session) in &boards {
                scope.spawn(move || read(session));
            }
        });
        together.push(begin.elapsed());
    }
    let least = |times: &[Duration]| times.iter().min().copied().unwrap_or_default();
    // One board alone keeps one core busy at a time: OpenOCD and the chip wait for each other.
    let cores = thread::available_parallelism().map_or(1, usize::from).min(BOARDS) as f64;
    table.durations(case, Goal::AtMost(1.0 / (0.9 * cores)), least(&together), least(&one_after_the_other));
}
