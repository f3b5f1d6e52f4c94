//! The whole crate against a real OpenOCD that drives a virtual chip. `OPENOCD` names the binary under test.

mod board;
mod breakpoints;
mod command;
mod flash;
mod memory;
mod process;
mod random;
mod registers;
mod server;
mod svd_constructs;
mod svd_read;
mod svd_write;
mod target;
mod transport;
