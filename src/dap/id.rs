//! Identification registers of the debug and access ports, decoded.

use std::fmt;

/// A manufacturer's code from JEDEC's list JEP106: which page of it (how many continuation codes),
/// and the code on that page without its parity bit.
///
/// ```
/// use openocd::Jep106;
///
/// let arm = Jep106 { continuation: 4, code: 0x3b };
/// assert_eq!((arm.name(), arm.to_string()), (Some("ARM"), "ARM (0x23b)".to_owned()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Jep106 {
    /// The number of continuation codes: 0 for the first page.
    pub continuation: u8,
    /// The code, 1 to 126.
    pub code: u8,
}

/// `Jep106(ARM (0x23b))`
impl fmt::Debug for Jep106 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jep106({self})")
    }
}

impl Jep106 {
    /// The 11 bits in which the registers hold both, continuation above.
    pub(crate) fn from_bits(bits: u64) -> Self {
        Jep106 { continuation: (bits >> 7 & 0xf) as u8, code: (bits & 0x7f) as u8 }
    }

    /// Returns the manufacturer's name. `None` for one that does not make or design
    /// microcontrollers or debug components.
    pub fn name(&self) -> Option<&'static str> {
        Some(match (self.continuation, self.code) {
            (0, 0x01) => "AMD",
            (0, 0x09) => "Intel",
            (0, 0x0e) => "Freescale",
            (0, 0x15) => "NXP",
            (0, 0x17) => "Texas Instruments",
            (0, 0x1f) => "Atmel",
            (0, 0x20) => "STMicroelectronics",
            (0, 0x21) => "Lattice",
            (0, 0x29) => "Microchip",
            (0, 0x34) => "Cypress",
            (0, 0x41) => "Infineon",
            (0, 0x49) => "Xilinx",
            (0, 0x4e) => "Samsung",
            (0, 0x65) => "Analog Devices",
            (0, 0x6e) => "Altera",
            (0, 0x70) => "Qualcomm",
            (1, 0x3f) => "Broadcom",
            (1, 0x4b) => "Maxim",
            (2, 0x44) => "Nordic Semiconductor",
            (3, 0x69) => "Marvell",
            (3, 0x6b) => "NVIDIA",
            (4, 0x23) => "Renesas",
            (4, 0x26) => "MediaTek",
            (4, 0x3b) => "ARM",
            (4, 0x71) => "Toshiba",
            (6, 0x1e) => "Andes",
            (6, 0x48) | (7, 0x51) => "GigaDevice",
            (6, 0x73) => "Energy Micro",
            (8, 0x1b) => "Ambiq",
            (8, 0x2d) => "Nuvoton",
            (8, 0x79) => "Realtek",
            (9, 0x05 | 0x4f) => "Puya",
            (9, 0x09) => "SiFive",
            (9, 0x13) => "Raspberry Pi",
            (9, 0x3b) => "Artery",
            (12, 0x12) => "Espressif",
            _ => return None,
        })
    }
}

/// `ARM (0x23b)`, or `JEP106 0x7ff`: the number is that of OpenOCD and of ARM's registers.
impl fmt::Display for Jep106 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = u32::from(self.continuation) << 7 | u32::from(self.code);
        match self.name() {
            Some(name) => write!(f, "{name} ({number:#05x})"),
            None => write!(f, "JEP106 {number:#05x}"),
        }
    }
}

/// DPIDR: the identification of a debug port (Arm IHI 0031, B2.2.5; IHI 0074, B2.2.6).
///
/// ```
/// use openocd::DebugPortId;
///
/// let id = DebugPortId::decode(0x1ba0_1477);
/// assert_eq!((id.designer.name(), id.version, id.part, id.revision), (Some("ARM"), 1, 0xba, 1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DebugPortId {
    /// The value of the register.
    pub value: u32,
    /// The designer.
    pub designer: Jep106,
    /// The version of the debug port's architecture: 1 and 2 belong to ADIv5, 3 to ADIv6.
    pub version: u8,
    /// The designer's part number.
    pub part: u8,
    /// Its revision.
    pub revision: u8,
    /// Whether it is a minimal debug port, without transaction counter, pushed verify and pushed
    /// find.
    pub minimal: bool,
}

