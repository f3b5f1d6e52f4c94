//! Exits with status 7.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use {defmt_rtt as _, panic_probe as _};

#[entry]
fn main() -> ! {
    firmware::start_clock();
    defmt::info!("this program exits with status 7");
    semihosting::process::exit(7)
}
