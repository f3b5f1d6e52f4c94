//! Halts a chip, looks around, writes and reads memory, steps, and lets it run again.
//!
//! Without a board, on a virtual STM32F103 (needs only `openocd`):
//!     cargo run --example quickstart
//! With one, by OpenOCD's configuration for it and, if they are not those of an STM32, an address
//! in its RAM that may be overwritten and one in its flash:
//!     cargo run --example quickstart -- --board "-f interface/cmsis-dap.cfg -f target/stm32f1x.cfg" --ram 0x20000000 --flash 0x08000000
//!
//! Prints OpenOCD's version, the target's status and registers, 64 bytes of flash, and what it
//! wrote and read back.

mod board;
mod ending;

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;

use board::Board;
use openocd::Session;

const USAGE: &str = "usage: quickstart [--board CONFIG] [--ram ADDRESS] [--flash ADDRESS]";

fn main() -> ExitCode {
    env_logger::init();
    ending::report(look_around())
}

fn look_around() -> Result<(), Box<dyn Error>> {
    let (board, arguments) = Board::from_arguments(USAGE)?;
    let (mut ram, mut flash) = (0x2000_0000, 0x0800_0000);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), arguments.next()) {
            ("--ram", Some(address)) => ram = hex(&address)?,
            ("--flash", Some(address)) => flash = hex(&address)?,
            _ => return Err(USAGE.into()),
        }
    }
    let session = Session::start(&board.config)?;
    let mut out = stdout();
    writeln!(out, "{}", session.version())?;
    for target in session.targets()? {
        writeln!(out, "target {}: {} on TAP {}, {}", target.name, target.kind, target.tap, target.state)?;
    }

    let status = session.target().halt()?;
    writeln!(out, "\n{status}")?;
    for register in session.registers().read_all()?.registers.iter().take(17) {
        writeln!(out, "  {:<6} {}", register.name, register.value)?;
    }

    writeln!(out, "\nflash:\n{}", session.memory().hexdump(flash, 64)?)?;

    let memory = session.memory();
    let before = memory.read_bytes(ram, 15)?;
    memory.write_bytes(ram, b"Hello, OpenOCD!")?;
    let written = memory.read_bytes(ram, 15)?;
    memory.write_bytes(ram, &before)?;
    writeln!(out, "RAM held {:?}", String::from_utf8_lossy(&written))?;

    for _ in 0..3 {
        writeln!(out, "{}", session.target().step()?)?;
    }
    session.target().resume()?;
    writeln!(out, "{}", session.target().status()?)?;
    session.close()?;
    Ok(())
}

fn hex(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16)
        .map_err(|_| format!("{text:?} is not a hexadecimal number\n{USAGE}"))
}
