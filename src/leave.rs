//! Leaving a target without a trace of the debugger, and what closing a session does to targets.

use crate::command::{Request, Script};
use crate::error::{Result, TargetError};
use crate::session::Session;
use crate::target::kind::CoreKind;
use crate::target::{BeforeRun, Run, Target, words};
use crate::types::{OnClose, TargetState};
use crate::wire::tcl;

impl Target<'_> {
    /// Lets the target run as a shipped board should be left: without breakpoints and, as far as
    /// OpenOCD can, without debug mode.
    ///
    /// The target may run or be halted. A running target is halted for a moment, except a Cortex-M
    /// without watchpoints. The call removes all breakpoints and watchpoints, whoever set them, and
    /// resumes the target, and with it the others of its SMP group. Then:
    ///
    /// - On a Cortex-M it disables breakpoint comparators that an earlier debugger left, and clears
    ///   `C_DEBUGEN` in DHCSR. A `BKPT` instruction or a semihosting call of the firmware is a
    ///   fault from then on.
    /// - On a RISC-V hart, `ebreak` traps from then on and does not halt the hart (`dcsr.ebreakm`
    ///   and its kin).
    /// - Other targets only run.
    ///
    /// What remains: the trace enable bit and the vector catch in DEMCR, which do nothing without
    /// `C_DEBUGEN`, and what OpenOCD's configuration wrote into the chip. The one for an STM32, for
    /// example, sets bits in `DBGMCU_CR` that keep clocks on while the core sleeps. Only a loss of
    /// power clears these.
    ///
    /// OpenOCD goes on polling the target, which changes nothing. But it enables debug mode again
    /// when it sees a reset of a Cortex-M, and at the next call that halts or resets the target. So
    /// [`Session::close_with`] and [`OnClose::Leave`] are better at the end of a session: they also
    /// end OpenOCD and power down the debug port.
    ///
    /// # Errors
    /// The errors of [`halt`](Self::halt), [`remove_all`](crate::Breakpoints::remove_all) and
    /// [`resume`](Self::resume). [`TargetError::WrongState`] if the target is halted afterwards,
    /// [`TargetError::Refused`] if debug mode is still on.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.breakpoints().add(0x0800_0044, openocd::BreakpointKind::Hardware)?;
    /// session.target().leave()?;
    /// assert!(session.breakpoints().list()?.is_empty());
    /// assert_eq!(session.memory().read_u32(0xe000_edf0)? & 1, 0); // DHCSR.C_DEBUGEN
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn leave(&self) -> Result<()> {
        let halt = self.begin_leaving()?;
        self.end_leaving(halt.as_ref())
    }

    /// Removes what would halt the target, which is halted for it if need be. Returns its halt.
    fn begin_leaving(&self) -> Result<Option<BeforeRun>> {
        let status = self.status()?;
        let is_cortex_m = self.core()? == CoreKind::CortexM;
        let mut is_halted = status.state == TargetState::Halted;
        let may_run = is_cortex_m && self.breakpoints().list_watchpoints()?.is_empty();
        if !is_halted && !may_run {
            self.halt()?;
            is_halted = true;
        }
        self.breakpoints().remove_all()?;
        self.breakpoints().remove_all_watchpoints()?;
        let before = self.begin_to_leave()?;
        Ok(is_halted.then_some(before))
    }

    /// Resumes the target, unless it was resumed with its SMP group.
    fn end_leaving(&self, halt: Option<&BeforeRun>) -> Result<()> {
        let resumed = halt.map_or(Ok(()), |before| self.resume_and_leave(before));
        // Also after a failure: this alone makes a Cortex-M run.
        let is_off = self.turn_debug_off();
        resumed.and(is_off)
    }

    fn resume_and_leave(&self, before: &BeforeRun) -> Result<()> {
        let request = self.request(Script::call("resume_and_leave").number(before.runs)).shown("resume");
        let request = request.expecting("an outcome and a status");
        self.session().run(&request, |reply| Run::Resume.take(&request, reply))?.map(drop)
    }

    fn turn_debug_off(&self) -> Result<()> {
        let request = self.request(Script::call("debug_off")).shown("write_memory 0xe000edf0 32 0xa05f0000");
        let request = request.to("turn debug mode off").expecting("name and state of a target");
        let (target, state) = self.session().ask::<TargetError, _>(&request, read_left)?;
        if state == TargetState::Halted {
            return Err(TargetError::WrongState { operation: "leave", target, state }.into());
        }
        Ok(())
    }
}

impl Session {
    /// Does something to every examined target, and then closes the session as
    /// [`close`](Self::close) does.
    ///
    /// [`OnClose::Leave`] does more if this session started the OpenOCD: when all targets are left,
    /// it ends OpenOCD's polling, deactivates the debug modules of RISC-V harts, and withdraws the
    /// power request of each debug port. An OpenOCD that the session connected to keeps running and
    /// needs that power; see [`Target::leave`] for what its polling may do. A high-level adapter,
    /// such as an ST-LINK with the transport `hla_swd`, keeps the power on.
    ///
    /// A target that OpenOCD could not examine is skipped, and so are `mem_ap` targets, which have
    /// no core.
    ///
    /// # Errors
    /// The first error of the targets ([`Target::halt`], [`Target::resume`], [`Target::leave`]), or
    /// else the error of [`close`](Self::close). The other targets are still handled, and the
    /// session is closed in any case.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::OnClose;
    ///
    /// session.target().halt()?;
    /// session.close_with(OnClose::Leave)?;
    /// # assert_eq!(chip.state(), virtual_chip::CoreState::Running);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close_with(self, on_close: OnClose) -> Result<()> {
        let done = self.treat_targets(on_close);
        let closed = self.close();
        done.and(closed)
    }

    fn treat_targets(&self, on_close: OnClose) -> Result<()> {
        if on_close == OnClose::AsIs {
            return Ok(());
        }
        let mut result = self.end_call_servers();
        let targets = self.targets()?;
        let targets = targets.iter().filter(|info| info.examined && info.kind != "mem_ap");
        let targets: Vec<_> = targets.map(|info| Target::of(self, &info.name)).collect();
        match on_close {
            OnClose::AsIs => {}
            OnClose::Halt => {
                for target in targets {
                    result = result.and(target.halt().map(drop));
                }
            }
            // See `resume_all`.
            OnClose::Resume => {
                let before: Vec<_> = targets.iter().map(Target::before_run).collect();
                for (target, before) in targets.iter().zip(before) {
                    result = result.and(before.and_then(|before| target.go_on(&before)));
                }
            }
            // A breakpoint of one target would halt others of its SMP group that are left already.
            OnClose::Leave => {
                let halts: Vec<_> = targets.iter().map(Target::begin_leaving).collect();
                for (target, halt) in targets.iter().zip(halts) {
                    result = result.and(halt.and_then(|halt| target.end_leaving(halt.as_ref())));
                }
            }
        }
        result?;
        if on_close == OnClose::Leave && self.process().is_some() {
            let request = Request::new(Script::call("power_down")).shown("dap dpreg 4 0");
            self.ask::<TargetError, _>(&request.to("power down the debug port"), |_| Some(()))?;
        }
        Ok(())
    }
}

impl Target<'_> {
    /// Resumes the target if it was halted, and has not run since.
    fn go_on(&self, before: &BeforeRun) -> Result<()> {
        if before.status.state == TargetState::Halted { self.resume_once(before) } else { Ok(()) }
    }
}

fn read_left(reply: &[u8]) -> Option<(String, TargetState)> {
    let [target, state] = tcl::strings(reply)?;
    Some((target, words::state(&state)))
}
