//! Connecting: addresses, ports of other programs, many connections at once, and the greeting.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use openocd::{ConnectionError, Error, Session, TimeoutError};

use crate::board::{Board, PATIENCE, dummy, interpreter};
use crate::server::{counting, serve, serve_on};

/// Long enough for a busy machine, and far below what a hang would take.
const SOON: Duration = Duration::from_secs(30);

fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn an_unreachable_port_names_host_and_port() {
    let port = closed_port();
    let error = Session::connect(("127.0.0.1", port)).unwrap_err();
    assert!(matches!(error, Error::Connection(ConnectionError::Unreachable { .. })), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&format!("127.0.0.1:{port}")) && text.contains("refused"), "{text}");
}

#[test]
fn an_address_without_a_port_is_a_connection_error() {
    let error = Session::connect("localhost").unwrap_err();
    assert!(matches!(error, Error::Connection(ConnectionError::Resolve { .. })), "{error:?}");
    assert!(error.to_string().contains("localhost: the port is missing"), "{error}");
    assert_eq!(error.id(), "connection.resolve");
}

#[test]
fn every_resolved_address_is_tried() {
    let openocd = dummy().command("noinit").spawn().unwrap();
    let dead = closed_port();
    let addresses = [([127, 0, 0, 1], dead).into(), openocd.tcl_address()];
    let session = Session::connect(&addresses[..]).unwrap();
    assert_eq!(session.command("expr {1 + 1}").unwrap(), "2");

    let error = Session::connect(&[([127, 0, 0, 1], dead).into(), ([127, 0, 0, 2], dead).into()][..]).unwrap_err();
    let Error::Connection(ConnectionError::Unreachable { attempts, .. }) = error else { panic!("{error:?}") };
    assert_eq!(attempts.len(), 2);
}

#[test]
fn addresses_of_ipv6_are_connected_to() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        // A machine without IPv6: the address is tried all the same, and the error names it.
        let error = Session::connect(("::1", 6666)).unwrap_err();
        assert!(matches!(error, Error::Connection(ConnectionError::Unreachable { .. })), "{error:?}");
        assert!(error.to_string().contains("[::1]:6666"), "{error}");
        return;
    };
    let address = serve_on(listener, |mut client| {
        let _ = client.greet();
        while let Some(sequence) = client.sequence() {
            client.send(format!("{sequence} 0 here {{}}\x1a").as_bytes());
        }
    });
    // The server has one client at a time.
    let asks = |session: openocd::Result<Session>| assert_eq!(session.unwrap().command("x").unwrap(), "here");
    asks(Session::connect(address));
    asks(Session::connect(("::1", address.port())));
    asks(Session::connect(format!("[::1]:{}", address.port())));
    let port = TcpListener::bind("[::1]:0").unwrap().local_addr().unwrap().port();
    let text = Session::connect(("::1", port)).unwrap_err().to_string();
    assert!(text.contains("::1") && text.contains(&port.to_string()) && text.contains("refused"), "{text}");
}

#[test]
fn a_connection_that_is_never_made_times_out() {
    // A listener whose queue is full leaves further connections in the air.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        queue.push(stream);
    }
    let error = Session::builder().connect_timeout(Duration::from_millis(200)).connect(address).unwrap_err();
    assert!(matches!(error, Error::Timeout(TimeoutError::Connect { .. })), "{error:?}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn a_server_that_says_nothing_times_out() {
    let address = serve(|mut client| while client.command().is_some() {});
    let begin = Instant::now();
    let error = Session::builder().timeout(Duration::from_millis(100)).connect(address).unwrap_err();
    assert!(matches!(error, Error::Timeout(TimeoutError::Reply { .. })), "{error:?}");
    assert!(begin.elapsed() < SOON);
}

