//! Registers of many peripherals at one time.

mod diff;
mod text;

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

pub use diff::{FieldChange, RegisterChange, SnapshotDiff};

use super::Svd;
use super::device::{Device, Peripheral};
use super::read::read_peripheral;
use super::reading::PeripheralReading;
use super::register::{Register, hex_digits};
use crate::error::text::shown;
use crate::error::{Result, SvdError};
use crate::file_kind;
use crate::new_file::NewFile;
use crate::types::Hex;

/// A file of more bytes is no snapshot.
const LARGEST_FILE: u64 = 64 << 20;

/// The registers of peripherals at one time, from [`Svd::snapshot`]: to be saved, loaded and
/// compared.
///
/// # The file
/// Plain text in UTF-8, which `diff` and `grep` understand, and which
/// [`Display`](fmt::Display) writes. The first line is `openocd-snapshot 1` and the device's name.
/// Each further line is a register: its path, address, width in bits, and value or `-` and why the
/// register was not read. A tab is between two columns. Empty lines and lines that begin with `#`
/// are ignored. In a text, a backslash is `\\`, control characters are as in Rust (`\t`, `\n`,
/// `\u{1b}`), and a `#` at the start of a path is `\#`.
///
/// ```text
/// openocd-snapshot 1  STM32F103
/// RCC.CR  0x40021000  32  0x00000083
/// USART1.DR  0x40013804  32  -  reading changes the chip's state (…)
/// ```
///
/// A loaded snapshot has no descriptions of its registers. It gets them for a comparison from the
/// other snapshot, or from [`with_device`](Self::with_device).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The device's name.
    pub device: String,
    /// The registers, in the order in which they were taken.
    pub registers: Vec<SnapshotRegister>,
}

/// A register of a [`Snapshot`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotRegister {
    /// Peripheral and register, such as `RCC.CR`.
    pub path: String,
    /// The address.
    pub address: u64,
    /// The width in bits.
    pub bits: u32,
    /// The value; `None` if the register was not read.
    pub value: Option<u64>,
    /// Why the register was not read.
    pub unread: Option<String>,
    /// The description, which gives fields and the names of their values.
    pub description: Option<Register>,
}

impl Svd<'_> {
    /// Takes a snapshot of peripherals. A peripheral that is named twice is taken once. If the
    /// description has several peripherals with one name, all are taken.
    ///
    /// Registers that are write-only, or that a read changes, are not read: the snapshot says so of
    /// each. That holds for an [`unguarded`](Self::unguarded) view too. Each peripheral is read as
    /// by [`read_peripheral`](Self::read_peripheral), one after the other; a register that cannot
    /// be read, as of a peripheral without a clock, is in the snapshot with the reason. On a
    /// Cortex-M the target may run. Halt it for values of one instant.
    ///
    /// # Errors
    /// [`SvdError::UnknownPeripheral`], with similar names: nothing is read then.
    /// [`SvdError::NotLoaded`], [`Error::Timeout`](crate::Error::Timeout) and
    /// [`Error::Connection`](crate::Error::Connection).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # session.svd().load(path)?;
    /// let before = session.svd().snapshot(&["RCC", "GPIOA"])?;
    /// session.svd().write_field("RCC", "CR", "HSEON", "On")?;
    /// let after = session.svd().snapshot(&["RCC", "GPIOA"])?;
    /// println!("{}", before.diff(&after));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn snapshot(&self, peripherals: &[impl AsRef<str>]) -> Result<Snapshot> {
        let device = self.device()?;
        let mut by_name: HashMap<&str, Vec<&Peripheral>> = HashMap::new();
        for peripheral in device.peripherals() {
            by_name.entry(peripheral.name()).or_default().push(peripheral);
        }
        let mut taken = Vec::new();
        for name in peripherals {
            let name = device.peripheral(name.as_ref())?.name();
            taken.extend(by_name.remove(name).unwrap_or_default());
        }
        let mut registers = Vec::new();
        for peripheral in taken {
            registers.extend(of_reading(read_peripheral(self.target, &device, peripheral, false)?));
        }
        Ok(Snapshot { device: device.name().to_owned(), registers })
    }

    /// Takes a snapshot of all peripherals, like [`snapshot`](Self::snapshot).
    ///
    /// # Errors
    /// The same as [`snapshot`](Self::snapshot).
    pub fn snapshot_all(&self) -> Result<Snapshot> {
        self.snapshot(&self.list_peripherals()?)
    }
}

