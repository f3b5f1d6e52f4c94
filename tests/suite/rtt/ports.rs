//! Ports for channels and streams that the caller chooses.

use std::net::TcpListener;

use openocd::{Redirected, RttError, SemihostingError};

use super::*;

/// Two ports side by side that are free.
fn free_ports() -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

fn board_with_ports(ports: std::ops::RangeInclusive<u16>) -> Board {
    let board = Board::start_with(Session::builder().stream_ports(ports), |openocd| openocd);
    board.chip.load_firmware(firmware::IMAGE);
    board.session.rtt().setup(0x2000_0000, 0x5000, ID).unwrap();
    board.session.rtt().start_wait(PATIENCE).unwrap();
    board
}

#[test]
fn channels_and_streams_take_the_ports_that_were_chosen() {
    let first = free_ports();
    let board = board_with_ports(first..=first + 1);
    let mut terminal = open(&board, 0);
    assert_eq!(terminal.lines().next().unwrap().unwrap(), firmware::GREETING.trim());
    let taken = |port| TcpListener::bind(("127.0.0.1", port)).is_err();
    assert!(taken(first) && !taken(first + 1));
    let flood = open(&board, 2);
    assert!(taken(first) && taken(first + 1));
    let error = rtt_error(board.session.rtt().channel(1));
    let RttError::NoPort { log, .. } = error else { panic!("{error:?}") };
    assert!(log.contains(&first.to_string()) && log.contains(&(first + 1).to_string()), "{log}");
    assert!(log.contains(&format!("`rtt server stop {first}` frees it")), "{log}");
    // What is closed gives its port back.
    drop(flood);
    board.session.target().halt().unwrap();
    board.session.semihosting().enable().unwrap();
    let console = board.session.semihosting().redirect(Redirected::All).unwrap();
    assert!(taken(first + 1));
    drop((console, terminal));
}

#[test]
fn what_a_client_that_died_left_behind_serves_the_next_one() {
    let port = free_ports();
    let board = board_with_ports(port..=port);
    let address = board.session.process().unwrap().tcl_address();
    let limits = Session::builder().stream_ports(port..=port);
    // An interrupted session tells OpenOCD nothing any more.
    let dead = limits.clone().connect(address).unwrap();
    let left = dead.rtt().channel(0).unwrap();
    dead.interrupt();
    drop((left, dead));
    let mut next = limits.connect(address).unwrap().rtt().channel(0).unwrap();
    let mut third = open(&board, 0);
    next.write_text("x\n").unwrap();
    for channel in [&mut next, &mut third] {
        channel.set_read_timeout(Some(PATIENCE));
        while channel.lines().next().unwrap().unwrap() != "x" {}
    }
    // The one that closes does not take it from the others.
    next.close().unwrap();
    third.write_text("y\n").unwrap();
    while third.lines().next().unwrap().unwrap() != "y" {}
}

#[test]
fn range_without_a_port_is_refused() {
    #[allow(clippy::reversed_empty_ranges, reason = "it is what is refused")]
    for ports in [0..=9, 9..=8] {
        let board = board_with_ports(ports);
        assert!(matches!(rtt_error(board.session.rtt().channel(0)), RttError::InvalidArgument(_)));
        match board.session.semihosting().redirect(Redirected::All).unwrap_err() {
            Error::Semihosting(SemihostingError::InvalidArgument(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}
