//! `ocd svd`: peripherals, registers and fields by their names.

mod list;
pub(crate) mod path;
mod read;
mod snapshot;
mod write;

use clap::{Args, Subcommand};
use openocd::svd::{Device, Peripheral};

use crate::context::Context;
use crate::failure::Outcome;

#[derive(Debug, Args)]
pub(crate) struct SvdArgs {
    #[command(subcommand)]
    command: SvdCommand,
}

#[derive(Debug, Subcommand)]
enum SvdCommand {
    /// List peripherals, the registers of a peripheral, or the fields of a register. Needs no
    /// board.
    List(list::ListArgs),
    /// Read a peripheral, a register or a field. On a Cortex-M the target may run, and the core's
    /// own peripherals (SCB, NVIC, SysTick, DWT …) need no file.
    Read(read::ReadArgs),
    /// Write registers and fields, and read them back.
    Write(write::WriteArgs),
    /// Split a value into the fields of a register. Needs no board.
    Decode(read::DecodeArgs),
    /// Save the registers of the device, or of some peripherals, to a file. Nothing is changed.
    Snapshot(snapshot::SnapshotArgs),
    /// Compare a snapshot with another one, or with the board as it is.
    Diff(snapshot::DiffArgs),
}

impl SvdArgs {
    /// Whether it changes registers.
    pub(crate) fn writes(&self) -> bool {
        match &self.command {
            SvdCommand::Write(_) => true,
            SvdCommand::Read(arguments) => arguments.changes_registers(),
            _ => false,
        }
    }
}

/// Warns of a peripheral without registers: a list of nothing would look like an answer.
fn warn_if_empty(context: &Context, board: Option<&str>, device: &Device, peripheral: &Peripheral) -> Outcome<()> {
    if !peripheral.registers().is_empty() {
        return Ok(());
    }
    let name = peripheral.name();
    let quoted = format!("{name:?}");
    let why = device.warnings().iter().find(|warning| warning.contains(&quoted));
    let why = why.map(|warning| format!(": {warning}")).unwrap_or_default();
    context.output.warning(board, &format!("{name} has no registers in the SVD file{why}"))
}

pub(crate) fn run(context: &Context, arguments: &SvdArgs) -> Outcome<u8> {
    match &arguments.command {
        SvdCommand::List(arguments) => list::run(context, arguments),
        SvdCommand::Read(arguments) => read::run(context, arguments),
        SvdCommand::Write(arguments) => write::run(context, arguments),
        SvdCommand::Decode(arguments) => read::decode(context, arguments),
        SvdCommand::Snapshot(arguments) => snapshot::run(context, arguments),
        SvdCommand::Diff(arguments) => snapshot::diff(context, arguments),
    }
}
