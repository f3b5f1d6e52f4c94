//! Goes on after failures: repeats a call, makes the connection anew, starts OpenOCD anew.
//!
//! ```text
//! cargo run --example recover                      a virtual STM32F103; needs only `openocd`
//! cargo run --example recover -- --board CONFIG    such as "-f interface/stlink.cfg -f target/stm32f4x.cfg"
//! ```
//!
//! It reads the program counter four times: of a running target, of a halted one, after OpenOCD was
//! killed, and after a mistake that no repetition heals.

mod board;
mod ending;

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use board::Board;
use openocd::{ResetMode, Session};

const USAGE: &str = "usage: recover [--board CONFIG]";
const ATTEMPTS: u32 = 4;

fn main() -> ExitCode {
    // OpenOCD's complaints about what fails on purpose are for `RUST_LOG=openocd=warn`.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("off")).init();
    ending::report(recover())
}

fn recover() -> Result<(), Box<dyn Error>> {
    let (board, arguments) = Board::from_arguments(USAGE)?;
    if !arguments.is_empty() {
        return Err(USAGE.into());
    }
    let mut session = Session::start(&board.config)?;
    session.target().reset(ResetMode::Run)?;

    let pc = |session: &Session| session.registers().pc();
    writeln!(stdout(), "running: pc = {:#010x}", with_retries(&board.config, &mut session, pc)?)?;
    writeln!(stdout(), "halted: pc = {:#010x}", with_retries(&board.config, &mut session, pc)?)?;

    session.process().ok_or("this session started its OpenOCD")?.kill()?;
    writeln!(stdout(), "OpenOCD killed: pc = {:#010x}", with_retries(&board.config, &mut session, pc)?)?;

    let wrong = with_retries(&board.config, &mut session, |session| session.registers().read("r99"));
    let error = wrong.err().ok_or("there is no such register")?;
    writeln!(stdout(), "not repeated: {} ({error})", error.id())?;
    session.close()?;
    Ok(())
}

/// Makes at most `ATTEMPTS` attempts at `work`, and repairs before each what its last error says can
/// be repaired. A repair that fails is a failed attempt.
fn with_retries<T>(
    config: &str,
    session: &mut Session,
    work: impl Fn(&Session) -> openocd::Result<T>,
) -> openocd::Result<T> {
    let mut result = work(session);
    for attempt in 1..ATTEMPTS {
        let Err(error) = &result else { break };
        if !(error.is_disconnected() || error.is_not_halted() || error.is_transient()) {
            break;
        }
        eprintln!("attempt {attempt}: {}", error.id());
        sleep(Duration::from_millis(200) * attempt);
        result = repair(config, session, error).and_then(|()| work(session));
    }
    result
}

fn repair(config: &str, session: &mut Session, error: &openocd::Error) -> openocd::Result<()> {
    if error.is_disconnected() {
        // The connection is gone, or OpenOCD with it.
        if session.reconnect().is_err() {
            *session = Session::start(config)?;
        }
    } else if error.is_not_halted() {
        session.target().halt()?;
    }
    Ok(())
}
