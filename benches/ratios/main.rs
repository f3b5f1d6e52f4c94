//! What this crate costs over the barest way to do the same, as ratios within one run:
//! `cargo bench --bench ratios [CASE…]`.
//!
//! Each case runs ours and its baseline in turn, so that whatever else the machine does hits both,
//! and compares the medians. A word on the command line selects the cases whose name holds it.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "ratios, and small counts")]

mod bare_server;
mod boards;
mod commands;
mod crash;
mod flash;
mod instant_server;
mod line;
mod measure;
mod memory;
mod registers;
mod start;
mod symbols;
mod tool;

use measure::Table;

fn main() {
    // `cargo bench` passes `--bench`.
    let wanted: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut table = Table::new(wanted);
    commands::run(&mut table);
    memory::run(&mut table);
    flash::run(&mut table);
    registers::run(&mut table);
    start::run(&mut table);
    crash::run(&mut table);
    symbols::run(&mut table);
    tool::run(&mut table);
    boards::run(&mut table);
    line::run(&mut table);
    table.finish();
}
