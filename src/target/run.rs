//! Resume and step, and whether they happened.

use super::{Target, TargetStatus, outcome, state, unexpected};
use crate::command::{Reply, Request};
use crate::error::{Error, Failure, InvalidArgument, Result, TargetError};
use crate::types::{HaltReason, TargetState};
use crate::wire::tcl;

/// A command that takes a halted target and lets it run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    Resume,
    Step,
}

impl Run {
    fn command(self) -> &'static str {
        match self {
            Run::Resume => "resume",
            Run::Step => "step",
        }
    }

    fn refused(self) -> fn(Box<Failure>) -> TargetError {
        match self {
            Run::Resume => TargetError::Resume,
            Run::Step => TargetError::Step,
        }
    }

    /// The script; `address` is as OpenOCD reads it, or empty.
    pub(crate) fn script(self, address: &str) -> String {
        format!("_openocd_rs_1_from_halt {} {}", self.command(), tcl::quote(address))
    }

    /// The status after the script, if the target ran; `address` is that of the script.
    pub(crate) fn take(self, request: &Request<'_>, reply: &Reply<'_>, address: &str) -> Result<TargetStatus> {
        if reply.code != 0 {
            let log = String::from_utf8_lossy(&reply.log);
            if let Some(name) = crate::target::words::lost_register(&log) {
                return Err(lost(name, reply.failure(request)));
            }
        }
        let answer = outcome(request, reply, self.refused())?;
        let [outcome, status, armv7m, pc, log] =
            tcl::elements(answer).take_array().ok_or_else(|| unexpected(request, "an outcome and a status", reply))?;
        let status = state::status(&status).ok_or_else(|| unexpected(request, "a target's status", reply))?;
        match &*outcome {
            b"done" => {
                let origin = state::counter(&String::from_utf8_lossy(&pc));
                let log = String::from_utf8_lossy(&log).into_owned();
                self.check(request, status, *armv7m == *b"1", origin, log)
            }
            b"odd" => {
                let expected = "even on a Cortex-M: bit 0 of a function's address only marks Thumb code";
                let given = address.to_owned();
                Err(TargetError::InvalidArgument(InvalidArgument {
                    argument: "the address to run from",
                    given,
                    expected,
                })
                .into())
            }
            _ => {
                let TargetStatus { name: target, state, .. } = status;
                let operation = request.name().to_owned();
                Err(TargetError::NotHalted { operation, target, state, failure: None }.into())
            }
        }
    }

    /// OpenOCD has reported success, which on a Cortex-M it does whatever became of its writes to the debug registers (`cortex_m_resume`,
    /// `cortex_m_step` in `src/target/cortex_m.c`); this says whether it is true.
    fn check(
        self,
        request: &Request<'_>,
        status: TargetStatus,
        armv7m: bool,
        origin: Option<u64>,
        log: String,
    ) -> Result<TargetStatus> {
        if let Some(name) = crate::target::words::lost_register(&log) {
            let name = name.to_owned();
            return Err(lost(&name, Failure::new(request.name(), 0, String::new(), log)));
        }
        if status.state != TargetState::Halted {
            return Ok(status);
        }
        let failed_transfer = crate::target::words::tells_failed_transfer(&log);
        let has_not_moved = origin.is_some() && status.pc == origin;
        let stands = match self {
            // `b .` and what waits for an interrupt do not move either, but all transfers succeed then.
            Run::Step => failed_transfer && has_not_moved,
            // It may have halted again by now, but then there is a reason for it, which an ARMv7-M core always tells.
            Run::Resume => {
                status.halt_reason == Some(HaltReason::Unknown) && (failed_transfer || (armv7m && has_not_moved))
            }
        };
        if !stands {
            return Ok(status);
        }
        if failed_transfer {
            return Err(self.refused()(Box::new(Failure::new(request.name(), 0, String::new(), log))).into());
        }
        Err(TargetError::WrongState { operation: self.command(), target: status.name, state: status.state }.into())
    }
}

fn lost(name: &str, failure: Failure) -> Error {
    TargetError::Register { name: name.to_owned(), failure: Box::new(failure) }.into()
}

impl Target<'_> {
    /// Runs a command that takes a halted target, after making sure of that: RISC-V on 0.12.0 "resumes" a running target.
    pub(super) fn run_halted(&self, run: Run, address: Option<u64>) -> Result<TargetStatus> {
        if let Some(address) = address {
            self.check_range(address, 1, 1, false)?;
        }
        let address = address.map(|address| format!("{address:#x}")).unwrap_or_default();
        let shown = format!("{} {address}", run.command());
        let request = self.request(run.script(&address)).shown(shown.trim_end());
        self.session().run(&request, |reply| run.take(&request, reply, &address))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(run: Run, pc: &str, reason: &str, armv7m: bool, log: &str) -> Result<TargetStatus> {
        let status = state::status(format!("t halted {reason} {{pc (/32): {pc}}} {{}}").as_bytes()).unwrap();
        run.check(&Request::new(run.command()), status, armv7m, Some(0x44), log.to_owned())
    }

    #[test]
    fn what_halted_again_did_run() {
        for reason in ["breakpoint", "watchpoint", "debug-request", "exception-catch"] {
            check(Run::Resume, "0x44", reason, true, "").unwrap();
            check(Run::Resume, "0x44", reason, true, "JTAG-DP STICKY ERROR\n").unwrap();
        }
        check(Run::Resume, "0x46", "undefined", true, "").unwrap();
        // Nobody tells the reason of other cores on 0.12.0: an `ebreak` at once looks like this.
        check(Run::Resume, "0x44", "undefined", false, "").unwrap();
        check(Run::Step, "0x44", "single-step", true, "").unwrap();
        check(Run::Step, "0x46", "single-step", true, "JTAG-DP STICKY ERROR\n").unwrap();
    }

    #[test]
    fn what_never_ran_is_an_error() {
        let error = check(Run::Resume, "0x44", "undefined", true, "").unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::WrongState { operation: "resume", .. })), "{error:?}");
        // OpenOCD had stepped over a BKPT instruction by then.
        let error = check(Run::Resume, "0x46", "undefined", true, "JTAG-DP STICKY ERROR\n").unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::Resume(_))), "{error:?}");
        let error = check(Run::Step, "0x44", "single-step", true, "JTAG-DP STICKY ERROR\n").unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::Step(_))), "{error:?}");
        assert_eq!(error.to_string(), "cannot step: OpenOCD reported `step` as done, but said: JTAG-DP STICKY ERROR");
    }
}
