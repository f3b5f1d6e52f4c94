//! A script of telnet commands, in typed calls: halt, look, program, set a breakpoint, run.
//!
//! ```text
//! cargo run --example typed_script                      a virtual STM32F103; needs only `openocd`
//! cargo run --example typed_script -- --board CONFIG    an STM32F1
//! ```
//!
//! Beside each call stands what was typed for it. Where a telnet script goes on after a failure, or
//! takes one for success, this ends with an error.

mod board;
mod ending;

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use board::Board;
use openocd::{BreakpointKind, Image, ResetMode, Session, quote};

const USAGE: &str = "usage: typed_script [--board CONFIG]";
const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf");

fn main() -> ExitCode {
    env_logger::init();
    ending::report(script())
}

fn script() -> Result<(), Box<dyn Error>> {
    let (board, arguments) = Board::from_arguments(USAGE)?;
    if !arguments.is_empty() {
        return Err(USAGE.into());
    }
    let mut out = stdout();
    // openocd -f …, and waiting until it listens
    let session = Session::start(&board.config)?;
    let target = session.target();

    // reset halt
    writeln!(out, "{}", target.reset(ResetMode::Halt)?)?;
    // reg pc
    writeln!(out, "pc = {:#010x}", session.registers().pc()?)?;
    // mww 0x20000000 0xcafef00d; mdw 0x20000000
    session.memory().write_u32(0x2000_0000, 0xcafe_f00d)?;
    writeln!(out, "RAM holds {:#010x}", session.memory().read_u32(0x2000_0000)?)?;

    // flash write_image erase counter.elf; verify_image counter.elf
    let image = Image::open(FIRMWARE)?;
    writeln!(out, "{}", session.flash().write_image(&image)?)?;

    // bp ADDRESS 2 hw; reset run; wait_halt 5000; rbp ADDRESS
    let main = image.symbol("main")?.address & !1;
    let breakpoint = session.breakpoints().scoped(main, BreakpointKind::Hardware)?;
    target.reset(ResetMode::Run)?;
    writeln!(out, "{}", target.wait_halt(Duration::from_secs(5))?)?;
    breakpoint.remove()?;

    // What has no typed call: its result, or an error with OpenOCD's code, message and log.
    writeln!(out, "{}", session.command("flash list")?.lines().next().unwrap_or_default())?;
    let failed = session.command("flash erase_sector 0 5 3");
    writeln!(out, "{}", failed.err().ok_or("the last sector is before the first")?)?;

    // A word from elsewhere stays one word, whatever is in it.
    let label = "board 7 [exec reboot]";
    writeln!(out, "{}", session.command(&format!("set label {}", quote(label)))?)?;

    // resume; exit
    target.resume()?;
    session.close()?;
    Ok(())
}
