//! A device and its peripherals.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::field::one_line;
use super::register::Register;
use crate::error::near_names;
use crate::error::{Result, SvdError};
use crate::types::Hex;
use crate::types::ReadAction;

/// A device as an SVD file describes it: peripherals, registers, fields.
///
/// A device needs no session, never changes, and can be shared by threads.
///
/// # Names
/// Arrays are expanded into their elements, and derived elements are complete. A register's name is
/// flat:
/// - An element of an array has its index in place of `%s`: `CH%s` becomes `CH0`, `CH1`, …, and
///   `CH[%s]` becomes `CH[0]`, `CH[1]`, …. `dimIndex` replaces the numbers by other indices.
/// - A register in a cluster has the cluster's name and `_` before its own, for each cluster that
///   it is in: `PSEL_SCK`, `CH[0]_CR`.
/// - `prependToName` and `appendToName` of the peripheral are part of the name.
/// - If registers of one peripheral have the same name, those after the first get `_` and their
///   `alternateGroup` appended.
///
/// Python's `cmsis-svd` names registers alike, except for clusters in clusters and alternate
/// groups. Names are matched exactly; the calls `…_ignoring_case` accept any case. If names are
/// still equal, look-ups find the first one, and a warning says so.
///
/// # Inheritance
/// `size`, `access`, `resetValue` and `resetMask` come from the element itself, else from its base
/// (`derivedFrom`), else from what encloses it. By default, a register has 32 bits, is read-write,
/// and has no known reset value. A derived element has all `registers` or `fields` of its base,
/// unless it has some of its own.
///
/// # Errors in files
/// Vendors' files do not always follow the standard: a keyword in the wrong case, a number with `_`
/// in it, a `derivedFrom` that leads nowhere. If the meaning is clear, it is used. Otherwise the
/// element is left out. Either way, [`warnings`](Self::warnings) and the log say so. A file is
/// refused if it is no XML, or if something important is missing, such as a register's address; the
/// error has the line.
///
/// # Limits
/// A file may have 64 MiB, a description 1,048,576 registers and 2,097,152 fields. Loading takes
/// time and memory in proportion to the file and its arrays, whatever is in the file.
///
/// Source: CMSIS-SVD 1.3 (`https://open-cmsis-pack.github.io/svd-spec/main/index.html`).
///
/// ```
/// use openocd::svd::Device;
///
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
/// let device = Device::load(path)?;
/// let cr = device.peripheral("RCC")?.register("CR")?;
/// assert_eq!(cr.address(), 0x4002_1000);
/// assert_eq!(cr.decode(0x83)?.field("HSIRDY")?.value_name(), Some("Ready"));
/// assert_eq!(device.register_at(0x4002_1004).unwrap().path(), "RCC.CFGR");
///
/// let error = device.peripheral("GPIOa").unwrap_err();
/// assert!(error.to_string().contains("near: GPIOA"), "{error}");
/// # Ok::<(), openocd::Error>(())
/// ```
#[derive(Clone)]
pub struct Device {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) version: String,
    pub(super) big_endian: bool,
    pub(super) peripherals: Vec<Peripheral>,
    pub(super) peripheral_by_name: HashMap<Arc<str>, usize>,
    /// Address, peripheral and register, by address, then by their order in the file.
    pub(super) by_address: Vec<(u64, u32, u32)>,
    /// The widest register, in bytes.
    pub(super) widest: u64,
    /// By first address.
    pub(super) guarded: Vec<Guard>,
    pub(super) warnings: Vec<String>,
}

/// A register that a read changes, or whose read changes something else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    pub(super) first: u64,
    pub(super) last: u64,
    /// Its peripheral, and its place in that.
    pub(super) register: (u32, u32),
    pub(super) action: ReadAction,
}

const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<Device>();
};

