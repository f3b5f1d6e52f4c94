//! Uses an OpenOCD of another machine, of which one port can be reached and no file.
//!
//! Without arguments it starts a virtual STM32F103 and an OpenOCD for it, and connects to that as if
//! it were far away (needs only `openocd`):
//!
//!     cargo run --example remote_openocd
//!
//! With one, after `ssh -N -L 6666:localhost:6666 lab`:
//!
//!     cargo run --example remote_openocd -- localhost:6666 firmware.elf
//!
//! Prints OpenOCD's version and the targets, programs the firmware, which is a file of **this**
//! machine, and reads the first bytes of flash back.

mod ending;

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use openocd::{Image, OpenOcdProcess, Session};
use virtual_chip::VirtualChip;

const USAGE: &str = "usage: remote_openocd [HOST:PORT FIRMWARE]";
const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf");

fn main() -> ExitCode {
    env_logger::init();
    ending::report(from_afar())
}

fn from_afar() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [address, firmware] => program(address, firmware),
        [] => {
            let chip = VirtualChip::start()?;
            let openocd = OpenOcdProcess::builder().config(chip.openocd_config()).spawn()?;
            program(&openocd.tcl_address().to_string(), FIRMWARE)?;
            // A session that connected has left it running.
            openocd.stop()?;
            Ok(())
        }
        _ => Err(USAGE.into()),
    }
}

fn program(address: &str, firmware: &str) -> Result<(), Box<dyn Error>> {
    // Each call is a round trip of the network, and flash may take its time behind a slow one.
    let limits = Session::builder().connect_timeout(Duration::from_secs(10)).timeout(Duration::from_secs(30));
    let session = limits.flash_timeout(Duration::from_secs(120)).connect(address)?;
    let mut out = stdout();
    writeln!(out, "{}", session.version())?;
    for target in session.targets()? {
        writeln!(out, "target {}: {}, {}", target.name, target.kind, target.state)?;
    }

    let image = Image::open(firmware)?;
    writeln!(out, "{}", session.program(&image)?)?;

    // Many calls, one round trip.
    let start = image.segments().first().ok_or("the image is empty")?.address;
    let mut batch = session.batch();
    let words: Vec<_> = (0..4).map(|n| batch.memory().read_u32(start + 4 * n)).collect();
    batch.run()?;
    for (n, word) in words.into_iter().enumerate() {
        writeln!(out, "{:#010x}: {:#010x}", start + 4 * n as u64, word.result()?)?;
    }

    match session.reconnect() {
        Ok(()) => writeln!(out, "a new connection has the same OpenOCD")?,
        Err(error) if error.is_disconnected() => writeln!(out, "the forwarding has ended: {error}")?,
        Err(error) => return Err(error.into()),
    }
    session.close()?;
    Ok(())
}
