//! Resetting all targets together.

use super::{TargetStatus, handler_failure, state};
use crate::command::{Request, Script};
use crate::error::{Result, TargetError};
use crate::session::Session;
use crate::types::ResetMode;
use crate::wire::number::flag;
use crate::wire::tcl;

impl Session {
    /// Resets everything and returns the status of every target, in the order of OpenOCD's
    /// configuration (OpenOCD: `reset`).
    ///
    /// [`Target::reset`](crate::Target::reset) also resets everything, but reports its own target
    /// only.
    ///
    /// A target that OpenOCD had not examined before is listed as
    /// [`Unknown`](crate::TargetState::Unknown), examine-deferred or tap-disabled, and is no
    /// failure. For a reset that should halt, however, OpenOCD itself fails if a target cannot be
    /// examined whose examination is not deferred.
    ///
    /// # Errors
    /// [`TargetError::Reset`] if OpenOCD reports a failure, has lost a target that it had examined,
    /// or has no target that answers. [`TargetError::WrongState`] if OpenOCD reports success, but
    /// an examined target is not halted after a reset that should halt it.
    /// [`TargetError::EventHandler`] if a handler of the configuration failed.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103])?;
    /// # let session = openocd::Session::start(board.openocd_config())?;
    /// for status in session.reset_all(openocd::ResetMode::Halt)? {
    ///     println!("{status}"); // chip1.cpu is halted at 0x08000040 (debug-request)
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset_all(&self, mode: ResetMode) -> Result<Vec<TargetStatus>> {
        let command = mode.command();
        let request = Request::new(Script::call("reset_all").word(command)).shown(command);
        let request = request.expecting("the status of every target");
        let statuses: Result<Vec<_>> = self.run(&request, |reply| {
            let statuses = reply.value_or(&request, TargetError::Reset, |rows| {
                tcl::elements(rows).map(|row| examined_and_status(&row.ok()?)).collect()
            })?;
            handler_failure(&request, reply).map_or(Ok(statuses), |error| Err(error.into()))
        })?;
        let statuses = statuses?.into_iter().map(|(examined, status): (bool, TargetStatus)| {
            if examined && mode != ResetMode::Run { status.must_be_halted(command) } else { Ok(status) }
        });
        statuses.collect()
    }
}

/// A row of the reply to `reset_all`.
fn examined_and_status(row: &[u8]) -> Option<(bool, TargetStatus)> {
    let [examined, status] = tcl::elements(row).take_array()?;
    Some((flag(&examined)?, state::status(&status)?))
}
