//! `ocd regs`: core registers.

use std::fmt;

use clap::Args;
use openocd::{Error, Register, RegisterDump, RegisterValue, Registers, Result, TargetError};
use serde::Serialize;

use crate::address::Names;
use crate::board::Board;
use crate::context::Context;
use crate::core_registers::GENERAL;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::output::Done;
use crate::output::table::table;
use crate::settings::Key;

#[derive(Debug, Args)]
pub(crate) struct RegsArgs {
    /// Read these registers, by OpenOCD's names [default: the general registers].
    names: Vec<String>,
    /// Read all registers that OpenOCD knows.
    #[arg(long, conflicts_with_all = ["names", "write"])]
    all: bool,
    /// Write a register, before any are read. The value is a number or an address. Repeat --write
    /// for each register.
    #[arg(long, short, value_name = "NAME=VALUE")]
    write: Vec<String>,
    /// Read from the target instead of OpenOCD's cache.
    #[arg(long)]
    force: bool,
}

/// Registers that hold addresses of code.
const CODE: [&str; 3] = ["pc", "lr", "ra"];

/// What was read.
#[derive(Serialize)]
#[serde(untagged)]
enum Read {
    All(RegisterDump),
    Named { registers: Vec<Register> },
}

impl Read {
    fn registers(&self) -> &[Register] {
        match self {
            Read::All(dump) => &dump.registers,
            Read::Named { registers } => registers,
        }
    }
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    read: Read,
    /// What is at each of them, for people.
    #[serde(skip)]
    notes: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row =
            |(register, note): (&Register, &String)| [register.name.clone(), register.value.to_string(), note.clone()];
        f.write_str(&table([""; 3], self.read.registers().iter().zip(&self.notes).map(row)))?;
        if let Read::All(dump) = &self.read {
            for (name, failure) in &dump.unreadable {
                write!(f, "\n{name} cannot be read: {failure}")?;
            }
        }
        Ok(())
    }
}

/// A register and the value to write to it.
struct Write {
    name: String,
    value: RegisterValue,
}

impl RegsArgs {
    /// Whether it changes registers.
    pub(crate) fn writes(&self) -> bool {
        !self.write.is_empty()
    }
}

pub(crate) fn run(context: &Context, arguments: &RegsArgs) -> Outcome<u8> {
    context.each_board_planned(
        |settings| {
            let names = Names::new(settings);
            let writes = arguments.write.iter().map(|text| write(&names, text)).collect::<Outcome<Vec<_>>>()?;
            arguments.names.iter().try_for_each(|name| check_name(name, &arguments.write))?;
            // A file that cannot be read must not come to light after a write.
            names.image()?;
            Ok((names, writes))
        },
        |board, (names, writes)| {
            let mut registers = board.target()?.registers();
            if !writes.is_empty() {
                // A name or a value that is wrong must not come to light after a write.
                check_fit(&read(registers, arguments, writes)?, writes)?;
            }
            for Write { name, value } in writes {
                registers.write(name, *value)?;
                let now = registers.read(name)?;
                check(&now, value)?;
            }
            if !writes.is_empty() {
                keep(board, registers)?;
            }
            if arguments.force {
                registers = registers.forced();
            }
            let read = read(registers, arguments, writes)?;
            let is_written = |name: &str| writes.iter().any(|write| write.name.eq_ignore_ascii_case(name));
            let note = |register: &Register| note(names, register, is_written(&register.name));
            let notes = read.registers().iter().map(note).collect::<Outcome<_>>()?;
            Ok(Done::from(Report { read, notes }))
        },
    )
}

/// Refuses what is no name of a register, but a form of a write. `writes` are those of --write.
fn check_name(name: &str, writes: &[String]) -> Outcome<()> {
    let wrong = || Failure::usage(format!("{name:?} is not the name of a register"));
    if name.contains('=') {
        let help = match writes {
            [] => format!("to write a register: ocd regs --write {name}"),
            writes => {
                let writes = writes.join(" --write ");
                format!("--write is for one register: ocd regs --write {writes} --write {name}")
            }
        };
        return Err(wrong().help(help));
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(wrong().help("to write a register: ocd regs --write NAME=VALUE"));
    }
    Ok(())
}

fn write(names: &Names, text: &str) -> Outcome<Write> {
    let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        return Err(
            Failure::usage(format!("{text:?} is not NAME=VALUE")).help("such as: ocd regs --write pc=0x08000040")
        );
    };
    let value = match (number::number(value), wide(value)) {
        (Ok(number), _) => RegisterValue::from(number),
        (_, Some(wide)) => wide,
        _ => RegisterValue::from(names.address(value)?),
    };
    Ok(Write { name: name.to_owned(), value })
}

