//! A reply of OpenOCD that is lost on its way.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use openocd::{Error, RunUntil, Session};
use virtual_chip::firmware;

use crate::board::Board;

/// Forwards to an OpenOCD, but for the replies on the first connection that sets a breakpoint.
fn lossy(to: std::net::SocketAddr) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let was_lost = Arc::new(AtomicBool::new(false));
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let far = TcpStream::connect(to).unwrap();
            let (mut requests, mut replies) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            let (mut to_far, mut to_near) = (far, near);
            let loses = Arc::new(AtomicBool::new(false));
            let (was_lost, loses_here) = (Arc::clone(&was_lost), Arc::clone(&loses));
            thread::spawn(move || {
                let mut buffer = vec![0; 1 << 20];
                while let Ok(length @ 1..) = requests.read(&mut buffer) {
                    let text = String::from_utf8_lossy(&buffer[..length]);
                    // Not the line that defines the procedure.
                    if text.contains("add_breakpoint") && length < 1000 && !was_lost.swap(true, Ordering::SeqCst) {
                        loses_here.store(true, Ordering::SeqCst);
                    }
                    if to_far.write_all(&buffer[..length]).is_err() {
                        return;
                    }
                }
            });
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = replies.read(&mut buffer) {
                    if !loses.load(Ordering::SeqCst) && to_near.write_all(&buffer[..length]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn breakpoint_whose_reply_was_lost_is_removed() {
    let board = Board::halted();
    let address = lossy(board.session.process().unwrap().tcl_address());
    let session = Session::builder().timeout(Duration::from_secs(2)).connect(address).unwrap();
    let until = RunUntil::new().breakpoint(u64::from(firmware::WORK));
    let error = session.target().run_until(until, Duration::from_secs(3)).unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    assert_eq!(board.session.breakpoints().list().unwrap(), []);
}
