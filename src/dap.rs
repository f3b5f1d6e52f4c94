//! Debug access ports: identification, registers, access ports and their ROM tables.

mod component;
mod id;
mod info;
mod replies;

pub use component::{Component, ComponentClass, RomEntry};
pub use id::{AccessPortClass, AccessPortId, DebugPortId, Jep106, TargetId};
pub use info::{AccessPort, AccessPortInfo, DapInfo};

use crate::command::{Request, Script};
use crate::error::{DapError, InvalidArgument, Result};
use crate::session::Session;
use crate::target::Target;
use crate::wire::tcl;

/// A view of a debug access port (DAP), from [`Session::dap`], [`Session::dap_named`] or
/// [`Target::dap`].
///
/// Targets need not be halted. Register addresses are in bytes, values are 32 bits wide. Access
/// ports have the numbers 0 to 255 in ADIv5; in ADIv6 each has the address of its registers, a
/// multiple of 0x1000.
///
/// Sources: Arm IHI 0031 (ADIv5) and IHI 0074 (ADIv6); OpenOCD's `dap names`, `NAME info`,
/// `NAME dpreg`, `NAME apreg`, `NAME apid` (`src/target/arm_adi_v5.c`).
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

impl Session {
    /// Returns a view of the first DAP of OpenOCD's configuration.
    pub fn dap(&self) -> Dap<'_> {
        Dap { session: self, which: Which::First }
    }

    /// Returns a view of the DAP of this name, such as `"stm32f1x.dap"`.
    ///
    /// # Errors
    /// [`DapError::UnknownDap`] with the names that exist.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let dap = session.dap_named("stm32f1x.dap")?;
    /// assert_eq!(dap.read_ap(0, 0xfc)?, 0x1477_0011);
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
    /// Returns a view of the DAP through which OpenOCD accesses the target (OpenOCD:
    /// `NAME cget -dap`).
    pub fn dap(self) -> Dap<'a> {
        Dap { session: self.session(), which: Which::Of(self) }
    }
}

const DPIDR: u32 = 0x0;
const SELECT: u32 = 0x8;
/// Bank 5, address 4, in ADIv6.
const SELECT1: u32 = 0x54;
/// Bank 2, address 4: OpenOCD takes the bank as the high half of the byte.
const TARGETID: u32 = 0x24;

const DP_REGISTER: &str = "address of a debug port register";
const AP_REGISTER: &str = "address of an access port register";

