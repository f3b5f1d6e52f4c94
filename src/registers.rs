//! Core registers.

use crate::command::{Reply, Request};
use crate::error::{Error, Failure, Result, TargetError, UnexpectedReply};
use crate::target::Target;
use crate::types::{RegisterValue, TargetState};
use crate::wire::tcl;

/// A view of a target's core registers, from [`Session::registers`](crate::Session::registers) or [`Target::registers`].
///
/// The target must be halted: on one that runs every call is a [`TargetError::NotHalted`], also where OpenOCD itself would answer with a stale
/// value. OpenOCD keeps what it has read and what is to be written in a cache until the target is resumed;
/// [`forced`](Self::forced) reads past that.
///
/// Names are those of OpenOCD's `reg` command, and are case-sensitive: `r0`, `pc`, `xPSR` on an ARM Cortex-M, `a0`, `mstatus` on RISC-V.
/// Values are numbers, whatever the byte order of the target.
///
/// Source: OpenOCD's `reg` (`src/target/target.c`).
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// session.target().halt()?;
/// let registers = session.registers();
/// registers.write("r0", 42_u32)?;
/// assert_eq!(registers.read("r0")?.value.to_u64(), Some(42));
/// for register in registers.read_many(&["pc", "sp", "lr"])? {
///     println!("{} = {}", register.name, register.value);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Registers<'a> {
    target: Target<'a>,
    force: bool,
}

/// A register and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Register {
    /// Its name.
    pub name: String,
    /// Its value, which knows its width.
    pub value: RegisterValue,
    /// The value is to be written to the target when it is resumed.
    pub dirty: bool,
}

/// All registers of a target, from [`Registers::read_all`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegisterDump {
    /// Those that could be read, in OpenOCD's order.
    pub registers: Vec<Register>,
    /// Those that could not, by name, and why.
    pub unreadable: Vec<(String, Failure)>,
}

impl RegisterDump {
    /// The register of this name, if it could be read.
    pub fn get(&self, name: &str) -> Option<&Register> {
        self.registers.iter().find(|register| register.name == name)
    }
}

/// What OpenOCD answered for one register.
struct Reading {
    asked: String,
    dirty: bool,
    code: i32,
    text: String,
    log: String,
}

impl crate::Session {
    /// The current target's registers; short for `session.target().registers()`.
    pub fn registers(&self) -> Registers<'_> {
        self.target().registers()
    }
}

impl<'a> Target<'a> {
    /// The target's core registers.
    pub fn registers(self) -> Registers<'a> {
        Registers::of(self)
    }
}

impl<'a> Registers<'a> {
    pub(crate) fn of(target: Target<'a>) -> Self {
        Registers { target, force: false }
    }

    /// The same registers, read from the target in place of OpenOCD's cache (OpenOCD: `reg NAME force`).
    ///
    /// A register whose new value has not been written to the target yet is still read from the cache, where its value
    /// is; reading the target would lose it.
    #[must_use]
    pub fn forced(self) -> Self {
        Registers { force: true, ..self }
    }

