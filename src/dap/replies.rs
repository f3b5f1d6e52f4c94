//! What `dap info` prints: an access port, and the components that its ROM table leads to.
//!
//! Register values are read by commands that print nothing else. The walk through the ROM tables
//! exists as text only: its lines come from `dap_info_*` in `src/target/arm_adi_v5.c`, the same in
//! both generations.

use crate::dap::{Component, ComponentClass, RomEntry};
use crate::wire::number::hex;

/// One access port.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Port {
    pub(crate) number: u64,
    /// MEM-AP BASE.
    pub(crate) base: Option<u64>,
    /// The component that BASE leads to, a ROM table mostly.
    pub(crate) root: Option<Component>,
    pub(crate) entries: Vec<RomEntry>,
    /// How many components could not be read, and tables not to their end. Of the latter OpenOCD
    /// says nothing at its usual level of log (`rtp_rom_loop`), but every table ends with a zero.
    pub(crate) unread: usize,
}

/// Reads the whole text: of ADIv5 one access port, of `info root` on ADIv6 all of them. `None` if
/// it does not begin with one.
pub(super) fn ports(text: &str) -> Option<Vec<Port>> {
    let mut ports: Vec<Port> = Vec::new();
    // Ports that are being described, by index, with the depth of their entries: an entry of ADIv6
    // may hold a port of its own.
    let mut open: Vec<(usize, u32)> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(number) = line.strip_prefix("AP # ") {
            let depth = open
                .last()
                .map_or(0, |(port, depth)| ports[*port].entries.last().map_or(*depth, |e| e.depth.saturating_add(1)));
            open.push((ports.len(), depth));
            ports.push(Port { number: hex(number.trim())?, ..Port::default() });
            continue;
        }
        // The table has no end then.
        if line.ends_with("Read error") {
            continue;
        }
        if let Some((depth, entry)) = rom_entry(line) {
            while open.len() > 1 && open.last().is_some_and(|(_, of_port)| depth < *of_port) {
                open.pop();
            }
            let port = &mut ports[open.last()?.0];
            let (offset, value) = entry?;
            // A zero ends the table, and is none of its entries.
            if value == 0 {
                port.unread = port.unread.saturating_sub(1);
            } else {
                let component = (value & 1 != 0).then(Component::default);
                port.entries.push(RomEntry { depth, offset, value, component });
            }
            continue;
        }
        let port = &mut ports[open.last()?.0];
        if let Some((_, base)) = line.split_once("MEM-AP BASE ") {
            port.base = Some(hex(base.trim())?);
        } else {
            describe(port, line)?;
        }
    }
    (!ports.is_empty()).then_some(ports)
}

/// `ROMTABLE[0x4] = 0xfff02003`, below another table `[L01] ROMTABLE[0x0] = …`: depth, and offset
/// and value if they can be read.
fn rom_entry(line: &str) -> Option<(u32, Option<(u32, u64)>)> {
    let (level, rest) = line.split_once("ROMTABLE[")?;
    let depth = match level.trim().strip_prefix("[L") {
        Some(level) => level.strip_suffix(']')?.parse().ok()?,
        None if level.is_empty() => 0,
        None => return None,
    };
    let entry = || {
        let (offset, value) = rest.split_once("] = ")?;
        Some((u32::try_from(hex(offset.trim())?).ok()?, hex(value.trim())?))
    };
    Some((depth, entry()))
}

/// A line about the component that the last entry leads to, or BASE. `None` for one that should
/// hold a number and does not.
fn describe(port: &mut Port, line: &str) -> Option<()> {
    let is_table = line == "Type is ROM table" || line.starts_with("Component class is 0x1,");
    if is_table || line.starts_with("Can't read ") || line == "Tables too deep" {
        port.unread += 1;
    }
    let component = match port.entries.last_mut() {
        Some(entry) => &mut entry.component,
        None => &mut port.root,
    };
    if let Some(address) = line.strip_prefix("Component base address ") {
        known(component).address = Some(hex(address.trim())?);
    } else if let Some(id) = line.strip_prefix("Peripheral ID ") {
        known(component).peripheral_id = Some(hex(id.trim())?);
    } else if let Some(part) = line.strip_prefix("Part is ") {
        let name = part.split_once(", ").map_or("", |(_, name)| name.trim());
        known(component).description = (!name.is_empty() && name != "Unrecognized").then(|| name.to_owned());
    } else if let Some(class) = line.strip_prefix("Component class is ") {
        known(component).class = Some(ComponentClass::from_number(u8::try_from(hex(first_word(class).trim())?).ok()?));
    } else if let Some(kind) = line.strip_prefix("Type is 0x") {
        // `Type is MEM-AP AHB3` and `Type is ROM table` are other lines.
        known(component).device_type = Some(u8::from_str_radix(first_word(kind), 16).ok()?);
    } else if let Some(architecture) = line.strip_prefix("Dev Arch is ") {
        known(component).device_architecture = Some(u32::try_from(hex(first_word(architecture).trim())?).ok()?);
    }
    Some(())
}

