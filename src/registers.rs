//! Core registers.

mod request;
mod value;

use std::fmt;
use std::time::{Duration, Instant};

pub(crate) use request::{read_request, take_registers, take_written, unknown, write_request};

use crate::command::Script;
use crate::error::text;
use crate::error::{Error, Failure, Result, TargetError, UnexpectedReply};
use crate::target::Target;
use crate::types::RegisterValue;
use crate::wire::tcl;
use request::{READ_BUDGET_MS, Reading, Readings, must_be_halted, take_readings};

/// A failure that takes longer is one of a target that does not answer: `took_long` of the
/// procedures is the same rule.
const WAIT: Duration = Duration::from_secs(1);

/// A view of a target's core registers, from [`Session::registers`](crate::Session::registers) or
/// [`Target::registers`].
///
/// The target must be halted. While it runs, every call is a [`TargetError::NotHalted`], also where
/// OpenOCD itself would return a stale value. OpenOCD keeps the values that it read, and those that
/// are to be written, in a cache until the target is resumed. [`forced`](Self::forced) reads past
/// the cache.
///
/// Names are the names of OpenOCD's `reg` command: `r0`, `pc`, `xPSR` on an ARM Cortex-M, `a0`,
/// `mstatus` on RISC-V. Upper and lower case are the same (`R0`, `xpsr`), unless two registers of
/// the target differ in nothing else. Values are numbers, whatever the byte order of the target.
///
/// Source: OpenOCD's `reg` (`src/target/target.c`).
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// session.target().halt()?;
/// let registers = session.registers();
/// registers.write("r0", 42)?;
/// assert_eq!(registers.read_u64("r0")?, 42);
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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Register {
    /// Its name, as OpenOCD has it.
    pub name: String,
    /// Its value, with its width.
    pub value: RegisterValue,
    /// OpenOCD holds this value in its cache, and writes it to the target when the target is
    /// resumed.
    pub dirty: bool,
}

/// `r0 = 0x0000002a`
impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.name, self.value)
    }
}

/// All registers of a target, from [`Registers::read_all`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RegisterDump {
    /// The registers that could be read, in OpenOCD's order.
    pub registers: Vec<Register>,
    /// The names of the registers that could not be read, with OpenOCD's reasons.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::error::form::unreadable_registers"))]
    pub unreadable: Vec<(String, Failure)>,
}

/// A line for each register, `r0 = 0x00000001`, and for each that could not be read.
impl fmt::Display for RegisterDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = self.registers.iter().map(ToString::to_string);
        let unread = self.unreadable.iter().map(|(name, failure)| format!("{} not read: {failure}", text::name(name)));
        f.write_str(&read.chain(unread).collect::<Vec<_>>().join("\n"))
    }
}

impl RegisterDump {
    /// Iterates over the registers that could be read, in OpenOCD's order.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// for register in session.registers().read_all()?.iter() {
    ///     println!("{register}"); // r0 = 0x0000002a
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> std::slice::Iter<'_, Register> {
        self.registers.iter()
    }

    /// Returns the register with this name, if it could be read. The case of letters counts only
    /// where two names differ in nothing else.
    pub fn get(&self, name: &str) -> Option<&Register> {
        let exact = self.registers.iter().find(|register| register.name == name);
        exact.or_else(|| {
            let mut alike = self.registers.iter().filter(|register| register.name.eq_ignore_ascii_case(name));
            alike.next().filter(|_| alike.next().is_none())
        })
    }
}

impl<'d> IntoIterator for &'d RegisterDump {
    type Item = &'d Register;
    type IntoIter = std::slice::Iter<'d, Register>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl crate::session::Session {
    /// Returns a view of the current target's registers; short for `session.target().registers()`.
    pub fn registers(&self) -> Registers<'_> {
        self.target().registers()
    }
}

impl<'a> Target<'a> {
    /// Returns a view of the target's core registers.
    pub fn registers(self) -> Registers<'a> {
        Registers { target: self, force: false }
    }
}

