//! Waits until the firmware faults, prints what happened, and writes a core file for GDB.
//!
//! Without a board, on a virtual STM32F103 whose firmware reads where nothing is (needs only
//! `openocd`):
//!
//!     cargo run --example crash_report
//!
//! With one, by OpenOCD's configuration for it and the range of its RAM:
//!
//!     cargo run --example crash_report -- --board "-f interface/cmsis-dap.cfg -f target/stm32f4x.cfg" --ram 0x20000000..0x20020000
//!
//! `gdb-multiarch firmware.elf crash.core` then shows the calls (`bt`) and the variables.

mod ending;

use std::error::Error;
use std::io::{Write, stdout};
use std::ops::Range;
use std::process::ExitCode;
use std::time::Duration;

use openocd::{Session, VectorCatch};
use virtual_chip::VirtualChip;

const USAGE: &str = "usage: crash_report [--board CONFIG --ram START..END]";
const FIRMWARE: &[u8] = include_bytes!("../tests/images/crash/crash.elf");

fn main() -> ExitCode {
    env_logger::init();
    ending::report(wait_for_a_crash())
}

fn wait_for_a_crash() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (config, ram, chip) = match words[..] {
        ["--board", config, "--ram", ram] => (config.to_owned(), range(ram)?, None),
        [] => {
            let chip = VirtualChip::start()?;
            (chip.openocd_config(), 0x2000_0000..0x2000_5000, Some(chip))
        }
        _ => return Err(USAGE.into()),
    };

    let session = Session::start(config)?;
    let target = session.target();
    target.set_vector_catch(&VectorCatch::FAULTS)?;
    if let Some(chip) = &chip {
        chip.load_elf(FIRMWARE); // and starts it
    }

    target.wait_halt(Duration::from_secs(3600))?;
    let report = target.crash_report()?;
    let mut out = stdout();
    writeln!(out, "{report}")?;
    let directory = if chip.is_some() { std::env::temp_dir() } else { ".".into() };
    let core = directory.join("crash.core");
    target.core_dump(&core, &[ram])?;
    writeln!(out, "{} is written", core.display())?;

    target.set_vector_catch(&[])?;
    session.close()?;
    if chip.is_some() {
        std::fs::remove_file(&core)?;
        writeln!(out, "and removed again: with --board it stays, in the current folder")?;
    }
    Ok(())
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let hex = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    let ends = text.split_once("..").and_then(|(start, end)| Some(hex(start)?..hex(end)?));
    ends.ok_or_else(|| format!("{text:?} is no range of hexadecimal numbers\n{USAGE}"))
}