/// `DebugPortId(0x1ba01477: DPv1 by ARM (0x23b), part 0xba, revision 1)`
impl fmt::Debug for DebugPortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DebugPortId({self})")
    }
}

impl DebugPortId {
    /// Decodes the register.
    pub fn decode(value: u32) -> Self {
        DebugPortId {
            value,
            designer: Jep106::from_bits(u64::from(value >> 1)),
            version: nibble(value, 12),
            part: (value >> 20 & 0xff) as u8,
            revision: nibble(value, 28),
            minimal: value >> 16 & 1 != 0,
        }
    }
}

/// `0x1ba01477: DPv1 by ARM (0x23b), part 0xba, revision 1`
impl fmt::Display for DebugPortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DebugPortId { value, designer, version, part, revision, .. } = self;
        write!(f, "{value:#010x}: DPv{version} by {designer}, part {part:#04x}, revision {revision}")
    }
}

/// TARGETID: the chip that a debug port belongs to (Arm IHI 0031, B2.2.10). It exists from version
/// 2 of the debug port on.
///
/// ```
/// use openocd::TargetId;
///
/// let id = TargetId::decode(0x0100_2927); // RP2040
/// assert_eq!((id.designer.name(), id.part, id.revision), (Some("Raspberry Pi"), 0x1002, 0));
/// assert_eq!(id.to_string(), "0x01002927: Raspberry Pi (0x493), part 0x1002, revision 0");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TargetId {
    /// The value of the register.
    pub value: u32,
    /// The designer of the chip.
    pub designer: Jep106,
    /// The designer's part number.
    pub part: u16,
    /// Its revision.
    pub revision: u8,
}

impl fmt::Debug for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TargetId({self})")
    }
}

impl TargetId {
    /// Decodes the register.
    pub fn decode(value: u32) -> Self {
        TargetId {
            value,
            designer: Jep106::from_bits(u64::from(value >> 1)),
            part: (value >> 12 & 0xffff) as u16,
            revision: nibble(value, 28),
        }
    }
}

/// `0x01002927: Raspberry Pi (0x493), part 0x1002, revision 0`
impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}: {}, part {:#06x}, revision {}", self.value, self.designer, self.part, self.revision)
    }
}

/// The purpose of an access port: the field CLASS of its IDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum AccessPortClass {
    /// No class is defined; ARM's JTAG-AP is one of these.
    Undefined,
    /// COM-AP: a channel to software.
    Com,
    /// MEM-AP: memory.
    Memory,
    /// Any other class, by its number.
    Other(u8),
}

/// `COM-AP`, `MEM-AP`, `undefined class`, `class 0x3`
impl fmt::Display for AccessPortClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccessPortClass::Undefined => f.pad("undefined class"),
            AccessPortClass::Com => f.pad("COM-AP"),
            AccessPortClass::Memory => f.pad("MEM-AP"),
            AccessPortClass::Other(class) => write!(f, "class {class:#x}"),
        }
    }
}

/// IDR: the identification of an access port (Arm IHI 0031, C1.3.1; IHI 0074, C2.6.5).
///
/// ```
/// use openocd::{AccessPortClass, AccessPortId};
///
/// let id = AccessPortId::decode(0x1477_0011);
/// assert_eq!((id.class, id.type_name()), (AccessPortClass::Memory, Some("AHB3")));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AccessPortId {
    /// The value of the register.
    pub value: u32,
    /// The designer.
    pub designer: Jep106,
    /// The purpose of the access port.
    pub class: AccessPortClass,
    /// The kind of bus behind it. Each designer has other numbers.
    pub kind: u8,
    /// The variant of this kind.
    pub variant: u8,
    /// Its revision.
    pub revision: u8,
}