impl Device {
    /// Loads an SVD file. The text may be UTF-8, UTF-16 or Latin-1.
    ///
    /// # Errors
    /// [`SvdError::NotFound`] if there is no such file; [`SvdError::Parse`], with line and column,
    /// if the file is no description; [`SvdError::TooLarge`] for a file of more than 64 MiB;
    /// [`SvdError::Impossible`] if the description asks for more than any device has.
    ///
    /// ```
    /// use openocd::svd::Device;
    ///
    /// let device = Device::load("tests/virtual-chip/svd/virtual-stm32f103.svd")?;
    /// println!("{device}");
    /// for warning in device.warnings() {
    ///     println!("{warning}");
    /// }
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn load(path: impl AsRef<Path>) -> Result<Device> {
        Ok(super::load::file(path.as_ref())?)
    }

    /// Reads a description from the text of an SVD file.
    ///
    /// # Errors
    /// The same as [`load`](Self::load), except that no file is read.
    ///
    /// ```
    /// use openocd::svd::Device;
    ///
    /// let device = Device::parse_str(
    ///     "<device><name>D</name><peripherals><peripheral><name>P</name><baseAddress>0x1000</baseAddress>
    ///      <registers><register><name>R</name><addressOffset>4</addressOffset></register></registers>
    ///      </peripheral></peripherals></device>",
    /// )?;
    /// assert_eq!(device.peripheral("P")?.register("R")?.address(), 0x1004);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn parse_str(svd: &str) -> Result<Device> {
        Ok(super::load::text(svd, "SVD text")?)
    }

    /// Returns the device's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the description of the device. Empty if the file has none.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns the version of the file. Empty if the file has none.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the peripherals, in the order of the file.
    pub fn peripherals(&self) -> &[Peripheral] {
        &self.peripherals
    }

    /// Returns what was put right or left out while the file was loaded, one line for each kind of
    /// mistake.
    ///
    /// At most 1,000 lines are kept.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns the peripheral of a name.
    ///
    /// # Errors
    /// [`SvdError::UnknownPeripheral`], with similar names.
    pub fn peripheral(&self, name: &str) -> Result<&Peripheral> {
        match self.peripheral_by_name.get(name) {
            Some(index) => Ok(&self.peripherals[*index]),
            None => Err(SvdError::UnknownPeripheral {
                device: self.name.clone(),
                name: name.to_owned(),
                near: near_names(name, self.peripherals.iter().map(Peripheral::name)),
            }
            .into()),
        }
    }

    /// Returns the peripheral of a name in any case of letters.
    ///
    /// An exact match is preferred, then the first one in the file.
    ///
    /// # Errors
    /// [`SvdError::UnknownPeripheral`], with similar names.
    pub fn peripheral_ignoring_case(&self, name: &str) -> Result<&Peripheral> {
        self.peripheral(name).or_else(|error| {
            self.peripherals.iter().find(|peripheral| peripheral.name.eq_ignore_ascii_case(name)).ok_or(error)
        })
    }

    /// Returns the register that holds the byte at an address.
    ///
    /// If there are several, it is the one with the lowest address, and among those the first one
    /// in the file. [`registers_at`](Self::registers_at) returns all of them.
    ///
    /// ```
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// # let device = openocd::svd::Device::load(path)?;
    /// let register = device.register_at(0x4001_080d).expect("the second byte of GPIOA.ODR");
    /// assert_eq!(register.path(), "GPIOA.ODR");
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn register_at(&self, address: u64) -> Option<&Register> {
        self.registers_at(address).next()
    }

    /// Returns all registers that hold the byte at an address: alternate views, and registers of
    /// peripherals that share addresses.
    ///
    /// They are sorted by their own address, then by their order in the file.
    pub fn registers_at(&self, address: u64) -> impl Iterator<Item = &Register> {
        let ends_before = |start| address.checked_sub(start).is_some_and(|distance| distance >= self.widest);
        let first = self.by_address.partition_point(|(start, ..)| ends_before(*start));
        let candidates = self.by_address[first..].iter().take_while(move |(start, ..)| *start <= address);
        candidates
            .map(|&(_, peripheral, register)| &self.peripherals[peripheral as usize].registers[register as usize])
            .filter(move |register| address - register.address < register.bytes())
    }

    /// The register at these addresses whose read changes something, and what the read does.
    pub(super) fn read_action_within(&self, address: u64, bytes: u64) -> Option<(&Register, ReadAction)> {
        let last = address.saturating_add(bytes - 1);
        let ends_before = |start| address.checked_sub(start).is_some_and(|distance| distance >= self.widest);
        let start = self.guarded.partition_point(|guard| ends_before(guard.first));
        let mut candidates = self.guarded[start..].iter().take_while(|guard| guard.first <= last);
        let guard = candidates.find(|guard| guard.last >= address)?;
        let (peripheral, register) = guard.register;
        Some((&self.peripherals[peripheral as usize].registers[register as usize], guard.action))
    }
}

