//! `ocd svd read` and `decode`.

use std::fmt;

use clap::Args;
use openocd::svd::{CortexM, DecodedRegister, Device, PeripheralReading, UnreadReason};
use openocd::{Svd, svd};
use serde::Serialize;

use super::path::{Named, find};
use crate::address::Names;
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::output::Done;

#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// A peripheral (RCC), a register (RCC.CR) or a field (RCC.CR.HSEON).
    path: String,
    /// For a peripheral, also read registers that are write-only or that a read changes.
    #[arg(long)]
    force: bool,
}

impl ReadArgs {
    /// Whether it reads what a read changes.
    pub(crate) fn changes_registers(&self) -> bool {
        self.force
    }
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

impl Report {
    /// Whether a register could not be read that has no reason not to be.
    fn has_failed(&self) -> bool {
        let Report::Peripheral(reading) = self else { return false };
        reading.unread.iter().any(|register| matches!(register.reason, UnreadReason::Failed(_)))
    }
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
            check(&names, &arguments.path)?;
            Ok(names)
        },
        |board, names| {
            let view = board.target()?.svd();
            let known = names.device()?.map(|device| view.set(device.clone()));
            let known = known.filter(|device| find(device, &arguments.path).is_ok());
            let device = known.map_or_else(|| view.add_core_peripherals(), Ok)?;
            let view = if arguments.force { view.unguarded() } else { view };
            let named = find(&device, &arguments.path)?;
            if let Named::Peripheral(peripheral) = named {
                super::warn_if_empty(context, board.name(), &device, peripheral)?;
            }
            let report = read(view, named)?;
            let status = if report.has_failed() { exit_status::TARGET } else { exit_status::DONE };
            Ok(Done::with(report, status))
        },
    )
}

/// Checks that the file has such a name, or that a Cortex-M has it, so that an unknown one does not
/// start OpenOCD.
fn check(names: &Names, path: &str) -> Outcome<()> {
    if path.contains('=') {
        return Err(Failure::usage(format!("{path:?} is not the path of a register"))
            .help(format!("to write: ocd svd write {path}")));
    }
    let unknown = match names.needed_device() {
        Ok(device) => match find(device, path) {
            Ok(_) => return Ok(()),
            Err(unknown) => unknown,
        },
        // A file that cannot be read, or none.
        Err(failure) if failure.status == exit_status::USAGE => failure,
        Err(failure) => return Err(failure),
    };
    let cores = [CortexM::V6, CortexM::V7, CortexM::V8];
    let is_core = cores.into_iter().any(|core| find(&Device::core(core), path).is_ok());
    if is_core { Ok(()) } else { Err(unknown) }
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
