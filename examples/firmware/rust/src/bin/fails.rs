//! Logs an error, then exits with failure.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{self, EXIT_FAILURE};
use {defmt_rtt as _, panic_probe as _};

#[entry]
fn main() -> ! {
    firmware::start_clock();
    defmt::error!("self test failed: {=u32} of {=u32} cells are bad", 2, 4096);
    debug::exit(EXIT_FAILURE);
    loop {}
}
