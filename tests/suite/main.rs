//! The whole crate against a real OpenOCD that drives a virtual chip. `OPENOCD` names the binary under test.

mod board;
mod command;
mod memory;
mod process;
mod registers;
mod server;
mod svd_constructs;
mod target;
mod transport;
