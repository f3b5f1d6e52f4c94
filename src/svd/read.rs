//! Reading registers, fields and whole peripherals by name.

mod plan;
mod runs;

pub(super) use self::plan::refusal;
use self::plan::{Origin, Plan, Run, plan};
use super::Svd;
use super::decode::DecodedRegister;
use super::device::{Device, Peripheral};
use super::diff::ResetDiff;
use super::reading::{PeripheralReading, UnreadReason, UnreadRegister};
use super::register::Register;
use crate::error::{Failure, Result, SvdError};
use crate::target::Target;
use crate::types::SkipReason;

impl Svd<'_> {
    /// Reads a register, and splits its value into fields.
    ///
    /// The register is read even if the read changes the chip's state. On a Cortex-M the target may
    /// run.
    ///
    /// # Errors
    /// [`SvdError::UnknownPeripheral`] or [`SvdError::UnknownRegister`], with similar names;
    /// [`SvdError::NotReadable`] if the register is write-only, and [`SvdError::UnsupportedSize`]
    /// if it has more than 64 bits: nothing is read then.
    /// [`TargetError::MemoryRead`](crate::TargetError::MemoryRead) if the read fails.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # session.svd().load(path)?;
    /// let cr = session.svd().read_register("RCC", "CR")?;
    /// println!("{cr}");
    /// assert_eq!(cr.field("HSIRDY")?.value_name(), Some("Ready"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_register(&self, peripheral: &str, register: &str) -> Result<DecodedRegister> {
        self.read_described(self.describe(peripheral, register)?)
    }

    /// Reads the register of a field, and returns the field's value.
    ///
    /// [`read_register`](Self::read_register) also gives the name of the value.
    ///
    /// # Errors
    /// [`SvdError::UnknownField`], with similar names; [`SvdError::NotReadable`] if the field is
    /// write-only; the errors of [`read_register`](Self::read_register).
    pub fn read_field(&self, peripheral: &str, register: &str, field: &str) -> Result<u64> {
        let described = self.describe(peripheral, register)?;
        let found = described.field(field)?;
        if !found.access().can_read() && !self.unguarded {
            let name = format!("{}.{field}", described.path());
            return Err(SvdError::NotReadable { name, reason: SkipReason::WriteOnly }.into());
        }
        // Another thread may load another file meanwhile.
        let found = found.clone();
        Ok(found.extract(self.read_described(described)?.value))
    }

    fn read_described(&self, register: Register) -> Result<DecodedRegister> {
        if !register.access().can_read() && !self.unguarded {
            return Err(SvdError::NotReadable { name: register.path(), reason: SkipReason::WriteOnly }.into());
        }
        let value = self.read_value(&register)?;
        Ok(DecodedRegister { register, value })
    }

    /// Reads all registers of a peripheral that can be read without changing anything.
    ///
    /// On a Cortex-M the target may run. Each register is read once, in its own width, and no
    /// address between registers is read. Nearly any peripheral takes one round trip.
    ///
    /// Some registers are skipped unless the view is [`unguarded`](Self::unguarded): those that are
    /// write-only, and those whose read changes the chip's state, because of their own `readAction`
    /// or that of another register at the address. If several registers share an address, the
    /// widest one is read, and the others are taken from its value.
    ///
    /// If a read of several registers fails, they are read again one by one, except those that a
    /// read changes. The result has the registers that were not read, each with its reason.
    ///
    /// # Errors
    /// [`SvdError::UnknownPeripheral`], with similar names;
    /// [`Error::Timeout`](crate::Error::Timeout) and
    /// [`Error::Connection`](crate::Error::Connection). A register that cannot be read is no error
    /// of this call: it is in [`PeripheralReading::unread`].
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
        read_peripheral(self.target, &device, device.peripheral(peripheral)?, self.unguarded)
    }

    /// Reads a peripheral, and compares it with its reset values.
    ///
    /// Only bits whose reset value is known are compared. Registers are read as by
    /// [`read_peripheral`](Self::read_peripheral).
    ///
    /// # Errors
    /// The same as [`read_peripheral`](Self::read_peripheral).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # session.svd().load(path)?;
    /// session.svd().write_register("GPIOA", "ODR", 0x8)?;
    /// let diff = session.svd().diff("GPIOA")?;
    /// println!("{diff}");
    /// assert!(diff.changed.iter().any(|changed| changed.decoded.register.name() == "ODR"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn diff(&self, peripheral: &str) -> Result<ResetDiff> {
        self.read_peripheral(peripheral).map(ResetDiff::of)
    }

    /// Reads a register in one access.
    pub(super) fn read_value(&self, register: &Register) -> Result<u64> {
        let (memory, address) = (self.target.memory(), register.address());
        let value = match bits(register)? {
            8 => memory.read_u8(address)?.into(),
            16 => memory.read_u16(address)?.into(),
            32 => memory.read_u32(address)?.into(),
            _ => memory.read_u64(address)?,
        };
        Ok(value & register.mask())
    }
}

/// The elements of a run, each with its value or with what OpenOCD reported.
type Elements = Vec<Result<u64, Box<Failure>>>;

pub(super) fn read_peripheral(
    target: Target<'_>,
    device: &Device,
    peripheral: &Peripheral,
    unguarded: bool,
) -> Result<PeripheralReading> {
    let Plan { runs, origins } = plan(device, peripheral, unguarded);
    // Beyond 4 GiB, OpenOCD may read another address. The last run has the highest one.
    if let Some(run) = runs.last() {
        target.check_range(run.address, run.bytes(), run.count as u64, false)?;
    }
    let elements = read_elements(target, &runs)?;
    let mut result =
        PeripheralReading { peripheral: peripheral.name().to_owned(), registers: Vec::new(), unread: Vec::new() };
    for (register, origin) in peripheral.registers().iter().zip(origins) {
        let register = register.clone();
        let reason = match origin {
            Origin::Skipped(reason) => UnreadReason::Skipped(reason),
            Origin::Element { run, index, shift } => match &elements[run][index] {
                Ok(value) => {
                    let value = (value >> shift) & register.mask();
                    result.registers.push(DecodedRegister { register, value });
                    continue;
                }
                Err(failure) => UnreadReason::Failed(failure.clone()),
            },
        };
        result.unread.push(UnreadRegister { register, reason });
    }
    Ok(result)
}

/// Reads runs. A run fails as a whole. Its elements are then read one by one, so that one bad
/// element does not hide the others.
fn read_elements(target: Target<'_>, runs: &[Run]) -> Result<Vec<Elements>> {
    let readings = runs::read(target, runs)?;
    let is_lost = |(run, reading): &(&Run, &Result<_, _>)| run.count > 1 && reading.is_err();
    let lost = runs.iter().zip(&readings).filter(is_lost);
    let singles: Vec<_> = lost.flat_map(|(run, _)| run.singles()).collect();
    let mut again = runs::read(target, &singles)?.into_iter().map(|reading| reading.map(|values| values[0]));
    let elements = runs.iter().zip(readings).map(|(run, reading)| match reading {
        Ok(values) => values.into_iter().map(Ok).collect(),
        Err(_) if run.count > 1 => again.by_ref().take(run.count).collect(),
        Err(failure) => vec![Err(failure)],
    });
    Ok(elements.collect())
}

/// The width of an access in bits.
pub(super) fn bits(register: &Register) -> Result<u32, SvdError> {
    let (bits, register) = (register.size(), register);
    register.access_bits().ok_or_else(|| SvdError::UnsupportedSize { register: register.path(), bits })
}
