//! `ocd read`: what flash holds, into a file or to standard output.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use clap::Args;
use openocd::{BankId, FlashBank, ImageFormat, OnClose};
use serde::Serialize;

use crate::address::Names;
use crate::board::Board;
use crate::commands::erase::{bank_id, bank_of, target_of};
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::file_format::{self, FormatArgs, is_stdout, told};
use crate::number::counted;
use crate::output::Done;
use crate::output::progress::Watch;

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
#[command(override_usage = "ocd read [OPTIONS] <ADDRESS> <LENGTH> <FILE>\n       \
    ocd read [OPTIONS] <RANGE> <FILE>\n       ocd read [OPTIONS] --bank <BANK> <FILE>")]
pub(crate) struct ReadArgs {
    /// Where: an address (a number, a symbol of --elf or an SVD register) and a length in bytes, or
    /// a range in place of the two: START..END, START..+LENGTH or START+LENGTH.
    #[arg(required_unless_present = "bank", num_args = 1..=2, value_names = ["ADDRESS", "LENGTH"])]
    #[arg(conflicts_with = "bank")]
    place: Vec<String>,
    /// Read the whole of this bank, by its number or name.
    #[arg(long, value_name = "BANK")]
    bank: Option<String>,
    /// The file that takes the bytes, in the format of its name; - for standard output.
    file: PathBuf,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Serialize)]
struct Report {
    #[serde(serialize_with = "crate::output::path::lossy")]
    path: PathBuf,
    format: ImageFormat,
    address: u64,
    bytes: u64,
    elapsed_seconds: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { path, format, address, bytes, elapsed_seconds } = self;
        let (bytes, verb) = (counted(*bytes, "byte"), if *bytes == 1 { "is" } else { "are" });
        let (path, format) = (path.display(), told(*format));
        write!(f, "{bytes} from {address:#010x} {verb} in {path}{format} ({elapsed_seconds:.1} s)")
    }
}

/// What is to be read, as far as it is known without a board.
enum Plan<'a> {
    Range(Range<u64>),
    Bank(BankId<'a>),
}

fn plan<'a>(context: &Context, arguments: &'a ReadArgs) -> Outcome<Plan<'a>> {
    let settings = context.one_settings()?;
    if let Some(bank) = &arguments.bank {
        return Ok(Plan::Bank(bank_id(bank)));
    }
    let range = Names::new(&settings).extent(&arguments.place)?;
    if range.is_empty() {
        return Err(Failure::usage("the length is 0: there is nothing to read"));
    }
    Ok(Plan::Range(range))
}

pub(crate) fn run(context: &Context, arguments: &ReadArgs) -> Outcome<u8> {
    let plan = plan(context, arguments)?;
    let format = arguments.format.of(&arguments.file)?;
    let to_stdout = is_stdout(&arguments.file);
    if to_stdout && context.output.is_json() {
        return Err(Failure::usage("the bytes and JSON cannot both be on standard output").help("name a file"));
    }
    let board = context.one_board()?;
    let name = board.name().map(str::to_owned);
    let read = read(context, arguments, &board, plan, format);
    let closed = board.close(OnClose::AsIs);
    let report = read.and_then(|report| closed.map(|()| report))?;
    let status = context.signals.caught().unwrap_or(exit_status::DONE);
    if let Some(report) = report {
        context.output.done(name.as_deref(), &Done::with(report, status))?;
    }
    Ok(status)
}

/// Returns what to tell; `None` if the bytes themselves are the answer.
fn read(
    context: &Context,
    arguments: &ReadArgs,
    board: &Board,
    plan: Plan<'_>,
    format: ImageFormat,
) -> Outcome<Option<Report>> {
    let mut watch = Watch::new(&context.output, board.name(), &context.signals);
    watch.interrupted("nothing was read")?;
    let bank = match plan {
        Plan::Bank(bank) => Some(bank_of(board.target()?.flash(), bank)?),
        Plan::Range(_) => None,
    };
    let target = bank.as_ref().map_or_else(|| board.target(), |bank| target_of(board, bank))?;
    let flash = target.flash();
    let (address, length) = match plan {
        Plan::Range(range) => (range.start, range.end - range.start),
        // Its size may be known only when it is probed.
        Plan::Bank(bank) => {
            let FlashBank { base, size, .. } = flash.probe(bank)?;
            (base, size)
        }
    };
    file_format::check(format, address, length)?;
    let path = &arguments.file;
    let to_stdout = is_stdout(path);
    if format == ImageFormat::Bin && !to_stdout {
        let read = watch.flash(flash).read_to_file(address, length, path);
        read.map_err(|error| watch.failure(error))?;
    } else {
        let bytes = watch.flash(flash).read(address, length);
        let bytes = bytes.map_err(|error| watch.failure(error))?;
        match format {
            ImageFormat::Bin => context.output.bytes(&bytes)?,
            format => file_format::write(format, address, bytes, path)?,
        }
    }
    if to_stdout {
        return Ok(None);
    }
    let elapsed_seconds = board.opened.elapsed().as_secs_f64();
    Ok(Some(Report { path: path.clone(), format, address, bytes: length, elapsed_seconds }))
}
