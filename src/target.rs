//! Run control: halt, resume, step, reset, and what state a target is in.

mod address;
mod kept;
pub(crate) mod polling;
pub(crate) mod register_line;
mod run;
mod several;
mod state;
pub(crate) mod words;

use crate::types::{ResetMode, TargetState};
use std::borrow::Cow;
use std::time::{Duration, Instant};

pub(crate) use kept::KeptTarget;
pub(crate) use run::Run;
pub(crate) use state::status;
pub use state::{TargetInfo, TargetStatus};

use crate::command::{Reply, Request};
use crate::error::{Error, Failure, Result, TargetError, TimeoutError, UnexpectedReply};
use crate::session::Session;
use crate::wire::tcl;

/// How often `wait_halt` looks: at first after this long, then less and less often.
const FIRST_POLL: Duration = Duration::from_millis(1);
const SLOWEST_POLL: Duration = Duration::from_millis(10);

/// A view of one target (a CPU core, mostly): its state, and the way to its memory and registers.
///
/// [`Session::target`] gives the connection's current target, which is the last one of OpenOCD's configuration unless a command changed it;
/// [`Session::target_named`] gives the one of that name. A view of a named target neither uses nor changes the current one,
/// neither for other threads nor for other clients: each call selects its target and puts back the one before within one command.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    session: &'a Session,
    name: Option<&'a str>,
}

impl Session {
    /// The connection's current target.
    pub fn target(&self) -> Target<'_> {
        Target { session: self, name: None }
    }

    /// The target of this name, such as `"stm32f1x.cpu"` (OpenOCD: `target names`).
    ///
    /// # Errors
    /// [`TargetError::Unknown`] with the names that there are.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let core = session.target_named("stm32f1x.cpu")?;
    /// core.halt()?;
    /// println!("{}", core.registers().pc()?);
    ///
    /// let error = session.target_named("stm32f1x.cpu7").unwrap_err();
    /// assert!(error.to_string().contains("there is only stm32f1x.cpu"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn target_named<'a>(&'a self, name: &'a str) -> Result<Target<'a>> {
        let known: Vec<_> = self.targets()?.into_iter().map(|target| target.name).collect();
        if !known.iter().any(|known| known == name) {
            return Err(TargetError::Unknown { name: name.to_owned(), known }.into());
        }
        Ok(Target { session: self, name: Some(name) })
    }

    /// All targets, in the order of OpenOCD's configuration (OpenOCD: `target names`, `NAME cget`, `NAME curstate`).
    ///
    /// The states are those of OpenOCD's last look. It looks about every 100 ms, less often at a target that did not answer, and not at all with
    /// polling off; [`Target::status`] takes a fresh look.
    ///
    /// # Errors
    /// [`TargetError::UnexpectedReply`] if OpenOCD's answer can't be understood, and those of [`Session::command`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// for target in session.targets()? {
    ///     println!("{}: a {} on TAP {}, {}", target.name, target.kind, target.tap, target.state);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn targets(&self) -> Result<Vec<TargetInfo>> {
        let request = Request::new("_openocd_rs_1_targets").shown("target names");
        self.run(&request, |reply| {
            let rows = reply.success(&request).map_err(|failure| Error::refused(failure, Error::from_failure))?;
            let rows: Option<_> = tcl::elements(rows).map(|row| state::info(&row.ok()?)).collect();
            rows.ok_or_else(|| unexpected(&request, "a list of targets", reply))
        })?
    }
}

impl<'a> Target<'a> {
    /// A target whose name comes from OpenOCD.
    pub(crate) fn of(session: &'a Session, name: &'a str) -> Self {
        Target { session, name: Some(name) }
    }

