//! Resume and step, and whether they happened.

use super::kind::CoreKind;
use super::{Target, TargetStatus, handler_failure, state, words};
use crate::command::{Reply, Request, Script};
use crate::error::{Error, Failure, Result, TargetError};
use crate::types::{HaltReason, TargetState};
use crate::wire::tcl;

/// A command that lets a halted target run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    Resume,
    Step,
}

/// A target before it is resumed together with others, some of which may be of its SMP group: that
/// one has run is not seen in its state, if the group is halted again by then.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BeforeRun {
    pub(crate) status: TargetStatus,
    pub(crate) runs: u64,
}

/// What a run came to.
struct Ran {
    status: TargetStatus,
    /// The program counter is where it was.
    has_not_moved: bool,
}

/// What `from_halt` says of a run.
enum Outcome {
    Done,
    /// The target was not halted.
    Running,
    /// The target has run before.
    Before,
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

    /// The status after `from_halt`, if the target ran.
    pub(crate) fn take(self, request: &Request<'_>, reply: &Reply<'_>) -> Result<TargetStatus> {
        self.outcome(request, reply).map(|ran| ran.status)
    }

    fn outcome(self, request: &Request<'_>, reply: &Reply<'_>) -> Result<Ran> {
        if reply.code != 0 {
            let log = String::from_utf8_lossy(&reply.log);
            if let Some(name) = words::lost_register(&log) {
                return Err(lost(name, reply.failure(request)));
            }
        }
        let answer = reply.value_or(request, self.refused(), |answer| {
            let [outcome, status, kind, pc, log] = tcl::elements(answer).take_array()?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let outcome = match &*outcome {
                b"done" => Outcome::Done,
                b"running" => Outcome::Running,
                b"before" => Outcome::Before,
                _ => return None,
            };
            Some((
                outcome,
                state::status(&status)?,
                CoreKind::of(&text(&kind)),
                state::program_counter(&text(&pc)).ok()?,
                text(&log),
            ))
        });
        let (outcome, status, kind, origin, log) = answer?;
        match outcome {
            Outcome::Done => {}
            Outcome::Running => {
                let TargetStatus { name: target, state, .. } = status;
                let operation = request.name().to_owned();
                return Err(TargetError::NotHalted { operation, target, state, failure: None }.into());
            }
            Outcome::Before => return Ok(Ran { status, has_not_moved: false }),
        }
        let ran = self.check(request, status, kind, origin, log)?;
        handler_failure(request, reply).map_or(Ok(ran), |error| Err(error.into()))
    }

    /// OpenOCD reported success. On a Cortex-M it does so even if its writes to the debug registers
    /// failed (`cortex_m_resume`, `cortex_m_step` in `src/target/cortex_m.c`). This checks what
    /// happened.
    fn check(
        self,
        request: &Request<'_>,
        status: TargetStatus,
        kind: CoreKind,
        origin: Option<u64>,
        log: String,
    ) -> Result<Ran> {
        if let Some(name) = words::lost_register(&log) {
            let name = name.to_owned();
            return Err(lost(&name, Failure::new(request.name(), 0, String::new(), log)));
        }
        let has_not_moved = origin.is_some() && status.pc == origin;
        if status.state != TargetState::Halted {
            return Ok(Ran { status, has_not_moved: false });
        }
        let failed_transfer = words::tells_failed_transfer(&log);
        let did_not_run = match self {
            // `b .` and an instruction that waits for an interrupt do not move either, but then all
            // transfers succeed.
            Run::Step => failed_transfer && has_not_moved,
            // The target may be halted again, but then there is a reason, which OpenOCD always
            // knows of a Cortex-M.
            Run::Resume => {
                let is_known_to_tell = kind == CoreKind::CortexM;
                status.halt_reason == Some(HaltReason::Unknown)
                    && (failed_transfer || (is_known_to_tell && has_not_moved))
            }
        };
        // A target that no longer tells where it is says nothing about what it executed.
        let is_lost = failed_transfer && status.pc.is_none();
        if !did_not_run && !is_lost {
            return Ok(Ran { status, has_not_moved });
        }
        if failed_transfer {
            return Err(self.refused()(Box::new(Failure::new(request.name(), 0, String::new(), log))).into());
        }
        Err(self.wrong_state(status))
    }

    fn wrong_state(self, status: TargetStatus) -> Error {
        TargetError::WrongState { operation: self.command(), target: status.name, state: status.state }.into()
    }
}

fn lost(name: &str, failure: Failure) -> Error {
    TargetError::Register { name: name.to_owned(), failure: Box::new(failure) }.into()
}

