//! Samples of a counter that counts meanwhile.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use openocd::{
    Error, Image, Sample, SampleCsv, SampleValue, Samples, Session, TargetError, TimeoutError, Variable, VariableType,
};
use virtual_chip::{CoreState, firmware};

use crate::board::{Board, PATIENCE};
use crate::server::counting;

const COUNTER: u64 = firmware::COUNTER_ADDRESS as u64;

/// The numbers of samples that were given one after the other.
fn numbers(samples: &[Sample]) -> Vec<u32> {
    let mut behind = 0;
    let number = |sample: &Sample| {
        behind += u32::try_from(sample.missed).unwrap() + 1;
        behind - 1
    };
    samples.iter().map(number).collect()
}

#[test]
fn samples_are_on_time_and_the_target_keeps_running() {
    const PERIOD: Duration = Duration::from_millis(5);
    let board = Board::start();
    board.chip.write_u32(0x2000_0100, 0x1234_5678).unwrap();
    let mut samples = Vec::new();
    let mut reading = Duration::ZERO;
    // Were the next sample due after the end of the one before, it would be late by the time that
    // all took.
    for sample in board.session.memory().sample(&[COUNTER, 0x2000_0100], PERIOD).unwrap() {
        let sample = sample.unwrap();
        reading += sample.took;
        samples.push(sample);
        if samples.len() >= 20 && reading > 5 * PERIOD {
            break;
        }
    }
    assert!(samples.windows(2).all(|pair| pair[0].values[0] < pair[1].values[0]), "{samples:?}");
    assert!(samples.iter().all(|sample| sample.values[1] == SampleValue::Unsigned(0x1234_5678)));
    let numbers = numbers(&samples);
    for (index, sample) in samples.iter().enumerate() {
        assert!(sample.at >= PERIOD * numbers[index], "{index} is early: {sample:?}");
        // A sample that a busy machine delays is skipped and counted.
        let next = numbers.get(index + 1).copied().unwrap_or(u32::MAX / 8);
        assert!(
            PERIOD * (next + 1) > sample.at + sample.took / 2,
            "{index} is late: {sample:?}, number {}",
            numbers[index]
        );
    }
    assert_eq!(board.chip.state(), CoreState::Running);
}

#[test]
fn a_sample_is_one_round_trip() {
    let board = Board::start();
    let (address, count) = counting(board.session.process().unwrap().tcl_address());
    let session = Session::builder().timeout(PATIENCE).connect(address).unwrap();
    let mut samples = session.memory().sample(&[COUNTER, 0x2000_0100, 0x2000_0200], Duration::from_millis(1)).unwrap();
    let before = count.load(Ordering::Acquire);
    for _ in 0..10 {
        samples.next().unwrap().unwrap();
    }
    assert_eq!(count.load(Ordering::Acquire) - before, 10);
}

#[test]
fn late_samples_are_skipped_and_counted() {
    let board = Board::start();
    let mut samples = board.session.memory().sample(&[COUNTER], Duration::from_millis(10)).unwrap();
    samples.next().unwrap().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let late = samples.next().unwrap().unwrap();
    assert!(late.missed >= 8, "{late:?}");
}

#[test]
fn the_iterator_goes_on_after_a_fault() {
    const PERIOD: Duration = Duration::from_millis(50);
    let board = Board::start();
    let mut samples = board.session.memory().sample(&[COUNTER, 0x2000_0200], PERIOD).unwrap();
    let mut given = vec![samples.next().unwrap().unwrap()];
    board.chip.faults().bus_fault_at(0x2000_0200..0x2000_0204);
    // The second is late, too.
    for late in [0, 3] {
        std::thread::sleep(late * PERIOD);
        let error = samples.next().unwrap().unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::MemoryRead { .. })), "{error:?}");
    }
    board.chip.faults().clear();
    given.push(samples.next().unwrap().unwrap());
    // The failed ones, and those that were left out before them, are missed.
    assert!(given[1].missed >= 4, "{given:?}");
    let end = given[1].at + given[1].took / 2;
    given.push(samples.next().unwrap().unwrap());
    assert!(PERIOD * (numbers(&given)[2] + 1) > end, "{given:?}");
}