#[test]
fn the_port_of_another_program_is_refused_with_its_answer() {
    let address = serve(|mut client| {
        let _ = client.command();
        client.send(b"HTTP/1.1 400 Bad Request\x1a");
    });
    let error = Session::connect(address).unwrap_err();
    assert!(matches!(error, Error::Connection(ConnectionError::NotOpenOcd { .. })), "{error:?}");
    assert!(error.to_string().contains("400 Bad Request"), "{error}");
}

#[test]
fn a_port_that_talks_first_is_refused_at_once_with_its_beginning() {
    for (greeting, shown) in [
        (&b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"[..], "SSH-2.0-OpenSSH_9.2p1 Debian-2"),
        (b"\xff\xfb\x03\xff\xfe\x22\xff\xfb\x01\xff\xfd\x03Open On-Chip Debugger\r\n\r> ", "Open On-Chip Debugger"),
        (b"+", "`+`"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "400 Bad Request"),
    ] {
        let address = serve(move |mut client| {
            client.send(greeting);
            while client.command().is_some() {}
            thread::sleep(SOON);
        });
        let begin = Instant::now();
        let error = Session::connect(address).unwrap_err();
        assert!(matches!(error, Error::Connection(ConnectionError::NotOpenOcd { .. })), "{error:?}");
        assert!(error.to_string().contains(shown), "{error}");
        assert!(!error.to_string().contains(|c: char| c.is_control()), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(5), "took {:?}", begin.elapsed());
    }
}

#[test]
fn the_gdb_port_of_openocd_is_told_from_its_tcl_port() {
    let board = Board::start_with(Session::builder().timeout(PATIENCE), |openocd| openocd.gdb_port(0));
    let port = board.session.process().unwrap().gdb_ports()[0];
    let begin = Instant::now();
    let error = Session::connect(("127.0.0.1", port)).unwrap_err();
    assert!(matches!(error, Error::Connection(ConnectionError::NotOpenOcd { .. })), "{error:?}");
    assert!(begin.elapsed() < Duration::from_secs(5), "took {:?}", begin.elapsed());
}

#[test]
fn a_first_connection_that_is_never_answered_is_made_again() {
    let connections = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let counter = Arc::clone(&connections);
    thread::spawn(move || {
        // The first connection is lost on its way, as by a full backlog.
        let _lost = listener.accept().unwrap();
        serve_on(listener, move |mut client| {
            counter.fetch_add(1, Ordering::AcqRel);
            let _ = client.greet();
            while let Some(sequence) = client.sequence() {
                client.send(format!("{sequence} 0 here {{}}\x1a").as_bytes());
            }
        });
        thread::sleep(SOON);
    });
    let begin = Instant::now();
    let session = Session::connect(address).unwrap();
    assert_eq!(session.command("x").unwrap(), "here");
    assert_eq!(connections.load(Ordering::Acquire), 1);
    assert!(begin.elapsed() < Duration::from_secs(5), "took {:?}", begin.elapsed());
}

#[test]
fn two_hundred_sessions_connect_at_once() {
    let openocd = dummy().command("noinit").spawn().unwrap();
    let begin = Instant::now();
    thread::scope(|scope| {
        for number in 0..200 {
            let address = openocd.tcl_address();
            scope.spawn(move || {
                let session = Session::connect(address).unwrap();
                assert_eq!(session.command(&format!("list {number}")).unwrap(), number.to_string());
            });
        }
    });
    assert!(begin.elapsed() < SOON / 2, "took {:?}", begin.elapsed());
}

#[test]
fn another_openocd_that_got_the_port_is_not_taken_for_ours() {
    let port = closed_port();
    let openocd = || dummy().tcl_port(port).command("noinit");
    let session = Session::builder().start(openocd()).unwrap();
    // The connection is to be replaced before the next command.
    let error = session.command_within("sleep 400", Duration::from_millis(100)).unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    let pid = session.process().unwrap().pid().to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    while session.process().unwrap().is_running() {
        thread::yield_now();
    }
    let _other = openocd().command("proc whose {} {return {the other board}}").spawn().unwrap();
    for result in [session.command("whose").map(drop), session.reconnect(), session.command("whose").map(drop)] {
        assert!(matches!(result, Err(Error::Connection(ConnectionError::ServerDied { .. }))), "{result:?}");
    }
    assert!(matches!(session.events(), Err(Error::Connection(_))));
}

#[test]
fn another_openocd_than_the_one_connected_to_needs_a_reconnect() {
    let port = closed_port();
    let openocd = |name: &str| {
        let answer = format!("proc whose {{}} {{return {name}}}");
        dummy().tcl_port(port).command("noinit").command(&answer).spawn().unwrap()
    };
    let foreign = |error: &Error| matches!(error, Error::Connection(ConnectionError::ForeignServer { peer }) if peer.port() == port);
    let closed = |error: &Error| matches!(error, Error::Connection(ConnectionError::Closed { .. }));
    let first = openocd("first");
    let session = Session::connect(first.tcl_address()).unwrap();
    // The connection is to be replaced before the next command.
    let error = session.command_within("sleep 400", Duration::from_millis(100)).unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    assert_eq!(session.command("whose").unwrap(), "first");
    session.command_within("sleep 400", Duration::from_millis(100)).unwrap_err();
    first.kill().unwrap();
    drop(first);

    let second = openocd("second");
    let error = session.command("whose").unwrap_err();
    assert!(foreign(&error) && error.is_disconnected(), "{error:?}");
    let error = session.command("whose").unwrap_err();
    assert!(closed(&error), "{error:?}");
    let error = session.events().unwrap_err();
    assert!(foreign(&error), "{error:?}");
    session.reconnect().unwrap();
    assert_eq!(session.command("whose").unwrap(), "second");

    // A failed `reconnect` is none.
    second.kill().unwrap();
    drop(second);
    assert!(session.command("whose").is_err() && session.reconnect().is_err());
    let _third = openocd("third");
    let error = session.command("whose").unwrap_err();
    assert!(closed(&error), "{error:?}");
    session.reconnect().unwrap();
    assert_eq!(session.command("whose").unwrap(), "third");
}

#[test]
fn procedures_are_sent_only_to_an_openocd_that_lacks_some() {
    let openocd = dummy().command("noinit").spawn().unwrap();
    let (address, count) = counting(openocd.tcl_address());
    // How many messages a connection begins with.
    let greetings = || {
        let before = count.load(Ordering::Acquire);
        let session = Session::connect(address).unwrap();
        let greetings = count.load(Ordering::Acquire) - before;
        assert_eq!(session.command("expr {40 + 2}").unwrap(), "42");
        greetings
    };
    let session = Session::connect(openocd.tcl_address()).unwrap();
    assert_eq!(greetings(), 1, "they are known since the start");

    // As somebody leaves them who clears up.
    let names = session.command("info commands _openocd_rs_*_*").unwrap();
    let names: Vec<_> = names
        .split_whitespace()
        .filter(|name| ["_run", "_try", "_jtag"].iter().any(|end| name.ends_with(end)))
        .collect();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        session.command(&format!("rename {name} {{}}")).unwrap_or_default();
        assert_eq!(greetings(), 2, "{name}");
        assert_eq!(greetings(), 1, "{name}");
    }
}

#[test]
fn reconnect_replaces_a_closed_connection_to_a_running_server() {
    // 0.12.0 keeps the connection at `exit`, newer ones close it and live on. Either way
    // `reconnect` is all it takes.
    let session = interpreter();
    let _ = session.raw("exit");
    session.reconnect().unwrap();
    assert_eq!(session.command("expr {1 + 1}").unwrap(), "2");
}

#[test]
fn a_session_does_not_end_an_openocd_that_it_did_not_start() {
    let openocd = dummy().command("noinit").spawn().unwrap();
    for _ in 0..3 {
        let session = Session::connect(openocd.tcl_address()).unwrap();
        assert!(session.process().is_none());
        session.close().unwrap();
    }
    assert!(openocd.is_running());
}
