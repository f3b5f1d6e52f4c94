//! Samples of a counter that counts meanwhile.

use std::time::Duration;

use openocd::{Error, TargetError};
use virtual_chip::{CoreState, firmware};

use crate::board::Board;

const COUNTER: u64 = firmware::COUNTER_ADDRESS as u64;

#[test]
fn samples_come_in_time_and_the_target_runs_on() {
    const PERIOD: Duration = Duration::from_millis(10);
    let board = Board::start();
    board.chip.write_u32(0x2000_0100, 0x1234_5678).unwrap();
    let samples = board.session.memory().sample(&[COUNTER, 0x2000_0100], PERIOD).unwrap();
    let samples: Vec<_> = samples.take(20).map(Result::unwrap).collect();
    assert!(samples.windows(2).all(|pair| pair[0].values[0] < pair[1].values[0]), "{samples:?}");
    assert!(samples.iter().all(|sample| sample.values[1] == 0x1234_5678));
    // Each is at or after the time that is due to its number, so nothing drifts.
    let mut number = 0;
    for (index, sample) in samples.iter().enumerate() {
        number += u32::try_from(sample.missed).unwrap() + u32::from(index > 0);
        assert!(sample.at >= PERIOD * number, "{index}: {sample:?}");
    }
    assert_eq!(board.chip.state(), CoreState::Running);
}

#[test]
fn what_is_late_is_left_out_and_counted() {
    let board = Board::start();
    let mut samples = board.session.memory().sample(&[COUNTER], Duration::from_millis(10)).unwrap();
    samples.next().unwrap().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let late = samples.next().unwrap().unwrap();
    assert!(late.missed >= 8, "{late:?}");
}

#[test]
fn a_fault_is_an_error_and_not_the_end() {
    let board = Board::start();
    let mut samples = board.session.memory().sample(&[COUNTER, 0x2000_0200], Duration::from_millis(1)).unwrap();
    samples.next().unwrap().unwrap();
    board.chip.faults().bus_fault_at(0x2000_0200..0x2000_0204);
    let error = samples.next().unwrap().unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::MemoryRead { .. })), "{error:?}");
    board.chip.faults().clear();
    samples.next().unwrap().unwrap();
}

#[test]
fn arguments_that_cannot_be_meant() {
    let board = Board::start();
    let memory = board.session.memory();
    let period = Duration::from_millis(1);
    for (addresses, period) in [(vec![], period), (vec![COUNTER; 1025], period), (vec![COUNTER], Duration::ZERO)] {
        let error = memory.sample(&addresses, period).unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::InvalidArgument { .. })), "{error:?}");
    }
    let error = memory.sample(&[COUNTER + 2], period).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::Misaligned { .. })), "{error:?}");
    let error = memory.sample(&[1 << 32], period).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::OutOfAddressSpace { .. })), "{error:?}");
    memory.physical().sample(&[COUNTER], period).unwrap().next().unwrap().unwrap();
    assert_eq!(memory.sample(&vec![COUNTER; 1024], period).unwrap().next().unwrap().unwrap().values.len(), 1024);
}
