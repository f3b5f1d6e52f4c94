//! Prints the JTAG chain and the debug access ports of a board.
//!
//! ```text
//! cargo run --example jtag_scan                     a virtual STM32F103; needs only `openocd`
//! cargo run --example jtag_scan -- --board CONFIG   such as "-f interface/jlink.cfg -f target/stm32f1x.cfg"
//! ```
//!
//! Prints a line for each TAP: `stm32f1x.cpu: 0x3ba00477, IR of 4 bits`, then a table for each DAP:
//! its access ports and what their ROM tables list.

mod board;
mod ending;

use std::fmt::{self, Display, Formatter};
use std::io::{self, Write};
use std::process::ExitCode;

use board::Board;
use openocd::{DapInfo, Error, JtagError, Session};

const USAGE: &str = "usage: jtag_scan [--board CONFIG]";

fn main() -> ExitCode {
    env_logger::init();
    ending::report(scan())
}

fn scan() -> Result<(), Box<dyn std::error::Error>> {
    let (board, arguments) = Board::from_arguments(USAGE)?;
    if !arguments.is_empty() {
        return Err(USAGE.into());
    }
    let session = Session::start(&board.config)?;
    let mut parts = vec![match session.jtag().scan_chain() {
        Ok(taps) => taps.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n") + "\n",
        // SWD has no chain.
        Err(Error::Jtag(error @ JtagError::WrongTransport { .. })) => format!("no chain: {error}\n"),
        Err(error) => return Err(error.into()),
    }];
    for name in session.dap().names()? {
        let info = session.dap_named(&name)?.info()?;
        let id = info.dpidr.map_or("no DPIDR".to_owned(), |id| id.to_string());
        parts.push(format!("\n{name}: {id}\n{}\n", components(&info)));
    }
    session.close()?;
    Ok(io::stdout().write_all(parts.concat().as_bytes())?)
}

fn components(info: &DapInfo) -> Table {
    let mut table = Table::new(["AP", "Entry", "Address", "Class", "Designer", "Description"]);
    for port in &info.access_ports {
        let number = format!("{:#x}", port.port.number);
        table.add_row([&number, "", "", "", "", &port.port.id.to_string()]);
        let entries =
            port.entries.iter().map(|entry| (format!("{}+{:#x}", entry.depth, entry.offset), &entry.component));
        for (place, component) in [("BASE".to_owned(), &port.root)].into_iter().chain(entries) {
            let Some(component) = component else { continue };
            let address = component.address.map_or(String::new(), |address| format!("{address:#010x}"));
            let (class, designer) = (text(component.class), text(component.designer()));
            let description = component.description.as_deref().unwrap_or_default();
            table.add_row([&number, &place, &address, &class, &designer, description]);
        }
        if !port.is_complete {
            table.add_row([&number, "", "", "", "", "and more that could not be read"]);
        }
    }
    table
}

fn text(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A heading and rows; each column is as wide as its widest cell.
struct Table(Vec<[String; 6]>);

impl Table {
    fn new(heading: [&str; 6]) -> Self {
        Table(vec![heading.map(str::to_owned)])
    }

    fn add_row(&mut self, cells: [&str; 6]) {
        self.0.push(cells.map(str::to_owned));
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let widths: [usize; 6] =
            std::array::from_fn(|column| self.0.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
        for (number, row) in self.0.iter().enumerate() {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!(" {cell:<width$}")).collect::<Vec<_>>();
            let line_end = if number == 0 { "" } else { "\n" };
            write!(f, "{line_end}{}", cells.join(" ").trim_end())?;
        }
        Ok(())
    }
}
