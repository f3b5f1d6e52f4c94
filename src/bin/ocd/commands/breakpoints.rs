//! `ocd bp` and `ocd wp`: breakpoints and watchpoints.

use std::fmt;

use clap::{Args, Subcommand, ValueEnum};
use openocd::{Breakpoint, BreakpointKind, Watchpoint, WatchpointAccess};
use serde::Serialize;

use crate::address::Names;
use crate::board::Board;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::number::{self, counted};
use crate::output::Done;
use crate::output::table::table;

#[derive(Debug, Args)]
pub(crate) struct BpArgs {
    /// Without one, the breakpoints are listed.
    #[command(subcommand)]
    command: Option<BpCommand>,
}

impl BpArgs {
    /// Whether it changes breakpoints.
    pub(crate) fn writes(&self) -> bool {
        !matches!(self.command, None | Some(BpCommand::List))
    }
}

#[derive(Debug, Subcommand)]
enum BpCommand {
    /// Set a breakpoint, in hardware unless --software is given.
    Add(BpAddArgs),
    /// Remove the breakpoint at an address, or with --all all.
    Remove(RemoveArgs),
    /// List the breakpoints.
    List,
}

#[derive(Debug, Args)]
struct BpAddArgs {
    /// Where: a number or a symbol.
    address: String,
    /// Replace the instruction instead of using a comparator: needs RAM and a halted target.
    #[arg(long, short)]
    software: bool,
    /// Bytes of the breakpoint [default: what the target needs].
    #[arg(long, value_name = "BYTES", value_parser = number::number_u32)]
    length: Option<u32>,
}

#[derive(Debug, Args)]
struct RemoveArgs {
    /// Where: a number or a symbol. `all` is --all, unless there is a symbol of that name.
    #[arg(required_unless_present = "all")]
    address: Option<String>,
    /// Remove all.
    #[arg(long, conflicts_with = "address")]
    all: bool,
}

impl RemoveArgs {
    /// `None` for all.
    fn address(&self, names: &Names) -> Outcome<Option<u64>> {
        let Some(address) = self.address.as_deref() else { return Ok(None) };
        // A file that cannot be read may have such a symbol.
        names.image()?;
        match names.address(address) {
            Err(_) if address == "all" => Ok(None),
            address => address.map(Some),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct WpArgs {
    /// Without one, the watchpoints are listed.
    #[command(subcommand)]
    command: Option<WpCommand>,
}

impl WpArgs {
    /// Whether it changes watchpoints.
    pub(crate) fn writes(&self) -> bool {
        !matches!(self.command, None | Some(WpCommand::List))
    }
}

#[derive(Debug, Subcommand)]
enum WpCommand {
    /// Set a watchpoint: the target halts when it accesses the address.
    Add(WpAddArgs),
    /// Remove the watchpoint at an address, or with --all all.
    Remove(RemoveArgs),
    /// List the watchpoints.
    List,
}

#[derive(Debug, Args)]
struct WpAddArgs {
    /// Where: a number, a symbol of --elf or an SVD register; or a range in place of the two:
    /// START..END or START..+LENGTH.
    address: String,
    /// How many bytes [default: the size of the symbol or SVD register, otherwise 4].
    #[arg(value_parser = number::number_u32)]
    length: Option<u32>,
    /// Which accesses halt the target.
    #[arg(long, short, value_enum, default_value = "write")]
    access: Access,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Access {
    Read,
    Write,
    /// Reads and writes.
    #[value(name = "access")]
    Both,
}

impl From<Access> for WatchpointAccess {
    fn from(access: Access) -> Self {
        match access {
            Access::Read => WatchpointAccess::Read,
            Access::Write => WatchpointAccess::Write,
            Access::Both => WatchpointAccess::Access,
        }
    }
}

/// The breakpoints that there are afterwards.
#[derive(Serialize)]
struct Breakpoints {
    breakpoints: Vec<Breakpoint>,
    /// How many there were more before.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<u64>,
}

impl fmt::Display for Breakpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |point: &Breakpoint| {
            let comparator = point.comparator.map_or_else(String::new, |number| format!("comparator {number}"));
            let address = match point.kind {
                BreakpointKind::Context { .. } => String::new(),
                _ => format!("{:#010x}", point.address),
            };
            let effect = if point.in_effect == Some(false) { "not in effect" } else { "" };
            [address, counted(point.length.into(), "byte"), point.kind.to_string(), comparator, effect.to_owned()]
        };
        f.write_str(&table([""; 5], self.breakpoints.iter().map(row)))
    }
}

#[derive(Serialize)]
struct Watchpoints {
    watchpoints: Vec<Watchpoint>,
    /// As above.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<u64>,
}

impl fmt::Display for Watchpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |point: &Watchpoint| {
            [format!("{:#010x}", point.address), counted(point.length.into(), "byte"), point.access.to_string()]
        };
        f.write_str(&table([""; 3], self.watchpoints.iter().map(row)))
    }
}

