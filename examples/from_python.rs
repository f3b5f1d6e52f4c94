//! A session of `openocd-python`, line by line: what its calls are called here.
//!
//! ```text
//! cargo run --example from_python                      a virtual STM32F103; needs only `openocd`
//! cargo run --example from_python -- --board CONFIG    a chip with RAM at 0x20000000
//! ```
//!
//! The Python stands above each call. There is no `await`: a call returns when it is done.

mod board;
mod ending;

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use board::Board;
use openocd::{Error as OpenOcdError, Session, TargetError, WatchpointAccess};

const USAGE: &str = "usage: from_python [--board CONFIG]";
const RAM: u64 = 0x2000_0000;

fn main() -> ExitCode {
    env_logger::init();
    ending::report(session())
}

fn session() -> Result<(), Box<dyn Error>> {
    let (board, arguments) = Board::from_arguments(USAGE)?;
    if !arguments.is_empty() {
        return Err(USAGE.into());
    }
    let mut out = stdout();
    // async with Session.start(config) as ocd:
    let ocd = Session::start(&board.config)?;

    // try: await ocd.registers.pc()
    // except TargetNotHaltedError: await ocd.target.halt()
    match ocd.registers().pc() {
        Err(OpenOcdError::Target(TargetError::NotHalted { target, .. })) => {
            writeln!(out, "{target} runs")?;
            ocd.target().halt()?;
        }
        pc => writeln!(out, "{:#010x}", pc?)?,
    }
    // state = await ocd.target.state()
    writeln!(out, "{}", ocd.target().status()?)?;

    // await ocd.memory.write_u32(0x20000000, [1, 2, 3])
    ocd.memory().write_u32_slice(RAM, &[1, 2, 3])?;
    // words = await ocd.memory.read_u32(0x20000000, 3)
    writeln!(out, "{:?}", ocd.memory().read_u32_vec(RAM, 3)?)?;
    // print(await ocd.memory.hexdump(0x20000000, 32))
    writeln!(out, "{}", ocd.memory().hexdump(RAM, 32)?)?;

    // regs = await ocd.registers.read_many(["pc", "sp"])
    for register in ocd.registers().read_many(&["pc", "sp"])? {
        writeln!(out, "{} = {}", register.name, register.value)?;
    }
    // taps = await ocd.jtag.scan_chain()
    writeln!(out, "{} TAPs", ocd.jtag().scan_chain().map_or(0, |taps| taps.len()))?;

    // await ocd.breakpoints.add_watchpoint(0x20000010, 4, "w")
    ocd.breakpoints().add_watchpoint(RAM + 16, 4, WatchpointAccess::Write)?;
    writeln!(out, "{} watchpoint", ocd.breakpoints().list_watchpoints()?.len())?;
    ocd.breakpoints().remove_watchpoint(RAM + 16)?;

    // await ocd.target.step(); await ocd.target.resume()
    writeln!(out, "{}", ocd.target().step()?)?;
    ocd.target().resume()?;
    // await ocd.target.wait_halt(timeout_ms=50), which raises TimeoutError here
    let late = ocd.target().wait_halt(Duration::from_millis(50));
    writeln!(out, "halted meanwhile: {}", late.is_ok())?;

    // The end of `async with`
    ocd.close()?;
    Ok(())
}