impl Target<'_> {
    pub(super) fn run_halted(&self, run: Run, address: Option<u64>) -> Result<TargetStatus> {
        self.ran(run, address, None).map(|ran| ran.status)
    }

    pub(crate) fn before_run(&self) -> Result<BeforeRun> {
        self.before_by(Script::call("before_run"))
    }

    /// The same, and OpenOCD's next resume of the target leaves it.
    pub(crate) fn begin_to_leave(&self) -> Result<BeforeRun> {
        self.before_by(Script::call("begin_to_leave"))
    }

    fn before_by(&self, script: Script) -> Result<BeforeRun> {
        let request = self.request(script).shown("poll");
        let request = request.expecting("a target's status and a number");
        self.session().ask_or(&request, TargetError::Poll, |reply| {
            let [status, runs] = tcl::elements(reply).take_array()?;
            Some(BeforeRun { status: state::status(&status)?, runs: tcl::text(&runs)?.parse().ok()? })
        })
    }

    /// Resumes the target, unless it has run since: with another one of its SMP group, perhaps so
    /// far that it is halted again. One more `resume` would pass the breakpoint there.
    pub(crate) fn resume_once(&self, before: &BeforeRun) -> Result<()> {
        match self.ran(Run::Resume, None, Some(before)) {
            Err(Error::Target(TargetError::NotHalted { .. })) => Ok(()),
            ran => ran.map(drop),
        }
    }

    pub(super) fn step_from(&self, address: Option<u64>) -> Result<TargetStatus> {
        let Ran { status, has_not_moved } = self.ran(Run::Step, address, None)?;
        let status = match status.pc {
            Some(pc) if has_not_moved => self.pass_breakpoint_instruction(pc)?.unwrap_or(status),
            _ => status,
        };
        status.must_be_halted("step")
    }

    /// Runs a command that needs a halted target, and checks that first: OpenOCD 0.12.0 "resumes" a
    /// running RISC-V hart.
    fn ran(&self, run: Run, address: Option<u64>, before: Option<&BeforeRun>) -> Result<Ran> {
        if let Some(address) = address {
            self.check_range(address, 1, 1, false)?;
        }
        let script = Script::call("from_halt").word(run.command());
        let (script, shown) = match address {
            Some(address) => (script.hex(address), format!("{} {address:#x}", run.command())),
            None => (script.word(""), run.command().to_owned()),
        };
        let script = if let Some(before) = before { script.number(before.runs) } else { script };
        let request = self.request(script).shown(shown).expecting("an outcome and a status");
        self.session().run(&request, |reply| run.outcome(&request, reply))?
    }

    /// After a step that did not move: moves the target behind a breakpoint instruction of its
    /// program, and returns the status. `None` if there is another instruction.
    ///
    /// OpenOCD does the same, but only if the target halted because it ran into the instruction
    /// (`armv7m_maybe_skip_bkpt_inst` in `src/target/armv7m.c`).
    fn pass_breakpoint_instruction(&self, pc: u64) -> Result<Option<TargetStatus>> {
        let request = self.request(Script::call("pass_breakpoint_instruction").hex(pc)).shown("reg pc");
        let request = request.expecting("an outcome and a status");
        let (outcome, status) = self.session().ask_or(&request, TargetError::Step, |answer| {
            let [outcome, status] = tcl::elements(answer).take_array()?;
            Some((outcome.into_owned(), state::status(&status)?))
        })?;
        match &*outcome {
            b"passed" => Ok(Some(TargetStatus { halt_reason: Some(HaltReason::SingleStep), ..status })),
            // A breakpoint of another target: the instruction under it was not executed.
            b"foreign" => Err(Run::Step.wrong_state(status)),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(run: Run, pc: &str, reason: &str, kind: CoreKind, log: &str) -> Result<TargetStatus> {
        let pc = crate::wire::number::hex32(pc).unwrap();
        let status = format!("t halted {reason} {{pc (/32): {pc:#010x}}} {{}}");
        let status = state::status(status.as_bytes()).unwrap();
        run.check(&Request::new(run.command()), status, kind, Some(0x44), log.to_owned()).map(|ran| ran.status)
    }

    #[test]
    fn a_target_that_halted_again_did_run() {
        for reason in ["breakpoint", "watchpoint", "debug-request", "exception-catch", "lockup"] {
            check(Run::Resume, "0x44", reason, CoreKind::CortexM, "").unwrap();
            check(Run::Resume, "0x44", reason, CoreKind::CortexM, "JTAG-DP STICKY ERROR\n").unwrap();
        }
        check(Run::Resume, "0x46", "undefined", CoreKind::CortexM, "").unwrap();
        // OpenOCD 0.12.0 does not know the reason of other cores: an `ebreak` at once looks like
        // this.
        check(Run::Resume, "0x44", "undefined", CoreKind::RiscV, "").unwrap();
        check(Run::Step, "0x44", "single-step", CoreKind::CortexM, "").unwrap();
        check(Run::Step, "0x46", "single-step", CoreKind::CortexM, "JTAG-DP STICKY ERROR\n").unwrap();
    }

    #[test]
    fn a_target_that_no_longer_tells_where_it_is_is_no_success() {
        for run in [Run::Step, Run::Resume] {
            let status = state::status(b"t halted breakpoint {} {}").unwrap();
            let log = "JTAG-DP STICKY ERROR\n".to_owned();
            let result = run.check(&Request::new(run.command()), status, CoreKind::CortexM, None, log);
            let error = result.map(|ran| ran.status).unwrap_err();
            assert!(matches!(error, Error::Target(TargetError::Step(_) | TargetError::Resume(_))), "{error:?}");
        }
    }

    #[test]
    fn a_target_that_never_ran_is_an_error() {
        let error = check(Run::Resume, "0x44", "undefined", CoreKind::CortexM, "").unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::WrongState { operation: "resume", .. })), "{error:?}");
        // OpenOCD had stepped over a BKPT instruction by then.
        let error = check(Run::Resume, "0x46", "undefined", CoreKind::CortexM, "JTAG-DP STICKY ERROR\n").unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::Resume(_))), "{error:?}");
        let error = check(Run::Step, "0x44", "single-step", CoreKind::CortexM, "JTAG-DP STICKY ERROR\n").unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::Step(_))), "{error:?}");
        assert_eq!(error.to_string(), "cannot step: OpenOCD reported `step` as done, but said: JTAG-DP STICKY ERROR");
    }
}
