//! RTT with firmware of ours that has a control block, echoes and floods.

use std::io::{self, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use openocd::{ConnectionError, Error, RttChannel, RttDirection, RttError, Session, TimeoutError};
use virtual_chip::firmware::rtt as firmware;

use crate::board::{Board, PATIENCE};

mod control_block;
mod deadlines;
mod ownership;
mod ports;

const ID: &str = "SEGGER RTT";

/// A chip that runs the RTT firmware, and RTT started on it.
fn started() -> Board {
    let board = Board::start();
    board.chip.load_firmware(firmware::IMAGE);
    board.session.rtt().setup(0x2000_0000, 0x5000, ID).unwrap();
    let block = board.session.rtt().start_wait(PATIENCE).unwrap();
    assert_eq!(block, u64::from(firmware::CONTROL_BLOCK));
    board.session.rtt().set_polling_interval(Duration::from_millis(1)).unwrap();
    board
}

fn open(board: &Board, number: u32) -> RttChannel {
    let mut channel = board.session.rtt().channel(number).unwrap();
    channel.set_read_timeout(Some(PATIENCE));
    channel.set_write_timeout(Some(PATIENCE));
    channel
}

/// The terminal, after its greeting.
fn terminal(board: &Board) -> RttChannel {
    let mut terminal = open(board, 0);
    assert_eq!(terminal.lines().next().unwrap().unwrap(), firmware::GREETING.trim());
    terminal
}

fn rtt_error<T: std::fmt::Debug>(result: openocd::Result<T>) -> RttError {
    match result.unwrap_err() {
        Error::Rtt(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn channels_are_listed_with_their_numbers() {
    let board = started();
    let channels = board.session.rtt().channels().unwrap();
    let shown = |list: &[openocd::RttChannelInfo]| {
        list.iter().map(|c| (c.number, c.name.clone(), c.size, c.flags)).collect::<Vec<_>>()
    };
    assert_eq!(shown(&channels.up), [(0, "Terminal".into(), 512, 2), (2, "Flood of bytes".into(), 2048, 2)]);
    assert_eq!(shown(&channels.down), [(0, "Terminal".into(), 64, 2), (1, "} odd {name\\".into(), 16, 0)]);
}

#[test]
fn every_byte_goes_both_ways() {
    let board = started();
    let mut channel = terminal(&board);
    let all: Vec<u8> = (0..=255).collect();
    let mut writer = channel.try_clone().unwrap();
    thread::scope(|scope| {
        // The ring to the target holds 63 bytes: more than what fits at once must not be lost.
        scope.spawn(|| {
            for _ in 0..4 {
                writer.write_all(&all).unwrap();
            }
        });
        for _ in 0..4 {
            let mut echo = [0; 256];
            channel.read_exact(&mut echo).unwrap();
            assert_eq!(echo[..], all[..]);
        }
    });
    channel.close().unwrap();
}

#[test]
fn a_flood_comes_without_loss() {
    // Many times the ring.
    let length: u32 = 1 << 17;
    let board = started();
    let mut channel = open(&board, 2);
    board.session.memory().write_u32(firmware::FLOOD_REQUEST.into(), length).unwrap();
    let mut got = vec![0; length as usize];
    channel.read_exact(&mut got).unwrap();
    let wrong = (0..length).find(|&number| got[number as usize] != firmware::flood_byte(number));
    assert_eq!(wrong, None);
    assert_eq!(board.chip.read_u32(firmware::FLOOD_WRITTEN).unwrap(), length);
}

#[test]
fn text_and_lines_are_read() {
    let board = started();
    let mut channel = open(&board, 0);
    let mut text = String::new();
    while text != firmware::GREETING {
        text += &channel.read_text().unwrap();
    }
    channel.write_text("one\r\n\ntwo é\nbegin").unwrap();
    let lines: Vec<_> = channel.lines().take(3).map(Result::unwrap).collect();
    assert_eq!(lines, ["one", "", "two é"]);
    // The beginning of a line outlasts a timeout.
    channel.set_read_timeout(Some(Duration::from_millis(50)));
    let error = channel.lines().next().unwrap().unwrap_err();
    assert!(matches!(error, Error::Timeout(TimeoutError::Rtt { .. })), "{error:?}");
    channel.set_read_timeout(Some(PATIENCE));
    channel.write_text("ning\n").unwrap();
    assert_eq!(channel.lines().next().unwrap().unwrap(), "beginning");
}

#[test]
fn a_line_without_an_end_comes_in_parts() {
    let board = started();
    let mut flood = open(&board, 2);
    // The flood's bytes hold a newline now and then; the greatest run without one is short. So the
    // ring is filled by hand.
    board.session.target().halt().unwrap();
    let ring = 0x2000_2800;
    board.chip.write_memory(ring, &[b'x'; 2048]).unwrap();
    let lines = thread::scope(|scope| {
        let reading = scope.spawn(|| flood.lines().take(2).map(|line| line.unwrap()).collect::<Vec<_>>());
        let written = firmware::CONTROL_BLOCK + 72 + 12;
        while !reading.is_finished() {
            let read = board.chip.read_u32(written + 4).unwrap();
            board.chip.write_u32(written, (read + 2047) % 2048).unwrap();
            thread::sleep(Duration::from_millis(1));
        }
        reading.join().unwrap()
    });
    assert!(lines.iter().all(|line| line.len() == 64 * 1024 && line.bytes().all(|byte| byte == b'x')));
}

#[test]
fn a_character_in_two_parts_comes_whole() {
    let board = started();
    let mut channel = terminal(&board);
    channel.write_all(&"é".as_bytes()[..1]).unwrap();
    channel.set_read_timeout(Some(Duration::from_millis(100)));
    assert!(matches!(channel.read_text(), Err(Error::Timeout(_))));
    channel.set_read_timeout(Some(PATIENCE));
    channel.write_all(&"é".as_bytes()[1..]).unwrap();
    assert_eq!(channel.read_text().unwrap(), "é");
    channel.write_all(b"\xff!").unwrap();
    let mut text = String::new();
    while text.len() < 4 {
        text += &channel.read_text().unwrap();
    }
    assert_eq!(text, "\u{fffd}!");
}

#[test]
fn a_single_read_and_a_single_write_need_no_open_channel() {
    let board = started();
    let rtt = board.session.rtt();
    assert_eq!(rtt.read(0, PATIENCE).unwrap(), firmware::GREETING);
    assert_eq!(rtt.read(0, Duration::from_millis(20)).unwrap(), "");
    rtt.write(0, "hello").unwrap();
    assert_eq!(rtt.read(0, PATIENCE).unwrap(), "hello");
}

#[test]
fn several_channels_are_independent() {
    let board = started();
    let mut first = terminal(&board);
    let flood = open(&board, 2);
    let mut second = open(&board, 0);
    // One server of OpenOCD's does for both.
    assert_eq!(first.peer(), second.peer());
    assert_ne!(first.peer(), flood.peer());
    first.write_text("x").unwrap();
    assert_eq!((first.read_text().unwrap(), second.read_text().unwrap()), ("x".into(), "x".into()));
    drop(flood);
    first.close().unwrap();
    second.write_text("y").unwrap();
    assert_eq!(second.read_text().unwrap(), "y");
}

#[test]
fn a_closed_channel_is_closed_in_openocd() {
    let board = started();
    let channel = open(&board, 0);
    let other = channel.try_clone().unwrap();
    let peer = channel.peer();
    drop(channel);
    assert!(std::net::TcpStream::connect(peer).is_ok(), "the other handle keeps it open");
    drop(other);
    assert!(std::net::TcpStream::connect(peer).is_err());
    let mut channel = open(&board, 0);
    let mut other = channel.try_clone().unwrap();
    channel.set_read_timeout(Some(Duration::from_millis(1)));
    channel.close().unwrap();
    // What came before the close can still be read.
    let end = io::copy(&mut other, &mut io::sink()).unwrap_err();
    assert_eq!(end.kind(), io::ErrorKind::ConnectionAborted);
}

#[test]
fn reading_waits_no_longer_than_told() {
    let board = started();
    let mut channel = terminal(&board);
    channel.set_read_timeout(Some(Duration::from_millis(30)));
    let error = channel.read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let inner = error.get_ref().unwrap().downcast_ref::<Error>().unwrap();
    assert!(matches!(inner, Error::Timeout(TimeoutError::Rtt { .. })), "{inner:?}");
    assert_eq!(channel.read(&mut []).unwrap(), 0);
}

#[test]
fn firmware_that_does_not_read_is_an_error_and_says_how_far_it_went() {
    let board = started();
    let mut aux = open(&board, 1);
    aux.set_write_timeout(Some(Duration::from_millis(100)));
    let error = rtt_error(aux.write_text("0123456789abcdefghij"));
    assert!(matches!(error, RttError::NotTaken { channel: 1, taken: 15, length: 20, .. }), "{error:?}");
    let mut ring = [0; 15];
    board.chip.read_memory(0x2000_2540, &mut ring).unwrap();
    assert_eq!(&ring, b"0123456789abcde");
    let error = aux.write(b"more").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_stopped_transfer_stays_stopped_until_it_is_started() {
    let board = started();
    let rtt = board.session.rtt();
    let mut channel = terminal(&board);
    rtt.stop().unwrap();
    rtt.stop().unwrap();
    assert!(matches!(rtt_error(rtt.channels()), RttError::NotStarted));
    assert!(matches!(rtt_error(rtt.channel(0).map(drop)), RttError::NotStarted));
    assert!(matches!(rtt_error(rtt.set_polling_interval(Duration::from_millis(5))), RttError::NotStarted));
    assert!(matches!(rtt_error(channel.write_text("x")), RttError::NotStarted));
    // It stays stopped, however long a read waits.
    channel.set_read_timeout(Some(Duration::from_millis(700)));
    assert!(matches!(channel.read_text(), Err(Error::Timeout(_))));
    assert!(matches!(rtt_error(rtt.channels()), RttError::NotStarted));
    rtt.start().unwrap();
    channel.write_text("y").unwrap();
    channel.set_read_timeout(Some(PATIENCE));
    assert_eq!(channel.read_text().unwrap(), "y");
}

#[test]
fn every_call_before_setup_is_an_error() {
    let board = Board::start();
    let rtt = board.session.rtt();
    let results = [
        rtt.start().map(drop),
        rtt.stop(),
        rtt.channels().map(drop),
        rtt.channel(0).map(drop),
        rtt.set_polling_interval(Duration::from_millis(5)),
        rtt.read(0, PATIENCE).map(drop),
        rtt.write(0, "x"),
    ];
    for (call, result) in results.into_iter().enumerate() {
        assert!(matches!(result, Err(Error::Rtt(RttError::NotSetUp))), "call {call}: {result:?}");
    }
    assert_eq!(rtt.polling_interval().unwrap(), Duration::from_millis(100));
}

#[test]
fn invalid_arguments_are_refused() {
    let board = started();
    let rtt = board.session.rtt();
    for result in [
        rtt.setup(0x2000_0000, 0x5000, ""),
        rtt.setup(0x2000_0000, 0x5000, "sixteen byte id!"),
        rtt.setup(0x2000_0000, 0x5000, "a\0b"),
        rtt.setup(0x2000_0000, 23, ID),
        rtt.set_polling_interval(Duration::ZERO),
        rtt.set_polling_interval(Duration::from_micros(1500)),
    ] {
        assert!(matches!(result, Err(Error::Rtt(RttError::InvalidArgument { .. }))), "{result:?}");
    }
    assert!(matches!(rtt.setup(0xffff_fff0, 0x5000, ID), Err(Error::Target(_))));
    rtt.setup(0x2000_0000, 0x5000, "} [exec x] $y").unwrap();
    assert!(matches!(rtt_error(rtt.start()), RttError::NoControlBlock { .. }));
}

#[test]
fn channels_that_the_firmware_lacks_are_refused() {
    let board = started();
    for number in [3, 7, u32::MAX] {
        let error = rtt_error(board.session.rtt().channel(number).map(drop));
        assert!(
            matches!(error, RttError::NoChannel { direction: RttDirection::Up, count: 3, .. }),
            "{number}: {error:?}"
        );
    }
    let mut flood = open(&board, 2);
    let error = rtt_error(flood.write_text("x"));
    assert!(matches!(error, RttError::NoChannel { direction: RttDirection::Down, number: 2, count: 2 }), "{error:?}");
}

#[test]
fn a_target_type_without_rtt_is_refused() {
    let hart = virtual_chip::VirtualHart::start().unwrap();
    let openocd = openocd::OpenOcdProcess::builder().config(hart.openocd_config());
    let session = openocd::Session::builder().timeout(PATIENCE).start(openocd).unwrap();
    let error = session.rtt().setup(0x8000_0000, 0x1000, ID).unwrap_err();
    assert!(matches!(error, Error::Rtt(RttError::Refused { .. })), "{error:?}");
}

#[test]
fn the_end_of_openocd_is_a_connection_error() {
    let board = started();
    let mut channel = terminal(&board);
    let mut writer = channel.try_clone().unwrap();
    thread::scope(|scope| {
        let reading = scope.spawn(|| channel.read_text());
        thread::sleep(Duration::from_millis(30));
        board.kill_openocd();
        let error = reading.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::Connection(ConnectionError::ServerDied { .. })), "{error:?}");
    });
    let error = writer.write(b"x").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted, "{error:?}");
    assert!(matches!(board.session.rtt().start(), Err(Error::Connection(_))));
    // Dropping the handles of what is gone warns and no more.
}

#[test]
fn an_open_channel_misses_nothing() {
    let board = started();
    let mut first = terminal(&board);
    for _ in 0..20 {
        let mut second = open(&board, 0);
        first.write_text("x").unwrap();
        assert_eq!((first.read_text().unwrap(), second.read_text().unwrap()), ("x".into(), "x".into()));
    }
}

#[test]
fn a_single_read_ends_although_the_firmware_prints_on() {
    let board = started();
    let rtt = board.session.rtt();
    rtt.set_polling_interval(Duration::from_millis(300)).unwrap();
    thread::scope(|scope| {
        let looking = scope.spawn(|| rtt.read(2, Duration::from_secs(2)));
        // Never quiet for two polling intervals, until the look has ended or is taken to be without
        // end.
        let mut asked = 0;
        while !looking.is_finished() && asked < 1000 {
            asked += 1;
            board.chip.write_u32(firmware::FLOOD_REQUEST, asked).unwrap();
            thread::sleep(Duration::from_millis(10));
        }
        assert!(asked < 1000, "the look ended only when the firmware was silent");
        assert_ne!(looking.join().unwrap().unwrap(), "");
    });
}

#[test]
fn a_long_polling_interval_is_waited_for() {
    let board = started();
    let mut flood = open(&board, 2);
    board.session.rtt().set_polling_interval(Duration::from_millis(900)).unwrap();
    // Longer than the time after which a transfer that does not move is taken for dead.
    board.chip.write_u32(firmware::FLOOD_REQUEST, 10).unwrap();
    flood.set_read_timeout(Some(Duration::from_secs(20)));
    let mut got = [0; 10];
    flood.read_exact(&mut got).unwrap();
    assert_eq!(got, std::array::from_fn(|number| firmware::flood_byte(number as u32)));
}

#[test]
fn a_channel_that_nobody_reads_can_be_dropped() {
    let board = started();
    let flood = open(&board, 2);
    board.chip.write_u32(firmware::FLOOD_REQUEST, u32::MAX).unwrap();
    // OpenOCD writes until the sockets are full, and then waits.
    while board.session.command_within("list", Duration::from_secs(2)).is_ok() {
        thread::sleep(Duration::from_millis(20));
    }
    let begin = Instant::now();
    drop(flood);
    assert_eq!(board.session.command("list").unwrap(), "");
    assert!(begin.elapsed() < PATIENCE, "the session's timeout ended the wait");
    // The other channels go on.
    board.chip.write_u32(firmware::FLOOD_REQUEST, 0).unwrap();
    let mut channel = open(&board, 0);
    channel.write_text("x").unwrap();
    assert!(channel.read_text().is_ok());
}
