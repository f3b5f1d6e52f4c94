//! Who serves the semihosting calls of a target: one console or run at a time, of whatever program.

use std::thread;
use std::time::Duration;

use crate::command::Script;
use crate::error::{Result, SemihostingError};
use crate::renewal::{Renewal, new_holder};
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
        let id = new_holder();
        let request = self.request(Script::call("semihosting_claim").word(&id)).shown("arm semihosting");
        let request = request.to("ask about semihosting").expecting("a target and the state of its semihosting");
        let deadline = Deadline::after(Some(PATIENCE));
        loop {
            let (target, kind, enabled, busy) = self.session().ask::<SemihostingError, _>(&request, |answer| {
                let [target, kind, enabled, busy] = tcl::strings::<4>(answer)?;
                Some((target, kind, flag(&enabled)?, flag(&busy)?))
            })?;
            if CoreKind::of(&kind) == CoreKind::Other {
                return Err(SemihostingError::Unsupported { target, kind }.into());
            }
            if !busy {
                let server = CallServer::start(id, self.keep_as(&target));
                let disabled = if enabled { self.semihosting().disable() } else { Ok(()) };
                return match disabled {
                    Ok(()) => Ok(server),
                    // Why it failed says more than what failed after it.
                    Err(error) => {
                        let _ = server.release();
                        Err(error)
                    }
                };
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

    /// Ends the claim. OpenOCD serves the calls again if it did before.
    pub(crate) fn release(mut self) -> Result<()> {
        if let Some(renewal) = self.renewal.take() {
            renewal.end();
        }
        let target = self.target.view();
        let request =
            target.request(Script::call("semihosting_release").word(&self.id)).shown("arm semihosting enable");
        target.session().ask::<SemihostingError, _>(&request.to("restore the setting of semihosting"), |_| Some(()))
    }
}
