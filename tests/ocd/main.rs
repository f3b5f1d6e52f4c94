//! Runs the real `ocd` against a real OpenOCD that drives the virtual chip.

#![allow(unreachable_pub, reason = "a test program has no interface")]

mod bench;
mod breakpoints;
mod broken_rtt;
mod cargo_runner;
mod control;
mod crash;
mod events;
mod file_formats;
mod flash;
mod flash_parts;
mod forms;
mod guides;
mod identity;
mod info;
mod many_boards;
mod mem;
mod odd_arguments;
mod other_firmware;
mod probe;
mod ram_test;
mod regs;
mod run;
mod run_until;
mod settings;
mod several_targets;
mod shared;
mod shell;
mod svd;
mod symbols;
mod terminal;
mod test_binary;
mod troubled_line;
mod usage;
mod watch;
mod wrong_chip;

// These look at processes, signals and terminals.
#[cfg(target_os = "linux")]
mod answers;
#[cfg(target_os = "linux")]
mod attach;
#[cfg(target_os = "linux")]
mod compressed;
mod console;
mod control_characters;
#[cfg(target_os = "linux")]
mod failures;
#[cfg(target_os = "linux")]
mod left_out;
mod leftovers;
#[cfg(target_os = "linux")]
mod odd_paths;
#[cfg(target_os = "linux")]
mod power;
#[cfg(target_os = "linux")]
mod pseudo_terminal;
#[cfg(target_os = "linux")]
mod read_protection;
mod readme;
#[cfg(target_os = "linux")]
mod repl;
#[cfg(target_os = "linux")]
mod running;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod signals;
#[cfg(target_os = "linux")]
mod silent;
#[cfg(target_os = "linux")]
mod silent_console;
#[cfg(target_os = "linux")]
mod standard_output;
#[cfg(target_os = "linux")]
mod unread_output;
