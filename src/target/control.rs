//! Run control of one target, and its state.

use std::time::{Duration, Instant};

use super::{Run, Target, TargetStatus, state, words};
use crate::command::{Reply, Request, Script};
use crate::error::{Error, Failure, Result, TargetError, TimeoutError};
use crate::types::{ResetMode, TargetState};
use crate::wire::Deadline;

/// The pause between two polls of `wait_halt`: short at first, then longer and longer.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// How long a poll of `wait_halt` may outlast the caller's timeout. A timeout of zero still polls
/// once.
const POLL_GRACE: Duration = Duration::from_millis(200);

impl Target<'_> {
    /// Halts the target and returns its status (OpenOCD: `halt`). Halting a halted target succeeds.
    ///
    /// # Errors
    /// [`TargetError::Halt`] if the target does not halt within OpenOCD's five seconds, was never
    /// examined, or does not answer. [`TargetError::EventHandler`] if it is halted, but a handler
    /// of its configuration failed.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let status = session.target().halt()?;
    /// println!("{} is halted at {:#010x}", status.name, status.pc.unwrap());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn halt(&self) -> Result<TargetStatus> {
        self.halt_and_hold(true)
    }

    /// Halts the target. Unless it `holds`, whoever serves a semihosting call at which the target
    /// is halted then goes on.
    pub(crate) fn halt_and_hold(&self, holds: bool) -> Result<TargetStatus> {
        let script = Script::call("control").word("halt").flag(holds);
        let status = self.control(script, "halt", TargetError::Halt)?;
        status.must_be_halted("halt")
    }

    /// Resumes the halted target at its program counter (OpenOCD: `resume`).
    ///
    /// Returns when the target runs. By then it may be halted again, at a breakpoint for example,
    /// or locked up: a Cortex-M that finds no program locks up at its first instruction, which is
    /// `Ok`. [`status`](Self::status) tells.
    ///
    /// The target steps over a breakpoint at its program counter first, also over a software
    /// breakpoint that another RISC-V hart has in shared memory; that hart must be halted. So do
    /// the other targets of an SMP group, which OpenOCD resumes together. A `BKPT` instruction of
    /// the program at the program counter is passed if the target halted because of it, and
    /// otherwise halts the target again. An `ebreak` instruction of a RISC-V program always halts
    /// the target again.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`] if the target runs already. [`TargetError::Resume`] if OpenOCD
    /// cannot resume it, and [`TargetError::WrongState`] if OpenOCD reports success but the target
    /// is where it was and no reason for a halt is known: it did not run. [`TargetError::Register`]
    /// if a value [written](crate::Registers::write) to a register is lost: on OpenOCD 0.12.0 the
    /// target runs then. [`TargetError::EventHandler`] if a handler of the configuration failed.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.target().resume()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resume(&self) -> Result<()> {
        self.run_halted(Run::Resume, None).map(drop)
    }

    /// Resumes the halted target at `address` (OpenOCD: `resume ADDRESS`); otherwise like
    /// [`resume`](Self::resume). The other targets of its SMP group go on where they are.
    ///
    /// On a Cortex-M, bit 0 of the address is ignored: it marks Thumb code in the address of a
    /// function, such as the entry point of an ELF file.
    ///
    /// # Errors
    /// The errors of [`resume`](Self::resume), and [`TargetError::OutOfAddressSpace`] (nothing is
    /// sent).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.target().resume_at(0x0800_0041)?; // runs from 0x0800_0040
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resume_at(&self, address: u64) -> Result<()> {
        self.run_halted(Run::Resume, Some(address)).map(drop)
    }

    /// Executes one instruction at the program counter, and returns the status after it (OpenOCD:
    /// `step`).
    ///
    /// The target steps over a breakpoint at its program counter, also over a software breakpoint
    /// that another RISC-V hart has in shared memory; that hart must be halted. A breakpoint
    /// instruction of the program itself (`BKPT`, `ebreak`) is passed and not executed, whether the
    /// target ran into it or was stepped to it.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`] if the target runs. [`TargetError::Step`] if OpenOCD cannot step
    /// it, and [`TargetError::WrongState`] if OpenOCD reports success but the target is not halted
    /// afterwards, or a software breakpoint of another Cortex-M is at its program counter.
    /// [`TargetError::Register`] if a value [written](crate::Registers::write) to a register is
    /// lost: an instruction may have been executed then. [`TargetError::EventHandler`] if a handler
    /// of the configuration failed.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// let status = session.target().step()?;
    /// assert_eq!(status.halt_reason, Some(openocd::HaltReason::SingleStep));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn step(&self) -> Result<TargetStatus> {
        self.step_from(None)
    }

    /// Executes one instruction at `address` (OpenOCD: `step ADDRESS`); otherwise like
    /// [`step`](Self::step).
    ///
    /// On a Cortex-M, bit 0 of the address is ignored: it marks Thumb code.
    ///
    /// # Errors
    /// The errors of [`step`](Self::step), and [`TargetError::OutOfAddressSpace`] (nothing is
    /// sent).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// let status = session.target().step_at(0x0800_0040)?;
    /// println!("the next instruction is at {:#010x}", status.pc.unwrap());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn step_at(&self, address: u64) -> Result<TargetStatus> {
        self.step_from(Some(address))
    }

    /// Resets the chip and returns this target's status after it (OpenOCD: `reset`).
    ///
    /// OpenOCD resets all targets of its configuration together. After [`ResetMode::Run`] a
    /// Cortex-M may still be in [`TargetState::Reset`] for an instant. On a Cortex-M, OpenOCD
    /// ignores that its write to the reset register failed, and the call is `Ok`: a variable that a
    /// reset clears shows whether there was one.
    ///
    /// A target that OpenOCD has lost, as to a loss of power, is examined and reset once more.
    ///
    /// # Errors
    /// [`TargetError::Reset`] if OpenOCD reports a failure. [`TargetError::WrongState`] if it
    /// reports none, but the target is not halted after a reset that should halt it.
    /// [`TargetError::EventHandler`] if the reset was done, but a handler of the configuration
    /// failed, such as `reset-init`.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let status = session.target().reset(openocd::ResetMode::Halt)?;
    /// println!("{status}"); // stm32f1x.cpu is halted at 0x08000040 (debug-request)
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset(&self, mode: ResetMode) -> Result<TargetStatus> {
        let command = mode.command();
        let status = self.control(Script::call("control").word(command).flag(false), command, TargetError::Reset)?;
        if mode == ResetMode::Run { Ok(status) } else { status.must_be_halted(command) }
    }

    /// Waits until the target is halted and returns its status.
    ///
    /// Polls the target every few milliseconds, and leaves the session to other threads in between.
    /// A target that is already halted is reported at once. The call ends at most 200 ms after
    /// `timeout`, whatever OpenOCD does.
    ///
    /// # Errors
    /// [`TimeoutError::Halt`] if the target is not halted within `timeout`. [`TargetError::Poll`]
    /// if its state cannot be read.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    /// use openocd::{Error, TimeoutError};
    ///
    /// session.target().halt()?;
    /// session.target().resume()?;
    /// let waited = session.target().wait_halt(Duration::from_millis(20));
    /// assert!(matches!(waited, Err(Error::Timeout(TimeoutError::Halt { .. }))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_halt(&self, timeout: Duration) -> Result<TargetStatus> {
        let begin = Instant::now();
        let deadline = Deadline::after(timeout.checked_add(POLL_GRACE));
        let mut pause = FIRST_PAUSE;
        let mut seen = (self.chosen().unwrap_or("the target").to_owned(), TargetState::Unknown);
        loop {
            match self.status_before(deadline) {
                Ok(status) if status.state == TargetState::Halted => return Ok(status),
                Ok(status) => seen = (status.name, status.state),
                Err(Error::Timeout(_)) if deadline.has_passed() => {}
                Err(error) => return Err(error),
            }
            let left = timeout.saturating_sub(begin.elapsed());
            if left.is_zero() {
                let (target, state) = seen;
                return Err(TimeoutError::Halt { target, state, after: timeout }.into());
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Polls the target and returns its name, its state and, when it is halted, its program counter
    /// and halt reason (OpenOCD: `NAME arp_poll`, `NAME curstate`, `NAME debug_reason`, `reg pc`).
    ///
    /// OpenOCD 0.12.0 has no `debug_reason`. There the halt reason comes from the log of `poll`,
    /// which has it for ARM cores only.
    ///
    /// # Errors
    /// [`TargetError::Poll`] if the state cannot be read: the target lost power, or does not
    /// answer. Of a RISC-V hart this is also an error where OpenOCD shows a state: most versions
    /// only log that it does not answer.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let status = session.target().status()?;
    /// if let Some(pc) = status.pc {
    ///     println!("halted at {pc:#010x}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn status(&self) -> Result<TargetStatus> {
        self.status_before(Deadline::NEVER)
    }

    /// The status, for a call that gives up at `deadline`.
    pub(crate) fn status_before(&self, deadline: Deadline) -> Result<TargetStatus> {
        let request = self.request(Script::call("status")).shown("poll").before(deadline);
        self.session().ask_or(&request.expecting("a target's status"), TargetError::Poll, state::status)
    }

    /// Runs a script that returns a status, and makes sure that no event handler failed meanwhile.
    fn control(
        &self,
        script: Script,
        shown: &'static str,
        refused: fn(Box<Failure>) -> TargetError,
    ) -> Result<TargetStatus> {
        let request = self.request(script).shown(shown).expecting("a target's status");
        self.session().run(&request, |reply| {
            let status = reply.value_or(&request, refused, state::status)?;
            handler_failure(&request, reply).map_or(Ok(status), |error| Err(error.into()))
        })?
    }
}

/// The error for an event handler that failed while OpenOCD ran the request. OpenOCD logs such a
/// failure, and reports success.
pub(crate) fn handler_failure(request: &Request<'_>, reply: &Reply<'_>) -> Option<TargetError> {
    let log = String::from_utf8_lossy(&reply.log);
    let event = words::failed_handler(&log)?.to_owned();
    let failure = Failure::new(request.name(), 0, String::new(), log.into_owned());
    Some(TargetError::EventHandler { event, failure: Box::new(failure) })
}
