//! A stock OpenOCD with its stock configuration against the virtual chip.
//!
//! `OPENOCD` names the binary under test; else `openocd` is looked for in `PATH`.

// OpenOCD is a name and no code; patterns for images are cut to bytes on purpose.
#![allow(clippy::doc_markdown, clippy::cast_possible_truncation)]

mod openocd;

mod board;
mod chip;
mod crashes;
mod faults;
mod flash;
mod halting;
mod harts;
mod newlib;
mod riscv;
mod rp2040;
mod serve;
mod served;
mod swd;
