//! Keeps a session, an RTT channel and a running sample in one struct, and moves it into a thread.
//!
//! Without a board, on a virtual STM32F103 whose firmware echoes (needs only `openocd`):
//!
//!     cargo run --example monitor
//!
//! With one, by OpenOCD's configuration for it, the RAM to search for the control block, and a
//! variable:
//!
//!     cargo run --example monitor -- "-f interface/cmsis-dap.cfg -f target/stm32f4x.cfg" 0x20000000 0x20000 0x20000004
//!
//! Prints what the firmware sends and ten samples of the variable, 50 ms apart.

mod ending;

use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use openocd::{Error, RttChannel, Samples, Session};
use virtual_chip::{VirtualChip, firmware};

/// What watches a board: none of it has a lifetime parameter.
struct Monitor {
    session: Session,
    terminal: RttChannel,
    samples: Samples,
}

impl Monitor {
    fn open(session: Session, ram: (u64, u32), variable: u64) -> openocd::Result<Monitor> {
        session.rtt().setup(ram.0, ram.1, "SEGGER RTT")?;
        session.rtt().start_wait(Duration::from_secs(10))?;
        let mut terminal = session.rtt().channel(0)?;
        terminal.set_read_timeout(Some(Duration::ZERO));
        let samples = session.memory().sample(&[variable], Duration::from_millis(50))?;
        Ok(Monitor { session, terminal, samples })
    }

    /// Sends lines to print, until so many samples are taken or nobody listens.
    fn watch(mut self, count: usize, lines: &Sender<String>) -> openocd::Result<()> {
        for _ in 0..count {
            let Some(sample) = self.samples.next().transpose()? else { break };
            let text = match self.terminal.read_text() {
                Ok(text) => format!("{sample}  {text:?}"),
                Err(Error::Timeout(_)) => sample.to_string(),
                Err(error) => return Err(error),
            };
            if lines.send(text).is_err() {
                break;
            }
        }
        self.terminal.close()?;
        self.session.close()
    }
}

fn main() -> ExitCode {
    env_logger::init();
    ending::report(run())
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let number = |at: usize, otherwise: u64| match arguments.get(at) {
        Some(text) => u64::from_str_radix(text.trim_start_matches("0x"), 16),
        None => Ok(otherwise),
    };
    // The chip must outlive the session.
    let chip = VirtualChip::start()?;
    chip.load_firmware(firmware::rtt::IMAGE);
    let session = Session::start(arguments.first().cloned().unwrap_or_else(|| chip.openocd_config()))?;

    let ram = (number(1, 0x2000_0000)?, u32::try_from(number(2, 0x5000)?)?);
    let monitor = Monitor::open(session, ram, number(3, firmware::rtt::FLOOD_WRITTEN.into())?)?;
    let (sender, lines) = channel();
    let watching = thread::spawn(move || monitor.watch(10, &sender));
    for line in lines {
        println!("{line}");
    }
    watching.join().map_err(|_| "the watching thread panicked")??;
    Ok(())
}
