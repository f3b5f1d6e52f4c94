//! `ocd symbols`: the symbols of the firmware.

use std::cmp::Reverse;
use std::fmt;
use std::path::Path;

use clap::{Args, ValueEnum};
use openocd::{Image, ImageError, Symbol, SymbolKind};
use serde::Serialize;

use crate::address::Names;
use crate::context::Context;
use crate::failure::Outcome;
use crate::output::Done;
use crate::output::table::table;
use crate::settings::{Key, Settings};

#[derive(Debug, Args)]
pub(crate) struct SymbolsArgs {
    /// The firmware, unless --elf names it; and a text: only symbols whose name contains it, in either
    /// case.
    #[arg(value_names = ["FILE", "FILTER"], num_args = 0..=2)]
    words: Vec<String>,
    /// The order: by address, by name, or the largest first.
    #[arg(long, value_enum, default_value = "address")]
    sort: Sort,
    /// Only this kind.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    Address,
    Name,
    Size,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Function,
    Object,
    Other,
}

impl Kind {
    fn of(symbol: &Symbol) -> Kind {
        match symbol.kind {
            SymbolKind::Function => Kind::Function,
            SymbolKind::Object => Kind::Object,
            _ => Kind::Other,
        }
    }
}

#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    symbol: Symbol,
    /// As the sources have it.
    demangled: String,
}

#[derive(Serialize)]
struct Report {
    symbols: Vec<Row>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |Row { symbol, demangled }: &Row| {
            let size = if symbol.size == 0 { "-".to_owned() } else { symbol.size.to_string() };
            [format!("{:#010x}", symbol.address), size, symbol.kind.to_string(), demangled.clone()]
        };
        f.write_str(&table(["address", "size", "kind", "name"], self.symbols.iter().map(row)))
    }
}

pub(crate) fn run(context: &Context, arguments: &SymbolsArgs) -> Outcome<u8> {
    for mut settings in context.settings()? {
        let filter = arguments.filter(&mut settings);
        let names = Names::new(&settings);
        let image = names.needed_image()?;
        if image.symbols().next().is_none() {
            let format = image.format();
            return Err(openocd::Error::from(ImageError::NoSymbols { format }).into());
        }
        let report = Report { symbols: arguments.symbols(image, filter) };
        if report.symbols.is_empty() {
            context.output.note(settings.board.as_deref(), "no such symbols");
        }
        context.output.done(settings.board.as_deref(), &Done::from(report))?;
    }
    Ok(0)
}

impl SymbolsArgs {
    /// Takes over the file. Returns the text that names contain.
    fn filter(&self, settings: &mut Settings) -> &str {
        let is_named = settings.get(Key::Elf).is_some();
        match &self.words[..] {
            [] => "",
            [file, filter] => {
                settings.set_option(Key::Elf, file);
                filter
            }
            [file] if !is_named || Path::new(file).is_file() => {
                settings.set_option(Key::Elf, file);
                ""
            }
            [filter, ..] => filter,
        }
    }

    fn symbols(&self, image: &Image, filter: &str) -> Vec<Row> {
        let filter = filter.to_lowercase();
        let rows = image.symbols().map(|symbol| Row { demangled: symbol.demangled(), symbol });
        let mut rows: Vec<Row> = rows
            .filter(|row| self.kind.is_none_or(|kind| kind == Kind::of(&row.symbol)))
            .filter(|row| [&row.symbol.name, &row.demangled].iter().any(|name| name.to_lowercase().contains(&filter)))
            .collect();
        // What is equal stays in the order of addresses.
        rows.sort_by_key(|row| row.symbol.address);
        match self.sort {
            Sort::Address => {}
            Sort::Name => rows.sort_by(|one, other| one.demangled.cmp(&other.demangled)),
            Sort::Size => rows.sort_by_key(|row| Reverse(row.symbol.size)),
        }
        rows
    }
}
