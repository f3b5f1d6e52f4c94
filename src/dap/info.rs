//! The access ports of a DAP, and what their ROM tables list.

use std::fmt;

use super::replies::{self, Port};
use super::{AccessPortClass, AccessPortId, Call, Component, Dap, DebugPortId, RomEntry, TargetId};
use crate::command::Script;
use crate::error::{DapError, Error, Result};
use crate::types::debug_in_hex;
use crate::wire::tcl;

/// The version of the debug port from which on access ports have addresses.
const ADIV6: u8 = 3;

/// An access port.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AccessPort {
    /// Its number; in ADIv6 the address of its registers.
    pub number: u64,
    /// Its identification.
    pub id: AccessPortId,
}

debug_in_hex!(AccessPort { id; number });

/// An access port with the debug components that it leads to.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AccessPortInfo {
    /// The access port.
    pub port: AccessPort,
    /// The register BASE of a MEM-AP: the address of its ROM table, with two bits that say whether
    /// it has one.
    pub base: Option<u64>,
    /// The component that BASE leads to, usually a ROM table.
    pub root: Option<Component>,
    /// The entries of that ROM table and of those below it, in the order in which they are found.
    pub entries: Vec<RomEntry>,
    /// Whether all of the above could be read.
    ///
    /// If not, a component has no [`peripheral_id`](Component::peripheral_id), such as that of a
    /// core without power, or entries are missing because a ROM table could not be read to its end.
    pub is_complete: bool,
}

debug_in_hex!(AccessPortInfo { port, root, entries, is_complete; base });

/// The identification of a DAP and of everything behind it, from [`Dap::info`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DapInfo {
    /// Its name.
    pub name: String,
    /// The identification of the debug port; `None` for a JTAG debug port of version 0, which has
    /// no DPIDR.
    pub dpidr: Option<DebugPortId>,
    /// The chip that it belongs to; `None` if the debug port is older than version 2.
    pub target_id: Option<TargetId>,
    /// The access ports.
    pub access_ports: Vec<AccessPortInfo>,
}

impl DapInfo {
    /// Tells whether everything that exists could be read, of all access ports.
    pub fn is_complete(&self) -> bool {
        self.access_ports.iter().all(|port| port.is_complete)
    }
}

/// A line for the DAP and each access port, and an indented one for each component of the ROM
/// tables.
impl fmt::Display for DapInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::error::text::name(&self.name))?;
        if let Some(id) = self.dpidr {
            write!(f, ": {id}")?;
        }
        if let Some(id) = self.target_id {
            write!(f, ", {id}")?;
        }
        for info in &self.access_ports {
            write!(f, "\nAP {:#x}: {}", info.port.number, info.port.id)?;
            for entry in &info.entries {
                let Some(component) = &entry.component else { continue };
                let indent = usize::try_from(entry.depth.min(16)).unwrap_or_default() * 2 + 2;
                write!(f, "\n{:indent$}{component}", "")?;
            }
            if !info.is_complete {
                f.write_str("\n  (not everything could be read)")?;
            }
        }
        Ok(())
    }
}

impl Dap<'_> {
    /// Lists the access ports (OpenOCD: `NAME apid`; in ADIv6 `NAME info root`).
    ///
    /// In ADIv5 the call tries all 256 numbers, in one command.
    ///
    /// # Errors
    /// [`DapError::NoDap`] without a DAP, [`DapError::Refused`] if the debug port does not answer.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let ports = session.dap().list_aps()?;
    /// assert_eq!((ports.len(), ports[0].number, ports[0].id.type_name()), (1, 0, Some("AHB3")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list_aps(&self) -> Result<Vec<AccessPort>> {
        if self.is_adiv6()? {
            let ports = self.walk(Script::command("info").literal("root"))?.into_iter().map(|port| port.number);
            let ids = ports.map(|number| Ok((number, self.access_port_id(number)?)));
            let ids: Result<Vec<_>> = ids.collect();
            // The root is a ROM table, and no access port.
            let ports = ids?.into_iter().filter(|(_, id)| id.value != 0);
            return Ok(ports.map(|(number, id)| AccessPort { number, id }).collect());
        }
        let call =
            Call { procedure: Script::call("access_ports"), ..Call::new(Script::default(), "list the access ports") };
        let (_, ports) = self.ask(&call, "numbers and identification registers", |reply| {
            let words = tcl::all_strings(reply)?;
            let pairs = words.chunks(2).map(|pair| {
                let [number, idr] = pair else { return None };
                let id = AccessPortId::decode(replies::register(idr.as_bytes())?);
                Some(AccessPort { number: number.parse().ok()?, id })
            });
            pairs.collect()
        })?;
        Ok(ports)
    }

    /// Identifies the debug port, the access ports, and the components that their ROM tables list
    /// (OpenOCD: `NAME dpreg`, `NAME apid`, `NAME info`).
    ///
    /// If a part cannot be read, the call reads the others, and [`DapInfo::is_complete`] is false.
    ///
    /// # Errors
    /// [`DapError::NoDap`] without a DAP, [`DapError::Refused`] if the debug port does not answer.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let info = session.dap().info()?;
    /// println!("{info}");
    /// let names = info.access_ports[0].entries.iter().filter_map(|entry| entry.component.as_ref()?.description.as_deref());
    /// assert!(names.into_iter().any(|name| name.starts_with("Cortex-M3 FPB")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn info(&self) -> Result<DapInfo> {
        let dpidr = match self.dpidr() {
            Ok(id) => Some(id),
            Err(Error::Dap(DapError::NoDebugPortId { .. })) => None,
            Err(error) => return Err(error),
        };
        let target_id = match dpidr {
            Some(id) if id.version >= 2 => Some(self.target_id()?),
            _ => None,
        };
        let mut access_ports = Vec::new();
        for port in self.list_aps()? {
            let mut walked = None;
            if port.id.class == AccessPortClass::Memory {
                // In ADIv6 the text may describe further ports below this one; they have their own
                // turn.
                walked = self.walk(Script::command("info").hex(port.number))?.into_iter().next();
            }
            let Port { base, root, entries, unread, .. } = walked.unwrap_or_default();
            access_ports.push(AccessPortInfo { port, base, root, entries, is_complete: unread == 0 });
        }
        let (name, ()) = self.ask(&Call::new(Script::default(), "find the DAP"), "the name of a DAP", |_| Some(()))?;
        Ok(DapInfo { name, dpidr, target_id, access_ports })
    }

    fn is_adiv6(&self) -> Result<bool> {
        match self.dpidr() {
            Ok(id) => Ok(id.version >= ADIV6),
            Err(Error::Dap(DapError::NoDebugPortId { .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn access_port_id(&self, number: u64) -> Result<AccessPortId> {
        let call = Call::new(Script::command("apid").hex(number), "identify an access port");
        self.register(&call).map(|(_, value)| AccessPortId::decode(value))
    }

    fn walk(&self, info: Script) -> Result<Vec<Port>> {
        let call = Call::new(info, "read the ROM tables");
        let (_, ports) = self.ask(&call, "access ports and ROM tables", |reply| replies::ports(tcl::text(reply)?))?;
        Ok(ports)
    }
}