impl Registers<'_> {
    /// Returns a view that reads the registers from the target instead of OpenOCD's cache (OpenOCD:
    /// `reg NAME force`).
    ///
    /// A register whose new value was not written to the target yet is still read from the cache:
    /// reading the target would lose the new value.
    #[must_use]
    pub fn forced(self) -> Self {
        Registers { force: true, ..self }
    }

    /// Reads one register (OpenOCD: `reg NAME`).
    ///
    /// # Errors
    /// [`TargetError::NotHalted`], [`TargetError::UnknownRegister`] with similar names, and
    /// [`TargetError::Register`] if the target is halted but the register cannot be read.
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
        registers.pop().ok_or_else(|| unknown("the target", name, &[]))
    }

    /// Reads one register of at most 64 bits as a number (OpenOCD: `reg NAME`).
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), and [`TargetError::UnexpectedReply`] if the value takes
    /// more than 64 bits.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// let r0 = session.registers().read_u64("r0")?;
    /// println!("r0 = {r0:#x}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_u64(&self, name: &str) -> Result<u64> {
        self.number(&[name])
    }

    /// Reads several registers, in the order given. This takes one round trip, unless the registers
    /// are slow.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), for the first register that fails.
    pub fn read_many(&self, names: &[&str]) -> Result<Vec<Register>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        self.readings(names, true)?.registers()
    }

    /// Reads all registers that OpenOCD lists for the target.
    ///
    /// This takes one round trip, or several of about a quarter of a second where there are many
    /// slow registers. A register that cannot be read does not hide the others: it is listed in
    /// [`RegisterDump::unreadable`].
    ///
    /// # Errors
    /// [`TargetError::NotHalted`], and [`TargetError::Refused`] if the registers cannot be listed.
    /// [`TargetError::Register`] if OpenOCD waits in vain for more registers than the session's
    /// [timeout](crate::SessionBuilder::timeout) has room for, for seconds each, as for those of a
    /// RISC-V hart whose debug module alone answers.
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
        let Readings { target, each: readings, known, .. } = self.readings(&[], false)?;
        let mut dump = RegisterDump { registers: Vec::new(), unreadable: Vec::new() };
        for reading in readings {
            match reading.failure() {
                Some(failure) => dump.unreadable.push((reading.asked, failure)),
                None => dump.registers.push(reading.register(&target, &known)?),
            }
        }
        Ok(dump)
    }

    /// Writes one register (OpenOCD: `reg NAME VALUE`). Takes any integer that is not negative, or
    /// a [`RegisterValue`] for wider registers.
    ///
    /// OpenOCD may keep the value in its cache until the target is resumed or stepped, and write it
    /// then. If the write fails, that later call returns a [`TargetError::Register`].
    /// [`write_back`](Self::write_back) writes it at once, and a session that ends its OpenOCD does
    /// so before. Success means that OpenOCD accepted the value. The target may still ignore it or
    /// some bits of it, such as RISC-V's `zero` and read-only registers; [`forced`](Self::forced)
    /// reads what the target holds. Bit 0 of a Cortex-M's `pc` is not written: in the address of a
    /// function it marks Thumb code. Bits 0 and 1 of its stack pointers are always zero, and are
    /// not written.
    ///
    /// A Cortex-M's `sp` is its `msp` or its `psp`. A write to one of these, to `control` or to
    /// `xpsr` changes the others at once, and the last of several writes counts. In handler mode a
    /// change of bit 1 of `control` is refused, as the core would ignore it.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`], [`TargetError::UnknownRegister`], [`TargetError::ValueTooWide`]
    /// (nothing is written), [`TargetError::InvalidArgument`] for a negative value (nothing is
    /// sent), and [`TargetError::Register`] if OpenOCD refuses.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.registers().write("r1", 0x1234)?;
    /// assert!(session.registers().read("r1")?.dirty);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write<V: TryInto<RegisterValue>>(&self, name: &str, value: V) -> Result<()>
    where
        V::Error: Into<Error>,
    {
        let value = value.try_into().map_err(Into::into)?;
        let request = self.target.direct(write_request(name, &value));
        self.target.session().run(&request, |reply| take_written(&request, reply, name, &value))?
    }

    /// Writes to a Cortex-M what OpenOCD holds in its cache of the target's registers, and compares
    /// what is then in the core. OpenOCD has no such command: it writes these values only when it
    /// resumes or steps the target.
    ///
    /// The cache keeps its values, and marks them as to be written. A session that started its
    /// OpenOCD does the same for all halted Cortex-M when it ends, without comparing; an OpenOCD
    /// that is killed loses what it holds. Source: DCRSR and DCRDR, ARM DDI 0403, C1.6.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`], and [`TargetError::Refused`] if a register is not as it was
    /// written, or if a target that is no Cortex-M has values to be written.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.registers().write("r7", 0x1234)?;
    /// session.registers().write_back()?;
    /// # assert_eq!(chip.register(virtual_chip::Register::R(7)), 0x1234);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_back(&self) -> Result<()> {
        let request = self.target.request(Script::call("write_back_registers")).shown("reg");
        let request = request.to("write back registers").expecting("name and state of a target");
        let [target, state] = self.target.session().ask::<TargetError, _>(&request, tcl::strings::<2>)?;
        must_be_halted(&request, &target, &state)
    }

    /// Reads the program counter.
    ///
    /// # Errors
    /// The same as [`read`](Self::read).
    pub fn pc(&self) -> Result<u64> {
        self.number(&["pc"])
    }

    /// Reads the stack pointer in use.
    ///
    /// # Errors
    /// The same as [`read`](Self::read).
    pub fn sp(&self) -> Result<u64> {
        self.number(&["sp"])
    }

    /// Reads the link register: `lr` on ARM, `ra` on RISC-V.
    ///
    /// # Errors
    /// The same as [`read`](Self::read).
    pub fn lr(&self) -> Result<u64> {
        self.number(&["lr", "ra"])
    }

    /// Reads the program status register of a Cortex-M: `xPSR`, which newer OpenOCD (since
    /// 11ee500bf, 2023) calls `xpsr`.
    ///
    /// # Errors
    /// The same as [`read`](Self::read).
    pub fn xpsr(&self) -> Result<u64> {
        self.number(&["xPSR"])
    }

    /// The first of these registers that the target has.
    fn number(&self, names: &[&str]) -> Result<u64> {
        let Readings { target, each: readings, known, .. } = self.readings(names, names.len() == 1)?;
        let mut missing = unknown(&target, &names.join(" or "), &known);
        for reading in readings {
            match reading.register(&target, &known) {
                Ok(Register { name, value, .. }) => {
                    let too_wide = || UnexpectedReply::new(format!("reg {name}"), "at most 64 bits", value.to_string());
                    return value.to_u64().ok_or_else(|| TargetError::from(too_wide()).into());
                }
                Err(Error::Target(TargetError::UnknownRegister { .. })) => {}
                Err(error) => missing = error,
            }
        }
        Err(missing)
    }

    /// What OpenOCD replied for each register, in as many pieces as it takes; no names mean all
    /// registers. Those that OpenOCD waits for in vain take no longer than the session's timeout in
    /// all.
    fn readings(&self, names: &[&str], suggest: bool) -> Result<Readings> {
        let timeout = self.target.session().timeout().unwrap_or(Duration::MAX);
        let mut lost = Duration::ZERO;
        let mut all: Option<Readings> = None;
        let mut left: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        loop {
            let begun = Instant::now();
            let request = self.target.direct(read_request(&left, self.force, READ_BUDGET_MS, suggest));
            let mut piece = self.target.session().run(&request, |reply| take_readings(&request, reply, &left))??;
            left = std::mem::take(&mut piece.left);
            let took = begun.elapsed();
            let is_waited_for = took > WAIT && !left.is_empty();
            if let Some(failure) = piece.each.last().and_then(Reading::failure).filter(|_| is_waited_for) {
                lost += took;
                // The next one takes as long.
                if lost + took > timeout {
                    let name = piece.each.pop().map(|reading| reading.asked).unwrap_or_default();
                    return Err(TargetError::Register { name, failure: failure.into() }.into());
                }
            }
            let so_far = match all {
                None => piece,
                Some(mut before) => {
                    before.each.append(&mut piece.each);
                    before.known = piece.known;
                    before
                }
            };
            if left.is_empty() {
                return Ok(so_far);
            }
            all = Some(so_far);
        }
    }
}
