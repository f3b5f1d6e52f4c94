//! What the programs share: the clock behind the timestamps.

#![no_std]

use cortex_m::Peripherals;
use cortex_m::peripheral::DWT;

/// The internal oscillator, which the chip runs on after a reset.
const CYCLES_PER_US: u32 = 8;

defmt::timestamp!("{=u32:us}", DWT::cycle_count() / CYCLES_PER_US);

/// Starts the cycle counter. Call it once, first.
pub fn start_clock() {
    if let Some(mut peripherals) = Peripherals::take() {
        peripherals.DCB.enable_trace();
        peripherals.DWT.set_cycle_count(0);
        peripherals.DWT.enable_cycle_counter();
    }
}
