//! `ocd crash`, `backtrace` and `core`: what a halted target tells.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;
use openocd::crash::Backtrace;
use openocd::{CodeLocation, CrashReport, Image, TargetState};
use serde::Serialize;

use crate::address::Names;
use crate::board::Board;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::number::counted;
use crate::output::Done;
use crate::settings::{Key, Settings};

#[derive(Debug, Args)]
pub(crate) struct CrashArgs {
    /// The firmware that runs, in place of --elf.
    file: Option<PathBuf>,
    /// Use the file although flash differs from it, as for firmware that writes to its own flash.
    /// By default, names and source lines are not taken from a file that differs from flash.
    #[arg(long)]
    trust_file: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CoreArgs {
    /// The core file, which is overwritten.
    file: PathBuf,
    /// Which memory goes into it besides the registers, such as the RAM: START..END without the
    /// end, START..+LENGTH, START+LENGTH, or the name of a symbol.
    ranges: Vec<String>,
}

#[derive(Serialize)]
struct Crash {
    #[serde(flatten)]
    report: CrashReport,
    summary: String,
    /// Where the crash is in the sources; inlined functions first. Empty without the firmware.
    location: Vec<CodeLocation>,
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.report.to_string().trim_end())?;
        if let (Some(pc), [_, ..]) = (self.report.fault_pc(), &self.location[..]) {
            write!(f, "\n\n{pc:#010x} is in")?;
            self.location.iter().try_for_each(|location| write!(f, "\n  {location}"))?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Trace {
    #[serde(flatten)]
    backtrace: Backtrace,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.backtrace.fmt(f)
    }
}

#[derive(Serialize)]
struct Core {
    #[serde(serialize_with = "crate::output::path::lossy")]
    file: PathBuf,
    /// Bytes of memory in it.
    length: u64,
}

impl fmt::Display for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = counted(self.length, "byte");
        write!(f, "wrote the registers and {length} of memory to {}", self.file.display())
    }
}

impl CrashArgs {
    /// The names, after the firmware has been read.
    fn names(&self, settings: &Settings) -> Outcome<Names> {
        if let Some(file) = &self.file {
            return Ok(Names::with_image(settings, &Image::open(file)?));
        }
        let names = Names::new(settings);
        names.image()?;
        Ok(names)
    }
}

/// Compares flash with the firmware, and returns the failure if it holds other firmware.
fn other_firmware(context: &Context, board: &Board, image: &Image, arguments: &CrashArgs) -> Outcome<Option<Failure>> {
    let of_settings = || Path::new(board.settings.value(Key::Elf).unwrap_or_default());
    let file = arguments.file.as_deref().unwrap_or_else(of_settings);
    let other = super::run::other_firmware(context, board, image, file, arguments.trust_file);
    // What follows does not look for signals by itself.
    context.signals.unattend();
    other
}

/// Notes why the file does not say where an address is in the sources.
fn note_no_places(context: &Context, board: &Board, error: &openocd::Error) {
    context.output.note(board.name(), format_args!("note: there are no places in the sources: {error}"));
}

pub(crate) fn crash(context: &Context, arguments: &CrashArgs) -> Outcome<u8> {
    context.each_board_planned(
        |settings| arguments.names(settings),
        |board, names| {
            let report = board.target()?.crash_report()?;
            let mut location = Vec::new();
            if let Some(image) = names.image()? {
                match (other_firmware(context, board, image, arguments)?, report.fault_pc()) {
                    (Some(other), _) => {
                        let message = format!("{other}; addresses have no names");
                        context.output.warning(board.name(), &message)?;
                    }
                    (None, Some(pc)) => match image.location(pc) {
                        Ok(found) => location = found,
                        Err(error) => note_no_places(context, board, &error),
                    },
                    (None, None) => {}
                }
            }
            Ok(Done::from(Crash { summary: report.summary(), report, location }))
        },
    )
}

pub(crate) fn backtrace(context: &Context, arguments: &CrashArgs) -> Outcome<u8> {
    context.each_board_planned(
        |settings| {
            let names = arguments.names(settings)?;
            names.needed_image()?;
            Ok(names)
        },
        |board, names| {
            let (target, image) = (board.target()?, names.needed_image()?);
            // A target that runs has no calls to show, whatever flash holds.
            if target.status()?.state == TargetState::Halted {
                // The tables that say how to unwind the calls are in the file.
                if let Some(other) = other_firmware(context, board, image, arguments)? {
                    return Err(other);
                }
            }
            let backtrace = target.backtrace(image)?;
            if let Some(Err(error)) = backtrace.frames.first().map(|frame| image.location(frame.pc)) {
                note_no_places(context, board, &error);
            }
            Ok(Done::from(Trace { backtrace }))
        },
    )
}

pub(crate) fn core(context: &Context, arguments: &CoreArgs) -> Outcome<u8> {
    if arguments.file == Path::new("-") {
        return Err(Failure::usage("a core file is none for standard output: name a file; one of that name is ./-"));
    }
    // Several boards would write one file.
    context.one_settings()?;
    context.each_board_planned(
        |settings| {
            let names = Names::new(settings);
            let ranges = arguments.ranges.iter().map(|range| names.range(range));
            let mut ranges: Vec<Range<u64>> = ranges.collect::<Outcome<_>>()?;
            ranges.sort_by_key(|range| range.start);
            match ranges.windows(2).find(|pair| pair[0].end > pair[1].start) {
                Some(pair) => Err(Failure::usage(format!("the ranges overlap at {:#010x}", pair[1].start))),
                None => Ok(ranges),
            }
        },
        |board, ranges| {
            board.target()?.core_dump(&arguments.file, ranges)?;
            if ranges.is_empty() {
                let note = "note: the core has no memory; name the RAM, such as 0x2000_0000..+20K, to see variables";
                context.output.note(board.name(), note);
            }
            let length = ranges.iter().map(|range| range.end - range.start).sum();
            Ok(Done::from(Core { file: arguments.file.clone(), length }))
        },
    )
}
