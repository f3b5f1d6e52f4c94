//! A stock OpenOCD with its stock configuration against the virtual chip.
//!
//! `OPENOCD` names the binary under test; else `openocd` is looked for in `PATH`.

mod openocd;

mod chip;
mod faults;
mod flash;
mod halting;