/// A peripheral of a [`Device`].
#[derive(Clone)]
pub struct Peripheral {
    pub(super) name: Arc<str>,
    pub(super) description: Option<Arc<str>>,
    pub(super) group_name: Option<Arc<str>>,
    pub(super) base_address: u64,
    pub(super) address_blocks: Vec<AddressBlock>,
    /// Shared by all elements of an array.
    pub(super) interrupts: Arc<[Interrupt]>,
    pub(super) registers: Vec<Register>,
    pub(super) register_by_name: HashMap<Arc<str>, usize>,
}

/// A range of addresses that a peripheral occupies.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AddressBlock {
    /// The first address.
    pub address: u64,
    /// The number of bytes.
    pub size: u64,
}

/// Addresses and values in hexadecimal.
impl fmt::Debug for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressBlock").field("address", &Hex(self.address)).field("size", &Hex(self.size)).finish()
    }
}

/// An interrupt of a peripheral.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Interrupt {
    /// The name.
    pub name: String,
    /// The number. 0 is the first interrupt that is not the core's own.
    pub value: u32,
    /// What raises the interrupt.
    pub description: Option<String>,
}

impl Peripheral {
    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the description.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Returns the name of its group, such as `GPIO`.
    pub fn group_name(&self) -> Option<&str> {
        self.group_name.as_deref()
    }

    /// Returns the address that the offsets of registers count from.
    pub fn base_address(&self) -> u64 {
        self.base_address
    }

    /// Returns the ranges of addresses that the peripheral occupies.
    pub fn address_blocks(&self) -> &[AddressBlock] {
        &self.address_blocks
    }

    /// Returns the interrupts.
    pub fn interrupts(&self) -> &[Interrupt] {
        &self.interrupts
    }

    /// Returns the registers, including those in clusters, in the order of the file. See [`Device`]
    /// for their names.
    pub fn registers(&self) -> &[Register] {
        &self.registers
    }

    /// Returns the register of a name.
    ///
    /// # Errors
    /// [`SvdError::UnknownRegister`], with similar names.
    pub fn register(&self, name: &str) -> Result<&Register> {
        match self.register_by_name.get(name) {
            Some(index) => Ok(&self.registers[*index]),
            None => Err(SvdError::UnknownRegister {
                peripheral: self.name.to_string(),
                name: name.to_owned(),
                near: near_names(name, self.registers.iter().map(Register::name)),
            }
            .into()),
        }
    }

    /// Returns the register of a name in any case of letters.
    ///
    /// An exact match is preferred, then the first one in the file.
    ///
    /// # Errors
    /// [`SvdError::UnknownRegister`], with similar names.
    pub fn register_ignoring_case(&self, name: &str) -> Result<&Register> {
        self.register(name).or_else(|error| {
            self.registers.iter().find(|register| register.name.eq_ignore_ascii_case(name)).ok_or(error)
        })
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({self})")
    }
}

/// `STM32F103: 59 peripherals, 722 registers`
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} peripherals, {} registers", self.name, self.peripherals.len(), self.by_address.len())
    }
}

impl fmt::Debug for Peripheral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peripheral({} at {:#010x}, {} registers)", self.name, self.base_address, self.registers.len())
    }
}

/// `RCC at 0x40021000: Reset and clock control`
impl fmt::Display for Peripheral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:#010x}", self.name, self.base_address)?;
        if let Some(description) = &self.description {
            write!(f, ": {}", one_line(description))?;
        }
        Ok(())
    }
}
