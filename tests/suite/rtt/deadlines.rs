//! Servers that drip, flood, never close or count wrong: calls end in time and in bounds, and never
//! panic.

use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use openocd::{Error, RttError, Session, TimeoutError};

use crate::board::PATIENCE;
use crate::server::serve;

const LIMIT: Duration = Duration::from_millis(300);

/// Far more than `LIMIT`, and far less than what the wrong wait would take.
const SOON: Duration = Duration::from_secs(4);

/// A session on a server that has RTT: up-channel 0 at a port of the test's own, and `put` as the
/// answer to every write.
fn session(port: u16, put: &'static str) -> Session {
    let address = serve(move |mut client| {
        thread::spawn(move || {
            client.greet()?;
            while let Some(command) = client.command() {
                let sequence = command.split(' ').nth(1)?;
                let answer = match () {
                    () if command.contains("rtt_put") && put.is_empty() => continue,
                    () if command.contains("rtt_put") => put.to_owned(),
                    () if command.contains("rtt_ring") => "ready 1 64 0 0 0".to_owned(),
                    () if command.contains("rtt_serve") => format!("port {port}"),
                    () if command.contains("polling_interval") => "4000 ms".to_owned(),
                    () => String::new(),
                };
                client.send(format!("{sequence} 0 {{{answer}}} {{}}\x1a").as_bytes());
            }
            Some(())
        });
    });
    Session::builder().timeout(PATIENCE).connect(address).unwrap()
}

/// A port whose every connection `talk` serves.
fn port(talk: fn(TcpStream)) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || listener.incoming().for_each(|stream| drop(thread::spawn(move || talk(stream.unwrap())))));
    port
}

fn silent(mut stream: TcpStream) {
    let _ = stream.write_all(b"x");
    thread::sleep(PATIENCE);
}

fn drip(mut stream: TcpStream) {
    while stream.write_all(b"x").is_ok() {
        thread::sleep(Duration::from_millis(10));
    }
}

fn flood(mut stream: TcpStream) {
    while stream.write_all(&[b'x'; 16 * 1024]).is_ok() {}
}

#[test]
fn a_single_read_ends_in_time_and_in_room() {
    for talk in [silent, drip, flood] {
        let session = session(port(talk), "");
        let begin = Instant::now();
        let text = session.rtt().read(0, LIMIT).unwrap();
        assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
        assert!(text.starts_with('x') && text.len() <= 16 * 1024 * 1024, "{} bytes", text.len());
    }
}

#[test]
fn a_flood_leaves_a_channel_in_time_and_in_room() {
    let session = session(port(flood), "");
    let mut channel = session.rtt().channel(0).unwrap();
    channel.set_read_timeout(Some(SOON));
    assert_eq!(channel.lines().next().unwrap().unwrap().len(), 64 * 1024);
    assert!(channel.read_text().unwrap().len() <= 256 * 1024);
    // It ends at a pause, or is a timeout.
    let begin = Instant::now();
    match channel.discard() {
        Ok(()) | Err(Error::Timeout(TimeoutError::Rtt { .. })) => assert!(begin.elapsed() < SOON),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_line_that_drips_ends_at_the_timeout() {
    let session = session(port(drip), "");
    let mut channel = session.rtt().channel(0).unwrap();
    channel.set_read_timeout(Some(LIMIT));
    let begin = Instant::now();
    let line = channel.lines().next().unwrap();
    assert!(matches!(line, Err(Error::Timeout(TimeoutError::Rtt { .. }))), "{line:?}");
    assert!(begin.elapsed() < SOON);
}

#[test]
fn a_count_of_bytes_that_were_not_sent_is_refused() {
    for put in ["1000 {ready 1 64 0 0 0}", "18446744073709551615 {ready 1 64 0 0 0}", "-1 {ready 1 64 0 0 0}"] {
        let session = session(port(silent), put);
        let mut channel = session.rtt().channel(0).unwrap();
        for error in [
            channel.write_text("hello").unwrap_err(),
            session.rtt().write(0, "hello").unwrap_err(),
            channel.write_all(b"hello").unwrap_err().downcast().unwrap(),
        ] {
            assert!(matches!(error, Error::Rtt(RttError::UnexpectedReply(_))), "{put}: {error:?}");
        }
    }
}

#[test]
fn a_write_ends_at_its_timeout_whatever_the_target_takes() {
    for put in ["", "1 {ready 1 64 0 0 0}", "0 {ready 1 64 0 0 0}", "0 {broken 1 64 99 0 0}", "0 {lost 0 0 0 0 0}"] {
        let session = session(port(silent), put);
        let mut channel = session.rtt().channel(0).unwrap();
        channel.set_write_timeout(Some(LIMIT));
        let begin = Instant::now();
        let error = channel.write_text(&"x".repeat(1 << 20)).unwrap_err();
        assert!(begin.elapsed() < SOON, "{put}: {:?}", begin.elapsed());
        match error {
            Error::Timeout(TimeoutError::Reply { .. }) if put.is_empty() => {}
            Error::Rtt(RttError::NotTaken { taken, .. }) => assert_eq!(taken > 0, put.starts_with('1')),
            other => panic!("{put}: {other:?}"),
        }
    }
}

#[test]
fn a_write_of_which_nobody_knows_is_no_write_of_nothing() {
    for (put, kind) in [("", ErrorKind::Other), ("0 {ready 1 64 0 0 0}", ErrorKind::TimedOut)] {
        let session = session(port(silent), put);
        let mut channel = session.rtt().channel(0).unwrap();
        channel.set_write_timeout(Some(LIMIT));
        assert_eq!(channel.write(b"start motor").unwrap_err().kind(), kind, "{put}");
    }
}
