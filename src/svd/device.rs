//! A device and its peripherals.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::field::one_line;
use super::lookup::near_names;
use super::properties::ReadAction;
use super::register::Register;
use crate::error::{Result, SvdError};

/// A device as an SVD file describes it: its peripherals, their registers, the fields of these. Needs no session, never
/// changes, and can be shared by threads.
///
/// # Names
/// Everything that is an array in the file is here element by element, and everything derived is complete. A register's name is flat:
/// - an element of an array has its index for `%s`: `CH%s` gives `CH0`, `CH1`, …, and `CH[%s]` gives `CH[0]`, `CH[1]`, …;
///   `dimIndex` is followed (`dimArrayIndex` names the elements for C only);
/// - a register of a cluster has the cluster's name and `_` before its own, for each cluster that it is in: `PSEL_SCK`, `CH[0]_CR`;
/// - `prependToName` and `appendToName` of the peripheral are part of it;
/// - of registers with the same name in one peripheral, those after the first have `_` and their `alternateGroup` behind it.
///
/// So does Python's `cmsis-svd`, but for clusters in clusters, of which it leaves out the outer name, and alternate groups. Names are
/// matched exactly; the calls `…_ignoring_case` are for what people type. Where a file gives two peripherals, or two registers
/// of one, the same name all the same, look-ups find the first, and there is a warning.
///
/// # What is inherited
/// `size`, `access`, `resetValue` and `resetMask` come from the element itself, else from what it is derived from, else from
/// what encloses it; where nothing says so a register has 32 bits, is read-write, and its reset value is unknown. A derived element has
/// the base's `registers` or `fields` as a whole unless it has some of its own.
///
/// # Files with slips
/// Vendors' files break the standard now and then: a keyword in the wrong case, a number with `_` in it, a `derivedFrom` that leads
/// nowhere. What is surely meant is taken; the rest is left out. Either way it is logged as a warning and kept in
/// [`warnings`](Self::warnings). Text that is no XML, or lacks what a device must have (a register without an address),
/// is an error with its line.
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
#[derive(Debug)]
pub struct Device {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) version: String,
    pub(super) big_endian: bool,
    pub(super) peripherals: Vec<Peripheral>,
    pub(super) peripheral_by_name: HashMap<Arc<str>, usize>,
    /// Address, peripheral, register: by address, in the order of the file where they are the same.
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
    /// Loads an SVD file: UTF-8, UTF-16 with a byte order mark, or Latin-1.
    ///
    /// # Errors
    /// [`SvdError::NotFound`], [`SvdError::Unreadable`], [`SvdError::Parse`] with path, line and column,
    /// [`SvdError::Impossible`].
    pub fn load(path: impl AsRef<Path>) -> Result<Device> {
        Ok(super::load::file(path.as_ref())?)
    }

    /// Reads the text of an SVD file.
    ///
    /// # Errors
    /// [`SvdError::Parse`] with line and column, [`SvdError::Impossible`].
    pub fn parse_str(svd: &str) -> Result<Device> {
        Ok(super::load::text(svd, "SVD text")?)
    }

    /// The device's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the file says about it.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The version of the description.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The peripherals, in the order of the file.
    pub fn peripherals(&self) -> &[Peripheral] {
        &self.peripherals
    }

    /// What was put right or left out while the file was loaded: a line for each kind of slip.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The peripheral of this name.
    ///
    /// # Errors
    /// [`SvdError::UnknownPeripheral`] with near names.
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

    /// The peripheral of this name in any case of letters; an exact match is preferred, then the first in the file. Looks through
    /// all of them.
    ///
    /// # Errors
    /// Those of [`peripheral`](Self::peripheral).
    pub fn peripheral_ignoring_case(&self, name: &str) -> Result<&Peripheral> {
        self.peripheral(name).or_else(|error| {
            self.peripherals.iter().find(|peripheral| peripheral.name.eq_ignore_ascii_case(name)).ok_or(error)
        })
    }

    /// The register that holds the byte at an address. Where there are several, the one with the lowest address, and of those the first in the file;
    /// [`registers_at`](Self::registers_at) gives all.
    pub fn register_at(&self, address: u64) -> Option<&Register> {
        self.registers_at(address).next()
    }

    /// All registers that hold the byte at an address: alternate views, and those of peripherals that share addresses. By their own address, and in
    /// the order of the file where that is the same; so those that begin nearest to the address come last.
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

/// A peripheral.
#[derive(Debug, Clone)]
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

/// A range of addresses that a peripheral takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressBlock {
    /// Where it begins.
    pub address: u64,
    /// How many bytes it has.
    pub size: u64,
}

/// An interrupt of a peripheral.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interrupt {
    /// The name.
    pub name: String,
    /// The number, from 0 for the first one that is not the core's.
    pub value: u32,
    /// When it comes.
    pub description: Option<String>,
}

impl Peripheral {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The name of its kind, such as `GPIO`.
    pub fn group_name(&self) -> Option<&str> {
        self.group_name.as_deref()
    }

    /// The address that its registers' offsets count from.
    pub fn base_address(&self) -> u64 {
        self.base_address
    }

    /// The ranges of addresses that it takes.
    pub fn address_blocks(&self) -> &[AddressBlock] {
        &self.address_blocks
    }

    /// Its interrupts.
    pub fn interrupts(&self) -> &[Interrupt] {
        &self.interrupts
    }

    /// Its registers, those of clusters among them, in the order of the file. See [`Device`] for their names.
    pub fn registers(&self) -> &[Register] {
        &self.registers
    }

    /// The register of this name.
    ///
    /// # Errors
    /// [`SvdError::UnknownRegister`] with near names.
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

    /// The register of this name in any case of letters; an exact match is preferred, then the first in the file. Looks through
    /// all of them.
    ///
    /// # Errors
    /// Those of [`register`](Self::register).
    pub fn register_ignoring_case(&self, name: &str) -> Result<&Register> {
        self.register(name).or_else(|error| {
            self.registers.iter().find(|register| register.name.eq_ignore_ascii_case(name)).ok_or(error)
        })
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
