//! Counts forever.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m_rt::entry;
use {defmt_rtt as _, panic_probe as _};

/// For a debugger to watch.
#[unsafe(no_mangle)]
static COUNTER: AtomicU32 = AtomicU32::new(0);

#[entry]
fn main() -> ! {
    firmware::start_clock();
    defmt::info!("this program never ends");
    loop {
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        defmt::info!("count {=u32}", count);
        cortex_m::asm::delay(400_000);
    }
}
