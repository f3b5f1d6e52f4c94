//! Lists what an SVD file describes, and reads it from a board.
//!
//! Without a board it needs no hardware and no OpenOCD:
//!
//! ```text
//! svd_inspect FILE                         the peripherals
//! svd_inspect FILE PERIPHERAL              its registers
//! svd_inspect FILE PERIPHERAL.REGISTER     its fields
//! ```
//!
//! With `--board CONFIG` (what follows `openocd` on a command line, such as `"-f interface/stlink.cfg -f
//! target/stm32f1x.cfg"`) or `--virtual` (the virtual STM32F103 of this crate's tests) it prints values:
//!
//! ```text
//! $ cargo run --example svd_inspect tests/virtual-chip/svd/virtual-stm32f103.svd FLASH.ACR --virtual
//! FLASH.ACR @ 0x40022000 = 0x00000030  Access control register
//!     [5]  PRFTBS   0x1  Prefetch buffer status
//!     [4]  PRFTBE   0x1  Prefetch buffer enable
//!     [3]  HLFCYA   0x0  Half-cycle access
//!   [2:0]  LATENCY  0x0  Wait states
//! ```
//!
//! Reading disturbs neither the program on the target nor registers that a read would change.

use std::error::Error;

use openocd::Session;
use openocd::svd::Device;
use virtual_chip::VirtualChip;

const USAGE: &str = "svd_inspect FILE [PERIPHERAL[.REGISTER]] [--board CONFIG | --virtual]";

fn main() -> Result<(), Box<dyn Error>> {
    let (mut words, mut board, mut chip) = (Vec::new(), None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--board" => board = Some(arguments.next().ok_or(USAGE)?),
            "--virtual" => {
                let chip = chip.insert(VirtualChip::start()?);
                board = Some(chip.openocd_config());
            }
            _ => words.push(argument),
        }
    }
    let (file, path) = match &words[..] {
        [file] => (file, None),
        [file, path] => (file, Some(path.split_once('.').map_or((&**path, None), |(p, r)| (p, Some(r))))),
        _ => return Err(USAGE.into()),
    };
    let device = Device::load(file)?;
    for warning in device.warnings() {
        eprintln!("{file}: {warning}");
    }
    match board {
        None => list(&device, path),
        Some(config) => read(device, path, &config),
    }
}

fn list(device: &Device, path: Option<(&str, Option<&str>)>) -> Result<(), Box<dyn Error>> {
    match path {
        None => {
            for peripheral in device.peripherals() {
                println!("{peripheral}");
            }
        }
        Some((peripheral, None)) => {
            let registers = device.peripheral_ignoring_case(peripheral)?.registers();
            for register in registers {
                println!("{}", register.to_string().lines().next().unwrap_or(""));
            }
        }
        Some((peripheral, Some(register))) => {
            println!("{}", device.peripheral_ignoring_case(peripheral)?.register_ignoring_case(register)?);
        }
    }
    Ok(())
}

fn read(device: Device, path: Option<(&str, Option<&str>)>, config: &str) -> Result<(), Box<dyn Error>> {
    let session = Session::start(config)?;
    let svd = session.svd();
    let device = svd.set(device);
    match path {
        None => {
            for peripheral in device.peripherals() {
                println!("{}", svd.read_peripheral(peripheral.name())?);
            }
        }
        Some((peripheral, None)) => {
            println!("{}", svd.read_peripheral(device.peripheral_ignoring_case(peripheral)?.name())?);
        }
        Some((peripheral, Some(register))) => {
            let register = device.peripheral_ignoring_case(peripheral)?.register_ignoring_case(register)?;
            println!("{}", svd.read_register(register.peripheral(), register.name())?);
        }
    }
    session.close()?;
    Ok(())
}
