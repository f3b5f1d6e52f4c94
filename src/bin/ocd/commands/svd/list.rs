//! `ocd svd list`.

use std::fmt;

use clap::Args;
use openocd::svd::{Device, EnumeratedValue, Field, Peripheral, Register};
use serde::Serialize;

use super::path::{Named, find};
use crate::address::Names;
use crate::context::Context;
use crate::failure::Outcome;
use crate::output::Done;
use crate::output::table::table;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// A peripheral (RCC), a register (RCC.CR) or a field (RCC.CR.HSEON) [default: the device].
    path: Option<String>,
}

#[derive(Serialize)]
struct PeripheralRow {
    name: String,
    base_address: u64,
    registers: usize,
    description: Option<String>,
}

/// What is listed.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Report {
    Peripherals(Vec<PeripheralRow>),
    Registers(Vec<Register>),
    Fields(Vec<Field>),
    Values(Vec<EnumeratedValue>),
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Peripherals(rows) => {
                let row = |row: &PeripheralRow| {
                    let description = row.description.clone().unwrap_or_default();
                    [row.name.clone(), format!("{:#010x}", row.base_address), one_line(&description)]
                };
                f.write_str(&table([""; 3], rows.iter().map(row)))
            }
            Report::Registers(registers) => {
                let row = |register: &Register| {
                    [
                        register.name().to_owned(),
                        format!("{:#010x}", register.address()),
                        format!("{} bits", register.size()),
                        register.access().to_string(),
                        one_line(register.description().unwrap_or_default()),
                    ]
                };
                f.write_str(&table([""; 5], registers.iter().map(row)))
            }
            Report::Fields(fields) => {
                let row = |field: &Field| {
                    let (low, width) = (field.bit_offset(), field.bit_width());
                    let bits = if width == 1 { low.to_string() } else { format!("{}:{low}", low + width - 1) };
                    let description = one_line(field.description().unwrap_or_default());
                    [bits, field.name().to_owned(), field.access().to_string(), description]
                };
                f.write_str(&table([""; 4], fields.iter().map(row)))
            }
            Report::Values(values) => {
                let row = |value: &EnumeratedValue| {
                    let number = value.value().map_or_else(|| "other".to_owned(), |value| format!("{value:#x}"));
                    [number, value.name().to_owned(), one_line(value.description().unwrap_or_default())]
                };
                f.write_str(&table([""; 3], values.iter().map(row)))
            }
        }
    }
}

/// Descriptions are wrapped and indented as their file is.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn run(context: &Context, arguments: &ListArgs) -> Outcome<u8> {
    for settings in context.settings()? {
        let names = Names::new(&settings);
        let device = names.needed_device()?;
        let report = list(device, arguments.path.as_deref())?;
        if let Some(Named::Peripheral(peripheral)) = arguments.path.as_deref().and_then(|path| find(device, path).ok())
        {
            super::warn_if_empty(context, settings.board.as_deref(), device, peripheral)?;
        }
        context.output.done(settings.board.as_deref(), &Done::from(report))?;
    }
    Ok(0)
}

fn list(device: &Device, path: Option<&str>) -> Outcome<Report> {
    let Some(path) = path else {
        let row = |peripheral: &Peripheral| PeripheralRow {
            name: peripheral.name().to_owned(),
            base_address: peripheral.base_address(),
            registers: peripheral.registers().len(),
            description: peripheral.description().map(str::to_owned),
        };
        return Ok(Report::Peripherals(device.peripherals().iter().map(row).collect()));
    };
    Ok(match find(device, path)? {
        Named::Peripheral(peripheral) => Report::Registers(peripheral.registers().to_vec()),
        Named::Register(register) => {
            let mut fields = register.fields().to_vec();
            fields.sort_by_key(|field| std::cmp::Reverse(field.bit_offset()));
            Report::Fields(fields)
        }
        Named::Field(_, field) => {
            let is_readable = !field.read_values().is_empty();
            Report::Values(if is_readable { field.read_values() } else { field.write_values() }.to_vec())
        }
    })
}
