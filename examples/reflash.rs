//! Programs a board as a production line does: joins the firmware and a serial number, skips what
//! flash holds already, keeps what shares a sector with them, and leaves the board without a trace
//! of the debugger.
//!
//! Without arguments it starts the virtual STM32F103 of this crate's tests. It programs that twice,
//! to show what is skipped:
//!
//! ```text
//! $ cargo run --example reflash
//! ELF, 119 bytes in 2 segments, 0x08000000 to 0x08003ffa
//! 2048 bytes erased, 119 written, 0 skipped, 1929 kept; stm32f1x.cpu is running
//! 0 bytes erased, 0 written, 119 skipped; stm32f1x.cpu is running
//! the board is left running
//! ```
//!
//! With a board that has flash at the same addresses: `cargo run --example reflash -- firmware.elf
//! --board "-f interface/stlink.cfg -f target/stm32f1x.cfg"`.

mod board;
mod ending;

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;

use board::Board;
use openocd::{FlashError, Image, OnClose, ProgramOptions, Session, WriteOptions};

const USAGE: &str = "usage: reflash [FIRMWARE] [--board CONFIG]";
const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf");
/// Where the firmware looks for its serial number.
const SERIAL_AT: u64 = 0x0800_3ff0;

fn main() -> ExitCode {
    env_logger::init();
    ending::report(reflash())
}

fn reflash() -> Result<(), Box<dyn Error>> {
    let (board, arguments) = Board::from_arguments(USAGE)?;
    let path = match &arguments[..] {
        [] => FIRMWARE,
        [path] if !path.starts_with('-') => path,
        _ => return Err(USAGE.into()),
    };
    let serial = Image::bin(SERIAL_AT, *b"SN 00004711")?;
    let image = Image::merge([&Image::open(path)?, &serial])?;
    writeln!(stdout(), "{image}")?;

    let session = Session::start(&board.config)?;
    let programmed = program(&session, &image);
    // In any case: a board that failed should not stay halted with breakpoints either.
    let left = session.close_with(OnClose::Leave);
    programmed?;
    left?;
    writeln!(stdout(), "the board is left running")?;
    Ok(())
}

fn program(session: &Session, image: &Image) -> Result<(), Box<dyn Error>> {
    let options = ProgramOptions::new().write(WriteOptions::new().skip_unchanged(true).keep_unwritten(true));
    for _ in 0..2 {
        match session.flash().program_with(image, &options) {
            Ok(report) => writeln!(stdout(), "{report}")?,
            Err(openocd::Error::Flash(FlashError::NotKept { lost, cause })) => {
                for (address, bytes) in lost {
                    std::fs::write(format!("kept-{address:08x}.bin"), bytes)?;
                }
                return Err(cause.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
