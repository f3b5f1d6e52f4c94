//! Faults in the handler of HardFault, which locks the core up.

#![no_std]
#![no_main]

use cortex_m_rt::{ExceptionFrame, entry, exception};
use {defmt_rtt as _, panic_probe as _};

#[entry]
fn main() -> ! {
    firmware::start_clock();
    defmt::info!("about to lock up");
    cortex_m::asm::udf()
}

#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    cortex_m::asm::udf()
}
