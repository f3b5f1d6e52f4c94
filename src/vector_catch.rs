//! Vector catch: halting at a fault or a reset.

use crate::command::{Request, Script};
use crate::error::{Result, TargetError};
use crate::target::Target;
use crate::types::VectorCatch;
use crate::wire::{number, tcl};

/// What the procedure `vector_catch` replies.
struct Answer {
    target: String,
    kind: String,
    /// DEMCR before and after; `None` if the target is no Cortex-M.
    demcr: Option<(u32, u32)>,
}

impl Target<'_> {
    /// Reads the events at which the core halts, from the target itself (OpenOCD: `cortex_m
    /// vector_catch`). The target may run.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] if the target is no Cortex-M, [`TargetError::Refused`] if the
    /// target cannot be accessed.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// for event in session.target().vector_catch()? {
    ///     println!("halts at a {event}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn vector_catch(&self) -> Result<Vec<VectorCatch>> {
        let request = self.request(Script::call("vector_catch").literal("{}")).shown("cortex_m vector_catch");
        let (_, after) = self.demcr(&request.to("read the vector catch"))?;
        Ok(caught(after))
    }

    /// Makes the core halt at these events, and at no other event (OpenOCD: `cortex_m
    /// vector_catch`). The target may run.
    ///
    /// The core halts at the first instruction of the exception's handler, with
    /// [`HaltReason::ExceptionCatch`](crate::HaltReason::ExceptionCatch). A run ends with
    /// [`Verdict::Crash`](crate::Verdict::Crash). [`crash_report`](Self::crash_report) says what
    /// happened. An empty slice turns vector catch off.
    ///
    /// OpenOCD calls such a halt a breakpoint. So this crate checks where the core is halted, in
    /// which exception, and whether that exception is caught. Change the setting before the
    /// firmware runs: a change while the core is halted at a handler affects the reason of that
    /// halt, too.
    ///
    /// The setting lasts until it is changed or the chip loses power: OpenOCD writes it again after
    /// each reset that it makes or notices. OpenOCD leaves it in the chip when it ends. On an
    /// `hla_target`, which is a Cortex-M behind an ST-LINK's own protocol, OpenOCD has no command
    /// for it. This call then writes DEMCR itself, and the next reset by OpenOCD clears it.
    ///
    /// A RISC-V hart has no vector catch: `ebreak` halts it as it is, and a trap does not. Newer
    /// OpenOCD can set a trigger for traps by its own command `riscv etrigger`, on harts that have
    /// such a trigger; the halt is then reported by OpenOCD's own reason.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] if the target is no Cortex-M. [`TargetError::NoVectorCatch`] if
    /// the core lacks one of the events; the setting is then as before. [`TargetError::Refused`] if
    /// the target cannot be accessed.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::VectorCatch;
    ///
    /// session.target().set_vector_catch(&[VectorCatch::HardFault, VectorCatch::BusFault])?;
    /// assert_eq!(session.target().vector_catch()?, [VectorCatch::BusFault, VectorCatch::HardFault]);
    /// session.target().set_vector_catch(&VectorCatch::FAULTS)?;
    /// session.target().set_vector_catch(&[])?; // off
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_vector_catch(&self, events: &[VectorCatch]) -> Result<()> {
        let (before, after) = self.write_vector_catch(events)?;
        let missing: Vec<_> = events.iter().copied().filter(|event| after & event.mask() == 0).collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.write_vector_catch(&caught(before))?;
        let target = self.answer(&self.request(Script::call("vector_catch").literal("{}")))?.target;
        Err(TargetError::NoVectorCatch { target, missing }.into())
    }

    /// DEMCR before and after.
    fn write_vector_catch(&self, events: &[VectorCatch]) -> Result<(u32, u32)> {
        let mut names: Vec<_> = events.iter().map(|event| event.openocd_name()).collect();
        if names.is_empty() {
            names.push("none");
        }
        let bits = events.iter().fold(0, |bits, event| bits | event.mask());
        let request = self.request(Script::call("vector_catch").list(&names).hex(bits));
        let request = request.shown(format!("cortex_m vector_catch {}", names.join(" ")));
        self.demcr(&request.to("set the vector catch"))
    }

    fn demcr(&self, request: &Request<'_>) -> Result<(u32, u32)> {
        let Answer { target, kind, demcr } = self.answer(request)?;
        demcr.ok_or_else(|| TargetError::Unsupported { what: "vector catch", target, kind }.into())
    }

    fn answer(&self, request: &Request<'_>) -> Result<Answer> {
        let request = request.clone().expecting("the value of DEMCR");
        self.session().ask::<TargetError, _>(&request, read)
    }
}

fn read(reply: &[u8]) -> Option<Answer> {
    let [target, kind, values] = tcl::strings(reply)?;
    let demcr = match tcl::all_strings(values.as_bytes())?.as_slice() {
        [] => None,
        [before, after] => Some((number::hex32(before)?, number::hex32(after)?)),
        _ => return None,
    };
    Some(Answer { target, kind, demcr })
}

fn caught(demcr: u32) -> Vec<VectorCatch> {
    VectorCatch::ALL.into_iter().filter(|event| demcr & event.mask() != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_of_a_cortex_m_has_demcr_before_and_after() {
        let answer = read(b"stm32f1x.cpu cortex_m {0x1000000 0x1000501}").unwrap();
        assert_eq!(answer.demcr, Some((0x0100_0000, 0x0100_0501)));
        assert_eq!(caught(0x0100_0501), [VectorCatch::Reset, VectorCatch::BusFault, VectorCatch::HardFault]);
    }

    #[test]
    fn reply_of_another_target_has_no_value() {
        let answer = read(b"hart0.cpu riscv {}").unwrap();
        assert_eq!((answer.kind.as_str(), answer.demcr), ("riscv", None));
    }

    #[test]
    fn malformed_replies_are_refused() {
        for reply in
            ["", "a cortex_m", "a cortex_m {0x1}", "a cortex_m {0x1 y}", "a cortex_m {0x1 0x2 0x3}", "a cortex_m {0x1"]
        {
            assert!(read(reply.as_bytes()).is_none(), "{reply}");
        }
    }

    #[test]
    fn each_event_has_a_bit_of_its_own() {
        let bits = VectorCatch::ALL.iter().fold(0, |bits, event| bits | event.mask());
        assert_eq!(bits, 0x7f1);
        assert_eq!(bits.count_ones() as usize, VectorCatch::ALL.len());
    }
}
