//! Channels that are kept: in a struct, in a thread, beyond the session that they came from.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use openocd::{ConnectionError, Error, RttChannel, RttLines, Session};
use virtual_chip::firmware::rtt as firmware;

use super::{open, started, terminal};
use crate::board::PATIENCE;

/// What a user's program would keep.
struct Bench {
    session: Session,
    terminal: RttChannel,
    flood: RttLines,
}

#[test]
fn a_struct_with_a_session_and_its_channels_moves_into_a_thread() {
    let board = started();
    let flood = open(&board, 2).into_lines();
    let mut bench = Bench { session: board.session.clone(), terminal: terminal(&board), flood };
    let bench = thread::spawn(move || {
        bench.terminal.write_text("hello\n").unwrap();
        assert_eq!(bench.terminal.lines().next().unwrap().unwrap(), "hello");
        bench.session.memory().write_u32(firmware::FLOOD_REQUEST.into(), 1000).unwrap();
        assert!(bench.flood.next().unwrap().is_ok());
        bench
    });
    let bench = bench.join().unwrap();
    bench.flood.into_channel().close().unwrap();
    bench.terminal.close().unwrap();
    assert_eq!(bench.session.command("expr 1").unwrap(), "1");
}

fn assert_closed<T: std::fmt::Debug>(result: openocd::Result<T>) {
    match result {
        Err(Error::Connection(ConnectionError::SessionClosed)) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_channel_of_a_closed_session_is_an_error_also_for_a_read_that_waits() {
    // With an OpenOCD of its own, and with one that stays.
    for shared in [false, true] {
        let board = started();
        let address = board.session.process().unwrap().tcl_address();
        let session = if shared { Session::connect(address).unwrap() } else { board.session.clone() };
        let mut channel = session.rtt().channel(0).unwrap();
        let mut waiting = session.rtt().channel(2).unwrap();
        channel.set_read_timeout(Some(PATIENCE));
        waiting.set_read_timeout(None);
        assert_eq!(channel.lines().next().unwrap().unwrap(), firmware::GREETING.trim());
        let reader = thread::spawn(move || waiting.read_text());
        thread::sleep(Duration::from_millis(50));
        let other = session.clone();
        session.close().unwrap();
        assert_closed(reader.join().unwrap());
        assert_closed(channel.read_text());
        assert_closed(channel.write_text("x"));
        assert_closed(channel.lines().next().unwrap());
        assert_closed(other.rtt().channel(0));
        if shared {
            assert_eq!(board.session.command("expr 1").unwrap(), "1");
        }
    }
}

#[test]
fn the_last_handle_ends_openocd_whoever_has_it() {
    let chip = virtual_chip::VirtualChip::start().unwrap();
    chip.load_firmware(firmware::IMAGE);
    let openocd = openocd::OpenOcdProcess::builder().config(chip.openocd_config()).ready_timeout(PATIENCE);
    let session = Session::builder().timeout(PATIENCE).start(openocd).unwrap();
    let address = session.process().unwrap().tcl_address();
    session.rtt().setup(0x2000_0000, 0x5000, super::ID).unwrap();
    session.rtt().start_wait(PATIENCE).unwrap();
    let mut channel = session.rtt().channel(0).unwrap();
    channel.set_read_timeout(Some(PATIENCE));
    let events = session.events().unwrap().poll_every(Duration::from_millis(5)).unwrap();
    let listener = session.events().unwrap().on_halt(|| {}).unwrap();
    drop(session);
    assert_eq!(channel.lines().next().unwrap().unwrap(), firmware::GREETING.trim());
    drop(channel);
    assert!(TcpStream::connect(address).is_ok());
    drop(events);
    assert!(TcpStream::connect(address).is_ok());
    drop(listener);
    assert!(TcpStream::connect(address).is_err(), "nobody has a handle any more");
}

#[test]
fn handle_of_a_channel_that_another_handle_has_closed_writes_nothing() {
    use std::io::Write as _;

    let board = started();
    let channel = open(&board, 0);
    let mut other = channel.try_clone().unwrap();
    channel.close().unwrap();
    let flags = firmware::CONTROL_BLOCK + 24 + 20;
    let before = board.chip.read_u32(flags).unwrap();
    for result in [other.write_text("lost"), other.set_mode(openocd::RttMode::Block)] {
        assert!(matches!(result, Err(Error::Connection(ConnectionError::Closed { .. }))), "{result:?}");
    }
    assert_eq!(other.write(b"lost").unwrap_err().kind(), std::io::ErrorKind::ConnectionAborted);
    assert_eq!(board.chip.read_u32(flags).unwrap(), before);
}