impl Dap<'_> {
    /// Lists the names of all DAPs of OpenOCD's configuration (OpenOCD: `dap names`).
    ///
    /// # Errors
    /// [`Error::Connection`](crate::Error::Connection) and
    /// [`Error::Timeout`](crate::Error::Timeout).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// assert_eq!(session.dap().names()?, ["stm32f1x.dap"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn names(&self) -> Result<Vec<String>> {
        let request = Request::new("dap names").to("list the DAPs").expecting("a list of names");
        self.session.ask::<DapError, _>(&request, tcl::all_strings)
    }

    /// Reads a register of the debug port (OpenOCD: `NAME dpreg ADDRESS`), such as CTRL/STAT at 4.
    ///
    /// `address` is a multiple of 4 below 16, plus 16 times the bank (DPBANKSEL). OpenOCD selects
    /// the bank. SELECT holds what OpenOCD wrote there last.
    ///
    /// # Errors
    /// [`DapError::NoDap`] without a DAP, [`DapError::Refused`] if the debug port does not answer.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let status = session.dap().read_dp(4)?;
    /// assert_eq!(status >> 28, 0xf, "the debug and the system domain are powered");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "dpreg")]
    pub fn read_dp(&self, address: u32) -> Result<u32> {
        check(DP_REGISTER, address, 0x100)?;
        let call = Call::new(Script::command("dpreg").hex(address), "read a debug port register");
        self.register(&call).map(|(_, value)| value)
    }

    /// Writes a register of the debug port (OpenOCD: `NAME dpreg ADDRESS VALUE`).
    ///
    /// OpenOCD uses the same registers. SELECT, at 8, and SELECT1, at 0x54, belong to OpenOCD: this
    /// call refuses to write them. OpenOCD remembers what it wrote there, and its next access would
    /// go to another register. [`read_ap`](Self::read_ap) and [`write_ap`](Self::write_ap) select
    /// the access port and the bank, and this call selects the bank of the debug port.
    ///
    /// ABORT, at 0, clears sticky flags. A JTAG debug port has these flags in CTRL/STAT, so over
    /// JTAG this call clears them there. DAPABORT (bit 0) works over SWD only.
    ///
    /// After a write to CTRL/STAT that withdraws the request for debug power, the next access to
    /// memory may fail. OpenOCD then requests the power again.
    ///
    /// # Errors
    /// [`DapError::NoDap`] without a DAP, [`DapError::Refused`] if the write failed,
    /// [`DapError::InvalidArgument`] for SELECT and SELECT1, and for DAPABORT over JTAG.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// const ABORT: u32 = 0x0;
    /// session.dap().write_dp(ABORT, 0x1e)?; // clears all sticky errors
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "dpreg")]
    pub fn write_dp(&self, address: u32, value: u32) -> Result<()> {
        check(DP_REGISTER, address, 0x100)?;
        if address % 16 == SELECT || address == SELECT1 {
            let expected = "another one than SELECT or SELECT1, which OpenOCD alone writes";
            return Err(DapError::from(InvalidArgument::new(DP_REGISTER, expected, format!("{address:#x}"))).into());
        }
        let call = Call::new(Script::command("dpreg").hex(address).hex(value), "write a debug port register");
        if self.write(&call)? == Written::NoDapAbort {
            let expected = "no DAPABORT (bit 0), which OpenOCD cannot write over JTAG";
            return Err(DapError::from(InvalidArgument::new("value of ABORT", expected, format!("{value:#x}"))).into());
        }
        Ok(())
    }

    /// Reads a register of an access port (OpenOCD: `NAME apreg PORT ADDRESS`), such as IDR at 0xfc
    /// (ADIv5).
    ///
    /// `address` is a multiple of 4, below 0x100 in ADIv5 and below 0x1000 in ADIv6. In ADIv5 an
    /// access port that does not exist reads as 0.
    ///
    /// A read of DRW moves TAR if CSW says so, and OpenOCD leaves CSW set like that. This call
    /// makes OpenOCD account for the move.
    ///
    /// # Errors
    /// [`DapError::NoDap`] without a DAP, [`DapError::Refused`] if the access port does not answer.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// assert_eq!(session.dap().read_ap(0, 0xfc)?, 0x1477_0011);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "apreg")]
    pub fn read_ap(&self, port: u64, address: u32) -> Result<u32> {
        check(AP_REGISTER, address, 0x1000)?;
        let call = Call {
            procedure: Script::call("read_dap"),
            ..Call::new(Script::command("apreg").hex(port).hex(address), "read an access port register")
        };
        self.register(&call).map(|(_, value)| value)
    }

    /// Writes a register of an access port (OpenOCD: `NAME apreg PORT ADDRESS VALUE`), and checks
    /// that the write worked.
    ///
    /// Over SWD this reads the debug port's status: OpenOCD would report a failure, such as a bus
    /// fault of a write to DRW, only at the next access. In ADIv5 a write to an access port that
    /// does not exist is lost, and the call succeeds: IDR, at 0xfc, reads as 0 there.
    ///
    /// OpenOCD uses the same registers to access memory. This call makes OpenOCD account for writes
    /// to CSW and TAR, and for the move of TAR by a write to DRW. OpenOCD's background polling
    /// changes these registers, so pause it between calls that depend on each other
    /// ([`Session::pause_polling`]).
    ///
    /// # Errors
    /// [`DapError::NoDap`] without a DAP, [`DapError::Refused`] if the write failed.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// const TAR: u32 = 0x04;
    /// let pause = session.pause_polling()?;
    /// session.dap().write_ap(0, TAR, 0x2000_0000)?;
    /// assert_eq!(session.dap().read_ap(0, TAR)?, 0x2000_0000);
    /// pause.resume()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "apreg")]
    pub fn write_ap(&self, port: u64, address: u32, value: u32) -> Result<()> {
        check(AP_REGISTER, address, 0x1000)?;
        let script = Script::command("apreg").hex(port).hex(address).hex(value);
        self.write(&Call::new(script, "write an access port register")).map(drop)
    }

    /// Reads what the debug port is: the register DPIDR (OpenOCD: `NAME dpreg 0`).
    ///
    /// # Errors
    /// [`DapError::NoDebugPortId`] for a JTAG debug port of version 0, as in an STM32F103: the
    /// IDCODE of its [TAP](crate::Jtag::scan_chain) says what it is. [`DapError::Refused`] if the
    /// debug port does not answer.
    ///
    /// ```no_run
    /// # let session = openocd::Session::connect("localhost:6666")?;
    /// println!("{}", session.dap().dpidr()?);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn dpidr(&self) -> Result<DebugPortId> {
        self.identify().map(|(_, id)| id)
    }

    /// Reads what chip the debug port belongs to: the register TARGETID (OpenOCD:
    /// `NAME dpreg 0x24`).
    ///
    /// # Errors
    /// [`DapError::NoTargetId`] if the debug port is older than version 2,
    /// [`DapError::NoDebugPortId`] as for [`dpidr`](Self::dpidr).
    ///
    /// ```no_run
    /// # let session = openocd::Session::connect("localhost:6666")?;
    /// println!("{}", session.dap().target_id()?);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn target_id(&self) -> Result<TargetId> {
        let (dap, DebugPortId { version, .. }) = self.identify()?;
        if version < 2 {
            return Err(DapError::NoTargetId { dap, version }.into());
        }
        self.read_dp(TARGETID).map(TargetId::decode)
    }

    /// The DAP's name and what it is.
    fn identify(&self) -> Result<(String, DebugPortId)> {
        let (dap, value) = self.register(&Call::new(Script::command("dpreg").hex(DPIDR), "read DPIDR"))?;
        // Bit 0 is 1 by definition; a debug port of version 0 has no such register.
        let id = DebugPortId::decode(value);
        if value & 1 == 0 || id.version == 0 || value == u32::MAX {
            return Err(DapError::NoDebugPortId { dap, value }.into());
        }
        Ok((dap, id))
    }

    /// The DAP's name, and the value that the subcommand returned.
    fn register(&self, call: &Call) -> Result<(String, u32)> {
        self.ask(call, "the value of a register", replies::register)
    }

    fn write(&self, call: &Call) -> Result<Written> {
        let checked = Call { procedure: Script::call("write_dap"), ..call.clone() };
        let (_, written) = self.ask(&checked, "nothing", |reply| match reply.trim_ascii() {
            b"" => Some(Written::Done),
            b"dapabort" => Some(Written::NoDapAbort),
            _ => None,
        })?;
        Ok(written)
    }

    /// Runs a subcommand of the DAP: the DAP's name, and what `read` makes of the subcommand's
    /// result.
    fn ask<T>(
        &self,
        call: &Call,
        expected: &'static str,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<(String, T)> {
        let (which, asked) = match self.which {
            Which::First => (vec!["first"], ""),
            Which::Named(name) => (vec!["named", name], name),
            Which::Of(_) => (vec!["of"], ""),
        };
        let words = tcl::list(which);
        let script = Script::call("dap").word(&words).word(call.procedure.as_str()).script(&call.subcommand);
        let request = match self.which {
            Which::Of(target) => target.request(script),
            _ => Request::new(script),
        };
        let owner = if asked.is_empty() { "dap" } else { asked };
        let shown = format!("{owner} {}", call.subcommand.as_str());
        let request = request.shown(shown.trim_end()).to(call.operation).expecting(expected);
        self.session.run(&request, |reply| {
            let words = reply.value::<DapError, _>(&request, tcl::all_strings)?;
            let mut words = words.into_iter();
            match (words.next().as_deref(), words.next()) {
                (Some("done"), Some(dap)) => {
                    let result = words.next().unwrap_or_default();
                    let value = read(result.as_bytes());
                    Ok((dap, value.ok_or_else(|| reply.unexpected::<DapError>(&request))?))
                }
                (Some("none"), target) => Err(DapError::NoDap { target }.into()),
                (Some("unknown"), first) => {
                    let known = first.into_iter().chain(words).collect();
                    Err(DapError::UnknownDap { name: asked.to_owned(), known }.into())
                }
                _ => Err(reply.unexpected::<DapError>(&request)),
            }
        })?
    }
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Done,
    /// Nothing was written: OpenOCD has no command that writes DAPABORT.
    NoDapAbort,
}

/// A subcommand of a DAP.
#[derive(Clone)]
struct Call {
    /// What runs the subcommand in place of the DAP itself, unless it is empty.
    procedure: Script,
    subcommand: Script,
    operation: &'static str,
}

impl Call {
    fn new(subcommand: Script, operation: &'static str) -> Self {
        Call { procedure: Script::default(), subcommand, operation }
    }
}

fn check(argument: &'static str, address: u32, limit: u32) -> Result<(), DapError> {
    if address % 4 == 0 && address < limit {
        return Ok(());
    }
    let expected = if limit == 0x100 { "a multiple of 4 below 0x100" } else { "a multiple of 4 below 0x1000" };
    Err(InvalidArgument::new(argument, expected, format!("{address:#x}")).into())
}
