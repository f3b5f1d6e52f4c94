//! `ocd scan`, `svf` and `xsvf`: the JTAG chain.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use openocd::{Error, Jep106, SvfReport, Tap, TargetError};
use serde::Serialize;

use crate::board::Board;
use crate::context::Context;
use crate::exit_status;
use crate::failure::Outcome;
use crate::number::counted;
use crate::output::Done;
use crate::output::file::check_readable;
use crate::output::table::table;

/// How long a file may take without --timeout.
const FILE_TIME: Duration = Duration::from_secs(600);

#[derive(Debug, Args)]
pub(crate) struct SvfArgs {
    /// The file.
    file: PathBuf,
    /// The TAP that the file is for; all others are bypassed [default: the whole chain].
    #[arg(long, value_name = "NAME")]
    tap: Option<String>,
    /// Go on after failed comparisons, and count them.
    #[arg(long)]
    ignore_errors: bool,
}

#[derive(Debug, Args)]
pub(crate) struct XsvfArgs {
    /// The file.
    file: PathBuf,
    /// The TAP that the file is for; all others are bypassed [default: the whole chain].
    #[arg(long, value_name = "NAME")]
    tap: Option<String>,
    /// The times of XRUNTEST are numbers of clocks, not microseconds.
    #[arg(long)]
    virt2: bool,
}

/// A TAP with what its identification code means.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    tap: Tap,
    manufacturer: Option<Jep106>,
    part: Option<u16>,
}

#[derive(Serialize)]
struct Chain {
    taps: Vec<Row>,
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |Row { tap, manufacturer, part }: &Row| {
            [
                tap.position.to_string(),
                tap.name.clone(),
                tap.idcode.map_or_else(|| "-".to_owned(), |id| format!("{id:#010x}")),
                part.map_or_else(|| "-".to_owned(), |part| format!("{part:#06x}")),
                tap.ir_length.to_string(),
                if tap.enabled { "yes" } else { "no" }.to_owned(),
                manufacturer.map_or_else(|| "-".to_owned(), |manufacturer| manufacturer.to_string()),
            ]
        };
        let header = ["#", "TAP", "IDCODE", "part", "IR bits", "enabled", "manufacturer"];
        f.write_str(&table(header, self.taps.iter().map(row)))
    }
}

#[derive(Serialize)]
struct Played {
    #[serde(serialize_with = "crate::output::path::lossy")]
    file: PathBuf,
    #[serde(flatten)]
    report: SvfReport,
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} done", self.file.display(), counted(self.report.commands.into(), "command"))?;
        match self.report.errors {
            0 => Ok(()),
            errors => write!(f, ", {} failed", counted(errors.into(), "comparison")),
        }?;
        self.report.mismatches.iter().try_for_each(|mismatch| write!(f, "\n  {mismatch}"))
    }
}

#[derive(Serialize)]
struct PlayedXsvf {
    #[serde(serialize_with = "crate::output::path::lossy")]
    file: PathBuf,
}

impl fmt::Display for PlayedXsvf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: done", self.file.display())
    }
}

pub(crate) fn scan(context: &Context) -> Outcome<u8> {
    context.each_board(|board| {
        let taps = board.session.jtag().scan_chain()?;
        if let Some(doubt) = board.doubt_of_chain(&taps) {
            context.output.warning(board.name(), &doubt)?;
        }
        note_memory(context, board)?;
        let row = |tap: Tap| Row { manufacturer: tap.manufacturer(), part: tap.part(), tap };
        Ok(Chain { taps: taps.into_iter().map(row).collect() })
    })
}

/// Warns if the chain is no more than what an OpenOCD that runs already has read before.
fn note_memory(context: &Context, board: &Board) -> Outcome<()> {
    if board.session.process().is_some() {
        return Ok(());
    }
    match board.target()?.status() {
        // A chain need not have a target.
        Ok(_) | Err(Error::Target(TargetError::NoTarget { .. })) => Ok(()),
        Err(error) => {
            let text = format!("OpenOCD read this chain before; now the target does not answer: {error}");
            context.output.warning(board.name(), &text)
        }
    }
}

pub(crate) fn svf(context: &Context, arguments: &SvfArgs) -> Outcome<u8> {
    context.each_board_planned(
        |_| check_readable(&arguments.file),
        |board, ()| {
            let mut file = board.session.jtag().svf(&arguments.file).timeout(time(board)?);
            if let Some(tap) = &arguments.tap {
                file = file.tap(tap);
            }
            if arguments.ignore_errors {
                file = file.ignore_errors();
            }
            let report = file.run()?;
            let status = if report.errors == 0 { exit_status::DONE } else { exit_status::MISMATCH };
            Ok(Done::with(Played { file: arguments.file.clone(), report }, status))
        },
    )
}

pub(crate) fn xsvf(context: &Context, arguments: &XsvfArgs) -> Outcome<u8> {
    context.each_board_planned(
        |_| check_readable(&arguments.file),
        |board, ()| {
            let mut file = board.session.jtag().xsvf(&arguments.file).timeout(time(board)?);
            if let Some(tap) = &arguments.tap {
                file = file.tap(tap);
            }
            if arguments.virt2 {
                file = file.virt2();
            }
            file.run()?;
            Ok(Done::from(PlayedXsvf { file: arguments.file.clone() }))
        },
    )
}

/// How long a file may take: `--timeout` is about one answer of OpenOCD, and a file is one.
fn time(board: &Board) -> Outcome<Duration> {
    Ok(board.time_limit()?.unwrap_or(FILE_TIME))
}
