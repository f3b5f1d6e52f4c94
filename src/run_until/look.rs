//! Looks at a target that runs, and answers to its semihosting calls.

use crate::error::{Error, Failure, Result, SemihostingError, TargetError};
use crate::semihosting::unexpected_reply;
use crate::target::kind::CoreKind;
use crate::target::{Run, Target, TargetStatus, status};
use crate::wire::tcl;

/// How a target is.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) status: TargetStatus,
    /// The semihosting call at which it stands.
    pub(super) call: Option<Call>,
}

/// A semihosting call that waits for its answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) pc: u64,
    pub(super) number: u32,
    pub(super) argument: u32,
}

/// What a target does behind a semihosting call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// It stands.
    Stay,
    /// It goes on, and OpenOCD passes over no `BKPT`.
    Go,
    /// It goes on, unless there is a `BKPT` behind the call, which OpenOCD would pass over.
    Guard,
}

impl Then {
    fn word(self) -> &'static str {
        match self {
            Then::Stay => "stay",
            Then::Go => "go",
            Then::Guard => "guard",
        }
    }
}

impl Target<'_> {
    /// Makes sure that this crate can serve the target's semihosting calls and that OpenOCD does not; says whether it did.
    pub(super) fn take_over_calls(&self) -> Result<bool> {
        let request = self.request("_openocd_rs_1_calls").shown("arm semihosting");
        let enabled = self.session().run(&request, |reply| {
            let answer = reply.success(&request).map_err(poll)?;
            let Some([target, kind, enabled]) = tcl::elements(answer).take_array() else {
                return Err(unexpected_reply(&request, reply));
            };
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            if CoreKind::of(&text(&kind)) != CoreKind::CortexM {
                return Err(SemihostingError::Unsupported { target: text(&target), kind: text(&kind) }.into());
            }
            Ok(*enabled == *b"1")
        })??;
        if enabled {
            self.semihosting().disable()?;
        }
        Ok(enabled)
    }

    pub(super) fn look(&self, calls: bool) -> Result<Look> {
        let request = self.request(format!("_openocd_rs_1_look {}", u8::from(calls))).shown("poll");
        self.session().run(&request, |reply| {
            let answer = reply.success(&request).map_err(poll)?;
            look(answer).ok_or_else(|| unexpected_reply(&request, reply))
        })?
    }

    /// Puts the target behind its semihosting call, with the answer to it.
    pub(super) fn answer_call(&self, call: &Call, value: u32, then: Then) -> Result<()> {
        let script = format!("_openocd_rs_1_answer {:#x} {value:#x} {}", call.pc, then.word());
        let request = self.request(script).shown("resume");
        self.session().run(&request, |reply| match &*reply.result {
            // It stays there.
            b"" if reply.code == 0 => Ok(()),
            _ => Run::Resume.take(&request, reply).map(drop),
        })?
    }
}

/// The answer of `_openocd_rs_1_look`.
fn look(answer: &[u8]) -> Option<Look> {
    let [how, call] = tcl::elements(answer).take_array()?;
    let status = status(&how)?;
    if call.is_empty() {
        return Some(Look { status, call: None });
    }
    let [number, argument] = tcl::elements(&call).take_array()?;
    let register = |line: &[u8]| {
        let value = crate::target::register_line::line(std::str::from_utf8(line).ok()?)?.value?;
        u32::try_from(value.to_u64()?).ok()
    };
    let call = Call { pc: status.pc?, number: register(&number)?, argument: register(&argument)? };
    Some(Look { status, call: Some(call) })
}

fn poll(failure: Box<Failure>) -> Error {
    Error::refused(failure, |failure| TargetError::Poll(failure).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_stands_at_a_call() {
        let answer = b"{t halted breakpoint {pc (/32): 0x08000046\n} {}} {{r0 (/32): 0x00000004\n} {r1 (/32): 0x080000bc (dirty)\n}}";
        let look = look(answer).unwrap();
        assert_eq!(look.call, Some(Call { pc: 0x0800_0046, number: 4, argument: 0x0800_00bc }));
        assert_eq!(look.status.pc, Some(0x0800_0046));
    }

    #[test]
    fn a_target_that_runs_or_stands_elsewhere() {
        assert_eq!(look(b"{t running {} {} {}} {}").unwrap().call, None);
        assert_eq!(look(b"{t halted {} {pc (/32): 0x08000046} {}} {}").unwrap().call, None);
    }

    #[test]
    fn invalid_looks() {
        for answer in
            ["", "{t halted}", "{t running {} {} {}}", "{t running {} {} {}} x", "{t running {} {} {}} {{r0 (/32)} y}"]
        {
            assert!(look(answer.as_bytes()).is_none(), "{answer:?}");
        }
    }
}
