//! An OpenOCD of which one forwarded port can be reached, as `guide/remote_openocd.md` promises.

use std::fs;
use std::io::{Read, copy};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use openocd::{ConnectionError, Error, Image, Redirected, ResetMode, Session};
use virtual_chip::firmware::{newlib, rtt, semihosting};

use crate::board::{Board, PATIENCE};
use crate::directory::Directory;

/// Forwards a port of another address to OpenOCD. OpenOCD listens on 127.0.0.1 only, so nothing else
/// of it can be reached at this address.
fn forwarded(board: &Board) -> Session {
    let openocd = board.session.process().unwrap().tcl_address();
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let Ok(far) = TcpStream::connect(openocd) else { continue };
            for (mut from, mut to) in [(near.try_clone(), far.try_clone()), (Ok(far), Ok(near))]
                .map(|(from, to)| (from.unwrap(), to.unwrap()))
            {
                thread::spawn(move || {
                    let _ = copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    Session::builder().timeout(PATIENCE).connect(address).unwrap()
}

#[test]
fn one_forwarded_port_suffices_for_all_but_channels() {
    let board = Board::start();
    let session = forwarded(&board);
    let events = session.events().unwrap();
    session.target().halt().unwrap();
    events.wait_for(openocd::Event::is_halt, PATIENCE).unwrap();

    // Files are here.
    let directory = Directory::new();
    let (firmware, dump) = (directory.path().join("firmware.bin"), directory.path().join("dump.bin"));
    fs::write(&firmware, [0x5a; 1500]).unwrap();
    let image = Image::open_bin(&firmware, 0x0800_4000).unwrap();
    session.flash().write_image(&image).unwrap();
    assert_eq!(board.held(0x0800_4000, 1500), [0x5a; 1500]);
    session.memory().dump(0x0800_4000, 1500, &dump).unwrap();
    assert_eq!(fs::read(&dump).unwrap(), [0x5a; 1500]);

    // Semihosting needs no port.
    board.chip.load_elf(newlib::EXIT7);
    session.target().reset(ResetMode::Halt).unwrap();
    let mut console = session.semihosting().serve().unwrap();
    console.set_read_timeout(Some(PATIENCE));
    session.target().resume().unwrap();
    let mut output = String::new();
    console.read_to_string(&mut output).unwrap();
    assert_eq!((output.as_str(), console.wait_exit(PATIENCE).unwrap().status), (newlib::EXIT7_OUTPUT, 7));

    // An RTT channel is a port that OpenOCD chooses.
    board.chip.load_firmware(rtt::IMAGE);
    session.target().reset(ResetMode::Run).unwrap();
    session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT").unwrap();
    session.rtt().start_wait(PATIENCE).unwrap();
    assert!(!session.rtt().channels().unwrap().up.is_empty());
    session.rtt().write(0, "to the target\n").unwrap();
    let error = session.rtt().channel(0).unwrap_err();
    assert!(matches!(error, Error::Connection(ConnectionError::StreamUnreachable { .. })), "{error:?}");
    // The session is as it was, and the error says so.
    assert_eq!((error.is_disconnected(), error.is_transient()), (false, false), "{error}");
    assert!(error.to_string().starts_with("cannot reach the port of RTT channel 0 at 127.0.0.2:"), "{error}");
    assert_eq!(session.command("expr 1").unwrap(), "1");
}

#[test]
fn redirection_that_cannot_be_reached_ends_where_openocd_survives_it() {
    let board = Board::start();
    board.chip.load_firmware(semihosting::IMAGE);
    let session = forwarded(&board);
    session.target().reset(ResetMode::Halt).unwrap();
    session.semihosting().enable().unwrap();
    let code = session.command("set options {}; catch {sleep} usage options; set options").unwrap();
    let ends_redirections = code.contains("-errorcode {OpenOCD") || code.contains("-errorcode \"OpenOCD");
    let error = session.semihosting().redirect(Redirected::All).unwrap_err();
    assert!(matches!(error, Error::Connection(ConnectionError::StreamUnreachable { .. })), "{error:?}");
    let process = board.session.process().unwrap();
    session.target().resume().unwrap();
    // The firmware exits, and then OpenOCD ends.
    while process.is_running() {
        thread::sleep(Duration::from_millis(10));
    }
    let log = process.log_tail().join("\n");
    // OpenOCD before October 2025 does not survive the end of a redirection, and has no such codes.
    assert_eq!(log.contains("No connected TCP client"), !ends_redirections, "{log}");
}
