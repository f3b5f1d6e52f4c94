//! `ocd mem`: the target's memory.

mod dump;
mod load;
mod ram_test;
mod read;
mod search;
mod write;

use std::ops::ControlFlow;

use clap::{Args, Subcommand, ValueEnum};
use openocd::{Memory, ProgressCallback, ProgressReport};

use crate::address::Place;
use crate::board::Board;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::progress::Watch;

#[derive(Debug, Args)]
pub(crate) struct MemArgs {
    #[command(subcommand)]
    command: MemCommand,
}

#[derive(Debug, Subcommand)]
enum MemCommand {
    /// Print memory.
    Read(read::ReadArgs),
    /// Write values, and read them back.
    Write(write::WriteArgs),
    /// Copy memory to a file.
    Dump(dump::DumpArgs),
    /// Copy a file to memory, and read it back: raw bytes, ELF, Intel HEX, S-record or UF2.
    Load(load::LoadArgs),
    /// Find bytes.
    Search(search::SearchArgs),
    /// Test RAM of a halted target: data lines, address lines, every word. The contents survive.
    Test(ram_test::TestArgs),
}

impl MemArgs {
    /// Whether it changes memory.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.command, MemCommand::Write(_) | MemCommand::Load(_) | MemCommand::Test(_))
    }
}

pub(crate) fn run(context: &Context, arguments: &MemArgs) -> Outcome<u8> {
    match &arguments.command {
        MemCommand::Read(arguments) => read::run(context, arguments),
        MemCommand::Write(arguments) => write::run(context, arguments),
        MemCommand::Dump(arguments) => dump::run(context, arguments),
        MemCommand::Load(arguments) => load::run(context, arguments),
        MemCommand::Search(arguments) => search::run(context, arguments),
        MemCommand::Test(arguments) => ram_test::run(context, arguments),
    }
}

/// How wide the accesses are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Width {
    #[value(name = "8")]
    W8,
    #[value(name = "16")]
    W16,
    #[value(name = "32")]
    W32,
    #[value(name = "64")]
    W64,
}

impl Width {
    fn bytes(self) -> u64 {
        match self {
            Width::W8 => 1,
            Width::W16 => 2,
            Width::W32 => 4,
            Width::W64 => 8,
        }
    }

    fn bits(self) -> u32 {
        match self {
            Width::W8 => 8,
            Width::W16 => 16,
            Width::W32 => 32,
            Width::W64 => 64,
        }
    }

    /// The width of a symbol or a register that is one value.
    fn of(place: &Place) -> Option<Width> {
        [Width::W8, Width::W16, Width::W32, Width::W64].into_iter().find(|width| place.size == Some(width.bytes()))
    }

    /// Refuses an address that the target cannot access with this width.
    fn check(self, address: u64) -> Outcome<()> {
        if address % self.bytes() == 0 {
            return Ok(());
        }
        let message = format!("{address:#010x} is not a multiple of {}", self.bytes());
        Err(Failure::usage(message).help("choose another --width"))
    }

    /// Reads values with accesses of this width.
    fn read<R: ProgressReport>(self, memory: &Memory<'_, R>, address: u64, count: usize) -> Outcome<Vec<u64>> {
        fn wide<T: Into<u64>>(values: Vec<T>) -> Vec<u64> {
            values.into_iter().map(Into::into).collect()
        }
        Ok(match self {
            Width::W8 => wide(memory.read_u8_vec(address, count)?),
            Width::W16 => wide(memory.read_u16_vec(address, count)?),
            Width::W32 => wide(memory.read_u32_vec(address, count)?),
            Width::W64 => memory.read_u64_vec(address, count)?,
        })
    }

    /// Writes values, which fit, with accesses of this width.
    fn write<R: ProgressReport>(self, memory: &Memory<'_, R>, address: u64, values: &[u64]) -> Outcome<()> {
        fn narrow<T: TryFrom<u64>>(values: &[u64]) -> Outcome<Vec<T>> {
            let too_wide = |value| move |_| Failure::usage(format!("{value:#x} is too wide"));
            values.iter().map(|&value| T::try_from(value).map_err(too_wide(value))).collect()
        }
        match self {
            Width::W8 => memory.write_u8_slice(address, &narrow(values)?)?,
            Width::W16 => memory.write_u16_slice(address, &narrow(values)?)?,
            Width::W32 => memory.write_u32_slice(address, &narrow(values)?)?,
            Width::W64 => memory.write_u64_slice(address, values)?,
        }
        Ok(())
    }
}

/// The order of a target's bytes in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    fn of(board: &Board) -> Outcome<ByteOrder> {
        let name = board.target()?.name()?;
        let targets = board.session.targets()?;
        let is_big = targets.iter().any(|target| target.name == name && !target.little_endian);
        Ok(if is_big { ByteOrder::Big } else { ByteOrder::Little })
    }

    /// The bytes of a value, in the order of their addresses.
    fn bytes(self, value: u64, width: Width) -> Vec<u8> {
        let count = usize::try_from(width.bytes()).unwrap_or(8);
        match self {
            ByteOrder::Little => value.to_le_bytes()[..count].to_vec(),
            ByteOrder::Big => value.to_be_bytes()[8 - count..].to_vec(),
        }
    }
}

/// The board's memory; by physical addresses with `--phys`.
fn memory(board: &Board, phys: bool) -> Outcome<Memory<'_>> {
    let memory = board.target()?.memory();
    Ok(if phys { memory.physical() } else { memory })
}

/// From how many bytes on progress is shown.
const LONG: u64 = 64 * 1024;

/// The same memory for a call about `length` bytes: a long one shows its progress, and each ends at
/// a signal.
fn watched<'a>(
    context: &Context,
    board: &Board,
    memory: &Memory<'a>,
    length: u64,
) -> Memory<'a, ProgressCallback<'static>> {
    if length >= LONG {
        let mut watch = Watch::new(&context.output, board.name(), &context.signals);
        return memory.with_progress(move |progress| watch.tell(progress));
    }
    context.signals.attend();
    let signals = context.signals.clone();
    memory.with_progress(move |_| match signals.caught() {
        Some(_) => ControlFlow::Break(()),
        None => ControlFlow::Continue(()),
    })
}
