//! Debug access ports: identification, registers, access ports and their ROM tables.

mod component;
mod id;
pub(crate) mod replies;

pub use component::{Component, ComponentClass, RomEntry};
pub use id::{AccessPortClass, AccessPortId, DebugPortId, Jep106, TargetId};

use crate::Session;
use crate::command::Request;
use crate::error::{DapError, Error, InvalidArgument, Result, UnexpectedReply};
use crate::target::Target;
use crate::wire::tcl;

/// A view of a debug access port (DAP, ARM IHI 0031 and 0074), from [`Session::dap`], [`Session::dap_named`] or [`Target::dap`].
///
/// Targets need not be halted. Addresses of registers are in bytes; values are 32 bits wide. Access ports are numbered 0 to 255 in ADIv5, and by
/// the address of their registers (a multiple of 0x1000, up to 64 bits) in ADIv6.
///
/// Sources: OpenOCD's `dap names`, `NAME info`, `NAME dpreg`, `NAME apreg`, `NAME apid` (`src/target/arm_adi_v5.c`).
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// for port in session.dap().list_aps()? {
///     println!("access port {:#x}: {}", port.number, port.id); // 0x14770011: MEM-AP AHB3 by ARM (0x23b), revision 1
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Dap<'a> {
    session: &'a Session,
    which: Which<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Which<'a> {
    First,
    Named(&'a str),
    Of(Target<'a>),
}

/// An access port that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AccessPort {
    /// Its number; in ADIv6 the address of its registers.
    pub number: u64,
    /// What it is.
    pub id: AccessPortId,
}

/// An access port with the debug components that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessPortInfo {
    /// The access port.
    pub port: AccessPort,
    /// The register BASE of a MEM-AP: where its ROM table is, with two bits that say whether there is one.
    pub base: Option<u64>,
    /// The component that BASE leads to: a ROM table, mostly.
    pub root: Option<Component>,
    /// The entries of that ROM table and of those below it, in the order in which they are found.
    pub entries: Vec<RomEntry>,
    /// All of the above could be read. Otherwise a component has no [`peripheral_id`](Component::peripheral_id), such as that of a core without power,
    /// or a ROM table could not be read to its end, so that entries are missing.
    pub is_complete: bool,
}

/// A debug access port, with everything that it says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DapInfo {
    /// Its name.
    pub name: String,
    /// What the debug port is; `None` for a JTAG debug port of version 0, which has no DPIDR.
    pub dpidr: Option<DebugPortId>,
    /// What chip it belongs to; `None` if the debug port is older than version 2.
    pub target_id: Option<TargetId>,
    /// The access ports.
    pub access_ports: Vec<AccessPortInfo>,
}

impl Session {
    /// The first DAP of OpenOCD's configuration.
    pub fn dap(&self) -> Dap<'_> {
        Dap { session: self, which: Which::First }
    }

    /// The DAP of this name, such as `"stm32f1x.dap"`.
    ///
    /// # Errors
    /// [`DapError::UnknownDap`] with the names that there are, and those of [`Dap::names`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let dap = session.dap_named("stm32f1x.dap")?;
    /// assert_eq!(dap.apreg(0, 0xfc)?, 0x1477_0011);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dap_named<'a>(&'a self, name: &'a str) -> Result<Dap<'a>> {
        let known = self.dap().names()?;
        if !known.iter().any(|known| known == name) {
            return Err(DapError::UnknownDap { name: name.to_owned(), known }.into());
        }
        Ok(Dap { session: self, which: Which::Named(name) })
    }
}

impl<'a> Target<'a> {
    /// The DAP through which OpenOCD reaches the target (OpenOCD: `NAME cget -dap`).
    pub fn dap(self) -> Dap<'a> {
        Dap { session: self.session(), which: Which::Of(self) }
    }
}

const DPIDR: u32 = 0x0;
/// Bank 2, address 4; OpenOCD takes the bank as the high half of the byte.
const TARGETID: u32 = 0x24;
/// The version of the debug port from which on access ports have addresses.
const ADIV6: u8 = 3;

