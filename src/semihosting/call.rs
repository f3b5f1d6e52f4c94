//! Finding the semihosting call at which a target is halted, and answering it.

use super::claim::CallServer;
use crate::command::Script;
use crate::error::{Result, TargetError};
use crate::target::{Run, Target, TargetStatus, register_line, status};
use crate::types::HaltReason;
use crate::wire::number::flag;
use crate::wire::tcl;

/// What a poll of a target found.
#[derive(Debug)]
pub(crate) struct Poll {
    pub(crate) status: TargetStatus,
    /// The semihosting call at which the target is halted.
    pub(crate) call: Option<Call>,
    /// The target may have slept until it was halted: it has not reached what is at its program
    /// counter.
    pub(crate) slept: bool,
}

/// Which semihosting calls a poll finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calls {
    None,
    /// Those that the target has made. One before which something else halted the target, such as
    /// a watchpoint, is none: that halt is not to be passed.
    Made,
    /// Any at which the target is halted, unless a `halt` of the caller holds it there.
    Any,
    /// Any at which the target is halted. A `halt` holds it no longer.
    Released,
}

impl Calls {
    fn word(self) -> &'static str {
        match self {
            Calls::None => "none",
            Calls::Made => "made",
            Calls::Any => "any",
            Calls::Released => "released",
        }
    }
}

/// A semihosting call that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) pc: u64,
    /// Length of its instruction in bytes.
    length: u8,
    /// Width of a register and of the words of a block: 32 or 64.
    pub(crate) bits: u32,
    pub(crate) number: u64,
    pub(crate) argument: u64,
}

impl Call {
    /// Address of the instruction behind the call.
    pub(crate) fn next(&self) -> u64 {
        self.pc.wrapping_add(self.length.into())
    }

    /// Whether the call is the BKPT of an Arm core.
    fn is_bkpt(&self) -> bool {
        self.length == 2
    }

    /// How to resume behind the call, from a halt for this reason. OpenOCD passes a `BKPT`
    /// instruction if it takes one for the reason of the halt, and vector catch is one to it.
    pub(crate) fn resumption(&self, reason: Option<HaltReason>) -> Then {
        match reason {
            Some(
                HaltReason::Breakpoint | HaltReason::Semihosting | HaltReason::ExceptionCatch | HaltReason::Unknown,
            )
            | None
                if self.is_bkpt() =>
            {
                Then::Guard
            }
            _ => Then::Go,
        }
    }
}

/// What a target does behind a semihosting call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It stays halted.
    Stay,
    /// It is resumed, and OpenOCD passes no `BKPT`.
    Go,
    /// It is resumed, unless the next instruction is a `BKPT`, which OpenOCD would pass.
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
    /// Polls the target, and finds the semihosting call at which it is halted, for who serves it.
    /// `asked`: the caller has just halted it.
    pub(crate) fn poll_for_calls(&self, server: Option<&CallServer>, calls: Calls, asked: bool) -> Result<Poll> {
        let server = server.map_or("", CallServer::id);
        let calls = if server.is_empty() { Calls::None } else { calls };
        let script = Script::call("semihosting_poll").word(server).word(calls.word()).number(u8::from(asked));
        let request = self.request(script).shown("poll");
        let request = request.expecting("a target's status and its call");
        let polled = self.session().ask_or(&request, TargetError::Poll, |answer| match tcl::strings::<2>(answer) {
            Some([target, lost]) if lost == "lost" => Some(Err(target)),
            _ => poll(answer).map(Ok),
        })?;
        polled.map_err(|target| self.session().lost_calls(target))
    }

    /// Moves the target behind its semihosting call, with the answer to it. Does nothing if
    /// somebody else has reset it or let it run meanwhile, so that it is no longer at this call.
    pub(crate) fn answer_call(&self, call: &Call, value: u64, then: Then) -> Result<()> {
        let [register, argument] = if call.is_bkpt() { ["r0", "r1"] } else { ["a0", "a1"] };
        let digits = |value: u64| format!("{value:x}");
        let (pc, number, block) = (digits(call.pc), digits(call.number), digits(call.argument));
        let value = value & (u64::MAX >> (64 - call.bits));
        let script = Script::call("semihosting_answer").list(["pc", &pc, register, &number, argument, &block]);
        let script = script.word(register).hex(value).hex(call.next()).word(then.word());
        let request = self.request(script).shown("resume").expecting("an outcome and a status");
        self.session().run(&request, |reply| match &*reply.result {
            // It stays there, or has left.
            b"" | b"gone" if reply.code == 0 => Ok(()),
            _ => Run::Resume.take(&request, reply).map(drop),
        })?
    }
}