#[test]
fn invalid_arguments_are_refused_before_anything_is_read() {
    let board = Board::start();
    let memory = board.session.memory();
    let period = Duration::from_millis(1);
    for (addresses, period) in [(vec![], period), (vec![COUNTER; 1025], period), (vec![COUNTER], Duration::ZERO)] {
        let error = memory.sample(&addresses, period).unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::InvalidArgument { .. })), "{error:?}");
    }
    let error = memory.sample(&[COUNTER + 2], period).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::Misaligned { .. })), "{error:?}");
    let error = memory.sample(&[1_u64 << 32], period).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::OutOfAddressSpace { .. })), "{error:?}");
    memory.physical().sample(&[COUNTER], period).unwrap().next().unwrap().unwrap();
    assert_eq!(memory.sample(&vec![COUNTER; 1024], period).unwrap().next().unwrap().unwrap().values.len(), 1024);
}

/// What a user's program keeps: the samples need no lifetime.
struct Recorder {
    samples: Samples,
    values: Vec<SampleValue>,
}

#[test]
fn samples_own_their_session_and_move_into_a_thread() {
    let board = Board::start();
    let samples = board.session.memory().sample(&[COUNTER], Duration::from_millis(2)).unwrap();
    assert_eq!(format!("{samples:?}"), format!("Samples(1 variables from {COUNTER:#010x}, every 2ms)"));
    let mut recorder = Recorder { samples, values: Vec::new() };
    let thread = std::thread::spawn(move || {
        for sample in recorder.samples.by_ref().take(5) {
            recorder.values.extend(sample.unwrap().values);
        }
        recorder
    });
    let mut recorder = thread.join().unwrap();
    assert_eq!(recorder.values.len(), 5);
    recorder.samples.next().unwrap().unwrap();
}

#[test]
fn a_sample_ends_within_the_timeout_also_if_another_thread_has_the_session() {
    let board = Board::start_with(Session::builder().timeout(Duration::from_millis(500)), |openocd| openocd);
    let mut samples = board.session.memory().sample(&[COUNTER], Duration::from_millis(1)).unwrap();
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| board.session.command_within("sleep 3000", Duration::from_secs(60)));
        std::thread::sleep(Duration::from_millis(300));
        let begin = Instant::now();
        let error = samples.next().unwrap().unwrap_err();
        assert!(matches!(error, Error::Timeout(TimeoutError::Turn { .. })), "{error:?}");
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
        busy.join().unwrap().unwrap();
    });
    samples.next().unwrap().unwrap();
}

#[test]
fn errors_of_samples_name_the_access_and_no_procedure() {
    let board = Board::start();
    board.chip.faults().bus_fault_at(0x2000_0200..0x2000_0204);
    let mut samples = board.session.memory().sample(&[COUNTER, 0x2000_0200], Duration::from_millis(1)).unwrap();
    let error = samples.next().unwrap().unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("cannot read memory at 0x20000200") && text.contains("read_memory"), "{text}");
    assert!(!text.contains("openocd_rs"), "{text}");
}

