//! Runs the real `ocd` against a real OpenOCD that drives the virtual chip.

#![allow(unreachable_pub, reason = "a test program has no interface")]
mod bench;
mod control;
mod flash;
mod flash_parts;
mod many_boards;
mod settings;
mod terminal;
