//! Logs a line of each level with defmt, then exits with success.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{self, EXIT_SUCCESS};
use {defmt_rtt as _, panic_probe as _};

#[derive(defmt::Format)]
struct Reading {
    channel: u8,
    millivolts: u16,
}

#[entry]
fn main() -> ! {
    firmware::start_clock();
    defmt::info!("hello from the board");
    defmt::debug!("{}", Reading { channel: 3, millivolts: 1207 });
    defmt::trace!("bytes {=[u8]:02x}", [0, 0x1a, 0xff]);
    defmt::warn!("{=u8} % of the flash is used", 97);
    defmt::error!("no answer from {=str}", "the sensor");
    debug::exit(EXIT_SUCCESS);
    loop {}
}