pub(crate) fn bp(context: &Context, arguments: &BpArgs) -> Outcome<u8> {
    // `before` is how many there were before some were removed.
    let listed = |board: &Board, before: Option<usize>| {
        let breakpoints = board.target()?.breakpoints().list()?;
        let removed = tell_count(context, board, "breakpoint", breakpoints.len(), before);
        Ok(Done::from(Breakpoints { breakpoints, removed }))
    };
    match arguments.command.as_ref().unwrap_or(&BpCommand::List) {
        BpCommand::List => context.each_board_done(|board| listed(board, None)),
        BpCommand::Add(arguments) => context.each_board_planned(
            |settings| Names::new(settings).address(&arguments.address),
            |board, &address| {
                let kind = if arguments.software { BreakpointKind::Software } else { BreakpointKind::Hardware };
                let breakpoints = board.target()?.breakpoints();
                let added = match arguments.length {
                    Some(length) => breakpoints.add_with_length(address, length, kind)?,
                    None => breakpoints.add(address, kind)?,
                };
                tell_lifetime(context, board);
                Ok(Done::from(Breakpoints { breakpoints: vec![added], removed: None }))
            },
        ),
        BpCommand::Remove(arguments) => context.each_board_planned(
            |settings| arguments.address(&Names::new(settings)),
            |board, address| {
                let breakpoints = board.target()?.breakpoints();
                let before = breakpoints.list()?.len();
                match address {
                    Some(address) => breakpoints.remove(*address)?,
                    None => breakpoints.remove_all()?,
                }
                listed(board, Some(before))
            },
        ),
    }
}

pub(crate) fn wp(context: &Context, arguments: &WpArgs) -> Outcome<u8> {
    let listed = |board: &Board, before: Option<usize>| {
        let target = board.target()?;
        // OpenOCD keeps its list also when the target is lost.
        target.status()?;
        let watchpoints = target.breakpoints().list_watchpoints()?;
        let removed = tell_count(context, board, "watchpoint", watchpoints.len(), before);
        Ok(Done::from(Watchpoints { watchpoints, removed }))
    };
    match arguments.command.as_ref().unwrap_or(&WpCommand::List) {
        WpCommand::List => context.each_board_done(|board| listed(board, None)),
        WpCommand::Add(arguments) => context.each_board_planned(
            |settings| {
                let length = arguments.length.map(u64::from);
                let (place, length) = Names::new(settings).place_and_length(&arguments.address, length)?;
                let length = match length.or(place.size) {
                    Some(size) => u32::try_from(size)
                        .map_err(|_| Failure::usage(format!("{} is too large to watch", arguments.address)))?,
                    None => 4,
                };
                Ok((place.address, length))
            },
            |board, &(address, length)| {
                let breakpoints = board.target()?.breakpoints();
                let added = breakpoints.add_watchpoint(address, length, arguments.access.into())?;
                tell_lifetime(context, board);
                Ok(Done::from(Watchpoints { watchpoints: vec![added], removed: None }))
            },
        ),
        WpCommand::Remove(arguments) => context.each_board_planned(
            |settings| arguments.address(&Names::new(settings)),
            |board, address| {
                let breakpoints = board.target()?.breakpoints();
                let before = breakpoints.list_watchpoints()?.len();
                match address {
                    Some(address) => breakpoints.remove_watchpoint(*address)?,
                    None => breakpoints.remove_all_watchpoints()?,
                }
                listed(board, Some(before))
            },
        ),
    }
}

/// Says how many points were removed, or that there are none. Returns how many were removed, if
/// some were to be.
fn tell_count(context: &Context, board: &Board, what: &str, now: usize, before: Option<usize>) -> Option<u64> {
    let removed = before.map(|before| before.saturating_sub(now) as u64);
    match removed {
        Some(removed @ 1..) => context.output.note(board.name(), format_args!("{} removed", counted(removed, what))),
        _ if now == 0 => context.output.note(board.name(), format_args!("no {what}s are set")),
        _ => {}
    }
    removed
}

/// Says how long a point lasts that ends with this command's own OpenOCD.
fn tell_lifetime(context: &Context, board: &Board) {
    if board.session.process().is_some() {
        context.output.note(
            board.name(),
            "note: it lasts no longer than this command's OpenOCD; for a lasting one use `ocd server` and --connect",
        );
    }
}
