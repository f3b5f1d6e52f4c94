//! Holding off OpenOCD's background polling.

use super::Jtag;
use crate::Session;
use crate::command::Request;
use crate::error::{Error, JtagError, Result};

/// While this lives, OpenOCD does not poll its targets, and the JTAG chain belongs to this crate's calls; from [`Jtag::pause_polling`].
///
/// Dropping it ends the pause, and logs if that fails; [`resume`](Self::resume) returns the failure. Other clients of the same OpenOCD that
/// use their targets still use the chain. OpenOCD does not notice meanwhile that a target halts, unless a call asks.
#[derive(Debug)]
#[must_use = "the pause ends when this is dropped"]
pub struct PollingPause<'a> {
    session: &'a Session,
    ended: bool,
}

impl<'a> Jtag<'a> {
    /// Holds off OpenOCD's background polling (OpenOCD: `poll off`), so that instructions stay in the TAPs from one call to the next.
    ///
    /// Pauses may overlap; polling goes on after the last one, if it was on before the first. Calls on targets
    /// ([`halt`](crate::Target::halt), [`memory`](crate::Memory)) work meanwhile, and use the chain.
    ///
    /// # Errors
    /// [`JtagError::Refused`], and those of [`Session::command`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::Bits;
    ///
    /// let jtag = session.jtag();
    /// let pause = jtag.pause_polling()?;
    /// let mut pins = Bits::zeros(232)?;
    /// assert!(pins.set(5, true));
    /// jtag.scan("stm32f1x.bs", 2, &[pins])?; // PRELOAD
    /// jtag.irscan("stm32f1x.bs", 0)?; // EXTEST drives the pins until the next instruction
    /// assert_eq!(chip.boundary().driven(5), Some(true));
    /// pause.resume()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pause_polling(&self) -> Result<PollingPause<'a>> {
        set(self.session, "_openocd_rs_1_pause_polling", "poll off")?;
        Ok(PollingPause { session: self.session, ended: false })
    }
}

impl PollingPause<'_> {
    /// Ends the pause.
    ///
    /// # Errors
    /// [`JtagError::Refused`], and those of [`Session::command`].
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
        Err(failure) => {
            let doing = "switch OpenOCD's polling".to_owned();
            Err(Error::from(JtagError::Refused { doing, failure }))
        }
    })?
}
