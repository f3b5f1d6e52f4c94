//! Measures what round trips cost: the same reads one by one, in a batch, and as one block.
//!
//! ```text
//! cargo run --example transfer_times                      a virtual STM32F103; needs only `openocd`
//! cargo run --example transfer_times -- --board CONFIG    any chip with RAM at 0x20000000
//! ```
//!
//! With a board, try it with another speed of the probe: `-c "adapter speed 8000"` in CONFIG.

mod board;
mod ending;

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Instant;

use board::Board;
use openocd::{Result, Session};

const USAGE: &str = "usage: transfer_times [--board CONFIG]";
const RAM: u64 = 0x2000_0000;
const WORDS: u16 = 256;

/// A way to read the words.
type Read = fn(&Session) -> Result<Vec<u32>>;

fn main() -> ExitCode {
    env_logger::init();
    ending::report(measure())
}

fn measure() -> std::result::Result<(), Box<dyn Error>> {
    let (board, arguments) = Board::from_arguments(USAGE)?;
    if !arguments.is_empty() {
        return Err(USAGE.into());
    }
    let session = Session::start(&board.config)?;
    session.target().halt()?;
    let ways: [(&str, Read); 3] = [("one by one", one_by_one), ("as a batch", as_a_batch), ("as a block", as_a_block)];
    let mut seen = Vec::new();
    for (name, read) in ways {
        let begin = Instant::now();
        let words = read(&session)?;
        writeln!(stdout(), "{WORDS} words {name}: {:.1?}", begin.elapsed())?;
        seen.push(words);
    }
    if seen.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err("the three ways differ in what they read".into());
    }
    session.target().resume()?;
    session.close()?;
    Ok(())
}

/// A round trip for each word.
fn one_by_one(session: &Session) -> Result<Vec<u32>> {
    (0..WORDS).map(|n| session.memory().read_u32(RAM + 4 * u64::from(n))).collect()
}

/// Any calls, one round trip. Each has a result of its own.
fn as_a_batch(session: &Session) -> Result<Vec<u32>> {
    let mut batch = session.batch();
    let words: Vec<_> = (0..WORDS).map(|n| batch.memory().read_u32(RAM + 4 * u64::from(n))).collect();
    batch.run()?;
    words.into_iter().map(openocd::Handle::result).collect()
}

/// Neighbours, as OpenOCD reads them fastest.
fn as_a_block(session: &Session) -> Result<Vec<u32>> {
    session.memory().read_u32_vec(RAM, WORDS.into())
}
