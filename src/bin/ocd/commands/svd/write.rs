//! `ocd svd write`.

use std::fmt;

use clap::Args;
use openocd::Svd;
use openocd::svd::{DecodedRegister, Device, Field, FieldValue, ModifiedWriteValues, Register};
use serde::Serialize;

use super::path::{Named, find};
use crate::address::Names;
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::output::Done;

#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    /// A register or a field and its value: RCC.CR=0x83, RCC.CFGR.PLLMUL=Mul9. Fields of one
    /// register that follow each other are written together; its other fields keep their values.
    /// PATH VALUE is taken, too.
    #[arg(required = true, value_name = "PATH=VALUE")]
    assignments: Vec<String>,
    /// Do not read back: some bits read as something else, or change when read.
    #[arg(long)]
    no_verify: bool,
    /// Write registers that cannot be read, or that a read changes: the fields that are not given
    /// get their reset values.
    #[arg(long)]
    over_reset: bool,
}

/// A register, and what is written to it in one access.
struct Write {
    peripheral: String,
    register: String,
    content: Content,
}

enum Content {
    Register(u64),
    Fields(Vec<(String, Value)>),
}

enum Value {
    Number(u64),
    /// A name of the file.
    Name(String),
}

impl Value {
    fn field_value(&self) -> FieldValue<'_> {
        match self {
            Value::Number(number) => FieldValue::Number(*number),
            Value::Name(name) => FieldValue::Name(name),
        }
    }
}

/// The registers as they read afterwards.
#[derive(Serialize)]
struct Report {
    written: Vec<String>,
    /// Those that can be read.
    registers: Vec<DecodedRegister>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for path in &self.written {
            match self.registers.iter().find(|decoded| decoded.register.path() == *path) {
                Some(decoded) => writeln!(f, "{decoded}")?,
                None => writeln!(f, "{path} written, not read back")?,
            }
        }
        Ok(())
    }
}

pub(crate) fn run(context: &Context, arguments: &WriteArgs) -> Outcome<u8> {
    context.each_board_planned(
        |settings| {
            let names = Names::new(settings);
            let writes = plan(names.needed_device()?, &arguments.assignments)?;
            Ok((names, writes))
        },
        |board, (names, writes)| {
            let device = names.needed_device()?;
            board.session.svd().set(device.clone());
            let view = board.target()?.svd();
            let mut report = Report { written: Vec::new(), registers: Vec::new() };
            for write in writes {
                write.run(view, arguments.over_reset)?;
                let register = device.peripheral(&write.peripheral)?.register(&write.register)?;
                report.written.push(register.path());
                if !arguments.no_verify && can_be_read_back(device, register) {
                    let now = view.read_register(&write.peripheral, &write.register)?;
                    write.check(&now)?;
                    report.registers.push(now);
                }
            }
            Ok(Done::from(report))
        },
    )
}

/// Joins the fields of a register that follow each other.
fn plan(device: &Device, assignments: &[String]) -> Outcome<Vec<Write>> {
    let mut writes: Vec<Write> = Vec::new();
    let mut words = assignments.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let pair = word.split_once('=').or_else(|| Some((word, words.next_if(|next| !next.contains('='))?)));
        let Some((path, value)) = pair else {
            return Err(Failure::usage(format!("{word:?} is not PATH=VALUE"))
                .help(format!("to write: ocd svd write {word}=VALUE; to read: ocd svd read {word}")));
        };
        match find(device, path)? {
            Named::Peripheral(_) => {
                return Err(Failure::usage(format!("{path} is a peripheral, not a register or a field")));
            }
            Named::Register(register) => {
                let content = Content::Register(number::number(value).map_err(Failure::usage)?);
                writes.push(Write::to(register, content));
            }
            Named::Field(register, field) => {
                let entry = (field.name().to_owned(), field_value(register, field, value)?);
                match writes.last_mut() {
                    Some(Write { peripheral, register: name, content: Content::Fields(fields) })
                        if peripheral == register.peripheral() && name == register.name() =>
                    {
                        fields.push(entry);
                    }
                    _ => writes.push(Write::to(register, Content::Fields(vec![entry]))),
                }
            }
        }
    }
    Ok(writes)
}

/// A number, or the name of a value in either case.
fn field_value(register: &Register, field: &Field, text: &str) -> Outcome<Value> {
    let values = field.write_values();
    let named = values.iter().find(|entry| entry.name().eq_ignore_ascii_case(text));
    if let Some(entry) = named {
        return Ok(Value::Name(entry.name().to_owned()));
    }
    number::number(text).map(Value::Number).map_err(|_| {
        let known: Vec<&str> = values.iter().map(openocd::svd::EnumeratedValue::name).collect();
        let failure = Failure::usage(format!("{text:?} is no value of {}.{}", register.path(), field.name()));
        match known.len() {
            0 => failure.help("the SVD file names none of its values: give a number"),
            _ => failure.help(format!("it takes numbers and {}", known.join(", "))),
        }
    })
}

impl Write {
    fn to(register: &Register, content: Content) -> Write {
        Write { peripheral: register.peripheral().to_owned(), register: register.name().to_owned(), content }
    }

    fn run(&self, view: Svd<'_>, over_reset: bool) -> openocd::Result<()> {
        let Write { peripheral, register, content } = self;
        match content {
            Content::Register(value) => view.write_register(peripheral, register, *value),
            Content::Fields(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.field_value())).collect();
                if over_reset {
                    view.write_fields_over_reset(peripheral, register, &fields)
                } else {
                    view.write_fields(peripheral, register, &fields)
                }
            }
        }
    }

    /// Checks that what was written stayed, where the file says that it should.
    fn check(&self, now: &DecodedRegister) -> Outcome<()> {
        for decoded in now.fields() {
            let field = decoded.field;
            let wanted = match &self.content {
                Content::Register(value) => Some(field.extract(*value)),
                Content::Fields(fields) => {
                    fields.iter().find(|(name, _)| name == field.name()).and_then(|(_, value)| {
                        match value {
                            Value::Number(number) => Some(*number),
                            Value::Name(name) => {
                                let entry = field.write_values().iter().find(|entry| entry.name() == name)?;
                                // Bits that may be anything are not compared.
                                entry.value().filter(|_| entry.dont_care() == 0)
                            }
                        }
                    })
                }
            };
            let Some(wanted) = wanted.filter(|_| keeps_what_is_written(&now.register, field)) else { continue };
            if decoded.value != wanted {
                let path = format!("{}.{}", now.register.path(), field.name());
                let message = format!("{path} reads {:#x} after {wanted:#x} was written", decoded.value);
                return Err(Failure::new(exit_status::MISMATCH, "ocd.mismatch", message)
                    .help("is the peripheral's clock on, and the register unlocked?")
                    .help("--no-verify skips the check"));
            }
        }
        Ok(())
    }
}

/// Whether the file says that a field reads as it was written.
fn keeps_what_is_written(register: &Register, field: &Field) -> bool {
    let takes = |effect| effect == ModifiedWriteValues::Modify;
    field.access() == openocd::svd::Access::ReadWrite
        && takes(field.modified_write_values())
        && takes(register.modified_write_values())
}

/// Whether the register can be read, and no read at its address changes anything.
fn can_be_read_back(device: &Device, register: &Register) -> bool {
    let changes = |register: &Register| {
        register.read_action().is_some() || register.fields().iter().any(|field| field.read_action().is_some())
    };
    register.access().can_read() && !device.registers_at(register.address()).any(changes)
}