fn known(component: &mut Option<Component>) -> &mut Component {
    component.get_or_insert_with(Component::default)
}

fn first_word(text: &str) -> &str {
    text.split([',', ' ']).next().unwrap_or("")
}

/// A register value as `dpreg`, `apreg` and `apid` print it: `0x14770011`.
pub(super) fn register(text: &[u8]) -> Option<u32> {
    hex(std::str::from_utf8(text).ok()?.trim()).and_then(|value| value.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Captured from OpenOCD 0.12.0 with a virtual STM32F103.
    const STM32F103: &str = "AP # 0x0\n\t\tAP ID register 0x14770011\n\t\tType is MEM-AP AHB3\nMEM-AP BASE 0xe00ff003\n\
        \t\tValid ROM table present\n\t\tComponent base address 0xe00ff000\n\t\tPeripheral ID 0x00000a0410\n\
        \t\tDesigner is 0x020, STMicroelectronics\n\t\tPart is 0x410, Unrecognized \n\
        \t\tComponent class is 0x1, ROM table\n\t\tMEMTYPE system memory present on bus\n\
        \tROMTABLE[0x0] = 0xfff0f003\n\t\tComponent base address 0xe000e000\n\t\tPeripheral ID 0x04000bb000\n\
        \t\tDesigner is 0x23b, ARM Ltd\n\t\tPart is 0x000, Cortex-M3 SCS (System Control Space)\n\
        \t\tComponent class is 0xe, Generic IP component\n\
        \tROMTABLE[0x10] = 0xfff41003\n\t\tComponent base address 0xe0040000\n\t\tPeripheral ID 0x04001bb923\n\
        \t\tDesigner is 0x23b, ARM Ltd\n\t\tPart is 0x923, Cortex-M3 TPIU (Trace Port Interface Unit)\n\
        \t\tComponent class is 0x9, CoreSight component\n\t\tType is 0x11, Trace Sink, Port\n\
        \tROMTABLE[0x14] = 0xfff42002\n\t\tComponent not present\n\tROMTABLE[0x18] = 0x00000000\n\t\tEnd of ROM table\n";

    #[test]
    fn a_memory_access_port() {
        let ports = ports(STM32F103).unwrap();
        let [port] = &ports[..] else { panic!("{ports:?}") };
        assert_eq!((port.number, port.base, port.unread), (0, Some(0xe00f_f003), 0));
        let root = port.root.as_ref().unwrap();
        assert_eq!(
            (root.address, root.part(), root.class),
            (Some(0xe00f_f000), Some(0x410), Some(ComponentClass::RomTable))
        );
        assert_eq!((root.designer().unwrap().name(), &root.description), (Some("STMicroelectronics"), &None));
        let offsets: Vec<_> = port.entries.iter().map(|entry| (entry.depth, entry.offset, entry.value)).collect();
        assert_eq!(offsets, [(0, 0, 0xfff0_f003), (0, 0x10, 0xfff4_1003), (0, 0x14, 0xfff4_2002)]);
        let tpiu = port.entries[1].component.as_ref().unwrap();
        assert_eq!((tpiu.device_type, tpiu.part()), (Some(0x11), Some(0x923)));
        assert_eq!(tpiu.description.as_deref(), Some("Cortex-M3 TPIU (Trace Port Interface Unit)"));
        assert_eq!(tpiu.designer().unwrap().to_string(), "ARM (0x23b)");
        assert_eq!(port.entries[2].component, None);
    }

    #[test]
    fn tables_below_tables_and_what_cannot_be_read() {
        let text = "AP # 0x1\n\t\tAP ID register 0x24770002\n\t\tType is MEM-AP APB2 or APB3\nMEM-AP BASE 0x80000003\n\
            \t\tComponent base address 0x80000000\n\t\tComponent class is 0x1, ROM table\n\
            \tROMTABLE[0x0] = 0x00001003\n\t\tComponent base address 0x80001000\n\
            \t\tComponent class is 0x1, ROM table\n\
            \t[L01] ROMTABLE[0x0] = 0x00002003\n\t\tComponent base address 0x80003000\n\
            \t\tCan't read component, the corresponding core might be turned off\n\
            \t[L01] ROMTABLE[0x4] = 0x00000000\n\t[L01] \tEnd of ROM table\n\
            \tROMTABLE[0x4] = 0x00004003\n\t\tComponent base address 0x80004000\n\t\tInvalid CID 0x00000000\n\
            \t\tDev Arch is 0x47701a00, ARM Ltd \"Unknown\" rev.0\n";
        let ports = ports(text).unwrap();
        let depths: Vec<_> = ports[0].entries.iter().map(|entry| (entry.depth, entry.offset)).collect();
        assert_eq!(depths, [(0, 0), (1, 0), (0, 4)]);
        assert_eq!(ports[0].unread, 2, "the component at 0x80003000, and the first table has no end");
        let dark = ports[0].entries[1].component.as_ref().unwrap();
        assert_eq!((dark.address, dark.peripheral_id), (Some(0x8000_3000), None));
        assert_eq!(ports[0].entries[2].component.as_ref().unwrap().device_architecture, Some(0x4770_1a00));
    }

    #[test]
    fn access_ports_of_adiv6() {
        let text = "AP # 0x0\n\t\tPeripheral ID 0x04000bb9d9\n\t\tComponent class is 0x9, CoreSight component\n\
            \t\tType is ROM table\n\
            \tROMTABLE[0x0] = 0x00002003\n\t\tAP # 0x2000\n\t\tPeripheral ID 0x04000bb9e3\n\
            \t\tAP ID register 0x14770008\n\t\tType is MEM-AP AHB5 with enhanced HPROT\n\t[L01] MEM-AP BASE 0xe00ff003\n\
            \t[L01] ROMTABLE[0x0] = 0xfff0f003\n\t\tComponent base address 0xe000e000\n\
            \tROMTABLE[0x4] = 0x00003003\n\t\tAP # 0x3000\n\t\tAP ID register 0x00000000\n";
        let ports = ports(text).unwrap();
        let numbers: Vec<_> = ports.iter().map(|port| (port.number, port.base, port.entries.len())).collect();
        assert_eq!(numbers, [(0, None, 2), (0x2000, Some(0xe00f_f003), 1), (0x3000, None, 0)]);
    }

    #[test]
    fn an_invalid_text_is_refused() {
        for text in [
            "",
            "usage: dap info",
            "\tROMTABLE[0x0] = 0x1",
            "AP # zero",
            "AP # 0x0\nMEM-AP BASE zz",
            "AP # 0x0\nROMTABLE[0x0] = ",
            "AP # 0x0\nComponent base address 80000000",
            "AP # 0x0\nComponent class is 0x1ff, x",
            "AP # 0x0\nPeripheral ID 0xg",
            "AP # 0x0\nType is 0x, y",
        ] {
            assert_eq!(ports(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_depth_beyond_all_tables() {
        let ports = ports("AP # 0x0\n\t[L4294967295] ROMTABLE[0x0] = 0x00000001\n\t\tAP # 0x1\n").unwrap();
        assert_eq!((ports.len(), ports[0].entries[0].depth), (2, u32::MAX));
    }

    #[test]
    fn a_table_that_cannot_be_read_to_its_end() {
        let begun = "AP # 0x0\n\t\tComponent class is 0x1, ROM table\n\tROMTABLE[0x0] = 0x00001003\n";
        let unread = |rest: &str| {
            let read = ports(&format!("{begun}{rest}")).unwrap();
            assert_eq!(read[0].entries.len(), 1);
            read[0].unread
        };
        assert_eq!(unread(""), 1);
        assert_eq!(unread("\tROMTABLE[0x4] Read error\n\t\tUnable to continue\n"), 1);
        assert_eq!(unread("\tROMTABLE[0x4] = 0x00000000\n\t\tEnd of ROM table\n"), 0);
        let table = "\t\tComponent class is 0x9, CoreSight component\n\t\tType is ROM table\n";
        assert_eq!(unread(&format!("{table}\tROMTABLE[0x4] = 0x00000000\n")), 1, "of two tables one ended");
        let read = ports("AP # 0x2\n\t\tCan't read MEM-AP, the corresponding core might be turned off\n").unwrap();
        assert_eq!((read[0].entries.len(), read[0].unread), (0, 1));
    }

    #[test]
    fn a_register_is_read_as_hexadecimal() {
        assert_eq!(register(b"0x14770011\n"), Some(0x1477_0011));
        for text in ["", "14770011", "0x100000000", "0x", "0x1 0x2", "-0x1"] {
            assert_eq!(register(text.as_bytes()), None, "{text:?}");
        }
    }
}
