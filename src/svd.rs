//! Peripherals and registers by the names of a device description (CMSIS-SVD).
//!
//! [`Device`] is a description, loaded from a file, and needs no session. [`Svd`], from
//! [`Session::svd`](crate::Session::svd), reads and writes registers of a target by name.

mod decode;
mod derive;
mod device;
mod expand;
mod field;
mod load;
mod lookup;
mod properties;
mod read;
mod register;
mod repair;
mod write;

pub use decode::{DecodedField, DecodedRegister};
pub use device::{AddressBlock, Device, Interrupt, Peripheral};
pub use field::{EnumeratedValue, Field};
pub use properties::{Access, ModifiedWriteValues, ReadAction, SkipReason, WriteConstraint};
pub use read::{ChangedRegister, PeripheralReading, ResetDiff, UnreadReason, UnreadRegister};
pub use register::Register;
pub use write::FieldValue;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use crate::error::{Error, Failure, Result, SvdError, TargetError};
use crate::target::Target;
use crate::{Session, tcl};

/// The description that a session has loaded.
pub(crate) type Loaded = RwLock<Option<Arc<Device>>>;

/// A view of a target's peripherals by name, from [`Session::svd`] or [`Target::svd`].
///
/// The description is loaded once and then shared by all views of the session, those of other targets and threads among them.
/// See [`Device`] for how registers of clusters and arrays are named.
///
/// # Rules for all calls
/// - **State.** Registers are read and written through memory: a Cortex-M and most other targets may run meanwhile.
/// - **Width.** Each access has the register's own width. Values are in the target's byte order.
/// - **No cache.** Every call that reads asks the target.
/// - **Side effects.** [`read_peripheral`](Self::read_peripheral) leaves alone what is write-only and what a read would change,
///   and says so; [`unguarded`](Self::unguarded) reads that, too. [`read_register`](Self::read_register) reads what it names,
///   unless it is write-only.
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
/// session.svd().load(path)?;
/// let svd = session.svd();
/// println!("{}", svd.read_register("RCC", "CR")?);
///
/// svd.write_field("RCC", "CR", "HSEON", "On")?;
/// assert_eq!(svd.read_field("RCC", "CR", "HSERDY")?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Svd<'a> {
    target: Target<'a>,
    unguarded: bool,
}

impl Session {
    /// The current target's peripherals by name; short for `session.target().svd()`.
    pub fn svd(&self) -> Svd<'_> {
        self.target().svd()
    }
}

impl<'a> Target<'a> {
    /// The target's peripherals by name.
    pub fn svd(self) -> Svd<'a> {
        Svd { target: self, unguarded: false }
    }
}

