//! Whether OpenOCD has examined a target, and examining it again.

use super::{Target, TargetStatus, handler_failure};
use crate::command::Script;
use crate::error::{Result, TargetError};
use crate::wire::number::flag;

impl Target<'_> {
    /// Reports whether OpenOCD has found the target and can drive it (OpenOCD:
    /// `NAME was_examined`).
    ///
    /// # Errors
    /// [`TargetError::NoTarget`], [`TargetError::UnexpectedReply`], and the errors of
    /// [`Session::command`](crate::Session::command).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// assert!(session.target().examined()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn examined(&self) -> Result<bool> {
        let request = self.request(Script::call("was_examined")).shown("was_examined").expecting("0 or 1");
        self.session().ask_or(&request, TargetError::Examine, flag)
    }

    /// Examines the target again (OpenOCD: `NAME arp_examine`), runs the configuration's handlers
    /// for that as a reset does (`examine-start`, `examine-end`), and returns the target's status.
    ///
    /// Use this for a target that had no power when OpenOCD started or lost power since, or whose
    /// examination the configuration defers. A first examination that fails is repeated once: after
    /// a loss of power the debug port may refuse the first access.
    ///
    /// # Errors
    /// [`TargetError::Examine`] if the target does not answer or is not what the configuration
    /// says. [`TargetError::Poll`] if its state cannot be read afterwards.
    /// [`TargetError::EventHandler`] if a handler of the configuration failed, such as
    /// `examine-end`.
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
        let request = self.request(Script::call("examine")).shown("arp_examine").expecting("0 or 1");
        let examined: Result<()> = self.session().run(&request, |reply| {
            if !reply.value_or(&request, TargetError::Examine, flag)? {
                return Err(TargetError::Examine(Box::new(reply.failure(&request))).into());
            }
            handler_failure(&request, reply).map_or(Ok(()), |error| Err(error.into()))
        })?;
        examined?;
        self.status()
    }
}