#[test]
fn variables_of_all_types_are_sampled_at_once() {
    const BASE: u64 = 0x2000_0100;
    let board = Board::start();
    let held: Vec<u8> = (0..32_u8).map(|n| 0xf0 ^ n).collect();
    board.chip.write_memory(BASE as u32, &held).unwrap();
    board.chip.write_memory(BASE as u32 + 32, &(-2.5_f32).to_le_bytes()).unwrap();
    board.chip.write_memory(BASE as u32 + 40, &1e300_f64.to_le_bytes()).unwrap();
    let at = |offset: usize, bytes: usize| {
        let mut word = [0; 8];
        word[..bytes].copy_from_slice(&held[offset..offset + bytes]);
        u64::from_le_bytes(word)
    };
    let variables = [
        Variable::u8(BASE + 1),
        Variable::u16(BASE + 2),
        Variable::u32(BASE + 4),
        Variable::u64(BASE + 8),
        Variable::i8(BASE + 1),
        Variable::i16(BASE + 2),
        Variable::i32(BASE + 4),
        Variable::i64(BASE + 8),
        Variable::f32(BASE + 32),
        Variable::f64(BASE + 40),
    ];
    let mut samples = board.session.memory().sample(&variables, Duration::from_millis(1)).unwrap();
    let values = samples.next().unwrap().unwrap().values;
    let unsigned = [at(1, 1), at(2, 2), at(4, 4), at(8, 8)].map(SampleValue::Unsigned);
    assert_eq!(values[..4], unsigned);
    let signed = [
        (at(1, 1) as i8).into(),
        (at(2, 2) as i16).into(),
        (at(4, 4) as i32).into(),
        i64::from_ne_bytes(at(8, 8).to_ne_bytes()),
    ];
    assert_eq!(values[4..8], signed.map(SampleValue::Signed));
    assert_eq!(values[8..], [SampleValue::F32(-2.5), SampleValue::F64(1e300)]);
    // Their widths are those of the accesses.
    board.chip.watch_accesses(BASE as u32..BASE as u32 + 48);
    samples.next().unwrap().unwrap();
    let accesses = board.chip.take_accesses();
    for (offset, bits) in [(1, 8), (2, 16), (4, 32)] {
        let address = BASE as u32 + offset;
        assert!(accesses.iter().any(|access| (access.address, access.bits) == (address, bits)), "{accesses:?}");
    }
}

#[test]
fn a_symbol_is_a_variable_of_its_size() {
    let image = Image::open("tests/images/crash/crash.elf").unwrap();
    let word = image.symbols().find(|symbol| symbol.size == 4).unwrap();
    let variable = Variable::try_from(&word).unwrap();
    assert_eq!(
        (variable.name.as_str(), variable.address, variable.kind),
        (&*word.name, word.address, VariableType::U32)
    );
    assert_eq!(variable.of_type(VariableType::F32).kind, VariableType::F32);
    let function = image.symbols().find(|symbol| symbol.size > 8).unwrap();
    let error = Variable::try_from(&function).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::InvalidArgument(_))), "{error:?}");
    // One of the size of a number.
    let mut function = function;
    function.size = 4;
    let error = Variable::try_from(&function).unwrap_err();
    assert!(error.to_string().contains("the function "), "{error}");
}

#[test]
fn samples_of_two_boards_are_written_as_csv_at_100_hz() {
    const SAMPLES: usize = 50;
    let boards = [Board::start(), Board::start()];
    let tables = boards.each_ref().map(|board| {
        let counter = Variable::u32(COUNTER).named("counter");
        let samples = board.session.memory().sample(&[counter], Duration::from_millis(10)).unwrap();
        std::thread::spawn(move || {
            let mut csv = SampleCsv::new(Vec::new(), samples.variables()).unwrap();
            for sample in samples.take(SAMPLES) {
                csv.write(&sample.unwrap()).unwrap();
            }
            String::from_utf8(csv.into_inner()).unwrap()
        })
    });
    for table in tables.map(|thread| thread.join().unwrap()) {
        let rows: Vec<Vec<f64>> =
            table.lines().skip(1).map(|row| row.split(',').map(|n| n.parse().unwrap()).collect()).collect();
        assert_eq!((table.lines().next(), rows.len()), (Some("time_s,missed,counter"), SAMPLES));
        // Each is at its time, however many a busy machine missed.
        let mut number = 0.0;
        for row in &rows {
            number += row[1];
            assert!(row[0] >= number * 0.01, "{row:?}, number {number}");
            number += 1.0;
        }
        assert!(rows.windows(2).all(|pair| pair[0][2] < pair[1][2]), "{table}");
    }
}
