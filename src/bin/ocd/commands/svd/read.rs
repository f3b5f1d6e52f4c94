//! `ocd svd read` and `decode`.

use std::fmt;

use clap::Args;
use openocd::svd::{DecodedRegister, PeripheralReading};
use openocd::{Svd, svd};
use serde::Serialize;

use super::path::{Named, find};
use crate::address::Names;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::output::Done;

#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// A peripheral (RCC), a register (RCC.CR) or a field (RCC.CR.HSEON).
    path: String,
    /// Of a peripheral, also read registers that are write-only or that a read changes.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    /// The register, such as RCC.CR.
    path: String,
    /// The value.
    #[arg(value_parser = number::number)]
    value: u64,
}

/// What was read.
#[derive(Serialize)]
#[serde(untagged)]
enum Report {
    Peripheral(PeripheralReading),
    Register(DecodedRegister),
    Field(FieldValue),
}

#[derive(Serialize)]
struct FieldValue {
    /// Peripheral, register and field.
    path: String,
    value: u64,
    value_name: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Peripheral(reading) => reading.fmt(f),
            Report::Register(register) => register.fmt(f),
            Report::Field(FieldValue { path, value, value_name }) => {
                write!(f, "{path} = {value:#x}")?;
                value_name.as_ref().map_or(Ok(()), |name| write!(f, " ({name})"))
            }
        }
    }
}

pub(crate) fn run(context: &Context, arguments: &ReadArgs) -> Outcome<u8> {
    context.each_board_planned(
        |settings| {
            let names = Names::new(settings);
            // An unknown name must not start OpenOCD.
            find(names.needed_device()?, &arguments.path)?;
            Ok(names)
        },
        |board, names| {
            let device = names.needed_device()?;
            board.session.svd().set(device.clone());
            let view = board.target()?.svd();
            let view = if arguments.force { view.unguarded() } else { view };
            Ok(Done::from(read(view, find(device, &arguments.path)?)?))
        },
    )
}

fn read(view: Svd<'_>, named: Named<'_>) -> openocd::Result<Report> {
    Ok(match named {
        Named::Peripheral(peripheral) => Report::Peripheral(view.read_peripheral(peripheral.name())?),
        Named::Register(register) => Report::Register(view.read_register(register.peripheral(), register.name())?),
        Named::Field(register, field) => {
            let value = view.read_field(register.peripheral(), register.name(), field.name())?;
            Report::Field(FieldValue {
                path: format!("{}.{}", register.path(), field.name()),
                value,
                value_name: field.value_name(value).map(|entry| entry.name().to_owned()),
            })
        }
    })
}

pub(crate) fn decode(context: &Context, arguments: &DecodeArgs) -> Outcome<u8> {
    for settings in context.settings()? {
        let names = Names::new(&settings);
        let register = register(names.needed_device()?, &arguments.path)?;
        let decoded = Report::Register(register.decode(arguments.value)?);
        context.output.done(settings.board.as_deref(), &Done::from(decoded))?;
    }
    Ok(0)
}

fn register<'d>(device: &'d svd::Device, path: &str) -> Outcome<&'d svd::Register> {
    match find(device, path)? {
        Named::Register(register) => Ok(register),
        Named::Peripheral(_) => Err(Failure::usage(format!("{path} is a peripheral, not a register"))),
        Named::Field(register, _) => {
            Err(Failure::usage(format!("{path} is a field")).help(format!("name its register: {}", register.path())))
        }
    }
}