/// The reply to `semihosting_poll`.
fn poll(answer: &[u8]) -> Option<Poll> {
    let [target, call, slept] = tcl::elements(answer).take_array()?;
    let status = status(&target)?;
    let slept = flag(std::str::from_utf8(&slept).ok()?)?;
    if call.is_empty() {
        return Some(Poll { status, call: None, slept });
    }
    let [length, number, argument] = tcl::strings::<3>(&call)?;
    let length = length.parse().ok().filter(|length| matches!(length, 2 | 4))?;
    let number = register_line::line(&number)?.value?;
    let bits = number.bits();
    if !matches!(bits, 32 | 64) {
        return None;
    }
    let call =
        Call { pc: status.pc?, length, bits, number: number.to_u64()?, argument: register_line::number(&argument)? };
    Some(Poll { status, call: Some(call), slept })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halt_at_a_call_is_read() {
        let answer = b"{t halted breakpoint {pc (/32): 0x08000046\n} {}} {2 {r0 (/32): 0x00000004\n} {r1 (/32): 0x080000bc (dirty)\n}} 0";
        let read = poll(answer).unwrap();
        let expected = Call { pc: 0x0800_0046, length: 2, bits: 32, number: 4, argument: 0x0800_00bc };
        assert_eq!(read.call, Some(expected));
        assert_eq!(read.status.pc, Some(0x0800_0046));
        let answer = b"{t halted {} {pc (/64): 0x0000000080000000} {}} {4 {a0 (/64): 0x0000000000000005} {a1 (/64): 0x0000008000000000}} 0";
        let call = poll(answer).unwrap().call.unwrap();
        assert_eq!((call.bits, call.argument, call.next()), (64, 0x80_0000_0000, 0x8000_0004));
    }

    #[test]
    fn a_running_target_is_at_no_call() {
        assert_eq!(poll(b"{t running {} {} {}} {} 0").unwrap().call, None);
        assert_eq!(poll(b"{t halted {} {pc (/32): 0x08000046} {}} {} 0").unwrap().call, None);
    }

    #[test]
    fn invalid_replies_are_refused() {
        let at_call = |call: &str| format!("{{t halted {{}} {{pc (/32): 0x00000000}} {{}}}} {{{call}}} 0");
        for call in [
            "2 {r0 (/32)} y",
            "3 {r0 (/32): 0x00000001} {r1 (/32): 0x00000001}",
            "2 {r0 (/8): 0x01} {r1 (/32): 0x00000001}",
        ] {
            assert!(poll(at_call(call).as_bytes()).is_none(), "{call}");
        }
        for answer in ["", "{t halted}", "{t running {} {} {}}", "{t running {} {} {}} {2 x y}"] {
            assert!(poll(answer.as_bytes()).is_none(), "{answer:?}");
        }
    }

    #[test]
    fn only_a_bkpt_is_guarded() {
        let call = |length| Call { pc: 0, length, bits: 32, number: 0, argument: 0 };
        assert_eq!(call(2).resumption(Some(HaltReason::Breakpoint)), Then::Guard);
        assert_eq!(call(2).resumption(Some(HaltReason::ExceptionCatch)), Then::Guard);
        assert_eq!(call(2).resumption(Some(HaltReason::DebugRequest)), Then::Go);
        assert_eq!(call(4).resumption(Some(HaltReason::Unknown)), Then::Go);
    }
}
