//! The whole crate against a real OpenOCD that drives a virtual chip. `OPENOCD` names the binary
//! under test.

#![allow(unreachable_pub, reason = "helpers are shared by the modules of this one test binary")]
#![allow(clippy::cast_possible_truncation, reason = "addresses are 64 bits in the crate and 32 in the chip")]

mod adapter;
mod adapter_choice;
#[cfg(feature = "debuginfo")]
mod backtrace;
mod batch;
mod board;
mod breakpoints;
mod command;
mod connecting;
mod core_dump;
#[cfg(feature = "debuginfo")]
mod corrupt_stack;
mod crash;
mod dap;
mod directory;
mod event_polls;
mod events;
mod flash;
mod flash_errors;
mod flash_faults;
mod flash_images;
mod flash_ranges;
mod image_parts;
mod images_ram;
mod interpreter;
mod interrupt;
mod jtag;
mod leave;
mod lost_hart;
#[cfg(feature = "debuginfo")]
mod meanwhile;
mod memory;
mod monitor;
mod polling_pause;
mod process;
mod random;
mod registers;
mod remote_openocd;
mod riscv;
mod round_trips;
mod rp2040;
mod rtt;
mod run_until;
#[cfg(feature = "debuginfo")]
mod rust_firmware;
mod sample;
mod semihosting;
mod server;
mod server_files;
mod several_targets;
mod smp;
#[cfg(feature = "svd")]
mod svd;
mod target;
mod target_faults;
mod target_handlers;
mod target_stops;
mod transport;
mod vector_catch;
