//! Stopping a long call from elsewhere.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stops a run from another thread or from a handler of Ctrl-C. Clones share one flag.
///
/// [`RunUntil::stop_token`](crate::RunUntil::stop_token) gives it to a run. One token may be given
/// to many runs: all of them stop. A token cannot be reset.
///
/// A signal handler of the crate `ctrlc` calls [`stop`](Self::stop). The crate `signal-hook` sets
/// an `Arc<AtomicBool>`, which `StopToken::from` takes.
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// # session.target().halt()?;
/// use std::thread;
/// use std::time::Duration;
/// use openocd::{RunUntil, StopToken, Verdict};
///
/// let stop = StopToken::new();
/// let until = RunUntil::new().stop_token(&stop);
/// thread::spawn(move || {
///     thread::sleep(Duration::from_millis(50)); // or: wait for Ctrl-C
///     stop.stop();
/// });
/// let outcome = session.target().run_until(until, Duration::from_secs(60))?;
/// assert_eq!(outcome.verdict, Verdict::Stopped);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct StopToken(Arc<AtomicBool>);

impl StopToken {
    /// Creates a token that stops nothing yet.
    pub fn new() -> Self {
        StopToken::default()
    }

    /// Stops all calls that have this token. It only sets a flag, so a signal handler may call it.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether [`stop`](Self::stop) was called.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The token stops when the flag is set to `true`.
impl From<Arc<AtomicBool>> for StopToken {
    fn from(flag: Arc<AtomicBool>) -> Self {
        StopToken(flag)
    }
}

/// `StopToken(stopped)` or `StopToken(not stopped)`
impl fmt::Debug for StopToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StopToken({})", if self.is_stopped() { "stopped" } else { "not stopped" })
    }
}

/// The tokens of one call: any of them stops it.
#[derive(Debug, Clone, Default)]
pub(crate) struct StopTokens(Vec<StopToken>);

impl StopTokens {
    pub(crate) fn add(&mut self, token: StopToken) {
        self.0.push(token);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.0.iter().any(StopToken::is_stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_token_of_a_call_stops_it() {
        let flag = Arc::new(AtomicBool::new(false));
        let tokens = StopTokens(vec![StopToken::new(), StopToken::from(Arc::clone(&flag))]);
        assert!(!tokens.is_stopped() && !StopTokens::default().is_stopped());
        assert_eq!(format!("{:?}", tokens.0[1]), "StopToken(not stopped)");
        flag.store(true, Ordering::Relaxed);
        assert!(tokens.is_stopped() && tokens.0[1].is_stopped() && !tokens.0[0].is_stopped());
    }
}