/// A hexadecimal number of more than 64 bits.
fn wide(text: &str) -> Option<RegisterValue> {
    let digits = text.strip_prefix("0x")?.replace('_', "");
    let digits = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits };
    let bytes = (0..digits.len()).step_by(2).rev();
    let bytes: Option<Vec<u8>> = bytes.map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect();
    RegisterValue::from_le_bytes(&bytes?)
}

/// Checks that the registers can hold the values.
fn check_fit(read: &Read, writes: &[Write]) -> Outcome<()> {
    for Write { name, value } in writes {
        let register = read.registers().iter().find(|register| register.name.eq_ignore_ascii_case(name));
        let bits = register.map_or(u32::MAX, |register| register.value.bits());
        if width(value) > bits {
            let (name, value) = (name.clone(), value.to_string());
            return Err(Error::from(TargetError::ValueTooWide { name, value, bits }).into());
        }
    }
    Ok(())
}

/// How many bits the value needs.
fn width(value: &RegisterValue) -> u32 {
    let bytes = value.to_le_bytes();
    let Some(last) = bytes.iter().rposition(|&byte| byte != 0) else { return 0 };
    u32::try_from(last * 8).unwrap_or(u32::MAX).saturating_add(8 - bytes[last].leading_zeros())
}

/// Checks that OpenOCD holds what was written.
fn check(now: &Register, written: &RegisterValue) -> Outcome<()> {
    let same = match (now.value.to_u64(), written.to_u64()) {
        // The Thumb bit of a Cortex-M's function is no part of its address.
        (Some(now_value), Some(written)) if now.name == "pc" => now_value | 1 == written | 1,
        // A Cortex-M's stack pointers are multiples of 4. What is shown is what the core takes.
        (Some(now_value), Some(written)) if now_value % 4 == 0 && is_stack_pointer(&now.name) => {
            now_value == written - written % 4
        }
        (Some(now), Some(written)) => now == written,
        _ => now.value.to_le_bytes().iter().eq(written.to_le_bytes()),
    };
    if same {
        return Ok(());
    }
    let message = format!("{} is {} after {written} was written to it", now.name, now.value);
    Err(Failure::new(exit_status::MISMATCH, "ocd.mismatch", message))
}

fn is_stack_pointer(name: &str) -> bool {
    ["sp", "msp", "psp"].iter().any(|pointer| name.split('_').next() == Some(pointer))
}

/// Has the core get the values before this command's OpenOCD ends, which may hold them until it
/// resumes the target.
fn keep(board: &Board, registers: Registers<'_>) -> Outcome<()> {
    let resumes = matches!(board.settings.value(Key::OnExit), Some("resume" | "leave"));
    if resumes || board.session.process().is_none() {
        return Ok(());
    }
    registers.write_back().map_err(|error| {
        let failure = Failure::from(error).within("a register was not written, and this command's OpenOCD ends");
        let failure = failure.help("resume the target with the new value: --on-exit resume");
        failure.help("or connect to an OpenOCD that stays, with --connect")
    })
}

fn read(registers: Registers<'_>, arguments: &RegsArgs, writes: &[Write]) -> Outcome<Read> {
    if arguments.all {
        return Ok(Read::All(registers.read_all()?));
    }
    let written = writes.iter().map(|write| write.name.as_str());
    let mut names: Vec<&str> = arguments.names.iter().map(String::as_str).collect();
    names.extend(written.filter(|name| !arguments.names.iter().any(|asked| asked == name)));
    if names.is_empty() {
        return Ok(general(registers)?);
    }
    Ok(Read::Named { registers: registers.read_many(&names)? })
}

/// The general registers; all of them, if the target is of a kind that is not known here.
fn general(registers: Registers<'_>) -> Result<Read> {
    for names in GENERAL {
        match registers.read_many(names) {
            Err(Error::Target(TargetError::UnknownRegister { .. })) => {}
            read => return Ok(Read::Named { registers: read? }),
        }
    }
    registers.read_all().map(Read::All)
}

fn note(names: &Names, register: &Register, is_written: bool) -> Outcome<String> {
    let mut notes = Vec::new();
    let address = register.value.to_u64().filter(|_| CODE.contains(&register.name.as_str()));
    if let (Some(address), Some(image)) = (address, names.image()?) {
        if let Some(symbol) = image.symbol_at(address) {
            let offset = address.saturating_sub(symbol.address) & !u64::from(symbol.thumb);
            let offset = if offset == 0 { String::new() } else { format!("+{offset:#x}") };
            notes.push(format!("{}{offset}", symbol.demangled()));
        }
    }
    // OpenOCD also writes back what its own programs on the target have used: that is no news.
    if register.dirty && is_written {
        notes.push("(written when the target resumes)".to_owned());
    }
    Ok(notes.join(" "))
}
