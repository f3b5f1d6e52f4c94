//! Prints over semihosting: the command line, then what stdin holds.

#![no_std]
#![no_main]

use core::panic::PanicInfo;

// It has the critical section that printing needs.
use cortex_m as _;
use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::{hprint, hprintln};
use semihosting::experimental::env;
use semihosting::io::{self, Read};

#[entry]
fn main() -> ! {
    hprintln!("hello over semihosting");
    match env::args::<256>() {
        Ok(arguments) => {
            for argument in &arguments {
                hprintln!("argument {}", argument.unwrap_or("that is not UTF-8"));
            }
        }
        Err(_) => hprintln!("no command line"),
    }
    if let Ok(mut stdin) = io::stdin() {
        let mut buffer = [0; 64];
        while let Ok(length @ 1..) = stdin.read(&mut buffer) {
            hprint!("{}", core::str::from_utf8(&buffer[..length]).unwrap_or("?"));
        }
    }
    hprintln!("end of input");
    debug::exit(EXIT_SUCCESS);
    loop {}
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    hprintln!("{}", info);
    debug::exit(EXIT_FAILURE);
    loop {}
}
