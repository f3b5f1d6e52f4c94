//! `ocd adapter`: the probe itself.

use std::fmt;

use clap::{Args, Subcommand, ValueEnum};
use openocd::{AdapterDriver, OpenOcdProcess, ResetSignal, Session};
use serde::Serialize;

use super::info::Probe;
use crate::context::Context;
use crate::failure::Outcome;
use crate::number;
use crate::output::Done;
use crate::output::table::table;
use crate::settings::Key;

#[derive(Debug, Args)]
pub(crate) struct AdapterArgs {
    #[command(subcommand)]
    command: Option<AdapterCommand>,
}

#[derive(Debug, Subcommand)]
enum AdapterCommand {
    /// Show driver, transport, speed and serial number. The default.
    Info,
    /// Set the speed, and show the speed that the probe uses. 0 is adaptive clocking.
    Speed {
        /// The speed in kHz.
        #[arg(value_parser = number::number_u32)]
        khz: u32,
    },
    /// Assert a reset line, until it is deasserted or OpenOCD ends.
    Assert {
        #[arg(value_enum)]
        line: Line,
    },
    /// Deassert a reset line.
    Deassert {
        #[arg(value_enum)]
        line: Line,
    },
    /// List the drivers of OpenOCD. Needs no board.
    Drivers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// Reset of the chip.
    Srst,
    /// Reset of the TAPs.
    Trst,
    /// SRST and TRST.
    Both,
}

impl From<Line> for ResetSignal {
    fn from(line: Line) -> Self {
        match line {
            Line::Srst => ResetSignal::Srst,
            Line::Trst => ResetSignal::Trst,
            Line::Both => ResetSignal::Both,
        }
    }
}

#[derive(Serialize)]
struct Speed {
    speed_khz: Option<u32>,
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.speed_khz {
            Some(khz) => write!(f, "{khz} kHz"),
            None => f.write_str("adaptive clocking"),
        }
    }
}

#[derive(Serialize)]
struct Driven {
    line: Line,
    asserted: bool,
}

impl fmt::Display for Driven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", ResetSignal::from(self.line), if self.asserted { "asserted" } else { "deasserted" })
    }
}

#[derive(Serialize)]
struct Drivers {
    drivers: Vec<AdapterDriver>,
}

impl fmt::Display for Drivers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |driver: &AdapterDriver| {
            [driver.name.clone(), driver.transports.as_deref().map_or_else(String::new, |names| names.join(", "))]
        };
        f.write_str(&table([""; 2], self.drivers.iter().map(row)))
    }
}

impl AdapterArgs {
    /// Whether it drives a reset line.
    pub(crate) fn drives_a_line(&self) -> bool {
        matches!(self.command, Some(AdapterCommand::Assert { .. } | AdapterCommand::Deassert { .. }))
    }
}

pub(crate) fn run(context: &Context, arguments: &AdapterArgs) -> Outcome<u8> {
    match arguments.command {
        None | Some(AdapterCommand::Info) => context.each_board(|board| Ok(Probe::read(&board.session)?)),
        Some(AdapterCommand::Speed { khz }) => {
            context.each_board(|board| Ok(Speed { speed_khz: board.session.adapter().set_speed(khz)? }))
        }
        Some(AdapterCommand::Assert { line }) => context.each_board(|board| {
            board.session.adapter().assert_reset(line.into())?;
            if board.session.process().is_some() {
                let note =
                    "note: the line is released when this command's OpenOCD ends; see `ocd server` and --connect";
                context.output.note(board.name(), note);
            }
            Ok(Driven { line, asserted: true })
        }),
        Some(AdapterCommand::Deassert { line }) => context.each_board(|board| {
            board.session.adapter().deassert_reset(line.into())?;
            Ok(Driven { line, asserted: false })
        }),
        Some(AdapterCommand::Drivers) => drivers(context),
    }
}

/// Starts an OpenOCD that uses none of its drivers.
fn drivers(context: &Context) -> Outcome<u8> {
    let settings = context.one_settings()?;
    let mut openocd = OpenOcdProcess::builder().command("noinit");
    if let Some(path) = settings.value(Key::Openocd) {
        openocd = openocd.binary(path);
    }
    let session = Session::builder().start(openocd)?;
    let drivers = session.adapter().list_drivers()?;
    session.close()?;
    context.output.done(settings.board.as_deref(), &Done::from(Drivers { drivers }))?;
    Ok(0)
}
