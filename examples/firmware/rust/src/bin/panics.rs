//! Panics a few calls deep; panic-probe logs the message, then raises a HardFault.

#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use {defmt_rtt as _, panic_probe as _};

const SAMPLES: [u16; 4] = [310, 295, 302, 307];

#[entry]
fn main() -> ! {
    firmware::start_clock();
    defmt::info!("about to panic");
    let total = sum_down_from(black_box(5));
    defmt::info!("the sum is {=u32}", total);
    loop {}
}

/// Recurses until it asks for a sample that does not exist.
#[inline(never)]
fn sum_down_from(index: usize) -> u32 {
    let rest = if index > 3 { sum_up_to(index) } else { 0 };
    black_box(rest + 1)
}

#[inline(never)]
fn sum_up_to(end: usize) -> u32 {
    let mut sum = 0;
    for index in 0..black_box(end) {
        sum += sample(index);
    }
    black_box(sum)
}

/// Is inlined into its caller.
#[inline(always)]
fn sample(index: usize) -> u32 {
    u32::from(SAMPLES[index])
}
