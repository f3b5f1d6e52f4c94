//! Peripherals, registers and fields by the names of an SVD file (CMSIS-SVD).
//!
//! [`Device`] is the content of a file, and needs no session. [`Svd`], from
//! [`Session::svd`](crate::Session::svd), reads and writes the registers of a target by name.

mod core;
mod decode;
mod derive;
mod device;
mod diff;
mod expand;
mod field;
mod load;
mod properties;
mod read;
mod reading;
mod register;
mod snapshot;
mod source;
mod variable;
mod warnings;
mod write;
mod xml;

pub use self::core::CortexM;
pub use crate::types::{ReadAction, SkipReason};
pub use decode::{DecodedField, DecodedRegister};
pub use device::{AddressBlock, Device, Interrupt, Peripheral};
pub use diff::{ChangedRegister, ResetDiff};
pub use field::{EnumeratedValue, Field};
pub use properties::{Access, ModifiedWriteValues, WriteConstraint};
pub use reading::{PeripheralReading, UnreadReason, UnreadRegister};
pub use register::Register;
pub use snapshot::{FieldChange, RegisterChange, Snapshot, SnapshotDiff, SnapshotRegister};
pub use write::FieldValue;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use crate::error::{Result, SvdError};
use crate::session::Session;
use crate::target::Target;

/// The description that is loaded in a session.
pub(crate) type Loaded = RwLock<Option<Arc<Device>>>;

/// Reads and writes the registers of a target by name; from [`Session::svd`] or [`Target::svd`].
///
/// Load a description first. All views of the session share it, including those of other targets
/// and threads. See [`Device`] for the names of registers in clusters and arrays.
///
/// # Rules for all calls
/// - **State.** Registers are read and written through memory. A Cortex-M, like most targets, may
///   run meanwhile.
/// - **Width.** Each access has the register's own width. Values are in the target's byte order.
/// - **No cache.** Every call that reads asks the target.
/// - **Side effects.** [`read_peripheral`](Self::read_peripheral) skips registers that are
///   write-only or that a read changes, and reports them. [`read_register`](Self::read_register)
///   reads the register that it is given, unless that is write-only. [`unguarded`](Self::unguarded)
///   lifts both rules.
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
    /// Accesses the peripherals of the current target by name. Short for `session.target().svd()`.
    pub fn svd(&self) -> Svd<'_> {
        self.target().svd()
    }
}

impl<'a> Target<'a> {
    /// Accesses the peripherals of this target by name.
    pub fn svd(self) -> Svd<'a> {
        Svd { target: self, unguarded: false }
    }
}

impl Svd<'_> {
    /// Loads an SVD file for the session. It replaces the description that was loaded before.
    ///
    /// # Errors
    /// [`SvdError::NotFound`], [`SvdError::Parse`] and the others of [`Device::load`]. The
    /// description that was loaded before stays.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let device = session.svd().load("tests/virtual-chip/svd/virtual-stm32f103.svd")?;
    /// assert_eq!(device.name(), "VirtualSTM32F103");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Arc<Device>> {
        Device::load(path).map(|device| self.set(device))
    }

    /// Loads the text of an SVD file for the session, like [`load`](Self::load).
    ///
    /// # Errors
    /// [`SvdError::Parse`], [`SvdError::TooLarge`], [`SvdError::Impossible`].
    pub fn load_str(&self, svd: &str) -> Result<Arc<Device>> {
        Device::parse_str(svd).map(|device| self.set(device))
    }

    /// Uses a description that was loaded elsewhere for the session.
    pub fn set(&self, device: impl Into<Arc<Device>>) -> Arc<Device> {
        let device = device.into();
        *self.loaded_device().write().unwrap_or_else(PoisonError::into_inner) = Some(device.clone());
        device
    }

    /// Tells whether a description is loaded.
    pub fn loaded(&self) -> bool {
        self.device().is_ok()
    }

    /// Returns the description that is loaded.
    ///
    /// # Errors
    /// [`SvdError::NotLoaded`].
    pub fn device(&self) -> Result<Arc<Device>> {
        let loaded = self.loaded_device();
        let loaded = loaded.read().unwrap_or_else(PoisonError::into_inner);
        Ok(loaded.clone().ok_or(SvdError::NotLoaded)?)
    }

    /// Returns a view that also reads registers that are write-only, and those whose read changes
    /// the chip's state.
    ///
    /// [`read_peripheral`](Self::read_peripheral) then skips neither. A write reads whatever it has
    /// to keep, even if the read changes something: the other fields in
    /// [`write_fields`](Self::write_fields), and in each write the bits behind a register of an odd
    /// width.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # session.svd().load(path)?;
    /// // Takes a received byte, if there is one.
    /// let port = session.svd().unguarded().read_peripheral("USART1")?;
    /// assert!(port.register("DR").is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn unguarded(self) -> Self {
        Svd { unguarded: true, ..self }
    }

    /// Returns the names of all peripherals, in the order of the file.
    ///
    /// # Errors
    /// [`SvdError::NotLoaded`].
    pub fn list_peripherals(&self) -> Result<Vec<String>> {
        Ok(self.device()?.peripherals().iter().map(|peripheral| peripheral.name().to_owned()).collect())
    }

    /// Returns the names of a peripheral's registers, in the order of the file.
    ///
    /// # Errors
    /// [`SvdError::NotLoaded`], [`SvdError::UnknownPeripheral`].
    pub fn list_registers(&self, peripheral: &str) -> Result<Vec<String>> {
        let device = self.device()?;
        Ok(device.peripheral(peripheral)?.registers().iter().map(|register| register.name().to_owned()).collect())
    }

    /// Returns the description of a register: address, size, access, reset value, fields. It prints
    /// as a table.
    ///
    /// # Errors
    /// [`SvdError::NotLoaded`], [`SvdError::UnknownPeripheral`], [`SvdError::UnknownRegister`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # session.svd().load(path)?;
    /// let register = session.svd().describe("GPIOA", "ODR")?;
    /// println!("{register}");
    /// assert_eq!((register.address(), register.size()), (0x4001_080c, 32));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn describe(&self, peripheral: &str, register: &str) -> Result<Register> {
        Ok(self.device()?.peripheral(peripheral)?.register(register)?.clone())
    }

    /// Returns the value of a register after a reset. `None` if the description does not give one.
    ///
    /// # Errors
    /// [`SvdError::NotLoaded`], [`SvdError::UnknownPeripheral`], [`SvdError::UnknownRegister`].
    pub fn reset_value(&self, peripheral: &str, register: &str) -> Result<Option<u64>> {
        Ok(self.describe(peripheral, register)?.reset_value())
    }

    /// Splits a value of a register into its fields. The target is not accessed.
    ///
    /// # Errors
    /// [`SvdError::ValueTooWide`] if the value has more bits than the register;
    /// [`SvdError::UnknownPeripheral`], [`SvdError::UnknownRegister`].
    pub fn decode(&self, peripheral: &str, register: &str, value: u64) -> Result<DecodedRegister> {
        self.describe(peripheral, register)?.decode(value)
    }

    fn loaded_device(&self) -> Arc<Loaded> {
        self.target.session().state(Loaded::default)
    }
}
