//! What is asked of OpenOCD for registers, and how its replies are read. No I/O.

use super::Register;
use crate::command::{Reply, Request, Script};
use crate::error::{Error, Failure, Refused, Result, TargetError, UnexpectedReply, near_names};
use crate::target::{register_line, words};
use crate::types::{RegisterValue, TargetState};
use crate::wire::number::flag;
use crate::wire::tcl;

/// How long OpenOCD reads registers for one request, so that many slow registers do not exceed the
/// session's timeout.
pub(super) const READ_BUDGET_MS: u32 = 250;

/// Whether OpenOCD may have read one register for the name of the other. It has read the only one
/// that the name stands for.
fn same_register(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// What OpenOCD replied for several registers.
pub(super) struct Readings {
    pub(super) target: String,
    pub(super) each: Vec<Reading>,
    /// The registers for which the time did not suffice.
    pub(super) left: Vec<String>,
    /// All names of registers, if OpenOCD does not list one of those asked for.
    pub(super) known: Vec<String>,
}

/// What OpenOCD replied for one register.
pub(super) struct Reading {
    pub(super) asked: String,
    dirty: bool,
    code: i32,
    text: String,
    log: String,
}

/// Reads registers for at most `budget_ms` milliseconds, 0 for as long as it takes. With `suggest`, a
/// name that does not exist gets similar ones.
pub(crate) fn read_request(names: &[impl AsRef<str>], force: bool, budget_ms: u32, suggest: bool) -> Request<'static> {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let script = Script::call("read_registers").flag(force).number(budget_ms).flag(suggest).list(&names);
    let shown = format!("reg {}{}", names.join(" "), if force { " force" } else { "" });
    Request::new(script).shown(shown.trim_end().to_owned()).expecting("register values")
}

pub(super) fn take_readings(request: &Request<'_>, reply: &Reply<'_>, names: &[impl AsRef<str>]) -> Result<Readings> {
    let refused = |failure| match names {
        [] => Refused::new("read all registers", failure).into(),
        [first, ..] => TargetError::Register { name: first.as_ref().to_owned(), failure },
    };
    let (target, state, readings, left, known) = reply.value_or(request, refused, |answer| {
        let [target, state, readings, left, known] = tcl::strings(answer)?;
        let readings = tcl::elements(readings.as_bytes()).map(|reading| {
            let [asked, dirty, code, text, log] = tcl::strings(&reading.ok()?)?;
            Some(Reading { asked, dirty: flag(&dirty)?, code: code.parse().ok()?, text, log })
        });
        let (left, known) = (tcl::all_strings(left.as_bytes())?, tcl::all_strings(known.as_bytes())?);
        Some((target, state, readings.collect::<Option<_>>()?, left, known))
    })?;
    must_be_halted(request, &target, &state)?;
    Ok(Readings { target, each: readings, left, known })
}

pub(crate) fn take_registers(
    request: &Request<'_>,
    reply: &Reply<'_>,
    names: &[impl AsRef<str>],
) -> Result<Vec<Register>> {
    take_readings(request, reply, names)?.registers()
}

pub(crate) fn write_request(name: &str, value: &RegisterValue) -> Request<'static> {
    let number = value.to_string();
    let script = Script::call("write_register").word(name).word(&number);
    let script = script.number(value.significant_bits());
    Request::new(script).shown(format!("reg {name} {number}")).expecting("register values")
}

pub(crate) fn take_written(request: &Request<'_>, reply: &Reply<'_>, name: &str, value: &RegisterValue) -> Result<()> {
    let refused = |failure| TargetError::Register { name: name.to_owned(), failure };
    let (target, state, code, before, known) = reply.value_or(request, refused, |answer| {
        let [target, state, code, before, known] = tcl::strings(answer)?;
        Some((target, state, code.parse().ok()?, before, tcl::all_strings(known.as_bytes())?))
    })?;
    must_be_halted(request, &target, &state)?;
    if code != 0 && !words::says_unknown_register(&before) {
        let log = String::from_utf8_lossy(&reply.log).into_owned();
        let failure = Failure::new(request.name(), code, before, log);
        return Err(Error::refused(Box::new(failure), |failure| refused(failure).into()));
    }
    match register_line::line(&before).filter(|line| same_register(line.name, name)) {
        None => Err(unknown(&target, name, &known)),
        Some(line) if line.bits < value.significant_bits() => {
            let (name, bits) = (name.to_owned(), line.bits);
            Err(TargetError::ValueTooWide { name, value: value.to_string(), bits }.into())
        }
        Some(_) => Ok(()),
    }
}

impl Readings {
    /// The registers, or the error of the first that could not be read.
    pub(super) fn registers(self) -> Result<Vec<Register>> {
        let Readings { target, each, known, .. } = self;
        each.into_iter().map(|reading| reading.register(&target, &known)).collect()
    }
}

impl Reading {
    /// OpenOCD's refusal, if it refused.
    pub(super) fn failure(&self) -> Option<Failure> {
        let command = format!("reg {}", self.asked);
        (self.code != 0).then(|| Failure::new(command, self.code, self.text.clone(), self.log.clone()))
    }

    pub(super) fn register(self, target: &str, known: &[String]) -> Result<Register> {
        if words::says_unknown_register(&self.text) {
            return Err(unknown(target, &self.asked, known));
        }
        if let Some(failure) = self.failure() {
            let refused = |failure| TargetError::Register { name: self.asked, failure }.into();
            return Err(Error::refused(Box::new(failure), refused));
        }
        let line = register_line::line(&self.text);
        // OpenOCD takes a number in place of a name, and would read another register for it.
        if line.as_ref().is_some_and(|line| !same_register(line.name, &self.asked)) {
            return Err(unknown(target, &self.asked, known));
        }
        let value = line.as_ref().and_then(|line| line.value);
        let (Some(line), Some(value)) = (line, value) else {
            let reply = UnexpectedReply::new(format!("reg {}", self.asked), "a register's value", &self.text);
            return Err(TargetError::from(reply).into());
        };
        Ok(Register { name: line.name.to_owned(), value, dirty: self.dirty })
    }
}

pub(super) fn must_be_halted(request: &Request<'_>, target: &str, state: &str) -> Result<()> {
    let state = words::state(state);
    if state == TargetState::Halted {
        return Ok(());
    }
    let (operation, target) = (request.name().to_owned(), target.to_owned());
    Err(TargetError::NotHalted { operation, target, state, failure: None }.into())
}

/// The error for a name that the target has no register of, with similar names of those known.
pub(crate) fn unknown(target: &str, name: &str, known: &[String]) -> Error {
    let near = near_names(name, known.iter().map(String::as_str));
    TargetError::UnknownRegister { target: target.to_owned(), name: name.to_owned(), near }.into()
}
