//! Transfers over an adapter that becomes slow: commands are no longer than it can answer in time.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use openocd::{OpenOcdProcess, Session};
use virtual_chip::VirtualChip;

use super::{RAM, noise};
use crate::board::{INSTALL, PATIENCE, config};

/// Pin changes a second while the adapter is slow. A word takes some 120, so 4 KiB take six
/// seconds.
const PIN_CHANGES_PER_SECOND: u32 = 20_000;

/// Longer than a command of a tenth of a second takes on a busy machine, and shorter than one of 4
/// KiB takes here.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Forwards what OpenOCD sends to the chip at `port`, slowly while `slow` is set. Returns its own
/// port.
fn throttle(port: u16, slow: Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut openocd, _) = listener.accept().unwrap();
        let mut chip = TcpStream::connect(("127.0.0.1", port)).unwrap();
        openocd.set_nodelay(true).unwrap();
        chip.set_nodelay(true).unwrap();
        let (mut answers, mut back) = (chip.try_clone().unwrap(), openocd.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut answers, &mut back));
        let mut piece = [0; 200];
        while let Ok(read @ 1..) = openocd.read(&mut piece) {
            if slow.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_secs(1) * read as u32 / PIN_CHANGES_PER_SECOND);
            }
            if chip.write_all(&piece[..read]).is_err() {
                break;
            }
        }
        let _ = chip.shutdown(Shutdown::Both);
    });
    own
}

#[test]
fn transfers_shrink_for_an_adapter_that_became_slow() {
    let chip = VirtualChip::start().unwrap();
    let slow = Arc::new(AtomicBool::new(false));
    let port = throttle(chip.port(), Arc::clone(&slow));
    let config = config(&chip).replace(&chip.port().to_string(), &port.to_string());
    let openocd = OpenOcdProcess::builder().config(config).ready_timeout(PATIENCE);
    let session =
        Session::builder().timeout(PATIENCE).start(openocd).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    session.target().halt().unwrap();
    let address = session.process().unwrap().tcl_address();
    let session = Session::builder().timeout(TIMEOUT).connect(address).unwrap();
    let memory = session.memory();
    let bytes = noise(17, 20 * 1024);
    chip.write_memory(RAM as u32, &bytes).unwrap();
    assert_eq!(memory.read_bytes(RAM, 20 * 1024).unwrap(), bytes, "fast");

    slow.store(true, Ordering::Relaxed);
    assert_eq!(memory.read_bytes(RAM + 1, 4_500).unwrap(), bytes[1..4_501]);
    assert_eq!(memory.read_u8_vec(RAM + 1, 1_200).unwrap(), bytes[1..1_201]);
    let new = noise(18, 4_500);
    memory.write_bytes(RAM + 1, &new).unwrap();
    slow.store(false, Ordering::Relaxed);
    assert_eq!(memory.read_bytes(RAM + 1, 4_500).unwrap(), new);
}
