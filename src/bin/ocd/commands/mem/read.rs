//! `ocd mem read`.

use std::fmt;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{ByteOrder, Width, memory, watched};
use crate::address::{Names, Place};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::output::Done;

/// How much is read of what has no size of its own.
const DEFAULT_BYTES: u64 = 64;

#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// Where to begin: a number, a symbol of --elf or an SVD register; or a range in place of the
    /// two: START..END or START..+LENGTH.
    address: String,
    /// How many bytes [default: the size of the symbol or SVD register, otherwise 64].
    #[arg(value_parser = number::number, conflicts_with = "count")]
    length: Option<u64>,
    /// How many values of --width, instead of a length in bytes.
    #[arg(long, short = 'n', value_name = "N", value_parser = number::number)]
    count: Option<u64>,
    /// Bits of each access [default: that of the symbol or SVD register, otherwise whatever is
    /// fastest].
    #[arg(long, short, value_enum)]
    width: Option<Width>,
    /// How to print: a table, a hexadecimal value a line, or raw bytes.
    #[arg(long, short, value_enum, default_value = "table")]
    format: Format,
    /// The address is physical, past the MMU.
    #[arg(long)]
    phys: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Hex,
    Bin,
}

/// What is to be read.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    address: u64,
    count: u64,
    /// None for the fastest accesses to bytes.
    width: Option<Width>,
}

#[derive(Serialize)]
struct Report {
    address: u64,
    width: u32,
    values: Vec<u64>,
    #[serde(skip)]
    format: Format,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.width as usize / 4;
        match self.format {
            Format::Bin => Ok(()),
            Format::Hex => self.values.iter().try_for_each(|value| writeln!(f, "{value:0digits$x}")),
            Format::Table => self.table(f, digits),
        }
    }
}

impl Report {
    /// Sixteen bytes a line, with their characters where they are read as bytes.
    fn table(&self, f: &mut fmt::Formatter<'_>, digits: usize) -> fmt::Result {
        let bytes = u64::from(self.width / 8);
        let per_line = 128 / self.width as usize;
        let last = self.address.saturating_add(self.values.len() as u64 * bytes);
        let address_digits = if last > u64::from(u32::MAX) { 16 } else { 8 };
        for (index, line) in self.values.chunks(per_line).enumerate() {
            let at = self.address.wrapping_add(index as u64 * 16);
            write!(f, "{at:0address_digits$x} ")?;
            for (column, value) in line.iter().enumerate() {
                let gap = if column > 0 && column * 2 == per_line { "  " } else { " " };
                write!(f, "{gap}{value:0digits$x}")?;
            }
            if bytes == 1 {
                let missing = per_line - line.len();
                let pad = missing * 3 + usize::from(line.len() <= per_line / 2) + 2;
                let shown = line.iter().map(|&value| u8::try_from(value).unwrap_or(0));
                let shown: String =
                    shown.map(|byte| if matches!(byte, b' '..=b'~') { byte.into() } else { '.' }).collect();
                write!(f, "{:pad$}|{shown}|", "")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

pub(crate) fn run(context: &Context, arguments: &ReadArgs) -> Outcome<u8> {
    if arguments.format == Format::Bin {
        if context.output.is_json() {
            return Err(Failure::usage("raw bytes have no JSON form"));
        }
        // Their bytes would be mixed up.
        context.one_settings()?;
    }
    context.each_board_planned(
        |settings| {
            if arguments.address.contains('=') && Names::new(settings).place(&arguments.address).is_err() {
                let message = format!("{:?} is no address", arguments.address);
                return Err(Failure::usage(message).help(format!("to write: ocd mem write {}", arguments.address)));
            }
            let (place, length) = Names::new(settings).place_and_length(&arguments.address, arguments.length)?;
            arguments.plan(&place, length)
        },
        |board, &Plan { address, count, width }| {
            let length = count.saturating_mul(width.map_or(1, Width::bytes));
            let memory = watched(context, board, &memory(board, arguments.phys)?, length);
            let values = match width {
                Some(width) => {
                    let count = usize::try_from(count).map_err(|_| Failure::usage("the length is too large"))?;
                    width.read(&memory, address, count)?
                }
                None => memory.read_bytes(address, count)?.into_iter().map(u64::from).collect(),
            };
            let width = width.unwrap_or(Width::W8);
            if arguments.format == Format::Bin {
                let order = ByteOrder::of(board)?;
                let bytes: Vec<u8> = values.iter().flat_map(|&value| order.bytes(value, width)).collect();
                context.output.bytes(&bytes)?;
            }
            Ok(Done::from(Report { address, width: width.bits(), values, format: arguments.format }))
        },
    )
}

impl ReadArgs {
    fn plan(&self, place: &Place, length: Option<u64>) -> Outcome<Plan> {
        let address = place.address;
        if length.is_some() && self.count.is_some() {
            return Err(Failure::usage(format!("the range {} and --count exclude each other", self.address)));
        }
        let one_value = if length.is_none() { Width::of(place) } else { None };
        // A function may have the size of a number, and another place.
        let one_value = one_value.filter(|width| address % width.bytes() == 0);
        let width = self.width.or(one_value).filter(|_| self.format != Format::Bin || self.width.is_some());
        let unit = width.map_or(1, Width::bytes);
        if let Some(width) = width {
            width.check(address)?;
        }
        let count = match (self.count, length.or(place.size).unwrap_or(DEFAULT_BYTES)) {
            (Some(count), _) => count,
            (None, length) if length % unit == 0 => length / unit,
            (None, length) => {
                return Err(Failure::usage(format!("the length {length} is not a multiple of {unit} bytes")));
            }
        };
        if count == 0 {
            return Err(Failure::usage("the length is 0"));
        }
        Ok(Plan { address, count, width })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(address: u64, width: u32, values: impl IntoIterator<Item = u64>) -> String {
        Report { address, width, values: values.into_iter().collect(), format: Format::Table }.to_string()
    }

    #[test]
    fn a_table_has_sixteen_bytes_a_line() {
        assert_eq!(
            table(0x0800_0010, 8, 0x1c..0x2f),
            "08000010  1c 1d 1e 1f 20 21 22 23  24 25 26 27 28 29 2a 2b  |.... !\"#$%&'()*+|\n\
             08000020  2c 2d 2e                                          |,-.|\n"
        );
        assert_eq!(table(0, 32, 0..5), "00000000  00000000 00000001  00000002 00000003\n00000010  00000004\n");
        assert_eq!(table(0, 64, [1]), "00000000  0000000000000001\n");
        assert!(table(u64::MAX, 8, [0xff]).starts_with("ffffffffffffffff  ff"));
    }
}
