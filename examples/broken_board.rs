//! Tests a tool of one's own against a board that fails in the ways in which boards fail. Needs
//! only `openocd`.
//!
//!     cargo run --example broken_board
//!
//! The tool under test writes a serial number into flash. The virtual chip loses its power, has a
//! worn page or cell, is unplugged; each time the tool must say so, and must never report success. With a
//! chip in order it succeeds, and the number is in flash.

mod ending;

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;

use openocd::{ResetMode, Session};
use virtual_chip::{CoreState, VirtualChip};

/// Where the firmware looks for its serial number, the last page of flash.
const SERIAL_AT: u32 = 0x0801_fc00;
const SERIAL: &[u8; 12] = b"SN 00004711.";

/// A way to break a chip.
type Break = fn(&VirtualChip);

fn main() -> ExitCode {
    // OpenOCD's complaints about what fails on purpose are for `RUST_LOG=openocd=warn`.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("off")).init();
    ending::report(test_all())
}

/// The tool under test.
fn write_serial(session: &Session) -> openocd::Result<()> {
    session.target().reset(ResetMode::Halt)?;
    session.flash().erase_sector(0, 127, 127)?;
    session.flash().write(SERIAL_AT.into(), SERIAL)?;
    session.target().reset(ResetMode::Run)?;
    Ok(())
}

fn test_all() -> Result<(), Box<dyn Error>> {
    if std::env::args().len() > 1 {
        return Err("usage: broken_board, without arguments".into());
    }
    let breaks: [(&str, Break); 4] = [
        ("without power", |chip| chip.faults().power_off()),
        ("a page that is not erased", |chip| {
            chip.write_memory(SERIAL_AT, b"SN 00000815.").expect("there is flash");
            chip.faults().unerasable_page(127);
        }),
        ("a worn cell", |chip| chip.faults().stuck_bits(SERIAL_AT - 0x0800_0000 + 4, 0x0f)),
        ("unplugged", |chip| chip.faults().disconnect()),
    ];
    for (name, break_it) in breaks {
        let chip = VirtualChip::start()?;
        let session = Session::start(chip.openocd_config())?;
        break_it(&chip);
        match write_serial(&session) {
            Err(error) => writeln!(stdout(), "{name}: {}", error.id())?,
            Ok(()) => return Err(format!("{name}: the tool reports success").into()),
        }
    }

    let chip = VirtualChip::start()?;
    let session = Session::start(chip.openocd_config())?;
    write_serial(&session)?;
    // Compare with what the chip holds, not with another answer of OpenOCD.
    let mut held = [0; SERIAL.len()];
    chip.read_memory(SERIAL_AT, &mut held)?;
    if held != *SERIAL || chip.state() == CoreState::Halted {
        return Err("the tool reports success, but the chip is not as it should be".into());
    }
    writeln!(stdout(), "a chip in order: done")?;
    Ok(())
}
