//! `ocd dap`: the debug access port of an Arm chip.

use std::fmt;

use clap::{Args, Subcommand};
use openocd::{Dap, DapInfo};
use serde::Serialize;

use crate::board::Board;
use crate::context::Context;
use crate::failure::Outcome;
use crate::number;

#[derive(Debug, Args)]
pub(crate) struct DapArgs {
    #[command(subcommand)]
    command: DapCommand,
    /// Use this DAP of the configuration [default: the target's].
    #[arg(long, global = true, value_name = "NAME")]
    dap: Option<String>,
}

#[derive(Debug, Subcommand)]
enum DapCommand {
    /// Show what the debug port, the access ports and their ROM tables say.
    Info,
    /// List the DAPs of the configuration.
    List,
    /// Read a register.
    #[command(subcommand)]
    Read(Read),
    /// Write a register.
    #[command(subcommand)]
    Write(Write),
}

#[derive(Debug, Subcommand)]
enum Read {
    /// A register of the debug port.
    Dp {
        /// Its address, such as 4 for CTRL/STAT; the bank in bits 4 to 7.
        #[arg(value_parser = number::number_u32)]
        address: u32,
    },
    /// A register of an access port.
    Ap {
        /// The access port: its number, in ADIv6 its address.
        #[arg(value_parser = number::number)]
        port: u64,
        /// The register's address, such as 0xfc for IDR in ADIv5.
        #[arg(value_parser = number::number_u32)]
        address: u32,
    },
}

#[derive(Debug, Subcommand)]
enum Write {
    /// A register of the debug port.
    Dp {
        /// Its address, such as 0 for ABORT; the bank in bits 4 to 7.
        #[arg(value_parser = number::number_u32)]
        address: u32,
        /// The value.
        #[arg(value_parser = number::number_u32)]
        value: u32,
    },
    /// A register of an access port.
    Ap {
        /// The access port: its number, in ADIv6 its address.
        #[arg(value_parser = number::number)]
        port: u64,
        /// The register's address, such as 4 for TAR in ADIv5.
        #[arg(value_parser = number::number_u32)]
        address: u32,
        /// The value.
        #[arg(value_parser = number::number_u32)]
        value: u32,
    },
}

/// The register's value that was read or written.
#[derive(Serialize)]
struct Content {
    /// None for the debug port.
    port: Option<u64>,
    address: u32,
    value: u32,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.value)
    }
}

#[derive(Serialize)]
struct Info {
    #[serde(flatten)]
    info: DapInfo,
    is_complete: bool,
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info.fmt(f)
    }
}

#[derive(Serialize)]
struct List {
    daps: Vec<String>,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.daps.join("\n"))
    }
}

impl DapArgs {
    /// Whether it changes registers.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.command, DapCommand::Write(_))
    }
}

pub(crate) fn run(context: &Context, arguments: &DapArgs) -> Outcome<u8> {
    let name = arguments.dap.as_deref();
    match arguments.command {
        DapCommand::List => context.each_board(|board| Ok(List { daps: board.session.dap().names()? })),
        DapCommand::Info => context.each_board(|board| {
            let info = dap(board, name)?.info()?;
            let is_complete = info.is_complete();
            Ok(Info { info, is_complete })
        }),
        DapCommand::Read(Read::Dp { address }) => context.each_board(|board| {
            let value = dap(board, name)?.read_dp(address)?;
            Ok(Content { port: None, address, value })
        }),
        DapCommand::Read(Read::Ap { port, address }) => context.each_board(|board| {
            let value = dap(board, name)?.read_ap(port, address)?;
            Ok(Content { port: Some(port), address, value })
        }),
        DapCommand::Write(Write::Dp { address, value }) => context.each_board(|board| {
            dap(board, name)?.write_dp(address, value)?;
            Ok(Content { port: None, address, value })
        }),
        DapCommand::Write(Write::Ap { port, address, value }) => context.each_board(|board| {
            dap(board, name)?.write_ap(port, address, value)?;
            Ok(Content { port: Some(port), address, value })
        }),
    }
}

fn dap<'b>(board: &'b Board, name: Option<&'b str>) -> Outcome<Dap<'b>> {
    match name {
        Some(name) => Ok(board.session.dap_named(name)?),
        None => Ok(board.target()?.dap()),
    }
}
