//! A console over RTT: prints what the target sends on a channel, and sends it the lines that you
//! type.
//!
//! Without a board, on a virtual STM32F103 whose firmware echoes (needs only `openocd`):
//!
//!     echo hello | cargo run --example rtt_console
//!
//! With one, by OpenOCD's configuration for it; the RAM to search for the control
//! block is 20 KiB from 0x20000000 by default:
//!
//!     cargo run --example rtt_console -- --board "-f interface/cmsis-dap.cfg -f target/stm32f4x.cfg" \
//!         --ram 0x20000000 0x20000 --channel 0
//!
//! Prints the channels of the target, then what it sends, until the input ends and the target has
//! been silent for a second.

mod board;
mod ending;

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::mpsc::{TryRecvError, channel};
use std::time::Duration;

use board::Board;
use openocd::{Error, Session};
use virtual_chip::firmware;

const USAGE: &str = "usage: rtt_console [--board CONFIG] [--ram ADDRESS SIZE] [--channel NUMBER]";

fn main() -> ExitCode {
    env_logger::init();
    ending::report(connect())
}

fn connect() -> Result<(), Box<dyn std::error::Error>> {
    let (board, arguments) = Board::from_arguments(USAGE)?;
    let (mut ram, mut number) = ((0x2000_0000, 0x5000), 0);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match argument.as_str() {
            "--ram" => ram = (hex(&value()?)?, u32::try_from(hex(&value()?)?).map_err(|_| USAGE)?),
            "--channel" => number = value()?.parse().map_err(|_| USAGE)?,
            _ => return Err(USAGE.into()),
        }
    }
    if let Some(chip) = &board.chip {
        chip.load_firmware(firmware::rtt::IMAGE);
    }
    let session = Session::start(&board.config)?;
    session.rtt().setup(ram.0, ram.1, "SEGGER RTT")?;
    session.rtt().start_wait(Duration::from_secs(10))?;
    session.rtt().set_polling_interval(Duration::from_millis(10))?;

    console(&session, number)
}

fn console(session: &Session, number: u32) -> Result<(), Box<dyn std::error::Error>> {
    let mut out = io::stdout();
    for up in session.rtt().channels()?.up {
        writeln!(out, "up-channel {}: {}, {} bytes", up.number, up.name, up.size)?;
    }
    let mut rtt = session.rtt().channel(number)?;
    let (sender, typed) = channel();
    // It ends with the program: reading the terminal can't be interrupted.
    std::thread::spawn(move || io::stdin().lock().lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
    let mut is_done = false;
    loop {
        rtt.set_read_timeout(Some(if is_done { Duration::from_secs(1) } else { Duration::from_millis(20) }));
        match rtt.read_text() {
            Ok(text) => write!(out, "{text}").and_then(|()| out.flush())?,
            Err(Error::Timeout(_)) if is_done => return Ok(rtt.close()?),
            Err(Error::Timeout(_)) => {}
            Err(error) => return Err(error.into()),
        }
        match typed.try_recv() {
            Ok(line) => rtt.write_text(&format!("{line}\n"))?,
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => is_done = true,
        }
    }
}

fn hex(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16)
        .map_err(|_| format!("{text:?} is not a hexadecimal number\n{USAGE}"))
}
