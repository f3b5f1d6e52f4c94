//! Who serves the semihosting calls of a target: one console or run at a time, of whatever program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::command::{Request, Script};
use crate::error::{ConnectionError, Error, Result, SemihostingError};
use crate::renewal::{Renewal, new_holder};
use crate::session::Session;
use crate::target::kind::CoreKind;
use crate::target::{KeptTarget, Target};
use crate::wire::number::flag;
use crate::wire::{Deadline, tcl};

/// How often a claim is renewed: OpenOCD cannot tell whether a client still lives. It takes one for
/// killed that has not renewed its claim for three seconds.
const RENEWAL: Duration = Duration::from_millis(500);

/// How long the end of another server is waited for: one that was killed does not tell.
const PATIENCE: Duration = Duration::from_millis(3500);
const PAUSE: Duration = Duration::from_millis(50);

/// What a session has to do with calls.
#[derive(Debug)]
struct OfSession {
    /// The beginning of the names of all its servers.
    client: String,
    begun: AtomicU64,
    is_ending: AtomicBool,
}

impl OfSession {
    fn of(session: &Session) -> Arc<OfSession> {
        let (begun, is_ending) = (AtomicU64::new(0), AtomicBool::new(false));
        session.state(|| OfSession { client: new_holder(), begun, is_ending })
    }
}

impl Session {
    /// Ends whatever serves calls for this session, which is about to be closed: what is done to
    /// targets at the end would only be left to it.
    pub(crate) fn end_call_servers(&self) -> Result<()> {
        let of_session = OfSession::of(self);
        if of_session.begun.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        of_session.is_ending.store(true, Ordering::Relaxed);
        let request = Request::new(Script::call("semihosting_release_all").word(&of_session.client));
        let request = request.shown("arm semihosting enable").to("restore the setting of semihosting");
        self.ask::<SemihostingError, _>(&request, |_| Some(()))
    }

    /// Why somebody who served the calls of a target does so no more.
    pub(super) fn lost_calls(&self, target: String) -> Error {
        if OfSession::of(self).is_ending.load(Ordering::Relaxed) {
            return ConnectionError::SessionClosed.into();
        }
        SemihostingError::InUse { target }.into()
    }
}

/// The one who serves the calls of a target, until the value is [released](Self::release).
#[derive(Debug)]
pub(crate) struct CallServer {
    id: String,
    target: KeptTarget,
    renewal: Option<Renewal>,
}

impl Target<'_> {
    /// Makes sure that this crate can serve the target's semihosting calls and that OpenOCD does
    /// not, and nobody else.
    pub(crate) fn take_over_calls(&self) -> Result<CallServer> {
        let of_session = OfSession::of(self.session());
        let id = format!("{}-{}", of_session.client, of_session.begun.fetch_add(1, Ordering::Relaxed));
        let request = self.request(Script::call("semihosting_claim").word(&id)).shown("arm semihosting");
        let request = request.to("ask about semihosting").expecting("a target and the state of its semihosting");
        let deadline = Deadline::after(Some(PATIENCE));
        loop {
            let (target, kind, busy) = self.session().ask::<SemihostingError, _>(&request, |answer| {
                let [target, kind, busy] = tcl::strings::<3>(answer)?;
                Some((target, kind, flag(&busy)?))
            })?;
            if CoreKind::of(&kind) == CoreKind::Other {
                return Err(SemihostingError::Unsupported { target, kind }.into());
            }
            if !busy {
                return Ok(CallServer::start(id, self.keep_as(&target)));
            }
            if deadline.has_passed() {
                return Err(SemihostingError::InUse { target }.into());
            }
            thread::sleep(PAUSE);
        }
    }
}

impl CallServer {
    fn start(id: String, target: KeptTarget) -> Self {
        let (kept, own) = (target.clone(), id.clone());
        // Whoever polls for calls is told of a lost claim.
        let renewal = Renewal::start("openocd semihosting claim", RENEWAL, move || {
            let view = kept.view();
            let request = view.request(Script::call("semihosting_renew").word(&own)).shown("arm semihosting");
            let request = request.expecting("0 or 1");
            view.session().ask::<SemihostingError, _>(&request, |answer| flag(tcl::text(answer)?))
        });
        let renewal = renewal
            .inspect_err(
                |error| log::warn!(target: "openocd::semihosting", "nothing renews the claim on the calls: {error}"),
            )
            .ok();
        CallServer { id, target, renewal }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Ends the claim. OpenOCD serves the calls again if it did before. `goes_on`: also the one at
    /// which the target waits.
    pub(crate) fn release(mut self, goes_on: bool) -> Result<()> {
        if let Some(renewal) = self.renewal.take() {
            renewal.end()?;
        }
        let target = self.target.view();
        let script = Script::call("semihosting_release").word(&self.id).number(u8::from(goes_on));
        let request = target.request(script).shown("arm semihosting enable");
        target.session().ask::<SemihostingError, _>(&request.to("restore the setting of semihosting"), |_| Some(()))
    }
}