/// The registers of a reading, by address.
fn of_reading(reading: PeripheralReading) -> Vec<SnapshotRegister> {
    let entry = |register: Register, value, unread| SnapshotRegister {
        path: register.path(),
        address: register.address(),
        bits: register.size(),
        value,
        unread,
        description: Some(register),
    };
    let read = reading.registers.into_iter().map(|decoded| entry(decoded.register, Some(decoded.value), None));
    let unread = reading.unread.into_iter().map(|unread| {
        let reason = unread.reason.to_string();
        entry(unread.register, None, Some(reason))
    });
    let mut all: Vec<_> = read.chain(unread).collect();
    all.sort_by_key(|register| register.address);
    all
}

impl Snapshot {
    /// Reads a snapshot from a file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`SvdError::NotFound`], [`SvdError::Unreadable`], and [`SvdError::Parse`] with the line.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # session.svd().load(path)?;
    /// # let file = std::env::temp_dir().join(format!("snapshot-{}.txt", std::process::id()));
    /// use openocd::svd::Snapshot;
    ///
    /// session.svd().snapshot_all()?.save(&file)?;
    /// let good = Snapshot::load(&file)?;
    /// let diff = good.diff(&session.svd().snapshot_all()?);
    /// # std::fs::remove_file(&file)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load(path: impl AsRef<Path>) -> Result<Snapshot> {
        let path = path.as_ref();
        let bytes = file_kind::open(path).and_then(|file| {
            use std::io::Read;
            let mut bytes = Vec::new();
            file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map(|_| bytes)
        });
        let bytes = bytes.map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => SvdError::NotFound { path: path.to_owned() },
            _ => SvdError::Unreadable { path: path.to_owned(), source },
        })?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(SvdError::TooLarge { document: shown(path), limit: LARGEST_FILE }.into());
        }
        Ok(text::parse(&String::from_utf8_lossy(&bytes), &shown(path))?)
    }

    /// Writes the snapshot to a file, in place of one that is there.
    ///
    /// # Errors
    /// [`SvdError::Unwritable`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let unwritable = |source| SvdError::Unwritable { path: path.to_owned(), source };
        let mut file = NewFile::beside_or_into(path).map_err(unwritable)?;
        file.writer().write_all(self.to_string().as_bytes()).map_err(unwritable)?;
        Ok(file.complete().map_err(unwritable)?)
    }

    /// Describes the registers of a loaded snapshot: those that the device has at the same address
    /// by the same path.
    #[must_use]
    pub fn with_device(mut self, device: &Arc<Device>) -> Self {
        for register in &mut self.registers {
            let described = device.registers_at(register.address);
            register.description = described.into_iter().find(|described| register.is(described)).cloned();
        }
        self
    }

    /// Returns the register of a path, such as `RCC.CR`.
    pub fn register(&self, path: &str) -> Option<&SnapshotRegister> {
        self.registers.iter().find(|register| register.path == path)
    }

    /// Compares the snapshot with a later one. The result prints as a table.
    ///
    /// Registers are matched by path, address and width. If a snapshot has such a register twice,
    /// the first is compared with the first of the other snapshot, and the second with the second.
    /// The snapshots need not have the same peripherals: the result lists registers that only one
    /// snapshot has, or that only one could read. A register that one of them did not read is not
    /// compared.
    pub fn diff(&self, later: &Snapshot) -> SnapshotDiff {
        SnapshotDiff::of(self, later)
    }
}

/// Reads the text that [`Display`](fmt::Display) writes.
impl std::str::FromStr for Snapshot {
    type Err = crate::error::Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(text::parse(text, "snapshot text")?)
    }
}

/// The text of the file.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(self, f)
    }
}

/// `Snapshot(STM32F103: 722 registers)`
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({}: {} registers)", self.device.escape_debug(), self.registers.len())
    }
}

impl SnapshotRegister {
    /// What tells which register it is.
    fn key(&self) -> (&str, u64, u32) {
        (&self.path, self.address, self.bits)
    }

    fn is(&self, register: &Register) -> bool {
        self.address == register.address() && self.bits == register.size() && self.path == register.path()
    }

    /// The value, with all digits of the register.
    fn hex(&self, value: u64) -> String {
        let digits = hex_digits(self.bits) + 2;
        format!("{value:#0digits$x}")
    }
}

impl fmt::Debug for SnapshotRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.map_or_else(|| "not read".to_owned(), |value| self.hex(value));
        write!(f, "SnapshotRegister({} at {:?}: {value})", self.path.escape_debug(), Hex(self.address))
    }
}
