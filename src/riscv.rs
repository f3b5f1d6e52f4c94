//! What only RISC-V targets have.

use crate::Session;
use crate::error::{Error, JtagError, Refused, Result, UnexpectedReply};
use crate::target::Target;
use crate::wire::tcl;

/// A view of a target's RISC-V debug module (RISC-V External Debug Support, chapter 3), from [`Session::riscv`] or [`Target::riscv`].
#[derive(Debug, Clone, Copy)]
pub struct Riscv<'a> {
    target: Target<'a>,
}

impl Session {
    /// The current target's RISC-V debug module; short for `session.target().riscv()`.
    pub fn riscv(&self) -> Riscv<'_> {
        self.target().riscv()
    }
}

impl<'a> Target<'a> {
    /// The target's RISC-V debug module.
    pub fn riscv(self) -> Riscv<'a> {
        Riscv { target: self }
    }
}

impl Riscv<'_> {
    /// Reads a word over the debug module interface (OpenOCD: `riscv dmi_read`; RISC-V External Debug Support 0.13.2, 3.14). The target may run.
    ///
    /// `address` is the number of a register of the debug module, such as 0x11 for `dmstatus`. For one beyond 0x7f the width of the
    /// interface is looked up first: OpenOCD would drop the upper bits and access another register.
    ///
    /// # Errors
    /// [`JtagError::NotRiscv`] and [`ValueTooWide`](JtagError::ValueTooWide) (nothing is accessed), [`Refused`](JtagError::Refused), and those of [`Session::command`].
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// # let session = openocd::Session::start(hart.openocd_config())?;
    /// let dmstatus = session.riscv().dmi_read(0x11)?;
    /// assert_eq!(dmstatus & 0xf, 2, "version 0.13");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dmi_read(&self, address: u32) -> Result<u32> {
        self.dmi(&format!("dmi_read {address:#x}"), address)?.ok_or_else(|| {
            let (command, expected) = (format!("riscv dmi_read {address:#x}"), "a number");
            JtagError::UnexpectedReply(UnexpectedReply { command, expected, reply: String::new() }).into()
        })
    }

    /// Writes a word over the debug module interface (OpenOCD: `riscv dmi_write`). The target may run.
    ///
    /// OpenOCD uses the same registers, and does not know what was written past it.
    ///
    /// # Errors
    /// Those of [`dmi_read`](Self::dmi_read).
    pub fn dmi_write(&self, address: u32, value: u32) -> Result<()> {
        self.dmi(&format!("dmi_write {address:#x} {value:#x}"), address).map(drop)
    }

    /// The number that the command returned, if any.
    fn dmi(&self, command: &str, address: u32) -> Result<Option<u32>> {
        let shown = format!("riscv {command}");
        let request = self.target.request(format!("_openocd_rs_1_dmi {command}")).shown(shown.as_str());
        self.target.session().run(&request, |reply| {
            let answer = reply.success(&request).map_err(|failure| {
                let doing = "access the debug module".to_owned();
                Error::refused(failure, |failure| JtagError::Refused(Refused { operation: doing, failure }).into())
            })?;
            let unexpected = || {
                let reply = String::from_utf8_lossy(answer).into_owned();
                Error::from(JtagError::UnexpectedReply(UnexpectedReply {
                    command: shown.clone(),
                    expected: "a number",
                    reply,
                }))
            };
            let words: Option<Vec<String>> =
                tcl::elements(answer).map(|word| Some(String::from_utf8_lossy(&word.ok()?).into_owned())).collect();
            match words.unwrap_or_default().iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["other", target, kind] => {
                    Err(JtagError::NotRiscv { target: target.to_owned(), kind: kind.to_owned() }.into())
                }
                ["width", width] => {
                    let (what, value) = ("an address of the debug module".to_owned(), format!("{address:#x}"));
                    Err(JtagError::ValueTooWide { what, value, bits: width.parse().unwrap_or_default() }.into())
                }
                ["done", ""] => Ok(None),
                ["done", value] => crate::wire::number::hex32(value.trim()).map(Some).ok_or_else(unexpected),
                _ => Err(unexpected()),
            }
        })?
    }
}
