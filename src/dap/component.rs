//! What a ROM table lists: debug components and how they identify themselves.

use std::fmt;

use super::Jep106;
use crate::error::text;
use crate::types::debug_in_hex;

/// A debug component: its identification registers, as far as they could be read (Arm IHI 0029,
/// B2).
#[derive(Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Component {
    /// The address of its registers; `None` for a component inside an access port of ADIv6.
    pub address: Option<u64>,
    /// The peripheral identification registers PIDR0 to PIDR4, 8 bits each, PIDR0 lowest; `None` if
    /// the component cannot be read, for example because it has no power.
    pub peripheral_id: Option<u64>,
    /// Its class.
    pub class: Option<ComponentClass>,
    /// DEVTYPE, for a CoreSight component.
    pub device_type: Option<u8>,
    /// DEVARCH, for a CoreSight component that has it.
    pub device_architecture: Option<u32>,
    /// OpenOCD's name for it, such as `Cortex-M3 FPB (Flash Patch and Breakpoint)`; `None` if
    /// OpenOCD does not know it.
    pub description: Option<String>,
}

debug_in_hex!(Component { class, description; address, peripheral_id, device_type, device_architecture });

impl Component {
    /// Returns the component's designer; `None` if it cannot be read, or has a code from before
    /// JEP106.
    pub fn designer(&self) -> Option<Jep106> {
        let id = self.peripheral_id?;
        let continuation = id >> 32 & 0xf;
        (id >> 19 & 1 != 0).then(|| Jep106::from_bits(continuation << 7 | id >> 12 & 0x7f))
    }

    /// Returns the designer's part number.
    pub fn part(&self) -> Option<u16> {
        self.peripheral_id.map(|id| (id & 0xfff) as u16)
    }
}

/// `0xe0002000: Cortex-M3 FPB (Flash Patch and Breakpoint)`
impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{address:#010x}: ")?,
            None => f.write_str("(inside an access port): ")?,
        }
        match (&self.description, self.class, self.peripheral_id) {
            (Some(description), ..) => f.write_str(&text::name(description)),
            (None, Some(class), _) => write!(f, "{class}"),
            (None, None, Some(id)) => write!(f, "peripheral ID {id:#x}"),
            (None, None, None) => f.write_str("cannot be read"),
        }
    }
}

/// The class of a debug component: CIDR1, bits 7 to 4 (ARM IHI 0029, B2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ComponentClass {
    /// 0x1: a ROM table.
    RomTable,
    /// 0x9: a CoreSight component.
    CoreSight,
    /// 0xe: generic IP, such as the components of a Cortex-M3.
    GenericIp,
    /// 0xf: a PrimeCell or a system component.
    PrimeCell,
    /// Any other class, by its number.
    Other(u8),
}

impl ComponentClass {
    pub(crate) fn from_number(number: u8) -> Self {
        match number {
            0x1 => ComponentClass::RomTable,
            0x9 => ComponentClass::CoreSight,
            0xe => ComponentClass::GenericIp,
            0xf => ComponentClass::PrimeCell,
            other => ComponentClass::Other(other),
        }
    }
}

impl fmt::Display for ComponentClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ComponentClass::RomTable => f.write_str("ROM table"),
            ComponentClass::CoreSight => f.write_str("CoreSight"),
            ComponentClass::GenericIp => f.write_str("generic IP"),
            ComponentClass::PrimeCell => f.write_str("PrimeCell"),
            ComponentClass::Other(number) => write!(f, "class {number:#x}"),
        }
    }
}

/// An entry of a ROM table (ARM IHI 0031, D2).
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RomEntry {
    /// The depth of its table: 0 for the access port's own table, 1 for the tables in that one, and
    /// so on.
    pub depth: u32,
    /// Its offset in its table, in bytes.
    pub offset: u32,
    /// The value of the entry.
    pub value: u64,
    /// The component at its address; `None` if the entry is marked as not present.
    pub component: Option<Component>,
}

debug_in_hex!(RomEntry { depth, component; offset, value });