impl Svd<'_> {
    /// Loads an SVD file for the session, in place of what was loaded before. Views that are reading with the old one finish with it.
    ///
    /// # Errors
    /// Those of [`Device::load`]; what was loaded before stays then.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Arc<Device>> {
        Device::load(path).map(|device| self.set(device))
    }

    /// Like [`load`](Self::load), from the text of an SVD file.
    ///
    /// # Errors
    /// Those of [`Device::parse_str`].
    pub fn load_str(&self, svd: &str) -> Result<Arc<Device>> {
        Device::parse_str(svd).map(|device| self.set(device))
    }

    /// Uses a description that is loaded already.
    pub fn set(&self, device: impl Into<Arc<Device>>) -> Arc<Device> {
        let device = device.into();
        *self.loaded_device().write().unwrap_or_else(PoisonError::into_inner) = Some(device.clone());
        device
    }

    /// A description is loaded.
    pub fn loaded(&self) -> bool {
        self.device().is_ok()
    }

    /// The description that is loaded.
    ///
    /// # Errors
    /// [`SvdError::NotLoaded`].
    pub fn device(&self) -> Result<Arc<Device>> {
        let loaded = self.loaded_device().read().unwrap_or_else(PoisonError::into_inner);
        Ok(loaded.clone().ok_or(SvdError::NotLoaded)?)
    }

    /// The same view, but reading also what is write-only, and what a read changes something by: [`read_peripheral`](Self::read_peripheral)
    /// leaves nothing out, and [`write_fields`](Self::write_fields) reads what it needs also where that changes something.
    #[must_use]
    pub fn unguarded(self) -> Self {
        Svd { unguarded: true, ..self }
    }

    /// The names of all peripherals, in the order of the file.
    ///
    /// # Errors
    /// [`SvdError::NotLoaded`].
    pub fn list_peripherals(&self) -> Result<Vec<String>> {
        Ok(self.device()?.peripherals().iter().map(|peripheral| peripheral.name().to_owned()).collect())
    }

    /// The names of a peripheral's registers, in the order of the file.
    ///
    /// # Errors
    /// [`SvdError::NotLoaded`], [`SvdError::UnknownPeripheral`].
    pub fn list_registers(&self, peripheral: &str) -> Result<Vec<String>> {
        let device = self.device()?;
        Ok(device.peripheral(peripheral)?.registers().iter().map(|register| register.name().to_owned()).collect())
    }

    /// What the description says of a register: address, size, access, reset value, fields. It prints as a table.
    ///
    /// # Errors
    /// [`SvdError::NotLoaded`], [`SvdError::UnknownPeripheral`], [`SvdError::UnknownRegister`].
    pub fn describe(&self, peripheral: &str, register: &str) -> Result<Register> {
        Ok(self.device()?.peripheral(peripheral)?.register(register)?.clone())
    }

    /// The value of a register after a reset; `None` where the description does not say.
    ///
    /// # Errors
    /// Those of [`describe`](Self::describe).
    pub fn reset_value(&self, peripheral: &str, register: &str) -> Result<Option<u64>> {
        Ok(self.describe(peripheral, register)?.reset_value())
    }

    /// A value of a register with names for its fields. Nothing is read.
    ///
    /// # Errors
    /// Those of [`describe`](Self::describe) and [`Register::decode`].
    pub fn decode(&self, peripheral: &str, register: &str, value: u64) -> Result<DecodedRegister> {
        self.describe(peripheral, register)?.decode(value)
    }

    /// Reads a register and names its fields.
    ///
    /// A register that a read changes something by is read: it is asked for by name.
    ///
    /// # Errors
    /// Those of [`describe`](Self::describe); [`SvdError::NotReadable`] if the register is write-only or has more than 64 bits, before anything
    /// is read; those of [`Memory::read_u32`](crate::Memory::read_u32).
    pub fn read_register(&self, peripheral: &str, register: &str) -> Result<DecodedRegister> {
        let register = self.describe(peripheral, register)?;
        if !register.access().can_read() && !self.unguarded {
            return Err(SvdError::NotReadable { name: register.path(), reason: SkipReason::WriteOnly }.into());
        }
        let value = self.read(&register)?;
        Ok(DecodedRegister { register, value })
    }

    /// Reads the register of a field and gives the field's value. [`read_register`](Self::read_register) has the value's name, too.
    ///
    /// # Errors
    /// Those of [`read_register`](Self::read_register), [`SvdError::UnknownField`]; [`SvdError::NotReadable`] if the field is write-only.
    pub fn read_field(&self, peripheral: &str, register: &str, field: &str) -> Result<u64> {
        let described = self.describe(peripheral, register)?;
        let found = described.field(field)?;
        if !found.access().can_read() && !self.unguarded {
            let name = format!("{}.{field}", described.path());
            return Err(SvdError::NotReadable { name, reason: SkipReason::WriteOnly }.into());
        }
        Ok(found.extract(self.read_register(peripheral, register)?.value))
    }

    /// Reads all registers of a peripheral that can be read without changing anything: each address once, with the register's own
    /// width, in one round trip for nearly any peripheral.
    ///
    /// Only addresses of registers are touched, never those between. Write-only registers, and those that a read changes something by (their
    /// own `readAction`, or that of another register at the same address), are left alone unless the view is [`unguarded`](Self::unguarded).
    /// What was left alone or could not be read is in the result with its reason. Of views of one address that differ in width, the widest is read
    /// and the others are cut out of its value.
    ///
    /// # Errors
    /// [`SvdError::NotLoaded`], [`SvdError::UnknownPeripheral`]; [`TargetError::NotHalted`] if this target can't be read while it
    /// runs; [`Error::Timeout`] and [`Error::Connection`]. A register that fails is none: it is in the result.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # session.svd().load(path)?;
    /// let port = session.svd().read_peripheral("GPIOA")?;
    /// println!("{port}");
    /// assert_eq!(port.register("CRL")?.value, 0x4444_4444);
    /// assert!(port.unread.iter().any(|unread| unread.register.name() == "BSRR")); // write-only
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_peripheral(&self, peripheral: &str) -> Result<PeripheralReading> {
        let device = self.device()?;
        read::peripheral(self.target, &device, device.peripheral(peripheral)?, self.unguarded)
    }

    /// Reads a peripheral and compares it with its reset values, as far as these are known.
    ///
    /// # Errors
    /// Those of [`read_peripheral`](Self::read_peripheral).
    pub fn diff(&self, peripheral: &str) -> Result<ResetDiff> {
        self.read_peripheral(peripheral).map(ResetDiff::of)
    }

    /// Writes a register, in one access of its own width.
    ///
    /// # Errors
    /// Before anything is sent: those of [`describe`](Self::describe), [`SvdError::NotWritable`], [`SvdError::ValueTooWide`],
    /// [`SvdError::ForbiddenValue`] (the register's own constraint; those of its fields are
    /// [`write_fields`](Self::write_fields)' business), [`SvdError::UnsupportedSize`]. Those of
    /// [`Memory::write_u32`](crate::Memory::write_u32).
    pub fn write_register(&self, peripheral: &str, register: &str, value: u64) -> Result<()> {
        let register = self.describe(peripheral, register)?;
        write::check_register(&register, value)?;
        self.write(&register, value)
    }

    /// Writes one field; see [`write_fields`](Self::write_fields).
    ///
    /// # Errors
    /// Those of [`write_fields`](Self::write_fields).
    pub fn write_field<'v>(
        &self,
        peripheral: &str,
        register: &str,
        field: &str,
        value: impl Into<FieldValue<'v>>,
    ) -> Result<()> {
        self.write_fields(peripheral, register, &[(field, value.into())])
    }

    /// Writes fields of a register, by number or by the name of an enumerated value, and leaves the others as they are: one read and one write
    /// within one command, so that nobody else at this OpenOCD comes between. The program on the target may.
    ///
    /// What the bits get that are not asked for:
    /// - fields where a 1 (or 0) clears, sets or toggles get the bit that does nothing, whatever was read;
    /// - other fields, and bits of no field, get what was read;
    /// - write-only fields among readable ones get their reset value: a read does not give theirs;
    /// - fields that any write clears or sets can't be spared: the call is refused.
    ///
    /// If no bit needs to be read, nothing is. If one does, but the register is write-only, or a read would change something
    /// and the view is not [`unguarded`](Self::unguarded), the call is refused: whatever it wrote there would be a guess.
    /// [`write_fields_over_reset`](Self::write_fields_over_reset) is for these.
    ///
    /// # Errors
    /// Before anything is written: those of [`describe`](Self::describe), [`SvdError::UnknownField`], [`SvdError::UnknownValue`],
    /// [`SvdError::NotWritable`], [`SvdError::ValueTooWide`], [`SvdError::ForbiddenValue`], [`SvdError::FieldTwice`],
    /// [`SvdError::NotSeparable`], [`SvdError::UnsupportedSize`]. [`TargetError::MemoryRead`], [`TargetError::MemoryWrite`]
    /// and those of [`Session::command`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # session.svd().load(path)?;
    /// session.svd().write_fields("RCC", "CFGR", &[("PLLMUL", "Mul9".into()), ("ADCPRE", 2.into())])?;
    /// assert_eq!(session.svd().read_field("RCC", "CFGR", "PLLMUL")?, 7);
    ///
    /// let error = session.svd().write_field("RCC", "CFGR", "PLLMUL", 16).unwrap_err();
    /// assert_eq!(error.to_string(), "the value 0x10 takes more than the 4 bits of RCC.CFGR.PLLMUL");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_fields(&self, peripheral: &str, register: &str, fields: &[(&str, FieldValue<'_>)]) -> Result<()> {
        let device = self.device()?;
        let register = device.peripheral(peripheral)?.register(register)?;
        let rest = match read::refusal(&device, register) {
            None => write::Rest::Present,
            Some(SkipReason::WriteOnly) => write::Rest::Unknown("the register is write-only"),
            Some(_) if self.unguarded => write::Rest::Present,
            Some(_) => write::Rest::Unknown("reading the register changes the chip's state"),
        };
        let plan = write::plan(register, fields, rest)?;
        if plan.as_read != 0 {
            self.check_as_read(register, plan)?;
        }
        if fields.is_empty() {
            return Ok(());
        }
        if plan.keep == 0 { self.write(register, plan.set) } else { self.modify(register, plan) }
    }

    /// Writes fields of a register, and the reset value to all others; nothing is read. For write-only registers, and
    /// for those that a read changes something by.
    ///
    /// # Errors
    /// Those of [`write_fields`](Self::write_fields); [`SvdError::NotSeparable`] if the reset value of a field that is not given is not known.
    pub fn write_fields_over_reset(
        &self,
        peripheral: &str,
        register: &str,
        fields: &[(&str, FieldValue<'_>)],
    ) -> Result<()> {
        let register = self.describe(peripheral, register)?;
        let plan = write::plan(&register, fields, write::Rest::Reset)?;
        if plan.as_read != 0 {
            self.check_as_read(&register, plan)?;
        }
        self.write(&register, plan.set)
    }

    fn loaded_device(&self) -> &Loaded {
        &self.target.session().svd
    }

    fn read(&self, register: &Register) -> Result<u64> {
        let (memory, address) = (self.target.memory(), register.address());
        let value = match bits(register)? {
            8 => memory.read_u8(address)?.into(),
            16 => memory.read_u16(address)?.into(),
            32 => memory.read_u32(address)?.into(),
            _ => memory.read_u64(address)?,
        };
        Ok(value & register.mask())
    }

    #[allow(clippy::cast_possible_truncation, reason = "the value fits: it was checked against the register's size")]
    fn write(&self, register: &Register, value: u64) -> Result<()> {
        let (memory, address) = (self.target.memory(), register.address());
        match bits(register)? {
            8 => memory.write_u8(address, value as u8),
            16 => memory.write_u16(address, value as u16),
            32 => memory.write_u32(address, value as u32),
            _ => memory.write_u64(address, value),
        }
    }

    /// Fields that take only what is read from them.
    fn check_as_read(&self, register: &Register, plan: write::Plan) -> Result<()> {
        let value = self.read(register)?;
        if (value ^ plan.set) & plan.as_read == 0 {
            return Ok(());
        }
        let value = plan.set & plan.as_read;
        Err(SvdError::ForbiddenValue { name: register.path(), value, allowed: "what is read from it".to_owned() }
            .into())
    }

    /// Reads, changes and writes within one command.
    fn modify(&self, register: &Register, plan: write::Plan) -> Result<()> {
        let (address, width) = (register.address(), bits(register)?);
        self.target.memory().check(address, u64::from(width / 8), 1)?;
        let halves = |value: u64| format!("{:#x} {:#x}", value & 0xffff_ffff, value >> 32);
        let script =
            format!("_openocd_rs_1_modify {address:#x} {width} {{{}}} {{{}}}", halves(plan.keep), halves(plan.set));
        let shown = format!("read_memory {address:#x} {width} 1");
        let request = self.target.request(script).shown(shown);
        self.target.session().run(&request, |reply| {
            let answer = reply.success(&request).map_err(|failure| {
                Error::refused(failure, |failure| TargetError::MemoryRead { address, failure }.into())
            })?;
            let outcome = tcl::elements(answer).take_array().and_then(|[code, message]| {
                let code: i32 = std::str::from_utf8(&code).ok()?.parse().ok()?;
                Some((code, String::from_utf8_lossy(&message).into_owned()))
            });
            match outcome {
                Some((0, _)) => Ok(()),
                Some((code, message)) => {
                    let log = String::from_utf8_lossy(&reply.log).into_owned();
                    let command = format!("write_memory {address:#x} {width}");
                    let failure = Box::new(Failure::new(command, code, message, log));
                    Err(Error::refused(failure, |failure| {
                        TargetError::MemoryWrite { address, written_to: address, failure }.into()
                    }))
                }
                None => {
                    let (command, reply) = (request.name().to_owned(), String::from_utf8_lossy(answer).into_owned());
                    let expected = "the outcome of a write";
                    Err(TargetError::UnexpectedReply { command, expected, reply }.into())
                }
            }
        })?
    }
}

/// The width of an access.
fn bits(register: &Register) -> Result<u32, SvdError> {
    let (bits, register) = (register.size(), register);
    register.access_bits().ok_or_else(|| SvdError::UnsupportedSize { register: register.path(), bits })
}