    /// The name, for a view that [`Session::target_named`] gave; `None` for the current target.
    pub fn name(&self) -> Option<&'a str> {
        self.name
    }

    /// Halts the target and returns its status once it is halted (OpenOCD: `halt`). Halting a halted target succeeds.
    ///
    /// # Errors
    /// [`TargetError::Halt`] if it does not halt within OpenOCD's five seconds, was never examined or does not answer.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let status = session.target().halt()?;
    /// println!("{} stands at {:#010x}", status.name, status.pc.unwrap());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn halt(&self) -> Result<TargetStatus> {
        let status = self.control("halt", TargetError::Halt)?;
        status.must_be_halted("halt")
    }

    /// Lets the target run, from where it stands or from `address` (OpenOCD: `resume`).
    ///
    /// Returns when it runs; it may have halted again by then, at a breakpoint.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`] if it runs already, [`TargetError::Resume`] if it can't be resumed, [`TargetError::WrongState`] if OpenOCD says
    /// that it was but it did not run, [`TargetError::Register`] if a value that was [written](Registers::write) to a register is lost (OpenOCD 0.12.0 lets it run then),
    /// [`TargetError::OutOfAddressSpace`] (nothing is sent) for an address that the target can't have, [`TargetError::InvalidArgument`] (the
    /// target is left alone) for an odd one on a Cortex-M.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.target().resume(None)?; // from where it stands
    /// session.target().halt()?;
    /// session.target().resume(0x0800_0040)?; // from this address
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resume(&self, address: impl Into<Option<u64>>) -> Result<()> {
        self.run_halted(Run::Resume, address.into()).map(drop)
    }

    /// Executes one instruction, at where the target stands or at `address`, and returns the status after it (OpenOCD: `step`).
    ///
    /// # Errors
    /// [`TargetError::NotHalted`] if the target runs, [`TargetError::Step`] if it can't be stepped, [`TargetError::WrongState`] if it is not halted
    /// afterwards, [`TargetError::Register`] if a value that was [written](Registers::write) to a register is lost (it may have executed something then),
    /// [`TargetError::OutOfAddressSpace`] (nothing is sent) for an address that the target can't have, [`TargetError::InvalidArgument`] (the
    /// target is left alone) for an odd one on a Cortex-M.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// let status = session.target().step(None)?;
    /// assert_eq!(status.halt_reason, Some(openocd::HaltReason::SingleStep));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn step(&self, address: impl Into<Option<u64>>) -> Result<TargetStatus> {
        let status = self.run_halted(Run::Step, address.into())?;
        status.must_be_halted("step")
    }

    /// Resets the chip and returns this target's status after it (OpenOCD: `reset`).
    ///
    /// OpenOCD resets all targets of its configuration together. After [`ResetMode::Run`] a Cortex-M may still be in
    /// [`TargetState::Reset`] for an instant.
    ///
    /// # Errors
    /// [`TargetError::Reset`] if OpenOCD reports a failure, [`TargetError::WrongState`] if it reports none but the target is not halted after a
    /// reset that should halt it.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let status = session.target().reset(openocd::ResetMode::Halt)?;
    /// println!("{status}"); // stm32f1x.cpu is halted at 0x08000040 (debug-request)
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset(&self, mode: ResetMode) -> Result<TargetStatus> {
        let status = self.control(mode.command(), TargetError::Reset)?;
        if mode == ResetMode::Run { Ok(status) } else { status.must_be_halted(mode.command()) }
    }

    /// Waits until the target is halted and returns its status.
    ///
    /// Looks at the target every few milliseconds and leaves the session to other threads meanwhile. A target that is halted already
    /// is reported at once. A look that is under way, and the wait for other threads' commands, come on top of `timeout`.
    ///
    /// # Errors
    /// [`TimeoutError::Halt`] if it still runs after `timeout`, [`TargetError::Poll`] if its state can't be read.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    /// use openocd::{Error, TimeoutError};
    ///
    /// session.target().halt()?;
    /// session.target().resume(None)?;
    /// let waited = session.target().wait_halt(Duration::from_millis(20));
    /// assert!(matches!(waited, Err(Error::Timeout(TimeoutError::Halt { .. }))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_halt(&self, timeout: Duration) -> Result<TargetStatus> {
        let begin = Instant::now();
        let mut pause = FIRST_POLL;
        loop {
            let status = self.status()?;
            if status.state == TargetState::Halted {
                return Ok(status);
            }
            let left = timeout.saturating_sub(begin.elapsed());
            if left.is_zero() {
                let TargetStatus { name: target, state, .. } = status;
                return Err(TimeoutError::Halt { target, state, after: timeout }.into());
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(SLOWEST_POLL);
        }
    }

    /// Name, state and, when halted, program counter and halt reason, after a fresh look at the target
    /// (OpenOCD: `NAME arp_poll`, `NAME curstate`, `NAME debug_reason`, `reg pc`).
    ///
    /// The halt reason comes from `debug_reason`, or on OpenOCD 0.12.0, which lacks it, from the log of `poll`; that tells it for ARM
    /// cores only.
    ///
    /// # Errors
    /// [`TargetError::Poll`] if the state can't be read: the target lost power, or does not answer.
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
        self.control("", TargetError::Poll)
    }

    /// Runs a run control command, if it is one, and then takes the status.
    fn control(&self, command: &str, refused: fn(Box<Failure>) -> TargetError) -> Result<TargetStatus> {
        let script = format!("{command}\n_openocd_rs_1_status");
        let request = self.request(script).shown(if command.is_empty() { "poll" } else { command });
        self.session.run(&request, |reply| {
            let status = outcome(&request, reply, refused)?;
            state::status(status).ok_or_else(|| unexpected(&request, "a target's status", reply))
        })?
    }

    pub(crate) fn session(&self) -> &'a Session {
        self.session
    }

    pub(crate) fn request<'r>(&self, script: impl Into<Cow<'r, str>>) -> Request<'r>
    where
        'a: 'r,
    {
        Request::new(script).on(self.name)
    }
}

/// The result of a command, or the error for its refusal.
fn outcome<'r>(
    request: &Request<'_>,
    reply: &'r Reply<'_>,
    refused: fn(Box<Failure>) -> TargetError,
) -> Result<&'r [u8]> {
    reply.success(request).map_err(|failure| Error::refused(failure, |failure| refused(failure).into()))
}

fn unexpected(request: &Request<'_>, expected: &'static str, reply: &Reply<'_>) -> Error {
    let command = request.name().to_owned();
    TargetError::UnexpectedReply(UnexpectedReply {
        command,
        expected,
        reply: String::from_utf8_lossy(&reply.result).into_owned(),
    })
    .into()
}
