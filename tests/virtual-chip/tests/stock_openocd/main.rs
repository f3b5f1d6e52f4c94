//! A stock OpenOCD with its stock configuration against the virtual chip.
//!
//! `OPENOCD` names the binary under test; else `openocd` is looked for in `PATH`.

// OpenOCD is a name, and no code.
#![allow(clippy::doc_markdown)]

mod openocd;

mod board;
mod chip;
mod faults;
mod flash;
mod halting;
mod riscv;
