//! `ocd mem dump`.

use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::path::PathBuf;

use clap::Args;
use openocd::ImageFormat;
use serde::Serialize;

use super::{memory, watched};
use crate::address::Names;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::file_format::{self, FormatArgs, is_stdout, told};
use crate::number::counted;
use crate::output::{Done, room};

#[derive(Debug, Args)]
#[command(
    override_usage = "ocd mem dump [OPTIONS] <ADDRESS> <LENGTH> <FILE>\n       ocd mem dump [OPTIONS] <RANGE> <FILE>"
)]
pub(crate) struct DumpArgs {
    /// Where: an address (a number, a symbol of --elf or an SVD register) and a length in bytes, or
    /// a range in place of the two: START..END, START..+LENGTH or START+LENGTH.
    #[arg(required = true, num_args = 1..=2, value_names = ["ADDRESS", "LENGTH"])]
    place: Vec<String>,
    /// The file, which is overwritten, in the format of its name. `-` is standard output.
    file: PathBuf,
    #[command(flatten)]
    format: FormatArgs,
    /// The address is physical, past the MMU.
    #[arg(long)]
    phys: bool,
}

#[derive(Serialize)]
struct Report {
    address: u64,
    length: u64,
    format: ImageFormat,
    #[serde(serialize_with = "crate::output::path::lossy")]
    file: PathBuf,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_stdout(&self.file) {
            return Ok(());
        }
        let length = counted(self.length, "byte");
        write!(f, "wrote {length} from {:#010x} to {}{}", self.address, self.file.display(), told(self.format))
    }
}

/// Standard output, which keeps its failure: the library knows it as that of any stream.
struct StandardOutput {
    failure: Option<Failure>,
}

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        room::print(bytes).map(|()| bytes.len()).map_err(|failure| {
            self.failure.get_or_insert(failure);
            io::ErrorKind::Other.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn run(context: &Context, arguments: &DumpArgs) -> Outcome<u8> {
    // Several boards would write one file.
    context.one_settings()?;
    if is_stdout(&arguments.file) && context.output.is_json() {
        return Err(Failure::usage("raw bytes have no JSON form: name a file"));
    }
    let format = arguments.format.of(&arguments.file)?;
    context.each_board_planned(
        |settings| {
            let range = Names::new(settings).extent(&arguments.place)?;
            if range.is_empty() { Err(Failure::usage("the length is 0")) } else { Ok(range) }
        },
        |board, &Range { start: address, end }| {
            let (length, file) = (end - address, arguments.file.clone());
            file_format::check(format, address, length)?;
            let memory = watched(context, board, &memory(board, arguments.phys)?, length);
            if format != ImageFormat::Bin {
                file_format::write(format, address, memory.read_bytes(address, length)?, &file)?;
            } else if is_stdout(&file) {
                let mut to = StandardOutput { failure: None };
                let dumped = memory.dump_to(address, length, &mut to);
                // As every command ends whose output cannot be written.
                to.failure.map_or(Ok(()), Err)?;
                dumped?;
            } else {
                memory.dump(address, length, &file)?;
            }
            Ok(Done::from(Report { address, length, format, file }))
        },
    )
}
