//! Reads from an address where nothing answers, which raises a HardFault.

#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use {defmt_rtt as _, panic_probe as _};

/// The bank of external memory, which this chip lacks.
const NOWHERE: *const u32 = 0x6000_0000 as *const u32;

#[entry]
fn main() -> ! {
    firmware::start_clock();
    defmt::info!("about to read from {}", NOWHERE);
    defmt::info!("read {=u32}", read_sensor(black_box(NOWHERE)));
    loop {}
}

#[inline(never)]
fn read_sensor(register: *const u32) -> u32 {
    // SAFETY: it is not safe; this is the fault that the program is for.
    unsafe { register.read_volatile() }
}
