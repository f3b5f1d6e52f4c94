//! Writing registers and fields by name.

mod plan;
mod value;

use self::plan::{Plan, Rest};
pub use self::value::FieldValue;
use super::Svd;
use super::device::Device;
use super::properties::SkipReason;
use super::read::{bits, refusal};
use super::register::Register;
use crate::error::{Error, Failure, Result, SvdError, TargetError, UnexpectedReply};
use crate::wire::tcl;

impl Svd<'_> {
    /// Writes a register, in one access of its own width.
    ///
    /// Values that the description does not allow are refused, those of single fields among them. What a field that is read-only gets does not
    /// matter.
    ///
    /// # Errors
    /// Before anything is sent: those of [`describe`](Self::describe), [`SvdError::NotWritable`], [`SvdError::ValueTooWide`],
    /// [`SvdError::ForbiddenValue`], [`SvdError::UnsupportedSize`]. Those of [`Memory::write_u32`](crate::Memory::write_u32). If the description
    /// says `writeAsRead` of the register or a field, the register is read first: [`SvdError::NotReadable`] where it must not be, and
    /// those of [`Memory::read_u32`](crate::Memory::read_u32).
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
        self.write_value(register, value)
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
    /// [`SvdError::NotSeparable`], [`SvdError::UnsupportedSize`], [`SvdError::NotReadable`] (`writeAsRead` of what must not be read).
    /// [`TargetError::MemoryRead`], [`TargetError::MemoryWrite`]
    /// and those of [`Session::command`](crate::Session::command).
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
        if plan.keep == 0 { self.write_value(register, plan.set) } else { self.modify(register, plan) }
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
        let device = self.device()?;
        let register = device.peripheral(peripheral)?.register(register)?;
        let plan = plan::plan(register, fields, Rest::Reset)?;
        value::check_range(register, plan.set)?;
        self.check_as_read(&device, register, plan.asked, plan.set)?;
        self.write_value(register, plan.set)
    }

    #[allow(clippy::cast_possible_truncation, reason = "the value fits: it was checked against the register's size")]
    fn write_value(&self, register: &Register, value: u64) -> Result<()> {
        let (memory, address) = (self.target.memory(), register.address());
        match bits(register)? {
            8 => memory.write_u8(address, value as u8),
            16 => memory.write_u16(address, value as u16),
            32 => memory.write_u32(address, value as u32),
            _ => memory.write_u64(address, value),
        }
    }

    /// What takes only the value that is read from it gets no other.
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
                    Err(TargetError::UnexpectedReply(UnexpectedReply { command, expected, reply }).into())
                }
            }
        })?
    }
}
