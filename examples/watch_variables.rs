//! Samples variables 100 times a second while the firmware runs, and prints them as CSV.
//!
//! Without a board, the counter of the firmware on a virtual STM32F103 (needs only `openocd`):
//!
//!     cargo run --example watch_variables
//!
//! With one, by OpenOCD's configuration for it, the firmware's ELF file, and variables: a symbol or
//! an address, and a type where the symbol's size does not say enough. Press Ctrl-C to end:
//!
//!     cargo run --example watch_variables -- --board "-f interface/cmsis-dap.cfg -f target/stm32f4x.cfg" \
//!         --elf firmware.elf speed:f32 ticks 0x20000010:i16 > watch.csv

mod board;
mod ending;

use std::error::Error;
use std::io::stdout;
use std::process::ExitCode;
use std::time::Duration;

use board::Board;
use openocd::{Image, SampleCsv, Session, Variable, VariableType};
use virtual_chip::firmware;

const USAGE: &str = "usage: watch_variables [--board CONFIG [--elf FILE] NAME_OR_ADDRESS[:TYPE]...]";
const PERIOD: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    env_logger::init();
    ending::report(watch())
}

fn watch() -> Result<(), Box<dyn Error>> {
    let (board, arguments) = Board::from_arguments(USAGE)?;
    let (mut image, mut names) = (None, Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--elf" => image = Some(Image::open(arguments.next().ok_or(USAGE)?)?),
            option if option.starts_with('-') => return Err(USAGE.into()),
            _ => names.push(argument),
        }
    }
    let variables = match board.chip {
        Some(_) => vec![Variable::u32(firmware::COUNTER_ADDRESS.into()).named("counter")],
        None => names.iter().map(|name| variable(name, image.as_ref())).collect::<Result<_, _>>()?,
    };
    let session = Session::start(&board.config)?;

    let samples = session.memory().sample(&variables, PERIOD)?;
    let mut csv = SampleCsv::new(stdout(), samples.variables())?;
    let count = if board.chip.is_some() { 20 } else { usize::MAX };
    for sample in samples.take(count) {
        csv.write(&sample?)?;
    }
    session.close()?;
    Ok(())
}

/// Reads `speed:f32`, `ticks` or `0x20000010:i16`.
fn variable(text: &str, image: Option<&Image>) -> Result<Variable, Box<dyn Error>> {
    let typed = text.rsplit_once(':').and_then(|(name, kind)| Some((name, kind.parse::<VariableType>().ok()?)));
    let (name, kind) = typed.map_or((text, None), |(name, kind)| (name, Some(kind)));
    let variable = match (name.strip_prefix("0x"), image, kind) {
        (Some(digits), ..) => Variable::u32(u64::from_str_radix(digits, 16)?),
        // The type says how many bytes to read, whatever the size of the symbol.
        (None, Some(image), Some(kind)) => Variable::new(image.symbol(name)?.address, kind).named(name),
        (None, Some(image), None) => Variable::try_from(&image.symbol(name)?)?,
        (None, None, _) => return Err(format!("{name} is no address, and without --elf there are no names").into()),
    };
    Ok(kind.map_or(variable.clone(), |kind| variable.of_type(kind)))
}
