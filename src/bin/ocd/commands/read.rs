//! `ocd read`: what flash holds, into a file or to standard output.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use clap::Args;
use openocd::OnClose;
use serde::Serialize;

use crate::address::Names;
use crate::board::Board;
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::number::counted;
use crate::output::Done;
use crate::output::progress::Watch;

#[derive(Debug, Args)]
#[command(override_usage = "ocd read [OPTIONS] <ADDRESS> <LENGTH> <FILE>\n       ocd read [OPTIONS] <RANGE> <FILE>")]
pub(crate) struct ReadArgs {
    /// Where: an address (a number, a symbol of --elf or an SVD register) and a length in bytes, or
    /// a range in place of the two: START..END, START..+LENGTH or START+LENGTH.
    #[arg(required = true, num_args = 1..=2, value_names = ["ADDRESS", "LENGTH"])]
    place: Vec<String>,
    /// The file that takes the bytes; - for standard output.
    file: PathBuf,
}

#[derive(Serialize)]
struct Report {
    #[serde(serialize_with = "crate::output::path::lossy")]
    path: PathBuf,
    address: u64,
    bytes: u64,
    elapsed_seconds: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { path, address, bytes, elapsed_seconds } = self;
        let (bytes, verb) = (counted(*bytes, "byte"), if *bytes == 1 { "is" } else { "are" });
        write!(f, "{bytes} from {address:#010x} {verb} in {} ({elapsed_seconds:.1} s)", path.display())
    }
}

pub(crate) fn run(context: &Context, arguments: &ReadArgs) -> Outcome<u8> {
    let range = Names::new(&context.one_settings()?).extent(&arguments.place)?;
    if range.is_empty() {
        return Err(Failure::usage("the length is 0: there is nothing to read"));
    }
    let to_stdout = arguments.file.as_os_str() == "-";
    if to_stdout && context.output.is_json() {
        return Err(Failure::usage("the bytes and JSON cannot both be on standard output").help("name a file"));
    }
    let board = context.one_board()?;
    let name = board.name().map(str::to_owned);
    let read = read(context, arguments, &board, range, to_stdout);
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
    range: Range<u64>,
    to_stdout: bool,
) -> Outcome<Option<Report>> {
    let (address, length) = (range.start, range.end - range.start);
    let mut watch = Watch::new(&context.output, board.name(), &context.signals);
    watch.interrupted("nothing was read")?;
    let flash = board.target()?.flash();
    if to_stdout {
        let bytes = watch.flash(flash).read(address, length);
        let bytes = bytes.map_err(|error| watch.failure(error))?;
        return context.output.bytes(&bytes).map(|()| None);
    }
    let read = watch.flash(flash).read_to_file(address, length, &arguments.file);
    read.map_err(|error| watch.failure(error))?;
    let elapsed_seconds = board.opened.elapsed().as_secs_f64();
    Ok(Some(Report { path: arguments.file.clone(), address, bytes: length, elapsed_seconds }))
}
