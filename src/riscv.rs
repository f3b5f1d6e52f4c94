//! The debug module of a RISC-V target.

use crate::command::Script;
use crate::error::{JtagError, Result, UnexpectedReply};
use crate::session::Session;
use crate::target::Target;
use crate::wire::tcl;

/// A view of a target's RISC-V debug module (RISC-V External Debug Support, chapter 3), from
/// [`Session::riscv`] or [`Target::riscv`].
#[derive(Debug, Clone, Copy)]
pub struct Riscv<'a> {
    target: Target<'a>,
}

impl Session {
    /// Returns a view of the current target's RISC-V debug module; short for
    /// `session.target().riscv()`.
    pub fn riscv(&self) -> Riscv<'_> {
        self.target().riscv()
    }
}

impl<'a> Target<'a> {
    /// Returns a view of the target's RISC-V debug module.
    pub fn riscv(self) -> Riscv<'a> {
        Riscv { target: self }
    }
}

/// What an access came to.
enum Access {
    NotRiscv { target: String, kind: String },
    Width(usize),
    Done(Option<u32>),
}

impl Riscv<'_> {
    /// Reads a 32-bit word over the debug module interface (OpenOCD: `riscv dmi_read`; RISC-V
    /// External Debug Support 0.13.2, 3.14). The target may run.
    ///
    /// `address` is the number of a register of the debug module, such as 0x11 for `dmstatus`. For
    /// an address beyond 0x7f this looks up the width of the interface first: OpenOCD would drop
    /// the upper bits and access another register.
    ///
    /// # Errors
    /// [`JtagError::NotRiscv`] and [`JtagError::ValueTooWide`] (nothing is accessed),
    /// [`JtagError::Refused`].
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// # let session = openocd::Session::start(hart.openocd_config())?;
    /// let dmstatus = session.riscv().dmi_read(0x11)?;
    /// assert_eq!(dmstatus & 0xf, 2, "version 0.13");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dmi_read(&self, address: u32) -> Result<u32> {
        let command = format!("riscv dmi_read {address:#x}");
        let script = Script::call("dmi").literal("dmi_read").hex(address);
        self.dmi(script, &command, address)?
            .ok_or_else(|| JtagError::from(UnexpectedReply::new(command, "a number", b"")).into())
    }

    /// Writes a 32-bit word over the debug module interface (OpenOCD: `riscv dmi_write`). The
    /// target may run.
    ///
    /// OpenOCD uses the same registers, and does not notice these writes.
    ///
    /// # Errors
    /// The same as [`dmi_read`](Self::dmi_read).
    pub fn dmi_write(&self, address: u32, value: u32) -> Result<()> {
        let command = format!("riscv dmi_write {address:#x} {value:#x}");
        self.dmi(Script::call("dmi").literal("dmi_write").hex(address).hex(value), &command, address).map(drop)
    }

    /// The number that the command returned, if any.
    fn dmi(&self, script: Script, command: &str, address: u32) -> Result<Option<u32>> {
        let request = self.target.request(script).shown(command);
        let request = request.to("access the debug module").expecting("a number");
        match self.target.session().ask::<JtagError, _>(&request, access)? {
            Access::Done(value) => Ok(value),
            Access::NotRiscv { target, kind } => Err(JtagError::NotRiscv { target, kind }.into()),
            Access::Width(bits) => {
                let (what, value) = ("an address of the debug module".to_owned(), format!("{address:#x}"));
                Err(JtagError::ValueTooWide { what, value, bits }.into())
            }
        }
    }
}

/// The reply to `dmi`.
fn access(answer: &[u8]) -> Option<Access> {
    let words = tcl::all_strings(answer)?;
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["other", target, kind] => Some(Access::NotRiscv { target: target.to_owned(), kind: kind.to_owned() }),
        ["width", width] => Some(Access::Width(width.parse().ok()?)),
        ["done", ""] => Some(Access::Done(None)),
        ["done", value] => Some(Access::Done(Some(crate::wire::number::hex32(value.trim())?))),
        _ => None,
    }
}
