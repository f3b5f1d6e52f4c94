//! Plain text over RTT: a greeting on channel 0, and what arrives in capitals on channel 1.

#![no_std]
#![no_main]

use core::panic::PanicInfo;

// It has the critical section that printing needs.
use cortex_m as _;
use cortex_m_rt::entry;
use rtt_target::ChannelMode::{BlockIfFull, NoBlockTrim};
use rtt_target::{rprintln, rtt_init, set_print_channel};

#[entry]
fn main() -> ! {
    let channels = rtt_init! {
        up: {
            0: { size: 512, mode: BlockIfFull, name: "Terminal" }
            1: { size: 128, mode: NoBlockTrim, name: "Echo" }
        }
        down: {
            0: { size: 64, name: "Terminal" }
        }
    };
    let (terminal, mut echo) = channels.up;
    let (mut input,) = channels.down;
    set_print_channel(terminal);
    rprintln!("hello over RTT");
    let mut total = 0;
    loop {
        let mut buffer = [0; 16];
        let length = input.read(&mut buffer);
        if length > 0 {
            buffer[..length].make_ascii_uppercase();
            echo.write(&buffer[..length]);
            total += length;
            rprintln!("{} bytes so far", total);
        }
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    rprintln!("{}", info);
    cortex_m::asm::udf()
}