impl fmt::Debug for AccessPortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessPortId({self})")
    }
}

impl AccessPortId {
    /// Decodes the register.
    pub fn decode(value: u32) -> Self {
        AccessPortId {
            value,
            designer: Jep106::from_bits(u64::from(value >> 17)),
            class: match value >> 13 & 0xf {
                0 => AccessPortClass::Undefined,
                1 => AccessPortClass::Com,
                8 => AccessPortClass::Memory,
                _ => AccessPortClass::Other(nibble(value, 13)),
            },
            kind: nibble(value, 0),
            variant: nibble(value, 4),
            revision: nibble(value, 28),
        }
    }

    /// Returns the kind by Arm's list (IHI 0074, table C2-6), for access ports that Arm designed.
    pub fn type_name(&self) -> Option<&'static str> {
        if (self.designer != Jep106 { continuation: 4, code: 0x3b }) {
            return None;
        }
        Some(match (self.class, self.kind) {
            (AccessPortClass::Undefined, 0) => "JTAG",
            (AccessPortClass::Com, 0) => "COM",
            (AccessPortClass::Memory, 1) => "AHB3",
            (AccessPortClass::Memory, 2) => "APB2 or APB3",
            (AccessPortClass::Memory, 4) => "AXI3 or AXI4",
            (AccessPortClass::Memory, 5) => "AHB5",
            (AccessPortClass::Memory, 6) => "APB4 or APB5",
            (AccessPortClass::Memory, 7) => "AXI5",
            (AccessPortClass::Memory, 8) => "AHB5 with enhanced HPROT",
            _ => return None,
        })
    }
}

/// `0x14770011: MEM-AP AHB3 by ARM (0x23b), revision 1`
impl fmt::Display for AccessPortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}: ", self.value)?;
        match self.class {
            AccessPortClass::Memory => f.write_str("MEM-AP ")?,
            AccessPortClass::Other(class) => write!(f, "class {class:#x} ")?,
            AccessPortClass::Undefined | AccessPortClass::Com => {}
        }
        match self.type_name() {
            Some(name) => f.write_str(name)?,
            None => write!(f, "type {:#x}", self.kind)?,
        }
        write!(f, " by {}, revision {}", self.designer, self.revision)
    }
}

/// The four bits from this one up.
fn nibble(value: u32, lowest: u32) -> u8 {
    (value >> lowest & 0xf) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debug_port_is_decoded() {
        let id = DebugPortId::decode(0x0bc1_2477);
        assert_eq!((id.version, id.minimal, id.part, id.revision), (2, true, 0xbc, 0));
        assert_eq!(id.to_string(), "0x0bc12477: DPv2 by ARM (0x23b), part 0xbc, revision 0");
        assert_eq!(DebugPortId::decode(u32::MAX).designer.to_string(), "JEP106 0x7ff");
    }

    #[test]
    fn an_access_port_is_decoded() {
        for (idr, text) in [
            (0x1477_0011, "0x14770011: MEM-AP AHB3 by ARM (0x23b), revision 1"),
            (0x2477_0011, "0x24770011: MEM-AP AHB3 by ARM (0x23b), revision 2"),
            (0x4477_0002, "0x44770002: MEM-AP APB2 or APB3 by ARM (0x23b), revision 4"),
            (0x0288_0000, "0x02880000: type 0x0 by Nordic Semiconductor (0x144), revision 0"),
            (0x1476_0010, "0x14760010: JTAG by ARM (0x23b), revision 1"),
            (0x0477_c000, "0x0477c000: class 0xe type 0x0 by ARM (0x23b), revision 0"),
        ] {
            assert_eq!(AccessPortId::decode(idr).to_string(), text);
        }
    }
}
