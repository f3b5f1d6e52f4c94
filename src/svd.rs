//! Peripherals and registers by the names of a device description (CMSIS-SVD).
//!
//! [`Device`] is a description, loaded from a file, and needs no session. [`Svd`], from
//! [`Session::svd`](crate::Session::svd), reads and writes registers of a target by name.

mod decode;
mod derive;
mod device;
mod diff;
mod expand;
mod field;
mod load;
mod lookup;
mod properties;
mod read;
mod reading;
mod register;
mod source;
mod warnings;
mod write;
mod xml;

pub use decode::{DecodedField, DecodedRegister};
pub use device::{AddressBlock, Device, Interrupt, Peripheral};
pub use diff::{ChangedRegister, ResetDiff};
pub use field::{EnumeratedValue, Field};
pub use properties::{Access, ModifiedWriteValues, ReadAction, SkipReason, WriteConstraint};
pub use reading::{PeripheralReading, UnreadReason, UnreadRegister};
pub use register::Register;
pub use write::FieldValue;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use crate::Session;
use crate::error::{Result, SvdError};
use crate::target::Target;

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
        let loaded = self.loaded_device();
        let loaded = loaded.read().unwrap_or_else(PoisonError::into_inner);
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

    fn loaded_device(&self) -> Arc<Loaded> {
        self.target.session().state(Loaded::default)
    }
}
