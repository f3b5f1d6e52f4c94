//! Programs the same firmware into any number of boards, side by side, and prints a line for each.
//!
//! Without arguments, on four virtual STM32F103, of which one has no power (needs only `openocd`):
//!
//! ```text
//! $ cargo run --example many_boards
//! board 0: 1024 bytes erased, 108 written, 0 skipped; stm32f1x.cpu is running
//! board 1: 1024 bytes erased, 108 written, 0 skipped; stm32f1x.cpu is running
//! board 2: process.exited_during_startup: OpenOCD ended before it was ready: …
//! board 3: 1024 bytes erased, 108 written, 0 skipped; stm32f1x.cpu is running
//! ```
//!
//! With boards of a lab, by the TCL port of each one's OpenOCD:
//! `cargo run --example many_boards -- localhost:6601 localhost:6602`.
//!
//! Its exit status is 1 if a board failed, and each failure has an id that never changes.

mod ending;

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use openocd::{Image, ProgramReport, Session};
use virtual_chip::VirtualChip;

const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf");
/// No board is waited for longer than this, and none waits for another one.
const TIMEOUT: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    // OpenOCD's complaints about what fails on purpose are for `RUST_LOG=openocd=warn`.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("off")).init();
    ending::report(program_all())
}

fn program_all() -> Result<(), Box<dyn Error>> {
    let addresses: Vec<String> = std::env::args().skip(1).collect();
    // One image for all: it is read and parsed once.
    let image = Image::open(FIRMWARE)?;
    let results = if addresses.is_empty() {
        let chips = (0..4).map(|_| VirtualChip::start()).collect::<Result<Vec<_>, _>>()?;
        chips[2].faults().power_off();
        let configs: Vec<_> = chips.iter().map(VirtualChip::openocd_config).collect();
        side_by_side(&configs, |config| program(&Session::builder().timeout(TIMEOUT).start(config.as_str())?, &image))
    } else {
        side_by_side(&addresses, |address| program(&Session::builder().timeout(TIMEOUT).connect(address)?, &image))
    };

    let mut failed = 0;
    for (board, result) in results.iter().enumerate() {
        match result {
            Ok(report) => writeln!(stdout(), "board {board}: {report}")?,
            Err(error) => {
                failed += 1;
                let first_line = error.to_string().lines().next().unwrap_or_default().to_owned();
                writeln!(stdout(), "board {board}: {}: {first_line}", error.id())?;
            }
        }
    }
    match failed {
        0 => Ok(()),
        // The board without power is on purpose.
        1 if addresses.is_empty() => Ok(writeln!(stdout(), "1 of 4 boards failed, as it should")?),
        _ => Err(format!("{failed} of {} boards failed", results.len()).into()),
    }
}

fn program(session: &Session, image: &Image) -> openocd::Result<ProgramReport> {
    session.program(image)
}

/// A call blocks its thread, so each board has one.
fn side_by_side<T: Sync, R: Send>(boards: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = boards.iter().map(|board| scope.spawn(move || work(board))).collect();
        threads.into_iter().map(|thread| thread.join().expect("the thread does not panic")).collect()
    })
}