impl Dap<'_> {
    /// The names of all DAPs of OpenOCD's configuration (OpenOCD: `dap names`).
    ///
    /// # Errors
    /// [`DapError::Access`], and those of [`Session::command`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// assert_eq!(session.dap().names()?, ["stm32f1x.dap"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn names(&self) -> Result<Vec<String>> {
        let request = Request::new("dap names");
        self.session.run(&request, |reply| {
            let names = reply.success(&request).map_err(|failure| refused("list the DAPs", failure))?;
            strings(names).ok_or_else(|| unexpected(request.name(), "a list of names", names))
        })?
    }

    /// Reads a register of the debug port (OpenOCD: `NAME dpreg ADDRESS`), such as CTRL/STAT at 4.
    ///
    /// `address` is a multiple of 4 below 16, plus 16 times the bank (DPBANKSEL).
    ///
    /// # Errors
    /// [`DapError::InvalidArgument`] before anything is read, [`NoDap`](DapError::NoDap), [`Access`](DapError::Access), and those of [`Session::command`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let status = session.dap().dpreg(4)?;
    /// assert_eq!(status >> 28, 0xf, "the debug and the system domain are powered");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dpreg(&self, address: u32) -> Result<u32> {
        check("the address of a debug port register", address, 0x100)?;
        self.register(&format!("dpreg {address:#x}"), "read a debug port register").map(|(_, value)| value)
    }

    /// Writes a register of the debug port (OpenOCD: `NAME dpreg ADDRESS VALUE`).
    ///
    /// OpenOCD uses the same registers, and writes SELECT, at 8, whenever it needs another value there.
    ///
    /// # Errors
    /// Those of [`dpreg`](Self::dpreg).
    pub fn write_dpreg(&self, address: u32, value: u32) -> Result<()> {
        check("the address of a debug port register", address, 0x100)?;
        self.write(&format!("dpreg {address:#x} {value:#x}"), "write a debug port register")
    }

    /// Reads a register of an access port (OpenOCD: `NAME apreg PORT ADDRESS`), such as IDR at 0xfc (ADIv5).
    ///
    /// `address` is a multiple of 4, below 0x100 in ADIv5 and below 0x1000 in ADIv6. In ADIv5 an access port that is not there reads as 0.
    ///
    /// # Errors
    /// [`DapError::InvalidArgument`] before anything is read, [`NoDap`](DapError::NoDap), [`Access`](DapError::Access), and those of [`Session::command`].
    pub fn apreg(&self, port: u64, address: u32) -> Result<u32> {
        check("the address of an access port register", address, 0x1000)?;
        self.register(&format!("apreg {port:#x} {address:#x}"), "read an access port register").map(|(_, value)| value)
    }

    /// Writes a register of an access port (OpenOCD: `NAME apreg PORT ADDRESS VALUE`), and waits until the debug port knows whether that worked: over
    /// SWD OpenOCD would leave a failure, such as a write to DRW that ends in a bus fault, to whoever accesses something next.
    ///
    /// OpenOCD uses the same registers for memory, and knows what it wrote to CSW and TAR, also by this call. Its background polling changes
    /// them: for what takes several calls, see [`Session::pause_polling`].
    ///
    /// # Errors
    /// Those of [`apreg`](Self::apreg).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// const TAR: u32 = 0x04;
    /// let pause = session.pause_polling()?;
    /// session.dap().write_apreg(0, TAR, 0x2000_0000)?;
    /// assert_eq!(session.dap().apreg(0, TAR)?, 0x2000_0000);
    /// pause.resume()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_apreg(&self, port: u64, address: u32, value: u32) -> Result<()> {
        check("the address of an access port register", address, 0x1000)?;
        self.write(&format!("apreg {port:#x} {address:#x} {value:#x}"), "write an access port register")
    }

    /// What the debug port is (OpenOCD: `NAME dpreg 0`).
    ///
    /// # Errors
    /// [`DapError::NoDebugPortId`] if it is a JTAG debug port of version 0, as in an STM32F103: the IDCODE of its [TAP](crate::Jtag::scan_chain) says what it is.
    /// [`NoDap`](DapError::NoDap), [`Access`](DapError::Access), and those of [`Session::command`].
    pub fn dpidr(&self) -> Result<DebugPortId> {
        self.identify().map(|(_, id)| id)
    }

    /// What chip the debug port belongs to (OpenOCD: `NAME dpreg 0x24`).
    ///
    /// # Errors
    /// [`DapError::NoTargetId`] if the debug port is older than version 2, and those of [`dpidr`](Self::dpidr).
    pub fn target_id(&self) -> Result<TargetId> {
        let (dap, DebugPortId { version, .. }) = self.identify()?;
        if version < 2 {
            return Err(DapError::NoTargetId { dap, version }.into());
        }
        self.dpreg(TARGETID).map(TargetId::decode)
    }

    /// The DAP's name and what it is.
    fn identify(&self) -> Result<(String, DebugPortId)> {
        let (dap, value) = self.register(&format!("dpreg {DPIDR:#x}"), "read DPIDR")?;
        // Bit 0 is 1 by definition; a version 0 has no such register.
        let id = DebugPortId::decode(value);
        if value & 1 == 0 || id.version == 0 || value == u32::MAX {
            return Err(DapError::NoDebugPortId { dap, value }.into());
        }
        Ok((dap, id))
    }

    /// The access ports that are there (OpenOCD: `NAME apid`; in ADIv6 `NAME info root`).
    ///
    /// In ADIv5 all 256 numbers are tried, in one command.
    ///
    /// # Errors
    /// [`DapError::NoDap`], [`Access`](DapError::Access), [`UnexpectedReply`](DapError::UnexpectedReply), and those of [`Session::command`].
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
            let ports = self.walk("root")?.into_iter().map(|port| port.number);
            let ids = ports.map(|number| Ok((number, self.access_port_id(number)?)));
            let ids: Result<Vec<_>> = ids.collect();
            // The root is a ROM table, and no access port.
            let ports = ids?.into_iter().filter(|(_, id)| id.value != 0);
            return Ok(ports.map(|(number, id)| AccessPort { number, id }).collect());
        }
        let (_, answer) = self.run("_openocd_rs_1_access_ports $dap", "apid", "list the access ports")?;
        let ports = || -> Option<Vec<AccessPort>> {
            let words = strings(answer.as_bytes())?;
            let pairs = words.chunks(2).map(|pair| {
                let [number, idr] = pair else { return None };
                let id = AccessPortId::decode(crate::dap::replies::register(idr.as_bytes())?);
                Some(AccessPort { number: number.parse().ok()?, id })
            });
            pairs.collect()
        };
        ports().ok_or_else(|| unexpected("apid", "numbers and identification registers", answer.as_bytes()))
    }

    /// Everything that the DAP says about itself (OpenOCD: `NAME dpreg`, `NAME apid`, `NAME info`): what the debug port is, its access ports, and the components that
    /// their ROM tables list.
    ///
    /// What is there but cannot be read hides nothing else; [`is_complete`](AccessPortInfo::is_complete) tells of it.
    ///
    /// # Errors
    /// Those of [`list_aps`](Self::list_aps).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let info = session.dap().info()?;
    /// for entry in &info.access_ports[0].entries {
    ///     if let Some(component) = &entry.component {
    ///         println!("{:#010x}: {:?}", component.address.unwrap_or(0), component.description);
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn info(&self) -> Result<DapInfo> {
        let optional = |result: Result<DebugPortId>| match result {
            Ok(id) => Ok(Some(id)),
            Err(Error::Dap(DapError::NoDebugPortId { .. })) => Ok(None),
            Err(error) => Err(error),
        };
        let dpidr = optional(self.dpidr())?;
        let target_id = match dpidr {
            Some(id) if id.version >= 2 => Some(self.target_id()?),
            _ => None,
        };
        let mut access_ports = Vec::new();
        for port in self.list_aps()? {
            let mut walked = None;
            if port.id.class == AccessPortClass::Memory {
                // Of ADIv6 the text may hold further ports below this one; they have their own turn.
                walked = self.walk(&format!("{:#x}", port.number))?.into_iter().next();
            }
            let crate::dap::replies::Port { base, root, entries, unread, .. } = walked.unwrap_or_default();
            access_ports.push(AccessPortInfo { port, base, root, entries, is_complete: unread == 0 });
        }
        let (name, _) = self.run("", "names", "find the DAP")?;
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
        let (_, value) = self.register(&format!("apid {number:#x}"), "identify an access port")?;
        Ok(AccessPortId::decode(value))
    }

    fn walk(&self, port: &str) -> Result<Vec<crate::dap::replies::Port>> {
        let command = format!("info {port}");
        let (_, text) = self.run(&format!("$dap {command}"), &command, "walk through the ROM tables")?;
        crate::dap::replies::ports(&text)
            .ok_or_else(|| unexpected(&command, "access ports and ROM tables", text.as_bytes()))
    }

    /// The DAP's name, and the value that the subcommand returned.
    fn register(&self, command: &str, doing: &'static str) -> Result<(String, u32)> {
        let (dap, answer) = self.run(&format!("$dap {command}"), command, doing)?;
        match crate::dap::replies::register(answer.trim().as_bytes()) {
            Some(value) => Ok((dap, value)),
            None => Err(unexpected(command, "a register's value", answer.as_bytes())),
        }
    }

    fn write(&self, command: &str, doing: &'static str) -> Result<()> {
        let (_, answer) = self.run(&format!("_openocd_rs_1_write_dap $dap {command}"), command, doing)?;
        if answer.trim().is_empty() { Ok(()) } else { Err(unexpected(command, "nothing", answer.as_bytes())) }
    }

    /// Runs a script in which `$dap` is the DAP's name: that name, and what the script returned.
    fn run(&self, script: &str, shown: &str, doing: &'static str) -> Result<(String, String)> {
        let which = match self.which {
            Which::First => "first".to_owned(),
            Which::Named(name) => format!("[list named {}]", tcl::quote(name)),
            Which::Of(_) => "of".to_owned(),
        };
        let script = format!("_openocd_rs_1_dap {which} {{{script}}}");
        let mut shown = match self.which {
            Which::Named(name) => format!("{name} {shown}"),
            _ => format!("dap {shown}"),
        };
        let request = match self.which {
            Which::Of(target) => target.request(script),
            _ => Request::new(script),
        };
        let request = request.shown(std::mem::take(&mut shown));
        self.session.run(&request, |reply| {
            let answer = reply.success(&request).map_err(|failure| refused(doing, failure))?;
            let words = strings(answer).unwrap_or_default();
            match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["done", dap, result] => Ok((dap.to_owned(), result.to_owned())),
                ["none"] => Err(DapError::NoDap { target: None }.into()),
                ["none", target] => Err(DapError::NoDap { target: Some(target.to_owned()) }.into()),
                ["unknown", ref known @ ..] => {
                    let known = known.iter().map(|&name| name.to_owned()).collect();
                    let name = if let Which::Named(name) = self.which { name } else { "" };
                    Err(DapError::UnknownDap { name: name.to_owned(), known }.into())
                }
                _ => Err(unexpected(request.name(), "a word that this crate knows", answer)),
            }
        })?
    }
}

fn check(argument: &'static str, address: u32, limit: u32) -> Result<(), DapError> {
    if address % 4 == 0 && address < limit {
        return Ok(());
    }
    let expected = if limit == 0x100 { "a multiple of 4 below 0x100" } else { "a multiple of 4 below 0x1000" };
    Err(DapError::InvalidArgument(InvalidArgument { argument, given: format!("{address:#x}"), expected }))
}

fn refused(doing: &'static str, failure: Box<crate::Failure>) -> Error {
    Error::refused(failure, |failure| DapError::Access { doing: doing.to_owned(), failure }.into())
}

fn unexpected(command: &str, expected: &'static str, reply: &[u8]) -> Error {
    let (command, reply) = (command.to_owned(), String::from_utf8_lossy(reply).into_owned());
    DapError::UnexpectedReply(UnexpectedReply { command, expected, reply }).into()
}

fn strings(list: &[u8]) -> Option<Vec<String>> {
    tcl::elements(list).map(|word| Some(String::from_utf8_lossy(&word.ok()?).into_owned())).collect()
}
