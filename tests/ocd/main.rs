//! Runs the real `ocd` against a real OpenOCD that drives the virtual chip.

#![allow(unreachable_pub, reason = "a test program has no interface")]
mod bench;
mod control;
mod settings;
mod shell;

// These look at processes, signals and terminals.
#[cfg(target_os = "linux")]
mod console;
#[cfg(target_os = "linux")]
mod failures;
#[cfg(target_os = "linux")]
mod repl;
#[cfg(target_os = "linux")]
mod running;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod signals;
#[cfg(target_os = "linux")]
mod terminal;
