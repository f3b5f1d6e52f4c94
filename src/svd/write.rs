//! Writes registers and fields by name.

mod plan;
mod value;

use self::plan::{Plan, Rest};
pub use self::value::FieldValue;
use super::Svd;
use super::device::Device;
use super::properties::WriteConstraint;
use super::read::{bits, refusal};
use super::register::Register;
use crate::command::Script;
use crate::error::{Error, Failure, Result, SvdError, TargetError, UnexpectedReply};
use crate::types::SkipReason;
use crate::wire::tcl;

impl Svd<'_> {
    /// Writes a register, in one access of its own width. A register of another width than 8, 16,
    /// 32 or 64 bits is in a wider access, whose other bits are read and written again. They are
    /// written as zeros if the register must not be read; [`unguarded`](Self::unguarded) allows the
    /// read.
    ///
    /// The write constraints of the register and of its fields are checked first. Read-only fields
    /// may get any value. If the description says `writeAsRead`, the register is read before it is
    /// written.
    ///
    /// `Ok` says that the transfer ended without a fault. A register that ignores the write, as
    /// without its clock, is not noticed: check with [`read_register`](Self::read_register).
    ///
    /// # Errors
    /// Before anything is written: [`SvdError::NotWritable`] if the register is read-only,
    /// [`SvdError::ValueTooWide`], [`SvdError::ForbiddenValue`] if the description does not allow
    /// the value, [`SvdError::NotReadable`] if the register must be read first but is write-only or
    /// changed by a read. [`TargetError::MemoryWrite`] if the write fails.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # session.svd().load(path)?;
    /// session.svd().write_register("GPIOA", "ODR", 0x5a5a)?;
    ///
    /// let error = session.svd().write_register("RCC", "CFGR", 0x3).unwrap_err();
    /// assert_eq!(error.to_string(), "RCC.CFGR.SW does not take the value 0x3, only 0x0 to 0x2");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_register(&self, peripheral: &str, register: &str, value: u64) -> Result<()> {
        let device = self.device()?;
        let register = device.peripheral(peripheral)?.register(register)?;
        value::check_register(register, value)?;
        self.check_as_read(&device, register, register.mask(), value)?;
        self.write_value(&device, register, value)
    }

    /// Writes one field, by number or by the name of a value. The other fields keep their values.
    ///
    /// See [`write_fields`](Self::write_fields) for the bits that are not given.
    ///
    /// # Errors
    /// The same as [`write_fields`](Self::write_fields).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # session.svd().load(path)?;
    /// session.svd().write_field("RCC", "CR", "HSEON", "On")?;
    /// session.svd().write_field("RCC", "CR", "HSEON", 0)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_field<'v>(
        &self,
        peripheral: &str,
        register: &str,
        field: &str,
        value: impl Into<FieldValue<'v>>,
    ) -> Result<()> {
        self.write_fields(peripheral, register, &[(field, value.into())])
    }

    /// Writes fields of a register, by number or by the name of a value. The other fields keep
    /// their values.
    ///
    /// One command reads the register and writes it, so that no other client of this OpenOCD comes
    /// between. The program on the target may. The bits that are not given are written as follows:
    /// - A field where a 1 (or a 0) clears, sets or toggles gets the bit that does nothing.
    /// - Any other field gets the value that was read. This uses up the write of a field that takes
    ///   only one write after a reset.
    /// - A bit of no field, or of a read-only one, gets the value that was read; where the register
    ///   is not read, its reset value, or 0 if that is not known.
    /// - A write-only field among readable ones gets its reset value, since a read does not give
    ///   its value.
    /// - A field that any write clears or sets cannot be kept: the call fails.
    ///
    /// If no bit must be read, the register is only written. If a field must be read, but the
    /// register is write-only, or a read would change the chip's state, the call fails;
    /// [`unguarded`](Self::unguarded) allows the latter.
    /// [`write_fields_over_reset`](Self::write_fields_over_reset) needs no read.
    ///
    /// The write constraints of the given fields are checked first. If the description gives a
    /// range for the register, the value of the whole register is checked before it is written,
    /// with the bits that were read.
    ///
    /// A register that ignores the write, as without its clock, is not noticed: check with
    /// [`read_field`](Self::read_field).
    ///
    /// # Errors
    /// Before anything is written: [`SvdError::UnknownField`] and [`SvdError::UnknownValue`], with
    /// similar names, the latter with all values; [`SvdError::ForbiddenValue`] if the description
    /// does not allow the value; [`SvdError::NotSeparable`] if the other fields cannot be kept.
    /// [`TargetError::MemoryRead`] or [`TargetError::MemoryWrite`] if the access fails.
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
        let rest = match refusal(&device, register) {
            None => Rest::Present,
            Some(SkipReason::WriteOnly) => Rest::Unknown("the register is write-only"),
            Some(_) if self.unguarded => Rest::Present,
            Some(_) => Rest::Unknown("reading the register changes the chip's state"),
        };
        let plan = plan::plan(register, fields, rest)?;
        if fields.is_empty() {
            return Ok(());
        }
        if plan.keep == 0 {
            value::check_range(register, plan.set)?;
        }
        self.check_as_read(&device, register, plan.asked, plan.set)?;
        if plan.keep == 0 { self.write_value(&device, register, plan.set) } else { self.modify(register, plan) }
    }

    /// Writes fields of a register, and the reset value to all other fields.
    ///
    /// The register is not read, unless it has another width than 8, 16, 32 or 64 bits: see
    /// [`write_register`](Self::write_register).
    /// This is for registers that are write-only, and for those that a read changes.
    ///
    /// # Errors
    /// [`SvdError::NotSeparable`] if the reset value of a field that is not given is unknown; the
    /// errors of [`write_fields`](Self::write_fields).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # session.svd().load(path)?;
    /// session.svd().write_fields_over_reset("USART1", "DR", &[("DR", 0x41.into())])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_fields_over_reset(
        &self,
        peripheral: &str,
        register: &str,
        fields: &[(&str, FieldValue<'_>)],
    ) -> Result<()> {
        let device = self.device()?;
        let register = device.peripheral(peripheral)?.register(register)?;
        let plan = plan::plan(register, fields, Rest::Reset)?;
        value::check_range(register, plan.set)?;
        self.check_as_read(&device, register, plan.asked, plan.set)?;
        self.write_value(&device, register, plan.set)
    }

    #[allow(clippy::cast_possible_truncation, reason = "the value fits: it was checked against the register's size")]
    fn write_value(&self, device: &Device, register: &Register, value: u64) -> Result<()> {
        let may_read = self.unguarded || refusal(device, register).is_none();
        // What is behind the register may be another one.
        if may_read && u64::from(register.size()) < register.bytes() * 8 {
            return self.modify(register, Plan { asked: register.mask(), keep: 0, set: value });
        }
        let (memory, address) = (self.target.memory(), register.address());
        match bits(register)? {
            8 => memory.write_u8(address, value as u8),
            16 => memory.write_u16(address, value as u16),
            32 => memory.write_u32(address, value as u32),
            _ => memory.write_u64(address, value),
        }
    }

    /// Checks that what takes only the value that is read from it gets this value.
    fn check_as_read(&self, device: &Device, register: &Register, written: u64, value: u64) -> Result<()> {
        let taken_as_read = value::taken_as_read(register, written);
        let Some((name, _)) = taken_as_read.first() else { return Ok(()) };
        if let Some(reason) = refusal(device, register).filter(|_| !self.unguarded) {
            return Err(SvdError::NotReadable { name: name.clone(), reason }.into());
        }
        let present = self.read_value(register)?;
        for (name, bits) in taken_as_read {
            if (value ^ present) & bits != 0 {
                let shift = bits.trailing_zeros();
                let allowed = format!("{:#x}, which is read from it", (present & bits) >> shift);
                return Err(SvdError::ForbiddenValue { name, value: (value & bits) >> shift, allowed }.into());
            }
        }
        Ok(())
    }

    /// Reads, changes and writes within one command.
    fn modify(&self, register: &Register, plan: Plan) -> Result<()> {
        let (address, width) = (register.address(), bits(register)?);
        self.target.check_range(address, u64::from(width / 8), 1, false)?;
        let keep = plan.keep | (!register.mask() & (u64::MAX >> (64 - width)));
        let halves = |value: u64| [value & 0xffff_ffff, value >> 32];
        let script = Script::call("modify").hex(address).number(width);
        let script = script.hex_list(halves(keep)).hex_list(halves(plan.set));
        let script = match register.write_constraint() {
            Some(WriteConstraint::Range { minimum, maximum }) => {
                let mask = halves(register.mask()).map(|half| format!("{half:#x}"));
                let ends = [minimum, maximum].map(|end| format!("{end:016x}"));
                script.list(mask.iter().chain(&ends))
            }
            _ => script.list::<&str>([]),
        };
        let shown = format!("read_memory {address:#x} {width} 1");
        let request = self.target.request(script).shown(shown);
        self.target.session().run(&request, |reply| {
            let answer = reply.success(&request).map_err(|failure| {
                Error::refused(failure, |failure| TargetError::MemoryRead { address, failure }.into())
            })?;
            let outcome = tcl::elements(answer)
                .take_array()
                .map(|outcome: [_; 2]| outcome.map(|word| String::from_utf8_lossy(&word).into_owned()));
            if let Some([outcome, value]) = &outcome {
                if let ("forbidden", Ok(value)) = (outcome.as_str(), u64::from_str_radix(value, 16)) {
                    value::check_range(register, value)?;
                }
            }
            match outcome.and_then(|[code, message]| Some((code.parse().ok()?, message))) {
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
                    Err(TargetError::UnexpectedReply(UnexpectedReply { command, expected, reply }).into())
                }
            }
        })?
    }
}
