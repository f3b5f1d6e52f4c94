//! What concerns all targets together, and finding a target anew.

use super::{Target, TargetStatus, outcome, state, unexpected};
use crate::Session;
use crate::command::Request;
use crate::error::{Result, TargetError};
use crate::types::ResetMode;
use crate::wire::tcl;

impl Session {
    /// Resets everything and returns the status of every target after it, in the order of OpenOCD's configuration (OpenOCD: `reset`).
    ///
    /// [`Target::reset`] resets everything, too, but looks at its own target only.
    ///
    /// A target that OpenOCD had not examined before is in the list as [`Unknown`](crate::TargetState::Unknown), examine-deferred or whatever else is
    /// known of it, and does not count. But for a reset that should halt, OpenOCD itself fails for one whose examination is not deferred.
    ///
    /// # Errors
    /// [`TargetError::Reset`] if OpenOCD reports a failure, has lost a target that it had examined, or has none that answers; [`TargetError::WrongState`] if it reports
    /// none but one of the targets that it has examined is not halted after a reset that should halt it; and those of [`Session::command`].
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
        let request = Request::new(format!("_openocd_rs_1_reset_all {{{command}}}")).shown(command);
        let statuses = self.run(&request, |reply| {
            let rows = outcome(&request, reply, TargetError::Reset)?;
            let rows: Option<Vec<_>> = tcl::elements(rows).map(|row| examined_and_status(&row.ok()?)).collect();
            rows.ok_or_else(|| unexpected(&request, "the status of every target", reply))
        })??;
        let statuses = statuses.into_iter().map(|(examined, status)| {
            if examined && mode != ResetMode::Run { status.must_be_halted(command) } else { Ok(status) }
        });
        statuses.collect()
    }
}

impl Target<'_> {
    /// Whether OpenOCD has found the target and can drive it (OpenOCD: `NAME was_examined`).
    ///
    /// # Errors
    /// [`TargetError::UnexpectedReply`], and those of [`Session::command`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// assert!(session.target().examined()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn examined(&self) -> Result<bool> {
        let request = self.request("[target current] was_examined").shown("was_examined");
        self.session().run(&request, |reply| match outcome(&request, reply, TargetError::Examine)?.trim_ascii() {
            b"0" => Ok(false),
            b"1" => Ok(true),
            _ => Err(unexpected(&request, "0 or 1", reply)),
        })?
    }

    /// Looks for the target again (OpenOCD: `NAME arp_examine`) and returns its status: for one that had no power when OpenOCD started, whose
    /// examination the configuration defers, or after something else has used the wires.
    ///
    /// # Errors
    /// [`TargetError::Examine`] if it does not answer or is not what the configuration says, [`TargetError::Poll`], and those of [`Session::command`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::{Error, TargetError};
    ///
    /// chip.faults().power_off();
    /// assert!(matches!(session.target().reexamine(), Err(Error::Target(TargetError::Examine(_)))));
    /// chip.faults().power_on();
    /// println!("{}", session.target().reexamine()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reexamine(&self) -> Result<TargetStatus> {
        let request = self.request("[target current] arp_examine\n[target current] was_examined").shown("arp_examine");
        let examined: Result<()> = self.session().run(&request, |reply| {
            let answer = outcome(&request, reply, TargetError::Examine)?;
            if answer.trim_ascii() == b"1" {
                return Ok(());
            }
            Err(TargetError::Examine(Box::new(reply.failure(&request))).into())
        })?;
        examined?;
        self.status()
    }
}

/// A row of what `_openocd_rs_1_reset_all` returns.
fn examined_and_status(row: &[u8]) -> Option<(bool, TargetStatus)> {
    let [examined, status] = tcl::elements(row).take_array()?;
    Some((examined.trim_ascii() == b"1", state::status(&status)?))
}
