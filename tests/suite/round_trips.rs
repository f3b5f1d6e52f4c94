//! How many commands a call sends: what people wait for is round trips.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use openocd::{OpenOcdProcess, Session};
use virtual_chip::VirtualHart;

use crate::board::PATIENCE;
use crate::core_dump::crashed;

/// The largest number of round trips of a crash report.
const CRASH_REPORT: usize = 3;

/// A second connection to the OpenOCD of a session, whose commands are counted.
struct Counted {
    session: Session,
    commands: Arc<AtomicUsize>,
}

impl Counted {
    fn of(process: &OpenOcdProcess) -> Counted {
        let commands = Arc::new(AtomicUsize::new(0));
        let relay = relay(process.tcl_port(), Arc::clone(&commands));
        let session = Session::builder().timeout(PATIENCE).connect(relay).unwrap();
        // What a connection learns once.
        session.target().status().unwrap();
        Counted { session, commands }
    }

    fn count<T>(&self, call: impl FnOnce(&Session) -> T) -> (T, usize) {
        let before = self.commands.load(Ordering::SeqCst);
        let result = call(&self.session);
        (result, self.commands.load(Ordering::SeqCst) - before)
    }
}

/// Passes connections on to a port of this machine, and counts the commands.
fn relay(port: u16, commands: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, commands) = (client.unwrap(), Arc::clone(&commands));
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || copy(back.0, back.1, |_| {}));
            thread::spawn(move || {
                copy(client, server, |bytes| {
                    let count = bytes.split(|byte| *byte == 0x1a).count() - 1;
                    commands.fetch_add(count, Ordering::SeqCst);
                });
            });
        }
    });
    address
}

fn copy(mut from: TcpStream, mut to: TcpStream, look: impl Fn(&[u8])) {
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        look(&bytes[..length]);
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[test]
fn crash_report_takes_three_round_trips_at_most() {
    let board = crashed();
    let counted = Counted::of(board.session.process().unwrap());
    let (report, commands) = counted.count(|session| session.target().crash_report().unwrap());
    assert!(report.cortex_m().unwrap().is_fault());
    assert!((1..=CRASH_REPORT).contains(&commands), "{commands}");

    let hart = VirtualHart::start().unwrap();
    let session = Session::start(hart.openocd_config()).unwrap();
    session.target().halt().unwrap();
    let counted = Counted::of(session.process().unwrap());
    let (report, commands) = counted.count(|session| session.target().crash_report().unwrap());
    assert!(report.riscv().is_some());
    assert!((1..=CRASH_REPORT).contains(&commands), "{commands}");
}

#[test]
fn loading_an_image_takes_one_round_trip_more_than_writing_its_bytes() {
    let board = crate::board::Board::halted();
    let counted = Counted::of(board.session.process().unwrap());
    // What OpenOCD finds out once.
    counted.session.flash().banks().unwrap();
    let bytes = [0xa5; 64];
    let ((), written) = counted.count(|session| session.memory().write_bytes(0x2000_0000, &bytes).unwrap());
    let image = openocd::Image::bin(0x2000_0000, bytes).unwrap();
    let ((), loaded) = counted.count(|session| session.memory().load_image(&image).unwrap());
    assert_eq!(loaded, written + 1);
}

#[cfg(feature = "debuginfo")]
#[test]
fn backtrace_takes_a_round_trip_for_registers_one_for_each_256_bytes_and_one_at_the_end() {
    let board = crashed();
    let image = openocd::Image::open(crate::core_dump::CRASH).unwrap();
    let counted = Counted::of(board.session.process().unwrap());
    let (backtrace, commands) = counted.count(|session| session.target().backtrace(&image).unwrap());
    assert_eq!(backtrace.frames.len(), 5, "{backtrace}");
    // The longest stored state could reach into the next 256 bytes.
    assert!((3..=4).contains(&commands), "{commands}");
}
