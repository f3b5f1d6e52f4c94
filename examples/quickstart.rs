//! Halts a chip, looks around, writes and reads memory, steps, and lets it run again.
//!
//! Without a board, on a virtual STM32F103 (needs only `openocd`):
//!     cargo run --example quickstart
//! With one, by OpenOCD's configuration for it and, if its RAM is not at 0x20000000, an address that may be overwritten:
//!     cargo run --example quickstart -- --board "interface/cmsis-dap.cfg -f target/stm32f1x.cfg" --ram 0x20000000
//!
//! Prints OpenOCD's version, the target's status and registers, 64 bytes of flash, and what it wrote and read back.

use openocd::Session;
use virtual_chip::VirtualChip;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut board, mut ram) = (None, 0x2000_0000);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), arguments.next()) {
            ("--board", Some(config)) => board = Some(config),
            ("--ram", Some(address)) => ram = u64::from_str_radix(address.trim_start_matches("0x"), 16)?,
            _ => return Err("usage: quickstart [--board CONFIG] [--ram ADDRESS]".into()),
        }
    }
    // The chip must outlive the session.
    let chip = if board.is_none() { Some(VirtualChip::start()?) } else { None };
    let config = board.or_else(|| chip.as_ref().map(VirtualChip::openocd_config)).unwrap_or_default();

    let session = Session::start(config)?;
    println!("{}", session.version());
    for target in session.targets()? {
        println!("target {}: {} on TAP {}, {}", target.name, target.kind, target.tap, target.state);
    }

    let status = session.target().halt()?;
    println!("\n{status}");
    for register in session.registers().read_all()?.registers.iter().take(17) {
        println!("  {:<6} {}", register.name, register.value);
    }

    println!("\nflash:\n{}", session.memory().hexdump(0x0800_0000, 64)?);

    let memory = session.memory();
    let before = memory.read_bytes(ram, 15)?;
    memory.write_bytes(ram, b"Hello, OpenOCD!")?;
    println!("RAM holds {:?}", String::from_utf8_lossy(&memory.read_bytes(ram, 15)?));
    memory.write_bytes(ram, &before)?;

    for _ in 0..3 {
        println!("{}", session.target().step(None)?);
    }
    session.target().resume(None)?;
    println!("{}", session.target().status()?);
    session.close()?;
    Ok(())
}