    /// Reads one register (OpenOCD: `reg NAME`).
    ///
    /// # Errors
    /// [`TargetError::NotHalted`], [`TargetError::UnknownRegister`], [`TargetError::Register`] if the target is halted but does not give it,
    /// and those of [`Session::command`](crate::Session::command).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// let sp = session.registers().read("sp")?;
    /// println!("{} = {}, {} bits", sp.name, sp.value, sp.value.bits());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(&self, name: &str) -> Result<Register> {
        let mut registers = self.read_many(&[name])?;
        registers.pop().ok_or_else(|| unknown("the target", name))
    }

    /// Reads several registers in one round trip, in the order given.
    ///
    /// # Errors
    /// Those of [`read`](Self::read), for the first that fails.
    pub fn read_many(&self, names: &[&str]) -> Result<Vec<Register>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let request = read_request(names, self.force).on(self.target.name());
        self.target.session().run(&request, |reply| take_registers(&request, reply, names))?
    }

    /// Reads all registers that OpenOCD lists for the target, in one round trip.
    ///
    /// One that cannot be read does not hide the others: it is in [`RegisterDump::unreadable`].
    ///
    /// # Errors
    /// [`TargetError::NotHalted`], and those of [`Session::command`](crate::Session::command).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// let dump = session.registers().read_all()?;
    /// println!("pc = {}", dump.get("pc").unwrap().value);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_all(&self) -> Result<RegisterDump> {
        let (target, readings) = self.readings(&[])?;
        let mut dump = RegisterDump { registers: Vec::new(), unreadable: Vec::new() };
        for reading in readings {
            if reading.code == 0 {
                dump.registers.push(reading.register(&target)?);
            } else {
                let failure = Failure::new(format!("reg {}", reading.asked), reading.code, reading.text, reading.log);
                dump.unreadable.push((reading.asked, failure));
            }
        }
        Ok(dump)
    }

    /// Writes one register (OpenOCD: `reg NAME VALUE`). Takes any unsigned integer, or a [`RegisterValue`] for wider registers.
    ///
    /// OpenOCD keeps the value in its cache and writes it to the target at the latest when that is resumed or stepped; if it can't be written then, that call
    /// says so by a [`TargetError::Register`]. The target may ignore bits of it (bit 0 of an ARM `pc`, for one).
    ///
    /// # Errors
    /// [`TargetError::NotHalted`], [`TargetError::UnknownRegister`], [`TargetError::ValueTooWide`] (nothing is written), [`TargetError::Register`] if OpenOCD
    /// refuses, and those of [`Session::command`](crate::Session::command).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.registers().write("r1", 0x1234_u32)?;
    /// assert!(session.registers().read("r1")?.dirty);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, name: &str, value: impl Into<RegisterValue>) -> Result<()> {
        let value = value.into();
        let request = write_request(name, &value).on(self.target.name());
        self.target.session().run(&request, |reply| take_written(&request, reply, name, &value))?
    }

    /// The program counter.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn pc(&self) -> Result<u64> {
        self.number(&["pc"])
    }

    /// The stack pointer in use.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn sp(&self) -> Result<u64> {
        self.number(&["sp"])
    }

    /// The link register: `lr` on ARM, `ra` on RISC-V.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn lr(&self) -> Result<u64> {
        self.number(&["lr", "ra"])
    }

    /// The program status register of a Cortex-M: `xPSR`, which OpenOCD calls `xpsr` since 11ee500bf (2023).
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn xpsr(&self) -> Result<u64> {
        self.number(&["xPSR", "xpsr"])
    }

    /// The first of these names that the target knows.
    fn number(&self, names: &[&str]) -> Result<u64> {
        let (target, readings) = self.readings(names)?;
        let mut missing = unknown(&target, &names.join(" or "));
        for reading in readings {
            match reading.register(&target) {
                Ok(register) => return register.value.to_u64().ok_or(missing),
                Err(Error::Target(TargetError::UnknownRegister { .. })) => {}
                Err(error) => missing = error,
            }
        }
        Err(missing)
    }

    /// The target's name, and what it answered for each register; no names mean all registers.
    fn readings(&self, names: &[&str]) -> Result<(String, Vec<Reading>)> {
        let request = read_request(names, self.force).on(self.target.name());
        self.target.session().run(&request, |reply| take_readings(&request, reply, names))?
    }
}

pub(crate) fn read_request(names: &[&str], force: bool) -> Request<'static> {
    let list: Vec<_> = names.iter().map(|name| tcl::quote(name)).collect();
    let script = format!("_openocd_rs_1_read_registers {} [list {}]", u8::from(force), list.join(" "));
    let shown = format!("reg {}{}", names.join(" "), if force { " force" } else { "" });
    Request::new(script).shown(shown.trim_end().to_owned())
}

