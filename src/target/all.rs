//! Run control of all targets together.

use super::{BeforeRun, Target, TargetInfo, TargetStatus};
use crate::command::Script;
use crate::error::{Error, Result, TargetError};
use crate::session::Session;
use crate::types::TargetState;

impl Session {
    /// Halts all targets and returns the status of each, in the order of OpenOCD's configuration
    /// (OpenOCD: `halt`).
    ///
    /// All targets are asked to halt before the first is waited for, so they halt within a few
    /// milliseconds of each other; those of one SMP group halt together. A target that was never
    /// examined, or whose TAP is disabled, is listed with its state and is no failure.
    ///
    /// # Errors
    /// [`TargetError::Halt`] if an examined target does not halt, or if OpenOCD reaches no target.
    /// The other targets are halted then. The errors of [`Target::halt`].
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103])?;
    /// # let session = openocd::Session::start(board.openocd_config())?;
    /// for status in session.halt_all()? {
    ///     println!("{status}"); // chip1.cpu is halted at 0x08000048 (debug-request)
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn halt_all(&self) -> Result<Vec<TargetStatus>> {
        let targets = self.targets()?;
        for target in targets.iter().filter(|target| target.examined) {
            // What is wrong with it, the next call says.
            let request = Target::of(self, &target.name).request(Script::call("begin_to_halt")).shown("halt 0");
            if let Err(error @ Error::Connection(_)) = self.ask::<TargetError, _>(&request, |_| Some(())) {
                return Err(error);
            }
        }
        // A newer OpenOCD forgets targets that it loses before it has polled them.
        let is_known = targets.iter().any(|target| target.examined);
        self.each_examined(if is_known { &[] } else { &[TargetState::Unknown] }, |target| target.halt())
    }

    /// Resumes all halted targets and returns the status of each, in the order of OpenOCD's
    /// configuration (OpenOCD: `resume`).
    ///
    /// The targets are resumed one after the other, some milliseconds apart; those of one SMP group
    /// together and once, also if a breakpoint halts them again at once. A target that runs already
    /// stays as it is.
    ///
    /// # Errors
    /// The first error of [`Target::resume`]; the other targets are resumed then.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103])?;
    /// # let session = openocd::Session::start(board.openocd_config())?;
    /// session.halt_all()?;
    /// session.resume_all()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resume_all(&self) -> Result<Vec<TargetStatus>> {
        let targets = self.targets()?;
        // All of them before the first is resumed: an SMP group may be halted again by a breakpoint
        // before it is the turn of its second target.
        let before = |info: &TargetInfo| is_asked(info, &[]).then(|| Target::of(self, &info.name).before_run());
        let before: Vec<_> = targets.iter().map(before).collect();
        let each = |(info, before): (TargetInfo, Option<Result<BeforeRun>>)| {
            let Some(before) = before else { return Ok(unasked(info)) };
            let (before, target) = (before?, Target::of(self, &info.name));
            if before.status.state == TargetState::Halted {
                target.resume_once(&before)?;
            }
            target.status()
        };
        let statuses: Vec<_> = targets.into_iter().zip(before).map(each).collect();
        statuses.into_iter().collect()
    }

    /// Polls all targets and returns the status of each, in the order of OpenOCD's configuration.
    ///
    /// A target that was never examined, or whose TAP is disabled, is listed with its state. One
    /// that OpenOCD has lost is a failure.
    ///
    /// # Errors
    /// The first error of [`Target::status`].
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103])?;
    /// # let session = openocd::Session::start(board.openocd_config())?;
    /// let halted: Vec<_> = session.status_all()?.into_iter().filter(|status| status.pc.is_some()).collect();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn status_all(&self) -> Result<Vec<TargetStatus>> {
        self.each_examined(&[], |target| target.status())
    }

    /// Calls `action` for each target that is examined or was, or has one of these states, also
    /// after one that failed. Returns the status of every target, or the first error.
    fn each_examined(
        &self,
        also: &[TargetState],
        action: impl Fn(Target<'_>) -> Result<TargetStatus>,
    ) -> Result<Vec<TargetStatus>> {
        let each = |target: TargetInfo| {
            if is_asked(&target, also) { action(Target::of(self, &target.name)) } else { Ok(unasked(target)) }
        };
        let statuses: Vec<_> = self.targets()?.into_iter().map(each).collect();
        statuses.into_iter().collect()
    }
}

/// Whether a target is examined or was, or has one of these states.
fn is_asked(target: &TargetInfo, also: &[TargetState]) -> bool {
    // One that is not examined and has a state of a core is lost: the state is an old one.
    let has_no_state = matches!(
        target.state,
        TargetState::Unknown | TargetState::ExamineDeferred | TargetState::Unavailable | TargetState::TapDisabled
    );
    target.state != TargetState::TapDisabled && (target.examined || !has_no_state || also.contains(&target.state))
}

/// The status of a target that is not asked.
fn unasked(target: TargetInfo) -> TargetStatus {
    TargetStatus { name: target.name, state: target.state, pc: None, halt_reason: None }
}
