//! Pausing OpenOCD's background polling.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::command::{Request, Script};
use crate::error::{ConnectionError, Error, Result, TargetError};
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
    /// The thread that renews the pause, until this end of its channel is dropped.
    renewal: Option<(Sender<()>, JoinHandle<()>)>,
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
        let (ends, ended) = mpsc::channel();
        let session = self.clone();
        let thread = thread::Builder::new().name("openocd polling pause".into());
        match thread.spawn(move || keep_renewing(&session, &holder, &ended)) {
            Ok(thread) => pause.renewal = Some((ends, thread)),
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
        if let Some((ends, thread)) = self.renewal.take() {
            drop(ends);
            // The thread runs none of the caller's code and does not panic.
            let _ = thread.join();
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

/// A name that nobody else has, for what OpenOCD keeps for this program.
pub(crate) fn new_holder() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}-{}", std::process::id(), now.as_nanos(), COUNT.fetch_add(1, Ordering::Relaxed))
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

/// Renews a pause until the other end of `ended` is gone, or the session.
fn keep_renewing(session: &Session, holder: &str, ended: &Receiver<()>) {
    while ended.recv_timeout(RENEWAL) == Err(RecvTimeoutError::Timeout) {
        match renew(session, holder) {
            Ok(true) => {}
            Ok(false) => log::warn!(target: "openocd::command", "OpenOCD polled its targets during a pause of polling"),
            Err(Error::Connection(ConnectionError::SessionClosed | ConnectionError::ServerDied { .. })) => return,
            // The connection may come back by `Session::reconnect`.
            Err(error) => log::debug!(target: "openocd::command", "cannot renew a pause of polling: {error}"),
        }
    }
}