fn take_readings(request: &Request<'_>, reply: &Reply<'_>, names: &[&str]) -> Result<(String, Vec<Reading>)> {
    let answer = reply.success(request).map_err(|failure| refused(&names.join(" "), failure))?;
    let [target, state, readings] = tcl::strings(answer).ok_or_else(|| unexpected(request, answer))?;
    must_be_halted(request, &target, &state)?;
    let readings = tcl::elements(readings.as_bytes()).map(|reading| {
        let [asked, dirty, code, text, log] = tcl::strings(&reading.ok()?)?;
        Some(Reading { asked, dirty: dirty == "1", code: code.parse().ok()?, text, log })
    });
    let readings: Option<_> = readings.collect();
    Ok((target, readings.ok_or_else(|| unexpected(request, answer))?))
}

pub(crate) fn take_registers(request: &Request<'_>, reply: &Reply<'_>, names: &[&str]) -> Result<Vec<Register>> {
    let (target, readings) = take_readings(request, reply, names)?;
    readings.into_iter().map(|reading| reading.register(&target)).collect()
}

pub(crate) fn write_request(name: &str, value: &RegisterValue) -> Request<'static> {
    let bits = value.significant_bits();
    let script = format!("_openocd_rs_1_write_register {} {value} {bits}", tcl::quote(name));
    Request::new(script).shown(format!("reg {name} {value}"))
}

pub(crate) fn take_written(request: &Request<'_>, reply: &Reply<'_>, name: &str, value: &RegisterValue) -> Result<()> {
    let answer = reply.success(request).map_err(|failure| refused(name, failure))?;
    let [target, state, before] = tcl::strings(answer).ok_or_else(|| unexpected(request, answer))?;
    must_be_halted(request, &target, &state)?;
    match crate::target::register_line::line(&before).filter(|line| line.name == name) {
        None => Err(unknown(&target, name)),
        Some(line) if line.bits < value.significant_bits() => {
            let (name, bits) = (name.to_owned(), line.bits);
            Err(TargetError::ValueTooWide { name, value: value.to_string(), bits }.into())
        }
        Some(_) => Ok(()),
    }
}

fn unexpected(request: &Request<'_>, answer: &[u8]) -> Error {
    let (command, reply) = (request.name().to_owned(), String::from_utf8_lossy(answer).into_owned());
    TargetError::UnexpectedReply(UnexpectedReply { command, expected: "register values", reply }).into()
}

impl Reading {
    fn register(self, target: &str) -> Result<Register> {
        // The words of OpenOCD for a register that does not exist, which 0.12.0 gives with code 0.
        if self.text.contains("not found in current target") || self.text.contains("is out of bounds") {
            return Err(unknown(target, &self.asked));
        }
        let command = format!("reg {}", self.asked);
        if self.code != 0 {
            let failure = Box::new(Failure::new(command, self.code, self.text, self.log));
            return Err(Error::refused(failure, |failure| TargetError::Register { name: self.asked, failure }.into()));
        }
        let line = crate::target::register_line::line(&self.text);
        // OpenOCD takes a number in place of a name, and would read another register for it.
        if line.as_ref().is_some_and(|line| line.name != self.asked) {
            return Err(unknown(target, &self.asked));
        }
        let value = line.as_ref().and_then(|line| line.value);
        let (Some(line), Some(value)) = (line, value) else {
            return Err(TargetError::UnexpectedReply(UnexpectedReply {
                command,
                expected: "a register's value",
                reply: self.text,
            })
            .into());
        };
        Ok(Register { name: line.name.to_owned(), value, dirty: self.dirty })
    }
}

fn must_be_halted(request: &Request<'_>, target: &str, state: &str) -> Result<()> {
    let state = crate::target::words::state(state);
    if state == TargetState::Halted {
        return Ok(());
    }
    let (operation, target) = (request.name().to_owned(), target.to_owned());
    Err(TargetError::NotHalted { operation, target, state, failure: None }.into())
}

fn refused(name: &str, failure: Box<Failure>) -> Error {
    Error::refused(failure, |failure| TargetError::Register { name: name.to_owned(), failure }.into())
}

fn unknown(target: &str, name: &str) -> Error {
    TargetError::UnknownRegister { target: target.to_owned(), name: name.to_owned() }.into()
}
