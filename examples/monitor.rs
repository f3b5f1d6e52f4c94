//! Keeps a session, an RTT channel and a running sample in one struct, and moves it into a thread.
//! Prints what the firmware sends and samples of a variable, 50 ms apart. Goes on when OpenOCD was
//! killed, the probe unplugged or the power lost.
//!
//! ```text
//! cargo run --example monitor                                a virtual STM32F103; needs only `openocd`
//! cargo run --example monitor -- CONFIG RAM SIZE VARIABLE    the RAM that holds the control block
//! ```
//!
//! CONFIG is such as "-f interface/stlink.cfg -f target/stm32f4x.cfg"; the others are hexadecimal.

mod ending;

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use openocd::{Error, Result, RttChannel, Samples, Session};
use virtual_chip::{VirtualChip, firmware};

/// How often in a row to start anew, with more and more time in between: 9 s in all.
const ATTEMPTS: u32 = 9;

/// What watches a board: none of it has a lifetime parameter.
pub(crate) struct Monitor {
    pub(crate) session: Session,
    terminal: RttChannel,
    samples: Samples,
}

impl Monitor {
    pub(crate) fn open(config: &str, ram: (u64, u32), variable: u64) -> Result<Monitor> {
        let session = Session::start(config)?;
        session.rtt().setup(ram.0, ram.1, "SEGGER RTT")?;
        session.rtt().start_wait(Duration::from_secs(10))?;
        let mut terminal = session.rtt().channel(0)?;
        terminal.set_read_timeout(Some(Duration::ZERO));
        let samples = session.memory().sample(&[variable], Duration::from_millis(50))?;
        Ok(Monitor { session, terminal, samples })
    }

    /// Waits for the next sample, and adds what the firmware printed until then.
    fn line(&mut self) -> Result<String> {
        let sample = self.samples.next().transpose()?.map_or(String::new(), |sample| sample.to_string());
        match self.terminal.read_text() {
            Err(Error::Timeout(_)) => Ok(sample),
            text => text.map(|text| format!("{sample}  {text:?}")),
        }
    }
}

/// Sends lines until nobody listens, and opens anew what fails.
pub(crate) fn watch(first: Monitor, open: impl Fn() -> Result<Monitor>, lines: &Sender<String>) -> Result<()> {
    let (mut monitor, mut failures) = (Ok(first), 0);
    loop {
        let line = match monitor.and_then(|mut monitor| Ok((monitor.line()?, monitor))) {
            Ok((line, kept)) => {
                (monitor, failures) = (Ok(kept), 0);
                line
            }
            Err(error) if failures == ATTEMPTS => return Err(error),
            Err(error) => {
                // The failed monitor is dropped, so its OpenOCD no longer holds the probe.
                failures += 1;
                thread::sleep(Duration::from_millis(200) * failures);
                monitor = open();
                format!("{}: starting anew", error.id())
            }
        };
        if lines.send(line).is_err() {
            return monitor?.session.close();
        }
    }
}

fn main() -> ExitCode {
    env_logger::init();
    ending::report(run())
}

fn run() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let hex = |text: &String| u64::from_str_radix(text.trim_start_matches("0x"), 16);
    let number = |at: usize, otherwise| arguments.get(at).map_or(Ok(otherwise), hex);
    // The chip must outlive the session.
    let chip = VirtualChip::start()?;
    chip.load_firmware(firmware::rtt::IMAGE);
    let config = arguments.first().cloned().unwrap_or_else(|| chip.openocd_config());
    let ram = (number(1, 0x2000_0000)?, u32::try_from(number(2, 0x5000)?)?);
    let variable = number(3, firmware::COUNTER_ADDRESS.into())?;

    let open = move || Monitor::open(&config, ram, variable);
    let monitor = open()?;
    let (sender, lines) = channel();
    let watching = thread::spawn(move || watch(monitor, open, &sender));
    lines.into_iter().take(10).try_for_each(|line| writeln!(stdout(), "{line}"))?;
    Ok(watching.join().map_err(|_| "the watching thread panicked")??)
}
