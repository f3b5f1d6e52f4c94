//! Programs an ELF file with a progress bar, verifies it, runs it until `main`, and says why it
//! halted there.
//!
//! Without arguments it starts the virtual STM32F103 of this crate's tests and programs
//! `examples/firmware/counter.elf`:
//!
//! ```text
//! $ cargo run --example flash_firmware
//!    erasing [########################################] 1024/1024 bytes
//!    writing [########################################] 108/108 bytes
//!  verifying [########################################] 108/108 bytes
//! verified: 1024 bytes erased, 108 written, 0 skipped
//! stm32f1x.cpu is halted at 0x08000040 (breakpoint)
//! ```
//!
//! With a board: `cargo run --example flash_firmware -- firmware.elf --board "interface/stlink.cfg
//! -f target/stm32f1x.cfg"`.

mod board;
mod ending;

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use board::Board;
use openocd::{BreakpointKind, Image, Progress, ResetMode, Session};

const USAGE: &str = "usage: flash_firmware [ELF] [--board CONFIG]";
const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf");

fn main() -> ExitCode {
    env_logger::init();
    ending::report(flash())
}

fn flash() -> Result<(), Box<dyn Error>> {
    let (board, arguments) = Board::from_arguments(USAGE)?;
    let path = match &arguments[..] {
        [] => FIRMWARE,
        [path] if !path.starts_with('-') => path,
        _ => return Err(USAGE.into()),
    };
    let image = Image::open(path)?;
    let main = image.symbol("main")?.address;

    let session = Session::start(&board.config)?;
    session.target().reset(ResetMode::Halt)?;

    let report = session.flash().with_progress(print_bar).write_image(&image)?;
    writeln!(stdout(), "verified: {report}")?;

    let breakpoint = session.breakpoints().scoped(main, BreakpointKind::Hardware)?;
    session.target().reset(ResetMode::Run)?;
    writeln!(stdout(), "{}", session.target().wait_halt(Duration::from_secs(5))?)?;
    breakpoint.remove()?;
    session.close()?;
    Ok(())
}

/// Draws a bar over the previous one, and keeps the last bar of each phase.
fn print_bar(progress: Progress) {
    let Progress { phase, done, total, .. } = progress;
    let filled = usize::try_from(40 * done / total.max(1)).unwrap_or(40);
    let end = if done == total { "\n" } else { "" };
    eprint!("\r{:>10} [{:-<40}] {done}/{total} bytes{end}", phase.to_string(), "#".repeat(filled));
}
