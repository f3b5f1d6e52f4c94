//! Pausing OpenOCD's background polling.

use std::fmt;
use std::time::Duration;

use crate::command::{Request, Script};
use crate::error::{Result, TargetError};
use crate::renewal::{Renewal, new_holder};
use crate::session::Session;

/// How often a pause is renewed. OpenOCD ends a pause that was not renewed for ten seconds.
const RENEWAL: Duration = Duration::from_secs(2);

/// A pause of OpenOCD's background polling, from [`Session::pause_polling`]. It lasts until this is
/// dropped.
///
/// Dropping this ends the pause, and logs a failure; [`resume`](Self::resume) returns it. The pause
/// owns a handle of its session. A thread renews the pause every two seconds, because OpenOCD
/// cannot tell whether a client still lives: the pause of a program that was killed ends within
/// about ten seconds.
#[must_use = "the pause ends when this is dropped"]
pub struct PollingPause {
    session: Session,
    holder: String,
    renewal: Option<Renewal>,
    ended: bool,
}

impl Session {
    /// Pauses OpenOCD's background polling (OpenOCD: `poll off`), so that what one call leaves
    /// behind is still there for the next: an instruction in a [TAP](crate::Jtag), an address in a
    /// register of an [access port](crate::Dap).
    ///
    /// Pauses may overlap, also those of other clients that use this crate. Polling goes on after
    /// the last one, if it was on before the first. Calls on targets
    /// ([`halt`](crate::Target::halt), [`memory`](crate::Memory)) work during a pause, use the same
    /// wires, and poll the target where they need its state. Otherwise OpenOCD does not notice
    /// during a pause that a target halts.
    ///
    /// # Errors
    /// [`TargetError::Refused`], and the errors of [`Session::command`].
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
    pub fn pause_polling(&self) -> Result<PollingPause> {
        let holder = new_holder();
        renew(self, &holder)?;
        let mut pause = PollingPause { session: self.clone(), holder: holder.clone(), renewal: None, ended: false };
        let session = self.clone();
        let renewal = Renewal::start("openocd polling pause", RENEWAL, move || {
            if !renew(&session, &holder)? {
                log::warn!(target: "openocd::command", "OpenOCD polled its targets during a pause of polling");
            }
            Ok(true)
        });
        match renewal {
            Ok(renewal) => pause.renewal = Some(renewal),
            Err(error) => log::warn!(target: "openocd::command", "the pause of polling ends in ten seconds: {error}"),
        }
        Ok(pause)
    }
}

impl PollingPause {
    /// Ends the pause.
    ///
    /// # Errors
    /// The same as [`Session::pause_polling`].
    pub fn resume(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        if let Some(renewal) = self.renewal.take() {
            renewal.end()?;
        }
        let script = Script::call("resume_polling").word(&self.holder);
        let request = Request::new(script).shown("poll on").to("resume polling");
        self.session.ask::<TargetError, _>(&request, |_| Some(()))
    }
}

impl Drop for PollingPause {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            log::warn!(target: "openocd::command", "OpenOCD's polling stays off for ten seconds: {error}");
        }
    }
}

impl fmt::Debug for PollingPause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PollingPause({:?})", self.session)
    }
}

/// Begins a pause or renews it, and returns whether OpenOCD still knew it.
fn renew(session: &Session, holder: &str) -> Result<bool> {
    let request = Request::new(Script::call("pause_polling").word(holder)).shown("poll off");
    let request = request.to("pause polling").expecting("0 or 1");
    session.ask::<TargetError, _>(&request, |answer| match answer.trim_ascii() {
        b"0" => Some(false),
        b"1" => Some(true),
        _ => None,
    })
}
