//! Lists what an SVD file describes; with a board, reads it. Names match in any case.
//!
//! ```text
//! svd_inspect FILE                         the peripherals
//! svd_inspect FILE PERIPHERAL              its registers
//! svd_inspect FILE PERIPHERAL.REGISTER     its fields
//! ```
//! Listing needs no OpenOCD. Values come with `--virtual`, from the virtual STM32F103 of this
//! crate's tests, or with `--board CONFIG`, which is what follows `openocd` on a command line:
//! `"-f interface/stlink.cfg -f target/stm32f1x.cfg"`. Neither the program on the target nor
//! registers that a read would change are disturbed.
//!
//! ```text
//! $ cargo run --example svd_inspect -- tests/virtual-chip/svd/virtual-stm32f103.svd FLASH.ACR --virtual
//! FLASH.ACR @ 0x40022000 = 0x00000030  Access control register
//!     [5]  PRFTBS   0x1  Prefetch buffer status
//!     [4]  PRFTBE   0x1  Prefetch buffer enable
//!     [3]  HLFCYA   0x0  Half-cycle access
//!   [2:0]  LATENCY  0x0  Wait states
//! ```

mod ending;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use openocd::Session;
use openocd::svd::Device;
use virtual_chip::VirtualChip;

const USAGE: &str = "usage: svd_inspect FILE [PERIPHERAL[.REGISTER]] [--board CONFIG | --virtual]";

fn main() -> ExitCode {
    env_logger::init();
    ending::report(inspect(&mut io::stdout().lock()))
}

fn inspect(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let (mut words, mut board, mut chip) = (Vec::new(), None, None);
    let mut arguments = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--board" => board = Some(arguments.next().ok_or(USAGE)?),
            "--virtual" => board = Some(chip.insert(VirtualChip::start()?).openocd_config()),
            flag if flag.starts_with('-') => return Err(USAGE.into()),
            _ => words.push(argument),
        }
    }
    let (file, path) = match &words[..] {
        [file] => (file, None),
        [file, path] => (file, Some(path.split_once('.').map_or((&**path, None), |(p, r)| (p, Some(r))))),
        _ => return Err(USAGE.into()),
    };
    let device = Arc::new(Device::load(file)?);
    let peripheral = path.map(|(name, _)| device.peripheral_ignoring_case(name)).transpose()?;
    let name = path.and_then(|(_, register)| register);
    let register = peripheral.zip(name).map(|(found, name)| found.register_ignoring_case(name)).transpose()?;

    let session = board.map(Session::start).transpose()?;
    let svd = session.as_ref().map(Session::svd);
    svd.inspect(|svd| drop(svd.set(device.clone())));
    match (svd, peripheral, register) {
        (None, _, Some(register)) => writeln!(out, "{register}")?,
        (None, Some(peripheral), None) => {
            for register in peripheral.registers() {
                writeln!(out, "{}", register.to_string().lines().next().unwrap_or_default())?;
            }
        }
        (None, None, None) => device.peripherals().iter().try_for_each(|found| writeln!(out, "{found}"))?,
        // As a part of its peripheral: a register that is asked for alone is read even if that
        // changes something.
        (Some(svd), _, Some(found)) => {
            writeln!(out, "{}", svd.read_peripheral(found.peripheral())?.register(found.name())?)?;
        }
        (Some(svd), one, None) => {
            for peripheral in one.map_or(device.peripherals(), std::slice::from_ref) {
                writeln!(out, "{}", svd.read_peripheral(peripheral.name())?)?;
            }
        }
    }
    Ok(out.flush()?)
}
