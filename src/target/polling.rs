//! Holding off OpenOCD's background polling.

use crate::Session;
use crate::command::Request;
use crate::error::{Error, Result};

/// While this lives, OpenOCD does not poll its targets, and the debug access belongs to this session's calls; from [`Session::pause_polling`].
///
/// Dropping it ends the pause, and logs if that fails; [`resume`](Self::resume) returns the failure. Other clients of the same OpenOCD that
/// use their targets still use the wires. OpenOCD does not notice meanwhile that a target halts, unless a call asks.
#[derive(Debug)]
#[must_use = "the pause ends when this is dropped"]
pub struct PollingPause<'a> {
    session: &'a Session,
    ended: bool,
}

impl Session {
    /// Holds off OpenOCD's background polling (OpenOCD: `poll off`), so that what one call leaves behind is there for the next: an instruction in a
    /// [TAP](crate::Jtag), the address in a register of an [access port](crate::Dap).
    ///
    /// Pauses may overlap; polling goes on after the last one, if it was on before the first. Calls on targets
    /// ([`halt`](crate::Target::halt), [`memory`](crate::Memory)) work meanwhile, and use the same wires.
    ///
    /// # Errors
    /// Those of [`Session::command`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::Bits;
    ///
    /// let pause = session.pause_polling()?;
    /// let jtag = session.jtag();
    /// let mut pins = [Bits::zeros(232)?];
    /// assert!(pins[0].set(5, true));
    /// jtag.scan("stm32f1x.bs", 2, &pins)?; // PRELOAD
    /// jtag.irscan("stm32f1x.bs", 0)?; // EXTEST drives the pins until the next instruction
    /// let levels = jtag.drscan("stm32f1x.bs", &pins)?;
    /// assert_eq!(chip.boundary().driven(5), Some(true));
    /// pause.resume()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pause_polling(&self) -> Result<PollingPause<'_>> {
        set(self, "_openocd_rs_1_pause_polling", "poll off")?;
        Ok(PollingPause { session: self, ended: false })
    }
}

impl PollingPause<'_> {
    /// Ends the pause.
    ///
    /// # Errors
    /// Those of [`Session::command`].
    pub fn resume(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        self.ended = true;
        set(self.session, "_openocd_rs_1_resume_polling", "poll on")
    }
}

impl Drop for PollingPause<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if let Err(error) = self.end() {
            log::warn!(target: "openocd::command", "OpenOCD's polling stays off: {error}");
        }
    }
}

fn set(session: &Session, script: &str, shown: &str) -> Result<()> {
    let request = Request::new(script).shown(shown);
    session.run(&request, |reply| match reply.success(&request) {
        Ok(_) => Ok(()),
        Err(failure) => Err(Error::refused(failure, Error::from_failure)),
    })?
}
