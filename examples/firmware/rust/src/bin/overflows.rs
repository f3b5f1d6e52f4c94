//! Recurses until the stack has overwritten everything and leaves RAM.

#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use {defmt_rtt as _, panic_probe as _};

#[entry]
fn main() -> ! {
    firmware::start_clock();
    defmt::info!("about to overflow the stack");
    defmt::info!("the depth is {=u32}", descend(black_box(0)));
    loop {}
}

#[inline(never)]
fn descend(depth: u32) -> u32 {
    let level = black_box([depth; 16]);
    // The stack is full long before.
    let rest = if depth < u32::MAX { descend(depth + 1) } else { 0 };
    rest + level[(depth % 16) as usize]
}
