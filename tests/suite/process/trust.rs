//! Only the OpenOCD that was started is trusted.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use openocd::{ConnectionError, Error, Session};

use super::eventually;
use crate::board::{Board, dummy};
use crate::server::serve_on;

#[test]
fn token_is_where_other_users_cannot_read_it() {
    let session = Session::builder().start(dummy().command("noinit")).unwrap();
    let token = session.command("set _openocd_rs_token").unwrap();
    assert_eq!(token.len(), 19);
    let process = session.process().unwrap();
    for file in ["cmdline", "environ"] {
        let bytes = std::fs::read(format!("/proc/{}/{file}", process.pid())).unwrap();
        assert!(memchr::memmem::find(&bytes, token.as_bytes()).is_none(), "{file}");
    }
    let names = std::fs::read_dir(std::env::temp_dir()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.filter(|name| name.to_string_lossy().contains(&token)).count(), 0);
    let texts = [format!("{process:?}"), format!("{:?}", process.report()), process.log_tail().join("\n")];
    assert!(texts.iter().all(|text| !text.contains(&token)), "{texts:?}");
}

#[test]
fn openocd_that_died_is_reported_before_any_connection_is_made() {
    for is_lost_first in [true, false] {
        let board = Board::start();
        let port = board.session.process().unwrap().tcl_port();
        if !is_lost_first {
            // The next call has to make a new connection.
            board.session.command_within("sleep 100", std::time::Duration::from_millis(1)).unwrap_err();
        }
        board.kill_openocd();
        eventually("the end of OpenOCD", || !board.session.process().unwrap().is_running());
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        // Somebody else takes the port.
        let mut listener = None;
        eventually("a free port", || {
            listener = TcpListener::bind(("127.0.0.1", port)).ok();
            listener.is_some()
        });
        serve_on(listener.unwrap(), move |_| _ = counter.fetch_add(1, Ordering::AcqRel));
        for n in 0..3 {
            let session = &board.session;
            for error in [
                session.command("expr 1").unwrap_err(),
                session.target().halt().unwrap_err(),
                session.raw("expr 1").unwrap_err(),
                session.reconnect().unwrap_err(),
                session.events().map(drop).unwrap_err(),
            ] {
                let is_death = matches!(error, Error::Connection(ConnectionError::ServerDied { .. }));
                assert!(is_death, "{n}, {is_lost_first}: {error:?}");
                assert!(!error.to_string().contains("reconnect"), "no connection can be made: {error}");
                assert!(error.to_string().contains("signal: 9"), "{error}");
            }
        }
        assert_eq!(connections.load(Ordering::Acquire), 0);
    }
}
